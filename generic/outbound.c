/*
 * outbound.c -- a packet's way out: hooks, audience, answer.
 *
 * Layer: engine.  Everything we send passes clu_engine_ask_send once, before
 * it is encoded; there keys will be applied as well (DESIGN 9).
 */
#include "engineInt.h"

clu_err clu_engine_ask_send(clu_engine *e, clu_packet **packet,
                            clu_packet **owned, const uint64_t *audience,
                            size_t count, bool group)
{
    *owned = NULL;
    if (!clu_wants(e, CLU_ASK_SEND)) {
        return CLU_OK;
    }
    clu_question q = { .what = CLU_ASK_SEND, .packet = *packet,
                       .audience = audience, .audience_count = count,
                       .group = group };
    clu_err err = e->patron.ask(e->patron.ctx, &q);
    if (q.owned != NULL) {
        *packet = *owned = q.owned;
    }
    if (e->left) {
        return CLU_GONE;
    }
    return err == CLU_OK ? clu_packet_check(*packet) : err;
}

clu_err clu_engine_broadcast(clu_engine *e, clu_packet *packet, clu_ms now)
{
    if (e->left) {
        return CLU_GONE;
    }
    clu_packet *owned;
    clu_err err = clu_engine_ask_send(e, &packet, &owned, NULL, 0, true);
    if (err == CLU_OK) {
        err = clu_route_group(e, packet, false, now);
    }
    clu_free(owned);
    return err;
}

/* ---- to services --------------------------------------------------------- */

/* The sids of those who are meant, in front (WIRE-ORIGINAL 4). */
static clu_err filter_all(clu_engine *e, const clu_outgoing *out, clu_buf *wire)
{
    clu_items filter = { 0 };
    if (out->count > (size_t)e->config.limits.at[CLU_LIMIT_LIST_ITEMS]) {
        return CLU_LIMIT;       /* nobody would read so long a list */
    }
    for (size_t i = 0; i < out->count; i++) {
        clu_service *s = clu_table_find_id(&e->table, out->services[i]);
        if (s != NULL) {
            clu_err err = clu_items_add(wire, &filter, clu_service_sid(s));
            if (err != CLU_OK) {
                return err;
            }
        }
    }
    if (filter.count == 0 && out->count > 0) {
        return CLU_GONE;
    }
    if (filter.count > 0) {
        clu_packet_list(out->packet, CLU_FIELD_filter, filter);
        clu_packet_first(out->packet, CLU_FIELD_filter);
    }
    return CLU_OK;
}

static void all_alike(const clu_outgoing *out, clu_err err, unsigned used)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->outcomes != NULL) {
            out->outcomes[i] = err;
        }
        if (out->used != NULL) {
            out->used[i] = (uint8_t)used;
        }
    }
}

static clu_err send_group(clu_engine *e, clu_outgoing *out, clu_ms now)
{
    clu_buf wire;
    clu_buf_init(&wire, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    clu_packet *packet = out->packet, *owned = NULL;
    clu_err err = CLU_OK;
    bool filtered = clu_packet_has(packet, CLU_FIELD_filter);
    if (!filtered) {
        err = filter_all(e, out, &wire);
    }
    if (err == CLU_OK) {
        err = clu_engine_ask_send(e, &packet, &owned, out->services,
                                  out->count, true);
    }
    if (err == CLU_OK) {
        err = clu_route_group(e, packet, out->must_fit, now);
    }
    clu_free(owned);
    if (!filtered) {
        clu_packet_remove(out->packet, CLU_FIELD_filter);
    }
    clu_buf_fini(&wire);
    all_alike(out, err, err == CLU_OK ? e->group : CLU_TRANSPORTS_MAX);
    return err;
}

static clu_err send_each(clu_engine *e, clu_outgoing *out, clu_packet *packet,
                         clu_ms now)
{
    clu_err last = CLU_GONE;
    bool any = false;
    uint8_t flags = out->cookie ? CLU_ROUTE_QUERY : 0;
    for (size_t i = 0; i < out->count && !e->left; i++) {
        clu_service *s = clu_table_find_id(&e->table, out->services[i]);
        unsigned used = CLU_TRANSPORTS_MAX;
        clu_err err = CLU_GONE;
        if (s != NULL) {
            err = clu_route_send(e, s, packet, out->allowed, out->cookie,
                                 flags, now, &used);
        }
        if (out->outcomes != NULL) {
            out->outcomes[i] = err;
        }
        if (out->used != NULL) {
            out->used[i] = (uint8_t)used;
        }
        any = any || err == CLU_OK;
        last = err;
    }
    return any ? CLU_OK : last;
}

clu_err clu_engine_send(clu_engine *e, clu_outgoing *out, clu_ms now)
{
    if (e->left) {
        return CLU_GONE;
    }
    if (out->group) {
        return send_group(e, out, now);
    }
    clu_packet *packet = out->packet, *owned;
    clu_err err = clu_engine_ask_send(e, &packet, &owned, out->services,
                                      out->count, false);
    if (err == CLU_OK) {
        err = send_each(e, out, packet, now);
    } else {
        all_alike(out, err, CLU_TRANSPORTS_MAX);
    }
    clu_free(owned);
    return err;
}

/* ---- answers ------------------------------------------------------------- */

/*
 * Over the protocol the question came by, then over any other.  A question
 * from the group is answered to its datagram's source when the asker is of
 * our kind; originals all share one port, so they get it by the group.
 */
static clu_err answer_by(clu_engine *e, clu_service *s, clu_packet *p,
                         const clu_reply *reply, clu_ms now)
{
    const clu_transport *via = clu_engine_transport(e, reply->via);
    uint32_t first = via != NULL ? 1u << reply->via : 0;
    if (via != NULL && via->multicast && s->kin && reply->source.port != 0) {
        clu_err err = clu_route_datagram(e, s, p, &reply->source, now);
        if (err == CLU_OK || e->left) {
            return err;
        }
        first = 0;              /* too large for a datagram: another way */
    }
    return clu_route_send(e, s, p, first, 0,
                          CLU_ROUTE_THEN_ANY | CLU_ROUTE_REPLY, now, NULL);
}

clu_err clu_engine_answer(clu_engine *e, const clu_reply *reply,
                          const clu_packet *question, clu_slice result,
                          bool failed, clu_ms now)
{
    clu_service *s = clu_table_find_id(&e->table, reply->service);
    if (e->left || s == NULL) {
        return CLU_GONE;
    }
    clu_packet p = { 0 };
    clu_engine_head(e, &p, CLU_TYPE_RESPONSE,
                    question->at[CLU_FIELD_channel].number);
    if (clu_packet_has(question, CLU_FIELD_ruid)) {
        clu_packet_text(&p, CLU_FIELD_ruid, question->at[CLU_FIELD_ruid].text);
    }
    if (clu_packet_has(question, CLU_FIELD_keepalive)) {
        clu_packet_number(&p, CLU_FIELD_keepalive,
                          question->at[CLU_FIELD_keepalive].number);
    }
    clu_packet_text(&p, failed ? CLU_FIELD_error : CLU_FIELD_data, result);
    clu_packet *packet = &p, *owned;
    clu_service_hold(s);
    clu_err err = clu_engine_ask_send(e, &packet, &owned, &reply->service, 1,
                                      false);
    if (err == CLU_OK && s->state != CLU_SERVICE_GONE) {
        err = answer_by(e, s, packet, reply, now);
    }
    clu_service_release(s);
    clu_free(owned);
    return err;
}
