/*
 * listener.h -- accepts connections, a few at a time, also when there are too
 *               many.
 *
 * Layer: transport.
 *
 * What nobody has room for waits in the kernel's queue while the listener
 * pauses; it never spins on a descriptor it cannot accept from.
 */
#ifndef CLU_LISTENER_H
#define CLU_LISTENER_H

#include "../generic/transport.h"
#include "loop.h"
#include "sock.h"

typedef struct clu_listener clu_listener;
struct clu_listener {
    clu_loop *loop;
    clu_transport *transport;   /* whose counters refusals are told to */
    /* May one more come in?  Asked before each; false: ask again later. */
    bool (*room)(clu_listener *l, clu_ms now);
    /* Takes the descriptor. */
    void (*accepted)(clu_listener *l, int fd, const clu_address *from,
                     clu_ms now);
    clu_watch watch;
    clu_timer pause;            /* until then nothing is accepted */
    int spare;                  /* given up to refuse when there is no other */
};

enum { CLU_LISTENER_ROUNDS = 32,        /* accepted in one go */
       CLU_LISTENER_PAUSE = 100 };      /* ms */

/* room and accepted are set.  Owns fd, which listens already; on failure the
   caller keeps it. */
clu_err clu_listener_start(clu_listener *l, clu_loop *loop,
                           clu_transport *transport, int fd);
/* Listens on another descriptor instead; on failure on the old one still, or on
   none where the system takes that back neither. */
clu_err clu_listener_replace(clu_listener *l, int fd);
void clu_listener_resume(clu_listener *l, clu_ms now);  /* there is room */
void clu_listener_stop(clu_listener *l);                /* closes; may be
                                                           unstarted (zero) */

#endif
