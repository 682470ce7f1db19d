/*
 * linger.h -- when it pays to wait on our own descriptor instead of Tcl's.
 *
 * Layer: transport (system).  A policy and nothing else: it waits for nothing
 * and reads no clock.  notifier.c tells it what happened, and obeys.
 *
 * Tcl 8.6 waits in a thread of its own, so a message that it wakes us for
 * costs twice what the message itself does.  While one comes hard upon the
 * other, and for nobody but us, we wait ourselves: a stretch, of 2 ms at most.
 * In that time Tcl sees nothing else, so
 *
 *     a stretch begins  after so many waits of Tcl's in a row as are needed,
 *                       all short, and ended by us alone
 *     twice as many     are needed after one in which the traffic stopped
 *     half as many      after one that it filled
 */
#ifndef CLU_LINGER_H
#define CLU_LINGER_H

#include "../generic/clu.h"

#define CLU_LINGER_SHORT 1000   /* us: a wait that a stretch would spare */
#define CLU_LINGER_LEAST 4      /* waits in a row, at least ... */
#define CLU_LINGER_MOST  64     /* ... and at most */

typedef struct clu_linger {     /* zeroed: nothing is known yet */
    unsigned row;               /* short waits of Tcl's, ended by us alone */
    unsigned needed;            /* of them; 0: the least */
} clu_linger;

/* Tcl woke us after so many us; alone: for nobody else.  May one begin? */
bool clu_linger_woken(clu_linger *l, bool alone, int64_t waited);

/* A stretch is over; for the last so many us nothing came. */
void clu_linger_over(clu_linger *l, int64_t quiet);

#endif
