/*
 * within_test.c -- transports, and hooks on what they carry, that leave, lose
 *                  a service or beat from within.
 */
#include "check.h"
#include "sim.h"

typedef enum { NOWHERE, SEND, PROPS, BEAT, REFRESH } place;

static place act_at;
static int acted;
static bool beats;              /* it beats instead of leaving */
static sim_pair pair;
static const clu_transport_ops *plain;

static void act(place here)
{
    if (here == act_at && acted++ == 0) {
        if (beats) {
            CHECK_ERR(clu_engine_heartbeat(pair.a->engine, false, false, 0,
                                           pair.s.now), CLU_OK);
        } else {
            sim_leave(pair.a);
        }
        CHECK(clu_engine_transport(pair.a->engine, 0) != NULL);
    }
}

static clu_err act_send(clu_transport *t, const clu_target *to,
                        clu_slice frame, const clu_ticket *ticket, clu_ms now)
{
    clu_err err = plain->send(t, to, frame, ticket, now);
    act(SEND);
    return err;
}

static clu_err act_props(clu_transport *t, clu_buf *out)
{
    clu_err err = plain->props(t, out);
    act(PROPS);
    return err;
}

static void act_beat(clu_transport *t, clu_ms now)
{
    (void)t;
    (void)now;
    act(BEAT);
}

static clu_err act_refresh(clu_transport *t, clu_ms now)
{
    clu_err err = plain->refresh(t, now);
    act(REFRESH);
    return err;
}

static const clu_transport_ops acting = {
    .send = act_send, .props = act_props, .beat = act_beat,
    .refresh = act_refresh,
};

static void begin(place where, bool beat)
{
    static clu_transport_ops ops;
    sim_pair_init(&pair, "tc");
    clu_transport *t = clu_engine_transport(pair.a->engine, 0);
    plain = t->ops;
    ops = acting;
    ops.stop = plain->stop;
    t->ops = &ops;              /* without bind and forget */
    act_at = where;
    acted = 0;
    beats = beat;
}

static clu_err provoke(place where)
{
    clu_engine *e = pair.a->engine;
    if (where == SEND) {
        return sim_event(pair.a, sim_service(pair.a, pair.b), "hi");
    }
    if (where == REFRESH) {
        clu_packet p;
        clu_from from = sim_from(1);
        sim_head(&p, "m1", CLU_TYPE_FAILURE);
        sim_text(&p, CLU_FIELD_data, "protocols {t c}");
        sim_receive_packet(pair.a, "c", &from, &p);
        return CLU_OK;
    }
    return clu_engine_heartbeat(e, true, true, 0, pair.s.now);
}

TEST("within-1.1 a transport may leave or beat inside any of its operations")
{
    static const struct { place where; bool beats; clu_err err; } cases[] = {
        { SEND, false, CLU_OK }, { SEND, true, CLU_OK },
        { PROPS, false, CLU_GONE }, { PROPS, true, CLU_OK },
        { BEAT, false, CLU_GONE }, { BEAT, true, CLU_OK },
        { REFRESH, false, CLU_OK }, { REFRESH, true, CLU_OK },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        begin(cases[i].where, cases[i].beats);
        CHECK_ERR(provoke(cases[i].where), cases[i].err);
        CHECK(acted > 0);
        CHECK_EQ(clu_engine_left(pair.a->engine), !cases[i].beats);
        clu_engine_tick(pair.a->engine, pair.s.now);
        CHECK_EQ(clu_engine_transport(pair.a->engine, 0) == NULL,
                 !cases[i].beats);
        sim_fini(&pair.s);
    }
}

TEST("within-1.2 a transport need not bind, forget or know of beats")
{
    begin(NOWHERE, false);
    clu_packet p;
    clu_from from = sim_from(40001);
    from.link = 7;
    sim_head(&p, "m1", CLU_TYPE_EVENT);
    sim_receive_packet(pair.a, "t", &from, &p);
    CHECK_EQ(sim_told(pair.a, CLU_NEWS_EVENT, "m1"), 1);
    uint64_t id = sim_service(pair.a, pair.b)->id;
    clu_engine_forget(pair.a->engine, id + 1);
    CHECK_EQ(sim_known(pair.a), 1);
    clu_engine_forget(pair.a->engine, id);
    CHECK_EQ(sim_known(pair.a), 0);
    CHECK_EQ(sim_told(pair.a, CLU_NEWS_LOST, "m1"), 1);
    sim_fini(&pair.s);
}

/* ---- hooks on what leaves ------------------------------------------------ */

static clu_type at_type;
enum { LEAVE, LOSE, VETO };
static int deed;

static clu_err do_deed(sim_member *m, clu_question *q)
{
    if (q->packet->at[CLU_FIELD_type].number != at_type || acted++ > 0) {
        return CLU_OK;
    }
    if (deed == LEAVE) {
        sim_leave(m);
    } else if (deed == LOSE) {
        clu_engine_forget(m->engine, CLU_SERVICE_OF(
            clu_engine_table(m->engine)->order.next)->id);
    }
    return deed == VETO ? CLU_VETO : CLU_OK;
}

static void hook(clu_type type, int what)
{
    sim_pair_init(&pair, "tc");
    pair.a->ask = do_deed;
    clu_engine_patron(pair.a->engine)->asks = 1u << CLU_ASK_SEND;
    at_type = type;
    deed = what;
    acted = 0;
}

TEST("within-2.1 a large frame waits for the heartbeat before it, or goes")
{
    static char data[40000];
    memset(data, 'x', sizeof data - 1);
    static const clu_err errs[] = { CLU_GONE, CLU_GONE, CLU_OK };
    for (int i = LEAVE; i <= VETO; i++) {
        check_about("deed %d", i);
        hook(CLU_TYPE_HEARTBEAT, i);
        CHECK_ERR(sim_event(pair.a, sim_service(pair.a, pair.b), data),
                  errs[i]);
        CHECK_EQ(acted > 0, true);
        sim_advance(&pair.s, 50);
        CHECK_EQ(sim_told(pair.b, CLU_NEWS_EVENT, "m0"), i == VETO);
        sim_fini(&pair.s);
    }
}

TEST("within-2.5 a large frame goes by streams behind a heartbeat, else alone")
{
    static char data[40000];
    memset(data, 'x', sizeof data - 1);
    for (int stream = 0; stream < 2; stream++) {
        sim_pair_init(&pair, stream ? "tc" : "dc");
        clu_transport *t = clu_engine_transport(pair.a->engine, 0);
        uint64_t before = t->packets_out;
        CHECK_ERR(sim_event(pair.a, sim_service(pair.a, pair.b), data),
                  CLU_OK);
        CHECK_EQ(t->packets_out - before, 1 + stream);
        sim_advance(&pair.s, 50);
        CHECK_EQ(sim_told(pair.b, CLU_NEWS_EVENT, "m0"), 1);
        sim_query(pair.b, NULL, "who?", 1000, NULL);
        sim_advance(&pair.s, 50);
        CHECK_EQ(sim_told(pair.b, CLU_NEWS_ANSWER, "m0"), 1);
        sim_fini(&pair.s);
    }
}

/* One we know nothing of, who asks, or of whom we ask for properties. */
TEST("within-2.6 a newcomer who goes while it is answered or asked")
{
    static const clu_type types[] = { CLU_TYPE_HEARTBEAT, CLU_TYPE_DISCOVERY };
    for (size_t k = 0; k < CLU_COUNT_OF(types); k++) {
        for (int i = LEAVE; i <= LOSE; i++) {
            check_about("type %zu deed %d", k, i);
            hook(types[k], i);
            clu_engine_forget(pair.a->engine,
                              sim_service(pair.a, pair.b)->id);
            sim_kill(pair.b);
            clu_packet p;
            clu_from from = sim_from(23000);
            sim_head(&p, "x1", k == 0 ? CLU_TYPE_DISCOVERY : CLU_TYPE_EVENT);
            sim_receive_packet(pair.a, "c", &from, &p);
            sim_advance(&pair.s, 3000);
            CHECK(acted > 0);
            CHECK_EQ(sim_told(pair.a, CLU_NEWS_DISCOVERED, "x1"), 0);
            CHECK_EQ(sim_told(pair.a, CLU_NEWS_LOST, "x1"), i == LOSE);
            sim_fini(&pair.s);
        }
    }
}

TEST("within-2.2 an answer whose asker goes meanwhile is not sent")
{
    for (int i = LEAVE; i <= VETO; i++) {
        check_about("deed %d", i);
        hook(CLU_TYPE_RESPONSE, i);
        uint64_t q;
        CHECK_ERR(sim_query(pair.b, NULL, "who?", 1000, &q), CLU_OK);
        sim_advance(&pair.s, 2000);
        CHECK_EQ(acted, 1);
        CHECK_EQ(sim_told(pair.b, CLU_NEWS_ANSWER, "m0"), 0);
        CHECK_EQ(sim_told(pair.b, CLU_NEWS_DONE, NULL), 1);
        sim_fini(&pair.s);
    }
}

TEST("within-2.3 a ping that a hook leaves at, or answers to one who goes")
{
    for (int i = LEAVE; i <= VETO; i++) {
        check_about("deed %d", i);
        hook(CLU_TYPE_PING, i);
        clu_arrival a = { .what = CLU_ARRIVED_REFUSED,
                          .via = clu_engine_transport(pair.a->engine, 0),
                          .service = sim_service(pair.a, pair.b)->id };
        clu_engine_receive(pair.a->engine, &a, pair.s.now);
        sim_advance(&pair.s, 5000);
        CHECK(acted > 0);
        CHECK_EQ(clu_engine_left(pair.a->engine), i == LEAVE);
        CHECK_EQ(sim_known(pair.a), i != LEAVE);
        sim_fini(&pair.s);
    }
}

TEST("within-2.4 many are sent to: none any more once a hook has left")
{
    hook(CLU_TYPE_FAILURE, LEAVE);
    uint64_t ids[] = { sim_service(pair.a, pair.b)->id, 99999 };
    clu_net_spoil(pair.s.net, pair.a->port, "t", CLU_NET_BROKEN);
    clu_packet p = { 0 };
    clu_engine_head(pair.a->engine, &p, CLU_TYPE_EVENT, 0);
    clu_err outcomes[] = { CLU_CLOSED, CLU_CLOSED };
    clu_outgoing out = { .packet = &p, .services = ids, .count = 2,
                         .allowed = CLU_SEND_ANY, .outcomes = outcomes };
    CHECK_ERR(clu_engine_send(pair.a->engine, &out, pair.s.now), CLU_OK);
    CHECK_EQ(acted, 1);
    CHECK_ERR(outcomes[0], CLU_OK);
    CHECK_ERR(outcomes[1], CLU_CLOSED);         /* it was not tried */
    clu_engine_patron(pair.a->engine)->asks = 0;
    CHECK_ERR(clu_engine_broadcast(pair.a->engine, &p, pair.s.now), CLU_GONE);
    CHECK_ERR(clu_engine_answer(pair.a->engine, &(clu_reply){ 0 }, &p,
                                clu_slice_str(""), false, pair.s.now),
              CLU_GONE);
    sim_fini(&pair.s);
}
