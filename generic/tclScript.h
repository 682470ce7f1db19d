/*
 * tclScript.h -- the object behind a protocol that is a script: calling it.
 *
 * Layer: binding.  What a call promises when the script does anything stands
 * in tclTransport.c.
 */
#ifndef CLU_TCLSCRIPT_H
#define CLU_TCLSCRIPT_H

#include "tclChannel.h"

struct clu_script {
    clu_transport t;
    unsigned holds;             /* the engine's is one, a call another */
    clu_node *node;             /* outlives it */
    char name[32];              /* t.name */
    Tcl_Obj *object;            /* a command prefix, held; NULL: not made yet,
                                   or gone */
    clu_channels channels;
};

typedef struct clu_script clu_script;

void clu_script_release(clu_script *s); /* the last hold: its memory goes */

/* There is an object, and calls are not nested too deep, which is counted. */
bool clu_script_may_call(clu_script *s);

/*
 * A method, its value held once for the caller.  false: it failed, which was
 * reported, or there is nobody to call.  The interpreter's result is kept:
 * whoever is below us may have set it.  required: an object must have it.
 */
bool clu_script_call(clu_script *s, bool required, const char *method,
                     int argc, Tcl_Obj *const argv[], Tcl_Obj **value);
/* The same for a command of a script that wants the result or the error: they
   are the interpreter's.  false: the membership died of it. */
bool clu_script_ask(clu_script *s, const char *method, Tcl_Obj *arg,
                    int *code);

/* A method that is only told; event is the one that has a name. */
void clu_script_notify(clu_script *s, const char *method, int argc,
                       Tcl_Obj *const argv[]);
void clu_script_event(clu_script *s, const char *name, Tcl_Obj *arg);

/* The error in the interpreter, or a value that is not what a method owes: the
   membership outlived that method. */
void clu_script_report(clu_script *s, const char *method);
void clu_script_complain(clu_script *s, const char *method, Tcl_Obj *value,
                         const char *owed);

#endif
