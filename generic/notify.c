/*
 * notify.c -- engine events into Tcl: ask now, tell later.
 *
 * Layer: binding.
 *
 * As long as no hook must be asked, what arrives goes straight through the
 * engine in the I/O phase and not one Tcl value is made.  With such a hook, or
 * a protocol that is a script, frames wait in `arrived` for the dispatch phase.
 * News wait in `told` in any case; they go first, so that everything that a
 * packet brought about is told before the next packet is looked at.
 */
#include "hooks.h"
#include "tclTransport.h"

struct clu_told {               /* one piece of news that waits */
    clu_list link;
    clu_news news;              /* its packet lies behind the struct, its
                                   service is held */
    char via[32];               /* the protocol's name outlives it here */
    size_t weight;
};

typedef struct clu_waiting {    /* one arrival that waits */
    clu_list link;
    clu_arrival arrival;        /* bytes: behind the struct */
    clu_origin origin;          /* held */
    size_t weight;
} clu_waiting;

#define TOLD_OF(node) CLU_CONTAINER(node, clu_told, link)
#define WAITING_OF(node) CLU_CONTAINER(node, clu_waiting, link)

/* ---- evaluating ---------------------------------------------------------- */

bool clu_notify_eval(clu_node *node, Tcl_Size objc, Tcl_Obj *const objv[],
                     int *code)
{
    Tcl_Interp *interp = node->state->interp;
    bool guard = !node->guarded;
    clu_node_hold(node);
    if (guard) {
        Tcl_Preserve(interp);
    }
    for (Tcl_Size i = 0; i < objc; i++) {
        Tcl_IncrRefCount(objv[i]);
    }
    node->nesting++;
    clu_notifier_stir();        /* it may enter the event loop */
    *code = Tcl_EvalObjv(interp, objc, objv, TCL_EVAL_GLOBAL);
    node->nesting--;
    for (Tcl_Size i = 0; i < objc; i++) {
        Tcl_DecrRefCount(objv[i]);
    }
    if (Tcl_InterpDeleted(interp)) {
        clu_node_abandon(node); /* no script of its can run any more */
    }
    bool alive = !node->dead;
    if (guard) {
        Tcl_Release(interp);
    }
    clu_node_release(node);
    return alive;
}

int clu_notify_said(Tcl_Interp *interp, int code)
{
    if (code != TCL_ERROR) {
        return code;
    }
    static const char unexpected[] = "TCL RESULT UNEXPECTED";
    Tcl_Obj *options = Tcl_GetReturnOptions(interp, code);
    Tcl_Obj *key = Tcl_NewStringObj("-errorcode", -1), *value = NULL;
    Tcl_IncrRefCount(options);
    Tcl_IncrRefCount(key);
    Tcl_DictObjGet(NULL, options, key, &value);
    if (value != NULL && strcmp(Tcl_GetString(value), unexpected) == 0) {
        /* The words are Tcl's: invoked "continue" outside of a loop. */
        code = strstr(Tcl_GetStringResult(interp), "\"continue\"") != NULL
            ? TCL_CONTINUE : TCL_BREAK;
    }
    Tcl_DecrRefCount(key);
    Tcl_DecrRefCount(options);
    return code;
}

/* ---- telling ------------------------------------------------------------- */

static void take_out(clu_node *node, clu_told *told)
{
    clu_list_unlink(&told->link);
    node->backlog -= told->weight;
}

static void drop_told(clu_told *told)
{
    if (told->news.service != NULL) {
        clu_service_release(told->news.service);
    }
    clu_free(told);
}

clu_told *clu_notify_spare(void)
{
    return clu_alloc(sizeof(clu_told));
}

/* That a query is done must be told, or somebody waits for ever. */
static clu_told *make_told(clu_node *node, const clu_news *news, size_t weight)
{
    return news->what == CLU_NEWS_DONE
        ? clu_query_spare(node, news->query) : clu_alloc(weight);
}

/* There is no memory for it.  The command of a service that went must go. */
static void miss(clu_node *node, const clu_news *news)
{
    clu_engine_counters(node->engine)->at[CLU_COUNT_drop_nomem]++;
    if (news->what == CLU_NEWS_LOST) {
        node->swept = false;
        clu_notifier_wake();
    }
}

/* The engine's tell: keep it until scripts may run. */
static void tell(void *ctx, const clu_news *news)
{
    clu_node *node = ctx;
    size_t weight = sizeof(clu_told)
        + (news->packet != NULL ? clu_packet_weight(news->packet) : 0);
    clu_told *told = node->dead ? NULL : make_told(node, news, weight);
    if (told == NULL) {
        miss(node, news);
        return;
    }
    told->news = *news;
    told->weight = weight;
    if (news->packet != NULL) {
        told->news.packet = clu_packet_copy_into(news->packet, told + 1);
    }
    if (news->service != NULL) {
        clu_service_hold(news->service);
    }
    if (news->via != NULL) {
        size_t n = strlen(news->via);
        memcpy(told->via, news->via,
               n < sizeof told->via ? n : sizeof told->via - 1);
        told->news.via = told->via;
    }
    node->backlog += weight;
    clu_list_append(&node->told, &told->link);
    clu_notifier_wake();
}

static void on_query(clu_node *node, const clu_news *news)
{
    Tcl_Obj *result = NULL;
    bool failed = false;
    if (!clu_hook_query(node, news, &result, &failed)) {
        return;                 /* nobody is left to answer */
    }
    clu_buf text;
    clu_buf_init(&text, (size_t)clu_engine_config(node->engine)
                 ->limits.at[CLU_LIMIT_MESSAGE]);
    clu_slice wire;
    clu_err err = clu_text_borrow(result, &text, &wire);
    if (err == CLU_OK) {
        err = clu_engine_answer(node->engine, &news->reply, news->packet, wire,
                                failed, clu_loop_clock());
    }
    if (err == CLU_LIMIT) {
        clu_engine_answer(node->engine, &news->reply, news->packet,
                          clu_slice_str("the answer is too long"), true,
                          clu_loop_clock());
    }
    Tcl_DecrRefCount(result);
    clu_buf_fini(&text);
}

/* true: what it is for keeps its block. */
static bool run_news(clu_node *node, clu_told *told)
{
    const clu_news *news = &told->news;
    switch (news->what) {
    case CLU_NEWS_DISCOVERED:
        clu_hook_tell(node, CLU_HOOK_SERVICE_DISCOVERED, news);
        break;
    case CLU_NEWS_LOST:
        clu_script_lost(node, news->service);
        clu_hook_tell(node, CLU_HOOK_SERVICE_LOST, news);
        clu_service_vanish(node, news->service);
        break;
    case CLU_NEWS_TAGS:
        clu_hook_tell(node, CLU_HOOK_TAGS_CHANGED, news);
        break;
    case CLU_NEWS_EVENT:
        clu_hook_tell(node, CLU_HOOK_EVENT, news);
        break;
    case CLU_NEWS_QUERY:
        on_query(node, news);
        break;
    case CLU_NEWS_STARTED:
    case CLU_NEWS_ANSWER:
    case CLU_NEWS_ASKED_LOST:
    case CLU_NEWS_ASKED_FAILED:
    case CLU_NEWS_TIMEOUT:
    case CLU_NEWS_DONE:
    case CLU_NEWS_FAILED:       /* of no query, and not told: clu_hook_wishes */
        return clu_query_news(node, news, told);
    }
    return false;
}

/* Unlinked before it runs, so that a nested dispatch goes on behind it. */
static void run_told(clu_node *node, clu_told *told)
{
    take_out(node, told);
    clu_service *service = told->news.service;
    if (!run_news(node, told)) {
        drop_told(told);
    } else {
        clu_service_release(service);   /* only what came of one is kept */
    }
}

/* ---- arriving ------------------------------------------------------------ */

static void drop_waiting(clu_waiting *w)
{
    if (w->origin.channel != NULL) {
        Tcl_DecrRefCount(w->origin.channel);
        Tcl_DecrRefCount(w->origin.descriptor);
    }
    clu_free(w);
}

static void keep_arrival(clu_node *node, const clu_arrival *a)
{
    clu_waiting *w = clu_alloc(sizeof *w + a->bytes.n);
    if (w == NULL) {
        clu_engine_counters(node->engine)->at[CLU_COUNT_drop_nomem]++;
        return;
    }
    w->arrival = *a;
    if (a->bytes.n > 0) {
        memcpy(w + 1, a->bytes.p, a->bytes.n);
    }
    w->arrival.bytes = clu_slice_of(w + 1, a->bytes.n);
    w->weight = sizeof *w + a->bytes.n;
    if (clu_script_is(a->via)) {
        w->origin = node->origin;       /* clu_script_receive set it */
        Tcl_IncrRefCount(w->origin.channel);
        Tcl_IncrRefCount(w->origin.descriptor);
    }
    node->backlog += w->weight;
    clu_list_append(&node->arrived, &w->link);
    clu_notifier_wake();
}

/* No hook must be asked, no protocol is a script: the engine may run now. */
static bool in_io(clu_node *node)
{
    return clu_engine_patron(node->engine)->asks == 0 && !node->scripted;
}

/* What the transports call. */
void clu_notify_up(void *owner, const clu_arrival *a, clu_ms now)
{
    clu_node *node = owner;
    if (in_io(node) && clu_list_empty(&node->arrived)) {
        clu_engine_receive(node->engine, a, now);
    } else {
        keep_arrival(node, a);
    }
}

static void run_waiting(clu_node *node)
{
    clu_waiting *w = WAITING_OF(node->arrived.next);
    clu_list_unlink(&w->link);
    node->backlog -= w->weight;
    clu_origin before = node->origin;
    node->origin = w->origin;
    clu_engine_receive(node->engine, &w->arrival, clu_loop_clock());
    node->origin = before;
    drop_waiting(w);
}

void clu_notify_discard(clu_node *node)
{
    while (!clu_list_empty(&node->told)) {
        clu_told *told = TOLD_OF(node->told.next);
        take_out(node, told);
        drop_told(told);
    }
    while (!clu_list_empty(&node->arrived)) {
        clu_waiting *w = WAITING_OF(node->arrived.next);
        clu_list_unlink(&w->link);
        node->backlog -= w->weight;
        drop_waiting(w);
    }
}

/* ---- time and turns ------------------------------------------------------ */

static void tick(clu_node *node, clu_ms now)
{
    node->tick_due = false;
    clu_engine_tick(node->engine, now);
}

/* The loop's timer: beacons may be asked about, which only the dispatch may. */
void clu_notify_timer(clu_timer *timer, clu_ms now)
{
    clu_node *node = CLU_CONTAINER(timer, clu_node, timer);
    if (in_io(node)) {
        tick(node, now);
        clu_node_rearm(node);
    } else {
        node->tick_due = true;
        clu_notifier_wake();
    }
}

static bool is_idle(const clu_node *node)
{
    return !node->tick_due && node->swept && clu_list_empty(&node->told)
        && clu_list_empty(&node->arrived);
}

/* Hooks that enter the event loop nest; what is beyond the limit waits until
   they return. */
static bool has_work(const clu_node *node)
{
    return !node->dead && !is_idle(node)
        && node->nesting < clu_engine_config(node->engine)
        ->limits.at[CLU_LIMIT_NESTING];
}

/* It left, and all is told: its commands are to go. */
static bool is_over(const clu_node *node)
{
    return node->closing && !node->dead && is_idle(node)
        && clu_engine_left(node->engine);
}

bool clu_notify_waits(clu_server *server)
{
    const clu_node *node = CLU_CONTAINER(server, clu_node, server);
    return has_work(node) || is_over(node);
}

static void work(clu_node *node)
{
    if (node->tick_due) {
        tick(node, clu_loop_clock());
    } else if (!clu_list_empty(&node->told)) {
        run_told(node, TOLD_OF(node->told.next));
    } else if (!node->swept) {
        node->swept = true;
        clu_service_sweep(node);
    } else {
        run_waiting(node);
    }
}

/* The interpreter is preserved once for all, since that takes a lock. */
static void work_on(clu_node *node)
{
    Tcl_Interp *interp = node->state->interp;
    bool guarded = node->guarded;
    Tcl_Preserve(interp);
    node->guarded = true;
    work(node);
    while (has_work(node) && clu_notifier_goes_on()) {
        work(node);
    }
    node->guarded = guarded;
    Tcl_Release(interp);
}

void clu_notify_serve(clu_server *server)
{
    clu_node *node = CLU_CONTAINER(server, clu_node, server);
    clu_node_hold(node);
    if (has_work(node)) {
        work_on(node);
    }
    if (is_over(node)) {
        clu_node_finish(node);
    } else {
        clu_node_rearm(node);
    }
    clu_node_release(node);
}

bool clu_notify_behind(clu_server *server)
{
    clu_node *node = CLU_CONTAINER(server, clu_node, server);
    bool behind = node->backlog > (size_t)clu_engine_config(node->engine)
        ->limits.at[CLU_LIMIT_BACKLOG];
    clu_engine_counters(node->engine)->at[CLU_COUNT_reads_paused] += behind;
    return behind;
}

/* ---- waiting by ourselves ------------------------------------------------ */

/* Runs what was told of this query and leaves the rest in its order.  A node
   that dies of it has emptied the queue. */
static void run_for_query(clu_node *node, uint64_t query)
{
    clu_list *l = node->told.next;
    while (l != &node->told) {
        clu_told *told = TOLD_OF(l);
        if (told->news.query != query) {
            l = l->next;
            continue;
        }
        run_told(node, told);
        l = node->told.next;    /* a callback may have changed the queue */
    }
}

void clu_notify_wait(clu_node *node, uint64_t query, bool (*done)(void *ctx),
                     void *ctx)
{
    while (!node->dead && !done(ctx)) {
        clu_node_rearm(node);
        bool idle = !node->tick_due && clu_list_empty(&node->arrived);
        clu_notifier_io(idle ? 1000 : 0);       /* runs no script */
        if (node->tick_due) {
            tick(node, clu_loop_clock());
        }
        while (!clu_list_empty(&node->arrived)) {       /* it is, once dead */
            run_waiting(node);
        }
        run_for_query(node, query);
    }
}

const clu_patron clu_notify_patron = {
    .ask = clu_hook_ask,
    .tell = tell,
};
