/*
 * link.c -- one connection: bytes in, queue out, its states.
 *
 * Layer: transport.
 *
 * To an original one frame, one write: it hangs for ever when a read ends right
 * behind a header (WIRE-ORIGINAL 2, 16).  To our kind frames leave together
 * where several wait.  What a write left over goes before anything else.
 */
#include "link.h"

#include <errno.h>

enum { RETRY = 10,              /* ms until a full listener is tried again */
       TOGETHER = 65536 };      /* bytes that wait for others to leave with */

#define FRAME_OF(node) CLU_CONTAINER(node, clu_link_frame, at)

static int64_t limit(const clu_link *l, clu_limit which)
{
    return l->pool->transport->limits->at[which];
}

static void count(const clu_link *l, clu_counter which)
{
    l->pool->transport->counters->at[which]++;
}

static clu_held *held(const clu_link *l)
{
    return l->pool->transport->held;
}

static bool closed(const clu_link *l)
{
    return l->state == CLU_LINK_CLOSED;
}

/* ---- What it waits for --------------------------------------------------- */

static clu_ms next_deadline(const clu_link *l, clu_ms now)
{
    clu_ms at = l->until;
    if (l->retry && now + RETRY < at) {
        at = now + RETRY;
    }
    if (l->state != CLU_LINK_CONNECTING && !clu_list_empty(&l->queue)) {
        clu_ms stalled = l->moved + limit(l, CLU_LIMIT_STALL);
        at = stalled < at ? stalled : at;
    }
    return at;
}

/* Asks the loop for what the state of the link wants next. */
static void settle(clu_link *l, clu_ms now)
{
    unsigned events = CLU_READABLE;
    if (l->broken != CLU_OK || l->retry) {
        events = 0;
    } else if (l->state == CLU_LINK_CONNECTING) {
        events = CLU_WRITABLE;
    } else if (!clu_list_empty(&l->queue)) {
        events |= CLU_WRITABLE;
    }
    if (clu_loop_change(l->pool->loop, &l->watch, events) != CLU_OK
        && l->broken == CLU_OK) {
        l->broken = CLU_SYSTEM;
    }
    if (l->broken != CLU_OK || l->more) {
        clu_loop_again(l->pool->loop, &l->watch);
    }
    clu_loop_set(l->pool->loop, &l->timer, next_deadline(l, now));
}

/* ---- Out ----------------------------------------------------------------- */

static void enqueue(clu_link *l, clu_link_frame *f)
{
    clu_list_append(&l->queue, &f->at);
    l->queued += f->n;
    held(l)->out += f->n;
}

static void dequeue(clu_link *l, clu_link_frame *f)
{
    clu_list_unlink(&f->at);
    l->queued -= f->n;
    held(l)->out -= f->n;
}

static bool room_for(const clu_link *l, size_t n)
{
    return (int64_t)(l->queued + n) <= limit(l, CLU_LIMIT_LINK_QUEUE)
        && (int64_t)(held(l)->out + n) <= limit(l, CLU_LIMIT_QUEUE);
}

/* sent: bytes that have left already; waits: for others to leave with. */
static clu_err queue_frame(clu_link *l, clu_slice frame, size_t sent,
                           const clu_ticket *ticket, bool waits, clu_ms now)
{
    if (sent == 0 && !room_for(l, frame.n)) {
        count(l, CLU_COUNT_queues_full);
        return CLU_LIMIT;
    }
    clu_link_frame *f = clu_alloc(sizeof *f + frame.n);
    if (!f) {
        return CLU_NOMEM;
    }
    *f = (clu_link_frame){ .n = frame.n, .sent = sent,
                         .ticketed = ticket != NULL };
    if (ticket) {
        f->ticket = *ticket;
    }
    memcpy(f->frame, frame.p, frame.n);
    clu_list_init(&f->at);
    bool first = clu_list_empty(&l->queue);
    enqueue(l, f);
    if (first) {
        l->moved = now;
    }
    l->waiting = waits;
    if (waits) {
        clu_loop_later(l->pool->loop, &l->watch);
    } else if (first) {
        settle(l, now);
    }
    return CLU_OK;
}

static void break_off(clu_link *l, clu_ms now)
{
    l->broken = CLU_SYSTEM;
    settle(l, now);
}

/* What the next write may take from the queue. */
static size_t gather(const clu_link *l, clu_slice out[CLU_SOCK_PIECES])
{
    size_t most = l->together ? CLU_SOCK_PIECES : 1, count = 0;
    for (clu_list *at = l->queue.next; at != &l->queue && count < most;
         at = at->next) {
        const clu_link_frame *f = FRAME_OF(at);
        out[count++] = (clu_slice){ f->frame + f->sent, f->n - f->sent };
    }
    return count;
}

/* So many bytes of the queue have left. */
static void leave(clu_link *l, size_t n)
{
    while (n > 0) {
        clu_link_frame *f = FRAME_OF(l->queue.next);
        size_t part = f->n - f->sent < n ? f->n - f->sent : n;
        f->sent += part;
        n -= part;
        if (f->sent == f->n) {
            dequeue(l, f);
            clu_free(f);
        }
    }
}

/* Writes until the queue is empty or the kernel full; may break the link. */
static void flush(clu_link *l, clu_ms now)
{
    l->waiting = false;
    while (!clu_list_empty(&l->queue)) {
        clu_slice pieces[CLU_SOCK_PIECES];
        size_t count = gather(l, pieces), n = 0;
        clu_err err = clu_sock_write_all(l->watch.fd, pieces, count, &n);
        if (err == CLU_SYSTEM) {
            l->broken = CLU_SYSTEM;
        }
        if (err != CLU_OK) {
            return;
        }
        l->moved = now;
        leave(l, n);
    }
}

static bool can_write(const clu_link *l)
{
    return l->state != CLU_LINK_CONNECTING && clu_list_empty(&l->queue);
}

/* Could it leave at once, and had better wait for others?  What waits already
   leaves first when there is no room for more of it. */
static bool may_wait(clu_link *l, size_t n, clu_ms now)
{
    bool fits = l->queued + n <= TOGETHER && room_for(l, n);
    if (l->waiting && !fits) {
        flush(l, now);
        fits = n <= TOGETHER && room_for(l, n);
    }
    return l->waiting || (can_write(l) && l->together && fits
                          && clu_loop_corked(l->pool->loop));
}

clu_err clu_link_send(clu_link *l, clu_slice frame, const clu_ticket *ticket,
                      clu_ms now)
{
    if (closed(l) || (l->broken != CLU_OK && clu_list_empty(&l->queue))) {
        return CLU_SYSTEM;
    }
    size_t sent = 0;
    bool waits = may_wait(l, frame.n, now);
    if (can_write(l) && !waits) {
        clu_err err = clu_sock_write(l->watch.fd, frame.p, frame.n, &sent);
        if (err == CLU_SYSTEM) {
            break_off(l, now);
            return err;
        }
        if (sent == frame.n) {
            return CLU_OK;
        }
    }
    clu_err err = queue_frame(l, frame, sent, ticket, waits, now);
    if (err != CLU_OK && sent > 0) {
        break_off(l, now);      /* the peer would wait for the rest */
    }
    return err;
}

void clu_link_adopt(clu_link *l, clu_list *unsent, clu_ms now)
{
    while (!clu_list_empty(unsent)) {
        clu_link_frame *f = CLU_CONTAINER(unsent->next, clu_link_frame, at);
        clu_list_unlink(&f->at);
        enqueue(l, f);
    }
    l->moved = now;
    settle(l, now);
}

void clu_link_flush(clu_link *l, clu_ms now)
{
    /* A connect may be through although nobody was told yet; if it is not,
       the write says so. */
    if (l->broken == CLU_OK && l->state != CLU_LINK_CLOSED) {
        flush(l, now);
    }
}

/* ---- In ------------------------------------------------------------------ */

static void tell_junk(clu_link *l, clu_ms now)
{
    clu_frame_loss loss = l->reader.loss;
    uint64_t junk = loss.junk - l->told.junk;
    bool broken = loss.broken != l->told.broken;
    l->told = loss;
    if (junk > 0) {
        l->pool->ops->junk(l, broken ? CLU_FOOTER : CLU_HEADER, junk, now);
    }
}

/* Hands up whole packets; more is set when the budget ends before they do. */
static void take_packets(clu_link *l, int *budget, clu_ms now)
{
    clu_slice body;
    l->more = true;
    while (*budget > 0) {
        if (clu_reader_held(&l->reader) == 0
            || clu_reader_take(&l->reader, &body) != CLU_OK) {
            l->more = false;
            break;
        }
        (*budget)--;
        if (l->state == CLU_LINK_PENDING) {
            l->state = CLU_LINK_OPEN;
            l->until = CLU_NEVER;
            l->pool->ops->proven(l, now);
        }
        if (!closed(l)) {
            l->pool->ops->frame(l, body, now);
        }
        if (closed(l)) {
            return;
        }
    }
    tell_junk(l, now);
}

static void account(clu_link *l)
{
    size_t kept = closed(l) ? 0 : clu_reader_held(&l->reader);
    held(l)->in += kept - l->kept;
    l->kept = kept;
}

/* Has it sent more than it may, without a packet or within one? */
static bool over_limit(const clu_link *l)
{
    if (l->state == CLU_LINK_PENDING
        && (int64_t)l->unproven > limit(l, CLU_LIMIT_UNPROVEN)) {
        return true;
    }
    return l->kept > 0
        && (int64_t)held(l)->in > limit(l, CLU_LIMIT_QUEUE);
}

/* One read; false when there is nothing more to do now. */
static bool read_some(clu_link *l, clu_ms now)
{
    size_t n = 0;
    clu_err err = clu_sock_read(l->watch.fd, l->pool->in, CLU_LINK_READ, &n);
    if (err == CLU_OK) {
        l->unproven += n;
        l->pool->transport->bytes_in += n;
        err = clu_reader_feed(&l->reader, clu_slice_of(l->pool->in, n));
        if (err == CLU_OK) {
            return true;
        }
    }
    if (err == CLU_CLOSED && clu_reader_held(&l->reader) > 0) {
        l->pool->ops->junk(l, CLU_TRUNCATED, clu_reader_held(&l->reader), now);
    }
    if (err != CLU_MORE && !closed(l)) {
        l->broken = err;
    }
    return false;
}

/* Reads and hands up, within its share; what is left has its turn later. */
static void serve(clu_link *l, clu_ms now)
{
    int budget = CLU_LINK_PACKETS;
    take_packets(l, &budget, now);
    if (!closed(l) && !l->more && read_some(l, now)) {
        take_packets(l, &budget, now);
        l->more |= l->broken != CLU_OK; /* until all that came is read */
    }
    account(l);
    if (!closed(l) && l->broken == CLU_OK && over_limit(l)) {
        count(l, CLU_COUNT_links_flooded);
        l->broken = CLU_LIMIT;
    }
}

/* ---- The loop's calls ---------------------------------------------------- */

static void finish_connect(clu_link *l, clu_ms now)
{
    if (clu_sock_error(l->watch.fd) != CLU_OK) {
        l->broken = CLU_SYSTEM;
        return;
    }
    l->state = CLU_LINK_PENDING;
    l->until = CLU_NEVER;
    l->moved = now;
    l->pool->ops->connected(l, now);
    if (!closed(l)) {
        clu_link_flush(l, now);
    }
}

static void begin_connect(clu_link *l)
{
    l->retry = false;
    if (clu_sock_connect(l->watch.fd, &l->to) == CLU_SYSTEM) {
        l->retry = errno == EAGAIN;
        if (!l->retry) {
            l->broken = CLU_SYSTEM;
        }
    }
}

/* The last act of each call: over, or asks for what comes next. */
static void conclude(clu_link *l, clu_ms now)
{
    if (!closed(l) && l->broken != CLU_OK && !l->more) {
        if (l->state == CLU_LINK_CONNECTING) {
            count(l, CLU_COUNT_connects_failed);
        }
        l->pool->ops->ended(l, l->broken, now);
    }
    if (!closed(l)) {
        settle(l, now);
    }
    clu_link_release(l);
}

static void ready(clu_watch *watch, unsigned events, clu_ms now)
{
    clu_link *l = CLU_CONTAINER(watch, clu_link, watch);
    clu_link_hold(l);
    if (l->state == CLU_LINK_CONNECTING) {
        if (l->broken == CLU_OK && events) {
            finish_connect(l, now);
        }
    } else {
        if (events & CLU_WRITABLE) {
            flush(l, now);
        }
        if (events != CLU_WRITABLE) {
            serve(l, now);      /* also what came before it broke */
        }
    }
    conclude(l, now);
}

/* What ended a wait that lasted too long; OK when none did. */
static clu_err overdue(clu_link *l, clu_ms now)
{
    if (now >= l->until) {
        if (l->state != CLU_LINK_CONNECTING) {
            count(l, CLU_COUNT_links_expired);
        }
        return CLU_TIMEOUT;
    }
    if (l->state != CLU_LINK_CONNECTING && !clu_list_empty(&l->queue)
        && now >= l->moved + limit(l, CLU_LIMIT_STALL)) {
        count(l, CLU_COUNT_links_stalled);
        return CLU_TIMEOUT;
    }
    return CLU_OK;
}

static void due(clu_timer *timer, clu_ms now)
{
    clu_link *l = CLU_CONTAINER(timer, clu_link, timer);
    clu_loop_set(l->pool->loop, timer, CLU_NEVER);
    clu_link_hold(l);
    if (l->broken == CLU_OK) {
        l->broken = overdue(l, now);
        if (l->broken == CLU_OK && l->retry) {
            begin_connect(l);
        }
    }
    conclude(l, now);
}

/* ---- Birth and death ----------------------------------------------------- */

static clu_err start(clu_link *l, int fd, const clu_sockaddr *to, clu_ms now)
{
    if (to) {
        l->state = CLU_LINK_CONNECTING;
        l->to = *to;
        l->until = now + limit(l, CLU_LIMIT_CONNECT);
    } else {
        l->state = CLU_LINK_PENDING;
        l->accepted = true;
        l->until = now + limit(l, CLU_LIMIT_FIRST_PACKET);
    }
    clu_err err = clu_loop_set(l->pool->loop, &l->timer, l->until);
    if (err != CLU_OK) {
        return err;
    }
    l->watch.fd = fd;
    if (to) {
        begin_connect(l);
    }
    /* For nothing yet, so the system is not asked and cannot refuse. */
    (void)clu_loop_watch(l->pool->loop, &l->watch, fd, 0);
    settle(l, now);
    return CLU_OK;
}

clu_err clu_link_create(clu_link_pool *pool, int fd, const clu_sockaddr *to,
                        clu_ms now, clu_link **link)
{
    clu_link *l = clu_alloc(sizeof *l);
    if (!l) {
        return CLU_NOMEM;
    }
    l->pool = pool;
    l->watch = (clu_watch){ .ready = ready, .fd = -1 };
    l->timer.due = due;
    l->moved = now;
    clu_list_init(&l->queue);
    clu_list_init(&l->of_service);
    clu_list_init(&l->in_state);
    clu_reader_init(&l->reader, (size_t)limit(l, CLU_LIMIT_MESSAGE));
    clu_err err = start(l, fd, to, now);
    if (err != CLU_OK) {
        clu_free(l);
        return err;
    }
    *link = l;
    return CLU_OK;
}

static void empty_queue(clu_link *l, clu_list *unsent)
{
    while (!clu_list_empty(&l->queue)) {
        clu_link_frame *f = CLU_CONTAINER(l->queue.next, clu_link_frame, at);
        dequeue(l, f);
        if (unsent && f->sent == 0) {
            clu_list_append(unsent, &f->at);
        } else {
            clu_free(f);
        }
    }
}

void clu_link_close(clu_link *l, clu_list *unsent)
{
    if (closed(l)) {
        return;
    }
    int fd = l->watch.fd;
    clu_loop_cancel(l->pool->loop, &l->timer);
    clu_loop_unwatch(l->pool->loop, &l->watch);
    empty_queue(l, unsent);
    l->state = CLU_LINK_CLOSED;
    account(l);
    if (l->broken == CLU_TIMEOUT) {
        clu_sock_abandon(fd);   /* what follows goes another way */
    }
    clu_sock_farewell(fd);
    clu_link_hold(l);
    clu_link_release(l);
}

void clu_link_release(clu_link *l)
{
    if (--l->held == 0 && closed(l)) {
        clu_reader_fini(&l->reader);
        clu_free(l);
    }
}
