/*
 * datagram.c -- transport d: unicast UDP, one frame a datagram.
 *
 * Layer: transport.
 */
#include "datagram.h"
#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>


#ifdef __linux__
#include <linux/errqueue.h>
#endif

enum { V4 = 4, V6 = 6 };
enum { BUFFER = 1 << 20,        /* bytes of the receive buffer */
       ERRORS = 32,             /* refusals read at once */
       SENT_TO = 256 };         /* addresses whose service is remembered */

/* Whom an address was last written for. */
typedef struct sent_to {
    clu_address addr;
    uint64_t service;
} sent_to;

typedef struct datagram {
    clu_transport t;
    clu_loop *loop;
    clu_host *host;
    bool local, v6;
    uint16_t port;
    clu_watch watch;
    clu_timer moved;            /* MOVED is told from the loop */
    uint32_t lost;              /* the kernel's count so far */
    clu_inbox inbox;
    sent_to last[SENT_TO];      /* each address has one place; the later wins */
} datagram;

static datagram *datagram_of(clu_transport *t)
{
    return CLU_CONTAINER(t, datagram, t);
}

static void loopback_of(const datagram *d, clu_address *a)
{
    *a = (clu_address){ .family = d->v6 ? V6 : V4, .port = a->port };
    if (d->v6) {
        a->ip[15] = 1;
    } else {
        a->ip[0] = 127;
        a->ip[3] = 1;
    }
}

static sent_to *place_of(datagram *d, const clu_address *a)
{
    unsigned char key[18];
    memcpy(key, a->ip, 16);
    memcpy(key + 16, &a->port, 2);
    return &d->last[clu_hash(clu_slice_of(key, sizeof key)) % SENT_TO];
}

/* ---- In ------------------------------------------------------------------ */

static void refused(datagram *d, const clu_address *who, clu_ms now)
{
    sent_to *place = place_of(d, who);
    if (place->service == 0 || !clu_address_eq(&place->addr, who)) {
        return;
    }
    clu_arrival a = { .what = CLU_ARRIVED_REFUSED, .via = &d->t,
                      .service = place->service, .why = CLU_SYSTEM };
    d->t.up(d->t.owner, &a, now);
}

#ifdef __linux__
static bool says_refused(struct msghdr *head)
{
    for (struct cmsghdr *note = CMSG_FIRSTHDR(head); note;
         note = CMSG_NXTHDR(head, note)) {
        struct sock_extended_err e;
        if ((note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_RECVERR)
            || (note->cmsg_level == IPPROTO_IPV6
                && note->cmsg_type == IPV6_RECVERR)) {
            memcpy(&e, CMSG_DATA(note), sizeof e);
            return e.ee_errno == ECONNREFUSED;
        }
    }
    return false;
}

/* One error of a datagram we sent; false: there is no more. */
static bool read_error(datagram *d, clu_ms now)
{
    struct sockaddr_storage name = { .ss_family = AF_UNSPEC };
    union { struct cmsghdr align; char bytes[512]; } told;
    char start[64];
    struct iovec one = { start, sizeof start };
    struct msghdr head = { .msg_name = &name, .msg_namelen = sizeof name,
                           .msg_iov = &one, .msg_iovlen = 1,
                           .msg_control = &told,
                           .msg_controllen = sizeof told };
    if (recvmsg(d->watch.fd, &head, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
        return false;
    }
    if (says_refused(&head)) {
        clu_address who;
        clu_address_of(&name, &who);
        refused(d, &who, now);
    }
    return true;
}

static void read_errors(datagram *d, clu_ms now)
{
    for (int i = 0; i < ERRORS && read_error(d, now); i++) {
    }
}
#else
static void read_errors(datagram *d, clu_ms now)
{
    (void)d;
    (void)now;
}
#endif

static void read_mail(datagram *d, const clu_mail *mail, clu_ms now)
{
    d->t.bytes_in += mail->bytes.n;
    clu_from from = { .addr = mail->from,
                      .local = clu_host_is_local(d->host, &mail->from) };
    clu_udp_cut(&d->t, &from, mail->bytes, now);
}

static void ready(clu_watch *watch, unsigned events, clu_ms now)
{
    datagram *d = CLU_CONTAINER(watch, datagram, watch);
    if (events & CLU_FAILED) {
        read_errors(d, now);
    }
    for (int round = 0; round < CLU_UDP_ROUNDS; round++) {
        uint32_t lost = d->lost;
        clu_inbox_read(&d->inbox, watch->fd, &lost);
        d->t.counters->at[CLU_COUNT_kernel_drops] += lost - d->lost;
        d->lost = lost;
        for (size_t i = 0; i < d->inbox.count; i++) {
            read_mail(d, &d->inbox.at[i], now);
        }
        if (d->inbox.count < CLU_UDP_BATCH) {
            return;
        }
    }
}

/* ---- Out ----------------------------------------------------------------- */

/* Where a target is for our socket, or why we do not go there. */
static clu_err aim(const datagram *d, const clu_target *to, clu_address *out)
{
    *out = to->addr;
    if ((out->family != V4 && out->family != V6) || out->port == 0
        || clu_address_is_multicast(out)
        || (out->family == V6 && !d->v6)) {
        return CLU_UNREACHABLE;
    }
    if (d->local) {
        if (!clu_host_is_local(d->host, out)) {
            return CLU_UNREACHABLE;
        }
        loopback_of(d, out);
    }
    return CLU_OK;
}

static clu_err datagram_send(clu_transport *t, const clu_target *to,
                             clu_slice frame, const clu_ticket *ticket,
                             clu_ms now)
{
    (void)ticket;
    (void)now;
    datagram *d = datagram_of(t);
    clu_address a;
    clu_sockaddr s;
    if ((int64_t)frame.n > t->limits->at[CLU_LIMIT_DATAGRAM]) {
        t->counters->at[CLU_COUNT_oversized]++;
        return CLU_LIMIT;
    }
    clu_err err = aim(d, to, &a);
    if (err != CLU_OK) {
        return err;
    }
    if (d->v6) {
        clu_sockaddr_mapped(&a, &s);
    } else {
        clu_sockaddr_of(&a, &s);
    }
    *place_of(d, &a) = (sent_to){ a, to->service };
    /* What an earlier datagram met is told by the next call, whomever that is
       for; it is in the queue of errors as well. */
    for (int tries = 0; tries < 3; tries++) {
        err = clu_udp_send(d->watch.fd, &s, frame, 0,
                           &(clu_address){ .family = 0 });
        if (err == CLU_OK || errno != ECONNREFUSED) {
            break;
        }
    }
    if (err == CLU_OK) {
        t->packets_out++;
        t->bytes_out += frame.n;
    }
    return err;
}

static void datagram_forget(clu_transport *t, uint64_t service)
{
    datagram *d = datagram_of(t);
    for (size_t i = 0; i < SENT_TO; i++) {
        if (d->last[i].service == service) {
            d->last[i].service = 0;
        }
    }
}

static clu_err datagram_props(clu_transport *t, clu_buf *out)
{
    char text[16];
    snprintf(text, sizeof text, "port %u", datagram_of(t)->port);
    return clu_buf_bytes(out, clu_slice_str(text));
}

/* ---- Life ---------------------------------------------------------------- */

static clu_err open_socket(const datagram *d, int *fd, uint16_t *port)
{
    int s;
    clu_address at = { .family = d->v6 ? V6 : V4 };
    if (d->local) {
        loopback_of(d, &at);
    }
    clu_err err = clu_sock_open(d->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, &s);
    if (err != CLU_OK) {
        return err;
    }
    if (d->v6) {
        err = clu_sock_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (err == CLU_OK) {
        err = clu_sock_bind(s, &at);
    }
    if (err == CLU_OK) {
        err = clu_sock_name(s, &at);
    }
    if (err != CLU_OK) {
        clu_sock_close(s);
        return err;
    }
    clu_udp_prepare(s, at.family, BUFFER);
#ifdef __linux__
    (void)clu_sock_option(s, IPPROTO_IP, IP_RECVERR, 1);
    if (d->v6) {
        (void)clu_sock_option(s, IPPROTO_IPV6, IPV6_RECVERR, 1);
    }
#endif
    *port = at.port;
    *fd = s;
    return CLU_OK;
}

static clu_err datagram_refresh(clu_transport *t, clu_ms now)
{
    datagram *d = datagram_of(t);
    int fd, old = d->watch.fd;
    uint16_t port;
    clu_err err = open_socket(d, &fd, &port);
    if (err != CLU_OK) {
        return err;
    }
    clu_loop_unwatch(d->loop, &d->watch);
    err = clu_loop_watch(d->loop, &d->watch, fd, CLU_READABLE);
    if (err != CLU_OK) {
        clu_sock_close(fd);
        if (clu_loop_watch(d->loop, &d->watch, old, CLU_READABLE) != CLU_OK) {
            clu_sock_close(old);        /* until the next refresh: none */
        }
        return err;
    }
    clu_sock_close(old);
    d->port = port;
    d->lost = 0;
    return clu_loop_set(d->loop, &d->moved, now);
}

static void tell_moved(clu_timer *timer, clu_ms now)
{
    datagram *d = CLU_CONTAINER(timer, datagram, moved);
    clu_loop_set(d->loop, timer, CLU_NEVER);
    clu_arrival a = { .what = CLU_ARRIVED_MOVED, .via = &d->t };
    d->t.up(d->t.owner, &a, now);
}

static void datagram_stop(clu_transport *t)
{
    datagram *d = datagram_of(t);
    int fd = d->watch.fd;
    clu_loop_cancel(d->loop, &d->moved);
    clu_loop_unwatch(d->loop, &d->watch);
    clu_sock_close(fd);
    clu_inbox_fini(&d->inbox);
    clu_free(d);
}

static const clu_transport_ops datagram_ops = {
    .send = datagram_send, .forget = datagram_forget,
    .props = datagram_props, .refresh = datagram_refresh,
    .stop = datagram_stop
};

static clu_err start(datagram *d)
{
    int fd;
    clu_err err = clu_inbox_init(&d->inbox);
    if (err == CLU_OK) {
        err = clu_loop_set(d->loop, &d->moved, CLU_NEVER);
    }
    if (err == CLU_OK) {
        err = open_socket(d, &fd, &d->port);
    }
    if (err == CLU_OK) {
        err = clu_loop_watch(d->loop, &d->watch, fd, CLU_READABLE);
        if (err != CLU_OK) {
            clu_sock_close(fd);
        }
    }
    return err;
}

clu_err clu_datagram_create(clu_loop *loop, clu_host *host, bool local,
                            bool v6, clu_transport **t)
{
    datagram *d = clu_alloc(sizeof *d);
    if (!d) {
        return CLU_NOMEM;
    }
    d->t = (clu_transport){ .ops = &datagram_ops, .name = "d",
                            .datagram = true };
    d->loop = loop;
    d->host = host;
    d->local = local;
    d->v6 = v6;
    d->watch = (clu_watch){ .ready = ready, .fd = -1 };
    d->moved.due = tell_moved;
    clu_err err = start(d);
    if (err != CLU_OK) {
        datagram_stop(&d->t);
        return err;
    }
    *t = &d->t;
    return CLU_OK;
}
