/*
 * faults.c -- the package, with memory that a script can make to fail.
 *
 * Linked with the package's own objects into faults.so.  The command:
 *
 *     ::faults at N ?ALL?     the n-th allocation from now on fails, and with
 *                             ALL those behind it as well; 0: none
 *     ::faults calls          allocations since then
 *     ::faults live           blocks that were not freed
 */
#include "clu.h"

#include <tcl.h>

DLLEXPORT int Faults_Init(Tcl_Interp *interp);
DLLEXPORT int Cluster_Init(Tcl_Interp *interp);
DLLEXPORT int Bpacket_Init(Tcl_Interp *interp);

static int faults(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    static const char *const words[] = { "at", "calls", "live", NULL };
    int word, all = 0;
    long n;
    (void)cd;
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "at|calls|live ?n? ?all?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObj(interp, objv[1], words, "word", 0, &word)
        != TCL_OK) {
        return TCL_ERROR;
    }
    if (word != 0) {
        n = word == 1 ? clu_alloc_calls() : clu_alloc_live();
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj(n));
        return TCL_OK;
    }
    if (objc < 3 || Tcl_GetLongFromObj(interp, objv[2], &n) != TCL_OK
        || (objc > 3 && Tcl_GetBooleanFromObj(interp, objv[3], &all)
            != TCL_OK)) {
        return TCL_ERROR;
    }
    clu_alloc_fail_at(n, all);
    return TCL_OK;
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
