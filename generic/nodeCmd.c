/*
 * nodeCmd.c -- the cluster command.
 *
 * Layer: binding.  What is mechanism stands here; what is choice (tags' words,
 * hooks' spellings) is a script named in the table at the end.
 */
#include "hooks.h"

static const clu_sub node_subs[];

/* ---- the command --------------------------------------------------------------------- */

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
    if (node->state != NULL && Tcl_InterpDeleted(node->state->interp)) {
        clu_node_abandon(node); /* no script of its can run any more */
    } else {
        clu_node_close(node);
    }
}

int clu_node_publish(clu_node *node)
{
    node->token = Tcl_NRCreateCommand(node->state->interp,
                                      Tcl_GetString(node->name), run, run_nr,
                                      node, deleted);
    return node->token != NULL ? TCL_OK : TCL_ERROR;
}

#define ARGS void *self, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]
#define UNUSED (void)objc, (void)objv

static int answer(Tcl_Interp *interp, Tcl_Obj *value)
{
    Tcl_SetObjResult(interp, value);
    return TCL_OK;
}

static int number_arg(Tcl_Interp *interp, Tcl_Obj *obj, const char *what,
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

/* ---- beacons --------------------------------------------------------------------------- */

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

static int heartbeat(ARGS)
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
        && number_arg(interp, objv[3], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_heartbeat(node->engine, props, tags || more,
                                       (uint64_t)channel, clu_loop_clock());
    clu_node_rearm(node);
    return answer(interp, Tcl_NewBooleanObj(err == CLU_OK));
}

static int beat_at(ARGS)
{
    clu_node *node = self;
    Tcl_WideInt ms;
    int tags = 0;
    if (number_arg(interp, objv[1], "milliseconds", &ms) != TCL_OK
        || (objc > 2
            && Tcl_GetBooleanFromObj(interp, objv[2], &tags) != TCL_OK)) {
        return TCL_ERROR;
    }
    clu_engine_heartbeat_at(node->engine, clu_loop_clock() + ms, tags);
    clu_node_rearm(node);
    return TCL_OK;
}

static int discover(ARGS)
{
    clu_node *node = self;
    Tcl_WideInt channel = 0;
    if (objc > 2
        && number_arg(interp, objv[2], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_discover(node->engine, (uint64_t)channel,
                                      clu_loop_clock());
    clu_node_rearm(node);
    return answer(interp, Tcl_NewBooleanObj(err == CLU_OK));
}

/* ---- who is there ------------------------------------------------------------------------ */

static int services(ARGS)
{
    UNUSED;
    return clu_names_found(self, interp, CLU_ASKED_ALL, 0, NULL);
}

static int known_services(ARGS)
{
    UNUSED;
    clu_node *node = self;
    return answer(interp, Tcl_NewWideIntObj(
                      (Tcl_WideInt)clu_engine_table(node->engine)->count));
}

static int resolve(ARGS)
{
    return clu_names_found(self, interp, CLU_ASKED_FILTERS, objc - 1,
                           objv + 1);
}

static int resolver(ARGS)
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
    return code == TCL_OK ? answer(interp, Tcl_NewBooleanObj(yes)) : code;
}

static int resolve_self(ARGS)
{
    return meets_self(self, interp, false, objc, objv);
}

static int resolver_self(ARGS)
{
    return meets_self(self, interp, true, objc, objv);
}

/* ---- ourselves ------------------------------------------------------------------------------ */

static int sid(ARGS)
{
    UNUSED;
    clu_node *node = self;
    return answer(interp, clu_text_new(clu_engine_config(node->engine)->sid));
}

static int hid(ARGS)
{
    UNUSED;
    clu_node *node = self;
    return answer(interp, clu_text_new(clu_engine_config(node->engine)->hid));
}

static int uuid(ARGS)
{
    UNUSED;
    const clu_config *config =
        clu_engine_config(((clu_node *)self)->engine);
    return answer(interp, Tcl_ObjPrintf("%.*s@%.*s", (int)config->sid.n,
                                        (const char *)config->sid.p,
                                        (int)config->hid.n,
                                        (const char *)config->hid.p));
}

static int ttl(ARGS)
{
    UNUSED;
    clu_node *node = self;
    return answer(interp, Tcl_NewWideIntObj(
                      clu_engine_config(node->engine)->ttl / 1000));
}

static int protocols(ARGS)
{
    UNUSED;
    clu_node *node = self;
    return answer(interp,
                  clu_items_new(clu_engine_own_protocols(node->engine)));
}

static int config(ARGS)
{
    clu_node *node = self;
    if (objc == 1) {
        return answer(interp, node->config);
    }
    Tcl_Obj *value = NULL, *keys = Tcl_NewListObj(0, NULL);
    Tcl_DictObjGet(NULL, node->config, objv[1], &value);
    if (value != NULL) {
        Tcl_DecrRefCount(keys);
        return answer(interp, value);
    }
    Tcl_DictSearch search;
    Tcl_Obj *key, *ignored;
    int done;
    for (Tcl_DictObjFirst(NULL, node->config, &search, &key, &ignored, &done);
         !done; Tcl_DictObjNext(&search, &key, &ignored, &done)) {
        Tcl_ListObjAppendElement(NULL, keys, key);
    }
    clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "unknown key \"%s\": must be "
                 "one of %s", Tcl_GetString(objv[1]), Tcl_GetString(keys));
    Tcl_DecrRefCount(keys);
    return TCL_ERROR;
}

/* The properties that our beacons carry. */
static int props(ARGS)
{
    UNUSED;
    clu_node *node = self;
    clu_buf text;
    clu_buf_init(&text, 1 << 16);
    clu_err err = clu_engine_props(node->engine, &text);
    if (err == CLU_OK) {
        Tcl_SetObjResult(interp, clu_text_new(clu_buf_slice(&text)));
    }
    clu_buf_fini(&text);
    return err == CLU_OK ? TCL_OK : clu_tcl_error(interp, err, "%s",
                                                  clu_err_text(err));
}

static int is_local(ARGS)
{
    (void)objc;
    clu_node *node = self;
    clu_address a;
    const char *text = Tcl_GetString(objv[1]);
    bool yes = strcmp(text, "localhost") == 0
        || (clu_address_parse(clu_slice_str(text), &a) == CLU_OK
            && clu_host_is_local(node->state->host, &a));
    return answer(interp, Tcl_NewBooleanObj(yes));
}

/* ---- counters --------------------------------------------------------------------------------- */

static void put(Tcl_Obj *dict, const char *key, uint64_t value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1),
                   Tcl_NewWideIntObj((Tcl_WideInt)value));
}

static Tcl_Obj *transport_stats(const clu_transport *t)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "packets_in", t->packets_in);
    put(dict, "bytes_in", t->bytes_in);
    put(dict, "packets_out", t->packets_out);
    put(dict, "bytes_out", t->bytes_out);
    return dict;
}

static int stats(ARGS)
{
    UNUSED;
    clu_node *node = self;
    clu_engine *e = node->engine;
    Tcl_Obj *dict = Tcl_NewDictObj(), *by_name = Tcl_NewDictObj();
    put(dict, "services", clu_engine_table(e)->count);
    put(dict, "most_known", clu_engine_most_known(e));
    put(dict, "queries", clu_engine_open_queries(e));
    put(dict, "memory", clu_engine_table(e)->weight);
    put(dict, "backlog", node->backlog);
    put(dict, "queued", clu_engine_held(e)->out);
    put(dict, "unfinished", clu_engine_held(e)->in);
    const clu_counters *counters = clu_engine_counters(e);
    for (int i = 0; i < CLU_COUNTER_COUNT; i++) {
        put(dict, clu_counter_name((clu_counter)i), counters->at[i]);
    }
    clu_transport *t;
    for (unsigned i = 0; (t = clu_engine_transport(e, i)) != NULL; i++) {
        Tcl_DictObjPut(NULL, by_name, Tcl_NewStringObj(t->name, -1),
                       transport_stats(t));
    }
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("protocols", -1), by_name);
    return answer(interp, dict);
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static int send(ARGS)
{
    return clu_send_cmd(self, interp, 0, objc - 1, objv + 1);
}

static int query(ARGS)
{
    return clu_query_ask(self, interp, 0, objc - 1, objv + 1);
}

static int broadcast(ARGS)
{
    (void)objc;
    return clu_broadcast_cmd(self, interp, objv[1]);
}

static int protocol(ARGS)
{
    (void)objc;
    return clu_protocol_cmd(self, interp, objv[1]);
}

static int receive(ARGS)
{
    (void)objc;
    return clu_receive_cmd(self, interp, objv + 1);
}

static int destroy(ARGS)
{
    (void)interp;
    UNUSED;
    clu_node *node = self;
    if (node->token != NULL && node->state != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, node->token);
    }
    return TCL_OK;
}

static int own_name(ARGS)
{
    UNUSED;
    return answer(interp, clu_text_new(
                      clu_engine_config(((clu_node *)self)->engine)->name));
}

/* Primitives that the scripts of the library use. */

/* Changes ttl (s), heartbeat (ms) or a limit, and what config says of it. */
static int alter(ARGS)
{
    (void)objc;
    clu_node *node = self;
    clu_config *own = clu_engine_config(node->engine);
    const char *key = Tcl_GetString(objv[1]);
    Tcl_WideInt number = 0;
    Tcl_GetWideIntFromObj(NULL, objv[2], &number);
    if (strcmp(key, "ttl") == 0) {
        own->ttl = number * 1000;
        clu_engine_reconsider(node->engine, clu_loop_clock());
    } else if (strcmp(key, "heartbeat") == 0) {
        own->heartbeat = number;
        clu_engine_heartbeat_at(node->engine, clu_loop_clock() + number,
                                false);
    }
    for (int i = 0; i < CLU_LIMIT_COUNT; i++) {
        if (strcmp(key, clu_limit_option((clu_limit)i)) == 0) {
            own->limits.at[i] = number;
        }
    }
    if (Tcl_IsShared(node->config)) {
        Tcl_Obj *fresh = Tcl_DuplicateObj(node->config);
        Tcl_IncrRefCount(fresh);
        Tcl_DecrRefCount(node->config);
        node->config = fresh;
    }
    clu_node_rearm(node);
    return Tcl_DictObjPut(interp, node->config, objv[1], objv[2]);
}

static int own_tags(ARGS)
{
    clu_node *node = self;
    if (objc == 1) {
        return answer(interp, clu_items_new(clu_engine_own_tags(node->engine)));
    }
    clu_buf wire;
    clu_buf_init(&wire, 1 << 20);
    clu_items tags = { 0 };
    int code = clu_items_get(interp, objv[1], &wire, &tags);
    if (code == TCL_OK) {
        clu_err err = clu_engine_tags(node->engine, tags);
        if (err != CLU_OK) {
            const clu_limits *l = &clu_engine_config(node->engine)->limits;
            code = clu_tcl_error(interp, err, "at most %d tags of %d bytes "
                                 "each are possible",
                                 (int)l->at[CLU_LIMIT_TAGS],
                                 (int)l->at[CLU_LIMIT_TAG]);
        }
    }
    clu_buf_fini(&wire);
    return code;
}

static int own_channel(ARGS)
{
    clu_node *node = self;
    Tcl_WideInt channel;
    int join;
    if (objc == 1) {
        const uint64_t *all;
        size_t count = clu_engine_channels(node->engine, &all);
        Tcl_Obj *list = Tcl_NewListObj(0, NULL);
        for (size_t i = 0; i < count; i++) {
            Tcl_ListObjAppendElement(NULL, list,
                                     Tcl_NewWideIntObj((Tcl_WideInt)all[i]));
        }
        return answer(interp, list);
    }
    if (objc != 3
        || Tcl_GetBooleanFromObj(interp, objv[2], &join) != TCL_OK
        || number_arg(interp, objv[1], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_channel(node->engine, (uint64_t)channel, join);
    return err == CLU_OK ? TCL_OK
        : clu_tcl_error(interp, err, err == CLU_VALUE
                        ? "the default channels 0-2 cannot be left"
                        : "too many channels");
}

static int own_hook(ARGS)
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

static int protocol_event(ARGS)
{
    return clu_protocol_event(self, interp, objc - 1, objv + 1);
}

static const clu_sub node_subs[] = {
    { "Alter", alter, "option value", 2, 2, NULL },
    { "Beat", beat_at, "ms ?tags?", 1, 2, NULL },
    { "Channel", own_channel, "?channel join?", 0, 2, NULL },
    { "Hook", own_hook, "name key lambda reads", 4, 4, NULL },
    { "Props", props, "", 0, 0, NULL },
    { "Protocol", protocol_event, "event id ?chanID? ?service?", 2, 4, NULL },
    { "Tags", own_tags, "?tags?", 0, 1, NULL },
    { "Transmit", broadcast, "payload", 1, 1, NULL },
    { "broadcast", NULL, "payload | op ?data?", 1, 2,
      "::cluster::node::Broadcast" },
    { "channel", NULL, "action channels", 2, 2, "::cluster::node::Channel" },
    { "config", config, "?key?", 0, 1, NULL },
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
    { "hid", hid, "", 0, 0, NULL },
    { "hook", NULL, "path ?...? ?body?", 1, -1, "::cluster::hooks::Hook" },
    { "ips", NULL, "", 0, 0, "::cluster::node::Ips" },
    { "is_local", is_local, "address", 1, 1, NULL },
    { "known_services", known_services, "", 0, 0, NULL },
    { "log", NULL, "?prefix?", 0, 1, "::cluster::log::Log" },
    { "macs", NULL, "", 0, 0, "::cluster::node::Macs" },
    { "name", own_name, "", 0, 0, NULL },
    { "names", NULL, "", 0, 0, "::cluster::node::Names" },
    { "payload", NULL, "type channel payload ?tags? ?known?", 3, 5,
      "::cluster::payload::Payload" },
    { "ping_payload", NULL, "services ?channel?", 1, 2,
      "::cluster::payload::Ping" },
    { "props", NULL, "?name ...?", 0, -1, "::cluster::node::Props" },
    { "protocol", protocol, "id", 1, 1, NULL },
    { "protocols", protocols, "", 0, 0, NULL },
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
    { "sid", sid, "", 0, 0, NULL },
    { "stats", stats, "", 0, 0, NULL },
    { "tags", NULL, "?modifier tag ...? ...", 0, -1, "::cluster::node::Tags" },
    { "ttl", ttl, "", 0, 0, NULL },
    { "uuid", uuid, "", 0, 0, NULL },
    { NULL, NULL, NULL, 0, 0, NULL }
};
