/*
 * options.c -- option-value pairs and subcommands, with the errors they owe.
 *
 * Layer: binding.
 */
#include "node.h"

/* The word remembers its place in the table. */
static bool look_up(const clu_option *table, Tcl_Obj *word, size_t *index)
{
    int found;
    if (Tcl_GetIndexFromObjStruct(NULL, word, table, sizeof *table, "option",
                                  TCL_EXACT, &found) != TCL_OK) {
        return false;
    }
    *index = (size_t)found;
    return true;
}

static int find_option(Tcl_Interp *interp, const clu_option *table,
                       size_t count, Tcl_Obj *word, size_t *index)
{
    if (look_up(table, word, index)) {
        return TCL_OK;
    }
    Tcl_Obj *known = Tcl_NewObj();
    Tcl_IncrRefCount(known);
    for (size_t i = 0; i < count; i++) {
        Tcl_AppendPrintfToObj(known, "%s%s", i == 0 ? ""
                              : i + 1 == count ? " or " : ", ", table[i].name);
    }
    clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "unknown option \"%s\": must "
                 "be %s", Tcl_GetString(word), Tcl_GetString(known));
    Tcl_DecrRefCount(known);
    return TCL_ERROR;
}

/* A flag takes the next word only when that is a boolean. */
static bool next_is_boolean(int objc, Tcl_Obj *const objv[], int i)
{
    int ignored;
    return i + 1 < objc
        && Tcl_GetBooleanFromObj(NULL, objv[i + 1], &ignored) == TCL_OK;
}

/* Of an option that is given twice the last value holds. */
static void keep(Tcl_Obj **slot, Tcl_Obj *value)
{
    Tcl_IncrRefCount(value);
    if (*slot != NULL) {
        Tcl_DecrRefCount(*slot);
    }
    *slot = value;
}

int clu_options_get(Tcl_Interp *interp, const clu_option *table, size_t count,
                    int objc, Tcl_Obj *const objv[], Tcl_Obj **values)
{
    for (int i = 0; i < objc; i++) {
        size_t index;
        if (find_option(interp, table, count, objv[i], &index) != TCL_OK) {
            return TCL_ERROR;
        }
        if (table[index].flag && !next_is_boolean(objc, objv, i)) {
            keep(&values[index], Tcl_NewBooleanObj(1));
            continue;
        }
        if (i + 1 == objc) {
            return clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS",
                                "missing value for option \"%s\"",
                                table[index].name);
        }
        keep(&values[index], objv[++i]);
    }
    return TCL_OK;
}

int clu_options_span(const clu_option *table, int objc,
                     Tcl_Obj *const objv[])
{
    int i = 0;
    while (i < objc && Tcl_GetString(objv[i])[0] == '-') {
        size_t index;
        bool alone = look_up(table, objv[i], &index)
            && table[index].flag && !next_is_boolean(objc, objv, i);
        i += alone ? 1 : 2;
    }
    return i < objc ? i : objc;
}

void clu_options_free(Tcl_Obj **values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL) {
            Tcl_DecrRefCount(values[i]);
        }
    }
}

/* In Tcl: script self word... */
static int run_script(const clu_sub *sub, Tcl_Command token,
                      Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    Tcl_Obj *line = Tcl_NewListObj(0, NULL);
    Tcl_Obj *self = objv[0];    /* it is going: the name that still finds it */
    Tcl_IncrRefCount(line);
    Tcl_ListObjAppendElement(NULL, line, Tcl_NewStringObj(sub->script, -1));
    if (token != NULL) {
        self = Tcl_NewObj();
        Tcl_GetCommandFullName(interp, token, self);
    }
    Tcl_ListObjAppendElement(NULL, line, self);
    for (int i = 2; i < objc; i++) {
        Tcl_ListObjAppendElement(NULL, line, objv[i]);
    }
    /* Without a C frame of ours on the stack, so that the script may yield. */
    int code = Tcl_NREvalObj(interp, line, 0);
    Tcl_DecrRefCount(line);
    return code;
}

int clu_sub_run(const clu_sub *table, void *self, Tcl_Command token,
                Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "command ?arg ...?");
        return TCL_ERROR;
    }
    int index;
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], table, sizeof *table,
                                  "command", TCL_EXACT, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    const clu_sub *sub = &table[index];
    int given = objc - 2;
    if (given < sub->least || (sub->most >= 0 && given > sub->most)) {
        Tcl_WrongNumArgs(interp, 2, objv, sub->usage);
        return TCL_ERROR;
    }
    return sub->run != NULL ? sub->run(self, interp, objc - 1, objv + 1)
                            : run_script(sub, token, interp, objc, objv);
}

int clu_answer(Tcl_Interp *interp, Tcl_Obj *value)
{
    Tcl_SetObjResult(interp, value);
    return TCL_OK;
}

int clu_number_arg(Tcl_Interp *interp, Tcl_Obj *obj, const char *what,
                   Tcl_WideInt *value)
{
    if (Tcl_GetWideIntFromObj(NULL, obj, value) != TCL_OK || *value < 0
        || *value > INT32_MAX) {
        return clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "%s must be a "
                            "number from 0 to %d, not \"%s\"", what, INT32_MAX,
                            Tcl_GetString(obj));
    }
    return TCL_OK;
}
