/*
 * engine_test.c -- beating, leaving, and the limits of our own.
 */
#include "check.h"
#include "sim.h"

/* ---- beating ------------------------------------------------------------- */

typedef struct beats {
    clu_ms at[64];
    size_t count;
    sim *s;
} beats;

static void count_beats(void *ctx, uint16_t from, uint16_t to,
                        const char *name, clu_slice frame)
{
    beats *b = ctx;
    (void)frame;
    if (from == 40000 && to == 0 && strcmp(name, "c") == 0
        && b->count < CLU_COUNT_OF(b->at)) {
        b->at[b->count++] = b->s->now;
    }
}

TEST("engine-1.1 heartbeats come at their interval less up to a tenth")
{
    sim s;
    sim_init(&s, check_seed());
    s.heartbeat = 10 * SIM_SECOND;
    sim_start(&s);
    sim_advance(&s, 5);
    beats b = { .s = &s };
    clu_net_watch(s.net, count_beats, &b);
    sim_advance(&s, 500 * SIM_SECOND);
    CHECK(b.count >= 50 && b.count <= 56);
    clu_ms least = CLU_NEVER, most = 0;
    for (size_t i = 1; i < b.count; i++) {
        clu_ms gap = b.at[i] - b.at[i - 1];
        CHECK(gap > 9 * SIM_SECOND && gap <= 10 * SIM_SECOND);
        least = gap < least ? gap : least;
        most = gap > most ? gap : most;
    }
    CHECK(most - least > 100);
    sim_fini(&s);
}

static void count_both(void *ctx, uint16_t from, uint16_t to,
                       const char *name, clu_slice frame)
{
    beats *b = ctx;
    (void)to;
    (void)name;
    (void)frame;
    b[from - 40000].at[0] = b->s->now;
}

TEST("engine-1.2 two that join together do not beat together")
{
    sim s;
    sim_init(&s, 1);
    sim_start(&s);
    sim_start(&s);
    sim_advance(&s, 5000);
    beats b[2] = { { .s = &s }, { .s = &s } };
    clu_net_watch(s.net, count_both, b);
    sim_advance(&s, 120 * SIM_SECOND);
    CHECK(b[0].at[0] > 0 && b[1].at[0] > 0 && b[0].at[0] != b[1].at[0]);
    sim_fini(&s);
}

TEST("engine-1.3 a beat that is asked for comes then, and only once")
{
    sim s;
    sim_init(&s, 1);
    sim_start(&s);
    sim_advance(&s, 1000);
    beats b = { .s = &s };
    clu_net_watch(s.net, count_beats, &b);
    clu_ms begin = s.now;
    clu_engine_heartbeat_at(s.at[0]->engine, begin + 300, true);
    clu_engine_heartbeat_at(s.at[0]->engine, begin + 200, false);
    clu_engine_heartbeat_at(s.at[0]->engine, begin + 900, false);
    sim_advance(&s, 5000);
    CHECK_EQ(b.count, 1);
    CHECK_EQ(b.at[0] - begin, 200);
    sim_fini(&s);
}

TEST("engine-1.4 tags of a later beat are found, and told")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 2000);
    sim_forget(&s);
    sim_tag(b, "new tags");
    clu_engine_heartbeat_at(b->engine, s.now, true);
    sim_advance(&s, 10);
    CHECK_EQ(sim_told(a, CLU_NEWS_TAGS, b->sid), 1);
    CHECK(clu_table_word(clu_engine_table(a->engine), clu_slice_str("new"))
          != NULL);
    CHECK_EQ(clu_service_port(sim_service(a, b), "t"), b->port);
    clu_engine_heartbeat(b->engine, false, true, 0, s.now);
    sim_advance(&s, 10);
    CHECK_EQ(sim_told(a, CLU_NEWS_TAGS, b->sid), 1);
    sim_tag(b, "old tags");
    clu_engine_heartbeat(b->engine, false, true, 0, s.now);
    sim_advance(&s, 10);
    CHECK_EQ(sim_told(a, CLU_NEWS_TAGS, b->sid), 2);
    CHECK(clu_table_word(clu_engine_table(a->engine), clu_slice_str("new"))
          == NULL);
    sim_fini(&s);
}

TEST("engine-1.5 an interval of nothing does not stop the clock")
{
    sim s;
    sim_init(&s, 1);
    s.heartbeat = 0;
    sim_start(&s);
    sim_advance(&s, 100);
    CHECK_EQ(s.now, 1000100);
    sim_fini(&s);
}

TEST("engine-1.6 discovering again is held back for 30 seconds")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s);
    CHECK_ERR(clu_engine_discover(a->engine, 0, s.now), CLU_LIMIT);
    sim_advance(&s, 30 * SIM_SECOND);
    CHECK_ERR(clu_engine_discover(a->engine, 0, s.now), CLU_LIMIT);
    sim_advance(&s, 1);
    CHECK_ERR(clu_engine_discover(a->engine, 0, s.now), CLU_OK);
    sim_fini(&s);
}

TEST("engine-1.7 channels 0 to 2 are never left; others are heard when joined")
{
    sim s;
    sim_init(&s, 1);
    clu_engine *e = sim_add(&s)->engine;
    CHECK_ERR(clu_engine_channel(e, 2, false), CLU_VALUE);
    CHECK_ERR(clu_engine_channel(e, 5, true), CLU_OK);
    CHECK_ERR(clu_engine_channel(e, 5, true), CLU_OK);
    CHECK(clu_engine_hears(e, 5) && !clu_engine_hears(e, 6));
    const uint64_t *list;
    CHECK_EQ(clu_engine_channels(e, &list), 4);
    for (uint64_t i = 6; clu_engine_channels(e, &list) < CLU_CHANNELS_MAX;
         i++) {
        CHECK_ERR(clu_engine_channel(e, i, true), CLU_OK);
    }
    CHECK_ERR(clu_engine_channel(e, 9999, true), CLU_LIMIT);
    CHECK_ERR(clu_engine_channel(e, 5, false), CLU_OK);
    CHECK(!clu_engine_hears(e, 5) && clu_engine_hears(e, 6));
    sim_fini(&s);
}

/* ---- leaving ------------------------------------------------------------- */

TEST("engine-2.1 one that leaves in order is lost everywhere in a moment")
{
    sim s;
    sim_init(&s, 1);
    for (int i = 0; i < 10; i++) {
        sim_start(&s);
    }
    sim_advance(&s, 5000);
    clu_ms begin = s.now;
    sim_leave(s.at[3]);
    sim_advance(&s, 5000);
    for (size_t i = 0; i < 10; i++) {
        if (i != 3) {
            const sim_news *news = sim_first(s.at[i], CLU_NEWS_LOST, "m3");
            CHECK(news != NULL && news->at - begin <= 100);
        }
    }
    CHECK_EQ(s.at[3]->count, sim_told(s.at[3], CLU_NEWS_DISCOVERED, NULL));
    CHECK(sim_all_know(&s));
    sim_fini(&s);
}

static void answer_and_leave(sim_member *m, const clu_news *news)
{
    if (news->what == CLU_NEWS_QUERY) {
        sim_leave(m);           /* the simulator has answered before */
    }
}

TEST("engine-2.2 an answer sent just before leaving is an answer")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    b->told = answer_and_leave;
    CHECK_ERR(sim_query(a, sim_service(a, b), "bye?", 5000, NULL), CLU_OK);
    sim_advance(&s, 1000);
    CHECK_EQ(sim_told(a, CLU_NEWS_ANSWER, b->sid), 1);
    CHECK_EQ(sim_told(a, CLU_NEWS_ASKED_LOST, NULL), 0);
    CHECK_EQ(sim_told(a, CLU_NEWS_LOST, b->sid), 1);
    sim_fini(&s);
}

TEST("engine-2.3 what has left does nothing any more, and says so")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    clu_service *service = sim_service(a, b);
    clu_service_hold(service);
    CHECK_ERR(sim_query(a, service, "x", 5000, NULL), CLU_OK);
    sim_leave(a);
    CHECK_EQ(service->state, CLU_SERVICE_GONE);
    CHECK_EQ(sim_told(a, CLU_NEWS_DONE, NULL), 1);
    CHECK_EQ(sim_told(a, CLU_NEWS_LOST, NULL), 0);
    CHECK_ERR(sim_event(a, service, "x"), CLU_GONE);
    CHECK_ERR(sim_query(a, service, "x", 5000, NULL), CLU_GONE);
    CHECK_ERR(clu_engine_heartbeat(a->engine, true, true, 0, s.now), CLU_GONE);
    CHECK_ERR(clu_engine_heartbeat_at(a->engine, s.now, true), CLU_GONE);
    CHECK_ERR(clu_engine_discover(a->engine, 0, s.now), CLU_GONE);
    CHECK_EQ(clu_engine_deadline(a->engine), CLU_NEVER);
    sim_leave(a);
    clu_service_release(service);
    sim_fini(&s);
}

static clu_err leave_again(sim_member *m, clu_question *q)
{
    (void)q;
    sim_leave(m);
    return CLU_OK;
}

static int asked;

static clu_err count_asked(sim_member *m, clu_question *q)
{
    (void)m, (void)q;
    asked++;
    return CLU_OK;
}

TEST("engine-2.7 what has left asks no hook")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    clu_service *service = sim_service(a, b);
    clu_service_hold(service);
    a->ask = count_asked;
    sim_leave(a);
    clu_engine_patron(a->engine)->asks = UINT32_MAX;
    asked = 0;
    clu_packet p = { 0 };
    clu_engine_head(a->engine, &p, CLU_TYPE_EVENT, 0);
    clu_reply reply = { .service = service->id };
    CHECK_ERR(clu_engine_broadcast(a->engine, &p, s.now), CLU_GONE);
    CHECK_ERR(clu_engine_answer(a->engine, &reply, &p, clu_slice_str("x"),
                                false, s.now), CLU_GONE);
    CHECK_ERR(clu_engine_heartbeat(a->engine, true, true, 0, s.now), CLU_GONE);
    CHECK_ERR(sim_event(a, service, "x"), CLU_GONE);
    CHECK_EQ(asked, 0);
    clu_service_release(service);
    sim_fini(&s);
}

TEST("engine-2.4 a hook on the goodbye may leave again")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s);
    a->ask = leave_again;
    clu_engine_patron(a->engine)->asks = 1u << CLU_ASK_SEND;
    sim_leave(a);
    CHECK(clu_engine_left(a->engine));
    sim_fini(&s);
}

TEST("engine-2.5 a hook on any packet of ours may leave")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    for (int what = 0; what < 4; what++) {
        sim_member *m = sim_start(&s);
        sim_advance(&s, 5000);
        m->ask = leave_again;
        clu_engine_patron(m->engine)->asks = 1u << CLU_ASK_SEND;
        if (what == 0) {
            CHECK_ERR(sim_event(m, sim_service(m, a), "x"), CLU_GONE);
        } else if (what == 1) {
            CHECK_ERR(sim_query(m, NULL, "x", 1000, NULL), CLU_GONE);
        } else if (what == 2) {
            sim_query(b, sim_service(b, m), "x", 1000, NULL);
        } else {
            CHECK_ERR(clu_engine_heartbeat(m->engine, true, true, 0, s.now),
                      CLU_GONE);
        }
        sim_advance(&s, 200 * SIM_SECOND);
        CHECK(clu_engine_left(m->engine));
        CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), 0);
    }
    sim_fini(&s);
}

static clu_err tag_anew(sim_member *m, clu_question *q)
{
    if (clu_packet_has(q->packet, CLU_FIELD_tags)) {
        sim_tag(m, "quite other tags, and longer ones");
    }
    return CLU_OK;
}

TEST("engine-2.6 a hook may change our tags while a beacon carries the old")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_add(&s), *b = sim_add(&s);
    sim_tag(b, "old ones");
    b->ask = tag_anew;
    clu_engine_patron(b->engine)->asks = 1u << CLU_ASK_SEND;
    clu_engine_heartbeat(b->engine, true, true, 0, s.now);
    sim_advance(&s, 10);
    CHECK_EQ(sim_service(a, b)->tags.count, 2);
    sim_fini(&s);
}

/* ---- limits of our own --------------------------------------------------- */

TEST("engine-3.1 too many tags, too long ones and odd names are refused")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    char tags[200] = "x";
    for (int i = 1; i < 64; i++) {
        strcat(tags, " x");
    }
    CHECK_ERR(sim_tag(m, tags), CLU_OK);
    CHECK_ERR(sim_tag(m, strcat(tags, " x")), CLU_LIMIT);
    CHECK_EQ(clu_engine_own_tags(m->engine).count, 64);
    s.sid = "no word";
    CHECK(sim_add(&s) == NULL);
    sim_fini(&s);
}

TEST("engine-3.2 there is room for sixteen transports")
{
    sim s;
    sim_init(&s, 1);
    s.protocols = "abcdefghijklmnop";
    CHECK(sim_add(&s) != NULL);
    s.protocols = "abcdefghijklmnopq";
    CHECK(sim_add(&s) == NULL);
    sim_fini(&s);
}

TEST("engine-3.3 a tag too long is refused, and the old ones stay")
{
    sim s;
    sim_init(&s, 1);
    clu_engine *e = sim_add(&s)->engine;
    char tag[70];
    memset(tag, 'x', sizeof tag);
    tag[64] = '\0';
    CHECK_ERR(clu_engine_tags(e, sim_list(tag)), CLU_OK);
    tag[64] = 'x';
    tag[65] = '\0';
    CHECK_ERR(clu_engine_tags(e, sim_list(tag)), CLU_LIMIT);
    CHECK_EQ(clu_engine_own_tags(e).wire.n, 65);
    CHECK_EQ(clu_engine_own_protocols(e).count, 2);
    sim_fini(&s);
}

TEST("engine-3.4 without a group there is no beacon")
{
    sim s;
    sim_init(&s, 1);
    s.protocols = "t";
    sim_member *m = sim_add(&s);
    CHECK_ERR(sim_join(m), CLU_UNREACHABLE);
    CHECK_ERR(clu_engine_heartbeat(m->engine, false, false, 0, s.now),
              CLU_UNREACHABLE);
    sim_leave(m);
    sim_fini(&s);
}

TEST("engine-3.6 joined before there is a network: found when there is one")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s);
    sim_advance(&s, SIM_SECOND);
    sim_member *b = sim_add(&s);
    clu_net_spoil(s.net, b->port, "c", CLU_NET_AWAY);
    CHECK_ERR(sim_join(b), CLU_UNREACHABLE);
    sim_advance(&s, 5 * SIM_SECOND);
    CHECK(sim_service(a, b) == NULL);
    clu_net_spoil(s.net, b->port, "c", CLU_NET_SOUND);
    sim_advance(&s, 1100);
    CHECK(sim_service(a, b) != NULL && sim_service(b, a) != NULL);
    CHECK(clu_service_port(sim_service(b, a), "t") != 0);
    sim_fini(&s);
}

/* What is sent by datagram: to all, and to one. */
typedef struct reports {
    uint64_t group, direct;
} reports;

static void count_reports(void *ctx, uint16_t from, uint16_t to,
                          const char *name, clu_slice frame)
{
    (void)from, (void)frame;
    reports *r = ctx;
    r->group += strcmp(name, "c") == 0 && to == 0;
    r->direct += strcmp(name, "c") == 0 && to != 0;
}

static void ask(sim_member *m, const clu_from *from, const char *props, int i)
{
    char sid[16];
    snprintf(sid, sizeof sid, "x%d", i);
    clu_packet p;
    sim_head(&p, sid, CLU_TYPE_DISCOVERY);
    sim_text(&p, CLU_FIELD_data, props);
    sim_receive_packet(m, "c", from, &p);
    sim_receive_packet(m, "c", from, &p);
}

/* So many newcomers ask at once; how they were answered after a quarter of the
   time that the answers are spread over, and in the end. */
static void crowd(int count, const char *props, const clu_from *from,
                  clu_ms step, reports *quarter, reports *all)
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->remote = !from->local;
    *all = (reports){ 0 };
    clu_net_watch(s.net, count_reports, all);
    for (int i = 0; i < count; i++) {
        ask(m, from, props, i);
    }
    sim_advance(&s, count * step / 4);
    *quarter = *all;
    sim_advance(&s, count * step * 3 / 4 + 1);
    CHECK_EQ(clu_engine_table(m->engine)->count, count);
    sim_fini(&s);
}

TEST("engine-3.5 a crowd that asks at once is answered little by little")
{
    reports quarter, all;
    clu_from from = sim_from(23000);
    from.group = false;         /* it may not hear what goes to the group */
    crowd(150, "caps 2", &from, 1, &quarter, &all);
    CHECK(quarter.direct > 50 && quarter.direct < 125);
    CHECK_EQ(all.direct, 150);
    CHECK_EQ(all.group, 0);
    from.group = true;
    crowd(150, "", &from, 5, &quarter, &all);
    CHECK(quarter.group > 50 && quarter.group < 125);
    CHECK_EQ(all.group, 150);   /* originals, each behind its filter */
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("engine-3.7 many of our kind who ask by the group get one answer")
{
    static const struct {
        int count;
        const char *props;
        bool group, local;
        uint64_t to_all, to_one;
    } cases[] = {
        { 1, "caps 2", true, true, 0, 1 },
        { 2, "caps 2", true, true, 0, 2 },
        { 3, "caps 2", true, true, 1, 0 },
        { 60, "caps 2", true, true, 1, 0 },
        { 60, "caps 2", false, true, 0, 60 },
        { 60, "caps 2", true, false, 0, 60 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%zu: %d", i, cases[i].count);
        reports quarter, all;
        clu_from from = sim_from(23000);
        from.group = cases[i].group;
        from.local = cases[i].local;
        crowd(cases[i].count, cases[i].props, &from, 10, &quarter, &all);
        CHECK_EQ(all.group, cases[i].to_all);
        CHECK_EQ(all.direct, cases[i].to_one);
    }
}

TEST("engine-3.8 who asks after the answer for all is answered again, soon")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    reports all = { 0 };
    clu_net_watch(s.net, count_reports, &all);
    clu_from from = sim_from(23000);
    uint64_t answered = 0;
    for (int ms = 0; ms < 400; ms++) {
        ask(m, &from, "caps 2", ms);
        sim_advance(&s, 1);
        CHECK(all.group <= (uint64_t)ms / 20 + 2);
        answered = all.group;
    }
    CHECK(answered >= 5);
    sim_advance(&s, 2001);      /* those who asked last */
    CHECK(all.group > answered);
    CHECK(all.direct <= 40);    /* the first, before there were many */
    clu_table *t = clu_engine_table(m->engine);
    CHECK_EQ(t->count, 400);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        CHECK(CLU_SERVICE_OF(l)->reported != 0);
    }
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("engine-3.9 askers who leave before their answer are not counted")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    reports all = { 0 };
    clu_net_watch(s.net, count_reports, &all);
    clu_from from = sim_from(23000);
    for (int i = 0; i < 60; i++) {
        ask(m, &from, "caps 2", i);
    }
    clu_table *t = clu_engine_table(m->engine);
    while (t->count > 2) {
        clu_engine_forget(m->engine, CLU_SERVICE_OF(t->order.next)->id);
    }
    sim_advance(&s, 400);
    CHECK_EQ(all.group, 0);
    CHECK_EQ(all.direct, 2);
    sim_fini(&s);
}

static bool all_answered(sim_member *m)
{
    clu_table *t = clu_engine_table(m->engine);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        if (CLU_SERVICE_OF(l)->reported == 0) {
            return false;
        }
    }
    return true;
}

TEST("engine-4.1 whoever asks is answered within two seconds, in any crowd")
{
    static const struct { int count; const char *props; bool broken; }
        cases[] = {
        { 450, "", false },     /* each 5 ms later would be longer */
        { 450, "caps 2", false },
        { 3, "caps 2", true },  /* the one answer for all does not leave */
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        clu_from from = sim_from(23000);
        for (int k = 0; k < cases[i].count; k++) {
            ask(m, &from, cases[i].props, k);
        }
        clu_net_spoil(s.net, m->port, "c",
                      cases[i].broken ? CLU_NET_BROKEN : CLU_NET_SOUND);
        CHECK(!all_answered(m));
        sim_advance(&s, 2500);
        CHECK(all_answered(m));
        sim_fini(&s);
    }
}

TEST("engine-4.2 askers of all sorts at once are each answered")
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        check_about("seed %d", (int)seed);
        sim s;
        sim_init(&s, seed);
        sim_member *m = sim_add(&s);
        clu_from to_all = sim_from(23000), to_us = to_all;
        to_us.group = false;
        ask(m, &to_all, "caps 2", 0);
        for (int i = 1; i < 4; i++) {
            ask(m, &to_us, i % 2 ? "" : "caps 2", i);
        }
        sim_advance(&s, 100);
        CHECK(all_answered(m));
        sim_fini(&s);
    }
}

TEST("engine-4.3 without memory for an answer it is counted, and asked again")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_from from = sim_from(23000);
    clu_packet p;
    uint64_t missed = 0;
    for (int i = 0; i < 200; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "y%d", i);
        sim_head(&p, sid, CLU_TYPE_EVENT);
        sim_receive_packet(m, "c", &from, &p);
        /* The heap grows at every sort of deadline; first, the simulator may
           have no memory to encode it. */
        uint64_t now = missed;
        sim_head(&p, sid, CLU_TYPE_DISCOVERY);
        for (long n = 1; i % 3 != 0 && n < 9 && now == missed; n++) {
            clu_alloc_fail_at(n, true);
            sim_receive_packet(m, "c", &from, &p);
            clu_alloc_fail_at(0, false);
            now = sim_counter(m, CLU_COUNT_drop_nomem);
        }
        if (now > missed) {
            CHECK_EQ(sim_find(m, sid)->report.due.index, 0);
            sim_receive_packet(m, "c", &from, &p);
            CHECK(sim_find(m, sid)->report.due.index != 0);
        }
        missed = now;
    }
    CHECK(missed > 0);
    sim_fini(&s);
}
