/*
 * found.c -- who was found: ids for those who send, a list of commands for
 *            scripts.
 *
 * Layer: binding.
 */
#include "node.h"

/* ---- ids ----------------------------------------------------------------- */

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

clu_err clu_found_seats(clu_found *found, clu_node *node, const clu_set *seats)
{
    const clu_table *t = clu_engine_table(node->engine);
    clu_err err = CLU_OK;
    for (uint32_t n = 0; err == CLU_OK && clu_set_next(seats, &n); n++) {
        err = clu_found_append(found, t->seats[n]->id);
    }
    return err;
}

/* As they came. */
static clu_err add_all(clu_found *found, clu_node *node)
{
    const clu_table *t = clu_engine_table(node->engine);
    clu_err err = CLU_OK;
    for (clu_list *l = t->order.next; err == CLU_OK && l != &t->order;
         l = l->next) {
        err = clu_found_append(found, CLU_SERVICE_OF(l)->id);
    }
    return err;
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

/* ---- lists of commands --------------------------------------------------- */

/* Below, who was found are seats; NULL: all there are, as they came.  The names
   of many stand close together, so no service is looked at that has one. */
static bool get_names(const clu_table *t, const clu_set *seats,
                      Tcl_Obj *names[])
{
    size_t n = 0;
    clu_block b;
    for (size_t i = 0; clu_set_block(seats, i, &b); i++) {
        for (; b.bits != 0; b.bits &= b.bits - 1) {
            uint32_t seat = clu_block_first(b);
            Tcl_Obj *name = t->names[seat];
            if (name == NULL) {
                name = clu_service_known(t->seats[seat]);
            }
            if (name == NULL) {
                return false;
            }
            names[n++] = name;
        }
    }
    return true;
}

static bool get_all_names(const clu_table *t, Tcl_Obj *names[])
{
    clu_list *l = t->order.next;
    while (l != &t->order
           && (*names++ = clu_service_known(CLU_SERVICE_OF(l))) != NULL) {
        l = l->next;
    }
    return l == &t->order;
}

/* NULL: one of them has no command yet. */
static Tcl_Obj *list_known(const clu_table *t, const clu_set *seats)
{
    size_t count = seats != NULL ? clu_set_count(seats) : t->count;
    Tcl_Obj **names = clu_realloc(NULL, (count + 1) * sizeof *names);
    bool known = names != NULL && (seats != NULL ? get_names(t, seats, names)
                                                 : get_all_names(t, names));
    Tcl_Obj *list = known ? Tcl_NewListObj((Tcl_Size)count, names) : NULL;
    clu_free(names);
    return list;
}

/* Making a command may run a script, a trace on what had its name, after which
   no pointer and no seat holds. */
static Tcl_Obj *list_made(clu_node *node, const clu_set *seats)
{
    clu_found found = { 0 };
    clu_err err = seats != NULL ? clu_found_seats(&found, node, seats)
                                : add_all(&found, node);
    Tcl_Obj *list = err == CLU_OK ? clu_service_names(node, &found) : NULL;
    clu_found_free(&found);
    return list;
}

static int list_them(clu_node *node, Tcl_Interp *interp, clu_asked how,
                     Tcl_Size objc, Tcl_Obj *const objv[],
                     const clu_set *seats)
{
    Tcl_Obj *names = list_known(clu_engine_table(node->engine), seats);
    if (names != NULL) {
        clu_recall_keep(node, how, objc, objv, names);
    } else {
        names = list_made(node, seats);
    }
    return names != NULL ? clu_answer(interp, names)
        : clu_tcl_error(interp, CLU_NOMEM, "out of memory");
}

int clu_names_found(clu_node *node, Tcl_Interp *interp, clu_asked how,
                    Tcl_Size objc, Tcl_Obj *const objv[])
{
    Tcl_Obj *names = clu_recall_find(node, how, objc, objv);
    if (names != NULL) {
        return clu_answer(interp, names);
    }
    if (how == CLU_ASKED_ALL) {
        return list_them(node, interp, how, objc, objv, NULL);
    }
    clu_set scratch = { 0 };
    const clu_set *seats = clu_resolve_seats(
        node, interp, how == CLU_ASKED_RESOLVER, objc, objv, &scratch);
    int code = seats != NULL
        ? list_them(node, interp, how, objc, objv, seats) : TCL_ERROR;
    clu_set_free(&scratch);
    return code;
}
