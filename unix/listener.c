/*
 * listener.c -- accepts connections, a few at a time, also when there are too
 *               many.
 *
 * Layer: transport.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void pause_until(clu_listener *l, clu_ms at)
{
    clu_loop_change(l->loop, &l->watch, 0);
    clu_loop_set(l->loop, &l->pause, at);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The caller learns at once that there is no room, instead of waiting. */
static void refuse_some(clu_listener *l)
{
    for (int i = 0; i < CLU_LISTENER_ROUNDS && l->spare >= 0; i++) {
        int fd;
        clu_address from;
        clu_sock_close(l->spare);
        clu_err err = clu_sock_accept(l->watch.fd, &fd, &from);
        if (err == CLU_OK) {
            l->transport->counters->at[CLU_COUNT_links_refused]++;
            clu_sock_close(fd);
        }
        l->spare = open_spare();
        if (err != CLU_OK) {
            return;
        }
    }
}

/* One connection; false when it is time to stop. */
static bool accept_one(clu_listener *l, clu_ms now)
{
    if (!l->room(l, now)) {
        pause_until(l, now + CLU_LISTENER_PAUSE);
        return false;
    }
    int fd;
    clu_address from;
    clu_err err = clu_sock_accept(l->watch.fd, &fd, &from);
    if (err == CLU_OK) {
        l->accepted(l, fd, &from, now);
        return true;
    }
    if (err != CLU_MORE) {
        if (errno == EMFILE || errno == ENFILE) {
            refuse_some(l);
        }
        pause_until(l, now + CLU_LISTENER_PAUSE);
    }
    return false;
}

static void accept_some(clu_listener *l, clu_ms now)
{
    for (int i = 0; i < CLU_LISTENER_ROUNDS; i++) {
        if (!accept_one(l, now)) {
            return;
        }
    }
}

static void ready(clu_watch *watch, unsigned events, clu_ms now)
{
    (void)events;
    accept_some(CLU_CONTAINER(watch, clu_listener, watch), now);
}

static void pause_over(clu_timer *timer, clu_ms now)
{
    clu_listener *l = CLU_CONTAINER(timer, clu_listener, pause);
    clu_loop_set(l->loop, timer, CLU_NEVER);
    if (l->spare < 0) {
        l->spare = open_spare();
    }
    if (clu_loop_change(l->loop, &l->watch, CLU_READABLE) != CLU_OK) {
        clu_loop_set(l->loop, timer, now + CLU_LISTENER_PAUSE);
        return;
    }
    accept_some(l, now);
}

clu_err clu_listener_start(clu_listener *l, clu_loop *loop,
                           clu_transport *transport, int fd)
{
    l->loop = loop;
    l->transport = transport;
    l->watch = (clu_watch){ .ready = ready, .fd = -1 };
    l->pause.due = pause_over;
    l->spare = -1;
    clu_err err = clu_loop_set(loop, &l->pause, CLU_NEVER);
    if (err == CLU_OK) {
        err = clu_loop_watch(loop, &l->watch, fd, CLU_READABLE);
    }
    if (err != CLU_OK) {
        clu_loop_cancel(loop, &l->pause);
        l->loop = NULL;
        return err;
    }
    l->spare = open_spare();
    return CLU_OK;
}

clu_err clu_listener_replace(clu_listener *l, int fd)
{
    int old = l->watch.fd;
    clu_loop_unwatch(l->loop, &l->watch);
    clu_err err = clu_loop_watch(l->loop, &l->watch, fd, CLU_READABLE);
    if (err != CLU_OK) {
        if (clu_loop_watch(l->loop, &l->watch, old, CLU_READABLE) != CLU_OK) {
            clu_sock_close(old);        /* until the next refresh: none */
        }
        return err;
    }
    clu_sock_close(old);
    return CLU_OK;
}

void clu_listener_resume(clu_listener *l, clu_ms now)
{
    if (l->watch.events == 0) {
        clu_loop_set(l->loop, &l->pause, now);
    }
}

void clu_listener_stop(clu_listener *l)
{
    if (!l->loop) {
        return;
    }
    int fd = l->watch.fd;
    clu_loop_cancel(l->loop, &l->pause);
    clu_loop_unwatch(l->loop, &l->watch);
    clu_sock_close(fd);
    clu_sock_close(l->spare);
    l->loop = NULL;
}
