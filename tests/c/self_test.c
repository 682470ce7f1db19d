/*
 * self_test.c -- what an engine is by itself: its name, its own beats, its ttl.
 */
#include "check.h"
#include "sim.h"

static void tell_nothing(void *ctx, const clu_news *news)
{
    (void)ctx;
    (void)news;
}

static clu_err make_named(void *ctx)
{
    clu_config config = { .sid = clu_slice_str("m0"),
                          .hid = clu_slice_str(SIM_HID), .heartbeat = 1000,
                          .name = clu_slice_str(ctx) };
    clu_limits_init(&config.limits);
    clu_patron patron = { .tell = tell_nothing };
    clu_engine *e;
    clu_err err = clu_engine_create(&config, &patron, &e);
    if (err == CLU_OK) {
        CHECK_SLICE(clu_engine_config(e)->name, ctx);
        clu_engine_destroy(e);
    }
    return err;
}

TEST("self-1.1 without memory there is no engine, named or not")
{
    CHECK_NOMEM(make_named, "");
    CHECK_NOMEM(make_named, "a logical name");
}

TEST("self-1.2 a hid must be a word; what it says of itself has its name")
{
    clu_config config = { .sid = clu_slice_str("m0"),
                          .hid = clu_slice_str("a::b"), .heartbeat = 1000,
                          .name = clu_slice_str("a b") };
    clu_limits_init(&config.limits);
    clu_patron patron = { .tell = tell_nothing };
    clu_engine *e = NULL;
    CHECK_ERR(clu_engine_create(&config, &patron, &e), CLU_VALUE);
    config.hid = clu_slice_str(SIM_HID);
    CHECK_ERR(clu_engine_create(&config, &patron, &e), CLU_OK);
    char name[1100];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    clu_transport t = { .name = name };         /* it is never used */
    CHECK_ERR(clu_engine_attach(e, &t, NULL, NULL), CLU_LIMIT);
    CHECK_EQ(clu_engine_own_protocols(e).count, 0);
    CHECK_EQ(clu_engine_held(e)->out + clu_engine_held(e)->in, 0);
    clu_buf props;
    clu_buf_init(&props, 1000);
    CHECK_ERR(clu_engine_props(e, &props), CLU_OK);
    CHECK_SLICE(clu_buf_slice(&props), "caps {2 name {a b}}");
    clu_engine_leave(e, 0);
    CHECK_ERR(clu_engine_props(e, &props), CLU_GONE);
    clu_buf_fini(&props);
    clu_engine_destroy(e);
}

TEST("self-1.3 who knows most is known, until we look ourselves")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    static const uint64_t known[] = { 3, 9, 5 }, most[] = { 3, 9, 9 };
    for (size_t i = 0; i < CLU_COUNT_OF(known); i++) {
        clu_packet p;
        clu_from from = sim_from(23000);
        sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
        clu_packet_number(&p, CLU_FIELD_known, known[i]);
        sim_receive_packet(m, "c", &from, &p);
        CHECK_EQ(clu_engine_most_known(m->engine), most[i]);
    }
    sim_join(m);
    sim_advance(&s, 600);
    CHECK(clu_engine_most_known(m->engine) < 9);
    sim_fini(&s);
}

TEST("self-1.4 a shorter ttl holds for those who are known already")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    sim_kill(p.b);
    CHECK_EQ(sim_service(p.a, p.b)->state, CLU_SERVICE_ALIVE);
    clu_engine_config(p.a->engine)->ttl = 10 * SIM_SECOND;
    clu_engine_reconsider(p.a->engine, p.s.now);
    sim_advance(&p.s, 11 * SIM_SECOND);
    CHECK_EQ(sim_told(p.a, CLU_NEWS_LOST, "m1"), 1);
    sim_fini(&p.s);
}

TEST("self-1.5 moved: the next beat says where we are")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_service_props(sim_service(p.a, p.b), clu_slice_str("t {port 1}"),
                      false, &clu_engine_config(p.a->engine)->limits);
    CHECK_ERR(clu_engine_moved(p.b->engine, p.s.now), CLU_OK);
    sim_advance(&p.s, 10);
    CHECK_EQ(clu_service_port(sim_service(p.a, p.b), "t"), p.b->port);
    sim_fini(&p.s);
}

TEST("self-1.6 what nobody wants to be told is not told")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_engine_patron(p.a->engine)->tells = 0;
    sim_event(p.b, sim_service(p.b, p.a), "hi");
    sim_advance(&p.s, 50);
    CHECK_EQ(p.a->count, 0);
    CHECK(clu_engine_transport(p.a->engine, 0)->packets_in > 0);
    sim_fini(&p.s);
}

TEST("self-1.7 on another channel a heartbeat does not move the next one")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_ms due = clu_engine_deadline(p.b->engine);
    sim_tag(p.b, "new");
    CHECK_ERR(clu_engine_heartbeat(p.b->engine, true, true, 1, p.s.now),
              CLU_OK);
    CHECK_EQ(clu_engine_deadline(p.b->engine), due);
    sim_advance(&p.s, 10);
    CHECK_EQ(sim_told(p.a, CLU_NEWS_TAGS, "m1"), 1);
    sim_fini(&p.s);
}

TEST("self-1.8 a discovery that cannot leave follows when it can")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    sim_advance(&p.s, 31 * SIM_SECOND);
    clu_net_spoil(p.s.net, p.a->port, "c", CLU_NET_AWAY);
    CHECK_ERR(clu_engine_discover(p.a->engine, 0, p.s.now), CLU_UNREACHABLE);
    CHECK_ERR(clu_engine_heartbeat(p.a->engine, false, false, 0, p.s.now),
              CLU_UNREACHABLE);
    sim_advance(&p.s, 2500);
    clu_net_spoil(p.s.net, p.a->port, "c", CLU_NET_SOUND);
    sim_advance(&p.s, 2500);
    CHECK_ERR(clu_engine_discover(p.a->engine, 0, p.s.now), CLU_LIMIT);
    sim_fini(&p.s);
}
