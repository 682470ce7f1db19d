/*
 * link.h -- one connection: bytes in, queue out, its states.
 *
 * Layer: transport.
 *
 *     CONNECTING --connected--> PENDING --whole packet--> OPEN --> CLOSED
 *                                  ^ accepted               (unlinked, then
 *                                                            freed)
 *
 * A link is closed when: the peer ends it, a connect takes too long, no whole
 * packet came in time, it sent too much without one, its queue is full or
 * stands still.  What waits in its queue then goes back up as UNDELIVERED; a
 * frame of which any byte left is never repeated.
 */
#ifndef CLU_LINK_H
#define CLU_LINK_H

#include "../generic/frame.h"
#include "../generic/transport.h"
#include "loop.h"

typedef enum {
    CLU_LINK_CONNECTING,        /* connect was begun; nothing can leave yet */
    CLU_LINK_PENDING,           /* open both ways; no whole packet came yet */
    CLU_LINK_OPEN,              /* a whole packet came */
    CLU_LINK_CLOSED             /* out of every table; freed when unused */
} clu_link_state;

#endif
