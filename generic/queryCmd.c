/*
 * queryCmd.c -- the query object: one question to many, its answers.
 *
 * Layer: binding.  API 3.  The command lives from the question to the
 * callback of "done", which is the last one and comes once.
 */
#include "node.h"

struct clu_query_object {
    clu_node *node;             /* NULL: it finished before the command */
    uint64_t handle;
    Tcl_Command token;          /* NULL: the command is gone already */
    Tcl_Obj *name;              /* held, as all below that are not NULL */
    Tcl_Obj *id, *command, *query, *channel, *props, *services, *timeout;
    bool collect;
    bool ended;                 /* by a script: no answer is told any more */
    bool over;                  /* DONE was told */
    unsigned waits;             /* calls that wait for it by serving I/O */
    Tcl_Obj *waiters;           /* coroutines that wait for it, a list */
    Tcl_Obj *results;           /* dict: service -> the callback's value */
    Tcl_Obj *errors;            /* dict: service -> message */
    Tcl_Obj *payloads;          /* dict: service -> payload */
    Tcl_Obj *event, *service, *payload, *data, *error;  /* of the last news */
};

static const clu_sub query_subs[];

/* ---- life -------------------------------------------------------------------------- */

static void set(Tcl_Obj **slot, Tcl_Obj *value)
{
    if (value != NULL) {
        Tcl_IncrRefCount(value);
    }
    if (*slot != NULL) {
        Tcl_DecrRefCount(*slot);
    }
    *slot = value;
}

void clu_query_free(clu_query_object *q)
{
    Tcl_Obj **held[] = { &q->name, &q->id, &q->command, &q->query, &q->channel,
        &q->props, &q->services, &q->timeout, &q->results, &q->errors,
        &q->payloads, &q->event, &q->service, &q->payload, &q->data,
        &q->error, &q->waiters };
    if (q->waits > 0) {
        return;                 /* the last one that waits frees it */
    }
    for (size_t i = 0; i < CLU_COUNT_OF(held); i++) {
        set(held[i], NULL);
    }
    clu_free(q);
}

static Tcl_HashEntry *entry_of(clu_node *node, uint64_t handle)
{
    return Tcl_FindHashEntry(&node->queries, (char *)(uintptr_t)handle);
}

static clu_query_object *query_of(clu_node *node, uint64_t handle)
{
    Tcl_HashEntry *entry = entry_of(node, handle);
    return entry ? Tcl_GetHashValue(entry) : NULL;
}

static int run_nr(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    clu_query_object *q = cd;
    clu_node *node = q->node;
    if (node == NULL) {
        return clu_tcl_error(interp, CLU_GONE, "the cluster is gone");
    }
    clu_node_hold(node);
    int code = clu_sub_run(query_subs, q, q->token, interp, objc, objv);
    clu_node_release(node);
    return code;
}

static int run(ClientData cd, Tcl_Interp *interp, int objc,
               Tcl_Obj *const objv[])
{
    return Tcl_NRCallObjProc(interp, run_nr, cd, objc, objv);
}

/* What came already and waits to be told is told no more. */
static void end_early(clu_query_object *q)
{
    q->ended = true;
    clu_engine_query_end(q->node->engine, q->handle);
}

/* Its command went.  Unless that is the end after "done", it ends the query,
   and "done" is still to come. */
static void deleted(ClientData cd)
{
    clu_query_object *q = cd;
    q->token = NULL;
    if (q->node == NULL) {
        clu_query_free(q);
    } else if (q->over || q->node->dead) {
        Tcl_HashEntry *entry = entry_of(q->node, q->handle);
        if (entry != NULL) {
            Tcl_DeleteHashEntry(entry);
        }
        clu_query_free(q);
    } else {
        end_early(q);
    }
}

void clu_query_vanish(clu_node *node, uint64_t handle)
{
    clu_query_object *q = query_of(node, handle);
    if (q == NULL) {
        return;
    }
    q->over = true;
    if (q->token != NULL && node->state != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, q->token);
    } else {
        deleted(q);
    }
}

void clu_query_yield(clu_node *node, uint64_t handle)
{
    clu_query_object *q = query_of(node, handle);
    if (q != NULL && q->token != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, q->token);
    }
    clu_engine_query_end(node->engine, handle);
}

void clu_query_clear(clu_node *node)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    while ((entry = Tcl_FirstHashEntry(&node->queries, &search)) != NULL) {
        clu_query_object *q = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
        q->node = NULL;
        if (q->token != NULL) {
            Tcl_DeleteCommandFromToken(node->state->interp, q->token);
        } else {
            clu_query_free(q);
        }
    }
}

static Tcl_Obj *or_nothing(Tcl_Obj *value)
{
    return value ? value : Tcl_NewObj();
}

clu_query_object *clu_query_make(clu_node *node, const clu_query_words *words)
{
    clu_query_object *q = clu_alloc(sizeof *q);
    if (q == NULL) {
        return NULL;
    }
    q->node = node;
    q->collect = words->collect;
    set(&q->command, words->command);
    set(&q->query, words->query);
    set(&q->channel, words->channel ? words->channel : Tcl_NewIntObj(0));
    set(&q->props, or_nothing(words->props));
    set(&q->services, words->services);
    set(&q->timeout, Tcl_NewWideIntObj(words->timeout));
    Tcl_Obj **empty[] = { &q->results, &q->errors, &q->payloads, &q->event,
        &q->service, &q->payload, &q->data, &q->error, &q->waiters };
    for (size_t i = 0; i < CLU_COUNT_OF(empty); i++) {
        set(empty[i], Tcl_NewObj());
    }
    return q;
}

/* Only words make a command's name; any other id gets the handle's. */
static Tcl_Obj *command_name(clu_node *node, clu_slice id, uint64_t handle)
{
    Tcl_Obj *name = Tcl_DuplicateObj(node->spaces);
    Tcl_AppendToObj(name, "queries::", 9);
    if (clu_service_word(id, &clu_engine_config(node->engine)->limits)) {
        Tcl_AppendToObj(name, (const char *)id.p, (Tcl_Size)id.n);
    } else {
        Tcl_AppendPrintfToObj(name, "%lu", (unsigned long)handle);
    }
    return name;
}

void clu_query_publish(clu_query_object *q, uint64_t handle, clu_slice id)
{
    clu_node *node = q->node;
    Tcl_Interp *interp = node->state->interp;
    q->handle = handle;
    set(&q->id, clu_text_new(id));
    set(&q->name, command_name(node, id, handle));
    int fresh;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&node->queries,
                                               (char *)(uintptr_t)handle,
                                               &fresh);
    Tcl_SetHashValue(entry, q);
    q->token = Tcl_NRCreateCommand(interp, Tcl_GetString(q->name), run, run_nr,
                                   q, deleted);
    Tcl_SetObjResult(interp, q->name);
}

/* ---- news -------------------------------------------------------------------------------- */

static const char *event_of(const clu_news *news)
{
    switch (news->what) {
    case CLU_NEWS_STARTED:      return "start";
    case CLU_NEWS_ANSWER:
        return clu_packet_has(news->packet, CLU_FIELD_error) ? "error"
                                                             : "response";
    case CLU_NEWS_ASKED_LOST:   return "lost";
    case CLU_NEWS_ASKED_FAILED: return "error";
    case CLU_NEWS_TIMEOUT:      return "timeout";
    default:                    return "done";
    }
}

static Tcl_Obj *text_of(const clu_packet *p, clu_field field)
{
    return p != NULL && clu_packet_has(p, field)
        ? clu_text_new(p->at[field].text) : Tcl_NewObj();
}

static void put(Tcl_Obj **dict, Tcl_Obj *key, Tcl_Obj *value)
{
    if (Tcl_IsShared(*dict)) {
        set(dict, Tcl_DuplicateObj(*dict));
    }
    Tcl_DictObjPut(NULL, *dict, key, value);
}

/* What the methods say until the next news. */
static void remember(clu_query_object *q, const clu_news *news)
{
    set(&q->event, Tcl_NewStringObj(event_of(news), -1));
    if (news->service == NULL) {
        return;
    }
    clu_state *state = q->node->state;
    set(&q->service, clu_service_name(q->node, news->service));
    set(&q->payload, news->packet ? clu_payload_new(state, news->packet)
                                  : Tcl_NewObj());
    set(&q->data, text_of(news->packet, CLU_FIELD_data));
    set(&q->error, text_of(news->packet, CLU_FIELD_error));
    if (news->packet != NULL) {
        put(&q->payloads, q->service, q->payload);
    }
    if (news->what == CLU_NEWS_ASKED_FAILED) {
        set(&q->error, Tcl_NewStringObj(clu_err_text(news->err), -1));
    }
    if (news->what == CLU_NEWS_ASKED_LOST) {
        set(&q->error, Tcl_NewStringObj("the service was lost", -1));
    }
    if (strcmp(event_of(news), "response") != 0) {
        put(&q->errors, q->service, q->error);
    }
}

/* The callback with {event query} behind its words. */
static bool call(clu_query_object *q, int *code)
{
    clu_node *node = q->node;
    Tcl_Size count;
    Tcl_Obj **words;
    Tcl_Obj *pair[2] = { q->event, clu_command_name(node->state->interp,
                                                    q->token, &q->name) };
    Tcl_Obj *line = Tcl_DuplicateObj(q->command);   /* was seen to be a list */
    Tcl_IncrRefCount(line);
    Tcl_ListObjAppendElement(NULL, line, Tcl_NewListObj(2, pair));
    Tcl_ListObjGetElements(NULL, line, &count, &words);
    bool alive = clu_notify_eval(node, count, words, code);
    Tcl_DecrRefCount(line);
    return alive;
}

/* Of a response: the callback's value, if it said ok, break or continue. */
static void collect(clu_query_object *q, const clu_news *news,
                    Tcl_Obj *service, Tcl_Obj *value)
{
    if (q->collect && strcmp(event_of(news), "response") == 0) {
        put(&q->results, service, value);
    }
}

/* Runs the callback and takes what it says; false: the node died of it. */
static bool run_callback(clu_query_object *q, const clu_news *news)
{
    clu_node *node = q->node;
    Tcl_Obj *service = q->service;
    Tcl_IncrRefCount(service);
    int code;
    bool alive = call(q, &code);
    if (alive) {
        Tcl_Interp *interp = node->state->interp;
        int said = clu_notify_said(interp, code);
        q = query_of(node, news->query);
        if (said == TCL_ERROR) {
            Tcl_BackgroundException(interp, code);
        } else if (q != NULL && code != TCL_ERROR && code != TCL_RETURN) {
            collect(q, news, service, Tcl_GetObjResult(interp));
        }
        if (q != NULL && said == TCL_BREAK && !q->over) {
            end_early(q);
        }
        Tcl_ResetResult(interp);
    }
    Tcl_DecrRefCount(service);
    return alive;
}

/* Resumes the coroutines that wait, each with the results. */
static bool wake(clu_query_object *q)
{
    clu_node *node = q->node;
    Tcl_Obj *waiters = q->waiters, *results = q->results;
    Tcl_Size count = 0;
    Tcl_Obj **at = NULL;
    bool alive = true;
    Tcl_IncrRefCount(waiters);
    Tcl_IncrRefCount(results);
    Tcl_ListObjGetElements(NULL, waiters, &count, &at);
    for (Tcl_Size i = 0; alive && i < count; i++) {
        Tcl_Obj *line[] = { at[i], results };
        int code;
        alive = clu_notify_eval(node, 2, line, &code);
        if (alive && code == TCL_ERROR) {
            Tcl_BackgroundException(node->state->interp, code);
        }
    }
    Tcl_DecrRefCount(waiters);
    Tcl_DecrRefCount(results);
    return alive;
}

void clu_query_news(clu_node *node, const clu_news *news)
{
    clu_query_object *q = query_of(node, news->query);
    bool done = news->what == CLU_NEWS_DONE;
    bool early = q != NULL && q->ended && !done
        && news->what != CLU_NEWS_STARTED;
    if (q == NULL || q->over || early || node->state == NULL) {
        return;
    }
    remember(q, news);
    q->over = done;
    bool alive = true;
    if (q->command != NULL) {
        alive = run_callback(q, news);
        q = alive ? query_of(node, news->query) : NULL;
    } else {
        collect(q, news, q->service, q->data);
    }
    if (done && q != NULL && wake(q)) {
        clu_query_vanish(node, news->query);
    }
}

/* ---- what it says ---------------------------------------------------------------------------- */

#define ARGS void *self, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]
#define GETTER(name, member) \
    static int name(ARGS) \
    { \
        (void)objc, (void)objv; \
        Tcl_SetObjResult(interp, ((clu_query_object *)self)->member); \
        return TCL_OK; \
    }

GETTER(get_id, id)
GETTER(get_query, query)
GETTER(get_channel, channel)
GETTER(get_props, props)
GETTER(get_service, service)
GETTER(get_services, services)
GETTER(get_payload, payload)
GETTER(get_payloads, payloads)
GETTER(get_data, data)
GETTER(get_error, error)
GETTER(get_errors, errors)
GETTER(get_event, event)
GETTER(get_timeout, timeout)

static int get_results(ARGS)
{
    (void)objc, (void)objv;
    clu_query_object *q = self;
    if (!q->collect) {
        return clu_tcl_fail(interp, "CLUSTER_QUERY_NO_COLLECT", "the query "
                            "was made without -collect");
    }
    Tcl_SetObjResult(interp, q->results);
    return TCL_OK;
}

/* Those of whom nothing was told yet: at the time-out, who owes. */
/* Those of whom nothing was told yet, or, when it is over, ever. */
static int get_remaining(ARGS)
{
    (void)objc, (void)objv;
    clu_query_object *q = self;
    Tcl_Size count;
    Tcl_Obj **at;
    if (Tcl_ListObjGetElements(interp, q->services, &count, &at) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (Tcl_Size i = 0; i < count; i++) {
        Tcl_Obj *told = NULL;
        Tcl_DictObjGet(NULL, q->payloads, at[i], &told);
        if (told == NULL) {
            Tcl_DictObjGet(NULL, q->errors, at[i], &told);
        }
        if (told == NULL) {
            Tcl_ListObjAppendElement(NULL, list, at[i]);
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* The rest of `wait` (library/query.tcl): to be resumed, ... */
static int add_waiter(ARGS)
{
    (void)objc;
    clu_query_object *q = self;
    if (q->over) {
        return clu_tcl_error(interp, CLU_GONE, "the query is done");
    }
    if (Tcl_IsShared(q->waiters)) {
        set(&q->waiters, Tcl_DuplicateObj(q->waiters));
    }
    return Tcl_ListObjAppendElement(interp, q->waiters, objv[1]);
}

static bool is_over(void *ctx)
{
    return ((clu_query_object *)ctx)->over;
}

/* ... or to serve cluster I/O, and nothing else, until it is done. */
static int serve(ARGS)
{
    (void)objc, (void)objv;
    clu_query_object *q = self;
    clu_node *node = q->node;
    q->waits++;
    clu_notify_wait(node, q->handle, is_over, q, CLU_NEVER);
    Tcl_SetObjResult(interp, q->results);
    q->waits--;
    if (node->dead || query_of(node, q->handle) == NULL) {
        clu_query_free(q);
    }
    return TCL_OK;
}

static int end(ARGS)
{
    (void)interp, (void)objc, (void)objv;
    end_early(self);
    return TCL_OK;
}

static const clu_sub query_subs[] = {
    { "Serve", serve, "", 0, 0, NULL },
    { "Waiter", add_waiter, "command", 1, 1, NULL },
    { "cancel", end, "", 0, 0, NULL },
    { "channel", get_channel, "", 0, 0, NULL },
    { "data", get_data, "", 0, 0, NULL },
    { "destroy", end, "", 0, 0, NULL },
    { "error", get_error, "", 0, 0, NULL },
    { "errors", get_errors, "", 0, 0, NULL },
    { "event", get_event, "", 0, 0, NULL },
    { "id", get_id, "", 0, 0, NULL },
    { "payload", get_payload, "", 0, 0, NULL },
    { "payloads", get_payloads, "", 0, 0, NULL },
    { "props", get_props, "", 0, 0, NULL },
    { "query", get_query, "", 0, 0, NULL },
    { "remaining", get_remaining, "", 0, 0, NULL },
    { "result", get_data, "", 0, 0, NULL },
    { "results", get_results, "", 0, 0, NULL },
    { "service", get_service, "", 0, 0, NULL },
    { "services", get_services, "", 0, 0, NULL },
    { "timeout", get_timeout, "", 0, 0, NULL },
    { "wait", NULL, "", 0, 0, "::cluster::query::Wait" },
    { NULL, NULL, NULL, 0, 0, NULL }
};
