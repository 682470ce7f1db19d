/*
 * loop_test.c -- descriptors, timers, and callbacks that end watches.
 */
#include "check.h"
#include "loop.h"
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct probe {
    clu_watch watch;
    clu_timer timer;
    clu_loop *loop;
    struct probe *victim;       /* stopped by the callback */
    int fd[2];
    int calls;
    unsigned events;
    clu_ms at;
} probe;

static void ready(clu_watch *watch, unsigned events, clu_ms now)
{
    probe *p = CLU_CONTAINER(watch, probe, watch);
    p->calls++;
    p->events = events;
    p->at = now;
    if (p->victim) {
        clu_loop_unwatch(p->loop, &p->victim->watch);
    }
}

static void due(clu_timer *timer, clu_ms now)
{
    probe *p = CLU_CONTAINER(timer, probe, timer);
    p->calls++;
    p->at = now;
    if (p->victim) {
        CHECK_ERR(clu_loop_set(p->loop, timer, now), CLU_OK);
    }
}

static void probe_open(probe *p, clu_loop *loop)
{
    *p = (probe){ .watch = { .ready = ready, .fd = -1 },
                  .timer = { .due = due }, .loop = loop };
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fd), 0);
    CHECK_ERR(clu_loop_watch(loop, &p->watch, p->fd[0], CLU_READABLE),
              CLU_OK);
}

static void probe_close(probe *p)
{
    clu_loop_unwatch(p->loop, &p->watch);
    clu_loop_cancel(p->loop, &p->timer);
    clu_sock_close(p->fd[0]);
    clu_sock_close(p->fd[1]);
}

static void poke(probe *p)
{
    CHECK_EQ(write(p->fd[1], "x", 1), 1);
}

static clu_loop *loop_open(void)
{
    clu_loop *loop = NULL;
    CHECK_ERR(clu_loop_create(&loop), CLU_OK);
    return loop;
}

/* Has the loop's own descriptor become readable within so many ms? */
static bool wakes(clu_loop *loop, int ms)
{
    struct pollfd p = { clu_loop_descriptor(loop), POLLIN, 0 };
    return poll(&p, 1, ms) == 1;
}

TEST("loop-1.1 what is ready is told, each round again while it is")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    CHECK(!clu_loop_run(loop, 0, 1));
    CHECK_EQ(p.calls, 0);
    poke(&p);
    CHECK(clu_loop_run(loop, 0, 3));
    CHECK_EQ(p.calls, 3);
    CHECK_EQ(p.events, CLU_READABLE);
    clu_loop_change(loop, &p.watch, CLU_WRITABLE);
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.events, CLU_WRITABLE);
    clu_loop_change(loop, &p.watch, 0);
    CHECK(!clu_loop_run(loop, 0, 1));
    clu_loop_change(loop, &p.watch, CLU_READABLE);
    CHECK(clu_loop_run(loop, 0, 1));
    CHECK_EQ(p.calls, 5);
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-1.2 the end of the other side is told")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    clu_sock_close(p.fd[1]);
    p.fd[1] = -1;
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.calls, 1);
    CHECK(p.events & (CLU_READABLE | CLU_FAILED));
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-1.3 a watch stopped by another's callback is not called")
{
    clu_loop *loop = loop_open();
    probe a, b;
    probe_open(&a, loop);
    probe_open(&b, loop);
    a.victim = &b;
    b.victim = &a;
    poke(&a);
    poke(&b);
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(a.calls + b.calls, 1);
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(a.calls + b.calls, 2);
    CHECK(a.calls == 2 || b.calls == 2);
    probe_close(&a);
    probe_close(&b);
    clu_loop_destroy(loop);
}

static void free_self(clu_watch *watch, unsigned events, clu_ms now)
{
    probe *p = CLU_CONTAINER(watch, probe, watch);
    (void)events;
    (void)now;
    probe_close(p);
    clu_free(p);
}

TEST("loop-1.4 a callback may free what holds its watch")
{
    clu_loop *loop = loop_open();
    for (int i = 0; i < 100; i++) {
        probe *p = clu_alloc(sizeof *p);
        probe_open(p, loop);
        p->watch.ready = free_self;
        poke(p);
    }
    long live = clu_alloc_live();
    while (clu_loop_run(loop, 0, 1)) {
    }
    CHECK_EQ(clu_alloc_live(), live - 100);
    clu_loop_destroy(loop);
}

TEST("loop-1.5 more watches than a batch holds all get their turn")
{
    enum { MANY = 200 };
    clu_loop *loop = loop_open();
    static probe p[MANY];
    int fewest = 1000;
    for (int i = 0; i < MANY; i++) {
        probe_open(&p[i], loop);
        poke(&p[i]);
    }
    clu_loop_run(loop, 0, 8);
    for (int i = 0; i < MANY; i++) {
        fewest = p[i].calls < fewest ? p[i].calls : fewest;
        probe_close(&p[i]);
    }
    CHECK(fewest >= 1);
    clu_loop_destroy(loop);
}

static void once_more(clu_watch *watch, unsigned events, clu_ms now)
{
    probe *p = CLU_CONTAINER(watch, probe, watch);
    (void)now;
    p->events = events;
    if (++p->calls < 5) {
        clu_loop_again(p->loop, watch);
        clu_loop_again(p->loop, watch);
    }
    if (p->victim) {
        clu_loop_unwatch(p->loop, &p->victim->watch);
    }
}

TEST("loop-1.6 work left over is called for once in each following round")
{
    clu_loop *loop = loop_open();
    probe p, q;
    probe_open(&p, loop);
    probe_open(&q, loop);
    p.watch.ready = q.watch.ready = once_more;
    clu_loop_again(loop, &p.watch);
    CHECK(clu_loop_descriptor(loop) < 0 || wakes(loop, 1000));
    for (int i = 1; i <= 5; i++) {
        CHECK(clu_loop_run(loop, 1000, 1));
        CHECK_EQ(p.calls, i);
        CHECK_EQ(p.events, 0);
    }
    CHECK(!clu_loop_run(loop, 0, 1));
    CHECK_EQ(clu_loop_due(loop), CLU_NEVER);
    clu_loop_again(loop, &p.watch);
    clu_loop_again(loop, &q.watch);
    p.victim = &q;
    clu_loop_run(loop, 0, 3);
    CHECK_EQ(q.calls, 0);
    clu_loop_again(loop, &q.watch);     /* it is not watched */
    CHECK(!clu_loop_run(loop, 0, 1));
    probe_close(&p);
    probe_close(&q);
    clu_loop_destroy(loop);
}

/* Three timers, each checked; how late the latest was. */
static clu_ms run_timers(void)
{
    clu_loop *loop = loop_open();
    clu_ms latest = 0;
    probe p[3];
    clu_ms start = clu_loop_clock();
    const int after[] = { 30, 10, 20 };
    for (int i = 0; i < 3; i++) {
        probe_open(&p[i], loop);
        CHECK_ERR(clu_loop_set(loop, &p[i].timer, start + after[i]), CLU_OK);
    }
    CHECK_EQ(clu_loop_due(loop), start + 10);
    while (p[0].calls == 0 && clu_loop_clock() < start + 2000) {
        clu_loop_run(loop, 1000, 1);
    }
    for (int i = 0; i < 3; i++) {
        check_about("after %d ms: %lld", after[i],
                    (long long)(p[i].at - start));
        CHECK_EQ(p[i].calls, 1);
        CHECK(p[i].at >= start + after[i]);
        clu_ms late = p[i].at - start - after[i];
        latest = late > latest ? late : latest;
        probe_close(&p[i]);
    }
    CHECK_EQ(clu_loop_due(loop), CLU_NEVER);
    clu_loop_destroy(loop);
    return latest;
}

TEST("loop-2.1 timers run in their order, never early, hardly late")
{
    clu_ms late = run_timers();
    for (int more = 2; more > 0 && late > 50; more--) {     /* a busy machine */
        late = run_timers();
    }
    CHECK(late <= 50);
}

TEST("loop-2.2 the descriptor wakes for a timer and for nothing else")
{
    clu_loop *loop = loop_open();
    if (clu_loop_descriptor(loop) < 0) {
        clu_loop_destroy(loop);
        SKIP("poll has no descriptor");
    }
    probe p;
    probe_open(&p, loop);
    CHECK(!wakes(loop, 0));
    clu_ms start = clu_loop_clock();
    clu_loop_set(loop, &p.timer, start + 20);
    CHECK(wakes(loop, 2000));
    CHECK(clu_loop_clock() - start >= 20);
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.calls, 1);
    CHECK(!wakes(loop, 30));
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-2.3 a deadline moved later, earlier or away is kept")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    clu_ms start = clu_loop_clock();
    clu_loop_set(loop, &p.timer, start + 5000);
    clu_loop_set(loop, &p.timer, start + 10);
    clu_loop_set(loop, &p.timer, start + 40);
    while (p.calls == 0 && clu_loop_clock() < start + 2000) {
        clu_loop_run(loop, 1000, 1);
    }
    CHECK(p.at >= start + 40);
    clu_loop_set(loop, &p.timer, clu_loop_clock() + 5);
    clu_loop_cancel(loop, &p.timer);
    clu_loop_run(loop, 20, 1);
    CHECK_EQ(p.calls, 1);
    clu_loop_set(loop, &p.timer, CLU_NEVER);
    clu_loop_run(loop, 5, 1);
    CHECK_EQ(p.calls, 1);
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-2.4 a timer that sets itself for now does not hold up the loop")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    p.victim = &p;
    clu_loop_set(loop, &p.timer, clu_loop_clock());
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.calls, 1);
    CHECK(clu_loop_descriptor(loop) < 0 || wakes(loop, 1000));
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.calls, 2);
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-2.5 a wait ends by its time, and what is armed is left alone")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    clu_ms start = clu_loop_clock(), now = start;
    CHECK_ERR(clu_loop_set(loop, &p.timer, start + 60000), CLU_OK);
    for (int tries = 0; now < start + 20 && tries < 1000; tries++) {
        CHECK(!clu_loop_run(loop, (int)(start + 20 - now), 1));
        now = clu_loop_clock();
    }
    CHECK(now >= start + 20);
    CHECK_EQ(p.calls, 0);
    CHECK_EQ(clu_loop_due(loop), start + 60000);
    clu_loop_set(loop, &p.timer, now + 10);     /* earlier than the end */
    while (p.calls == 0 && clu_loop_clock() < start + 5000) {
        clu_loop_run(loop, 4000, 1);
    }
    CHECK_EQ(p.calls, 1);
    CHECK(p.at >= now + 10 && p.at < start + 4000);
    probe_close(&p);
    clu_loop_destroy(loop);
}

static void run_again(clu_watch *watch, unsigned events, clu_ms now)
{
    probe *p = CLU_CONTAINER(watch, probe, watch);
    (void)events;
    (void)now;
    p->calls++;
    CHECK(!clu_loop_run(p->loop, 0, 1));
}

TEST("loop-3.1 the loop is not re-entered")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    p.watch.ready = run_again;
    poke(&p);
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p.calls, 1);
    probe_close(&p);
    clu_loop_destroy(loop);
}

static int told_fd, told;

static void observe(void *ctx, int fd, unsigned events)
{
    CHECK(ctx == &told);
    told_fd = fd;
    told = (int)events;
}

TEST("loop-3.2 the observer hears of every watch")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    clu_loop_observe(loop, observe, &told);
    CHECK_EQ(told_fd, p.fd[0]);
    CHECK_EQ(told, CLU_READABLE);
    clu_loop_change(loop, &p.watch, CLU_READABLE | CLU_WRITABLE);
    CHECK_EQ(told, CLU_READABLE | CLU_WRITABLE);
    probe_close(&p);
    CHECK_EQ(told, 0);
    clu_loop_destroy(loop);
}

TEST("loop-4.1 without a low descriptor the loop says so")
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int high = dup(0);
    if (limit.rlim_cur < FD_SETSIZE + 64 || high < 0) {
        SKIP("the process may have too few descriptors");
    }
    static int taken[FD_SETSIZE];
    int n = 0;
    taken[n++] = high;
    while (n < FD_SETSIZE && taken[n - 1] < FD_SETSIZE - 1) {
        taken[n++] = dup(0);
    }
    clu_loop *loop = NULL;
    clu_err err = clu_loop_create(&loop);
    int why = errno;
    while (n > 0) {
        close(taken[--n]);
    }
    if (err == CLU_OK) {
        CHECK_EQ(clu_loop_descriptor(loop), -1);
        clu_loop_destroy(loop);
        return;
    }
    CHECK_ERR(err, CLU_SYSTEM);
    CHECK_EQ(why, EMFILE);
}

static clu_err scenario(void *ctx)
{
    (void)ctx;
    clu_loop *loop;
    clu_err err = clu_loop_create(&loop);
    if (err != CLU_OK) {
        return err;
    }
    static probe p[20];
    for (size_t i = 0; i < CLU_COUNT_OF(p); i++) {
        p[i] = (probe){ .watch = { .ready = ready, .fd = -1 },
                        .timer = { .due = due }, .loop = loop };
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, p[i].fd), 0);
        if (err == CLU_OK) {
            err = clu_loop_watch(loop, &p[i].watch, p[i].fd[0], CLU_READABLE);
        }
        if (err == CLU_OK) {
            err = clu_loop_set(loop, &p[i].timer, (clu_ms)i);
        }
    }
    for (size_t i = 0; i < CLU_COUNT_OF(p); i++) {
        probe_close(&p[i]);
    }
    clu_loop_destroy(loop);
    return err;
}

TEST("loop-5.1 without memory nothing is left behind")
{
    CHECK_NOMEM(scenario, NULL);
}

static void cancel_other(clu_timer *timer, clu_ms now)
{
    probe *p = CLU_CONTAINER(timer, probe, timer);
    (void)now;
    p->calls++;
    clu_loop_cancel(p->loop, &p->victim->timer);
}

TEST("loop-2.6 a timer that another one cancels in its turn does not run")
{
    clu_loop *loop = loop_open();
    probe p[2];
    for (int i = 0; i < 2; i++) {
        probe_open(&p[i], loop);
        p[i].timer.due = cancel_other;
        p[i].victim = &p[1 - i];
        CHECK_ERR(clu_loop_set(loop, &p[i].timer, 1), CLU_OK);
    }
    clu_loop_run(loop, 0, 1);
    CHECK_EQ(p[0].calls + p[1].calls, 1);
    CHECK_EQ(clu_loop_due(loop), CLU_NEVER);
    probe_close(&p[0]);
    probe_close(&p[1]);
    clu_loop_destroy(loop);
}

TEST("loop-2.7 a wait of any length ends when something comes")
{
    static const int waits[] = { -1, 0, 1, 59999, 70000 };
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    poke(&p);
    for (size_t i = 0; i < CLU_COUNT_OF(waits); i++) {
        for (int timer = 0; timer < 2; timer++) {
            check_about("%d ms, %d timers", waits[i], timer);
            CHECK_ERR(clu_loop_set(loop, &p.timer, timer
                                   ? clu_loop_clock() + 100000 : CLU_NEVER),
                      CLU_OK);
            int calls = p.calls;
            CHECK(!clu_loop_run(loop, waits[i], 0));    /* no round at all */
            CHECK_EQ(p.calls, calls);
            CHECK(clu_loop_run(loop, waits[i], 1));
            CHECK_EQ(p.calls, calls + 1);
            CHECK(clu_loop_served(loop) <= clu_loop_micros());
        }
    }
    probe_close(&p);
    clu_loop_destroy(loop);
}

TEST("loop-3.3 what is not watched is changed and called for in vain")
{
    clu_loop *loop = loop_open();
    probe p;
    probe_open(&p, loop);
    clu_loop_unwatch(loop, &p.watch);
    CHECK_ERR(clu_loop_change(loop, &p.watch, CLU_READABLE), CLU_OK);
    CHECK_EQ(p.watch.events, 0);
    clu_loop_later(loop, &p.watch);
    clu_loop_again(loop, &p.watch);
    poke(&p);
    clu_loop_cork(loop, false);
    CHECK(!clu_loop_run(loop, 0, 1));
    CHECK_EQ(p.calls, 0);
    probe_close(&p);
    clu_loop_destroy(loop);
}

/* Whether a child that is forked now has sockets; its loops are looked at. */
static int child_of(clu_loop *loop, probe *p)
{
    /* By its address: a build that counts lines would count anew in the child,
       which then has been through our code already. */
    pid_t (*volatile plain)(void) = fork;
    pid_t child = plain();
    if (child == 0) {
        int fd = -1, calls = p ? p->calls : 0;
        bool opens = clu_sock_open(AF_INET, SOCK_STREAM, &fd) == CLU_OK;
        /* Poll looks at each descriptor, which is readable now: its end. */
        if (loop && clu_loop_descriptor(loop) >= 0
            && clu_loop_run(loop, 0, 1)) {
            exit(p && p->calls > calls ? 2 : 3);
        }
        exit(opens);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST("loop-6.1 a forked child hears nothing of its parent's, who goes on")
{
    CHECK_EQ(child_of(NULL, NULL), 1);
    clu_loop *loop = loop_open(), *other = loop_open();
    probe p;
    probe_open(&p, loop);
    CHECK_ERR(clu_loop_set(loop, &p.timer, clu_loop_clock() + 100000), CLU_OK);
    CHECK_EQ(child_of(loop, &p), 0);
    poke(&p);
    CHECK(clu_loop_run(loop, 0, 1));
    CHECK_EQ(p.calls, 1);
    probe_close(&p);
    clu_loop_destroy(other);
    clu_loop_destroy(loop);
    CHECK_EQ(child_of(NULL, NULL), 1);
}
