/*
 * protocolCmd.c -- what a protocol that is a script says to its cluster.
 *
 * Layer: binding.  Subcommands of the cluster's command: protocol and receive,
 * and Protocol, of which library/protocol.tcl makes the original's `event`.
 */
#include "tclTransport.h"

static int unknown(clu_node *node, Tcl_Interp *interp, Tcl_Obj *id)
{
    Tcl_Obj *known = Tcl_NewObj();
    Tcl_IncrRefCount(known);
    clu_transport *t;
    for (unsigned i = 0;
         (t = clu_engine_transport(node->engine, i)) != NULL; i++) {
        if (clu_script_is(t)) {
            Tcl_AppendPrintfToObj(known, " %s", t->name);
        }
    }
    bool any = Tcl_GetString(known)[0] != '\0';
    clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "this cluster has no "
                 "protocol \"%s\" that is a script: must be%s",
                 Tcl_GetString(id), any ? Tcl_GetString(known)
                 : " one of -protocols that is registered");
    Tcl_DecrRefCount(known);
    return TCL_ERROR;
}

/* $cluster protocol id */
int clu_protocol_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *id)
{
    clu_script *s = clu_script_find(node, Tcl_GetString(id));
    if (s != NULL) {
        Tcl_SetObjResult(interp, clu_script_object(s));
    }
    return TCL_OK;
}

/* $cluster receive id chanID packet.  Scripts of a cluster that was left may
   still say so, on their way out. */
int clu_receive_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *const objv[])
{
    clu_script *s = clu_script_find(node, Tcl_GetString(objv[0]));
    if (s != NULL) {
        return clu_script_receive(s, interp, objv[1], objv[2]);
    }
    return node->closing ? TCL_OK : unknown(node, interp, objv[0]);
}

static int opened(clu_node *node, Tcl_Interp *interp, clu_script *s,
                  Tcl_Obj *channel, Tcl_Obj *service)
{
    uint64_t id = 0;
    if (service != NULL && Tcl_GetString(service)[0] != '\0') {
        id = clu_service_id_of(node, service);
        if (id == 0) {
            return clu_tcl_error(interp, CLU_GONE, "\"%s\" is no service of "
                                 "this cluster", Tcl_GetString(service));
        }
    }
    return clu_channels_open(clu_script_channels(s), channel, id) == CLU_OK
        ? TCL_OK
        : clu_tcl_error(interp, CLU_NOMEM, "out of memory");
}

/* $cluster Protocol open|close|moved id ?chanID? ?service? */
int clu_protocol_event(clu_node *node, Tcl_Interp *interp, int objc,
                       Tcl_Obj *const objv[])
{
    static const char *const words[] = { "open", "close", "moved", NULL };
    int word;
    if (Tcl_GetIndexFromObj(interp, objv[0], words, "event", TCL_EXACT, &word)
        != TCL_OK) {
        return TCL_ERROR;
    }
    clu_script *s = clu_script_find(node, Tcl_GetString(objv[1]));
    if (s == NULL) {
        return node->closing ? TCL_OK : unknown(node, interp, objv[1]);
    }
    if (word == 2) {
        clu_engine_moved(node->engine, clu_loop_clock());
        clu_node_rearm(node);
        return TCL_OK;
    }
    if (objc < 3) {
        return clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "a channel must "
                            "be named");
    }
    if (word == 1) {
        clu_channels_close(clu_script_channels(s), objv[2]);
        return TCL_OK;
    }
    return opened(node, interp, s, objv[2], objc > 3 ? objv[3] : NULL);
}

/* $service socket protocol */
int clu_socket_cmd(clu_node *node, Tcl_Interp *interp, uint64_t service,
                   Tcl_Obj *id)
{
    clu_script *s = clu_script_find(node, Tcl_GetString(id));
    Tcl_Obj *channel = s
        ? clu_channels_last(clu_script_channels(s), service) : NULL;
    if (channel != NULL) {
        Tcl_SetObjResult(interp, channel);
    }
    return TCL_OK;
}
