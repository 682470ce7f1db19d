/*
 * engine.c -- one membership: its life, its time, and what arrives.
 *
 * Layer: engine.
 */
#include "engineInt.h"

#define PROTOCOLS_MAX 1024      /* bytes of all transports' names */

/* ---- life ---------------------------------------------------------------- */

static clu_err copy_identity(clu_engine *e, const clu_config *config)
{
    e->config.sid.p = clu_memdup(config->sid.p, config->sid.n);
    e->config.hid.p = clu_memdup(config->hid.p, config->hid.n);
    e->config.name.p = config->name.n > 0
        ? clu_memdup(config->name.p, config->name.n) : NULL;
    return e->config.sid.p != NULL && e->config.hid.p != NULL
        && (e->config.name.p != NULL || config->name.n == 0) ? CLU_OK
                                                             : CLU_NOMEM;
}

/* The engine's own deadlines stay in the heap for ever, so that setting one
   never needs memory. */
static clu_err reserve_deadlines(clu_engine *e)
{
    clu_deadline *own[] = { &e->beat, &e->look, &e->ping };
    clu_late kinds[] = { CLU_LATE_BEAT, CLU_LATE_LOOK, CLU_LATE_PING };
    for (size_t i = 0; i < CLU_COUNT_OF(own); i++) {
        own[i]->due.kind = kinds[i];
        clu_err err = clu_engine_set(e, own[i], CLU_NEVER);
        if (err != CLU_OK) {
            return err;
        }
    }
    return CLU_OK;
}

clu_err clu_engine_create(const clu_config *config, const clu_patron *patron,
                          clu_engine **engine)
{
    if (!clu_service_word(config->sid, &config->limits)
        || !clu_service_word(config->hid, &config->limits)) {
        return CLU_VALUE;
    }
    clu_engine *e = clu_alloc(sizeof *e);
    if (e == NULL) {
        return CLU_NOMEM;
    }
    e->config = *config;
    e->patron = *patron;
    e->random = config->seed;
    e->group = CLU_TRANSPORTS_MAX;
    e->discovered = e->refreshed = -1;
    e->next_query = 1;
    clu_table_init(&e->table, &e->config.limits);
    clu_buf_init(&e->protocols_wire, PROTOCOLS_MAX);
    clu_buf_init(&e->tags_wire, 1 << 20);
    for (uint64_t channel = 0; channel < 3; channel++) {
        e->channels[e->channel_count++] = channel;
    }
    clu_err err = copy_identity(e, config);
    if (err == CLU_OK) {
        err = reserve_deadlines(e);
    }
    if (err == CLU_OK) {
        /* Packets on their way point into it: it must never move. */
        err = clu_buf_reserve(&e->protocols_wire, PROTOCOLS_MAX);
    }
    if (err != CLU_OK) {
        clu_engine_destroy(e);
        return err;
    }
    clu_self_index(e);
    *engine = e;
    return CLU_OK;
}

clu_err clu_engine_attach(clu_engine *e, clu_transport *t,
                          clu_up *up, void *owner)
{
    if (e->transport_count == CLU_TRANSPORTS_MAX) {
        return CLU_LIMIT;
    }
    clu_err err = clu_items_add(&e->protocols_wire, &e->protocols,
                                clu_slice_str(t->name));
    if (err != CLU_OK) {
        return err;
    }
    t->up = up;
    t->owner = owner;
    t->limits = &e->config.limits;
    t->counters = &e->counters;
    t->held = &e->held;
    if (t->multicast) {
        e->group = e->transport_count;
    }
    e->transports[e->transport_count++] = t;
    return CLU_OK;
}

clu_err clu_engine_join(clu_engine *e, clu_ms now)
{
    /* Once it is out the discovery follows, now or when there is a network. */
    e->joining = true;
    clu_err err = clu_engine_heartbeat(e, true, true, 0, now);
    clu_self_look_soon(e, now);
    return err;
}

static void say_goodbye(clu_engine *e, clu_ms now)
{
    clu_packet p = { 0 };
    clu_buf scratch;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    if (clu_compose_beacon(e, &p, CLU_TYPE_DISCONNECT, 0, false, true,
                           &scratch) == CLU_OK) {
        clu_engine_broadcast(e, &p, now);
    }
    clu_buf_fini(&scratch);
}

/* Tricky because one that is a script may let the loop run, and bring us here
   again: so each is there until its turn has come. */
static void stop_transports(clu_engine *e)
{
    e->group = CLU_TRANSPORTS_MAX;
    while (e->transport_count > 0) {
        clu_transport *t = e->transports[--e->transport_count];
        t->ops->stop(t);
    }
}

void clu_engine_stop(clu_engine *e, bool at_once)
{
    if (e->left && (e->busy == 0 || at_once)) {
        stop_transports(e);
    }
}

void clu_engine_leave(clu_engine *e, clu_ms now)
{
    if (e->left || e->leaving) {
        return;                 /* a hook on the goodbye may say so again */
    }
    e->leaving = true;
    if (e->group < e->transport_count) {
        say_goodbye(e, now);
    }
    e->left = true;
    clu_query_end_all(e);
    while (clu_heap_first(&e->deadlines) != NULL) {
        clu_heap_drop(&e->deadlines, clu_heap_first(&e->deadlines));
    }
    clu_table_fini(&e->table);
    if (e->arriving == 0 && e->busy == 0) {
        stop_transports(e);
    }
}

void clu_engine_destroy(clu_engine *e)
{
    clu_engine_leave(e, 0);
    stop_transports(e);
    clu_table_fini(&e->table);
    clu_heap_fini(&e->deadlines);
    clu_map_fini(&e->queries);
    clu_map_fini(&e->handles);
    clu_buf_fini(&e->protocols_wire);
    clu_buf_fini(&e->tags_wire);
    clu_buf_fini(&e->spare);
    clu_free((void *)e->config.sid.p);
    clu_free((void *)e->config.hid.p);
    clu_free((void *)e->config.name.p);
    clu_free(e);
}

/* ---- shared small things ------------------------------------------------- */

void clu_engine_tell(clu_engine *e, const clu_news *news)
{
    if ((e->patron.tells >> news->what) & 1u) {
        e->patron.tell(e->patron.ctx, news);
    }
}

clu_err clu_engine_set(clu_engine *e, clu_deadline *d, clu_ms at)
{
    return clu_heap_set(&e->deadlines, &d->due, at);
}

void clu_engine_unset(clu_engine *e, clu_deadline *d)
{
    clu_heap_drop(&e->deadlines, &d->due);
}

clu_buf clu_engine_take(clu_engine *e)
{
    clu_buf frame = e->spare;
    clu_buf_init(&e->spare, 0);
    clu_buf_clear(&frame);
    /* A body may be as long as a message; header, length and end around it. */
    frame.limit = (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE] + 16;
    return frame;
}

void clu_engine_give(clu_engine *e, clu_buf *frame)
{
    clu_buf_fini(&e->spare);
    e->spare = *frame;
}

/* ---- time ---------------------------------------------------------------- */

clu_ms clu_engine_deadline(const clu_engine *e)
{
    if (e->left) {
        return e->transport_count > 0 ? 0 : CLU_NEVER;
    }
    return clu_heap_first(&e->deadlines)->at;   /* ours are always there */
}

static void late(clu_engine *e, clu_deadline *d, clu_ms now)
{
    switch ((clu_late)d->due.kind) {
    case CLU_LATE_EXPIRY:
        clu_liveness_expiry(e, CLU_CONTAINER(d, clu_service, expiry), now);
        break;
    case CLU_LATE_HELLO:
        clu_liveness_hello(e, CLU_CONTAINER(d, clu_service, hello), now);
        break;
    case CLU_LATE_REPORT:
        clu_liveness_report(e, CLU_CONTAINER(d, clu_service, report), now);
        break;
    case CLU_LATE_QUERY:
        clu_query_late(e, clu_query_of(d));
        break;
    case CLU_LATE_BEAT:
        clu_engine_heartbeat(e, false, false, 0, now);
        break;
    case CLU_LATE_PING:
        clu_liveness_ping(e, now);
        break;
    case CLU_LATE_LOOK:
        clu_self_look(e, now);
        break;
    }
}

void clu_engine_tick(clu_engine *e, clu_ms now)
{
    clu_due *due = clu_heap_first(&e->deadlines);
    if (due != NULL) {
        clu_liveness_away(e, now - due->at, now);
    }
    while (!e->left && (due = clu_heap_take(&e->deadlines, now)) != NULL) {
        clu_deadline *d = CLU_CONTAINER(due, clu_deadline, due);
        if (d->due.kind >= CLU_LATE_BEAT) {
            /* Cannot fail: its place has just become free. */
            clu_engine_set(e, d, CLU_NEVER);
        }
        late(e, d, now);
    }
    if (e->left && e->arriving == 0 && e->busy == 0) {
        stop_transports(e);
    }
}

/* ---- in ------------------------------------------------------------------ */

static void arrive(clu_engine *e, const clu_arrival *a, clu_ms now)
{
    clu_service *s = a->service ? clu_table_find_id(&e->table, a->service)
                                : NULL;
    switch (a->what) {
    case CLU_ARRIVED_FRAME:
        clu_inbound_frame(e, a, now);
        break;
    case CLU_ARRIVED_JUNK:
        clu_count(e, CLU_COUNT_drop_header);
        break;
    case CLU_ARRIVED_UNDELIVERED:
        clu_route_undelivered(e, a, now);
        break;
    case CLU_ARRIVED_CLOSED:
        if (s != NULL && a->last) {
            clu_liveness_unreached(e, s, now);
        }
        break;
    case CLU_ARRIVED_REFUSED:
        if (s != NULL) {
            clu_liveness_unreached(e, s, now);
        }
        break;
    case CLU_ARRIVED_MOVED:
        clu_engine_heartbeat(e, true, false, 0, now);
        break;
    }
}

void clu_engine_receive(clu_engine *e, const clu_arrival *a, clu_ms now)
{
    if (!e->left) {
        e->arriving++;
        arrive(e, a, now);
        e->arriving--;
    }
}
