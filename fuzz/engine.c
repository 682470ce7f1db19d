/*
 * engine.c -- fuzz: a membership that is told, asked and starved at random.
 *
 * The input is a program of small steps for the first of two members on a
 * loopback net: packets made of a few names or of raw bytes, time, arrivals
 * of every kind, calls of the interface, allocations that fail.  What is
 * asked and told inside a step is answered by calls drawn from the input.
 */
#include "sim.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

/* ---- the input ----------------------------------------------------------- */

static clu_slice input;

static unsigned take(unsigned below)
{
    if (input.n == 0) {
        return 0;
    }
    unsigned value = input.p[0];
    input = clu_slice_of(input.p + 1, input.n - 1);
    return value % below;
}

static clu_slice take_bytes(size_t n)
{
    n = n < input.n ? n : input.n;
    clu_slice bytes = clu_slice_of(input.p, n);
    input = clu_slice_of(input.p + n, input.n - n);
    return bytes;
}

static const char *take_name(void)
{
    static const char *const names[] = { "m1", "x1", "x2", "x3", "x4", "x5",
                                         "m0", "a b", "{x", "" };
    return names[take(CLU_COUNT_OF(names))];
}

static const char *take_text(void)
{
    static const char *const texts[] = {
        "t {port 9} caps 2", "t {port 9}", "m0", "m0 m1 x1", "protocols t",
        "protocols {t c u}", "services {m1 x1}", "{", "a b c d", "", "caps 2",
        "t {port 99999999999} u {path /no/x}", "localhost", "web",
    };
    return texts[take(CLU_COUNT_OF(texts))];
}

/* ---- what happens to the member ------------------------------------------ */

static sim *world;
static sim_member *us;
static unsigned depth;

static clu_service *any_service(void)
{
    clu_list *order = &clu_engine_table(us->engine)->order;
    clu_list *l = order->next;
    for (unsigned n = take(4); n > 0 && l->next != order; n--) {
        l = l->next;
    }
    return l == order ? NULL : CLU_SERVICE_OF(l);
}

static clu_from take_from(void)
{
    unsigned how = take(16);
    clu_from from = sim_from((uint16_t)(40000 + take(3)));
    from.local = how & 1u;
    from.group = how & 2u;
    from.addr.ip[3] = (uint8_t)(1 + take(3));
    if (how & 4u) {
        from.link = 1 + take(3);
        clu_service *s = any_service();
        from.service = (how & 8u) && s ? s->id : 0;
    }
    return from;
}

static clu_transport *take_transport(void)
{
    return clu_engine_transport(us->engine, take(2));
}

static void receive_bytes(void)
{
    clu_from from = take_from();
    const char *via = take(2) ? "t" : "c";
    sim_receive(us, via, &from, take_bytes(take(256)));
}

static void receive_packet(void)
{
    clu_packet p;
    clu_from from = take_from();
    sim_head(&p, take_name(), (clu_type)take(CLU_TYPE_COUNT + 1));
    unsigned what = take(256);
    if (what & 1u) {
        sim_text(&p, CLU_FIELD_data, take_text());
    }
    if (what & 2u) {
        clu_packet_list(&p, CLU_FIELD_tags, sim_list(take_text()));
    }
    if (what & 4u) {
        clu_packet_number(&p, CLU_FIELD_channel, take(4));
    }
    if (what & 8u) {
        sim_text(&p, CLU_FIELD_ruid, take_text());
    }
    if (what & 16u) {
        clu_packet_list(&p, CLU_FIELD_filter, sim_list(take_text()));
    }
    if (what & 32u) {
        clu_packet_number(&p, CLU_FIELD_known, take(256));
    }
    if (what & 64u) {
        sim_text(&p, CLU_FIELD_error, take_text());
    }
    if (what & 128u) {
        clu_packet_number(&p, CLU_FIELD_keepalive, 1);
    }
    sim_receive_packet(us, take(2) ? "t" : "c", &from, &p);
}

static void arrive_otherwise(void)
{
    clu_service *s = any_service();
    uint64_t id = s ? s->id : take(8);
    clu_arrival a = { .what = (clu_arrived)(1 + take(5)),
                      .via = take_transport(), .from = take_from(),
                      .service = id, .last = take(2), .why = CLU_CLOSED,
                      .count = take(256) };
    a.ticket = (clu_ticket){ .service = id, .cookie = take(4),
                             .tried = take(4), .allowed = CLU_SEND_ANY,
                             .flags = (uint8_t)take(256) };
    a.bytes = take_bytes(take(64));
    clu_engine_receive(us->engine, &a, world->now);
}

static void call(void)
{
    clu_service *s = any_service();
    clu_buf out;
    switch (take(10)) {
    case 0: sim_tag(us, take_text()); break;
    case 1:
        if (s != NULL) {
            sim_event(us, s, take_text());
        }
        break;
    case 2: sim_query(us, s, take_text(), take(100) * 10, NULL); break;
    case 3: clu_engine_heartbeat(us->engine, take(2), take(2), take(4),
                                 world->now); break;
    case 4: clu_engine_discover(us->engine, take(4), world->now); break;
    case 5: clu_engine_channel(us->engine, take(4), take(2)); break;
    case 6: clu_engine_forget(us->engine, s ? s->id : 7); break;
    case 7: clu_engine_query_end(us->engine, take(8)); break;
    case 8:
        clu_engine_config(us->engine)->ttl = 1000 * (1 + take(50));
        clu_engine_reconsider(us->engine, world->now);
        break;
    default:
        clu_buf_init(&out, 4096);
        clu_engine_props(us->engine, &out);
        clu_buf_fini(&out);
        break;
    }
}

/* From inside: as a script would, it calls back, at most so deep. */
static void interfere(void)
{
    if (depth < 3 && take(4) == 1) {
        depth++;
        if (take(16) == 1) {
            clu_engine_leave(us->engine, world->now);
        } else {
            call();
        }
        depth--;
    }
}

static clu_err on_ask(sim_member *m, clu_question *q)
{
    if (m != us || input.n == 0) {
        return CLU_OK;
    }
    interfere();
    if (take(8) == 1) {
        return CLU_VETO;
    }
    if (q->what == CLU_ASK_ARRIVED && q->frame.n > 0 && take(8) == 1) {
        q->frame.n -= take(2);
        q->frame_owned = clu_memdup(q->frame.p, q->frame.n);
        if (q->frame_owned != NULL) {
            q->frame.p = q->frame_owned;
        }
    } else if (q->packet != NULL && take(8) == 1 && q->owned == NULL) {
        clu_packet *copy = clu_packet_copy(q->packet);
        if (copy != NULL) {
            q->packet = q->owned = copy;
        }
    }
    return CLU_OK;
}

static void on_told(sim_member *m, const clu_news *news)
{
    (void)news;
    if (m == us) {
        interfere();
    }
}

static void check_bounds(void)
{
    const clu_table *t = clu_engine_table(us->engine);
    const clu_limits *limits = &clu_engine_config(us->engine)->limits;
    check((int64_t)t->count <= limits->at[CLU_LIMIT_SERVICES]);
    check((int64_t)t->weight <= limits->at[CLU_LIMIT_MEMORY]);
    check((int64_t)clu_engine_open_queries(us->engine)
          <= limits->at[CLU_LIMIT_QUERIES]);
}

static void step(void)
{
    switch (take(10)) {
    case 0: receive_bytes(); break;
    case 1: case 2: case 3: receive_packet(); break;
    case 4: arrive_otherwise(); break;
    case 5: call(); break;
    case 6: sim_advance(world, take(200)); break;
    case 7: sim_advance(world, take(200) * 100); break;
    case 8: clu_alloc_fail_at(take(32), take(8) == 1); break;
    default:
        us->holds = !us->holds;
        sim_answer_held(us);
        break;
    }
    check_bounds();
    sim_forget(world);
}

static void tighten(clu_engine *e)
{
    clu_config *config = clu_engine_config(e);
    config->limits.at[CLU_LIMIT_SERVICES] = 5;
    config->limits.at[CLU_LIMIT_SOURCE] = 2;
    config->limits.at[CLU_LIMIT_QUERIES] = 3;
    config->limits.at[CLU_LIMIT_TAGS] = 3;
    config->limits.at[CLU_LIMIT_MEMORY] = 20000;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    /* An input is the same run in every process: its hashes are its own. */
    uint64_t key = size;
    for (size_t i = 0; i < size; i++) {
        key = key * 31 + data[i];
    }
    clu_hash_key(key, 0);
    sim s;
    sim_init(&s, 1);
    input = clu_slice_of(data, size);
    s.ttl = 20 * SIM_SECOND;
    s.heartbeat = 5 * SIM_SECOND;
    world = &s;
    us = sim_start(&s);
    check(us != NULL && sim_start(&s) != NULL);
    tighten(us->engine);
    clu_engine_config(us->engine)->remote = take(2);
    clu_engine_patron(us->engine)->asks = take(64);
    sim_advance(&s, 10);
    us->ask = on_ask;
    us->told = on_told;
    while (input.n > 0) {
        step();
    }
    clu_alloc_fail_at(0, false);
    sim_fini(&s);
    check(clu_alloc_live() == 0);
    return 0;
}
