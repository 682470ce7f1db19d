/*
 * query.c -- open questions: who owes an answer, until when.
 *
 * Layer: engine.  A query is a survey: each service that was asked owes one
 * answer; what ends its debt is told once, and when none owes any more, or
 * time is over, DONE is told and the query is gone.
 *
 * Tricky because whoever is told may end the query, or all of them: after
 * each telling it is looked up again.  While its questions are still leaving
 * the host does not know its handle yet; what came of them meanwhile is told
 * by the next tick.
 */
#include "engineInt.h"

#include <stdlib.h>

typedef struct clu_debt {
    uint64_t service;
    bool owing;
    clu_service *untold;        /* held: what follows is still to be told */
    clu_news_kind what;
    clu_err err;
} clu_debt;

struct clu_query {
    uint64_t handle;
    clu_deadline late;          /* its time-out, or something is to be told */
    clu_ms due;                 /* its time-out */
    clu_map_node by_id, by_handle;
    clu_slice id;               /* the ruid; behind the debts */
    size_t owing;               /* debts not settled */
    size_t untold;              /* debts whose end is still to be told */
    size_t count;
    bool opening;               /* the questions are still leaving */
    bool ended;                 /* ... and somebody ended it meanwhile */
    clu_debt debts[];           /* by service id */
};

clu_query *clu_query_of(clu_deadline *d)
{
    return CLU_CONTAINER(d, clu_query, late);
}

static bool same_id(const clu_map_node *node, clu_slice id)
{
    return clu_slice_eq(CLU_CONTAINER(node, clu_query, by_id)->id, id);
}

static bool same_handle(const clu_map_node *node, clu_slice key)
{
    return memcmp(&CLU_CONTAINER(node, clu_query, by_handle)->handle, key.p,
                  sizeof(uint64_t)) == 0;
}

static clu_slice key_of(const uint64_t *handle)
{
    return clu_slice_of(handle, sizeof *handle);
}

static clu_query *find_id(const clu_engine *e, clu_slice id)
{
    clu_map_node *node = clu_map_find(&e->queries, clu_hash(id), id, same_id);
    return node ? CLU_CONTAINER(node, clu_query, by_id) : NULL;
}

static clu_query *find(const clu_engine *e, uint64_t handle)
{
    clu_slice key = key_of(&handle);
    clu_map_node *node = clu_map_find(&e->handles, clu_hash_id(handle), key,
                                      same_handle);
    return node ? CLU_CONTAINER(node, clu_query, by_handle) : NULL;
}

uint64_t clu_engine_query_find(clu_engine *e, clu_slice id)
{
    clu_query *q = find_id(e, id);
    return q ? q->handle : 0;
}

size_t clu_engine_query_owing(clu_engine *e, uint64_t handle, uint64_t *out,
                              size_t room)
{
    clu_query *q = find(e, handle);
    size_t n = 0;
    for (size_t i = 0; q != NULL && i < q->count; i++) {
        if (q->debts[i].owing) {
            if (n < room) {
                out[n] = q->debts[i].service;
            }
            n++;
        }
    }
    return n;
}

/* ---- its end ------------------------------------------------------------- */

static void discard(clu_engine *e, clu_query *q)
{
    clu_map_remove(&e->queries, &q->by_id);
    clu_map_remove(&e->handles, &q->by_handle);
    clu_engine_unset(e, &q->late);
    e->query_count--;
    for (size_t i = 0; i < q->count; i++) {
        if (q->debts[i].untold != NULL) {
            clu_service_release(q->debts[i].untold);
        }
    }
    clu_free(q);
}

static void finish(clu_engine *e, clu_query *q)
{
    clu_news news = { .what = CLU_NEWS_DONE, .query = q->handle };
    discard(e, q);
    clu_engine_tell(e, &news);
}

static void finish_if_settled(clu_engine *e, clu_query *q)
{
    if (q != NULL && q->owing == 0 && q->untold == 0 && !q->opening) {
        finish(e, q);
    }
}

static int by_service(const void *a, const void *b)
{
    uint64_t x = ((const clu_debt *)a)->service;
    uint64_t y = ((const clu_debt *)b)->service;
    return x < y ? -1 : x > y;
}

/* One outcome for one service; the last one ends the query. */
static bool pay(clu_engine *e, clu_query *q, const clu_news *news)
{
    clu_debt wanted = { .service = news->service->id };
    clu_debt *debt = bsearch(&wanted, q->debts, q->count, sizeof *debt,
                             by_service);
    if (debt == NULL || !debt->owing || q->ended) {
        return false;
    }
    debt->owing = false;
    q->owing--;
    if (q->opening && news->packet == NULL) {
        clu_service_hold(news->service);
        debt->untold = news->service;
        debt->what = news->what;
        debt->err = news->err;
        q->untold++;
        return true;
    }
    uint64_t handle = q->handle;
    clu_engine_tell(e, news);
    finish_if_settled(e, find(e, handle));
    return true;
}

/* The next one whose end is told late. */
static clu_debt *next_untold(clu_query *q)
{
    for (size_t i = 0; q != NULL && q->untold > 0 && i < q->count; i++) {
        if (q->debts[i].untold != NULL) {
            return &q->debts[i];
        }
    }
    return NULL;
}

static void tell_untold(clu_engine *e, uint64_t handle)
{
    clu_query *q;
    clu_debt *debt;
    while ((debt = next_untold(q = find(e, handle))) != NULL) {
        clu_news news = { .what = debt->what, .query = handle,
                          .service = debt->untold, .err = debt->err };
        debt->untold = NULL;
        q->untold--;
        clu_engine_tell(e, &news);
        clu_service_release(news.service);
    }
    finish_if_settled(e, q);
}

void clu_query_answered(clu_engine *e, clu_service *s, const char *via,
                        const clu_packet *p)
{
    clu_query *q = NULL;
    if (clu_packet_has(p, CLU_FIELD_ruid)) {
        q = find_id(e, p->at[CLU_FIELD_ruid].text);
    }
    clu_news news = { .what = CLU_NEWS_ANSWER, .service = s, .packet = p,
                      .via = via };
    if (q != NULL) {
        news.query = q->handle;
    }
    if (q == NULL || !pay(e, q, &news)) {
        clu_count(e, CLU_COUNT_drop_unasked);
        return;
    }
    clu_count(e, clu_packet_has(p, CLU_FIELD_error)
              ? CLU_COUNT_queries_failed : CLU_COUNT_queries_answered);
}

void clu_query_failed(clu_engine *e, uint64_t handle, clu_service *s,
                      clu_err why)
{
    clu_query *q = find(e, handle);
    clu_news news = { .what = CLU_NEWS_ASKED_FAILED, .query = handle,
                      .service = s, .err = why };
    if (q != NULL && pay(e, q, &news)) {
        clu_count(e, CLU_COUNT_queries_failed);
    }
}

/* All handles, since ending a query changes the map that holds them. */
static uint64_t *handles_of(const clu_engine *e, size_t *count)
{
    uint64_t *all = clu_alloc((e->handles.count + 1) * sizeof *all);
    *count = 0;
    for (size_t b = 0; all != NULL && b < e->handles.size; b++) {
        for (clu_map_node *n = e->handles.buckets[b]; n; n = n->next) {
            all[(*count)++] = CLU_CONTAINER(n, clu_query, by_handle)->handle;
        }
    }
    return all;
}

void clu_query_lost(clu_engine *e, clu_service *s)
{
    size_t count;
    uint64_t *all = handles_of(e, &count);
    for (size_t i = 0; i < count; i++) {
        clu_query *q = find(e, all[i]);
        clu_news news = { .what = CLU_NEWS_ASKED_LOST, .query = all[i],
                          .service = s, .err = CLU_GONE };
        if (q != NULL && pay(e, q, &news)) {
            clu_count(e, CLU_COUNT_queries_lost);
        }
    }
    clu_free(all);              /* without memory the time-out will do */
}

void clu_query_late(clu_engine *e, clu_query *q)
{
    uint64_t handle = q->handle;
    if (q->ended || (q->owing == 0 && q->untold == 0)) {
        finish(e, q);
        return;
    }
    if (q->untold > 0) {
        clu_engine_set(e, &q->late, q->due);    /* its place is free */
        tell_untold(e, handle);
        return;
    }
    clu_count(e, CLU_COUNT_queries_timeout);
    clu_news news = { .what = CLU_NEWS_TIMEOUT, .query = handle };
    clu_engine_tell(e, &news);
    clu_engine_query_end(e, handle);
}

void clu_engine_query_end(clu_engine *e, uint64_t handle)
{
    clu_query *q = find(e, handle);
    if (q != NULL && q->opening) {
        q->ended = true;
    } else if (q != NULL) {
        finish(e, q);
    }
}

void clu_query_end_all(clu_engine *e)
{
    while (e->handles.count > 0) {
        size_t b = 0;
        while (e->handles.buckets[b] == NULL) {
            b++;
        }
        clu_query *q = CLU_CONTAINER(e->handles.buckets[b], clu_query,
                                     by_handle);
        if (q->opening) {
            discard(e, q);      /* the call that opens it says GONE */
        } else {
            finish(e, q);
        }
    }
}

/* ---- its beginning ------------------------------------------------------- */

/* q, five characters nobody guesses, and a number: never used twice. */
static clu_slice make_id(clu_engine *e, char out[CLU_QUERY_ID])
{
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t n = 0;
    out[n++] = 'q';
    for (int i = 0; i < 5; i++) {
        out[n++] = digits[clu_random_below(&e->random, 62)];
    }
    for (uint64_t left = e->next_query; left > 0; left /= 62) {
        out[n++] = digits[left % 62];
    }
    return clu_slice_of(out, n);
}

/* Each service that is known owes one answer, however often it is named. */
static void owe(clu_engine *e, clu_query *q, const clu_ask_many *ask)
{
    for (size_t i = 0; i < ask->count; i++) {
        if (clu_table_find_id(&e->table, ask->services[i]) != NULL) {
            q->debts[q->count++].service = ask->services[i];
        }
    }
    qsort(q->debts, q->count, sizeof q->debts[0], by_service);
    size_t kept = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (i == 0 || q->debts[i].service != q->debts[kept - 1].service) {
            q->debts[kept++] = (clu_debt){ .service = q->debts[i].service,
                                           .owing = true };
        }
    }
    q->count = q->owing = kept;
}

static clu_query *make(clu_engine *e, clu_slice id, const clu_ask_many *ask)
{
    clu_query *q = clu_alloc(sizeof *q + ask->count * sizeof q->debts[0]
                             + id.n);
    if (q == NULL) {
        return NULL;
    }
    q->handle = e->next_query++;
    q->late.due.kind = CLU_LATE_QUERY;
    unsigned char *text = (unsigned char *)&q->debts[ask->count];
    memcpy(text, id.p, id.n);
    q->id = clu_slice_of(text, id.n);
    owe(e, q, ask);
    return q;
}

static clu_err enter(clu_engine *e, clu_query *q)
{
    clu_err err = clu_map_insert(&e->queries, &q->by_id, clu_hash(q->id));
    if (err != CLU_OK) {
        return err;
    }
    err = clu_map_insert(&e->handles, &q->by_handle,
                         clu_hash_id(q->handle));
    if (err == CLU_OK) {
        err = clu_engine_set(e, &q->late, q->due);
        if (err != CLU_OK) {
            clu_map_remove(&e->handles, &q->by_handle);
        }
    }
    if (err != CLU_OK) {
        clu_map_remove(&e->queries, &q->by_id);
        return err;
    }
    e->query_count++;
    return CLU_OK;
}

/* ruid, data, keepalive: the order of the original (WIRE-ORIGINAL 6). */
static void complete(clu_packet *p, clu_slice id)
{
    bool has_data = clu_packet_has(p, CLU_FIELD_data);
    clu_slice data = p->at[CLU_FIELD_data].text;
    clu_packet_remove(p, CLU_FIELD_data);
    clu_packet_text(p, CLU_FIELD_ruid, id);
    if (has_data) {
        clu_packet_text(p, CLU_FIELD_data, data);
    }
    clu_packet_number(p, CLU_FIELD_keepalive, 1);
}

/* Sends the questions; those that cannot leave have failed already. */
static clu_err pose(clu_engine *e, clu_query *q, const clu_ask_many *ask,
                    clu_ms now)
{
    uint64_t handle = q->handle;
    size_t count = q->count;
    uint64_t few[16];           /* nearly always enough, ids and outcomes */
    size_t size = count * (sizeof *few + sizeof(clu_err));
    uint64_t *ids = size <= sizeof few ? few : clu_alloc(size);
    if (ids == NULL) {
        return CLU_NOMEM;
    }
    clu_err *outcomes = (clu_err *)(void *)(ids + count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = q->debts[i].service;
    }
    complete(ask->packet, ask->id);
    clu_outgoing out = { .packet = ask->packet, .services = ids,
                         .count = count, .group = ask->group,
                         .allowed = ask->allowed, .cookie = handle,
                         .outcomes = outcomes };
    clu_err err = clu_engine_send(e, &out, now);
    for (size_t i = 0; err != CLU_VETO && i < count && !e->left; i++) {
        clu_service *s = clu_table_find_id(&e->table, ids[i]);
        if (outcomes[i] != CLU_OK && s != NULL) {
            clu_query_failed(e, handle, s, outcomes[i]);
        }
    }
    if (ids != few) {
        clu_free(ids);
    }
    return e->left ? CLU_GONE : err == CLU_VETO ? CLU_VETO : CLU_OK;
}

/* Enters it and asks.  On failure nothing is left of it. */
static clu_err begin(clu_engine *e, clu_query *q, const clu_ask_many *ask,
                     clu_ms now)
{
    clu_err err = q->count > 0 ? enter(e, q) : CLU_GONE;
    if (err != CLU_OK) {
        clu_free(q);
        return err;
    }
    uint64_t handle = q->handle;
    q->opening = true;
    err = pose(e, q, ask, now);
    if (err != CLU_OK) {
        clu_packet_remove(ask->packet, CLU_FIELD_ruid);
        if (find(e, handle) != NULL) {
            discard(e, q);
        }
        return err;
    }
    q->opening = false;         /* while it was true nobody could end it */
    if (q->untold > 0 || q->owing == 0 || q->ended) {
        clu_engine_set(e, &q->late, now);
    }
    clu_count(e, CLU_COUNT_queries_opened);
    clu_news news = { .what = CLU_NEWS_STARTED, .query = handle };
    clu_engine_tell(e, &news);
    return CLU_OK;
}

clu_err clu_engine_query(clu_engine *e, clu_ask_many *ask, clu_ms now,
                         uint64_t *handle)
{
    if (e->left || ask->count == 0) {
        return CLU_GONE;
    }
    if (e->query_count >= (size_t)e->config.limits.at[CLU_LIMIT_QUERIES]) {
        clu_count(e, CLU_COUNT_queries_refused);
        return CLU_LIMIT;
    }
    if (ask->id.n == 0) {
        ask->id = make_id(e, ask->made);
    }
    if (find_id(e, ask->id) != NULL) {
        return CLU_EXISTS;
    }
    clu_query *q = make(e, ask->id, ask);
    if (q == NULL) {
        return CLU_NOMEM;
    }
    q->due = clu_later(now, ask->timeout);
    uint64_t opened = q->handle;
    clu_err err = begin(e, q, ask, now);
    if (err == CLU_OK) {
        *handle = opened;
    }
    return err;
}
