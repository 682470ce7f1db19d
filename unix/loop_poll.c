/*
 * loop_poll.c -- waits with poll(2), where there is nothing better.
 *
 * Layer: transport (system).
 *
 * Has no descriptor of its own, so each watch is announced to the loop's
 * observer, who also asks clu_loop_due when to come back.
 */
#include "loopInt.h"

#ifdef CLU_POLLER_POLL

#include <errno.h>
#include <poll.h>
#include <sys/select.h>

struct clu_poller {
    struct pollfd *fds;         /* made anew for every wait */
    clu_watch **of;             /* whose each of them is */
    size_t room, watched;
};

clu_err clu_poller_create(clu_poller **poller)
{
    *poller = clu_alloc(sizeof **poller);
    return *poller ? CLU_OK : CLU_NOMEM;
}

void clu_poller_destroy(clu_poller *p)
{
    clu_free(p->fds);
    clu_free(p->of);
    clu_free(p);
}

int clu_poller_descriptor(const clu_poller *p)
{
    (void)p;
    return -1;
}

void clu_poller_orphan(clu_poller *p)
{
    (void)p;                    /* nothing is shared */
}

static clu_err grow(clu_poller *p)
{
    size_t room = p->room ? 2 * p->room : 16;
    struct pollfd *fds = clu_realloc(p->fds, room * sizeof *fds);
    if (!fds) {
        return CLU_NOMEM;
    }
    p->fds = fds;
    clu_watch **of = clu_realloc(p->of, room * sizeof *of);
    if (!of) {
        return CLU_NOMEM;
    }
    p->of = of;
    p->room = room;
    return CLU_OK;
}

clu_err clu_poller_set(clu_poller *p, clu_watch *watch, unsigned before,
                       unsigned events)
{
    if (watch->fd >= FD_SETSIZE) {
        errno = EMFILE;         /* Tcl 8.6 would end the process over it */
        return CLU_SYSTEM;
    }
    if (!before && events) {
        if (p->watched == p->room && grow(p) != CLU_OK) {
            return CLU_NOMEM;
        }
        p->watched++;
    } else if (before && !events) {
        p->watched--;
    }
    return CLU_OK;
}

clu_err clu_poller_arm(clu_poller *p, clu_ms at)
{
    (void)p;                    /* the loop never waits past its timers */
    (void)at;
    return CLU_OK;
}

static size_t collect(clu_poller *p, clu_list *watches)
{
    size_t n = 0;
    for (clu_list *at = watches->next; at != watches; at = at->next) {
        clu_watch *watch = CLU_CONTAINER(at, clu_watch, link);
        if (!watch->events) {
            continue;
        }
        int asked = (watch->events & CLU_READABLE ? POLLIN : 0)
            | (watch->events & CLU_WRITABLE ? POLLOUT : 0);
        p->fds[n] = (struct pollfd){ .fd = watch->fd, .events = (short)asked };
        p->of[n++] = watch;
    }
    return n;
}

static unsigned events_of(short events)
{
    return (events & POLLIN ? CLU_READABLE : 0)
        | (events & POLLOUT ? CLU_WRITABLE : 0)
        | (events & (POLLERR | POLLHUP | POLLNVAL) ? CLU_FAILED : 0);
}

int clu_poller_wait(clu_poller *p, clu_list *watches, int wait,
                    clu_ready *ready)
{
    size_t n = collect(p, watches);
    if (poll(p->fds, (nfds_t)n, wait) <= 0) {
        return 0;
    }
    int found = 0;
    for (size_t i = 0; i < n && found < CLU_LOOP_BATCH; i++) {
        if (p->fds[i].revents) {
            clu_list_unlink(&p->of[i]->link);   /* to the end: the others */
            clu_list_append(watches, &p->of[i]->link);  /* get their turn */
            ready[found++] = (clu_ready){ p->of[i],
                                          events_of(p->fds[i].revents) };
        }
    }
    return found;
}

#endif
