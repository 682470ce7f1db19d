/*
 * route.c -- which transport for which service; fallback; failure report.
 *
 * Layer: engine.  WIRE-ORIGINAL 10.
 *
 * The peer's order of preference is followed.  A transport may fail at once
 * (send says so) or later (its frame comes back UNDELIVERED); either way the
 * next one is tried, and when one works the peer is told which did not, so
 * that it can make them anew.  The group is the last resort: what nobody
 * acknowledges does not clear the suspicion that the failures raised.
 *
 * A datagram's source may be forged.  What a packet from another host makes
 * us send to one address by datagram is never more than came from there
 * (RELIABILITY, who may attack); streams prove an address by themselves.
 */
#include "engineInt.h"

#include "words.h"

typedef struct clu_trip {       /* one frame on its way to one service */
    clu_engine *e;
    clu_service *s;             /* held */
    clu_slice frame;
    clu_ticket ticket;
    clu_ms now;
    unsigned used;              /* the transport that took it */
} clu_trip;

static unsigned transport_named(const clu_engine *e, clu_slice name)
{
    unsigned i = 0;
    while (i < e->transport_count
           && (name.n == 0 || name.p[0] != (uint8_t)e->transports[i]->name[0]
               || !clu_slice_eq(name,
                                clu_slice_str(e->transports[i]->name)))) {
        i++;
    }
    return i;
}

/* Where the service says it listens for this transport.  Before it said so
   there may still be a connection it made, so no port is no refusal. */
static void aim(const clu_engine *e, clu_service *s, unsigned index,
                clu_buf *scratch, clu_target *to)
{
    const clu_transport *t = e->transports[index];
    *to = (clu_target){ .service = s->id, .kin = s->kin };
    if (t->multicast) {
        return;
    }
    clu_spot spot = clu_service_spot(s, index, e->transport_count, t->name,
                                     scratch);
    to->addr = s->addr;
    to->addr.port = spot.port;
    if (t->local_only) {
        to->path = spot.path;
    }
    if (s->local && to->addr.family != 4 && to->addr.family != 6) {
        to->addr = (clu_address){ .family = 4, .ip = { 127, 0, 0, 1 },
                                  .port = to->addr.port };
    }
}

static bool can_pay(const clu_service *s, size_t bytes)
{
    return s->local || bytes <= s->credit;
}

static void pay(clu_service *s, size_t bytes)
{
    s->credit -= bytes < s->credit ? bytes : s->credit;
}

/* The last one to be asked: may this frame go by this transport? */
static clu_err ask_depart(clu_engine *e, const clu_transport *t,
                          clu_service *s, clu_slice frame)
{
    if (!clu_wants(e, CLU_ASK_DEPART)) {
        return CLU_OK;
    }
    clu_question q = { .what = CLU_ASK_DEPART, .frame = frame, .service = s,
                       .via = t };
    clu_err err = e->patron.ask(e->patron.ctx, &q);
    bool gone = e->left || (s != NULL && s->state == CLU_SERVICE_GONE);
    return gone ? CLU_GONE : err;
}

/*
 * Tricky because a hook, and a transport that is a script, may do anything:
 * 1. leave the cluster, so `busy` keeps the transports; 2. let the loop run
 * and the service change, so its address is looked at behind the hook.
 */
static clu_err hand_over(clu_trip *trip, unsigned index, bool *nowhere)
{
    clu_engine *e = trip->e;
    clu_transport *t = e->transports[index];
    clu_buf scratch;
    clu_target to;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_PROPS]);
    e->busy++;
    clu_err err = ask_depart(e, t, trip->s, trip->frame);
    if (err == CLU_OK) {
        aim(e, trip->s, index, &scratch, &to);
        *nowhere = to.addr.port == 0 && to.path.n == 0 && !t->multicast
            && !t->finds;
        err = t->ops->send(t, &to, trip->frame, &trip->ticket, trip->now);
    }
    e->busy--;
    clu_buf_fini(&scratch);
    return err;
}

#define LARGE 32768             /* bytes of a frame */

/*
 * Who accepts a connection closes it when its first packet is beyond what a
 * stranger may send (-maxunproven), and a frame that has left in part is never
 * repeated.  So a heartbeat goes before a large one.
 */
static clu_err introduce(clu_trip *trip, unsigned index)
{
    clu_engine *e = trip->e;
    clu_packet p = { 0 }, *packet = &p, *owned = NULL;
    clu_buf scratch;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    clu_err err = clu_compose_beacon(e, &p, CLU_TYPE_HEARTBEAT, 0, true, true,
                                     &scratch);
    if (err == CLU_OK) {
        err = clu_engine_ask_send(e, &packet, &owned, &trip->s->id, 1, false);
    }
    if (err == CLU_OK && trip->s->state != CLU_SERVICE_GONE) {
        clu_route_send(e, trip->s, packet, 1u << index, 0, CLU_ROUTE_QUIET,
                       trip->now, NULL);
    }
    clu_free(owned);
    clu_buf_fini(&scratch);
    return e->left || trip->s->state == CLU_SERVICE_GONE ? CLU_GONE : CLU_OK;
}

static clu_err attempt(clu_trip *trip, unsigned index)
{
    clu_engine *e = trip->e;
    clu_transport *t = e->transports[index];
    bool reply = (trip->ticket.flags & CLU_ROUTE_REPLY) && t->datagram
        && !t->multicast;
    if (reply && !can_pay(trip->s, trip->frame.n)) {
        return CLU_LIMIT;
    }
    bool nowhere = false;
    clu_err err = CLU_OK;
    if (trip->frame.n > LARGE && !t->datagram) {
        err = introduce(trip, index);
    }
    if (err == CLU_OK) {
        err = hand_over(trip, index, &nowhere);
    }
    if (err == CLU_OK) {
        if (reply) {
            pay(trip->s, trip->frame.n);
        }
        trip->used = index;
        return CLU_OK;
    }
    if (err != CLU_VALUE && !(nowhere && err == CLU_UNREACHABLE)
        && !(err == CLU_LIMIT && t->datagram)) {
        trip->ticket.tried |= 1u << index;      /* it should have worked */
    }
    return err;
}

static bool may_try(const clu_trip *trip, unsigned index)
{
    const clu_engine *e = trip->e;
    return index < e->transport_count && !e->left
        && trip->s->state != CLU_SERVICE_GONE
        && !((trip->ticket.tried >> index) & 1u)
        && ((trip->ticket.allowed >> index) & 1u)
        && (trip->s->local || !e->transports[index]->local_only);
}

static void send_report(clu_trip *trip, clu_slice data)
{
    clu_engine *e = trip->e;
    clu_packet p = { 0 }, *packet = &p, *owned;
    clu_engine_head(e, &p, CLU_TYPE_FAILURE, 0);
    clu_packet_text(&p, CLU_FIELD_data, data);
    clu_err err = clu_engine_ask_send(e, &packet, &owned, &trip->s->id, 1,
                                      false);
    if (err == CLU_OK && trip->s->state != CLU_SERVICE_GONE) {
        clu_route_send(e, trip->s, packet, 1u << trip->used, 0,
                       CLU_ROUTE_QUIET, trip->now, NULL);
    }
    clu_free(owned);
}

/* Says over the transport that worked which ones did not. */
static void report_failure(clu_trip *trip)
{
    clu_engine *e = trip->e;
    clu_buf names, data;
    clu_buf_init(&names, 1024);
    clu_buf_init(&data, 2048);
    for (unsigned i = 0; i < e->transport_count; i++) {
        if ((trip->ticket.tried >> i) & 1u) {
            clu_words_add(&names, clu_slice_str(e->transports[i]->name));
        }
    }
    clu_words_add(&data, clu_slice_str("protocols"));
    clu_words_add(&data, clu_buf_slice(&names));
    if (names.err == CLU_OK && data.err == CLU_OK) {
        clu_count(e, CLU_COUNT_fallbacks);
        send_report(trip, clu_buf_slice(&data));
    }
    clu_buf_fini(&names);
    clu_buf_fini(&data);
}

/* What came of it: a report, a suspicion, or nothing to say. */
static void settle(clu_trip *trip, clu_err err)
{
    if ((trip->ticket.flags & CLU_ROUTE_QUIET) || trip->ticket.tried == 0) {
        return;
    }
    bool reached = err == CLU_OK;
    if (!reached || trip->e->transports[trip->used]->multicast) {
        clu_liveness_unreached(trip->e, trip->s, trip->now);
    }
    if (reached) {
        report_failure(trip);
    }
}

static bool is_full(const clu_trip *trip, unsigned index, clu_err err)
{
    return err == CLU_LIMIT && !trip->e->transports[index]->datagram;
}

/* The transports the peer names, in its order: taken down before any is tried,
   since the peer may name others while a hook lets the loop run. */
static unsigned preference(const clu_trip *trip,
                           uint8_t order[CLU_TRANSPORTS_MAX])
{
    clu_slice wire = trip->s->protocols.wire, name;
    uint32_t seen = 0;
    unsigned count = 0;
    while (clu_items_next(&wire, &name) == CLU_OK) {
        unsigned i = transport_named(trip->e, name);
        if (i < trip->e->transport_count && !((seen >> i) & 1u)) {
            seen |= 1u << i;
            order[count++] = (uint8_t)i;
        }
    }
    return count;
}

/*
 * Tries one protocol after the other, the group last.  *ended: what came is
 * the answer, good or bad; a full queue is, since what stands before this
 * frame must not be overtaken on another way.
 */
static clu_err try_each(clu_trip *trip, bool *ended)
{
    clu_engine *e = trip->e;
    clu_err err = CLU_UNREACHABLE;
    uint8_t order[CLU_TRANSPORTS_MAX];
    unsigned count = preference(trip, order);
    for (int last_resort = 0; last_resort < 2; last_resort++) {
        for (unsigned at = 0; at < count; at++) {
            unsigned i = order[at];
            if (!may_try(trip, i)
                || e->transports[i]->multicast != (last_resort == 1)) {
                continue;
            }
            err = attempt(trip, i);
            *ended = err == CLU_OK || is_full(trip, i, err) || e->left
                || trip->s->state == CLU_SERVICE_GONE;
            if (*ended) {
                return err;
            }
        }
    }
    return err;
}

static clu_err carry(clu_trip *trip)
{
    clu_engine *e = trip->e;
    bool ended = false;
    clu_err err = try_each(trip, &ended);
    if (!ended && (trip->ticket.flags & CLU_ROUTE_THEN_ANY)) {
        trip->ticket.flags &= (uint8_t)~CLU_ROUTE_THEN_ANY;
        trip->ticket.allowed = CLU_SEND_ANY;
        err = try_each(trip, &ended);
    }
    if (e->left || trip->s->state == CLU_SERVICE_GONE) {
        return err;
    }
    if (!ended) {
        clu_count(e, CLU_COUNT_unreachable);
    }
    if (!ended || err == CLU_OK) {
        settle(trip, err);
    }
    return err;
}

/* The filter that names only this service, unless it has one already; in wire
   form in place, which has room for the longest sid. */
static bool add_filter(clu_packet *p, const clu_service *s,
                       unsigned char place[CLU_VARINT_MAX + CLU_SERVICE_ID_MAX])
{
    if (clu_packet_has(p, CLU_FIELD_filter)) {
        return false;
    }
    clu_slice sid = clu_service_sid(s);
    size_t n = clu_varint_write(place, sid.n);
    memcpy(place + n, sid.p, sid.n);
    clu_items filter = { .count = 1, .wire = { place, n + sid.n } };
    clu_packet_list(p, CLU_FIELD_filter, filter);
    if (p->at[CLU_FIELD_type].number == CLU_TYPE_QUERY) {
        clu_packet_first(p, CLU_FIELD_filter);  /* WIRE-ORIGINAL 6 */
    }
    return true;
}

static clu_err encode_for(clu_packet *p, clu_service *s, clu_buf *frame)
{
    unsigned char place[CLU_VARINT_MAX + CLU_SERVICE_ID_MAX];
    bool added = add_filter(p, s, place);
    clu_err err = clu_packet_encode(p, frame);
    if (added) {
        clu_packet_remove(p, CLU_FIELD_filter);
    }
    return err;
}

clu_err clu_route_send(clu_engine *e, clu_service *s, clu_packet *p,
                       uint32_t allowed, uint64_t cookie, uint8_t flags,
                       clu_ms now, unsigned *used)
{
    clu_buf frame = clu_engine_take(e);
    clu_err err = encode_for(p, s, &frame);
    if (err == CLU_OK) {
        clu_service_hold(s);
        clu_trip trip = { .e = e, .s = s, .frame = clu_buf_slice(&frame),
                          .ticket = { .service = s->id, .cookie = cookie,
                                      .allowed = allowed, .flags = flags },
                          .now = now };
        err = carry(&trip);
        if (err == CLU_OK && used != NULL) {
            *used = trip.used;
        }
        clu_service_release(s);
    }
    clu_engine_give(e, &frame);
    return err;
}

void clu_route_undelivered(clu_engine *e, const clu_arrival *a, clu_ms now)
{
    clu_service *s = clu_table_find_id(&e->table, a->ticket.service);
    if (s == NULL) {
        return;                 /* its queries were told when it was lost */
    }
    clu_service_hold(s);
    clu_trip trip = { .e = e, .s = s, .frame = a->bytes, .ticket = a->ticket,
                      .now = now };
    for (unsigned i = 0; i < e->transport_count; i++) {
        if (e->transports[i] == a->via) {
            trip.ticket.tried |= 1u << i;
        }
    }
    clu_err err = carry(&trip);
    if (err != CLU_OK && (trip.ticket.flags & CLU_ROUTE_QUERY)) {
        clu_query_failed(e, trip.ticket.cookie, s, err);
    } else if (err != CLU_OK && !(trip.ticket.flags & CLU_ROUTE_QUIET)) {
        clu_news news = { .what = CLU_NEWS_FAILED, .service = s,
                          .query = trip.ticket.cookie, .err = err };
        clu_engine_tell(e, &news);
    }
    clu_service_release(s);
}

/* ---- datagrams ----------------------------------------------------------- */

static clu_err to_address(clu_engine *e, clu_slice frame,
                          const clu_address *to, clu_service *s, clu_ms now)
{
    if (e->group >= e->transport_count) {
        return CLU_UNREACHABLE;
    }
    clu_transport *t = e->transports[e->group];
    clu_target target = { .service = s != NULL ? s->id : 0 };
    if (to != NULL) {
        target.addr = *to;      /* a copy: a hook may move the service */
    }
    clu_ticket ticket = { .service = target.service };
    e->busy++;
    clu_err err = ask_depart(e, t, s, frame);
    if (err == CLU_OK) {
        err = t->ops->send(t, &target, frame, &ticket, now);
    }
    e->busy--;
    return err;
}

clu_err clu_route_datagram(clu_engine *e, clu_service *s, clu_packet *p,
                           const clu_address *to, clu_ms now)
{
    clu_buf frame = clu_engine_take(e);
    clu_err err = encode_for(p, s, &frame);
    if (err == CLU_OK
        && (frame.n > (size_t)e->config.limits.at[CLU_LIMIT_DATAGRAM]
            || !can_pay(s, frame.n))) {
        err = CLU_LIMIT;
    }
    if (err == CLU_OK) {
        pay(s, frame.n);
        err = to_address(e, clu_buf_slice(&frame), to, s, now);
    }
    clu_engine_give(e, &frame);
    return err;
}

clu_err clu_route_group(clu_engine *e, clu_packet *p, bool must_fit,
                        clu_ms now)
{
    clu_buf frame = clu_engine_take(e);
    clu_err err = clu_packet_encode(p, &frame);
    if (err == CLU_OK && must_fit
        && frame.n > (size_t)e->config.limits.at[CLU_LIMIT_DATAGRAM]) {
        clu_count(e, CLU_COUNT_oversized);
        err = CLU_LIMIT;
    }
    if (err == CLU_OK) {
        err = to_address(e, clu_buf_slice(&frame), NULL, NULL, now);
    }
    clu_engine_give(e, &frame);
    return err;
}
