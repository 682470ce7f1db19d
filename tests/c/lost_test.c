/*
 * lost_test.c -- one of a cluster is killed, stands still, or seems to be.
 */
#include "check.h"
#include "frame.h"
#include "sim.h"

/* When each of the others was told that a member is lost, after begin. */
static void check_lost(sim *s, const char *sid, clu_ms begin, clu_ms within)
{
    for (size_t i = 0; i < s->count; i++) {
        sim_member *m = s->at[i];
        if (m->dead || strcmp(m->sid, sid) == 0) {
            continue;
        }
        check_about("%s lost at %s", sid, m->sid);
        const sim_news *lost = sim_first(m, CLU_NEWS_LOST, sid);
        CHECK(lost != NULL);
        CHECK_EQ(sim_told(m, CLU_NEWS_LOST, NULL), 1);
        if (lost != NULL) {
            CHECK(lost->at - begin <= within);
        }
    }
    check_about("%s", "");
}

TEST("lost-1.1 one of ours that is killed is lost in five seconds or six")
{
    for (int connected = 1; connected <= 4; connected++) {
        sim s;
        sim_init(&s, (uint64_t)connected);
        for (int i = 0; i < 5; i++) {
            sim_start(&s);
        }
        sim_advance(&s, 3000);
        for (int i = 1; i <= connected; i++) {
            sim_event(s.at[i], sim_service(s.at[i], s.at[0]), "hello");
        }
        sim_advance(&s, 1000);
        clu_ms begin = s.now;
        sim_kill(s.at[0]);
        sim_advance(&s, 20000);
        check_lost(&s, "m0", begin, connected == 4 ? 5000 : 6000);
        for (int i = 1; i <= connected; i++) {
            const sim_news *lost = sim_first(s.at[i], CLU_NEWS_LOST, "m0");
            CHECK(lost != NULL && lost->at - begin <= 5000);
        }
        sim_fini(&s);
    }
}

TEST("lost-1.2 a send that fails is enough to find a killed one out")
{
    sim s;
    sim_init(&s, 1);
    for (int i = 0; i < 5; i++) {
        sim_start(&s);
    }
    sim_advance(&s, 3000);
    s.at[0]->dead = true;
    clu_net_cut(s.net, s.at[0]->port, true);
    sim_advance(&s, 10000);
    CHECK_EQ(sim_told(s.at[1], CLU_NEWS_LOST, NULL), 0);
    clu_ms begin = s.now;
    sim_event(s.at[1], sim_service(s.at[1], s.at[0]), "hello");
    sim_advance(&s, 20000);
    check_lost(&s, "m0", begin, 5000);
    sim_fini(&s);
}

TEST("lost-1.3 one that stands still for two seconds is never lost")
{
    sim s;
    sim_init(&s, check_seed());
    for (int i = 0; i < 5; i++) {
        sim_start(&s);
    }
    sim_advance(&s, 3000);
    for (int round = 0; round < 5; round++) {
        for (size_t i = 1; i < 5; i++) {
            clu_arrival a = { .what = CLU_ARRIVED_REFUSED,
                .service = sim_service(s.at[i], s.at[0])->id };
            clu_engine_receive(s.at[i]->engine, &a, s.now);
        }
        /* Its kernel keeps what comes; it reads all of it two seconds on. */
        s.at[0]->dead = true;
        sim_advance(&s, 99);
        clu_net_delay(s.net, 2000);
        sim_advance(&s, 1);
        clu_net_delay(s.net, 0);
        sim_advance(&s, 2000);
        s.at[0]->dead = false;
        sim_advance(&s, 20000);
    }
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(sim_told(s.at[i], CLU_NEWS_LOST, NULL), 0);
    }
    CHECK_EQ(sim_counter(s.at[1], CLU_COUNT_pings_sent), 5);
    sim_fini(&s);
}

TEST("lost-1.4 one that cannot be reached by streams but answers lives")
{
    sim s;
    sim_init(&s, 1);
    for (int i = 0; i < 3; i++) {
        sim_start(&s);
    }
    sim_advance(&s, 3000);
    clu_net_spoil(s.net, s.at[0]->port, "t", CLU_NET_DEAF);
    for (int i = 0; i < 50; i++) {
        sim_event(s.at[1], sim_service(s.at[1], s.at[0]), "hello");
        sim_advance(&s, 500);
    }
    CHECK_EQ(sim_told(s.at[1], CLU_NEWS_LOST, NULL), 0);
    CHECK_EQ(sim_told(s.at[0], CLU_NEWS_EVENT, "m1"), 50);
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

/* A beacon of a member far away, with or without what it offers. */
static void far_beacon(sim_member *m, const char *data)
{
    clu_packet p;
    clu_from from = sim_from(23456);
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    if (data != NULL) {
        sim_text(&p, CLU_FIELD_data, data);
    }
    sim_receive_packet(m, "c", &from, &p);
}

TEST("lost-2.1 stopped until just after a deadline: the sockets come first")
{
    sim s;
    sim_init(&s, 1);
    s.ttl = 10 * SIM_SECOND;
    s.heartbeat = 3 * SIM_SECOND;
    sim_member *m = sim_start(&s);
    far_beacon(m, "t {port 9} caps 2");
    sim_advance(&s, 5000);
    s.now += 5010;              /* its ttl is over for 10 ms */
    clu_engine_tick(m->engine, s.now);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 0);
    far_beacon(m, NULL);
    sim_advance(&s, 9000);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 0);
    sim_advance(&s, 2000);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
    sim_fini(&s);
}

TEST("lost-2.2 who is always late loses those who are gone all the same")
{
    sim s;
    sim_init(&s, 1);
    s.ttl = 10 * SIM_SECOND;
    s.heartbeat = 500;
    sim_member *m = sim_start(&s);
    far_beacon(m, "t {port 9} caps 2");
    for (int i = 0; i < 20; i++) {
        s.now += 1200;
        clu_engine_tick(m->engine, s.now);
    }
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
    sim_fini(&s);
}

static void count_discoveries(void *ctx, uint16_t from, uint16_t to,
                              const char *name, clu_slice frame)
{
    clu_packet p;
    clu_limits limits;
    clu_slice body;
    size_t need;
    clu_frame_loss loss = { 0 };
    (void)from;
    (void)to;
    (void)name;
    clu_limits_init(&limits);
    CHECK_ERR(clu_frame_next(&frame, 1 << 20, &body, &need, &loss), CLU_OK);
    CHECK_ERR(clu_packet_decode(body, &limits, NULL, NULL, &p), CLU_OK);
    *(int *)ctx += p.at[CLU_FIELD_type].number == CLU_TYPE_DISCOVERY;
}

TEST("lost-2.3 who said nothing about himself is asked until he does")
{
    sim s;
    int asked = 0;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s);
    sim_advance(&s, 10);
    clu_net_watch(s.net, count_discoveries, &asked);
    far_beacon(m, NULL);
    static const clu_ms at[] = { 1000, 1000, 2000, 4000 };
    for (size_t i = 0; i < CLU_COUNT_OF(at); i++) {
        sim_advance(&s, at[i] - 1);
        CHECK_EQ(asked, i);
        sim_advance(&s, 1);
        CHECK_EQ(asked, i + 1);
    }
    CHECK_EQ(sim_told(m, CLU_NEWS_DISCOVERED, "x1"), 1);
    far_beacon(m, "t {port 9} caps 2");
    sim_advance(&s, 300000);
    CHECK_EQ(asked, 4);
    CHECK_EQ(sim_told(m, CLU_NEWS_DISCOVERED, "x1"), 1);
    sim_fini(&s);
}

TEST("lost-2.4 who never says anything about himself is not asked for ever")
{
    sim s;
    int asked = 0;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s);
    sim_advance(&s, 10);
    clu_net_watch(s.net, count_discoveries, &asked);
    far_beacon(m, NULL);
    sim_advance(&s, 590000);
    CHECK(asked > 4 && asked < 12);
    sim_fini(&s);
}
