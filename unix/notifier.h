/*
 * notifier.h -- our loop in Tcl's event loop: one descriptor, two phases.
 *
 * Layer: binding (system).  The one user of Tcl's notifier.
 *
 *     descriptor readable -> I/O: clu_loop_run, never evaluates Tcl
 *                         -> dispatch: each server, about 2 ms in all
 *                         -> more to do? an event of our own, at the end of
 *                            the queue, so that Tk and the application's own
 *                            handlers have their turn
 *                         -> traffic for us alone? an event of our own that
 *                            waits for more of it, 2 ms at most (linger.h)
 *
 * While scripts are behind with what came, no more is read: TCP pushes back,
 * and what UDP loses the kernel counts.
 */
#ifndef CLU_NOTIFIER_H
#define CLU_NOTIFIER_H

#include "host.h"
#include "loop.h"

/* Somebody with scripts to run. */
typedef struct clu_server {
    /* One piece of what it has, and more while clu_notifier_goes_on. */
    void (*serve)(struct clu_server *server);
    bool (*behind)(struct clu_server *server);  /* so much that I/O waits */
    bool (*waits)(struct clu_server *server);   /* there is something to do */
    clu_list link;              /* the notifier's own */
} clu_server;

/* This thread's loop and host, made at the first call. */
clu_err clu_notifier_open(clu_loop **loop, clu_host **host);
/* Called as often as open; the last one closes both. */
void clu_notifier_close(void);

void clu_notifier_add(clu_server *server);
void clu_notifier_remove(clu_server *server);
void clu_notifier_wake(void);           /* there is something to serve */
/* A script is about to run, which may enter the event loop: if somebody has
   something to serve, it shall be served there. */
void clu_notifier_stir(void);

/*
 * A server has told a piece of news, and another waits: may it go on?  Between
 * the two what was sent may wait to leave together (cork.h).  To be called
 * from serve, by a server that is still there.
 */
bool clu_notifier_goes_on(void);

/* I/O alone, waiting up to so many ms: for calls that wait by themselves, of a
   server that is still there. */
void clu_notifier_io(int wait);

#endif
