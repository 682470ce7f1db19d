/*
 * loopInt.h -- what loop.c and the system's ways to wait share.
 *
 * Layer: transport (system).
 *
 *     loop.c          timers, the batch being served, the observer
 *     loop_epoll.c    Linux        \
 *     loop_kqueue.c   BSD, macOS    > the same functions, one is compiled
 *     loop_poll.c     any Unix     /
 */
#ifndef CLU_LOOP_INT_H
#define CLU_LOOP_INT_H

#include "loop.h"

#if defined(CLU_LOOP_POLL)
#define CLU_POLLER_POLL 1
#elif defined(CLU_LOOP_KQUEUE) || defined(__APPLE__) || defined(__FreeBSD__) \
    || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define CLU_POLLER_KQUEUE 1
#elif defined(__linux__)
#define CLU_POLLER_EPOLL 1
#else
#define CLU_POLLER_POLL 1
#endif

#define CLU_LOOP_BATCH 64       /* events taken from the system at once */

typedef struct clu_poller clu_poller;

/* A watch that is ready.  Nulled when it is stopped before its turn. */
typedef struct clu_ready {
    clu_watch *watch;
    unsigned events;
} clu_ready;

struct clu_loop {
    clu_list link;              /* among this thread's loops */
    clu_poller *poller;
    clu_list watches;           /* every watch there is */
    clu_list again;             /* those with work left, for the next round */
    clu_list later;             /* those with something to write, corked */
    bool corked;
    clu_heap timers;
    clu_ms armed;               /* when the poller wakes by itself */
    bool running;
    int64_t served;             /* when the last round began to serve, us */
    clu_ready batch[CLU_LOOP_BATCH];
    int batched;                /* of batch in use */
    clu_loop_observer *observer;
    void *observer_ctx;
};

clu_err clu_poller_create(clu_poller **poller);
void clu_poller_destroy(clu_poller *poller);
int clu_poller_descriptor(const clu_poller *poller);
/* In a forked child: waits for nothing of the parent's any more. */
void clu_poller_orphan(clu_poller *poller);

/* before: what was asked for until now, and differs.  Where nothing is asked
   for, nothing is told, not even a failure.  SYSTEM, NOMEM. */
clu_err clu_poller_set(clu_poller *poller, clu_watch *watch, unsigned before,
                       unsigned events);

/* The descriptor shall be readable from then on; CLU_NEVER: by no time.
   SYSTEM: it is armed for nothing. */
clu_err clu_poller_arm(clu_poller *poller, clu_ms at);

/*
 * Fills ready with at most CLU_LOOP_BATCH watches and returns how many; waits
 * for the first one or for the armed moment, which is no later than wait ms
 * from now (-1: none, 0: does not wait).
 */
int clu_poller_wait(clu_poller *poller, clu_list *watches, int wait,
                    clu_ready *ready);

#endif
