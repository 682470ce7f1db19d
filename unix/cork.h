/*
 * cork.h -- when what scripts send may wait a little, so that it leaves
 *           together.
 *
 * Layer: transport (system).  A policy and nothing else, as linger.h: it reads
 * no clock and writes nothing.
 *
 * A write for each message costs more than the message, and wakes the peer
 * each time.  But a script that sends and then works long is not to hold up
 * what it sent.  So messages wait only in the middle of a burst: several
 * pieces of news were told already in this turn, all in a short time, and more
 * wait for theirs.
 */
#ifndef CLU_CORK_H
#define CLU_CORK_H

#include "../generic/clu.h"

#define CLU_CORK_LEAST 4        /* pieces told before anything waits */
#define CLU_CORK_SHORT 30       /* us a piece, of all in this turn */
#define CLU_CORK_MOST  64       /* pieces for whose messages others wait */

typedef struct clu_cork {
    int64_t began;              /* the turn, us */
    unsigned told;              /* pieces since then */
} clu_cork;

typedef enum {
    CLU_CORK_OUT,               /* all leaves at once */
    CLU_CORK_DRAW,              /* what waits leaves, the next may wait */
    CLU_CORK_IN                 /* it may wait */
} clu_cork_say;

void clu_cork_begin(clu_cork *c, int64_t now);
/* A piece was told, and another waits. */
clu_cork_say clu_cork_told(clu_cork *c, int64_t now);

#endif
