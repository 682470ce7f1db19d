/*
 * found.c -- who was found: ids for those who send, a list of commands for
 *            scripts.
 *
 * Layer: binding.
 */
#include "node.h"

/* ---- ids ----------------------------------------------------------------------- */

clu_err clu_found_add(clu_found *found, uint64_t id)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->ids[i] == id) {
            return CLU_OK;
        }
    }
    return clu_found_append(found, id);
}

clu_err clu_found_append(clu_found *found, uint64_t id)
{
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : 16;
        uint64_t *grown = clu_realloc(found->ids, room * sizeof *grown);
        if (grown == NULL) {
            return CLU_NOMEM;
        }
        found->ids = grown;
        found->room = room;
    }
    found->ids[found->count++] = id;
    return CLU_OK;
}

void clu_found_free(clu_found *found)
{
    clu_free(found->ids);
    *found = (clu_found){ 0 };
}

Tcl_Obj *clu_service_names(clu_node *node, const clu_found *found)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < found->count; i++) {
        clu_service *s = clu_table_find_id(clu_engine_table(node->engine),
                                           found->ids[i]);
        if (s == NULL) {
            continue;
        }
        clu_service_hold(s);    /* a trace may forget it */
        Tcl_ListObjAppendElement(NULL, list, clu_service_name(node, s));
        bool unnamed = s->face == NULL && s->state != CLU_SERVICE_GONE;
        clu_service_release(s);
        if (unnamed && !node->dead) {
            Tcl_DecrRefCount(list);
            return NULL;
        }
    }
    return list;
}

/* ---- lists of commands ----------------------------------------------------------- */

clu_err clu_crowd_add(clu_crowd *crowd, clu_service *s)
{
    if (crowd->count == crowd->room) {
        size_t room = crowd->room ? crowd->room * 2 : 64;
        clu_service **grown = clu_realloc(crowd->at, room * sizeof *grown);
        if (grown == NULL) {
            return CLU_NOMEM;
        }
        crowd->at = grown;
        crowd->room = room;
    }
    crowd->at[crowd->count++] = s;
    return CLU_OK;
}

void clu_crowd_free(clu_crowd *crowd)
{
    clu_free(crowd->at);
    *crowd = (clu_crowd){ 0 };
}

/* NULL: one of them has no command yet, or no name that is known. */
static Tcl_Obj *list_known(const clu_crowd *crowd)
{
    Tcl_Obj **names = clu_realloc(NULL, (crowd->count + 1) * sizeof *names);
    size_t n = 0;
    while (names != NULL && n < crowd->count
           && (names[n] = clu_service_known(crowd->at[n])) != NULL) {
        n++;
    }
    Tcl_Obj *list = names != NULL && n == crowd->count
        ? Tcl_NewListObj((Tcl_Size)n, names) : NULL;
    clu_free(names);
    return list;
}

/* Making a command may run a script, a trace on what had its name, after which
   no pointer holds. */
static Tcl_Obj *list_made(clu_node *node, const clu_crowd *crowd)
{
    clu_found found = { 0 };
    clu_err err = CLU_OK;
    for (size_t i = 0; err == CLU_OK && i < crowd->count; i++) {
        err = clu_found_append(&found, crowd->at[i]->id);
    }
    Tcl_Obj *list = err == CLU_OK ? clu_service_names(node, &found) : NULL;
    clu_found_free(&found);
    return list;
}

int clu_names_found(clu_node *node, Tcl_Interp *interp, clu_asked how,
                    Tcl_Size objc, Tcl_Obj *const objv[])
{
    Tcl_Obj *names = clu_recall_find(node, how, objc, objv);
    if (names != NULL) {
        Tcl_SetObjResult(interp, names);
        return TCL_OK;
    }
    clu_crowd crowd = { 0 };
    int code = clu_resolve_crowd(node, interp, how, objc, objv, &crowd);
    if (code == TCL_OK) {
        names = list_known(&crowd);
        if (names != NULL) {
            clu_recall_keep(node, how, objc, objv, names);
        } else {
            names = list_made(node, &crowd);
        }
        if (names != NULL) {
            Tcl_SetObjResult(interp, names);
        } else {
            code = clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    clu_crowd_free(&crowd);
    return code;
}
