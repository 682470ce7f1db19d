/*
 * fork.c -- a Tcl command that forks and does not exec: 0 in the child.
 */
#include <tcl.h>
#include <unistd.h>

static int run(ClientData cd, Tcl_Interp *interp, int objc,
               Tcl_Obj *const objv[])
{
    (void)cd;
    (void)objc;
    (void)objv;
    Tcl_SetObjResult(interp, Tcl_NewIntObj((int)fork()));
    return TCL_OK;
}

int Fork_Init(Tcl_Interp *interp);
int Fork_Init(Tcl_Interp *interp)
{
    if (Tcl_InitStubs(interp, "8.6-", 0) == NULL) {
        return TCL_ERROR;
    }
    Tcl_CreateObjCommand(interp, "fork", run, NULL, NULL);
    return TCL_OK;
}
