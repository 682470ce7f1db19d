/*
 * loop_kqueue.c -- waits with kqueue, its timer among the filters.
 *
 * Layer: transport (system).
 */
#include "loopInt.h"

#ifdef CLU_POLLER_KQUEUE

#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <sys/select.h>
#include <time.h>

#define TIMER 1                 /* the timer's ident among the timers */

struct clu_poller {
    int fd;                     /* below FD_SETSIZE: Tcl 8.6 selects on it */
    bool unarmed;               /* arming its timer failed */
};

clu_err clu_poller_create(clu_poller **poller)
{
    clu_poller *p = clu_alloc(sizeof *p);
    if (!p) {
        return CLU_NOMEM;
    }
    p->fd = kqueue();
    if (p->fd >= FD_SETSIZE) {
        clu_sock_close(p->fd);
        p->fd = -1;
        errno = EMFILE;         /* none is left that select(2) can name */
    }
    if (p->fd < 0) {
        clu_free(p);
        return CLU_SYSTEM;
    }
    fcntl(p->fd, F_SETFD, FD_CLOEXEC);
    *poller = p;
    return CLU_OK;
}

void clu_poller_destroy(clu_poller *p)
{
    clu_sock_close(p->fd);
    clu_free(p);
}

int clu_poller_descriptor(const clu_poller *p)
{
    return p->fd;
}

/* A kqueue is not inherited: its number may be anybody's by now. */
void clu_poller_orphan(clu_poller *p)
{
    p->fd = kqueue();
}

/* One filter of a watch: added, left alone or deleted. */
static clu_err set_filter(clu_poller *p, clu_watch *watch, short filter,
                          bool before, bool wanted)
{
    if (before == wanted) {
        return CLU_OK;
    }
    struct kevent change;
    EV_SET(&change, (uintptr_t)watch->fd, filter,
           wanted ? EV_ADD : EV_DELETE, 0, 0, watch);
    return kevent(p->fd, &change, 1, NULL, 0, NULL) >= 0
        ? CLU_OK : CLU_SYSTEM;
}

clu_err clu_poller_set(clu_poller *p, clu_watch *watch, unsigned before,
                       unsigned events)
{
    clu_err err = set_filter(p, watch, EVFILT_READ, before & CLU_READABLE,
                             events & CLU_READABLE);
    if (err != CLU_OK) {
        return err;
    }
    err = set_filter(p, watch, EVFILT_WRITE, before & CLU_WRITABLE,
                     events & CLU_WRITABLE);
    if (err != CLU_OK) {
        set_filter(p, watch, EVFILT_READ, events & CLU_READABLE,
                   before & CLU_READABLE);
    }
    return err;
}

clu_err clu_poller_arm(clu_poller *p, clu_ms at)
{
    struct kevent change;
    if (at == CLU_NEVER) {
        EV_SET(&change, TIMER, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
    } else {
        clu_ms left = at - clu_loop_clock();
        EV_SET(&change, TIMER, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
               (intptr_t)(left > 0 ? left : 0), NULL);
    }
    p->unarmed = kevent(p->fd, &change, 1, NULL, 0, NULL) < 0
        && at != CLU_NEVER;     /* what is not there cannot be deleted */
    return p->unarmed ? CLU_SYSTEM : CLU_OK;
}

/* Read and write of one descriptor come apart: joined into one call. */
static int add_ready(clu_ready *ready, int found, clu_watch *watch,
                     unsigned events)
{
    for (int i = 0; i < found; i++) {
        if (ready[i].watch == watch) {
            ready[i].events |= events;
            return found;
        }
    }
    ready[found] = (clu_ready){ watch, events };
    return found + 1;
}

int clu_poller_wait(clu_poller *p, clu_list *watches, int wait,
                    clu_ready *ready)
{
    (void)watches;
    struct timespec t = { wait / 1000, (long)(wait % 1000) * 1000000 };
    struct kevent events[CLU_LOOP_BATCH];
    int n = kevent(p->fd, NULL, 0, events, CLU_LOOP_BATCH,
                   wait < 0 || (wait > 0 && !p->unarmed) ? NULL : &t);
    int found = 0;
    for (int i = 0; i < n; i++) {
        if (events[i].filter == EVFILT_TIMER) {
            continue;
        }
        unsigned what = events[i].filter == EVFILT_READ
            ? CLU_READABLE : CLU_WRITABLE;
        if (events[i].flags & (EV_EOF | EV_ERROR)) {
            what |= CLU_FAILED;
        }
        found = add_ready(ready, found, (clu_watch *)events[i].udata, what);
    }
    return found;
}

#endif
