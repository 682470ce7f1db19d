/*
 * inbound.c -- a packet's way in: decode, gates, hooks, table, by type.
 *
 * Layer: engine.  Read it from the end: clu_inbound_frame, travel, decode,
 * admit, accept, dispatch.
 */
#include "engineInt.h"

#include "words.h"

typedef struct clu_inbound {
    clu_engine *e;
    const clu_arrival *a;
    clu_ms now;
    clu_slice body;             /* as it came, or what a hook made of it */
    void *unpacked;             /* what a hook made of it: to be freed */
    clu_packet first;           /* as it was decoded */
    clu_packet *packet;         /* first, or what a hook made of it */
    clu_packet *owned;          /* to be freed, or NULL */
    const clu_service *bound;   /* whom its link speaks for; while decoding */
    clu_service *service;       /* held once found */
    clu_counter drop;           /* why, when something said no */
} clu_inbound;

static clu_err refuse(clu_inbound *in, clu_counter why)
{
    in->drop = why;
    return CLU_IGNORED;
}

/* Called for each field as it is decoded: the cheapest place to say no. */
static clu_err gate(void *ctx, clu_field field, const clu_value *value)
{
    clu_inbound *in = ctx;
    const clu_engine *e = in->e;
    switch (field) {
    case CLU_FIELD_sid:
        if (clu_slice_eq(value->text, e->config.sid)) {
            return refuse(in, CLU_COUNT_drop_own);
        }
        return (in->bound != NULL
                && clu_slice_eq(value->text, clu_service_sid(in->bound)))
            || clu_service_word(value->text, &e->config.limits)
            ? CLU_OK : refuse(in, CLU_COUNT_drop_identity);
    case CLU_FIELD_hid:
        if (!e->config.remote && !clu_slice_eq(value->text, e->config.hid)) {
            return refuse(in, CLU_COUNT_drop_foreign);
        }
        return (in->bound != NULL
                && clu_slice_eq(value->text, clu_service_hid(in->bound)))
            || clu_service_word(value->text, &e->config.limits)
            ? CLU_OK : refuse(in, CLU_COUNT_drop_identity);
    case CLU_FIELD_filter:
        return clu_self_named(e, value->list)
            ? CLU_OK : refuse(in, CLU_COUNT_drop_filter);
    default:                    /* channel: no other field is gated */
        return clu_engine_hears(e, value->number)
            ? CLU_OK : refuse(in, CLU_COUNT_drop_channel);
    }
}

static clu_counter counter_of(clu_err err)
{
    switch (err) {
    case CLU_FIELD:   return CLU_COUNT_drop_field;
    case CLU_MISSING: return CLU_COUNT_drop_missing;
    case CLU_LIMIT:   return CLU_COUNT_drop_limit;
    case CLU_NOMEM:   return CLU_COUNT_drop_nomem;
    default:          return CLU_COUNT_drop_malformed;
    }
}

static bool tags_within(const clu_limits *limits, clu_items tags)
{
    if (tags.count > (uint64_t)limits->at[CLU_LIMIT_TAGS]) {
        return false;
    }
    clu_slice wire = tags.wire, tag;
    while (clu_items_next(&wire, &tag) == CLU_OK) {
        if (tag.n > (size_t)limits->at[CLU_LIMIT_TAG]) {
            return false;
        }
    }
    return true;
}

/* A frame as it came: a hook may refuse it, or unpack what is in it. */
static clu_err hear(clu_inbound *in)
{
    clu_engine *e = in->e;
    if (!e->config.remote && !in->a->from.local) {
        return refuse(in, CLU_COUNT_drop_foreign);
    }
    in->body = in->a->bytes;
    if (!clu_wants(e, CLU_ASK_ARRIVED)) {
        return CLU_OK;
    }
    clu_question q = { .what = CLU_ASK_ARRIVED, .frame = in->body,
                       .via = in->a->via, .from = &in->a->from };
    if (in->a->from.service != 0) {
        q.service = clu_table_find_id(&e->table, in->a->from.service);
    }
    clu_err err = e->patron.ask(e->patron.ctx, &q);
    if (q.frame_owned != NULL) {
        in->unpacked = q.frame_owned;
        in->body = q.frame;
    }
    if (e->left) {
        return CLU_GONE;
    }
    return err == CLU_OK ? CLU_OK
        : refuse(in, err == CLU_NOMEM ? CLU_COUNT_drop_nomem
                                      : CLU_COUNT_drop_veto);
}

static clu_err decode(clu_inbound *in)
{
    clu_engine *e = in->e;
    uint64_t bound = in->a->from.service;
    in->bound = bound != 0 ? clu_table_find_id(&e->table, bound) : NULL;
    clu_err err = clu_packet_decode(in->body, &e->config.limits, gate, in,
                                    &in->first);
    in->bound = NULL;           /* hooks may make it go */
    if (err == CLU_OK) {
        err = clu_packet_check(&in->first);
    }
    if (err == CLU_OK
        && in->first.at[CLU_FIELD_type].number >= CLU_TYPE_COUNT) {
        return refuse(in, CLU_COUNT_drop_type);
    }
    if (err != CLU_OK && err != CLU_IGNORED) {
        in->drop = counter_of(err);
    }
    return err;
}

/* What a hook made of a packet passes what it would have had to pass as it
   came: the hook may have unpacked it from a stranger's bytes. */
static clu_err check_again(clu_inbound *in)
{
    const clu_limits *limits = &in->e->config.limits;
    const clu_packet *p = in->packet;
    clu_err err = clu_packet_check(p);
    for (uint8_t i = 0; err == CLU_OK && i < p->count; i++) {
        clu_field field = (clu_field)p->order[i];
        bool gated = field == CLU_FIELD_sid || field == CLU_FIELD_hid;
        err = gated ? gate(in, field, &p->at[field]) : CLU_OK;
    }
    if (err == CLU_OK && p->at[CLU_FIELD_type].number >= CLU_TYPE_COUNT) {
        return refuse(in, CLU_COUNT_drop_type);
    }
    if (err == CLU_OK && clu_packet_has(p, CLU_FIELD_tags)
        && !tags_within(limits, p->at[CLU_FIELD_tags].list)) {
        err = CLU_LIMIT;
    }
    return err;
}

/*
 * Asks the host.  Tricky because a hook may do anything: 1. leave the
 * cluster, so e->left is looked at; 2. make the service go, so the service is
 * held and its state looked at; 3. change the packet, which must then still
 * be one.
 */
static clu_err ask(clu_inbound *in, clu_ask what)
{
    clu_engine *e = in->e;
    if (!clu_wants(e, what)) {
        return CLU_OK;
    }
    clu_question q = { .what = what, .packet = in->packet,
                       .service = in->service, .via = in->a->via,
                       .from = &in->a->from };
    clu_err err = e->patron.ask(e->patron.ctx, &q);
    if (q.owned != NULL) {
        clu_free(in->owned);
        in->packet = in->owned = q.owned;
    }
    if (e->left) {
        return CLU_GONE;        /* nobody counts any more */
    }
    if (err != CLU_OK) {
        return refuse(in, err == CLU_NOMEM ? CLU_COUNT_drop_nomem
                                           : CLU_COUNT_drop_veto);
    }
    if (q.owned != NULL) {
        err = check_again(in);
    }
    if (err != CLU_OK && err != CLU_IGNORED) {
        in->drop = counter_of(err);
    }
    return err;
}

static clu_slice sid_of(const clu_inbound *in)
{
    return in->packet->at[CLU_FIELD_sid].text;
}

static bool is_of(const clu_inbound *in, const clu_service *s)
{
    return clu_slice_eq(sid_of(in), clu_service_sid(s))
        && clu_slice_eq(in->packet->at[CLU_FIELD_hid].text,
                        clu_service_hid(s));
}

/* The sender, as far as it is known; a second sid on a link is a lie. */
static clu_err look_up(clu_inbound *in)
{
    const clu_from *from = &in->a->from;
    clu_service *s = from->service != 0
        ? clu_table_find_id(&in->e->table, from->service) : NULL;
    if (s != NULL && !is_of(in, s)) {
        return refuse(in, CLU_COUNT_drop_link);
    }
    if (s == NULL) {
        s = clu_table_find(&in->e->table, sid_of(in),
                           in->packet->at[CLU_FIELD_hid].text);
    }
    if (s != NULL && s->local != from->local) {
        return refuse(in, CLU_COUNT_drop_identity);
    }
    if (s != NULL) {
        clu_service_hold(s);
        in->service = s;
    }
    return CLU_OK;
}

static clu_err enter(clu_inbound *in)
{
    clu_engine *e = in->e;
    const clu_from *from = &in->a->from;
    clu_service *s;
    clu_err err = clu_table_insert(&e->table, sid_of(in),
                                   in->packet->at[CLU_FIELD_hid].text,
                                   &from->addr, from->local, in->now, &s);
    if (err != CLU_OK) {
        return refuse(in, err == CLU_LIMIT ? CLU_COUNT_drop_full
                                           : CLU_COUNT_drop_nomem);
    }
    clu_service_hold(s);
    in->service = s;
    err = clu_liveness_start(e, s, in->now);
    if (err != CLU_OK) {
        clu_table_drop(&e->table, s);
        return refuse(in, CLU_COUNT_drop_nomem);
    }
    clu_count(e, CLU_COUNT_services_found);
    return CLU_OK;
}

/* Finds or makes the sender's service, if the hooks let it. */
static clu_err admit(clu_inbound *in)
{
    clu_err err = look_up(in);
    if (err == CLU_OK) {
        err = ask(in, CLU_ASK_ADMIT);
    }
    if (err == CLU_OK) {
        err = ask(in, CLU_ASK_VALIDATE);
    }
    if (err != CLU_OK) {
        return err;
    }
    if (in->service != NULL && in->service->state != CLU_SERVICE_GONE) {
        return CLU_OK;
    }
    /* New; or it went while the hooks ran, or one of them brought it. */
    if (in->service != NULL) {
        clu_service_release(in->service);
        in->service = NULL;
    }
    err = look_up(in);
    if (err != CLU_OK || in->service != NULL) {
        return err;
    }
    if (in->packet->at[CLU_FIELD_type].number == CLU_TYPE_DISCONNECT) {
        return refuse(in, CLU_COUNT_drop_unknown);
    }
    return enter(in);
}

static void accept_tags(clu_inbound *in)
{
    clu_service *s = in->service;
    clu_items tags = in->packet->at[CLU_FIELD_tags].list;
    if (tags.count == s->tags.count && clu_slice_eq(tags.wire, s->tags.wire)) {
        return;
    }
    clu_err err = clu_table_tags(&in->e->table, s, tags);
    if (err != CLU_OK) {
        clu_count(in->e, counter_of(err));
        return;
    }
    clu_news news = { .what = CLU_NEWS_TAGS, .service = s,
                      .packet = in->packet, .via = in->a->via->name };
    clu_engine_tell(in->e, &news);
}

/* What we may send it by datagram in reply: see route.c. */
static void credit(clu_inbound *in)
{
    clu_service *s = in->service;
    bool moved = !clu_address_same_host(&in->a->from.addr, &s->addr);
    if (in->a->via->multicast && moved) {
        s->credit = 0;          /* what it earned it earned elsewhere */
    }
    if (in->a->via->multicast || (in->a->via->datagram && !moved)) {
        s->credit += in->a->bytes.n;
    }
}

/* What every packet says about its sender. */
static void accept(clu_inbound *in)
{
    clu_engine *e = in->e;
    clu_service *s = in->service;
    const clu_from *from = &in->a->from;
    const clu_packet *p = in->packet;
    clu_table_protocols(&e->table, s, p->at[CLU_FIELD_protocols].list);
    credit(in);
    if (in->a->via->multicast) {
        clu_table_address(&e->table, s, &from->addr, from->local);
        s->source = from->addr;
    } else if (from->link != 0 && from->service != s->id
               && in->a->via->ops->bind != NULL) {
        in->a->via->ops->bind(in->a->via, from->link, s->id);
    }
    if (clu_packet_has(p, CLU_FIELD_tags)) {
        accept_tags(in);
    }
    if (clu_packet_has(p, CLU_FIELD_known)
        && p->at[CLU_FIELD_known].number > e->most_known) {
        e->most_known = p->at[CLU_FIELD_known].number;
    }
}

/* ---- by type ------------------------------------------------------------- */

/*
 * A goodbye is believed where it comes from: the connection that speaks for
 * the service, or the address of its beacons - with the port where the
 * service is of our kind, as each of us sends from a port of its own.
 */
static bool is_its_own(const clu_inbound *in)
{
    const clu_from *from = &in->a->from;
    const clu_service *s = in->service;
    if (from->link != 0) {
        return from->service == s->id;
    }
    return s->kin && s->source.port != 0
        ? clu_address_eq(&from->addr, &s->source)
        : clu_address_same_host(&from->addr, &s->addr);
}

static void on_disconnect(clu_inbound *in)
{
    if (is_its_own(in)) {
        clu_liveness_left(in->e, in->service, in->now);
    } else {
        clu_liveness_doubted(in->e, in->service, in->now);
    }
}

static void take_props(clu_inbound *in, bool merge)
{
    clu_slice data = clu_packet_has(in->packet, CLU_FIELD_data)
        ? in->packet->at[CLU_FIELD_data].text : clu_slice_str("");
    if (merge && data.n == 0) {
        return;                 /* a plain beacon, or one with tags alone */
    }
    clu_err err = clu_table_props(&in->e->table, in->service, data, merge);
    if (err != CLU_OK) {
        clu_count(in->e, counter_of(err));
    }
}

static void on_heartbeat(clu_inbound *in)
{
    take_props(in, true);
}

static void on_discovery(clu_inbound *in)
{
    on_heartbeat(in);
    clu_liveness_asked(in->e, in->service, in->a->from.group, in->now);
}

static void on_ping(clu_inbound *in)
{
    clu_liveness_pinged(in->e, in->packet, in->now);
}

static void on_query(clu_inbound *in)
{
    clu_engine *e = in->e;
    clu_reply reply = { .service = in->service->id };
    while (reply.via < e->transport_count
           && e->transports[reply.via] != in->a->via) {
        reply.via++;
    }
    if (in->a->from.link == 0) {
        reply.source = in->a->from.addr;
    }
    if (!((e->patron.tells >> CLU_NEWS_QUERY) & 1u)) {
        /* Nobody here answers questions: an empty answer, as of old. */
        clu_engine_answer(e, &reply, in->packet, clu_slice_str(""), false,
                          in->now);
        return;
    }
    clu_news news = { .what = CLU_NEWS_QUERY, .service = in->service,
                      .packet = in->packet, .via = in->a->via->name,
                      .reply = reply };
    clu_engine_tell(e, &news);
}

static void on_response(clu_inbound *in)
{
    clu_query_answered(in->e, in->service, in->a->via->name, in->packet);
}

static void on_event(clu_inbound *in)
{
    clu_news news = { .what = CLU_NEWS_EVENT, .service = in->service,
                      .packet = in->packet, .via = in->a->via->name };
    clu_engine_tell(in->e, &news);
}

static void on_flush(clu_inbound *in)
{
    take_props(in, false);
}

#define REFRESH_EVERY 2000      /* ms; so often may a peer make us move */

/* Each of ours at most once, however often it is named. */
static void refresh(clu_inbound *in, clu_slice names)
{
    clu_engine *e = in->e;
    for (unsigned i = 0; i < e->transport_count && !e->left; i++) {
        clu_transport *t = e->transports[i];
        clu_slice left = names, name, own = clu_slice_str(t->name);
        clu_buf scratch;
        clu_buf_init(&scratch, names.n);
        bool named = false;
        while (!named && clu_words_next(&left, &scratch, &name) == CLU_OK) {
            named = clu_slice_eq(name, own);
        }
        clu_buf_fini(&scratch);
        if (named) {
            t->ops->refresh(t, in->now);
        }
    }
}

/* Somebody could not reach us by these protocols: make them anew. */
static void on_failure(clu_inbound *in)
{
    clu_engine *e = in->e;
    if (!clu_packet_has(in->packet, CLU_FIELD_data)) {
        clu_count(e, CLU_COUNT_drop_missing);
        return;
    }
    clu_slice data = in->packet->at[CLU_FIELD_data].text, names;
    clu_buf scratch;
    clu_buf_init(&scratch, data.n);
    clu_err err = clu_words_get(data, clu_slice_str("protocols"), &scratch,
                                &names);
    if (err != CLU_OK || scratch.n > 0) {
        clu_count(e, CLU_COUNT_drop_malformed);
    } else if (e->refreshed < 0 || in->now - e->refreshed >= REFRESH_EVERY) {
        e->refreshed = in->now;
        refresh(in, names);
    }
    clu_buf_fini(&scratch);
}

static void dispatch(clu_inbound *in)
{
    static void (*const by_type[CLU_TYPE_COUNT])(clu_inbound *) = {
        [CLU_TYPE_DISCONNECT] = on_disconnect,
        [CLU_TYPE_HEARTBEAT]  = on_heartbeat,
        [CLU_TYPE_DISCOVERY]  = on_discovery,
        [CLU_TYPE_PING]       = on_ping,
        [CLU_TYPE_QUERY]      = on_query,
        [CLU_TYPE_RESPONSE]   = on_response,
        [CLU_TYPE_EVENT]      = on_event,
        [CLU_TYPE_FLUSH]      = on_flush,
        [CLU_TYPE_FAILURE]    = on_failure,
    };
    by_type[in->packet->at[CLU_FIELD_type].number](in);
}

static clu_err travel(clu_inbound *in)
{
    clu_err err = hear(in);
    if (err == CLU_OK) {
        err = decode(in);
    }
    if (err == CLU_OK) {
        in->packet = &in->first;
        err = ask(in, CLU_ASK_RECEIVE);
    }
    if (err == CLU_OK) {
        err = admit(in);
    }
    if (err != CLU_OK) {
        return err;
    }
    /* A goodbye may be forged: it changes nothing before it is believed. */
    if (in->packet->at[CLU_FIELD_type].number != CLU_TYPE_DISCONNECT) {
        accept(in);
        clu_liveness_heard(in->e, in->service, in->now);
    }
    if (!in->e->left && in->service->state != CLU_SERVICE_GONE) {
        dispatch(in);
    }
    return CLU_OK;
}

void clu_inbound_frame(clu_engine *e, const clu_arrival *a, clu_ms now)
{
    clu_inbound in = { .e = e, .a = a, .now = now,
                       .drop = CLU_COUNTER_COUNT };
    if (travel(&in) != CLU_OK && in.drop != CLU_COUNTER_COUNT) {
        clu_count(e, in.drop);
    }
    if (in.service != NULL) {
        clu_service_release(in.service);
    }
    clu_free(in.owned);
    clu_free(in.unpacked);
}
