/*
 * nodeCmd.c -- the cluster command.
 *
 * Layer: binding.  What is mechanism stands here; what is choice (tags' words,
 * hooks' spellings) is a script named in the table at the end.
 */
#include "hooks.h"

static const clu_sub node_subs[];

/* ---- the command --------------------------------------------------------- */

static int run_nr(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    clu_node *node = cd;
    clu_node_hold(node);
    int code = clu_sub_run(node_subs, node, node->token, interp, objc, objv);
    clu_node_release(node);
    return code;
}

static int run(ClientData cd, Tcl_Interp *interp, int objc,
               Tcl_Obj *const objv[])
{
    return Tcl_NRCallObjProc(interp, run_nr, cd, objc, objv);
}

static void deleted(ClientData cd)
{
    clu_node *node = cd;
    node->token = NULL;
    /* No state: a trace on this let the loop run, and there it ended. */
    if (node->state != NULL && Tcl_InterpDeleted(node->state->interp)) {
        clu_node_abandon(node); /* no script of its can run any more */
    } else {
        clu_node_close(node);
    }
    clu_node_release(node);     /* the command's hold */
}

int clu_node_publish(clu_node *node)
{
    node->token = clu_command_create(node->state->interp,
                                     Tcl_GetString(node->name), run, run_nr,
                                     node, deleted);
    if (node->token == NULL) {
        return TCL_ERROR;       /* the interpreter is going */
    }
    clu_node_hold(node);        /* the command's, until it is deleted */
    return TCL_OK;
}

/* ---- beacons ------------------------------------------------------------- */

/* What a heartbeat carries, as the original names it: protoprops, tags. */
static int beacon_words(Tcl_Interp *interp, Tcl_Obj *list, int *props,
                        int *tags)
{
    Tcl_Size count;
    Tcl_Obj **words;
    if (Tcl_ListObjGetElements(interp, list, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    for (Tcl_Size i = 0; i < count; i++) {
        const char *word = Tcl_GetString(words[i]);
        if (Tcl_StringCaseMatch(word, "protop*", TCL_MATCH_NOCASE)) {
            *props = 1;
        } else if (strcmp(word, "tags") == 0) {
            *tags = 1;
        } else {
            return clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "unknown word "
                                "\"%s\": must be protoprops or tags", word);
        }
    }
    return TCL_OK;
}

static int heartbeat(CLU_ARGS)
{
    clu_node *node = self;
    int props = 0, tags = 0, more = 0;
    Tcl_WideInt channel = 0;
    if (objc > 1 && beacon_words(interp, objv[1], &props, &tags) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc > 2 && Tcl_GetBooleanFromObj(interp, objv[2], &more) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc > 3
        && clu_number_arg(interp, objv[3], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_heartbeat(node->engine, props, tags || more,
                                       (uint64_t)channel, clu_loop_clock());
    clu_node_rearm(node);
    return clu_answer(interp, Tcl_NewBooleanObj(err == CLU_OK));
}

static int beat_at(CLU_ARGS)
{
    clu_node *node = self;
    Tcl_WideInt ms;
    int tags = 0;
    if (clu_number_arg(interp, objv[1], "milliseconds", &ms) != TCL_OK
        || (objc > 2
            && Tcl_GetBooleanFromObj(interp, objv[2], &tags) != TCL_OK)) {
        return TCL_ERROR;
    }
    clu_engine_heartbeat_at(node->engine, clu_loop_clock() + ms, tags);
    clu_node_rearm(node);
    return TCL_OK;
}

static int discover(CLU_ARGS)
{
    clu_node *node = self;
    Tcl_WideInt channel = 0;
    if (objc > 2
        && clu_number_arg(interp, objv[2], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_discover(node->engine, (uint64_t)channel,
                                      clu_loop_clock());
    clu_node_rearm(node);
    return clu_answer(interp, Tcl_NewBooleanObj(err == CLU_OK));
}

/* ---- who is there -------------------------------------------------------- */

static int services(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_names_found(self, interp, CLU_ASKED_ALL, 0, NULL);
}

static int known_services(CLU_ARGS)
{
    CLU_UNUSED;
    clu_node *node = self;
    return clu_answer(interp, Tcl_NewWideIntObj(
                      (Tcl_WideInt)clu_engine_table(node->engine)->count));
}

static int resolve(CLU_ARGS)
{
    return clu_names_found(self, interp, CLU_ASKED_FILTERS, objc - 1,
                           objv + 1);
}

static int resolver(CLU_ARGS)
{
    return clu_names_found(self, interp, CLU_ASKED_RESOLVER, objc - 1,
                           objv + 1);
}

static int meets_self(clu_node *node, Tcl_Interp *interp, bool language,
                      int objc, Tcl_Obj *const objv[])
{
    bool yes = false;
    int code = clu_resolve_one(node, interp, language, objc - 1, objv + 1,
                               NULL, &yes);
    return code == TCL_OK ? clu_answer(interp, Tcl_NewBooleanObj(yes)) : code;
}

static int resolve_self(CLU_ARGS)
{
    return meets_self(self, interp, false, objc, objv);
}

static int resolver_self(CLU_ARGS)
{
    return meets_self(self, interp, true, objc, objv);
}

/* ---- the rest ------------------------------------------------------------ */

static int send(CLU_ARGS)
{
    return clu_send_cmd(self, interp, 0, objc - 1, objv + 1);
}

static int query(CLU_ARGS)
{
    return clu_query_ask(self, interp, 0, objc - 1, objv + 1);
}

static int broadcast(CLU_ARGS)
{
    (void)objc;
    return clu_broadcast_cmd(self, interp, objv[1]);
}

static int protocol(CLU_ARGS)
{
    (void)objc;
    return clu_protocol_cmd(self, interp, objv[1]);
}

static int receive(CLU_ARGS)
{
    (void)objc;
    return clu_receive_cmd(self, interp, objv + 1);
}

static int destroy(CLU_ARGS)
{
    (void)interp;
    CLU_UNUSED;
    clu_node *node = self;
    if (node->token != NULL) {  /* else it is being deleted */
        Tcl_DeleteCommandFromToken(node->state->interp, node->token);
    }
    return TCL_OK;
}

static int own_hook(CLU_ARGS)
{
    (void)objc;
    clu_hook hook;
    bool keyed;
    if (!clu_hook_find(Tcl_GetString(objv[1]), &hook, &keyed)) {
        return clu_tcl_error(interp, CLU_VALUE, "there is no hook \"%s\"",
                             Tcl_GetString(objv[1]));
    }
    return clu_hook_set(self, hook, keyed ? objv[2] : NULL, objv[3],
                        objv[4]);
}

static int protocol_event(CLU_ARGS)
{
    return clu_protocol_event(self, interp, objc - 1, objv + 1);
}

static const clu_sub node_subs[] = {
    { "Alter", clu_own_alter, "option value", 2, 2, NULL },
    { "Beat", beat_at, "ms ?tags?", 1, 2, NULL },
    { "Channel", clu_own_channel, "?channel join?", 0, 2, NULL },
    { "Hook", own_hook, "name key lambda reads", 4, 4, NULL },
    { "Props", clu_own_props, "", 0, 0, NULL },
    { "Protocol", protocol_event, "event id ?chanID? ?service?", 2, 4, NULL },
    { "Tags", clu_own_tags, "?tags?", 0, 1, NULL },
    { "Transmit", broadcast, "payload", 1, 1, NULL },
    { "broadcast", NULL, "payload | op ?data?", 1, 2,
      "::cluster::node::Broadcast" },
    { "channel", NULL, "action channels", 2, 2, "::cluster::node::Channel" },
    { "config", clu_own_config, "?key?", 0, 1, NULL },
    { "configure", NULL, "?-option ?value ...??", 0, -1,
      "::cluster::node::Configure" },
    { "destroy", destroy, "", 0, 0, NULL },
    { "disconnect_payload", NULL, "?payload? ?tags? ?known?", 0, 3,
      "::cluster::payload::Disconnect" },
    { "discover", discover, "?ruid? ?channel?", 0, 2, NULL },
    { "discovery_payload", NULL, "?props? ?tags? ?channel? ?payload?", 0, 4,
      "::cluster::payload::Discovery" },
    { "event", NULL, "channel event protocol ?chanID? ?service?", 3, 5,
      "::cluster::protocols::Event" },
    { "event_payload", NULL, "request channel ?tags? ?known?", 2, 4,
      "::cluster::payload::Event" },
    { "failed_payload", NULL, "request ?channel? ?tags? ?known?", 1, 4,
      "::cluster::payload::Failed" },
    { "flush_payload", NULL, "?props? ?tags? ?channel? ?payload?", 0, 4,
      "::cluster::payload::Flush" },
    { "heartbeat", heartbeat, "?props? ?tags? ?channel?", 0, 3, NULL },
    { "heartbeat_after", beat_at, "ms", 1, 1, NULL },
    { "heartbeat_payload", NULL, "?props? ?tags? ?channel? ?payload?", 0, 4,
      "::cluster::payload::Heartbeat" },
    { "hid", clu_own_hid, "", 0, 0, NULL },
    { "hook", NULL, "path ?...? ?body?", 1, -1, "::cluster::hooks::Hook" },
    { "ips", NULL, "", 0, 0, "::cluster::node::Ips" },
    { "is_local", clu_own_is_local, "address", 1, 1, NULL },
    { "known_services", known_services, "", 0, 0, NULL },
    { "log", NULL, "?prefix?", 0, 1, "::cluster::log::Log" },
    { "macs", NULL, "", 0, 0, "::cluster::node::Macs" },
    { "name", clu_own_name, "", 0, 0, NULL },
    { "names", NULL, "", 0, 0, "::cluster::node::Names" },
    { "payload", NULL, "type channel payload ?tags? ?known?", 3, 5,
      "::cluster::payload::Payload" },
    { "ping_payload", NULL, "services ?channel?", 1, 2,
      "::cluster::payload::Ping" },
    { "props", NULL, "?name ...?", 0, -1, "::cluster::node::Props" },
    { "protocol", protocol, "id", 1, 1, NULL },
    { "protocols", clu_own_protocols, "", 0, 0, NULL },
    { "query", query, "?-option value ...?", 0, -1, NULL },
    { "query_payload", NULL, "ruid query ?filter? ?channel? ?tags? ?known?",
      2, 6, "::cluster::payload::Query" },
    { "receive", receive, "id chanID packet", 3, 3, NULL },
    { "resolve", resolve, "?filter ...?", 0, -1, NULL },
    { "resolve_self", resolve_self, "filter ?filter ...?", 1, -1, NULL },
    { "resolver", resolver, "?modifier? ?operator? list ...", 0, -1, NULL },
    { "resolver_self", resolver_self, "?modifier? ?operator? list ...", 1, -1,
      NULL },
    { "response_payload", NULL, "response channel ?tags? ?known?", 2, 4,
      "::cluster::payload::Response" },
    { "send", send, "?-option value ...?", 0, -1, NULL },
    { "sendto", NULL, "services op ?data?", 2, 3,
      "::cluster::node::Sendto" },
    { "services", services, "", 0, 0, NULL },
    { "sid", clu_own_sid, "", 0, 0, NULL },
    { "stats", clu_own_stats, "", 0, 0, NULL },
    { "tags", NULL, "?modifier tag ...? ...", 0, -1, "::cluster::node::Tags" },
    { "ttl", clu_own_ttl, "", 0, 0, NULL },
    { "uuid", clu_own_uuid, "", 0, 0, NULL },
    { NULL, NULL, NULL, 0, 0, NULL }
};
