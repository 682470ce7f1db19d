/*
 * wire_test.c -- what the engine sends has the form originals send.
 *
 * The recorded packets are taken apart; data and known, where ours say other
 * things (ports, the key of our kind), are put in their place, and the bytes
 * must then be the same: all other values, and the order of all fields.
 */
#include "check.h"
#include "frame.h"
#include "sim.h"

static const struct { const char *name, *hex; } recorded[] = {
#include "../vectors/packets.inc"
};

typedef struct wire {           /* a cluster, and the last frame of "us" */
    sim s;
    sim_member *us;
    unsigned char frame[4096], body[4096];
    size_t n;
    uint64_t type;              /* only frames of this type are kept */
} wire;

static clu_slice body_of(clu_slice frame, unsigned char *room)
{
    clu_slice body = clu_slice_str("");
    size_t need;
    clu_frame_loss loss = { 0 };
    clu_frame_next(&frame, 1 << 20, &body, &need, &loss);
    if (body.n > 0) {
        memcpy(room, body.p, body.n);
    }
    return clu_slice_of(room, body.n);
}

static void decode(clu_slice frame, unsigned char *room, clu_packet *p)
{
    clu_limits limits;
    clu_limits_init(&limits);
    CHECK_ERR(clu_packet_decode(body_of(frame, room), &limits, NULL, NULL, p),
              CLU_OK);
}

static void tap(void *ctx, uint16_t from, uint16_t to, const char *name,
                clu_slice frame)
{
    wire *w = ctx;
    clu_packet p;
    (void)to;
    (void)name;
    if (w->us != NULL && from == w->us->port && frame.n <= sizeof w->frame) {
        decode(frame, w->body, &p);
        if (p.at[CLU_FIELD_type].number == w->type) {
            memcpy(w->frame, frame.p, frame.n);
            w->n = frame.n;
        }
    }
}

static void start(wire *w)
{
    *w = (wire){ .type = UINT64_MAX };
    sim_init(&w->s, 1);
    w->s.protocols = "utc";
    clu_net_watch(w->s.net, tap, w);
    w->s.sid = "abcd1234";
    w->us = sim_add(&w->s);
}

static sim_member *befriend(wire *w, const char *sid)
{
    w->s.sid = sid;
    sim_member *m = sim_start(&w->s);
    sim_advance(&w->s, 10);
    return m;
}

/* Is what we sent the recorded packet, but for the fields given? */
static void check_form(wire *w, const char *name, uint32_t but)
{
    check_about("%s", name);
    unsigned char bytes[4096], body[4096];
    size_t n = 0;
    for (size_t i = 0; i < CLU_COUNT_OF(recorded); i++) {
        if (strcmp(recorded[i].name, name) == 0) {
            const char *hex = recorded[i].hex;
            for (; hex[2 * n]; n++) {
                unsigned byte;
                sscanf(hex + 2 * n, "%2x", &byte);
                bytes[n] = (unsigned char)byte;
            }
        }
    }
    CHECK(n > 0 && w->n > 0);
    clu_packet theirs, ours;
    decode(clu_slice_of(bytes, n), body, &theirs);
    decode(clu_slice_of(w->frame, w->n), w->body, &ours);
    for (uint8_t i = 0; i < theirs.count; i++) {
        if ((but >> theirs.order[i]) & 1u) {
            theirs.at[theirs.order[i]] = ours.at[theirs.order[i]];
        }
    }
    clu_buf again;
    clu_buf_init(&again, 4096);
    clu_packet_encode(&theirs, &again);
    CHECK_BYTES(clu_slice_of(w->frame, w->n), clu_buf_slice(&again));
    if (but == 0) {
        CHECK_BYTES(clu_slice_of(w->frame, w->n), clu_slice_of(bytes, n));
    }
    clu_buf_fini(&again);
    w->n = 0;
    check_about("%s", "");
}

#define DATA (1u << CLU_FIELD_data)
#define KNOWN (1u << CLU_FIELD_known)

TEST("wire-1.1 heartbeats have the recorded form")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_HEARTBEAT;
    clu_engine_heartbeat(w.us->engine, false, false, 0, w.s.now);
    sim_advance(&w.s, 1);
    check_form(&w, "type1/heartbeat_plain", 0);
    clu_engine_heartbeat(w.us->engine, false, false, 5, w.s.now);
    sim_advance(&w.s, 1);
    check_form(&w, "type1/heartbeat_channel5", 0);
    clu_engine_heartbeat(w.us->engine, true, false, 0, w.s.now);
    sim_advance(&w.s, 1);
    check_form(&w, "type1/heartbeat_protoprops_only", DATA);
    sim_tag(w.us, "web one");
    clu_engine_heartbeat(w.us->engine, true, true, 0, w.s.now);
    sim_advance(&w.s, 1);
    check_form(&w, "type1/heartbeat_first", DATA);
    sim_fini(&w.s);
}

TEST("wire-1.2 tags alone come with empty data")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_HEARTBEAT;
    sim_tag(w.us, "web");
    clu_engine_heartbeat_at(w.us->engine, w.s.now, true);
    sim_advance(&w.s, 1);
    clu_packet p;
    decode(clu_slice_of(w.frame, w.n), w.body, &p);
    CHECK(clu_packet_has(&p, CLU_FIELD_data));
    CHECK_EQ(p.at[CLU_FIELD_data].text.n, 0);
    CHECK_EQ(p.at[CLU_FIELD_tags].list.count, 1);
    sim_fini(&w.s);
}

TEST("wire-1.3 a ping has the recorded form")
{
    wire w;
    start(&w);
    clu_from from = sim_from(23000);
    static const char *const sids[] = { "zzzz9999", "yyyy8888" };
    for (size_t i = 0; i < CLU_COUNT_OF(sids); i++) {
        clu_packet p;
        sim_head(&p, sids[i], CLU_TYPE_HEARTBEAT);
        sim_receive_packet(w.us, "c", &from, &p);
        clu_transport *t = clu_engine_transport(w.us->engine, 0);
        clu_arrival a = { .what = CLU_ARRIVED_REFUSED, .via = t,
                          .service = sim_find(w.us, sids[i])->id };
        clu_engine_receive(w.us->engine, &a, w.s.now);
    }
    w.type = CLU_TYPE_PING;
    sim_advance(&w.s, 200);
    check_form(&w, "type3/ping_two", KNOWN);
    sim_fini(&w.s);
}

static clu_err ask(wire *w, const char *id, const char *data, bool group)
{
    uint64_t ids[8];
    size_t count = 0;
    clu_table *t = clu_engine_table(w->us->engine);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        ids[count++] = CLU_SERVICE_OF(l)->id;
    }
    clu_packet p = { 0 };
    clu_engine_head(w->us->engine, &p, CLU_TYPE_QUERY, group ? 2 : 0);
    sim_text(&p, CLU_FIELD_data, data);
    clu_ask_many many = { .id = clu_slice_str(id), .services = ids,
                          .count = count, .packet = &p, .group = group,
                          .allowed = CLU_SEND_ANY, .timeout = 1000 };
    uint64_t handle;
    clu_err err = clu_engine_query(w->us->engine, &many, w->s.now, &handle);
    CHECK(!clu_packet_has(&p, CLU_FIELD_filter));
    CHECK_SLICE(p.at[CLU_FIELD_ruid].text, id);
    return err;
}

TEST("wire-1.4 questions have the recorded form, to one and to many")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_QUERY;
    sim_member *first = befriend(&w, "zzzz9999");
    CHECK_ERR(ask(&w, "qac4", " set ::var ", false), CLU_OK);
    sim_advance(&w.s, 10);
    check_form(&w, "type4/query", 0);
    CHECK_EQ(sim_told(first, CLU_NEWS_QUERY, "abcd1234"), 1);
    befriend(&w, "yyyy8888");
    befriend(&w, "xxxx7777");
    CHECK_ERR(ask(&w, "qac#4", "list 1 2", true), CLU_OK);
    sim_advance(&w.s, 10);
    check_form(&w, "type4/query_many", 0);
    CHECK_EQ(sim_told(w.us, CLU_NEWS_ANSWER, NULL), 4);
    sim_fini(&w.s);
}

TEST("wire-1.5 answers have the recorded form")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_RESPONSE;
    sim_member *asker = befriend(&w, "zzzz9999");
    static const char *const data[] = { "Hello,", "" };
    static const char *const names[] = { "type5/response",
                                         "type5/response_empty" };
    for (size_t i = 0; i < 2; i++) {
        sim_join(w.us);
        sim_advance(&w.s, 10);
        wire them = w;
        them.us = asker;
        CHECK_ERR(ask(&them, "qac#4", data[i], false), CLU_OK);
        sim_advance(&w.s, 10);
        check_form(&w, names[i], 0);
    }
    sim_fini(&w.s);
}

static void send_event(wire *w, const char *ruid, uint64_t channel,
                       const char *data, bool group)
{
    uint64_t ids[8];
    size_t count = 0;
    clu_table *t = clu_engine_table(w->us->engine);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        ids[count++] = CLU_SERVICE_OF(l)->id;
    }
    clu_packet p = { 0 };
    clu_engine_head(w->us->engine, &p, CLU_TYPE_EVENT, channel);
    if (ruid != NULL) {
        sim_text(&p, CLU_FIELD_ruid, ruid);
    }
    sim_text(&p, CLU_FIELD_data, data);
    clu_outgoing out = { .packet = &p, .services = ids, .count = count,
                         .group = group, .allowed = CLU_SEND_ANY };
    CHECK_ERR(clu_engine_send(w->us->engine, &out, w->s.now), CLU_OK);
    sim_advance(&w->s, 10);
}

TEST("wire-1.6 events have the recorded form, to one and to many")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_EVENT;
    befriend(&w, "zzzz9999");
    send_event(&w, NULL, 0, "hello world", false);
    check_form(&w, "type6/event", 0);
    send_event(&w, "MY_EVENT", 7, "hello world", false);
    check_form(&w, "type6/event_ruid", 0);
    befriend(&w, "yyyy8888");
    befriend(&w, "xxxx7777");
    befriend(&w, "wwww6666");
    send_event(&w, NULL, 0, "hi", true);
    check_form(&w, "type6/event_broadcast_filter", 0);
    sim_fini(&w.s);
}

TEST("wire-1.7 a failure report has the recorded form")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_FAILURE;
    befriend(&w, "zzzz9999");
    clu_net_spoil(w.s.net, w.us->port, "u", CLU_NET_BROKEN);
    clu_net_spoil(w.s.net, w.us->port, "t", CLU_NET_BROKEN);
    send_event(&w, NULL, 0, "hi", false);
    check_form(&w, "type8/failed", 0);
    sim_fini(&w.s);
}

TEST("wire-1.8 an answer to a discovery has the recorded form, without ruid")
{
    wire w;
    start(&w);
    w.type = CLU_TYPE_HEARTBEAT;
    sim_tag(w.us, "web one");
    befriend(&w, "zzzz9999");
    sim_advance(&w.s, 10);
    clu_packet p;
    decode(clu_slice_of(w.frame, w.n), w.body, &p);
    static const unsigned char order[] = { 4, 3, 1, 2, 7, 10, 5, 12, 14 };
    CHECK_BYTES(clu_slice_of(p.order, p.count),
                clu_slice_of(order, sizeof order));
    sim_fini(&w.s);
}
