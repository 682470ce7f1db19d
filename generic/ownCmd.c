/*
 * ownCmd.c -- what a cluster says of itself, and what of that can change.
 *
 * Layer: binding.
 */
#include "node.h"

/* ---- ourselves ----------------------------------------------------------- */

int clu_own_sid(CLU_ARGS)
{
    CLU_UNUSED;
    clu_node *node = self;
    return clu_answer(interp,
                      clu_text_new(clu_engine_config(node->engine)->sid));
}

int clu_own_hid(CLU_ARGS)
{
    CLU_UNUSED;
    clu_node *node = self;
    return clu_answer(interp,
                      clu_text_new(clu_engine_config(node->engine)->hid));
}

int clu_own_uuid(CLU_ARGS)
{
    CLU_UNUSED;
    const clu_config *config =
        clu_engine_config(((clu_node *)self)->engine);
    return clu_answer(interp, Tcl_ObjPrintf("%.*s@%.*s", (int)config->sid.n,
                                        (const char *)config->sid.p,
                                        (int)config->hid.n,
                                        (const char *)config->hid.p));
}

int clu_own_ttl(CLU_ARGS)
{
    CLU_UNUSED;
    clu_node *node = self;
    return clu_answer(interp, Tcl_NewWideIntObj(
                      clu_engine_config(node->engine)->ttl / 1000));
}

int clu_own_protocols(CLU_ARGS)
{
    CLU_UNUSED;
    clu_node *node = self;
    return clu_answer(interp,
                  clu_items_new(clu_engine_own_protocols(node->engine)));
}

int clu_own_config(CLU_ARGS)
{
    clu_node *node = self;
    if (objc == 1) {
        return clu_answer(interp, node->config);
    }
    Tcl_Obj *value = NULL, *keys = Tcl_NewListObj(0, NULL);
    Tcl_DictObjGet(NULL, node->config, objv[1], &value);
    if (value != NULL) {
        Tcl_DecrRefCount(keys);
        return clu_answer(interp, value);
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
int clu_own_props(CLU_ARGS)
{
    CLU_UNUSED;
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

int clu_own_is_local(CLU_ARGS)
{
    (void)objc;
    clu_node *node = self;
    clu_address a;
    const char *text = Tcl_GetString(objv[1]);
    bool yes = strcmp(text, "localhost") == 0
        || (clu_address_parse(clu_slice_str(text), &a) == CLU_OK
            && clu_host_is_local(node->state->host, &a));
    return clu_answer(interp, Tcl_NewBooleanObj(yes));
}

int clu_own_name(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_text_new(
                      clu_engine_config(((clu_node *)self)->engine)->name));
}

/* Primitives that the scripts of the library use. */

/* Changes ttl (s), heartbeat (ms) or a limit, and what config says of it. */
int clu_own_alter(CLU_ARGS)
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

int clu_own_tags(CLU_ARGS)
{
    clu_node *node = self;
    if (objc == 1) {
        return clu_answer(interp,
                          clu_items_new(clu_engine_own_tags(node->engine)));
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

int clu_own_channel(CLU_ARGS)
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
        return clu_answer(interp, list);
    }
    if (objc != 3
        || Tcl_GetBooleanFromObj(interp, objv[2], &join) != TCL_OK
        || clu_number_arg(interp, objv[1], "channel", &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_channel(node->engine, (uint64_t)channel, join);
    return err == CLU_OK ? TCL_OK
        : clu_tcl_error(interp, err, err == CLU_VALUE
                        ? "the default channels 0-2 cannot be left"
                        : "too many channels");
}

/* ---- counters ------------------------------------------------------------ */

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

int clu_own_stats(CLU_ARGS)
{
    CLU_UNUSED;
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
    return clu_answer(interp, dict);
}
