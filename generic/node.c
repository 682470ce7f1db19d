/*
 * node.c -- the life of a membership: held, closed, finished, freed.
 *
 * Layer: binding.  Death in two acts: closing leaves the cluster, and what is
 * still to be told is told; finishing deletes the commands, and the memory
 * goes when nobody works on it any more.
 */
#include "hooks.h"
#include "tclTransport.h"

Tcl_Obj *clu_node_name(clu_node *node)
{
    if (node->token == NULL) {
        return node->name;
    }
    return clu_command_name(node->state->interp, node->token, &node->name);
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
    if (node->lingers) {
        clu_notifier_close();
    }
    Tcl_DeleteHashTable(&node->queries);
    Tcl_Obj *held[] = { node->name, node->spaces, node->config,
                        node->via };
    for (size_t i = 0; i < CLU_COUNT_OF(held); i++) {
        if (held[i] != NULL) {
            Tcl_DecrRefCount(held[i]);
        }
    }
    clu_free(node);
}

/* Its own command, where it was not that which began it. */
static void delete_command(clu_node *node)
{
    Tcl_Command token = node->token;
    node->token = NULL;
    if (token != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, token);
    }
}

/* The namespace ::cluster::clusters::<n> and what scripts put there. */
static void delete_spaces(clu_node *node)
{
    Tcl_Interp *interp = node->state->interp;
    if (Tcl_InterpDeleted(interp)) {
        return;                 /* they go with it */
    }
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
    Tcl_Interp *interp = node->state->interp;
    Tcl_Preserve(interp);       /* a trace on a command may delete it */
    /* Arrivals run from our queue here, so no transport is on the stack, even
       when a script in the middle of one brought us here.  One that is asks a
       script itself, and stays until that has returned - which it does not when
       it ends the process. */
    clu_engine_stop(node->engine, node->state->ending);
    clu_script_detach_all(node);
    node->lingers = clu_engine_transport(node->engine, 0) != NULL;
    clu_hook_clear(node);
    clu_notify_discard(node);
    clu_notifier_remove(&node->server);
    clu_loop_cancel(node->state->loop, &node->timer);
    clu_list_unlink(&node->link);
    /* One by one: some may have been renamed out of the namespace. */
    clu_query_clear(node);
    clu_service_clear(node);
    delete_command(node);
    delete_spaces(node);
    clu_recall_clear(node);
    node->state = NULL;
    if (!node->lingers) {
        clu_notifier_close();
    }
    clu_node_release(node);     /* the interpreter's hold */
    Tcl_Release(interp);
}

void clu_node_close(clu_node *node)
{
    if (node->dead) {
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
    if (node->dead || clu_engine_left(node->engine)) {
        return;
    }
    clu_ms at = clu_engine_deadline(node->engine);
    if (at == CLU_NEVER) {
        clu_loop_cancel(node->state->loop, &node->timer);
    } else if (!node->tick_due) {
        clu_loop_set(node->state->loop, &node->timer, at);
    }
}

/* Tcl 8.6 does not look whether it can. */
Tcl_Command clu_command_create(Tcl_Interp *interp, const char *name,
                               Tcl_ObjCmdProc *run, Tcl_ObjCmdProc *run_nr,
                               void *ctx, Tcl_CmdDeleteProc *deleted)
{
    return Tcl_InterpDeleted(interp) ? NULL
        : Tcl_NRCreateCommand(interp, name, run, run_nr, ctx, deleted);
}

/* Is it still what Tcl calls the command?  Without making a value. */
static bool is_name(Tcl_Interp *interp, Tcl_Command token, const char *name)
{
    Tcl_CmdInfo info;
    Tcl_GetCommandInfoFromToken(token, &info);
    const char *space = info.namespacePtr->fullName;
    size_t n = strlen(space);
    if (strncmp(name, space, n) != 0) {
        return false;
    }
    name += n;
    if (n > 2) {                /* not the global one, "::" */
        if (strncmp(name, "::", 2) != 0) {
            return false;
        }
        name += 2;
    }
    return strcmp(name, Tcl_GetCommandName(interp, token)) == 0;
}

Tcl_Obj *clu_command_name(Tcl_Interp *interp, Tcl_Command token,
                          Tcl_Obj **name)
{
    if (token != NULL && !is_name(interp, token, Tcl_GetString(*name))) {
        Tcl_Obj *now = Tcl_NewObj();
        Tcl_IncrRefCount(now);
        Tcl_GetCommandFullName(interp, token, now);
        Tcl_DecrRefCount(*name);
        *name = now;
    }
    return *name;
}
