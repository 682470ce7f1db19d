/*
 * queryCmd.c -- the query object: one question to many, its answers.
 *
 * Layer: binding.  API 3.  The command lives from the question to the
 * callback of "done", which is the last one and comes once.
 */
#include "outcomes.h"

#include <assert.h>

struct clu_query_object {
    clu_node *node;             /* NULL: it finished before the command */
    uint64_t handle;
    Tcl_Command token;          /* NULL: the command is gone already */
    Tcl_WideInt timeout;
    bool collect;
    bool ended;                 /* by a script: no answer is told any more */
    bool over;                  /* DONE was told */
    unsigned waits;             /* calls that wait for it by serving I/O */
    clu_event event;            /* the last one */
    char id[CLU_QUERY_ID];      /* as long as those that we make, or shorter */
    size_t id_n;
    /* Held; NULL stands for the empty value. */
    Tcl_Obj *long_id;           /* NULL: it is in id */
    Tcl_Obj *name, *command, *query, *channel, *props, *services;
    Tcl_Obj *pair;              /* {event query} of the last callback */
    Tcl_Obj *waiters;           /* coroutines that wait for it, a list */
    Tcl_Obj *results;           /* dict: service -> the callback's value */
    clu_outcomes *outcomes;     /* behind the struct */
    clu_told *spare;            /* for DONE, which must be told */
};

static const clu_sub query_subs[];

/* ---- life ---------------------------------------------------------------- */

void clu_query_free(clu_query_object *q)
{
    Tcl_Obj **held[] = { &q->name, &q->long_id, &q->command, &q->query,
        &q->channel, &q->props, &q->services, &q->pair, &q->waiters,
        &q->results };
    if (q->waits > 0) {
        return;                 /* the last one that waits frees it */
    }
    for (size_t i = 0; i < CLU_COUNT_OF(held); i++) {
        clu_value_set(held[i], NULL);
    }
    clu_outcomes_free(q->outcomes);
    clu_free(q->spare);
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
    } else if (q->over) {
        Tcl_DeleteHashEntry(entry_of(q->node, q->handle));
        clu_query_free(q);
    } else {
        end_early(q);
    }
}

/* The end after "done". */
static void vanish(clu_node *node, clu_query_object *q)
{
    if (q->token != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, q->token);
    } else {
        deleted(q);
    }
}

clu_told *clu_query_spare(clu_node *node, uint64_t handle)
{
    clu_query_object *q = query_of(node, handle);
    clu_told *spare = q ? q->spare : NULL;
    if (q != NULL) {
        q->spare = NULL;
    }
    return spare;
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

clu_query_object *clu_query_make(clu_node *node, const clu_query_words *words)
{
    clu_query_object *q = clu_alloc(sizeof *q
                                    + clu_outcomes_size(words->count));
    clu_told *spare = clu_notify_spare();
    if (q == NULL || spare == NULL) {
        clu_free(q);
        clu_free(spare);
        return NULL;
    }
    q->node = node;
    q->spare = spare;
    q->collect = words->collect;
    q->timeout = words->timeout;
    q->outcomes = (clu_outcomes *)(void *)(q + 1);
    q->outcomes->room = words->count;
    clu_value_set(&q->command, words->command);
    clu_value_set(&q->query, words->query);
    clu_value_set(&q->channel, words->channel);
    clu_value_set(&q->props, words->props);
    clu_value_set(&q->services, words->services);
    return q;
}

/* Only words make a command's name; any other id gets the handle's. */
static Tcl_Obj *name_for(clu_node *node, clu_slice id, uint64_t handle)
{
    char text[128 + CLU_SERVICE_ID_MAX];
    Tcl_Size n;
    const char *spaces = Tcl_GetStringFromObj(node->spaces, &n);
    size_t at = (size_t)n;
    if (!clu_service_word(id, &clu_engine_config(node->engine)->limits)) {
        return Tcl_ObjPrintf("%squeries::%lu", spaces, (unsigned long)handle);
    }
    assert(at + 9 + id.n <= sizeof text);   /* spaces is short and ours */
    memcpy(text, spaces, at);
    memcpy(text + at, "queries::", 9);
    memcpy(text + at + 9, id.p, id.n);
    return Tcl_NewStringObj(text, (Tcl_Size)(at + 9 + id.n));
}

/* One that is in use is a script's own command: to replace it would run its
   traces in the middle of here. */
static Tcl_Obj *command_name(clu_node *node, clu_slice id, uint64_t handle)
{
    Tcl_Obj *name = name_for(node, id, handle);
    Tcl_CmdInfo info;
    while (Tcl_GetCommandInfo(node->state->interp, Tcl_GetString(name),
                              &info)) {
        Tcl_AppendToObj(name, "_", 1);
    }
    return name;
}

/* The query of that id: an open one, or one that is over and not gone yet. */
static clu_query_object *query_with(clu_node *node, clu_slice id,
                                    uint64_t open)
{
    if (open != 0) {
        return query_of(node, open);
    }
    Tcl_Obj *name = name_for(node, id, 0);
    Tcl_IncrRefCount(name);
    Tcl_CmdInfo info;
    bool ours = Tcl_GetCommandInfo(node->state->interp, Tcl_GetString(name),
                                   &info) && info.objProc == run;
    Tcl_DecrRefCount(name);
    clu_query_object *q = ours ? info.objClientData : NULL;
    return q != NULL && q->node == node ? q : NULL;
}

void clu_query_yield(clu_node *node, clu_slice id)
{
    uint64_t open = clu_engine_query_find(node->engine, id);
    clu_query_object *q = query_with(node, id, open);
    Tcl_Interp *interp = node->state->interp;
    if (q != NULL && q->token != NULL) {
        Tcl_DeleteCommandFromToken(interp, q->token);
        if (Tcl_InterpDeleted(interp)) {
            clu_node_abandon(node);     /* a trace did that: nobody asks */
        }
    }
    clu_engine_query_end(node->engine, open);
}

static void keep_id(clu_query_object *q, clu_slice id)
{
    if (id.n <= sizeof q->id) {
        memcpy(q->id, id.p, id.n);
        q->id_n = id.n;
    } else {
        clu_value_set(&q->long_id, clu_text_new(id));
    }
}

void clu_query_publish(clu_query_object *q, uint64_t handle, clu_slice id)
{
    clu_node *node = q->node;
    Tcl_Interp *interp = node->state->interp;
    q->handle = handle;
    keep_id(q, id);
    clu_value_set(&q->name, command_name(node, id, handle));
    int fresh;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&node->queries,
                                               (char *)(uintptr_t)handle,
                                               &fresh);
    Tcl_SetHashValue(entry, q);
    q->token = clu_command_create(interp, Tcl_GetString(q->name), run,
                                  run_nr, q, deleted);
    Tcl_SetObjResult(interp, q->name);
}

/* ---- news ---------------------------------------------------------------- */

static clu_event event_of(const clu_news *news)
{
    switch (news->what) {
    case CLU_NEWS_STARTED:      return CLU_EVENT_START;
    case CLU_NEWS_ANSWER:
        return clu_packet_has(news->packet, CLU_FIELD_error)
            ? CLU_EVENT_ERROR : CLU_EVENT_RESPONSE;
    case CLU_NEWS_ASKED_LOST:   return CLU_EVENT_LOST;
    case CLU_NEWS_ASKED_FAILED: return CLU_EVENT_ERROR;
    case CLU_NEWS_TIMEOUT:      return CLU_EVENT_TIMEOUT;
    default:                    return CLU_EVENT_DONE;
    }
}

/* What the methods say until the next news; true: the block is kept. */
static bool remember(clu_query_object *q, const clu_news *news, void *block)
{
    q->event = event_of(news);
    if (news->service == NULL) {
        return false;
    }
    clu_outcomes_add(q->outcomes, clu_service_name(q->node, news->service),
                     news, block);
    return true;
}

/* {event query}: the last one again, unless somebody kept it. */
static Tcl_Obj *pair_of(clu_query_object *q)
{
    clu_state *state = q->node->state;
    Tcl_Obj *words[2] = { state->events[q->event],
                          clu_command_name(state->interp, q->token,
                                           &q->name) };
    if (q->pair == NULL || Tcl_IsShared(q->pair)) {
        clu_value_set(&q->pair, Tcl_NewListObj(2, words));
    } else {
        Tcl_ListObjReplace(NULL, q->pair, 0, 2, 2, words);
    }
    return q->pair;
}

#define FEW 8                   /* words of a callback, as a rule */

/* The callback with {event query} behind its words. */
static bool call(clu_query_object *q, int *code)
{
    clu_node *node = q->node;
    Tcl_Size count;
    Tcl_Obj **words, *few[FEW], **line = few;
    Tcl_ListObjGetElements(NULL, q->command, &count, &words);
    if (count >= FEW) {
        line = (Tcl_Obj **)(void *)Tcl_Alloc(((unsigned)count + 1)
                                             * (unsigned)sizeof *line);
    }
    memcpy(line, words, (size_t)count * sizeof *line);
    line[count] = pair_of(q);
    bool alive = clu_notify_eval(node, count + 1, line, code);
    if (line != few) {
        Tcl_Free((char *)line);
    }
    return alive;
}

/* Runs the callback and takes what it says; of a response that is its value,
   if it said ok, break or continue.  NULL: the query is gone, or the node. */
static clu_query_object *run_callback(clu_query_object *q)
{
    clu_node *node = q->node;
    uint64_t handle = q->handle;
    Tcl_Obj *service = NULL;    /* whose response it is */
    if (q->collect && q->event == CLU_EVENT_RESPONSE) {
        clu_value_set(&service, clu_outcomes_service(q->outcomes));
    }
    int code;
    q = call(q, &code) ? query_of(node, handle) : NULL;
    if (!node->dead) {
        Tcl_Interp *interp = node->state->interp;
        int said = clu_notify_said(interp, code);
        if (said == TCL_ERROR) {
            Tcl_BackgroundException(interp, code);
        } else if (q != NULL && service != NULL && code != TCL_ERROR
                   && code != TCL_RETURN) {
            clu_value_put(&q->results, service, Tcl_GetObjResult(interp));
        }
        if (q != NULL && said == TCL_BREAK && !q->over) {
            end_early(q);
        }
        Tcl_ResetResult(interp);
    }
    clu_value_set(&service, NULL);
    return q;
}

/* Resumes the coroutines that wait, each with the results.  NULL: the query
   died of it, or the node. */
static clu_query_object *wake(clu_query_object *q)
{
    clu_node *node = q->node;
    uint64_t handle = q->handle;
    Tcl_Obj *waiters = q->waiters, *results = clu_value_or_nothing(q->results);
    Tcl_Size count = 0;
    Tcl_Obj **at = NULL;
    bool alive = true;
    q->waiters = NULL;          /* ours now */
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
    return alive ? query_of(node, handle) : NULL;
}

bool clu_query_news(clu_node *node, const clu_news *news, void *block)
{
    clu_query_object *q = query_of(node, news->query);
    bool done = news->what == CLU_NEWS_DONE;
    bool early = q != NULL && q->ended && !done
        && news->what != CLU_NEWS_STARTED;
    if (q == NULL || q->over || early) {
        return false;
    }
    bool kept = remember(q, news, block);
    q->over = done;
    if (q->command != NULL) {
        q = run_callback(q);
    } else if (q->event == CLU_EVENT_RESPONSE) {    /* -wait collects */
        clu_value_put(&q->results, clu_outcomes_service(q->outcomes),
                      clu_outcomes_data(q->outcomes));
    }
    if (done && q != NULL && q->waiters != NULL) {
        q = wake(q);
    }
    if (done && q != NULL) {
        vanish(node, q);
    }
    return kept;
}

/* ---- what it says -------------------------------------------------------- */

#define GETTER(name, value) \
    static int name(CLU_ARGS) \
    { \
        CLU_UNUSED; \
        clu_query_object *q = self; \
        Tcl_SetObjResult(interp, value); \
        return TCL_OK; \
    }

GETTER(get_id, q->long_id ? q->long_id
       : clu_text_new(clu_slice_of(q->id, q->id_n)))
GETTER(get_query, q->query)
GETTER(get_channel, q->channel ? q->channel : Tcl_NewIntObj(0))
GETTER(get_props, clu_value_or_nothing(q->props))
GETTER(get_services, q->services)
GETTER(get_timeout, Tcl_NewWideIntObj(q->timeout))
GETTER(get_event, clu_value_or_nothing(q->node->state->events[q->event]))
GETTER(get_service, clu_outcomes_service(q->outcomes))
GETTER(get_data, clu_outcomes_data(q->outcomes))
GETTER(get_error, clu_outcomes_error(q->outcomes))
GETTER(get_errors, clu_outcomes_errors(q->outcomes))
GETTER(get_payload, clu_outcomes_payload(q->outcomes, q->node->state))
GETTER(get_payloads, clu_outcomes_payloads(q->outcomes, q->node->state))

static int get_results(CLU_ARGS)
{
    CLU_UNUSED;
    clu_query_object *q = self;
    if (!q->collect) {
        return clu_tcl_fail(interp, "CLUSTER_QUERY_NO_COLLECT", "the query "
                            "was made without -collect");
    }
    Tcl_SetObjResult(interp, clu_value_or_nothing(q->results));
    return TCL_OK;
}

/* Those of whom nothing was told yet, or, when it is over, ever. */
static int get_remaining(CLU_ARGS)
{
    CLU_UNUSED;
    clu_query_object *q = self;
    Tcl_Size count = 0;
    Tcl_Obj **at = NULL;
    Tcl_ListObjGetElements(NULL, q->services, &count, &at);     /* our list */
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (Tcl_Size i = 0; i < count; i++) {
        if (!clu_outcomes_have(q->outcomes, at[i], q->node->state)) {
            Tcl_ListObjAppendElement(NULL, list, at[i]);
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* The rest of `wait` (library/query.tcl): to be resumed, ... */
static int add_waiter(CLU_ARGS)
{
    (void)objc;
    clu_query_object *q = self;
    if (q->over) {
        return clu_tcl_error(interp, CLU_GONE, "the query is done");
    }
    if (q->waiters == NULL) {
        clu_value_set(&q->waiters, Tcl_NewListObj(0, NULL));
    }
    return Tcl_ListObjAppendElement(interp, q->waiters, objv[1]);
}

static bool is_over(void *ctx)
{
    return ((clu_query_object *)ctx)->over;
}

/* ... or to serve cluster I/O, and nothing else, until it is done. */
static int serve(CLU_ARGS)
{
    CLU_UNUSED;
    clu_query_object *q = self;
    clu_node *node = q->node;
    q->waits++;
    clu_notify_wait(node, q->handle, is_over, q);
    Tcl_SetObjResult(interp, clu_value_or_nothing(q->results));
    q->waits--;
    if (node->dead || query_of(node, q->handle) == NULL) {
        clu_query_free(q);
    }
    return TCL_OK;
}

static int end(CLU_ARGS)
{
    (void)interp;
    CLU_UNUSED;
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
