/*
 * loop.h -- watches descriptors and wakes at the earliest deadline.
 *
 * Layer: transport (system).  One loop a thread.  On Linux an epoll set with a
 * timerfd in it; kqueue or poll behind the same functions.  It knows nothing
 * of Tcl: notifier.c registers clu_loop_descriptor with Tcl's notifier and
 * calls clu_loop_run when that is readable; a C test calls it in a loop.
 */
#ifndef CLU_LOOP_H
#define CLU_LOOP_H

#include "../generic/hash.h"

typedef struct clu_loop clu_loop;
typedef struct clu_watch clu_watch;

#define CLU_READABLE 1u
#define CLU_WRITABLE 2u
#define CLU_FAILED   4u         /* an error or hang-up waits to be read */

/*
 * A descriptor and whom to call.  Lives inside what it belongs to.  ready may
 * stop this watch, or any other, and free what holds it: the loop notices.
 */
struct clu_watch {
    void (*ready)(clu_watch *watch, unsigned events, clu_ms now);
    int fd;                     /* -1: not watched */
    unsigned events;            /* asked for */
    clu_list link, again, later;        /* the loop's own */
};

/* A deadline and whom to call.  Called once; set it again for more. */
typedef struct clu_timer {
    void (*due)(struct clu_timer *timer, clu_ms now);
    clu_due when;               /* the loop's own */
} clu_timer;

/* SYSTEM with EMFILE: no descriptor below FD_SETSIZE is left, and Tcl 8.6
   can watch no other. */
clu_err clu_loop_create(clu_loop **loop);
void clu_loop_destroy(clu_loop *loop);  /* nothing may be watched any more */

/* events 0: keeps the watch, and nothing is told until they change. */
clu_err clu_loop_watch(clu_loop *loop, clu_watch *watch, int fd,
                       unsigned events);
clu_err clu_loop_change(clu_loop *loop, clu_watch *watch, unsigned events);
void clu_loop_unwatch(clu_loop *loop, clu_watch *watch); /* before close(fd) */

/* ready is called once more, with events 0 or what came, in the next round:
   for work that was left so that others had their turn. */
void clu_loop_again(clu_loop *loop, clu_watch *watch);

/*
 * While it is corked, what could be written at once may wait, so that it leaves
 * together: a watch that has some says "later", and its ready is called with
 * CLU_WRITABLE when the cork is drawn.  It is drawn before the loop serves or
 * waits, whoever forgot to.
 */
void clu_loop_cork(clu_loop *loop, bool corked);
bool clu_loop_corked(const clu_loop *loop);
void clu_loop_later(clu_loop *loop, clu_watch *watch);

/* NOMEM only for a timer that is not set; one that is can always be moved,
   and one that is due can always be set again by its own callback. */
clu_err clu_loop_set(clu_loop *loop, clu_timer *timer, clu_ms at);
void clu_loop_cancel(clu_loop *loop, clu_timer *timer);

clu_ms clu_loop_clock(void);            /* CLOCK_MONOTONIC, ms */
int64_t clu_loop_micros(void);          /* the same in us, to measure with */
int64_t clu_loop_served(const clu_loop *loop);  /* as it was when last served */

/*
 * Serves what is ready: at most so many rounds of the system's wait, waiting
 * at most wait ms in the first one (-1: for ever), then the timers that are
 * due.  Returns true when the last round still found something, so that more
 * may be ready.  It may return earlier than asked with nothing served.  Not
 * re-entered: a call from inside a callback serves nothing and returns false.
 */
bool clu_loop_run(clu_loop *loop, int wait, int rounds);

/* The one descriptor that is readable when clu_loop_run has work; -1 where
   the system has none (poll), then each watch is announced to the observer. */
int clu_loop_descriptor(clu_loop *loop);
/* events 0: it is gone. */
typedef void clu_loop_observer(void *ctx, int fd, unsigned events);
void clu_loop_observe(clu_loop *loop, clu_loop_observer *observer, void *ctx);
/* The earliest timer, 0 when something is due again, or CLU_NEVER. */
clu_ms clu_loop_due(clu_loop *loop);

#endif
