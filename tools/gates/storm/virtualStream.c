/*
 * virtualStream.c -- sockets in virtual time: unix/sock.h over a network that
 *                    lives in this process, and the transport "t" over that.
 *
 * Of a connection's bytes the foremost piece is under way at a time: it is
 * tried until the weather lets it through, and arrives when there is room.
 */
#include "virtualInt.h"

#include "../../../unix/sock.h"
#include "../../../unix/streamInt.h"

#include <netinet/in.h>
#include <unistd.h>

enum { BASE = 100000,           /* our descriptors; others are the system's */
       SOCKETS = 4096,
       WINDOW = 32768, SEGMENT = 1400,          /* bytes */
       RTO = 200, RTO_MAX = 64000, SYN = 1000, SYN_MAX = 64000,     /* ms */
       UNTAKEN = 11000 };       /* ms, as family.c asks the system for */

typedef enum { FREE, OPENED, LISTENS, CONNECTING, FAILED, UP, RESET } state;

typedef struct segment {
    clu_list at;
    size_t n;                   /* 0: the end */
    unsigned char bytes[];
} segment;

typedef struct vsock {
    state is;
    clu_loop *owner;            /* NULL: closed, but not all has left */
    unsigned host;
    uint16_t port, to_port;     /* to_port: where it connects to */
    unsigned to_host;
    int peer;                   /* the other end, or 0 */
    clu_watch *watch;
    clu_list out;               /* segments */
    size_t flying;              /* bytes in out */
    clu_ms next;                /* the head is tried, or arrives, then */
    bool arriving;              /* it got through and arrives at next */
    clu_ms rto;
    clu_ms begun;               /* since then the head is tried */
    unsigned char in[WINDOW];
    size_t in_n;
    bool ended;                 /* the other end said so */
    bool closed;                /* nobody will read it any more */
    bool abandoned;             /* closing it resets it */
    int backlog[64];
    unsigned waiting;           /* in backlog */
} vsock;

static vsock *socks[SOCKETS];
static int sock_count = 1;      /* descriptor 0 is none of ours */

static vsock *sock_of(int fd)
{
    return fd > BASE ? socks[fd - BASE] : NULL;
}

void virtual_stream_watch(int fd, clu_watch *watch)
{
    sock_of(fd)->watch = watch;
}

/* ---- sockets ------------------------------------------------------------- */

bool clu_host_is_local(const clu_host *host, const clu_address *a)
{
    (void)host;
    (void)a;
    return false;
}

void clu_address_of(const void *sockaddr, clu_address *out)
{
    struct sockaddr_in in;
    memcpy(&in, sockaddr, sizeof in);
    *out = (clu_address){ .family = 4, .port = ntohs(in.sin_port) };
    memcpy(out->ip, &in.sin_addr, 4);
}

static int new_sock(clu_loop *owner, unsigned host, state is)
{
    if (sock_count == SOCKETS) {
        fprintf(stderr, "life: there is no socket left\n");
        exit(1);
    }
    vsock *s = clu_alloc(sizeof *s);
    s->is = is;
    s->owner = owner;
    s->host = host;
    s->port = virtual_port();
    s->rto = RTO;
    s->next = CLU_NEVER;
    clu_list_init(&s->out);
    socks[sock_count] = s;
    return sock_count++;
}

static clu_loop *opening;       /* for whom sockets are opened */

clu_err clu_sock_open(int family, int type, int *fd)
{
    (void)family;
    (void)type;
    *fd = BASE + new_sock(opening, opening->host, OPENED);
    return CLU_OK;
}

/* What a process that was killed still calls has no effect. */
static vsock *live(int fd)
{
    vsock *s = sock_of(fd);
    return s && s->owner && !s->owner->dead ? s : NULL;
}

clu_err clu_sock_connect(int fd, const clu_sockaddr *to)
{
    vsock *s = live(fd);
    clu_address a;
    if (!s) {
        return CLU_SYSTEM;
    }
    clu_address_of(&to->s, &a);
    s->is = CONNECTING;
    s->to_host = a.ip[3];
    s->to_port = a.port;
    s->rto = SYN;
    s->next = virtual_now;
    return CLU_MORE;
}

clu_err clu_sock_error(int fd)
{
    return sock_of(fd)->is == UP ? CLU_OK : CLU_SYSTEM;
}

clu_err clu_sock_accept(int fd, int *link, clu_address *from)
{
    vsock *s = live(fd);
    if (!s || s->waiting == 0) {
        return CLU_MORE;
    }
    vsock *made = socks[s->backlog[0]];
    *link = BASE + s->backlog[0];
    s->waiting--;
    memmove(s->backlog, s->backlog + 1, s->waiting * sizeof s->backlog[0]);
    made->owner = s->owner;
    *from = virtual_address(made->to_host, made->to_port);
    return CLU_OK;
}

clu_err clu_sock_read(int fd, void *p, size_t room, size_t *n)
{
    vsock *s = live(fd);
    if (!s || s->is == RESET) {
        return CLU_SYSTEM;
    }
    if (s->in_n == 0) {
        return s->ended ? CLU_CLOSED : CLU_MORE;
    }
    size_t some = s->in_n < room ? s->in_n : room;
    if (virtual_draw(4) == 0) {
        some = 1 + virtual_draw((unsigned)some);
    }
    memcpy(p, s->in, some);
    s->in_n -= some;
    memmove(s->in, s->in + some, s->in_n);
    *n = some;
    return CLU_OK;
}

static void append(vsock *s, const unsigned char *p, size_t n)
{
    segment *g = clu_alloc(sizeof *g + n);
    g->n = n;
    if (n > 0) {
        memcpy(g->bytes, p, n);
    }
    if (clu_list_empty(&s->out)) {
        s->next = s->begun = virtual_now;
        s->arriving = false;
    }
    clu_list_append(&s->out, &g->at);
    s->flying += n;
}

clu_err clu_sock_write(int fd, const void *p, size_t size, size_t *n)
{
    vsock *s = live(fd);
    if (!s || s->is != UP) {
        return CLU_SYSTEM;
    }
    size_t some = WINDOW - s->flying;
    some = size < some ? size : some;
    if (some == 0) {
        return CLU_MORE;
    }
    if (virtual_draw(6) == 0) {
        some = 1 + virtual_draw((unsigned)some);
    }
    for (size_t at = 0; at < some;) {
        size_t piece = 1 + virtual_draw(SEGMENT);
        piece = some - at < piece ? some - at : piece;
        append(s, (const unsigned char *)p + at, piece);
        at += piece;
    }
    *n = some;
    return CLU_OK;
}

clu_err clu_sock_write_all(int fd, const clu_slice *pieces, size_t count,
                           size_t *n)
{
    clu_err err = CLU_OK;
    size_t all = 0, some = 0;
    for (size_t i = 0; err == CLU_OK && i < count; i++) {
        err = clu_sock_write(fd, pieces[i].p, pieces[i].n, &some);
        all += err == CLU_OK ? some : 0;
        if (some < pieces[i].n) {
            break;
        }
    }
    if (all > 0) {
        *n = all;
    }
    return all > 0 ? CLU_OK : err;
}

static void empty_out(vsock *s)
{
    while (!clu_list_empty(&s->out)) {
        segment *g = CLU_CONTAINER(s->out.next, segment, at);
        clu_list_unlink(&g->at);
        clu_free(g);
    }
    s->flying = 0;
    s->next = CLU_NEVER;
}

static void reset(vsock *s)
{
    empty_out(s);
    s->is = RESET;
    s->peer = 0;
}

/* The system lets a connection go: an end behind what was written, or a
   reset, when something that came was not read. */
static void let_go(vsock *s)
{
    for (unsigned i = 0; i < s->waiting; i++) {
        let_go(socks[s->backlog[i]]);
    }
    s->waiting = 0;
    s->owner = NULL;
    s->closed = true;
    vsock *peer = s->peer ? socks[s->peer] : NULL;
    if (s->is != UP || !peer) {
        s->is = FREE;
        empty_out(s);
    } else if (s->in_n > 0 || s->abandoned) {
        if (!weather_blocks(virtual_sky, s->host, peer->host, true)) {
            reset(peer);
        }
        s->is = FREE;
        empty_out(s);
    } else {
        append(s, NULL, 0);
    }
}

void clu_sock_close(int fd)
{
    vsock *s = live(fd);
    if (s) {
        let_go(s);
    } else if (fd >= 0 && fd < BASE) {
        close(fd);
    }
}

void clu_sock_abandon(int fd)
{
    vsock *s = live(fd);
    if (s) {
        s->abandoned = true;
    }
}

void clu_sock_farewell(int fd)
{
    vsock *s = live(fd);
    if (s) {
        s->in_n = 0;
        let_go(s);
    }
}

void virtual_stream_kill(clu_loop *loop)
{
    for (int i = 1; i < sock_count; i++) {
        if (socks[i]->owner == loop) {
            let_go(socks[i]);
        }
    }
}

/* ---- between the hosts --------------------------------------------------- */

static vsock *listener_at(unsigned host, uint16_t port)
{
    for (int i = 1; i < sock_count; i++) {
        vsock *s = socks[i];
        if (s->is == LISTENS && s->host == host && s->port == port) {
            return s;
        }
    }
    return NULL;
}

/* What it tries in vain it tries again, after twice as long; bytes that nobody
   takes for too long end the connection. */
static void again_later(vsock *s, clu_ms most)
{
    clu_ms end = s->is == UP ? s->begun + UNTAKEN : CLU_NEVER;
    s->arriving = false;
    if (virtual_now >= end) {
        reset(s);
        return;
    }
    s->next = virtual_now + s->rto;
    s->next = s->next < end ? s->next : end;
    s->rto = s->rto * 2 < most ? s->rto * 2 : most;
}

/* Does one packet get through, and when? */
static bool crosses(unsigned from, unsigned to, clu_ms *when)
{
    int64_t due[2];
    if (weather_fate(virtual_sky, from, to, true, virtual_now, due) == 0) {
        return false;
    }
    *when = due[0];
    return true;
}

/* The two ends of a connection that is made. */
static void meet(int n, vsock *listener)
{
    vsock *s = socks[n];
    int other = new_sock(NULL, listener->host, UP);
    vsock *o = socks[other];
    o->port = listener->port;
    o->to_host = s->host;
    o->to_port = s->port;
    o->peer = n;
    s->peer = other;
    s->is = UP;
    s->rto = RTO;
    s->next = CLU_NEVER;
    listener->backlog[listener->waiting++] = other;
}

static void try_connect(int n)
{
    vsock *s = socks[n];
    clu_ms there, back;
    if (!crosses(s->host, s->to_host, &there)
        || !crosses(s->to_host, s->host, &back)) {
        again_later(s, SYN_MAX);
        return;
    }
    vsock *listener = listener_at(s->to_host, s->to_port);
    if (listener && listener->waiting < CLU_COUNT_OF(listener->backlog)) {
        meet(n, listener);
    } else {
        s->is = FAILED;
        s->next = CLU_NEVER;
    }
}

static void arrive(vsock *s, segment *g)
{
    vsock *o = socks[s->peer];
    if (o->is != UP || (o->closed && g->n > 0)) {
        /* The other host says that nobody is there. */
        if (weather_blocks(virtual_sky, s->to_host, s->host, true)) {
            again_later(s, RTO_MAX);
        } else {
            reset(s);
        }
        return;
    }
    if (g->n > WINDOW - o->in_n) {
        again_later(s, RTO_MAX);
        return;
    }
    if (g->n == 0) {
        o->ended = true;
    } else {
        memcpy(o->in + o->in_n, g->bytes, g->n);
        o->in_n += g->n;
    }
    s->flying -= g->n;
    clu_list_unlink(&g->at);
    clu_free(g);
    s->rto = RTO;
    s->begun = virtual_now;
    s->arriving = false;
    s->next = clu_list_empty(&s->out) ? CLU_NEVER : virtual_now;
}

static void try_head(vsock *s)
{
    segment *g = CLU_CONTAINER(s->out.next, segment, at);
    if (!s->peer) {
        reset(s);
    } else if (s->arriving) {
        arrive(s, g);
    } else if (crosses(s->host, socks[s->peer]->host, &s->next)) {
        s->arriving = true;
    } else {
        again_later(s, RTO_MAX);
    }
}

void virtual_stream_run(void)
{
    for (int i = 1; i < sock_count; i++) {
        while (socks[i]->next <= virtual_now) {
            if (socks[i]->is == CONNECTING) {
                try_connect(i);
            } else {
                try_head(socks[i]);
            }
        }
    }
}

clu_ms virtual_stream_due(void)
{
    clu_ms due = CLU_NEVER;
    for (int i = 1; i < sock_count; i++) {
        due = socks[i]->next < due ? socks[i]->next : due;
    }
    return due;
}

void virtual_stream_fini(void)
{
    for (int i = 1; i < sock_count; i++) {
        empty_out(socks[i]);
        clu_free(socks[i]);
    }
    sock_count = 1;
}

/* ---- the loop's part ----------------------------------------------------- */

static unsigned events_of(const vsock *s)
{
    switch (s->is) {
    case LISTENS:
        return s->waiting ? CLU_READABLE : 0;
    case FAILED:
        return CLU_WRITABLE | CLU_FAILED;
    case RESET:
        return CLU_READABLE | CLU_WRITABLE | CLU_FAILED;
    case UP:
        return (s->in_n || s->ended ? CLU_READABLE : 0)
            | (s->flying < WINDOW ? CLU_WRITABLE : 0);
    default:
        return 0;
    }
}

static unsigned wanted(const vsock *s)
{
    const clu_watch *w = s->watch;
    unsigned events = events_of(s);
    return w && w->events ? events & (w->events | CLU_FAILED) : 0;
}

bool virtual_stream_serve(clu_loop *loop)
{
    bool any = false;
    int first = sock_count < 2 ? 1
        : 1 + (int)virtual_draw((unsigned)sock_count - 1);
    for (int i = 1; i < sock_count; i++) {
        vsock *s = socks[1 + (first + i) % (sock_count - 1)];
        unsigned events = s->owner == loop ? wanted(s) : 0;
        if (events) {
            any = true;
            s->watch->ready(s->watch, events, virtual_now);
        }
    }
    return any;
}

/* ---- the transport ------------------------------------------------------- */

static clu_loop *loop_of(const clu_stream *s)
{
    return s->pool.loop;
}

static clu_err stream_listen(clu_stream *s, int *fd)
{
    clu_loop *loop = loop_of(s);
    *fd = BASE + new_sock(loop, loop->host, LISTENS);
    s->port = sock_of(*fd)->port;
    return CLU_OK;
}

static void stream_unlisten(clu_stream *s)
{
    (void)s;
}

static bool stream_listens(const clu_stream *s)
{
    (void)s;
    return true;
}

static clu_err stream_reach(const clu_stream *s, const clu_target *to,
                            clu_sockaddr *addr)
{
    if (to->addr.port == 0) {
        return CLU_UNREACHABLE;
    }
    opening = loop_of(s);       /* a socket is opened for it next */
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(to->addr.port) };
    memcpy(&in.sin_addr, to->addr.ip, 4);
    memcpy(&addr->s, &in, sizeof in);
    addr->n = sizeof in;
    return CLU_OK;
}

static void stream_prepare(const clu_stream *s, int fd)
{
    (void)s;
    (void)fd;
}

static bool stream_admits(const clu_stream *s, int fd, const clu_address *from)
{
    (void)s;
    (void)fd;
    (void)from;
    return true;
}

static clu_err stream_props(const clu_stream *s, clu_buf *out)
{
    char text[16];
    snprintf(text, sizeof text, "port %u", s->port);
    return clu_buf_bytes(out, clu_slice_str(text));
}

static const clu_family family = {
    .name = "t", .by_source = true, .listen = stream_listen,
    .unlisten = stream_unlisten, .listens = stream_listens,
    .reach = stream_reach, .prepare = stream_prepare, .admits = stream_admits,
    .props = stream_props
};

clu_err virtual_stream(clu_loop *loop, clu_transport **t)
{
    clu_stream like = { .local = false };
    return clu_stream_create(loop, NULL, &family, &like, t);
}
