/*
 * join_test.c -- members that join find each other, whatever is lost.
 */
#include "check.h"
#include "sim.h"

static void check_view(sim *s, const char *props_of)
{
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->count; k++) {
            clu_service *found = sim_service(s->at[i], s->at[k]);
            CHECK_EQ(found == NULL, i == k);
            if (found != NULL && props_of != NULL) {
                CHECK_EQ(clu_service_port(found, props_of), s->at[k]->port);
                CHECK_EQ(found->tags.count, 2);
                CHECK(found->kin && found->local);
            }
        }
    }
}

TEST("join-1.1 all know all soon after the last join, with ports and tags")
{
    static const struct { size_t members; clu_ms within; } cases[] = {
        { 2, 10 }, { 3, 15 }, { 10, 150 }, { 30, 1000 },
    };
    for (size_t c = 0; c < CLU_COUNT_OF(cases); c++) {
        check_about("%zu members", cases[c].members);
        sim s;
        sim_init(&s, c);
        for (size_t i = 0; i < cases[c].members; i++) {
            sim_member *m = sim_add(&s);
            sim_tag(m, "web one");
            sim_join(m);
            sim_advance(&s, 7);
        }
        clu_ms begin = s.now - 7;
        CHECK(sim_until(&s, cases[c].within, sim_all_know));
        printf("# %zu members: %lld ms after the last join\n",
               cases[c].members, (long long)(s.now - begin));
        check_view(&s, "t");
        sim_fini(&s);
    }
}

TEST("join-1.2 all know all when they join at the same moment")
{
    sim s;
    sim_init(&s, 1);
    for (size_t i = 0; i < 30; i++) {
        sim_tag(sim_add(&s), "web one");
    }
    for (size_t i = 0; i < 30; i++) {
        sim_join(s.at[i]);
    }
    CHECK(sim_until(&s, 1000, sim_all_know));
    check_view(&s, "t");
    sim_fini(&s);
}

TEST("join-1.3 answers that are lost are asked for again")
{
    uint64_t seed = check_seed();
    for (int round = 0; round < 10; round++) {
        sim s;
        sim_init(&s, seed + (uint64_t)round);
        clu_net_loss(s.net, 200, seed + (uint64_t)round);
        for (size_t i = 0; i < 10; i++) {
            sim_start(&s);
            sim_advance(&s, 50);
        }
        sim_advance(&s, 20 * SIM_SECOND);
        clu_net_loss(s.net, 0, 0);
        CHECK(sim_until(&s, 125 * SIM_SECOND, sim_all_know));
        sim_fini(&s);
    }
}

TEST("join-1.4 half of all is lost: three heartbeats heal it, with ports")
{
    uint64_t seed = check_seed();
    sim s;
    sim_init(&s, seed);
    s.heartbeat = 2 * SIM_SECOND;
    clu_net_loss(s.net, 500, seed);
    for (size_t i = 0; i < 10; i++) {
        sim_tag(sim_add(&s), "web one");
        sim_join(s.at[i]);
        sim_advance(&s, 50);
    }
    sim_advance(&s, 10 * SIM_SECOND);
    clu_net_loss(s.net, 0, 0);
    CHECK(sim_until(&s, 7 * SIM_SECOND, sim_all_know));
    sim_advance(&s, 7 * SIM_SECOND);
    check_view(&s, NULL);
    sim_fini(&s);
}

TEST("join-1.5 a member known by a bare beacon is asked for its ports")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_add(&s), *b = sim_add(&s);
    sim_tag(b, "web one");
    clu_engine_heartbeat(b->engine, false, false, 0, s.now);
    sim_advance(&s, 500);
    CHECK_EQ(clu_service_port(sim_service(a, b), "t"), 0);
    sim_advance(&s, 600);
    CHECK_EQ(clu_service_port(sim_service(a, b), "t"), b->port);
    CHECK_EQ(sim_service(a, b)->tags.count, 2);
    sim_fini(&s);
}

static void beacon_of(sim_member *m, const char *sid, uint64_t known)
{
    clu_packet p;
    clu_from from = sim_from(23000);
    sim_head(&p, sid, CLU_TYPE_HEARTBEAT);
    clu_packet_number(&p, CLU_FIELD_known, known);
    sim_receive_packet(m, "c", &from, &p);
}

TEST("join-1.6 a newcomer asks again while anybody knows more than it does")
{
    static const struct { uint64_t known[3]; uint64_t asks; } cases[] = {
        { { 3, 3, 3 }, 0 }, { { 0, 1, 2 }, 0 }, { { 9, 1, 1 }, 1 },
        { { 1, 9, 1 }, 1 }, { { 1, 1, UINT64_MAX }, 1 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%zu", i);
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_start(&s);
        beacon_of(m, "x1", cases[i].known[0]);
        beacon_of(m, "x2", cases[i].known[1]);
        beacon_of(m, "x3", cases[i].known[2]);
        sim_advance(&s, 0);
        uint64_t before = clu_engine_transport(m->engine, 1)->packets_out;
        sim_advance(&s, 499);
        CHECK_EQ(clu_engine_transport(m->engine, 1)->packets_out, before);
        sim_advance(&s, 500);   /* before those without ports are asked */
        CHECK_EQ(clu_engine_transport(m->engine, 1)->packets_out - before,
                 cases[i].asks);
        sim_fini(&s);
    }
}

TEST("join-1.7 discovered is told after exactly one second, once")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s);
    sim_advance(&s, 5000);
    sim_member *b = sim_start(&s);
    clu_ms begin = s.now;
    sim_advance(&s, 999);
    CHECK_EQ(sim_told(a, CLU_NEWS_DISCOVERED, NULL), 0);
    sim_advance(&s, 5000);
    CHECK_EQ(sim_told(a, CLU_NEWS_DISCOVERED, b->sid), 1);
    const sim_news *news = sim_first(a, CLU_NEWS_DISCOVERED, b->sid);
    CHECK_EQ(news ? news->at - begin : 0, 1000);
    sim_fini(&s);
}

TEST("join-1.8 one that went within the second is never discovered")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 990);
    sim_leave(b);
    sim_advance(&s, 5000);
    CHECK_EQ(sim_told(a, CLU_NEWS_DISCOVERED, NULL), 0);
    CHECK_EQ(sim_told(a, CLU_NEWS_LOST, b->sid), 1);
    sim_fini(&s);
}
