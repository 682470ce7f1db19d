/*
 * waking.h -- how Tcl's event loop learns that ours has something to do.
 *
 * Layer: binding (system).
 *
 *     waking.c        our loop has a descriptor, readable then  \  one is
 *     waking_poll.c   it has none: each watch, and the next     /  compiled
 *                     timer, is one of Tcl's
 */
#ifndef CLU_WAKING_H
#define CLU_WAKING_H

#include "loopInt.h"

#include <tcl.h>

#ifdef CLU_POLLER_POLL
enum { CLU_WAKING_ONE = 0 };
#else
enum { CLU_WAKING_ONE = 1 };    /* one descriptor says it all */
#endif

typedef struct clu_waking {
    clu_loop *loop;             /* NULL: it is stopped */
    Tcl_FileProc *wake;         /* called with ctx when it is time */
    ClientData ctx;
    Tcl_TimerToken clock;       /* of poll */
} clu_waking;

void clu_waking_start(clu_waking *w, clu_loop *loop, Tcl_FileProc *wake,
                      ClientData ctx);
/* After each turn of the loop: its timers may have moved.  Stopped: nothing. */
void clu_waking_again(clu_waking *w);
/* Before the loop is destroyed. */
void clu_waking_stop(clu_waking *w);

#endif
