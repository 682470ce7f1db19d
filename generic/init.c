/*
 * init.c -- load, unload, per-interpreter state.
 *
 * Layer: binding.
 */
#include "hooks.h"

#define PACKAGE_NAME    "cluster"
#define PACKAGE_VERSION_TEXT "2.0.0"
#define STATE_KEY       "cluster"

static void drop(Tcl_Obj **slot)
{
    if (*slot != NULL) {
        Tcl_DecrRefCount(*slot);
        *slot = NULL;
    }
}

/* Leaves every cluster of this interpreter, without a word to scripts. */
static void leave_all(clu_state *state)
{
    while (!clu_list_empty(&state->nodes)) {
        clu_node_abandon(CLU_CONTAINER(state->nodes.next, clu_node, link));
    }
}

/* At the thread's end, which is also the process's: peers are told.  A protocol
   that is a script may delete the interpreter, and our state with it. */
static void on_exit(ClientData cd)
{
    clu_state *state = cd;
    Tcl_Interp *interp = state->interp;
    state->ending = true;
    Tcl_Preserve(interp);
    leave_all(state);
    Tcl_Release(interp);
}

static void on_interp_gone(ClientData cd, Tcl_Interp *interp)
{
    clu_state *state = cd;
    (void)interp;
    Tcl_DeleteThreadExitHandler(on_exit, state);
    leave_all(state);
    for (int i = 0; i <= CLU_FIELD_MAX; i++) {
        drop(&state->fields[i]);
    }
    for (int i = 0; i < CLU_EVENT_COUNT; i++) {
        drop(&state->events[i]);
    }
    drop(&state->apply);
    drop(&state->ask);
    drop(&state->failed);
    drop(&state->nothing);
    clu_free(state);
}

clu_state *clu_state_of(Tcl_Interp *interp)
{
    return Tcl_GetAssocData(interp, STATE_KEY, NULL);
}

static Tcl_Obj *word(const char *text)
{
    Tcl_Obj *obj = Tcl_NewStringObj(text, -1);
    Tcl_IncrRefCount(obj);
    return obj;
}

static clu_state *make_state(Tcl_Interp *interp)
{
    clu_state *state = clu_alloc(sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->interp = interp;
    clu_list_init(&state->nodes);
    for (int i = 1; i <= CLU_FIELD_MAX; i++) {
        state->fields[i] = word(clu_field_name((clu_field)i));
    }
#define X(id, name) state->events[CLU_EVENT_##id] = word(name);
    CLU_EVENTS(X)
#undef X
    state->apply = word("::apply");
    state->ask = word("::cluster::hooks::Ask");
    state->failed = word("::cluster::hooks::Failed");
    state->nothing = word("");
    Tcl_SetAssocData(interp, STATE_KEY, on_interp_gone, state);
    Tcl_CreateThreadExitHandler(on_exit, state);
    return state;
}

/* tcllib's udpcluster lives in ::cluster too: say so instead of mixing. */
static int check_namespace(Tcl_Interp *interp)
{
    Tcl_CmdInfo info;
    if (Tcl_GetCommandInfo(interp, "::udpcluster", &info)
        || Tcl_GetCommandInfo(interp, "::cluster::ping", &info)) {
        return clu_tcl_error(interp, CLU_EXISTS, "tcllib's udpcluster is "
                             "loaded and uses the namespace ::cluster: use "
                             "the two in different interpreters");
    }
    return TCL_OK;
}

static void make_commands(Tcl_Interp *interp, clu_state *state)
{
    static const struct {
        const char *name;
        Tcl_ObjCmdProc *run;
    } commands[] = {
        { "::cluster::core::join", clu_join_cmd },
        { "::cluster::core::limits", clu_limits_cmd },
        { "::cluster::core::host", clu_host_cmd },
        { "::cluster::core::interfaces", clu_interfaces_cmd },
        { "::cluster::core::way", clu_way_cmd },
        { "::cluster::core::lookup", clu_lookup_cmd },
        { "::cluster::core::clock", clu_clock_cmd },
        { "::cluster::core::kept", clu_kept_cmd },
        { "::cluster::core::signals", clu_signals_cmd },
        { "::cluster::core::packets", clu_packets_cmd },
        { "::cluster::core::fields", clu_fields_cmd },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(commands); i++) {
        Tcl_CreateObjCommand(interp, commands[i].name, commands[i].run, state,
                             NULL);
    }
}

DLLEXPORT int Cluster_Init(Tcl_Interp *interp);
DLLEXPORT int Cluster_SafeInit(Tcl_Interp *interp);

DLLEXPORT int Cluster_Init(Tcl_Interp *interp)
{
    if (Tcl_InitStubs(interp, "8.6-", 0) == NULL) {
        return TCL_ERROR;
    }
    if (clu_state_of(interp) == NULL) {
        if (check_namespace(interp) != TCL_OK) {
            return TCL_ERROR;
        }
        clu_state *state = make_state(interp);
        if (state == NULL) {
            return clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
        Tcl_CreateNamespace(interp, "::cluster", NULL, NULL);
        Tcl_CreateNamespace(interp, "::cluster::core", NULL, NULL);
        make_commands(interp, state);
    }
    return Tcl_PkgProvide(interp, PACKAGE_NAME, PACKAGE_VERSION_TEXT);
}

/* A safe interpreter opens no sockets. */
DLLEXPORT int Cluster_SafeInit(Tcl_Interp *interp)
{
    if (Tcl_InitStubs(interp, "8.6-", 0) == NULL) {
        return TCL_ERROR;
    }
    return clu_tcl_error(interp, CLU_VETO, "cluster opens sockets and so "
                         "cannot be loaded into a safe interpreter");
}
