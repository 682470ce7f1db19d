/*
 * askCmd.c -- $cluster query and $service query: options, and the asking.
 *
 * Layer: binding.  API 3.
 */
#include "node.h"

enum { ID, COLLECT, RESOLVE, RESOLVER, SERVICES, COMMAND, QUERY, TIMEOUT,
       CHANNEL, PROTOCOLS, BROADCAST, PROPS, WAIT, OPTIONS };

static const clu_option query_options[OPTIONS + 1] = {
    [ID]        = { "-id", false },
    [COLLECT]   = { "-collect", true },
    [RESOLVE]   = { "-resolve", false },
    [RESOLVER]  = { "-resolver", false },
    [SERVICES]  = { "-services", false },
    [COMMAND]   = { "-command", false },
    [QUERY]     = { "-query", false },
    [TIMEOUT]   = { "-timeout", false },
    [CHANNEL]   = { "-channel", false },
    [PROTOCOLS] = { "-protocols", false },
    [BROADCAST] = { "-broadcast", false },
    [PROPS]     = { "-props", false },
    [WAIT]      = { "-wait", true },
    [OPTIONS]   = { NULL, false },
};

/* ---- asking -------------------------------------------------------------- */

typedef struct clu_asking {     /* one query command on its way */
    clu_node *node;
    Tcl_Interp *interp;
    Tcl_Obj *at[OPTIONS];
    clu_found found;
    Tcl_WideInt timeout;
    int broadcast, wait;
    uint32_t allowed;
    clu_packet packet;          /* its words are borrowed from at ... */
    clu_buf id, data;           /* ... or, where they are not UTF-8, in here */
} clu_asking;

/* What a flag was given is a boolean: another word is no value of it. */
static int flag_of(const clu_asking *a, int option)
{
    int flag = 0;
    if (a->at[option] != NULL) {
        Tcl_GetBooleanFromObj(NULL, a->at[option], &flag);
    }
    return flag;
}

static int check_options(clu_asking *a)
{
    if (a->at[QUERY] == NULL) {
        return clu_tcl_fail(a->interp, "CLUSTER_QUERY_NO_QUERY",
                            "no -query was given");
    }
    a->wait = flag_of(a, WAIT);
    if (a->at[COMMAND] == NULL && !a->wait) {
        return clu_tcl_fail(a->interp, "CLUSTER_QUERY_NO_COMMAND",
                            "no -command was given");
    }
    Tcl_Size words = 1;
    if (a->at[COMMAND] != NULL
        && (Tcl_ListObjLength(NULL, a->at[COMMAND], &words) != TCL_OK
            || words == 0)) {
        return clu_tcl_fail(a->interp, "CLUSTER_INVALID_ARGS", "-command must "
                            "be a list of a command and its words, not \"%s\"",
                            Tcl_GetString(a->at[COMMAND]));
    }
    a->timeout = 30000;
    if (a->at[TIMEOUT] != NULL
        && (Tcl_GetWideIntFromObj(NULL, a->at[TIMEOUT], &a->timeout) != TCL_OK
            || a->timeout < 1 || a->timeout > INT32_MAX)) {
        return clu_tcl_fail(a->interp, "CLUSTER_INVALID_ARGS", "-timeout must "
                            "be milliseconds above 0, not \"%s\"",
                            Tcl_GetString(a->at[TIMEOUT]));
    }
    a->allowed = CLU_SEND_ANY;
    if (a->at[PROTOCOLS] != NULL
        && clu_allowed(a->node, a->interp, a->at[PROTOCOLS], &a->allowed)
        != TCL_OK) {
        return TCL_ERROR;
    }
    return a->at[BROADCAST] == NULL ? TCL_OK
        : Tcl_GetBooleanFromObj(a->interp, a->at[BROADCAST], &a->broadcast);
}

static int put_text(clu_asking *a, clu_field field, int option, clu_buf *buf)
{
    clu_slice text;
    clu_err err = clu_text_borrow(a->at[option], buf, &text);
    if (err != CLU_OK) {
        return clu_tcl_error(a->interp, err, "%s: %s", clu_field_name(field),
                             clu_err_text(err));
    }
    clu_packet_text(&a->packet, field, text);
    return TCL_OK;
}

static int query_packet(clu_asking *a)
{
    uint64_t channel = 0;
    if (a->at[CHANNEL] != NULL
        && clu_number_get(a->interp, CLU_FIELD_channel, a->at[CHANNEL],
                          &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_engine_head(a->node->engine, &a->packet, CLU_TYPE_QUERY, channel);
    if (a->at[ID] != NULL
        && put_text(a, CLU_FIELD_ruid, ID, &a->id) != TCL_OK) {
        return TCL_ERROR;
    }
    return put_text(a, CLU_FIELD_data, QUERY, &a->data);
}

/* An explicit id in use ends the older query first. */
static clu_slice take_id(clu_asking *a)
{
    if (a->at[ID] == NULL) {
        return clu_slice_str("");
    }
    clu_slice id = a->packet.at[CLU_FIELD_ruid].text;
    clu_query_yield(a->node, id);
    return id;
}

static int report(clu_asking *a, clu_err err)
{
    return clu_tcl_error(a->interp, err, "the query was not asked: %s",
                         clu_err_text(err));
}

/* -wait: the same as `$query wait`, whose name is the result by now. */
static int wait_for(clu_asking *a)
{
    Tcl_Obj *line[] = { Tcl_GetObjResult(a->interp),
                        Tcl_NewStringObj("wait", -1) };
    Tcl_Obj *list = Tcl_NewListObj(2, line);
    Tcl_IncrRefCount(list);
    int code = Tcl_NREvalObj(a->interp, list, 0);
    Tcl_DecrRefCount(list);
    return code;
}

static int pose(clu_asking *a)
{
    if (query_packet(a) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *names = clu_service_names(a->node, &a->found);
    if (names == NULL) {
        return report(a, CLU_NOMEM);
    }
    clu_query_words words = {
        .command = a->at[COMMAND], .query = a->at[QUERY],
        .channel = a->at[CHANNEL], .props = a->at[PROPS],
        .services = names,
        .count = a->found.count, .timeout = a->timeout,
        .collect = flag_of(a, COLLECT) || a->wait };
    clu_query_object *q = clu_query_make(a->node, &words);
    if (q == NULL) {
        Tcl_DecrRefCount(names);
        return report(a, CLU_NOMEM);
    }
    clu_ask_many ask = { .id = take_id(a), .services = a->found.ids,
                         .count = a->found.count, .packet = &a->packet,
                         .group = a->broadcast != 0, .allowed = a->allowed,
                         .timeout = a->timeout };
    uint64_t handle;
    clu_err err = clu_engine_query(a->node->engine, &ask, clu_loop_clock(),
                                   &handle);
    if (err != CLU_OK) {
        clu_query_free(q);
        return report(a, err);
    }
    Tcl_ResetResult(a->interp);
    clu_query_publish(q, handle, ask.id);
    return a->wait ? wait_for(a) : TCL_OK;
}

static int ask(clu_asking *a, uint64_t service)
{
    if (check_options(a) != TCL_OK) {
        return TCL_ERROR;
    }
    if (service != 0) {
        if (clu_found_add(&a->found, service) != CLU_OK) {
            return report(a, CLU_NOMEM);
        }
    } else if (!a->at[RESOLVE] && !a->at[RESOLVER] && !a->at[SERVICES]) {
        return clu_tcl_fail(a->interp, "CLUSTER_QUERY_NO_RESOLVE",
                            "none of -resolve, -resolver and -services was "
                            "given");
    }
    if (clu_targets(a->node, a->interp, a->at[SERVICES], a->at[RESOLVE],
                    a->at[RESOLVER], &a->found) != TCL_OK) {
        return TCL_ERROR;
    }
    return a->found.count > 0 ? pose(a) : TCL_OK;
}

static void hold(clu_asking *a, int option, Tcl_Obj *value)
{
    Tcl_IncrRefCount(value);
    a->at[option] = value;
}

/* $service query ?options? ?ruid? script: the last words stand alone, the
   script at least. */
static int last_words(clu_asking *a, int *objc, Tcl_Obj *const objv[])
{
    int words = *objc;
    int i = clu_options_span(query_options, words - 1, objv);
    if (words - i > 2) {
        return clu_tcl_fail(a->interp, "CLUSTER_INVALID_ARGS", "must be query "
                            "?-option value ...? ?ruid? script");
    }
    hold(a, QUERY, objv[words - 1]);
    if (words - i == 2) {
        hold(a, ID, objv[words - 2]);
    }
    *objc = i;
    return TCL_OK;
}

int clu_query_ask(clu_node *node, Tcl_Interp *interp, uint64_t service,
                  int objc, Tcl_Obj *const objv[])
{
    clu_asking a = { .node = node, .interp = interp };
    size_t most = (size_t)clu_engine_config(node->engine)
        ->limits.at[CLU_LIMIT_MESSAGE];
    clu_buf_init(&a.id, most);
    clu_buf_init(&a.data, most);
    int code = service != 0 ? last_words(&a, &objc, objv) : TCL_OK;
    if (code == TCL_OK) {
        code = clu_options_get(interp, query_options, OPTIONS, objc, objv,
                               a.at);
    }
    if (service != 0 && a.at[COMMAND] == NULL && a.at[WAIT] == NULL) {
        hold(&a, COMMAND, Tcl_NewStringObj("::list", -1));
    }
    if (code == TCL_OK) {
        code = ask(&a, service);
    }
    clu_options_free(a.at, OPTIONS);
    clu_found_free(&a.found);
    clu_buf_fini(&a.id);
    clu_buf_fini(&a.data);
    clu_node_rearm(node);
    return code;
}
