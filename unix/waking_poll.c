/*
 * waking_poll.c -- wakes Tcl's event loop where ours has no descriptor: poll.
 *
 * Layer: binding (system).
 */
#include "waking.h"

#ifdef CLU_POLLER_POLL

static void on_clock(ClientData cd)
{
    clu_waking *w = cd;
    w->clock = NULL;
    w->wake(w->ctx, 0);
}

static void on_watch(void *ctx, int fd, unsigned events)
{
    clu_waking *w = ctx;
    int mask = ((events & CLU_READABLE) ? TCL_READABLE : 0)
        | ((events & CLU_WRITABLE) ? TCL_WRITABLE : 0);
    if (mask == 0) {
        Tcl_DeleteFileHandler(fd);
    } else {
        Tcl_CreateFileHandler(fd, mask, w->wake, w->ctx);
    }
}

static void forget_clock(clu_waking *w)
{
    if (w->clock != NULL) {
        Tcl_DeleteTimerHandler(w->clock);
        w->clock = NULL;
    }
}

void clu_waking_start(clu_waking *w, clu_loop *loop, Tcl_FileProc *wake,
                      ClientData ctx)
{
    *w = (clu_waking){ .loop = loop, .wake = wake, .ctx = ctx };
    clu_loop_observe(loop, on_watch, w);
}

/* The loop's timers as one of Tcl's, where no timerfd wakes us. */
void clu_waking_again(clu_waking *w)
{
    if (w->loop == NULL) {
        return;
    }
    forget_clock(w);
    clu_ms due = clu_loop_due(w->loop);
    if (due != CLU_NEVER) {
        clu_ms wait = due - clu_loop_clock();
        wait = wait < 0 ? 0 : wait > 3600000 ? 3600000 : wait;
        w->clock = Tcl_CreateTimerHandler((int)wait, on_clock, w);
    }
}

/* What is still watched the loop gives back while it is destroyed. */
void clu_waking_stop(clu_waking *w)
{
    forget_clock(w);
    w->loop = NULL;
}

#endif
