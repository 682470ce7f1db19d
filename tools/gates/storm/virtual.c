/*
 * virtual.c -- hosts, sockets and loops in virtual time, below unix/stream.c:
 *              the processes, and time.
 */
#include "virtualInt.h"

clu_ms virtual_now;
weather *virtual_sky;
clu_loop *virtual_loops;
static uint64_t chance;
static uint16_t next_port;

unsigned virtual_draw(unsigned bound)
{
    return (unsigned)clu_random_below(&chance, bound);
}

uint16_t virtual_port(void)
{
    return next_port++;
}

clu_address virtual_address(unsigned host, uint16_t port)
{
    return (clu_address){ .family = 4, .port = port,
                          .ip = { 10, 99, 0, (uint8_t)host } };
}

void virtual_init(weather *between, uint64_t seed)
{
    virtual_sky = between;
    chance = seed;
    next_port = 40000;
    virtual_datagram_init();
}

/* ---- loops --------------------------------------------------------------- */

clu_loop *virtual_process(unsigned host)
{
    clu_loop *l = clu_alloc(sizeof *l);
    l->host = host;
    clu_list_init(&l->watches);
    clu_list_init(&l->again);
    clu_list_init(&l->later);
    clu_list_init(&l->inbox);
    l->next = virtual_loops;
    virtual_loops = l;
    return l;
}

void virtual_freeze(clu_loop *loop, bool frozen)
{
    loop->frozen = frozen;
}

clu_ms clu_loop_clock(void)
{
    return virtual_now;
}

clu_err clu_loop_watch(clu_loop *loop, clu_watch *watch, int fd,
                       unsigned events)
{
    watch->fd = fd;
    watch->events = events;
    clu_list_append(&loop->watches, &watch->link);
    clu_list_init(&watch->again);
    clu_list_init(&watch->later);
    virtual_stream_watch(fd, watch);
    return CLU_OK;
}

clu_err clu_loop_change(clu_loop *loop, clu_watch *watch, unsigned events)
{
    (void)loop;
    watch->events = events;
    return CLU_OK;
}

void clu_loop_unwatch(clu_loop *loop, clu_watch *watch)
{
    (void)loop;
    virtual_stream_watch(watch->fd, NULL);
    clu_list_unlink(&watch->link);
    clu_list_unlink(&watch->again);
    clu_list_unlink(&watch->later);
    watch->fd = -1;
}

bool clu_loop_corked(const clu_loop *loop)
{
    return loop->corked;
}

void clu_loop_later(clu_loop *loop, clu_watch *watch)
{
    clu_list_unlink(&watch->later);
    clu_list_append(&loop->later, &watch->later);
}

void clu_loop_cork(clu_loop *loop, bool corked)
{
    loop->corked = corked;
    while (!corked && !clu_list_empty(&loop->later)) {
        clu_watch *watch = CLU_CONTAINER(loop->later.next, clu_watch, later);
        clu_list_unlink(&watch->later);
        watch->ready(watch, CLU_WRITABLE, virtual_now);
    }
}

void clu_loop_again(clu_loop *loop, clu_watch *watch)
{
    clu_list_unlink(&watch->again);
    clu_list_append(&loop->again, &watch->again);
}

clu_err clu_loop_set(clu_loop *loop, clu_timer *timer, clu_ms at)
{
    return clu_heap_set(&loop->timers, &timer->when, at);
}

void clu_loop_cancel(clu_loop *loop, clu_timer *timer)
{
    clu_heap_drop(&loop->timers, &timer->when);
}

void virtual_kill(clu_loop *loop)
{
    virtual_stream_kill(loop);
    loop->dead = true;
}

/* ---- time ---------------------------------------------------------------- */

void virtual_network(void)
{
    virtual_datagram_run();
    virtual_stream_run();
}

static bool serve_again(clu_loop *loop)
{
    bool any = !clu_list_empty(&loop->again);
    for (int i = 0; i < 64 && !clu_list_empty(&loop->again); i++) {
        clu_watch *w = CLU_CONTAINER(loop->again.next, clu_watch, again);
        clu_list_unlink(&w->again);
        w->ready(w, 0, virtual_now);
    }
    return any;
}

static bool serve_timers(clu_loop *loop)
{
    clu_due *due;
    bool any = false;
    while ((due = clu_heap_take(&loop->timers, virtual_now)) != NULL) {
        clu_timer *timer = CLU_CONTAINER(due, clu_timer, when);
        any = true;
        timer->due(timer, virtual_now);
    }
    return any;
}

bool virtual_serve(clu_loop *loop)
{
    bool any = serve_again(loop);
    if (virtual_draw(2)) {
        any |= virtual_stream_serve(loop);
    }
    any |= virtual_datagram_serve(loop);
    any |= virtual_stream_serve(loop);
    return serve_timers(loop) || any;
}

clu_ms virtual_due(void)
{
    clu_ms streams = virtual_stream_due(), due = virtual_datagram_due();
    due = streams < due ? streams : due;
    for (clu_loop *l = virtual_loops; l != NULL; l = l->next) {
        const clu_due *first = clu_heap_first(&l->timers);
        if (!l->dead && !l->frozen && first && first->at < due) {
            due = first->at;
        }
    }
    return due;
}

void virtual_fini(void)
{
    virtual_stream_fini();
    virtual_datagram_fini();
    while (virtual_loops != NULL) {
        clu_loop *l = virtual_loops;
        virtual_loops = l->next;
        virtual_datagram_drop(&l->inbox);
        clu_heap_fini(&l->timers);
        clu_free(l);
    }
}
