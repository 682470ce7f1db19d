/*
 * tclScript.c -- the object behind a protocol that is a script: calling it.
 *
 * Layer: binding.
 */
#include "tclScript.h"

void clu_script_release(clu_script *s)
{
    if (--s->holds > 0) {
        return;
    }
    clu_channels_fini(&s->channels);
    clu_free(s);
}

bool clu_script_may_call(clu_script *s)
{
    clu_node *node = s->node;
    if (s->object == NULL || node->dead) {
        return false;
    }
    clu_engine *e = node->engine;
    if (node->nesting >= clu_engine_config(e)->limits.at[CLU_LIMIT_NESTING]) {
        clu_engine_counters(e)->at[CLU_COUNT_hooks_nested]++;
        return false;
    }
    return true;
}

/* send and descriptor must be there; an object may lack the others, which
   ::cluster::protocols::Call looks after. */
static Tcl_Obj *line_of(clu_script *s, bool required, const char *method,
                        int argc, Tcl_Obj *const argv[])
{
    Tcl_Obj *line;
    if (required) {
        line = Tcl_DuplicateObj(s->object);
    } else {
        line = Tcl_NewListObj(0, NULL);
        Tcl_ListObjAppendElement(NULL, line, Tcl_NewStringObj(
                                     "::cluster::protocols::Call", -1));
        Tcl_ListObjAppendElement(NULL, line, s->object);
    }
    Tcl_ListObjAppendElement(NULL, line, Tcl_NewStringObj(method, -1));
    for (int i = 0; i < argc; i++) {
        Tcl_ListObjAppendElement(NULL, line, argv[i]);
    }
    return line;
}

static bool evaluate(clu_script *s, Tcl_Obj *line, int *code)
{
    clu_node *node = s->node;
    Tcl_Size count;
    Tcl_Obj **words;
    Tcl_IncrRefCount(line);
    Tcl_ListObjGetElements(NULL, line, &count, &words);
    bool alive = clu_notify_eval(node, count, words, code);
    Tcl_DecrRefCount(line);
    return alive;
}

void clu_script_report(clu_script *s, const char *method)
{
    Tcl_Interp *interp = s->node->state->interp;
    Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf(
        "\n    (protocol \"%s\", %s)", s->name, method));
    Tcl_BackgroundException(interp, TCL_ERROR);
}

bool clu_script_ask(clu_script *s, const char *method, Tcl_Obj *arg, int *code)
{
    return evaluate(s, line_of(s, true, method, 1, &arg), code);
}

bool clu_script_call(clu_script *s, bool required, const char *method,
                     int argc, Tcl_Obj *const argv[], Tcl_Obj **value)
{
    *value = NULL;
    Tcl_Obj *line = clu_script_may_call(s)
        ? line_of(s, required, method, argc, argv) : NULL;
    if (line == NULL) {
        for (int i = 0; i < argc; i++) {
            Tcl_IncrRefCount(argv[i]);
            Tcl_DecrRefCount(argv[i]);
        }
        return false;
    }
    Tcl_Interp *interp = s->node->state->interp;
    Tcl_Preserve(interp);
    Tcl_InterpState saved = Tcl_SaveInterpState(interp, TCL_OK);
    int code;
    if (evaluate(s, line, &code)) {
        if (code == TCL_OK) {
            *value = Tcl_GetObjResult(interp);
            Tcl_IncrRefCount(*value);
        } else if (code == TCL_ERROR) {
            clu_script_report(s, method);
        }
    }
    Tcl_RestoreInterpState(interp, saved);
    Tcl_Release(interp);
    return *value != NULL;
}

void clu_script_notify(clu_script *s, const char *method, int argc,
                       Tcl_Obj *const argv[])
{
    Tcl_Obj *value;
    s->holds++;
    if (clu_script_call(s, false, method, argc, argv, &value)) {
        Tcl_DecrRefCount(value);
    }
    clu_script_release(s);
}

void clu_script_event(clu_script *s, const char *name, Tcl_Obj *arg)
{
    Tcl_Obj *words[] = { Tcl_NewStringObj(name, -1), arg };
    clu_script_notify(s, "event", arg ? 2 : 1, words);
}

void clu_script_complain(clu_script *s, const char *method, Tcl_Obj *value,
                         const char *owed)
{
    Tcl_Interp *interp = s->node->state->interp;
    Tcl_InterpState saved = Tcl_SaveInterpState(interp, TCL_OK);
    clu_tcl_error(interp, CLU_VALUE, "%s must return %s, not \"%s\"", method,
                  owed, Tcl_GetString(value));
    clu_script_report(s, method);
    Tcl_RestoreInterpState(interp, saved);
}
