/*
 * loop_epoll.c -- waits with epoll and a timerfd.
 *
 * Layer: transport (system).
 */
#include "loopInt.h"

#ifdef CLU_POLLER_EPOLL

#include "sock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct clu_poller {
    int fd;                     /* below FD_SETSIZE: Tcl 8.6 selects on it */
    int timer;                  /* in it, with no watch */
    bool unarmed;               /* arming it failed */
};

static clu_err add_timer(clu_poller *p)
{
    p->timer = clu_sock_lift(timerfd_create(CLOCK_MONOTONIC,
                                            TFD_NONBLOCK | TFD_CLOEXEC));
    struct epoll_event event = { .events = EPOLLIN };
    if (p->timer < 0
        || epoll_ctl(p->fd, EPOLL_CTL_ADD, p->timer, &event) != 0) {
        return CLU_SYSTEM;
    }
    return CLU_OK;
}

clu_err clu_poller_create(clu_poller **poller)
{
    clu_poller *p = clu_alloc(sizeof *p);
    if (!p) {
        return CLU_NOMEM;
    }
    p->timer = -1;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd < 0) {
        clu_free(p);
        return CLU_SYSTEM;
    }
    if (p->fd >= FD_SETSIZE) {
        clu_poller_destroy(p);
        errno = EMFILE;         /* none is left that select(2) can name */
        return CLU_SYSTEM;
    }
    clu_err err = add_timer(p);
    if (err != CLU_OK) {
        clu_poller_destroy(p);
        return err;
    }
    *poller = p;
    return CLU_OK;
}

void clu_poller_destroy(clu_poller *p)
{
    clu_sock_close(p->timer);
    clu_sock_close(p->fd);
    clu_free(p);
}

int clu_poller_descriptor(const clu_poller *p)
{
    return p->fd;
}

void clu_poller_orphan(clu_poller *p)
{
    clu_sock_replace(p->fd, epoll_create1(EPOLL_CLOEXEC));
    clu_sock_replace(p->timer, timerfd_create(CLOCK_MONOTONIC,
                                              TFD_NONBLOCK | TFD_CLOEXEC));
}

clu_err clu_poller_set(clu_poller *p, clu_watch *watch, unsigned before,
                       unsigned events)
{
    struct epoll_event event = {
        .events = (events & CLU_READABLE ? (uint32_t)EPOLLIN : 0)
            | (events & CLU_WRITABLE ? (uint32_t)EPOLLOUT : 0),
        .data.ptr = watch
    };
    int op = !before ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    return epoll_ctl(p->fd, op, watch->fd, &event) == 0 ? CLU_OK : CLU_SYSTEM;
}

clu_err clu_poller_arm(clu_poller *p, clu_ms at)
{
    struct itimerspec when = { .it_value = { 0 } };     /* zero: disarmed */
    if (at != CLU_NEVER) {
        clu_ms t = at > 0 ? at : 1;
        when.it_value.tv_sec = (time_t)(t / 1000);
        when.it_value.tv_nsec = (long)(t % 1000) * 1000000;
    }
    p->unarmed = timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0;
    return p->unarmed ? CLU_SYSTEM : CLU_OK;
}

static unsigned events_of(uint32_t events)
{
    return (events & EPOLLIN ? CLU_READABLE : 0)
        | (events & EPOLLOUT ? CLU_WRITABLE : 0)
        | (events & (EPOLLERR | EPOLLHUP) ? CLU_FAILED : 0);
}

int clu_poller_wait(clu_poller *p, clu_list *watches, int wait,
                    clu_ready *ready)
{
    (void)watches;
    struct epoll_event events[CLU_LOOP_BATCH];
    /* The timer is armed.  A time of its own for each wait would cost more
       than the wait itself: 5 us on a virtual machine. */
    int n = epoll_wait(p->fd, events, CLU_LOOP_BATCH,
                       p->unarmed || wait == 0 ? wait : -1);
    int found = 0;
    for (int i = 0; i < n; i++) {
        if (!events[i].data.ptr) {
            uint64_t expired;
            (void)!read(p->timer, &expired, sizeof expired);
            continue;
        }
        ready[found++] = (clu_ready){ events[i].data.ptr,
                                      events_of(events[i].events) };
    }
    return found;
}

#endif
