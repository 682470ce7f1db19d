/*
 * ask_test.c -- the hooks on a packet's way in: they may do anything.
 */
#include "check.h"
#include "frame.h"
#include "sim.h"

static clu_from here(void) { return sim_from(23000); }

static clu_ask asked_at;        /* where the hook acts */
static int asked;

static clu_err veto(sim_member *m, clu_question *q)
{
    (void)m;
    asked++;
    return q->what == asked_at ? CLU_VETO : CLU_OK;
}

static clu_err leave(sim_member *m, clu_question *q)
{
    if (q->what == asked_at) {
        asked++;
        sim_leave(m);
    }
    return CLU_OK;
}

/* A goodbye of the very sender comes in while its packet is judged. */
static clu_err lose(sim_member *m, clu_question *q)
{
    if (q->what == asked_at && q->service != NULL && asked++ == 0) {
        clu_packet p;
        clu_from from = here();
        sim_head(&p, "x1", CLU_TYPE_DISCONNECT);
        sim_receive_packet(m, "c", &from, &p);
        clu_engine_tick(m->engine, m->in->now + 50);
    }
    return CLU_OK;
}

static clu_err replace(sim_member *m, clu_question *q)
{
    (void)m;
    if (q->what == asked_at) {
        clu_packet p = *q->packet;
        sim_text(&p, CLU_FIELD_data, "other");
        q->owned = clu_packet_copy(&p);
    }
    return CLU_OK;
}

/* The body of an event of "x9" in the place of what came. */
static clu_err unpack(sim_member *m, clu_question *q)
{
    (void)m;
    if (q->what != CLU_ASK_ARRIVED) {
        return CLU_OK;
    }
    clu_packet p;
    clu_buf frame;
    size_t need;
    clu_slice bytes, body;
    clu_frame_loss loss = { 0 };
    sim_head(&p, "x9", CLU_TYPE_EVENT);
    sim_text(&p, CLU_FIELD_data, "unpacked");
    clu_buf_init(&frame, 4096);
    clu_packet_encode(&p, &frame);
    bytes = clu_buf_slice(&frame);
    if (clu_frame_next(&bytes, 4096, &body, &need, &loss) == CLU_OK) {
        q->frame_owned = clu_memdup(body.p, body.n);
        q->frame = clu_slice_of(q->frame_owned, body.n);
    }
    clu_buf_fini(&frame);
    return CLU_OK;
}

/* Refuses, or leaves, when a frame is about to go by this transport. */
static const char *departing;

static clu_err stop_there(sim_member *m, clu_question *q)
{
    if (q->what != CLU_ASK_DEPART || strcmp(q->via->name, departing) != 0) {
        return CLU_OK;
    }
    asked++;
    if (asked_at == CLU_ASK_DEPART) {
        return CLU_VETO;
    }
    sim_leave(m);
    return CLU_OK;
}

static void start_asking(sim *s, clu_ask at,
                         clu_err (*hook)(sim_member *, clu_question *))
{
    sim_init(s, 1);
    sim_member *m = sim_add(s);
    clu_packet p;
    clu_from from = here();
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    sim_receive_packet(m, "c", &from, &p);
    m->ask = hook;
    /* About frames only where that is what is tested. */
    clu_engine_patron(m->engine)->asks = at >= CLU_ASK_ARRIVED ? UINT32_MAX
        : (1u << CLU_ASK_ARRIVED) - 1;
    asked_at = at;
    asked = 0;
}

static void event_in(sim *s, const char *sid)
{
    clu_packet p;
    clu_from from = here();
    sim_head(&p, sid, CLU_TYPE_EVENT);
    sim_text(&p, CLU_FIELD_data, "as sent");
    sim_receive_packet(s->at[0], "c", &from, &p);
}

static const clu_ask stages[] = { CLU_ASK_RECEIVE, CLU_ASK_ADMIT,
                                  CLU_ASK_VALIDATE };

TEST("ask-1.1 a veto at any stage drops the packet and admits nobody")
{
    for (size_t i = 0; i < CLU_COUNT_OF(stages); i++) {
        sim s;
        start_asking(&s, stages[i], veto);
        sim_member *m = s.at[0];
        clu_counters before = *clu_engine_counters(m->engine);
        event_in(&s, "x2");
        CHECK_STR(sim_moved(m, &before), "veto");
        CHECK_EQ(sim_known(m), 1);
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, NULL), 0);
        CHECK_EQ(asked, i + 1);
        sim_fini(&s);
    }
}

TEST("ask-1.2 what a hook made of a packet is what goes on")
{
    for (size_t i = 0; i < CLU_COUNT_OF(stages); i++) {
        sim s;
        start_asking(&s, stages[i], replace);
        event_in(&s, "x1");
        const sim_news *news = sim_first(s.at[0], CLU_NEWS_EVENT, "x1");
        CHECK(news != NULL);
        CHECK_STR(news ? news->text : "", "other");
        sim_fini(&s);
    }
}

static void (*spoil)(clu_packet *p);

static clu_err replace_badly(sim_member *m, clu_question *q)
{
    (void)m;
    clu_packet p = *q->packet;
    spoil(&p);
    q->owned = clu_packet_copy(&p);
    return CLU_OK;
}

TEST("ask-1.3 what a hook made must still be a packet of somebody else")
{
    static const struct { void (*spoil)(clu_packet *); const char *counter; }
        cases[] = {
        { sim_own, "own" }, { sim_bad_sid, "identity" },
        { sim_no_sid, "missing" }, { sim_type_9, "type" },
        { sim_many_tags, "limit" }, { sim_long_tag, "limit" },
        { sim_without_c, "missing" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].counter);
        sim s;
        start_asking(&s, CLU_ASK_RECEIVE, replace_badly);
        spoil = cases[i].spoil;
        clu_counters before = *clu_engine_counters(s.at[0]->engine);
        event_in(&s, "x1");
        CHECK_STR(sim_moved(s.at[0], &before), cases[i].counter);
        CHECK_EQ(sim_known(s.at[0]), 1);
        sim_fini(&s);
    }
}

TEST("ask-1.4 a hook may leave the cluster at any stage")
{
    for (size_t i = 0; i < CLU_COUNT_OF(stages); i++) {
        sim s;
        start_asking(&s, stages[i], leave);
        sim_member *m = s.at[0];
        event_in(&s, "x1");
        CHECK_EQ(asked, 1);
        CHECK(clu_engine_left(m->engine));
        CHECK_EQ(sim_known(m), 0);
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, NULL), 0);
        CHECK(clu_engine_transport(m->engine, 0) != NULL);
        CHECK_EQ(clu_engine_deadline(m->engine), 0);
        sim_advance(&s, 10);
        CHECK(clu_engine_transport(m->engine, 0) == NULL);
        CHECK_EQ(clu_engine_deadline(m->engine), CLU_NEVER);
        event_in(&s, "x1");
        sim_fini(&s);
    }
}

TEST("ask-1.5 a service that goes while a hook runs comes back as new")
{
    for (size_t i = 1; i < CLU_COUNT_OF(stages); i++) {
        sim s;
        start_asking(&s, stages[i], lose);
        sim_member *m = s.at[0];
        uint64_t before = sim_find(m, "x1")->id;
        event_in(&s, "x1");
        CHECK(asked > 0);
        CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "x1"), 1);
        clu_service *again = sim_find(m, "x1");
        CHECK(again != NULL && again->id > before);
        sim_fini(&s);
    }
}

static void leave_when_told(sim_member *m, const clu_news *news)
{
    if (news->what == CLU_NEWS_TAGS || news->what == CLU_NEWS_EVENT) {
        sim_leave(m);
    }
}

static void lose_when_told(sim_member *m, const clu_news *news)
{
    if (news->what == CLU_NEWS_TAGS) {
        clu_packet p;
        clu_from from = here();
        sim_head(&p, "x1", CLU_TYPE_DISCONNECT);
        sim_receive_packet(m, "c", &from, &p);
        clu_engine_tick(m->engine, m->in->now + 50);
    }
}

TEST("ask-1.6 whoever is told may leave the cluster")
{
    for (int tags = 0; tags < 2; tags++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        m->told = leave_when_told;
        clu_packet p;
        clu_from from = here();
        sim_head(&p, "x1", CLU_TYPE_EVENT);
        if (tags) {
            clu_packet_list(&p, CLU_FIELD_tags, sim_list("web"));
        }
        sim_receive_packet(m, "c", &from, &p);
        CHECK(clu_engine_left(m->engine));
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, NULL), !tags);
        sim_fini(&s);
    }
}

TEST("ask-1.7 what a service says that goes meanwhile is not told")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    m->told = lose_when_told;
    clu_packet p;
    clu_from from = here();
    sim_head(&p, "x1", CLU_TYPE_EVENT);
    clu_packet_list(&p, CLU_FIELD_tags, sim_list("web"));
    sim_receive_packet(m, "c", &from, &p);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
    CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "x1"), 0);
    CHECK_EQ(sim_known(m), 0);
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

/* ---- frames -------------------------------------------------------------- */

TEST("ask-5.1 a frame that is refused on arrival is never decoded")
{
    sim s;
    start_asking(&s, CLU_ASK_ARRIVED, veto);
    sim_member *m = s.at[0];
    clu_from from = here();
    clu_counters before = *clu_engine_counters(m->engine);
    sim_receive(m, "c", &from, clu_slice_str("no packet"));
    CHECK_STR(sim_moved(m, &before), "veto");
    CHECK_EQ(asked, 1);
    sim_fini(&s);
}

TEST("ask-5.2 what a hook unpacked on arrival is what is decoded")
{
    sim s;
    start_asking(&s, CLU_ASK_ARRIVED, unpack);
    sim_member *m = s.at[0];
    clu_from from = here();
    sim_receive(m, "c", &from, clu_slice_str("sealed"));
    const sim_news *news = sim_first(m, CLU_NEWS_EVENT, "x9");
    CHECK(news != NULL);
    if (news != NULL) {
        CHECK_STR(news->text, "unpacked");
    }
    sim_fini(&s);
}

TEST("ask-5.3 another host's frames reach no hook while we are for this one")
{
    sim s;
    start_asking(&s, CLU_ASK_ARRIVED, veto);
    sim_member *m = s.at[0];
    clu_from from = here();
    from.local = false;
    clu_counters before = *clu_engine_counters(m->engine);
    sim_receive(m, "c", &from, clu_slice_str("no packet"));
    CHECK_STR(sim_moved(m, &before), "foreign");
    CHECK_EQ(asked, 0);
    sim_fini(&s);
}

/* Two that know each other; the first asks where its frames go. */
static void start_departing(sim *s, clu_ask at, const char *name)
{
    sim_init(s, 1);
    sim_start(s);
    sim_start(s);
    CHECK(sim_until(s, SIM_SECOND, sim_all_know));
    sim_forget(s);
    asked_at = at;
    asked = 0;
    departing = name;
    s->at[0]->ask = stop_there;
    clu_engine_patron(s->at[0]->engine)->asks = UINT32_MAX;
}

TEST("ask-5.4 a transport that may not go has failed: the next one goes")
{
    sim s;
    start_departing(&s, CLU_ASK_DEPART, "t");
    CHECK_EQ(sim_event(s.at[0], sim_service(s.at[0], s.at[1]), "hi"), CLU_OK);
    sim_advance(&s, 50);
    const sim_news *news = sim_first(s.at[1], CLU_NEWS_EVENT, NULL);
    CHECK(news != NULL && strcmp(news->via, "c") == 0);
    CHECK_EQ(asked, 1);
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_fallbacks), 1);
    sim_fini(&s);
}

TEST("ask-5.5 a hook that leaves while a frame departs: nothing more goes")
{
    const char *names[] = { "t", "c" };
    for (size_t i = 0; i < CLU_COUNT_OF(names); i++) {
        sim s;
        start_departing(&s, CLU_ASK_SEND, names[i]);
        sim_member *m = s.at[0];
        clu_service *other = i == 0 ? sim_service(m, s.at[1]) : NULL;
        clu_err err = i == 0 ? sim_event(m, other, "hi")
            : clu_engine_heartbeat(m->engine, true, true, 0, s.now);
        CHECK(err != CLU_OK);
        CHECK_EQ(asked, i == 0 ? 1 : 2);        /* c: the goodbye as well */
        CHECK(clu_engine_left(m->engine));
        CHECK(clu_engine_transport(m->engine, 0) != NULL);
        clu_engine_tick(m->engine, s.now);
        CHECK(clu_engine_transport(m->engine, 0) == NULL);
        sim_advance(&s, SIM_SECOND);
        CHECK_EQ(sim_told(s.at[1], CLU_NEWS_EVENT, NULL), 0);
        sim_fini(&s);
    }
}

static clu_err no_memory(sim_member *m, clu_question *q)
{
    (void)m;
    return q->what == asked_at ? CLU_NOMEM : CLU_OK;
}

TEST("ask-5.6 a hook without memory is counted as that, at any stage")
{
    static const clu_ask all[] = { CLU_ASK_ARRIVED, CLU_ASK_RECEIVE,
                                   CLU_ASK_ADMIT, CLU_ASK_VALIDATE };
    for (size_t i = 0; i < CLU_COUNT_OF(all); i++) {
        sim s;
        start_asking(&s, all[i], no_memory);
        clu_counters before = *clu_engine_counters(s.at[0]->engine);
        event_in(&s, "x2");
        CHECK_STR(sim_moved(s.at[0], &before), "nomem");
        CHECK_EQ(sim_known(s.at[0]), 1);
        sim_fini(&s);
    }
}

static uint64_t seen;           /* whom the hook was told it is about */

static clu_err leave_and_tick(sim_member *m, clu_question *q)
{
    if (q->what == CLU_ASK_ARRIVED) {
        asked++;
        seen = q->service != NULL ? q->service->id : 0;
    }
    sim_leave(m);
    clu_engine_tick(m->engine, m->in->now);
    CHECK(clu_engine_transport(m->engine, 0) != NULL);
    return CLU_OK;
}

TEST("ask-5.7 a hook knows whose connection a frame came by, and may leave")
{
    for (int bound = 0; bound < 2; bound++) {
        sim s;
        start_asking(&s, CLU_ASK_ARRIVED, leave_and_tick);
        sim_member *m = s.at[0];
        uint64_t id = sim_find(m, "x1")->id;
        clu_from from = here();
        from.link = 7;
        from.service = bound ? id : 0;
        sim_receive(m, "t", &from, clu_slice_str("no packet"));
        CHECK_EQ(asked, 1);
        CHECK_EQ(seen, bound ? id : 0);
        CHECK(clu_engine_left(m->engine));
        clu_engine_stop(m->engine, false);
        CHECK(clu_engine_transport(m->engine, 0) == NULL);
        sim_fini(&s);
    }
}

static bool by_stop;

/* While a frame is about to go, its transport stays until the hook is back. */
static clu_err leave_amid(sim_member *m, clu_question *q)
{
    if (q->what == CLU_ASK_DEPART && !clu_engine_left(m->engine)) {
        asked++;
        sim_leave(m);
        if (by_stop) {
            clu_engine_stop(m->engine, false);
        } else {
            clu_engine_tick(m->engine, m->in->now);
        }
        CHECK(clu_engine_transport(m->engine, 0) != NULL
              || !clu_engine_left(m->engine));
    }
    return CLU_OK;
}

TEST("ask-5.8 neither a tick nor stop ends a transport that is in use")
{
    for (int i = 0; i < 2; i++) {
        sim s;
        start_departing(&s, CLU_ASK_DEPART, "t");
        sim_member *m = s.at[0];
        m->ask = leave_amid;
        by_stop = i == 1;
        clu_engine_stop(m->engine, true);       /* it has not left: nothing */
        CHECK(clu_engine_transport(m->engine, 0) != NULL);
        CHECK_EQ(sim_event(m, sim_service(m, s.at[1]), "hi"), CLU_GONE);
        CHECK(asked > 0);
        clu_engine_stop(m->engine, false);
        CHECK(clu_engine_transport(m->engine, 0) == NULL);
        sim_fini(&s);
    }
}

/* Another packet of the newcomer, from this host or another, comes in while
   its first one is judged. */
static bool from_here;

static clu_err bring(sim_member *m, clu_question *q)
{
    if (q->what == asked_at && asked++ == 0) {
        clu_packet p;
        clu_from from = here();
        from.local = from_here;
        sim_head(&p, "x2", CLU_TYPE_HEARTBEAT);
        sim_receive_packet(m, "c", &from, &p);
    }
    return CLU_OK;
}

TEST("ask-5.9 a newcomer who comes in while a hook runs is no second one")
{
    for (int i = 0; i < 2; i++) {
        sim s;
        start_asking(&s, CLU_ASK_VALIDATE, bring);
        sim_member *m = s.at[0];
        clu_engine_config(m->engine)->remote = true;
        from_here = i == 0;
        clu_counters before = *clu_engine_counters(m->engine);
        event_in(&s, "x2");
        CHECK_EQ(sim_known(m), 2);
        CHECK_STR(sim_moved(m, &before), from_here ? "" : "identity");
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "x2"), from_here);
        sim_fini(&s);
    }
}

static void with_tags(clu_packet *p)
{
    clu_packet_list(p, CLU_FIELD_tags, sim_list("web one"));
}

TEST("ask-5.10 tags that a hook gave a packet are its sender's")
{
    sim s;
    start_asking(&s, CLU_ASK_RECEIVE, replace_badly);
    spoil = with_tags;
    event_in(&s, "x1");
    CHECK_EQ(sim_find(s.at[0], "x1")->tags.count, 2);
    CHECK_EQ(sim_told(s.at[0], CLU_NEWS_EVENT, "x1"), 1);
    sim_fini(&s);
}
