/*
 * faults.c -- the package, with memory that a script can make to fail.
 *
 * Linked with the package's own objects into faults.so.  The command:
 *
 *     ::faults at N ?ALL?     the n-th allocation from now on fails, and with
 *                             ALL those behind it as well; 0: none
 *     ::faults calls          allocations since then
 *     ::faults live           blocks that were not freed
 *
 * And what other C programs do with us:
 *
 *     ::faults call COMMAND ?ARG ...?     the procedure of a command, called as
 *                             by who does not know of the non-recursive engine
 *     ::faults serve KIND ...     one event, if any, of these kinds alone: file
 *                             timer window idle
 */
#include "clu.h"

#include <tcl.h>

DLLEXPORT int Faults_Init(Tcl_Interp *interp);
DLLEXPORT int Cluster_Init(Tcl_Interp *interp);
DLLEXPORT int Bpacket_Init(Tcl_Interp *interp);

static int at(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    int all = 0;
    long n;
    if (objc < 3 || Tcl_GetLongFromObj(interp, objv[2], &n) != TCL_OK
        || (objc > 3 && Tcl_GetBooleanFromObj(interp, objv[3], &all)
            != TCL_OK)) {
        return TCL_ERROR;
    }
    clu_alloc_fail_at(n, all);
    return TCL_OK;
}

static int call(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    Tcl_CmdInfo info;
    if (objc < 3
        || !Tcl_GetCommandInfo(interp, Tcl_GetString(objv[2]), &info)) {
        return TCL_ERROR;
    }
    return info.objProc(info.objClientData, interp, objc - 2, objv + 2);
}

static int serve(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    static const char *const kinds[] = { "file", "timer", "window", "idle",
                                         NULL };
    static const int flags[] = { TCL_FILE_EVENTS, TCL_TIMER_EVENTS,
                                 TCL_WINDOW_EVENTS, TCL_IDLE_EVENTS };
    int which = TCL_DONT_WAIT, kind;
    for (int i = 2; i < objc; i++) {
        if (Tcl_GetIndexFromObj(interp, objv[i], kinds, "kind", 0, &kind)
            != TCL_OK) {
            return TCL_ERROR;
        }
        which |= flags[kind];
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(Tcl_DoOneEvent(which)));
    return TCL_OK;
}

static int faults(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    static const char *const words[] = { "at", "call", "calls", "live",
                                         "serve", NULL };
    enum { AT, CALL, CALLS, LIVE, SERVE };
    int word;
    (void)cd;
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "word ?arg ...?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObj(interp, objv[1], words, "word", TCL_EXACT, &word)
        != TCL_OK) {
        return TCL_ERROR;
    }
    switch (word) {
    case AT:
        return at(interp, objc, objv);
    case CALL:
        return call(interp, objc, objv);
    case SERVE:
        return serve(interp, objc, objv);
    default:
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj(
            word == CALLS ? clu_alloc_calls() : clu_alloc_live()));
        return TCL_OK;
    }
}

int Faults_Init(Tcl_Interp *interp)
{
    if (Tcl_InitStubs(interp, "8.6-", 0) == NULL
        || Cluster_Init(interp) != TCL_OK || Bpacket_Init(interp) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_CreateObjCommand(interp, "::faults", faults, NULL, NULL);
    return TCL_OK;
}
