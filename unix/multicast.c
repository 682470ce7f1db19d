/*
 * multicast.c -- transport c: beacons to the group, and what the group says.
 *
 * Layer: transport.
 */
#include "multicast.h"
#include "../generic/frame.h"
#include "../generic/partial.h"
#include "group.h"
#include "udp.h"

#include <errno.h>
#include <stdio.h>

enum { RENEW = 120000,          /* ms between joins: networks lose them */
       WAY_AGE = 5000,          /* ms until the route is looked up again */
       TWIN_AGE = 1000,         /* ms in which a datagram's twin may come */
       TWINS = 256 };           /* datagrams remembered for that */

/* A datagram heard, by which interface and when. */
typedef struct twin {
    uint64_t hash;
    clu_ms came;
    unsigned face;
} twin;

typedef struct socket_in {
    clu_watch watch;
    uint32_t lost;              /* the kernel's count so far */
} socket_in;

typedef struct multicast {
    clu_transport t;
    clu_loop *loop;
    clu_host *host;
    clu_address group;
    int ttl;
    char asked[64];             /* the interface, "": none in particular */
    clu_address *seeds;
    size_t seed_count;
    socket_in hears;            /* the group's port */
    socket_in own;              /* sends, and gets answers */
    clu_inbox inbox;
    clu_partials partials;
    twin twins[TWINS];          /* each hash has one place; the later wins */
    clu_way way;
    clu_ms way_until;           /* then it is looked up again */
    clu_host_observer observer;
    clu_timer renew, expire;
} multicast;

static multicast *multicast_of(clu_transport *t)
{
    return CLU_CONTAINER(t, multicast, t);
}

/* ---- In ------------------------------------------------------------------ */

static void count_forgotten(multicast *m)
{
    m->t.counters->at[CLU_COUNT_drop_partial] += m->partials.forgotten;
    m->partials.forgotten = 0;
}

/* Does it begin with a whole frame?  Nearly all do. */
static bool begins_whole(const multicast *m, clu_slice bytes)
{
    clu_frame_loss loss = { 0 };
    clu_slice body;
    size_t need, limit = (size_t)m->t.limits->at[CLU_LIMIT_MESSAGE];
    return clu_frame_next(&bytes, limit, &body, &need, &loss) == CLU_OK
        && loss.junk == 0;
}

static void take(multicast *m, const clu_from *from, clu_slice bytes,
                 clu_ms now)
{
    if (begins_whole(m, bytes)) {
        clu_udp_cut(&m->t, from, bytes, now);
        return;
    }
    clu_slice body;
    clu_err err = clu_partials_add(&m->partials, m->t.limits, &from->addr,
                                   bytes, now, &body);
    count_forgotten(m);
    if (err == CLU_OK) {
        clu_udp_frame(&m->t, from, body, now);
    } else if (err == CLU_IGNORED) {
        clu_udp_cut(&m->t, from, bytes, now);
    } else if (m->expire.when.index == 0) {
        clu_loop_set(m->loop, &m->expire,
                     clu_partials_expire(&m->partials, m->t.limits, now));
    }
}

/* Two interfaces in one network hear the same datagram each: the second is
   no message. */
static bool heard_already(multicast *m, const clu_mail *mail, clu_ms now)
{
    unsigned char source[18];
    memcpy(source, mail->from.ip, 16);
    memcpy(source + 16, &mail->from.port, 2);
    uint64_t hash = clu_hash(clu_slice_of(source, sizeof source)) * 31
        + clu_hash(mail->bytes);
    twin *t = &m->twins[hash % TWINS];
    if (t->hash == hash && t->face != mail->face
        && now - t->came < TWIN_AGE) {
        return true;
    }
    *t = (twin){ hash, now, mail->face };
    return false;
}

static void read_mail(multicast *m, const clu_mail *mail, clu_ms now)
{
    bool group = clu_address_is_multicast(&mail->to);
    if (group
        && memcmp(mail->to.ip, m->group.ip,
                  m->group.family == 6 ? 16 : 4) != 0) {
        return;                 /* another group's, on the same port */
    }
    if (group && m->ttl > 0 && heard_already(m, mail, now)) {
        return;
    }
    m->t.bytes_in += mail->bytes.n;
    clu_from from = { .addr = mail->from, .group = group,
                      .local = clu_host_is_local(m->host, &mail->from) };
    take(m, &from, mail->bytes, now);
}

static void serve(multicast *m, socket_in *in, clu_ms now)
{
    for (int round = 0; round < CLU_UDP_ROUNDS; round++) {
        uint32_t lost = in->lost;
        clu_inbox_read(&m->inbox, in->watch.fd, &lost);
        m->t.counters->at[CLU_COUNT_kernel_drops] += lost - in->lost;
        in->lost = lost;
        for (size_t i = 0; i < m->inbox.count; i++) {
            read_mail(m, &m->inbox.at[i], now);
        }
        if (m->inbox.count < CLU_UDP_BATCH) {
            return;
        }
    }
}

static void heard(clu_watch *watch, unsigned events, clu_ms now)
{
    (void)events;
    serve(CLU_CONTAINER(watch, multicast, hears.watch),
          CLU_CONTAINER(watch, socket_in, watch), now);
}

static void answered(clu_watch *watch, unsigned events, clu_ms now)
{
    (void)events;
    serve(CLU_CONTAINER(watch, multicast, own.watch),
          CLU_CONTAINER(watch, socket_in, watch), now);
}

static void expired(clu_timer *timer, clu_ms now)
{
    multicast *m = CLU_CONTAINER(timer, multicast, expire);
    clu_ms next = clu_partials_expire(&m->partials, m->t.limits, now);
    count_forgotten(m);
    if (next != CLU_NEVER) {
        clu_loop_set(m->loop, timer, next);
    }
}

/* ---- Out ----------------------------------------------------------------- */

static const clu_interface *asked_face(const multicast *m)
{
    return m->asked[0] ? clu_host_interface(m->host, m->asked) : NULL;
}

static bool no_way(int err)
{
    return err == ENETUNREACH || err == EHOSTUNREACH || err == ENODEV
        || err == EADDRNOTAVAIL || err == ENETDOWN || err == ENXIO;
}

static clu_err send_once(multicast *m, clu_slice bytes)
{
    clu_address group = m->group;
    if (group.family == 6 && m->way.face) {
        group.scope = m->way.face;
    }
    clu_sockaddr to;
    clu_sockaddr_of(&group, &to);
    clu_err err = clu_udp_send(m->own.watch.fd, &to, bytes, m->way.face,
                               &m->way.source);
    return err == CLU_SYSTEM && no_way(errno) ? CLU_UNREACHABLE : err;
}

/* One datagram to the group; by loopback when the way has just gone. */
static clu_err send_piece(multicast *m, clu_slice bytes, clu_ms now)
{
    const clu_interface *asked = asked_face(m);
    if (m->asked[0] && !asked) {
        return CLU_UNREACHABLE; /* it was to go that way and no other */
    }
    if (now >= m->way_until) {
        m->way = clu_group_way(&m->group, m->host, m->ttl, asked);
        m->way_until = now + WAY_AGE;
    }
    clu_err err = send_once(m, bytes);
    if (err == CLU_UNREACHABLE && !asked) {
        m->way = clu_group_fallback(&m->group, m->host);
        err = send_once(m, bytes);
        m->way_until = err == CLU_OK ? now + WAY_AGE : 0;
    }
    return err;
}

static clu_err send_to(multicast *m, const clu_address *a, clu_slice frame)
{
    clu_sockaddr to;
    if (a->family != m->group.family || a->port == 0
        || clu_address_is_multicast(a)
        || (m->ttl == 0 && !clu_host_is_local(m->host, a))) {
        return CLU_UNREACHABLE;
    }
    if ((int64_t)frame.n > m->t.limits->at[CLU_LIMIT_DATAGRAM_V1]) {
        m->t.counters->at[CLU_COUNT_oversized]++;
        return CLU_LIMIT;
    }
    clu_sockaddr_of(a, &to);
    clu_err err = clu_udp_send(m->own.watch.fd, &to, frame, 0,
                               &(clu_address){ .family = 0 });
    return err == CLU_SYSTEM && no_way(errno) ? CLU_UNREACHABLE : err;
}

/* Longer frames go in pieces, as originals send and read them. */
static clu_err send_to_group(multicast *m, clu_slice frame, clu_ms now)
{
    size_t most = (size_t)m->t.limits->at[CLU_LIMIT_DATAGRAM_V1];
    m->t.counters->at[CLU_COUNT_pieced] += frame.n > most;
    for (size_t sent = 0; sent < frame.n;) {
        size_t n = frame.n - sent < most ? frame.n - sent : most;
        clu_err err = send_piece(m, clu_slice_of(frame.p + sent, n), now);
        if (err != CLU_OK) {
            return err;
        }
        sent += n;
    }
    return CLU_OK;
}

static clu_err multicast_send(clu_transport *t, const clu_target *to,
                              clu_slice frame, const clu_ticket *ticket,
                              clu_ms now)
{
    (void)ticket;
    multicast *m = multicast_of(t);
    clu_err err;
    if (to->addr.family != 0) {
        err = send_to(m, &to->addr, frame);
    } else if ((int64_t)frame.n > t->limits->at[CLU_LIMIT_MESSAGE]) {
        return CLU_LIMIT;
    } else {
        err = send_to_group(m, frame, now);
        for (size_t i = 0; i < m->seed_count; i++) {
            if (send_to(m, &m->seeds[i], frame) == CLU_OK) {
                err = CLU_OK;   /* it reached somebody */
            }
        }
    }
    if (err == CLU_OK) {
        t->packets_out++;
        t->bytes_out += frame.n;
    }
    return err;
}

static clu_err multicast_props(clu_transport *t, clu_buf *out)
{
    (void)t;
    (void)out;
    return CLU_OK;
}

/* ---- Membership ---------------------------------------------------------- */

static void join_again(multicast *m)
{
    const clu_interface *asked = asked_face(m);
    if (!m->asked[0] || asked) {
        clu_group_join(m->hears.watch.fd, &m->group, m->host,
                       asked ? asked->index : 0);
    }
    m->way_until = 0;
}

static clu_err multicast_refresh(clu_transport *t, clu_ms now)
{
    (void)now;
    join_again(multicast_of(t));
    t->counters->at[CLU_COUNT_joins_renewed]++;
    return CLU_OK;
}

static void host_changed(clu_host_observer *o, clu_ms now)
{
    multicast_refresh(&CLU_CONTAINER(o, multicast, observer)->t, now);
}

static void renew_due(clu_timer *timer, clu_ms now)
{
    multicast *m = CLU_CONTAINER(timer, multicast, renew);
    clu_loop_set(m->loop, timer, now + RENEW);
    (void)clu_host_reload(m->host);     /* where changes are not told */
    multicast_refresh(&m->t, now);
}

/* ---- Life ---------------------------------------------------------------- */

static void close_socket(multicast *m, socket_in *in)
{
    int fd = in->watch.fd;
    clu_loop_unwatch(m->loop, &in->watch);
    clu_sock_close(fd);
}

static void multicast_stop(clu_transport *t)
{
    multicast *m = multicast_of(t);
    close_socket(m, &m->hears);
    close_socket(m, &m->own);
    clu_loop_cancel(m->loop, &m->renew);
    clu_loop_cancel(m->loop, &m->expire);
    clu_host_unobserve(m->host, &m->observer);
    clu_partials_fini(&m->partials);
    clu_inbox_fini(&m->inbox);
    clu_free(m->seeds);
    clu_free(m);
}

static const clu_transport_ops multicast_ops = {
    .send = multicast_send, .props = multicast_props,
    .refresh = multicast_refresh, .stop = multicast_stop
};

static clu_err watch(multicast *m, socket_in *in, int fd)
{
    clu_err err = clu_loop_watch(m->loop, &in->watch, fd, CLU_READABLE);
    if (err != CLU_OK) {
        clu_sock_close(fd);
    }
    return err;
}

static clu_err open_sockets(multicast *m)
{
    int fd;
    clu_err err = clu_group_open(&m->group, &fd);
    if (err == CLU_OK) {
        err = watch(m, &m->hears, fd);
    }
    if (err == CLU_OK) {
        err = clu_group_sender(&m->group, m->ttl, &fd);
    }
    if (err == CLU_OK) {
        err = watch(m, &m->own, fd);
    }
    return err;
}

static clu_err start(multicast *m, const clu_multicast_config *config)
{
    if (config->interface) {
        snprintf(m->asked, sizeof m->asked, "%s", config->interface);
        if (m->asked[0] && !asked_face(m)) {
            return CLU_VALUE;
        }
    }
    if (config->seed_count > 0) {
        m->seeds = clu_memdup(config->seeds,
                              config->seed_count * sizeof *m->seeds);
        if (!m->seeds) {
            return CLU_NOMEM;
        }
        m->seed_count = config->seed_count;
    }
    clu_err err = clu_inbox_init(&m->inbox);
    if (err == CLU_OK) {
        err = open_sockets(m);
    }
    if (err == CLU_OK) {
        err = clu_loop_set(m->loop, &m->renew, clu_loop_clock() + RENEW);
    }
    if (err == CLU_OK) {
        join_again(m);
        clu_host_observe(m->host, &m->observer);
    }
    return err;
}

clu_err clu_multicast_create(clu_loop *loop, clu_host *host,
                             const clu_multicast_config *config,
                             clu_transport **t)
{
    if (!clu_address_is_multicast(&config->group) || config->group.port == 0) {
        return CLU_VALUE;
    }
    multicast *m = clu_alloc(sizeof *m);
    if (!m) {
        return CLU_NOMEM;
    }
    m->t = (clu_transport){ .ops = &multicast_ops, .name = "c",
                            .datagram = true, .multicast = true };
    m->loop = loop;
    m->host = host;
    m->group = config->group;
    m->ttl = config->ttl;
    m->hears.watch = (clu_watch){ .ready = heard, .fd = -1 };
    m->own.watch = (clu_watch){ .ready = answered, .fd = -1 };
    m->observer.changed = host_changed;
    m->renew.due = renew_due;
    m->expire.due = expired;
    clu_partials_init(&m->partials);
    clu_err err = start(m, config);
    if (err != CLU_OK) {
        multicast_stop(&m->t);
        return err;
    }
    *t = &m->t;
    return CLU_OK;
}
