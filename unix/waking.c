/*
 * waking.c -- wakes Tcl's event loop by the one descriptor that ours has.
 *
 * Layer: binding (system).
 */
#include "waking.h"

#ifndef CLU_POLLER_POLL

void clu_waking_start(clu_waking *w, clu_loop *loop, Tcl_FileProc *wake,
                      ClientData ctx)
{
    w->loop = loop;
    Tcl_CreateFileHandler(clu_loop_descriptor(loop), TCL_READABLE, wake, ctx);
}

void clu_waking_again(clu_waking *w)
{
    (void)w;                    /* a timer makes the descriptor readable */
}

void clu_waking_stop(clu_waking *w)
{
    /* Before it is closed: Tcl 9 insists. */
    Tcl_DeleteFileHandler(clu_loop_descriptor(w->loop));
    w->loop = NULL;
}

#endif
