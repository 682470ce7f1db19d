/*
 * node.c -- the life of a membership: held, closed, finished, freed.
 *
 * Layer: binding.  Death in two acts: closing leaves the cluster, and what is
 * still to be told is told; finishing deletes the commands, and the memory
 * goes when nobody works on it any more.
 */
#include "hooks.h"

Tcl_Obj *clu_node_name(clu_node *node)
{
    if (node->token == NULL || node->state == NULL) {
        return node->name;
    }
    Tcl_Obj *now = Tcl_NewObj();
    Tcl_IncrRefCount(now);
    Tcl_GetCommandFullName(node->state->interp, node->token, now);
    if (strcmp(Tcl_GetString(now), Tcl_GetString(node->name)) != 0) {
        Tcl_DecrRefCount(node->name);
        node->name = now;       /* it was renamed; held once already */
    } else {
        Tcl_DecrRefCount(now);
    }
    return node->name;
}

void clu_node_hold(clu_node *node)
{
    node->holds++;
}

void clu_node_release(clu_node *node)
{
    if (--node->holds > 0) {
        return;
    }
    clu_notify_discard(node);
    clu_engine_destroy(node->engine);
    Tcl_DeleteHashTable(&node->services);
    Tcl_DeleteHashTable(&node->queries);
    Tcl_Obj *held[] = { node->name, node->spaces, node->config };
    for (size_t i = 0; i < CLU_COUNT_OF(held); i++) {
        if (held[i] != NULL) {
            Tcl_DecrRefCount(held[i]);
        }
    }
    clu_free(node);
}

/* The commands below ::cluster::clusters::<n>, each by its own delete. */
static void delete_spaces(clu_node *node)
{
    Tcl_Interp *interp = node->state->interp;
    Tcl_Obj *name = Tcl_NewStringObj(Tcl_GetString(node->spaces), -1);
    Tcl_IncrRefCount(name);
    Tcl_SetObjLength(name, (int)strlen(Tcl_GetString(name)) - 2);
    Tcl_Namespace *ns = Tcl_FindNamespace(interp, Tcl_GetString(name), NULL,
                                          TCL_GLOBAL_ONLY);
    if (ns != NULL) {
        Tcl_DeleteNamespace(ns);
    }
    Tcl_DecrRefCount(name);
}

/* Nothing more is told: out of every list, its commands deleted. */
void clu_node_finish(clu_node *node)
{
    if (node->dead) {
        return;
    }
    node->dead = true;
    clu_engine_tick(node->engine, clu_loop_clock());    /* its last one */
    clu_hook_clear(node);
    clu_notify_discard(node);
    clu_notifier_remove(&node->server);
    clu_loop_cancel(node->state->loop, &node->timer);
    clu_list_unlink(&node->link);
    delete_spaces(node);
    node->state = NULL;
    clu_notifier_close();
    clu_node_release(node);     /* the interpreter's hold */
}

void clu_node_close(clu_node *node)
{
    if (node->closing || node->dead) {
        return;
    }
    node->closing = true;
    clu_node_hold(node);
    clu_engine_leave(node->engine, clu_loop_clock());
    if (node->state != NULL) {
        clu_loop_cancel(node->state->loop, &node->timer);
        node->tick_due = false;
        clu_notifier_wake();    /* "done" of the open queries is still told */
    }
    clu_node_release(node);
}

void clu_node_abandon(clu_node *node)
{
    if (node->dead) {
        return;
    }
    clu_node_hold(node);
    clu_patron *patron = clu_engine_patron(node->engine);
    patron->asks = patron->tells = 0;
    clu_engine_leave(node->engine, clu_loop_clock());
    clu_node_finish(node);
    clu_node_release(node);
}

void clu_node_rearm(clu_node *node)
{
    if (node->dead || node->state == NULL || clu_engine_left(node->engine)) {
        return;
    }
    clu_ms at = clu_engine_deadline(node->engine);
    if (at == CLU_NEVER) {
        clu_loop_cancel(node->state->loop, &node->timer);
    } else if (!node->tick_due) {
        clu_loop_set(node->state->loop, &node->timer, at);
    }
}
