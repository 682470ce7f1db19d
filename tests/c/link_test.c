/*
 * link_test.c -- one connection alone: shares, closings inside its own calls,
 *                retries, what is left of its queue.
 */
#include "check.h"
#include "link.h"

#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct owner {
    clu_loop *loop;
    clu_transport t;
    clu_limits limits;
    clu_counters counters;
    clu_held held;
    clu_link_pool pool;
    int connected, proven, frames, junk, ended;
    clu_err why;
    char close_in;              /* 'f' frame, 'j' junk, 'p' proven */
    clu_list unsent;
} owner;

static owner *owner_of(clu_link *l)
{
    return CLU_CONTAINER(l->pool, owner, pool);
}

static void close_in(clu_link *l, char where)
{
    owner *o = owner_of(l);
    if (o->close_in == where) {
        clu_link_close(l, &o->unsent);
    }
}

static void on_connected(clu_link *l, clu_ms now)
{
    (void)now;
    owner_of(l)->connected++;
}

static void on_proven(clu_link *l, clu_ms now)
{
    (void)now;
    owner_of(l)->proven++;
    close_in(l, 'p');
}

static void on_frame(clu_link *l, clu_slice body, clu_ms now)
{
    (void)now;
    CHECK_SLICE(body, "x");
    owner_of(l)->frames++;
    close_in(l, 'f');
    CHECK_SLICE(body, "x");     /* valid until the callback returns */
}

static void on_junk(clu_link *l, clu_err why, uint64_t count, clu_ms now)
{
    (void)why;
    (void)now;
    owner_of(l)->junk += (int)count;
    close_in(l, 'j');
}

static void on_ended(clu_link *l, clu_err why, clu_ms now)
{
    (void)now;
    owner *o = owner_of(l);
    o->ended++;
    o->why = why;
    clu_link_close(l, &o->unsent);
}

static const clu_link_ops ops = { on_connected, on_proven, on_frame, on_junk,
                                  on_ended };

static void owner_open(owner *o)
{
    *o = (owner){ .loop = NULL };
    CHECK_ERR(clu_loop_create(&o->loop), CLU_OK);
    clu_limits_init(&o->limits);
    o->t.limits = &o->limits;
    o->t.counters = &o->counters;
    o->t.held = &o->held;
    o->pool = (clu_link_pool){ .ops = &ops, .transport = &o->t,
                               .loop = o->loop,
                               .in = clu_alloc(CLU_LINK_READ) };
    clu_list_init(&o->unsent);
}

/* How many frames were not sent; they are gone then. */
static int drop_unsent(owner *o)
{
    int n = 0;
    while (!clu_list_empty(&o->unsent)) {
        clu_link_frame *f = CLU_CONTAINER(o->unsent.next, clu_link_frame, at);
        clu_list_unlink(&f->at);
        clu_free(f);
        n++;
    }
    return n;
}

static void owner_close(owner *o)
{
    drop_unsent(o);
    CHECK_EQ(o->held.out, 0);
    CHECK_EQ(o->held.in, 0);
    clu_free(o->pool.in);
    clu_loop_destroy(o->loop);
}

static clu_link *link_open(owner *o, int *far)
{
    int fd[2];
    clu_link *l = NULL;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    CHECK_ERR(clu_link_create(&o->pool, fd[0], NULL, clu_loop_clock(), &l),
              CLU_OK);
    *far = fd[1];
    return l;
}

#define FRAME "\xc0\x8d\1x\0\0"

static void put_frames(int fd, int n)
{
    static char many[6 * 2000];
    for (int i = 0; i < n; i++) {
        memcpy(many + 6 * i, FRAME, 6);
    }
    CHECK_EQ(write(fd, many, 6 * (size_t)n), 6 * n);
}

TEST("link-1.1 a flood on one link leaves another its turn")
{
    owner o;
    int far_a, far_b;
    owner_open(&o);
    clu_link *a = link_open(&o, &far_a), *b = link_open(&o, &far_b);
    put_frames(far_a, 2000);
    clu_loop_run(o.loop, 0, 1);
    CHECK(o.frames >= CLU_LINK_PACKETS);
    CHECK(o.frames <= 2 * CLU_LINK_PACKETS);    /* in two calls */
    int before = o.frames;
    put_frames(far_b, 1);
    clu_loop_run(o.loop, 0, 1);
    CHECK_EQ(o.proven, 2);
    CHECK(o.frames <= before + 2 * CLU_LINK_PACKETS + 1);
    for (int i = 0; i < 100 && o.frames < 2001; i++) {
        clu_loop_run(o.loop, 0, 1);
    }
    CHECK_EQ(o.frames, 2001);
    clu_link_close(a, NULL);
    clu_link_close(b, NULL);
    close(far_a);
    close(far_b);
    owner_close(&o);
}

TEST("link-1.2 all that came before the end is handed up before the end")
{
    owner o;
    int far;
    owner_open(&o);
    link_open(&o, &far);
    put_frames(far, 1000);
    close(far);
    for (int i = 0; i < 100 && !o.ended; i++) {
        clu_loop_run(o.loop, 0, 1);
        CHECK(!o.ended || o.frames == 1000);
    }
    CHECK_EQ(o.ended, 1);
    CHECK_ERR(o.why, CLU_CLOSED);
    owner_close(&o);
}

TEST("link-1.3 a broken write does not lose what came before it")
{
    enum { WASTE = 150000 };            /* more than one read takes */
    owner o;
    int far, room = 1 << 20;
    static char waste[WASTE];
    owner_open(&o);
    o.limits.at[CLU_LIMIT_UNPROVEN] = 2 * WASTE;
    clu_link *l = link_open(&o, &far);
    setsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    CHECK_EQ(write(far, waste, WASTE), WASTE);
    put_frames(far, 1000);
    close(far);
    clu_ms now = clu_loop_clock();
    CHECK_ERR(clu_link_send(l, clu_slice_of(FRAME, 6), NULL, now), CLU_SYSTEM);
    CHECK_ERR(clu_link_send(l, clu_slice_of(FRAME, 6), NULL, now), CLU_SYSTEM);
    CHECK_EQ(o.ended, 0);               /* told from the loop only */
    for (int i = 0; i < 100 && !o.ended; i++) {
        clu_loop_run(o.loop, 0, 1);
    }
    CHECK_EQ(o.junk, WASTE);
    CHECK_EQ(o.frames, 1000);
    CHECK_EQ(o.ended, 1);
    owner_close(&o);
}

TEST("link-2.1 a link may be closed inside any of its calls")
{
    static const struct { char where; const char *bytes; size_t n; } cases[] = {
        { 'p', FRAME FRAME, 12 }, { 'f', FRAME FRAME, 12 },
        { 'j', "junk" FRAME, 10 }
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%c", cases[i].where);
        owner o;
        int far;
        owner_open(&o);
        o.close_in = cases[i].where;
        link_open(&o, &far);
        CHECK_EQ(write(far, cases[i].bytes, cases[i].n), cases[i].n);
        clu_loop_run(o.loop, 0, 2);
        CHECK_EQ(o.ended, 0);
        CHECK_EQ(o.frames, cases[i].where == 'p' ? 0 : 1);
        char c;
        CHECK_EQ(read(far, &c, 1), 0);
        close(far);
        owner_close(&o);
    }
}

TEST("link-2.3 it may be closed by what it said at the end, or later")
{
    static const struct { char where; int more; } cases[] = {
        { 'j', 0 }, { 'f', 100 },       /* half a frame; beyond one's share */
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%c", cases[i].where);
        owner o;
        int far;
        owner_open(&o);
        link_open(&o, &far);
        put_frames(far, 1 + cases[i].more);
        CHECK_EQ(write(far, "\xc0\x8d\5x", 4), 4);
        clu_loop_run(o.loop, 0, 1);
        CHECK_EQ(o.ended, 0);
        int before = o.frames;
        o.close_in = cases[i].where;
        CHECK_EQ(shutdown(far, SHUT_WR), 0);
        clu_loop_run(o.loop, 0, 2);
        CHECK_EQ(o.ended, 0);
        CHECK_EQ(o.frames, before + (cases[i].where == 'f'));
        char c;
        CHECK_EQ(read(far, &c, 1), 0);
        close(far);
        owner_close(&o);
    }
}

TEST("link-3.1 what was begun is not given back, the rest is, in order")
{
    enum { SIZE = 100000 };
    owner o;
    int far;
    owner_open(&o);
    clu_link *l = link_open(&o, &far);
    static unsigned char big[SIZE];
    uint64_t sent = 0;
    clu_ms now = clu_loop_clock();
    while (clu_list_empty(&l->queue) || sent < 10) {
        clu_ticket ticket = { .cookie = sent++ };
        CHECK_ERR(clu_link_send(l, clu_slice_of(big, SIZE), &ticket, now),
                  CLU_OK);
    }
    clu_link_close(l, &o.unsent);
    size_t got = 0;
    static char in[SIZE];
    for (ssize_t n; (n = read(far, in, sizeof in)) > 0;) {
        got += (size_t)n;
    }
    uint64_t next = sent;
    for (clu_list *at = o.unsent.prev; at != &o.unsent; at = at->prev) {
        clu_link_frame *f = CLU_CONTAINER(at, clu_link_frame, at);
        CHECK_EQ(f->ticket.cookie, --next);
        CHECK_EQ(f->sent, 0);
    }
    CHECK(next >= got / SIZE && next <= got / SIZE + 1);
    CHECK_EQ(drop_unsent(&o), sent - next);
    close(far);
    owner_close(&o);
}

TEST("link-3.2 a link takes over what another did not send")
{
    owner o;
    int far_a, far_b;
    owner_open(&o);
    clu_link *a = link_open(&o, &far_a), *b = link_open(&o, &far_b);
    static unsigned char big[1000000];
    clu_ms now = clu_loop_clock();
    clu_link_send(a, clu_slice_of(big, sizeof big), NULL, now);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(clu_link_send(a, clu_slice_of(FRAME, 6), NULL, now), CLU_OK);
    }
    clu_link_close(a, &o.unsent);
    clu_link_adopt(b, &o.unsent, now);
    CHECK(clu_list_empty(&o.unsent));
    CHECK_EQ(o.held.out, 18);
    clu_loop_run(o.loop, 0, 2);
    char in[100];
    CHECK_EQ(read(far_b, in, sizeof in), 18);
    clu_link_close(b, NULL);
    close(far_a);
    close(far_b);
    owner_close(&o);
}

TEST("link-3.3 the queues of all transports have one bound")
{
    owner a, b;
    int far_a, far_b;
    owner_open(&a);
    owner_open(&b);
    b.t.held = &a.held;
    a.limits.at[CLU_LIMIT_QUEUE] = b.limits.at[CLU_LIMIT_QUEUE] = 1500000;
    clu_link *by_a = link_open(&a, &far_a), *by_b = link_open(&b, &far_b);
    static unsigned char big[500000];
    clu_ms now = clu_loop_clock();
    while (a.held.out <= 1000000) {
        CHECK_ERR(clu_link_send(a.held.out < 500000 ? by_a : by_b,
                                clu_slice_of(big, sizeof big), NULL, now),
                  CLU_OK);
    }
    CHECK(by_a->queued > 0 && by_b->queued > 0);
    CHECK_ERR(clu_link_send(by_b, clu_slice_of(big, sizeof big), NULL, now),
              CLU_LIMIT);
    CHECK_ERR(clu_link_send(by_a, clu_slice_of(big, sizeof big), NULL, now),
              CLU_LIMIT);
    clu_link_close(by_a, NULL);
    CHECK_ERR(clu_link_send(by_b, clu_slice_of(FRAME, 6), NULL, now), CLU_OK);
    clu_link_close(by_b, NULL);
    close(far_a);
    close(far_b);
    owner_close(&b);
    owner_close(&a);
}

TEST("link-4.1 a full Unix listener is tried again until it has room")
{
    owner o;
    owner_open(&o);
    clu_sockaddr at;
    char path[sizeof check_place + 10];
    check_make_place();
    snprintf(path, sizeof path, "%s/l.sock", check_place);
    CHECK_ERR(clu_sockaddr_path(path, &at), CLU_OK);
    int l = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    CHECK_EQ(bind(l, (struct sockaddr *)&at.s, at.n), 0);
    CHECK_EQ(listen(l, 0), 0);
    clu_link *links[3] = { NULL };
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
        CHECK_ERR(clu_link_create(&o.pool, fd, &at, clu_loop_clock(),
                                  &links[i]), CLU_OK);
    }
    clu_loop_run(o.loop, 0, 2);
    CHECK(o.connected >= 1 && o.connected < 3);
    CHECK_EQ(o.ended, 0);
    int got[3];
    for (int i = 0; i < 3; i++) {
        clu_ms end = clu_loop_clock() + 1000;
        while (o.connected <= i && clu_loop_clock() < end) {
            clu_loop_run(o.loop, 10, 1);
        }
        got[i] = accept(l, NULL, NULL);
    }
    clu_ms end = clu_loop_clock() + 1000;
    while (o.connected < 3 && clu_loop_clock() < end) {
        clu_loop_run(o.loop, 10, 1);
    }
    CHECK_EQ(o.connected, 3);
    for (int i = 0; i < 3; i++) {
        clu_link_close(links[i], NULL);
        close(got[i]);
    }
    close(l);
    check_remove_place();
    owner_close(&o);
}

TEST("link-4.2 a full listener is tried no longer than a connect may last")
{
    owner o;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_CONNECT] = 3; /* less than between two tries */
    clu_sockaddr at;
    char path[sizeof check_place + 10];
    check_make_place();
    snprintf(path, sizeof path, "%s/l.sock", check_place);
    CHECK_ERR(clu_sockaddr_path(path, &at), CLU_OK);
    int l = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    CHECK_EQ(bind(l, (struct sockaddr *)&at.s, at.n), 0);
    CHECK_EQ(listen(l, 0), 0);
    clu_ms now = clu_loop_clock();
    for (int i = 0; i < 3; i++) {
        clu_link *link;
        CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
        CHECK_ERR(clu_link_create(&o.pool, fd, &at, now, &link), CLU_OK);
    }
    clu_ms end = now + 1000;
    while (o.ended == 0 && clu_loop_clock() < end) {
        clu_loop_run(o.loop, 10, 1);
    }
    CHECK(o.ended > 0);
    CHECK_ERR(o.why, CLU_TIMEOUT);
    CHECK_EQ(o.counters.at[CLU_COUNT_connects_failed], o.ended);
    CHECK_EQ(o.connected + o.ended, 3);
    close(l);
    end = now + 1000;
    while (o.ended < 3 && clu_loop_clock() < end) {     /* those within */
        clu_loop_run(o.loop, 10, 1);
    }
    check_remove_place();
    owner_close(&o);
}

/* Fills what the system takes of it, so that something waits here. */
static void stuff(clu_link *l)
{
    static unsigned char big[100000];
    while (clu_list_empty(&l->queue)) {
        CHECK_ERR(clu_link_send(l, clu_slice_of(big, sizeof big), NULL,
                                clu_loop_clock()), CLU_OK);
    }
}

static void drain(int fd)
{
    static char in[100000];
    while (read(fd, in, sizeof in) > 0) {
    }
}

static void run_for(owner *o, clu_ms ms)
{
    clu_ms end = clu_loop_clock() + ms;
    while (clu_loop_clock() < end) {
        clu_loop_run(o->loop, 5, 1);
    }
}

TEST("link-4.3 it has stalled by the patience there is when it is judged")
{
    owner o;
    int far;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_STALL] = 20;
    clu_link *l = link_open(&o, &far);
    put_frames(far, 1);
    clu_loop_run(o.loop, 0, 1);                 /* proven: for ever */
    stuff(l);
    o.limits.at[CLU_LIMIT_STALL] = 200;
    clu_ms begin = clu_loop_clock();
    run_for(&o, 40);
    CHECK_EQ(o.ended, 0);
    CHECK_EQ(o.counters.at[CLU_COUNT_links_stalled], 0);
    while (o.ended == 0 && clu_loop_clock() < begin + 1000) {
        clu_loop_run(o.loop, 5, 1);
    }
    CHECK_EQ(o.ended, 1);
    CHECK_ERR(o.why, CLU_TIMEOUT);
    CHECK_EQ(o.counters.at[CLU_COUNT_links_stalled], 1);
    drop_unsent(&o);
    close(far);
    owner_close(&o);
}

TEST("link-4.4 what has left meanwhile did not stall")
{
    owner o;
    int far;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_STALL] = 20;
    clu_link *l = link_open(&o, &far);
    put_frames(far, 1);
    clu_loop_run(o.loop, 0, 1);
    stuff(l);
    drain(far);
    clu_link_flush(l, clu_loop_clock());
    CHECK(clu_list_empty(&l->queue));   /* it is the system's now */
    run_for(&o, 50);
    CHECK_EQ(o.ended, 0);
    CHECK_EQ(o.counters.at[CLU_COUNT_links_stalled], 0);
    clu_link_close(l, NULL);
    close(far);
    owner_close(&o);
}

TEST("link-4.5 one that broke ends by that, however late it is judged")
{
    owner o;
    int far;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_FIRST_PACKET] = 20;
    clu_link *l = link_open(&o, &far);
    close(far);
    CHECK_ERR(clu_link_send(l, clu_slice_str("x"), NULL, clu_loop_clock()),
              CLU_SYSTEM);
    CHECK_ERR(clu_link_send(l, clu_slice_str("x"), NULL, clu_loop_clock()),
              CLU_SYSTEM);
    clu_link_flush(l, clu_loop_clock());        /* nothing, and no harm */
    usleep(40000);
    run_for(&o, 20);
    CHECK_EQ(o.ended, 1);
    CHECK(o.why != CLU_TIMEOUT);
    CHECK_EQ(o.counters.at[CLU_COUNT_links_expired], 0);
    owner_close(&o);
}

TEST("link-4.6 one that broke is read to its end, whatever is overdue")
{
    enum { COUNT = 1000 };
    owner o;
    int far;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_STALL] = 1;
    clu_link *l = link_open(&o, &far);
    stuff(l);
    put_frames(far, COUNT);
    close(far);                         /* what was sent to it is lost */
    clu_ms end = clu_loop_clock() + 2000;
    while (o.ended == 0 && clu_loop_clock() < end) {
        clu_loop_run(o.loop, 0, 1);
        usleep(2000);
    }
    CHECK_EQ(o.ended, 1);
    CHECK_EQ(o.frames, COUNT);
    CHECK_EQ(o.counters.at[CLU_COUNT_links_stalled], 0);
    owner_close(&o);
}

/* ---- what leaves together ------------------------------------------------ */

/* Each write is a record of its own here, so that writes can be counted. */
static clu_link *link_of_records(owner *o, int *far)
{
    int fd[2];
    clu_link *l = NULL;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
    CHECK_ERR(clu_link_create(&o->pool, fd[0], NULL, clu_loop_clock(), &l),
              CLU_OK);
    *far = fd[1];
    return l;
}

/* The bytes of the frames, of which each says its number, in how many writes;
   -1: not in their order. */
static int writes(int fd, int *frames)
{
    char in[4096];
    int count = 0;
    for (ssize_t n; (n = read(fd, in, sizeof in)) > 0; count++) {
        for (ssize_t i = 0; i < n; i += 6) {
            if (in[i + 3] != (char)('a' + *frames)) {
                return -1;
            }
            (*frames)++;
        }
    }
    return count;
}

/* So many numbered frames, all of them taken. */
static void send_frames(clu_link *l, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char frame[] = FRAME;
        frame[3] = (char)('a' + i);
        clu_ticket ticket = { .cookie = (uint64_t)i };
        CHECK_ERR(clu_link_send(l, clu_slice_of(frame, 6), &ticket,
                                clu_loop_clock()), CLU_OK);
    }
}

TEST("link-5.1 frames leave together when corked, to our kind only")
{
    static const struct { bool together, corked; int before, all; } cases[] = {
        { true,  true,  0, 1 }, { false, true,  5, 5 },
        { true,  false, 5, 5 }, { false, false, 5, 5 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("together %d, corked %d", cases[i].together,
                    cases[i].corked);
        owner o;
        int far, frames = 0;
        owner_open(&o);
        clu_link *l = link_of_records(&o, &far);
        l->together = cases[i].together;
        clu_loop_cork(o.loop, cases[i].corked);
        send_frames(l, 0, 5);
        int before = writes(far, &frames);
        CHECK_EQ(before, cases[i].before);
        CHECK_EQ(o.held.out, frames == 0 ? 30 : 0);
        clu_loop_cork(o.loop, false);
        CHECK_EQ(before + writes(far, &frames), cases[i].all);
        CHECK_EQ(frames, 5);
        send_frames(l, 5, 1);
        CHECK_EQ(writes(far, &frames), 1);      /* at once again */
        clu_link_close(l, NULL);
        close(far);
        owner_close(&o);
    }
}

TEST("link-5.2 the cork is drawn before the loop serves, by whom it may be")
{
    owner o;
    int far, frames = 0;
    owner_open(&o);
    clu_link *l = link_of_records(&o, &far);
    l->together = true;
    clu_loop_cork(o.loop, true);
    send_frames(l, 0, 3);
    clu_loop_run(o.loop, 0, 1);
    CHECK_EQ(writes(far, &frames), 1);
    CHECK_EQ(frames, 3);
    CHECK(!clu_loop_corked(o.loop));
    clu_loop_cork(o.loop, true);
    send_frames(l, 3, 2);
    clu_link_flush(l, clu_loop_clock());        /* it is about to stop */
    CHECK_EQ(writes(far, &frames), 1);
    send_frames(l, 5, 2);
    clu_link_close(l, &o.unsent);
    CHECK_EQ(drop_unsent(&o), 2);
    clu_loop_cork(o.loop, false);               /* it is gone: nothing */
    CHECK_EQ(writes(far, &frames), 0);
    close(far);
    owner_close(&o);
}

TEST("link-5.3 what waited for a broken link comes back, in order")
{
    owner o;
    int far;
    owner_open(&o);
    clu_link *l = link_of_records(&o, &far);
    l->together = true;
    clu_loop_cork(o.loop, true);
    send_frames(l, 0, 3);
    close(far);
    CHECK_EQ(o.ended, 0);
    clu_loop_cork(o.loop, false);
    clu_loop_run(o.loop, 0, 2);
    CHECK_EQ(o.ended, 1);
    uint64_t next = 0;
    for (clu_list *at = o.unsent.next; at != &o.unsent; at = at->next) {
        CHECK_EQ(CLU_CONTAINER(at, clu_link_frame, at)->ticket.cookie, next);
        next++;
    }
    CHECK_EQ(drop_unsent(&o), 3);
    owner_close(&o);
}

TEST("link-5.4 waiting is no reason for a queue to be full")
{
    owner o;
    int far, frames = 0;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_LINK_QUEUE] = 20;     /* three frames */
    clu_link *l = link_of_records(&o, &far);
    l->together = true;
    clu_loop_cork(o.loop, true);
    send_frames(l, 0, 10);
    clu_loop_cork(o.loop, false);
    CHECK_EQ(writes(far, &frames), 4);
    CHECK_EQ(frames, 10);
    clu_link_close(l, NULL);
    close(far);
    owner_close(&o);
}

TEST("link-5.5 a kernel that is full takes the rest later, in order")
{
    enum { SIZE = 30000, COUNT = 40 };
    owner o;
    int far;
    owner_open(&o);
    o.limits.at[CLU_LIMIT_LINK_QUEUE] = 2 * SIZE * COUNT;
    clu_link *l = link_open(&o, &far);
    l->together = true;
    static unsigned char big[SIZE], in[SIZE * COUNT];
    clu_loop_cork(o.loop, true);
    for (int i = 0; i < COUNT; i++) {
        memset(big, i, SIZE);
        CHECK_ERR(clu_link_send(l, clu_slice_of(big, SIZE), NULL,
                                clu_loop_clock()), CLU_OK);
    }
    clu_loop_cork(o.loop, false);
    CHECK(l->queued > 0);
    size_t got = 0;
    for (int tries = 0; got < sizeof in && tries < 1000; tries++) {
        ssize_t n = read(far, in + got, sizeof in - got);
        got += n > 0 ? (size_t)n : 0;
        clu_loop_run(o.loop, 10, 1);
    }
    CHECK_EQ(got, sizeof in);
    for (size_t i = 0; i < got; i++) {
        if (in[i] != i / SIZE) {
            CHECK_EQ(in[i], i / SIZE);
            break;
        }
    }
    clu_link_close(l, NULL);
    close(far);
    owner_close(&o);
}

TEST("link-5.6 what comes behind what waits for a broken link comes back too")
{
    owner o;
    int far;
    owner_open(&o);
    clu_link *l = link_of_records(&o, &far);
    l->together = true;
    clu_loop_cork(o.loop, true);
    send_frames(l, 0, 2);
    close(far);
    clu_link_flush(l, clu_loop_clock());        /* breaks it */
    send_frames(l, 2, 2);
    clu_loop_cork(o.loop, false);
    clu_loop_run(o.loop, 0, 2);
    CHECK_EQ(o.ended, 1);
    uint64_t next = 0;
    for (clu_list *at = o.unsent.next; at != &o.unsent; at = at->next) {
        CHECK_EQ(CLU_CONTAINER(at, clu_link_frame, at)->ticket.cookie, next);
        next++;
    }
    CHECK_EQ(drop_unsent(&o), 4);
    owner_close(&o);
}

TEST("link-5.7 a large frame does not wait, nor what has no room to")
{
    static const struct { size_t first, second; clu_err err; } cases[] = {
        { 100, 70000, CLU_OK },         /* larger than what goes together */
        { 50000, 10000, CLU_OK },       /* all fits, but not together */
        { 50000, 20000, CLU_LIMIT },
    };
    static const unsigned char bytes[70000];
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        owner o;
        int far, small = 4096;
        owner_open(&o);
        o.limits.at[CLU_LIMIT_LINK_QUEUE] = i == 0 ? 100000 : 60000;
        clu_link *l = link_open(&o, &far);
        CHECK_EQ(setsockopt(l->watch.fd, SOL_SOCKET, SO_SNDBUF, &small,
                            sizeof small), 0);
        l->together = true;
        clu_loop_cork(o.loop, true);
        CHECK_ERR(clu_link_send(l, clu_slice_of(bytes, cases[i].first), NULL,
                                clu_loop_clock()), CLU_OK);
        CHECK(l->waiting);
        CHECK_ERR(clu_link_send(l, clu_slice_of(bytes, cases[i].second), NULL,
                                clu_loop_clock()), cases[i].err);
        CHECK_EQ(l->waiting, cases[i].first + cases[i].second <= 65536);
        clu_loop_cork(o.loop, false);
        clu_link_close(l, NULL);
        close(far);
        owner_close(&o);
    }
}

/* ---- without memory ------------------------------------------------------ */

TEST("link-6.1 half a frame that cannot be kept ends the link")
{
    owner o;
    int far;
    owner_open(&o);
    clu_link *l = link_open(&o, &far);
    static unsigned char big[4000000];
    clu_alloc_fail_at(1, true);
    CHECK_ERR(clu_link_send(l, clu_slice_of(big, sizeof big), NULL,
                            clu_loop_clock()), CLU_NOMEM);
    clu_alloc_fail_at(0, false);
    CHECK_ERR(clu_link_send(l, clu_slice_of(FRAME, 6), NULL,
                            clu_loop_clock()), CLU_SYSTEM);
    clu_loop_run(o.loop, 0, 2);
    CHECK_EQ(o.ended, 1);
    CHECK_ERR(o.why, CLU_SYSTEM);
    close(far);
    owner_close(&o);
}

TEST("link-6.2 a link that cannot be begun leaves its descriptor to its maker")
{
    owner o;
    owner_open(&o);
    int fd[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    clu_link *l = NULL;
    int tries = 0;
    clu_err err = CLU_NOMEM;
    while (err == CLU_NOMEM && tries < 10) {
        clu_alloc_fail_at(++tries, true);
        err = clu_link_create(&o.pool, fd[0], NULL, clu_loop_clock(), &l);
        clu_alloc_fail_at(0, false);
        CHECK_EQ(l != NULL, err == CLU_OK);
    }
    CHECK_ERR(err, CLU_OK);
    CHECK(tries > 2);
    clu_link_hold(l);
    clu_link_close(l, NULL);
    clu_link_close(l, NULL);            /* once is enough */
    clu_link_flush(l, clu_loop_clock());
    CHECK_ERR(clu_link_send(l, clu_slice_of(FRAME, 6), NULL,
                            clu_loop_clock()), CLU_SYSTEM);
    clu_link_release(l);
    close(fd[1]);
    owner_close(&o);
}

TEST("link-2.2 a frame without its end is junk, and the next one is read")
{
    owner o;
    int far;
    owner_open(&o);
    clu_link *l = link_open(&o, &far);
    static const char bytes[] = "\xc0\x8d\1y\1\1" FRAME;
    CHECK_EQ(write(far, bytes, 12), 12);
    clu_loop_run(o.loop, 0, 2);
    CHECK_EQ(o.junk, 6);
    CHECK_EQ(o.frames, 1);
    clu_link_close(l, NULL);
    close(far);
    owner_close(&o);
}
