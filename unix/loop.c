/*
 * loop.c -- watches descriptors and wakes at the earliest deadline.
 *
 * Layer: transport (system).
 *
 * Tricky because 1. a callback may stop and free watches whose events were
 * fetched already: unwatch takes them out of the batch being served; 2. a
 * timer may set itself for now again: only as many run as were due at the
 * beginning; 3. deadlines mostly move later, and telling the system each
 * time costs more than one idle wake-up: what is armed is moved only when it
 * would come too late.
 */
#include "loopInt.h"

#include "sock.h"

#include <pthread.h>
#include <time.h>

int64_t clu_loop_micros(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

clu_ms clu_loop_clock(void)
{
    return clu_loop_micros() / 1000;
}

int64_t clu_loop_served(const clu_loop *loop)
{
    return loop->served;
}

/* ---- A child that was forked --------------------------------------------- */

static _Thread_local clu_list loops;    /* of this thread: the one that forks */

static void in_child(void)
{
    if (loops.next == NULL || clu_list_empty(&loops)) {
        return;
    }
    clu_sock_orphan(-1);
    for (clu_list *at = loops.next; at != &loops; at = at->next) {
        clu_loop *l = CLU_CONTAINER(at, clu_loop, link);
        for (clu_list *w = l->watches.next; w != &l->watches; w = w->next) {
            clu_sock_orphan(CLU_CONTAINER(w, clu_watch, link)->fd);
        }
        clu_poller_orphan(l->poller);
        l->armed = CLU_NEVER;
    }
}

static void look_at_forks(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

static void enlist(clu_loop *l)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_at_forks);
    if (loops.next == NULL) {
        clu_list_init(&loops);
    }
    clu_list_append(&loops, &l->link);
}

/* ---- Life ---------------------------------------------------------------- */

clu_err clu_loop_create(clu_loop **loop)
{
    clu_loop *l = clu_alloc(sizeof *l);
    if (!l) {
        return CLU_NOMEM;
    }
    clu_err err = clu_poller_create(&l->poller);
    if (err != CLU_OK) {
        clu_free(l);
        return err;
    }
    clu_list_init(&l->watches);
    clu_list_init(&l->again);
    clu_list_init(&l->later);
    l->armed = CLU_NEVER;
    enlist(l);
    *loop = l;
    return CLU_OK;
}

void clu_loop_destroy(clu_loop *loop)
{
    if (!loop) {
        return;
    }
    clu_list_unlink(&loop->link);
    if (clu_list_empty(&loops)) {
        clu_sock_adopt();
    }
    clu_poller_destroy(loop->poller);
    clu_heap_fini(&loop->timers);
    clu_free(loop);
}

int clu_loop_descriptor(clu_loop *loop)
{
    return clu_poller_descriptor(loop->poller);
}

/* ---- Watches ------------------------------------------------------------- */

static void announce(clu_loop *loop, int fd, unsigned events)
{
    if (loop->observer) {
        loop->observer(loop->observer_ctx, fd, events);
    }
}

void clu_loop_observe(clu_loop *loop, clu_loop_observer *observer, void *ctx)
{
    loop->observer = observer;
    loop->observer_ctx = ctx;
    for (clu_list *at = loop->watches.next; at != &loop->watches;
         at = at->next) {
        clu_watch *watch = CLU_CONTAINER(at, clu_watch, link);
        announce(loop, watch->fd, watch->events);
    }
}

static clu_err set(clu_loop *loop, clu_watch *watch, unsigned events)
{
    if (watch->events == events) {
        return CLU_OK;
    }
    clu_err err = clu_poller_set(loop->poller, watch, watch->events, events);
    if (err == CLU_OK) {
        watch->events = events;
    }
    return err;
}

clu_err clu_loop_watch(clu_loop *loop, clu_watch *watch, int fd,
                       unsigned events)
{
    watch->fd = fd;
    watch->events = 0;
    clu_err err = set(loop, watch, events);
    if (err != CLU_OK) {
        watch->fd = -1;
        return err;
    }
    clu_list_init(&watch->link);
    clu_list_init(&watch->again);
    clu_list_init(&watch->later);
    clu_list_append(&loop->watches, &watch->link);
    announce(loop, fd, events);
    return CLU_OK;
}

clu_err clu_loop_change(clu_loop *loop, clu_watch *watch, unsigned events)
{
    if (watch->fd < 0 || watch->events == events) {
        return CLU_OK;
    }
    clu_err err = set(loop, watch, events);
    if (err == CLU_OK) {
        announce(loop, watch->fd, events);
    }
    return err;
}

void clu_loop_unwatch(clu_loop *loop, clu_watch *watch)
{
    if (watch->fd < 0) {
        return;
    }
    announce(loop, watch->fd, 0);
    (void)set(loop, watch, 0);
    clu_list_unlink(&watch->link);
    clu_list_unlink(&watch->again);
    clu_list_unlink(&watch->later);
    watch->fd = -1;
    for (int i = 0; i < loop->batched; i++) {
        if (loop->batch[i].watch == watch) {
            loop->batch[i].watch = NULL;
        }
    }
}

/* ---- Timers -------------------------------------------------------------- */

clu_ms clu_loop_due(clu_loop *loop)
{
    if (!clu_list_empty(&loop->again)) {
        return 0;
    }
    clu_due *first = clu_heap_first(&loop->timers);
    return first ? first->at : CLU_NEVER;
}

static void wake_by(clu_loop *loop, clu_ms at, clu_ms now)
{
    if (at < loop->armed || loop->armed <= now) {
        /* What failed is tried again when next there is something to arm. */
        clu_err err = clu_poller_arm(loop->poller, at);
        loop->armed = err == CLU_OK ? at : CLU_NEVER;
    }
}

static void rearm(clu_loop *loop, clu_ms now)
{
    wake_by(loop, clu_loop_due(loop), now);
}

clu_err clu_loop_set(clu_loop *loop, clu_timer *timer, clu_ms at)
{
    clu_err err = clu_heap_set(&loop->timers, &timer->when, at);
    if (err == CLU_OK && !loop->running && at < loop->armed) {
        rearm(loop, INT64_MIN);
    }
    return err;
}

void clu_loop_cancel(clu_loop *loop, clu_timer *timer)
{
    clu_heap_drop(&loop->timers, &timer->when);
}

void clu_loop_again(clu_loop *loop, clu_watch *watch)
{
    if (watch->fd < 0) {
        return;
    }
    clu_list_unlink(&watch->again);
    clu_list_append(&loop->again, &watch->again);
    if (!loop->running) {
        rearm(loop, INT64_MIN);
    }
}

/* How many of the timers from this place of the heap down are due. */
static size_t count_due(const clu_heap *heap, size_t place, clu_ms now)
{
    if (place > heap->count || heap->at[place]->at > now) {
        return 0;
    }
    return 1 + count_due(heap, 2 * place, now)
        + count_due(heap, 2 * place + 1, now);
}

static void run_timers(clu_loop *loop, clu_ms now)
{
    for (size_t left = count_due(&loop->timers, 1, now); left > 0; left--) {
        clu_due *due = clu_heap_take(&loop->timers, now);
        if (!due) {
            return;
        }
        clu_timer *timer = CLU_CONTAINER(due, clu_timer, when);
        timer->due(timer, now);
    }
}

/* ---- Serving ------------------------------------------------------------- */

/* How long the system may wait so that no timer is late; it is armed for the
   end of that. */
static int patience(clu_loop *loop, int wait)
{
    clu_ms due = clu_loop_due(loop);
    if (wait == 0 || (wait < 0 && due == CLU_NEVER)) {
        return wait;
    }
    clu_ms now = clu_loop_clock();
    clu_ms end = wait < 0 || due - now < wait ? due : now + wait;
    if (end <= now) {
        return 0;
    }
    wake_by(loop, end, now);
    return (int)(end - now < 60000 ? end - now : 60000);
}

/* Those that asked before this round; who asks now waits for the next. */
static int serve_again(clu_list *asked, clu_ms now)
{
    int n = 0;
    while (!clu_list_empty(asked)) {
        clu_watch *watch = CLU_CONTAINER(asked->next, clu_watch, again);
        clu_list_unlink(&watch->again);
        watch->ready(watch, 0, now);
        n++;
    }
    return n;
}

static void move_all(clu_list *from, clu_list *to)
{
    clu_list_init(to);
    while (!clu_list_empty(from)) {
        clu_list *first = from->next;
        clu_list_unlink(first);
        clu_list_append(to, first);
    }
}

/* ---- What leaves together ------------------------------------------------ */

bool clu_loop_corked(const clu_loop *loop)
{
    return loop->corked;
}

void clu_loop_later(clu_loop *loop, clu_watch *watch)
{
    if (watch->fd >= 0) {
        clu_list_unlink(&watch->later);
        clu_list_append(&loop->later, &watch->later);
    }
}

static void draw(clu_loop *loop)
{
    clu_list waiting;
    move_all(&loop->later, &waiting);
    clu_ms now = clu_loop_clock();
    while (!clu_list_empty(&waiting)) {
        clu_watch *watch = CLU_CONTAINER(waiting.next, clu_watch, later);
        clu_list_unlink(&watch->later);
        watch->ready(watch, CLU_WRITABLE, now);
    }
}

void clu_loop_cork(clu_loop *loop, bool corked)
{
    loop->corked = corked;
    if (!corked && !clu_list_empty(&loop->later)) {
        draw(loop);
    }
}

static int serve_round(clu_loop *loop, int wait)
{
    clu_list asked;
    move_all(&loop->again, &asked);
    int n = clu_poller_wait(loop->poller, &loop->watches, wait, loop->batch);
    loop->served = clu_loop_micros();
    clu_ms now = loop->served / 1000;
    loop->batched = n;
    for (int i = 0; i < n; i++) {
        clu_ready ready = loop->batch[i];
        if (ready.watch) {
            ready.watch->ready(ready.watch, ready.events, now);
        }
    }
    loop->batched = 0;
    return n + serve_again(&asked, now);
}

bool clu_loop_run(clu_loop *loop, int wait, int rounds)
{
    if (loop->running) {
        return false;
    }
    clu_loop_cork(loop, false);
    loop->running = true;
    int served = 1;
    for (int i = 0; i < rounds && served > 0; i++) {
        served = serve_round(loop, i == 0 ? patience(loop, wait) : 0);
    }
    /* What has become due meanwhile wakes the poller again. */
    clu_ms now = loop->served / 1000;
    run_timers(loop, now);
    loop->running = false;
    rearm(loop, now);
    return rounds > 0 && served > 0;
}
