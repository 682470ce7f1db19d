/*
 * stream.c -- listen, connect, and whose link is whose.
 *
 * Layer: transport.
 *
 * Tricky because 1. an arrival may send, bind and forget, so a link leaves
 * every table before anybody is told of its end; 2. when there are too many
 * that have not said anything, the oldest make room for the newest, after a
 * moment in which an honest peer has long spoken.
 */
#include "streamInt.h"

enum { GRACE = 100,             /* ms a pending link is left alone */
       WATCHDOG = 120000 };     /* ms between looks at our own socket */

static clu_stream *stream_of(clu_transport *t)
{
    return CLU_CONTAINER(t, clu_stream, t);
}

static clu_stream *owner_of(const clu_link *l)
{
    return CLU_CONTAINER(l->pool, clu_stream, pool);
}

static void count(clu_stream *s, clu_counter which)
{
    s->t.counters->at[which]++;
}

static int64_t limit(const clu_stream *s, clu_limit which)
{
    return s->t.limits->at[which];
}

static clu_link *first_of(clu_list *list)
{
    return clu_list_empty(list) ? NULL
        : CLU_CONTAINER(list->next, clu_link, in_state);
}

/* ---- Up ------------------------------------------------------------------ */

static void up(clu_stream *s, clu_arrival *a, clu_ms now)
{
    a->via = &s->t;
    s->t.up(s->t.owner, a, now);
}

static clu_from from_of(const clu_link *l)
{
    return (clu_from){ .addr = l->peer, .local = l->local, .link = l->id,
                       .service = l->service };
}

static void on_frame(clu_link *l, clu_slice body, clu_ms now)
{
    clu_stream *s = owner_of(l);
    s->t.packets_in++;
    up(s, &(clu_arrival){ .what = CLU_ARRIVED_FRAME, .from = from_of(l),
                          .bytes = body }, now);
}

static void on_junk(clu_link *l, clu_err why, uint64_t n, clu_ms now)
{
    up(owner_of(l), &(clu_arrival){ .what = CLU_ARRIVED_JUNK,
                                    .from = from_of(l), .why = why,
                                    .count = n }, now);
}

/* Gives back what was not sent; forgets what nobody asked to have back. */
static void give_back(clu_stream *s, clu_list *unsent, clu_err why, clu_ms now)
{
    while (!clu_list_empty(unsent)) {
        clu_link_frame *f = CLU_CONTAINER(unsent->next, clu_link_frame, at);
        clu_list_unlink(&f->at);
        if (f->ticketed) {
            up(s, &(clu_arrival){ .what = CLU_ARRIVED_UNDELIVERED,
                                  .bytes = { f->frame, f->n },
                                  .ticket = f->ticket, .why = why }, now);
        }
        clu_free(f);
    }
}

static void on_ended(clu_link *l, clu_err why, clu_ms now)
{
    clu_stream *s = owner_of(l);
    uint64_t service = l->service;
    clu_list unsent;
    clu_list_init(&unsent);
    clu_stream_take_out(s, l);
    clu_link_close(l, &unsent);
    if (service == 0) {
        return;                 /* nobody to send to, nothing was queued */
    }
    clu_link *heir = clu_stream_link(s, service);
    if (heir && !clu_list_empty(&unsent)) {
        clu_link_adopt(heir, &unsent, now);
    }
    give_back(s, &unsent, why, now);
    bool last = !clu_stream_peer(s, service);
    up(s, &(clu_arrival){ .what = CLU_ARRIVED_CLOSED, .service = service,
                          .last = last, .why = why }, now);
}

static void on_connected(clu_link *l, clu_ms now)
{
    clu_stream *s = owner_of(l);
    if (s->family->admits(s, l->watch.fd, &l->peer)) {
        count(s, CLU_COUNT_links_opened);
    } else {
        count(s, CLU_COUNT_connects_failed);
        on_ended(l, CLU_SYSTEM, now);
    }
}

/* ---- Accepting ----------------------------------------------------------- */

static bool may_evict(const clu_link *oldest, clu_ms now)
{
    return oldest && now >= oldest->moved + GRACE;
}

/* Makes room by the oldest of a list, unless it had no time to speak yet. */
static bool evict(clu_stream *s, clu_link *oldest, clu_ms now)
{
    if (!may_evict(oldest, now)) {
        return false;
    }
    count(s, CLU_COUNT_links_refused);
    clu_stream_take_out(s, oldest);
    clu_link_close(oldest, NULL);
    return true;
}

/* Many may have been accepted while there was room for one. */
static void on_proven(clu_link *l, clu_ms now)
{
    clu_stream *s = owner_of(l);
    if (!l->accepted) {
        return;
    }
    s->pending_count--;
    s->proven_count++;
    clu_stream_file(s, l);
    if ((int64_t)s->proven_count > limit(s, CLU_LIMIT_CONNECTIONS)
        && !evict(s, first_of(&s->strangers), now)) {
        count(s, CLU_COUNT_links_refused);
        clu_stream_take_out(s, l);
        clu_link_close(l, NULL);
    }
    clu_listener_resume(&s->listener, now);
}

static const clu_link_ops link_ops = {
    .connected = on_connected, .proven = on_proven, .frame = on_frame,
    .junk = on_junk, .ended = on_ended
};

/* How many of the pending links are from there, and the oldest of them. */
static int64_t pending_from(clu_stream *s, const clu_address *from,
                            clu_link **oldest)
{
    int64_t n = 0;
    *oldest = NULL;
    for (clu_list *at = s->pending.prev; at != &s->pending; at = at->prev) {
        clu_link *l = CLU_CONTAINER(at, clu_link, in_state);
        if (clu_address_same_host(&l->peer, from)) {
            *oldest = l;
            n++;
        }
    }
    return n;
}

/*
 * Whose the next one is we learn by accepting it.  So nobody is accepted as
 * long as one of any source would be one too many; and only the source of the
 * newest can have come to its bound without an oldest that may go.
 */
static bool has_room(clu_listener *listener, clu_ms now)
{
    clu_stream *s = CLU_CONTAINER(listener, clu_stream, listener);
    clu_link *oldest = first_of(&s->pending);
    if ((int64_t)s->pending_count >= limit(s, CLU_LIMIT_PENDING)
        && !may_evict(oldest, now)) {
        return false;
    }
    if (!oldest || !s->family->by_source) {
        return true;
    }
    clu_link *newest = CLU_CONTAINER(s->pending.prev, clu_link, in_state);
    return pending_from(s, &newest->peer, &oldest)
        < limit(s, CLU_LIMIT_PENDING_SOURCE) || may_evict(oldest, now);
}

/* Makes the room that one from there needs among the silent; false: may not. */
static bool room_to_wait(clu_stream *s, const clu_address *from, clu_ms now)
{
    clu_link *oldest;
    if (s->family->by_source
        && pending_from(s, from, &oldest) >= limit(s, CLU_LIMIT_PENDING_SOURCE)
        && !evict(s, oldest, now)) {
        return false;
    }
    return (int64_t)s->pending_count < limit(s, CLU_LIMIT_PENDING)
        || evict(s, first_of(&s->pending), now);
}

static void refuse(clu_stream *s, int fd)
{
    count(s, CLU_COUNT_links_refused);
    clu_sock_close(fd);
}

/* Likewise among those that spoke. */
static bool room_to_speak(clu_stream *s, clu_ms now)
{
    return (int64_t)s->proven_count < limit(s, CLU_LIMIT_CONNECTIONS)
        || evict(s, first_of(&s->strangers), now);
}

static void on_accepted(clu_listener *listener, int fd,
                        const clu_address *from, clu_ms now)
{
    clu_stream *s = CLU_CONTAINER(listener, clu_stream, listener);
    clu_link *l;
    if (!s->family->admits(s, fd, from) || !room_to_wait(s, from, now)
        || !room_to_speak(s, now)) {
        refuse(s, fd);
        return;
    }
    if (clu_stream_add(s, fd, NULL, now, &l) != CLU_OK) {
        count(s, CLU_COUNT_links_refused);
        return;
    }
    s->family->prepare(s, fd);
    l->peer = *from;
    l->local = s->family->local_only || clu_host_is_local(s->host, from);
    s->pending_count++;
    count(s, CLU_COUNT_links_accepted);
    clu_stream_file(s, l);
}

/* ---- Down ---------------------------------------------------------------- */

static clu_err connect_to(clu_stream *s, const clu_target *to, clu_ms now,
                          clu_link **link)
{
    clu_sockaddr addr;
    int fd;
    clu_err err = s->family->reach(s, to, &addr);
    if (err != CLU_OK) {
        return err;
    }
    err = clu_sock_open(addr.s.ss_family, SOCK_STREAM, &fd);
    if (err != CLU_OK) {
        return err;
    }
    s->family->prepare(s, fd);
    err = clu_stream_add(s, fd, &addr, now, link);
    if (err != CLU_OK) {
        return err;
    }
    clu_address_of(&addr.s, &(*link)->peer);
    (*link)->local = s->family->local_only
        || clu_host_is_local(s->host, &(*link)->peer);
    err = clu_stream_bind(s, *link, to->service);
    if (err != CLU_OK) {
        clu_stream_take_out(s, *link);
        clu_link_close(*link, NULL);
        return err;
    }
    clu_stream_file(s, *link);
    return CLU_OK;
}

static clu_err send_on(clu_link *l, const clu_target *to, clu_slice frame,
                       const clu_ticket *ticket, clu_ms now)
{
    l->together = to->kin;
    return clu_link_send(l, frame, ticket, now);
}

static clu_err stream_send(clu_transport *t, const clu_target *to,
                           clu_slice frame, const clu_ticket *ticket,
                           clu_ms now)
{
    clu_stream *s = stream_of(t);
    if (to->service == 0) {
        return CLU_UNREACHABLE;
    }
    clu_link *l = clu_stream_link(s, to->service);
    clu_err err = l ? send_on(l, to, frame, ticket, now) : CLU_SYSTEM;
    if (err == CLU_SYSTEM) {    /* none, or one that has just broken */
        err = connect_to(s, to, now, &l);
        if (err == CLU_OK) {
            err = send_on(l, to, frame, ticket, now);
        }
    }
    if (err == CLU_OK) {
        t->packets_out++;
        t->bytes_out += frame.n;
    }
    return err;
}

static void stream_bind(clu_transport *t, uint64_t link, uint64_t service)
{
    clu_stream *s = stream_of(t);
    clu_link *l = clu_stream_find(s, link);
    if (!l || l->service == service) {
        return;
    }
    if (service == 0) {
        clu_stream_unbind(s, l);
    } else if (clu_stream_bind(s, l, service) != CLU_OK) {
        return;                 /* the next packet binds it */
    }
    if (l->state == CLU_LINK_OPEN) {
        clu_stream_file(s, l);
    }
}

static void end_quietly(clu_stream *s, clu_link *l, clu_ms now)
{
    clu_link_hold(l);           /* its own callback may be what asks */
    clu_link_flush(l, now);
    clu_stream_take_out(s, l);
    clu_link_close(l, NULL);
    clu_link_release(l);
}

static void stream_forget(clu_transport *t, uint64_t service)
{
    clu_stream *s = stream_of(t);
    clu_ms now = clu_loop_clock();
    for (clu_peer *p; (p = clu_stream_peer(s, service));) {
        clu_link *l = CLU_CONTAINER(p->links.next, clu_link, of_service);
        clu_sock_abandon(l->watch.fd);
        end_quietly(s, l, now);
    }
}

static clu_err stream_props(clu_transport *t, clu_buf *out)
{
    clu_stream *s = stream_of(t);
    return s->family->props(s, out);
}

/* ---- Our listening side -------------------------------------------------- */

static clu_err stream_refresh(clu_transport *t, clu_ms now)
{
    clu_stream *s = stream_of(t);
    uint16_t port = s->port;
    int fd;
    clu_err err = s->family->listen(s, &fd);
    if (err != CLU_OK) {
        return err;
    }
    err = clu_listener_replace(&s->listener, fd);
    if (err != CLU_OK) {
        clu_sock_close(fd);
        s->port = port;         /* the old one listens on */
        return err;
    }
    s->moved = true;            /* told from the loop */
    return clu_loop_set(s->pool.loop, &s->watchdog, now);
}

static void look_after(clu_timer *timer, clu_ms now)
{
    clu_stream *s = CLU_CONTAINER(timer, clu_stream, watchdog);
    clu_loop_set(s->pool.loop, timer, now + WATCHDOG);
    if (!s->moved && !s->family->listens(s)) {
        (void)stream_refresh(&s->t, now);       /* else at the next look */
    }
    if (s->moved) {
        s->moved = false;
        clu_loop_set(s->pool.loop, timer, now + WATCHDOG);
        up(s, &(clu_arrival){ .what = CLU_ARRIVED_MOVED }, now);
    }
}

static void stream_stop(clu_transport *t)
{
    clu_stream *s = stream_of(t);
    clu_ms now = clu_loop_clock();
    clu_list *lists[] = { &s->pending, &s->strangers, &s->bound };
    for (size_t i = 0; i < CLU_COUNT_OF(lists); i++) {
        for (clu_link *l; (l = first_of(lists[i]));) {
            end_quietly(s, l, now);
        }
    }
    clu_listener_stop(&s->listener);
    s->family->unlisten(s);
    clu_loop_cancel(s->pool.loop, &s->watchdog);
    clu_map_fini(&s->links);
    clu_map_fini(&s->peers);
    clu_free(s->pool.in);
    clu_free(s);
}

static const clu_transport_ops stream_ops = {
    .send = stream_send, .bind = stream_bind, .forget = stream_forget,
    .props = stream_props, .refresh = stream_refresh, .stop = stream_stop
};

/* ---- Birth --------------------------------------------------------------- */

static clu_err start(clu_stream *s, clu_loop *loop)
{
    s->pool = (clu_link_pool){ .ops = &link_ops, .transport = &s->t,
                               .loop = loop,
                               .in = clu_alloc(CLU_LINK_READ) };
    if (!s->pool.in) {
        return CLU_NOMEM;
    }
    int fd;
    clu_err err = s->family->listen(s, &fd);
    if (err != CLU_OK) {
        return err;
    }
    s->listener.room = has_room;
    s->listener.accepted = on_accepted;
    err = clu_listener_start(&s->listener, loop, &s->t, fd);
    if (err != CLU_OK) {
        clu_sock_close(fd);
        return err;
    }
    s->watchdog.due = look_after;
    return clu_loop_set(loop, &s->watchdog, clu_loop_clock() + WATCHDOG);
}

clu_err clu_stream_create(clu_loop *loop, clu_host *host,
                          const clu_family *family, const clu_stream *like,
                          clu_transport **t)
{
    clu_stream *s = clu_alloc(sizeof *s);
    if (!s) {
        return CLU_NOMEM;
    }
    *s = *like;
    s->t.ops = &stream_ops;
    s->t.name = family->name;
    s->t.local_only = family->local_only;
    s->family = family;
    s->host = host;
    clu_list_init(&s->pending);
    clu_list_init(&s->strangers);
    clu_list_init(&s->bound);
    clu_err err = start(s, loop);
    if (err != CLU_OK) {
        stream_stop(&s->t);
        return err;
    }
    *t = &s->t;
    return CLU_OK;
}
