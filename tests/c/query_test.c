/*
 * query_test.c -- open questions: each ends once, however it ends.
 */
#include "check.h"
#include "sim.h"

static void start(sim *s, size_t members)
{
    sim_init(s, 1);
    for (size_t i = 0; i < members; i++) {
        sim_start(s);
    }
    sim_advance(s, 5000);
    sim_forget(s);
}

/* What was told about a query: a letter each, as it came. */
static const char *story(const sim_member *m, uint64_t query)
{
    static char out[100];
    static const char letters[] = {
        [CLU_NEWS_STARTED] = 's', [CLU_NEWS_ANSWER] = 'a',
        [CLU_NEWS_ASKED_LOST] = 'l', [CLU_NEWS_ASKED_FAILED] = 'f',
        [CLU_NEWS_TIMEOUT] = 't', [CLU_NEWS_DONE] = 'd',
    };
    size_t n = 0;
    for (size_t i = 0; i < m->count && n < sizeof out - 1; i++) {
        if (m->log[i].query == query) {
            out[n++] = letters[m->log[i].what];
        }
    }
    out[n] = '\0';
    return out;
}

TEST("query-1.1 each who is asked answers once, then it is done")
{
    sim s;
    start(&s, 6);
    uint64_t q;
    CHECK_ERR(sim_query(s.at[0], NULL, "who?", 5000, &q), CLU_OK);
    CHECK_STR(story(s.at[0], q), "s");
    CHECK_EQ(clu_engine_query_owing(s.at[0]->engine, q, NULL, 0), 5);
    sim_advance(&s, 10000);
    CHECK_STR(story(s.at[0], q), "saaaaad");
    for (size_t i = 1; i < 6; i++) {
        CHECK_EQ(sim_told(s.at[0], CLU_NEWS_ANSWER, s.at[i]->sid), 1);
        CHECK_STR(sim_first(s.at[0], CLU_NEWS_ANSWER, NULL)->text, "who?");
    }
    CHECK_EQ(clu_engine_open_queries(s.at[0]->engine), 0);
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_queries_answered), 5);
    sim_fini(&s);
}

TEST("query-1.2 five hundred at once, from all sides, each done once")
{
    sim s;
    start(&s, 5);
    static uint64_t q[5][100];
    for (int k = 0; k < 100; k++) {
        for (size_t i = 0; i < 5; i++) {
            CHECK_ERR(sim_query(s.at[i], NULL, "x", 5000, &q[i][k]), CLU_OK);
        }
        sim_advance(&s, k % 3);
    }
    sim_advance(&s, 1000);
    for (size_t i = 0; i < 5; i++) {
        for (int k = 0; k < 100; k++) {
            CHECK_STR(story(s.at[i], q[i][k]), "saaaad");
        }
    }
    sim_fini(&s);
}

TEST("query-1.3 an error is an answer, and counted as a failure")
{
    sim s;
    start(&s, 2);
    s.at[1]->refuses = true;
    uint64_t q;
    sim_query(s.at[0], NULL, "no such thing", 5000, &q);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sad");
    CHECK(sim_first(s.at[0], CLU_NEWS_ANSWER, NULL)->failed);
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_queries_failed), 1);
    sim_fini(&s);
}

TEST("query-1.4 where nobody answers questions the answer is empty")
{
    sim s;
    start(&s, 2);
    clu_engine_patron(s.at[1]->engine)->tells &= ~(1u << CLU_NEWS_QUERY);
    uint64_t q;
    sim_query(s.at[0], NULL, "x", 5000, &q);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sad");
    CHECK_STR(sim_first(s.at[0], CLU_NEWS_ANSWER, NULL)->text, "");
    sim_fini(&s);
}

/* ---- whose answer -------------------------------------------------------- */

static void answer_as(sim *s, const char *sid, const char *ruid)
{
    clu_packet p;
    clu_from from = sim_from(1);
    sim_head(&p, sid, CLU_TYPE_RESPONSE);
    if (ruid != NULL) {
        sim_text(&p, CLU_FIELD_ruid, ruid);
    }
    sim_text(&p, CLU_FIELD_data, "mine");
    sim_receive_packet(s->at[0], "c", &from, &p);
}

static clu_err ask_as(sim *s, const char *id, uint64_t *q)
{
    clu_engine *e = s->at[0]->engine;
    clu_service *to = sim_service(s->at[0], s->at[1]);
    clu_packet p = { 0 };
    clu_engine_head(e, &p, CLU_TYPE_QUERY, 0);
    clu_ask_many many = { .id = clu_slice_str(id), .services = &to->id,
                          .count = 1, .packet = &p, .allowed = CLU_SEND_ANY,
                          .timeout = 1000 };
    return clu_engine_query(e, &many, s->now, q);
}

TEST("query-2.1 an answer counts by its id and its sender, once")
{
    sim s;
    start(&s, 3);
    s.at[1]->holds = true;
    uint64_t q, other;
    CHECK_ERR(ask_as(&s, "one", &q), CLU_OK);
    CHECK_ERR(ask_as(&s, "two", &other), CLU_OK);
    sim_advance(&s, 10);
    uint64_t unasked = 0;
    static const struct { const char *sid, *ruid; bool counts; } answers[] = {
        { "m2", "one", false }, { "x1", "one", false }, { "m1", "on", false },
        { "m1", "", false }, { "m1", NULL, false }, { "m1", "one", true },
        { "m1", "one", false },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(answers); i++) {
        check_about("%zu", i);
        answer_as(&s, answers[i].sid, answers[i].ruid);
        unasked += !answers[i].counts;
        CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_drop_unasked), unasked);
    }
    CHECK_STR(story(s.at[0], q), "sad");
    CHECK_STR(story(s.at[0], other), "s");
    sim_fini(&s);
}

TEST("query-2.2 an answer that comes too late is nobody's")
{
    sim s;
    start(&s, 2);
    s.at[1]->holds = true;
    uint64_t q;
    sim_query(s.at[0], NULL, "x", 300, &q);
    clu_ms begin = s.now;
    sim_advance(&s, 1000);
    CHECK_STR(story(s.at[0], q), "std");
    CHECK_EQ(sim_first(s.at[0], CLU_NEWS_TIMEOUT, NULL)->at - begin, 300);
    sim_answer_held(s.at[1]);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "std");
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_drop_unasked), 1);
    sim_fini(&s);
}

TEST("query-2.3 an id in use is refused, and free when its query is done")
{
    sim s;
    start(&s, 2);
    uint64_t q, again;
    CHECK_ERR(ask_as(&s, "mine", &q), CLU_OK);
    CHECK_ERR(ask_as(&s, "mine", &again), CLU_EXISTS);
    CHECK_EQ(clu_engine_query_find(s.at[0]->engine, clu_slice_str("mine")),
             q);
    clu_engine_query_end(s.at[0]->engine, q);
    clu_engine_query_end(s.at[0]->engine, q);
    CHECK_STR(story(s.at[0], q), "sd");
    CHECK_ERR(ask_as(&s, "mine", &again), CLU_OK);
    CHECK(again != q);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], again), "sad");
    sim_fini(&s);
}

/* ---- other ends ---------------------------------------------------------- */

TEST("query-3.1 one who is lost is told as lost; the query does not wait")
{
    sim s;
    start(&s, 4);
    s.at[1]->holds = s.at[2]->holds = true;
    uint64_t q;
    sim_query(s.at[0], NULL, "x", 60000, &q);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sa");
    sim_leave(s.at[1]);
    sim_kill(s.at[2]);
    sim_advance(&s, 10000);
    CHECK_STR(story(s.at[0], q), "salld");
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_queries_lost), 2);
    sim_fini(&s);
}

TEST("query-3.2 one who cannot be asked is told as failed, at once or later")
{
    static const clu_net_fault faults[] = { CLU_NET_BROKEN, CLU_NET_DEAF,
                                            CLU_NET_FULL };
    for (size_t i = 0; i < CLU_COUNT_OF(faults); i++) {
        check_about("fault %u", faults[i]);
        sim s;
        start(&s, 2);
        bool deaf = faults[i] == CLU_NET_DEAF;
        clu_net_spoil(s.net, s.at[deaf]->port, "t", faults[i]);
        clu_net_spoil(s.net, s.at[0]->port, "c", CLU_NET_BROKEN);
        uint64_t q;
        CHECK_ERR(sim_query(s.at[0], NULL, "x", 60000, &q), CLU_OK);
        CHECK_STR(story(s.at[0], q), "s");
        CHECK_EQ(clu_engine_open_queries(s.at[0]->engine), 1);
        sim_advance(&s, 0);
        CHECK_STR(story(s.at[0], q), "sfd");
        CHECK_ERR(sim_first(s.at[0], CLU_NEWS_ASKED_FAILED, "m1")->err,
                  faults[i] == CLU_NET_FULL ? CLU_LIMIT : CLU_SYSTEM);
        sim_fini(&s);
    }
}

TEST("query-3.3 ids that are unknown or doubled ask nobody twice")
{
    sim s;
    start(&s, 3);
    clu_engine *e = s.at[0]->engine;
    uint64_t b = sim_service(s.at[0], s.at[1])->id;
    uint64_t c = sim_service(s.at[0], s.at[2])->id;
    uint64_t ids[] = { c, 99999, b, c, b, 99998, b };
    for (int group = 0; group < 2; group++) {
        clu_packet p = { 0 };
        clu_engine_head(e, &p, CLU_TYPE_QUERY, 0);
        clu_ask_many many = { .services = ids, .count = CLU_COUNT_OF(ids),
                              .packet = &p, .group = group, .timeout = 1000,
                              .allowed = CLU_SEND_ANY };
        uint64_t q, owing[8];
        CHECK_ERR(clu_engine_query(e, &many, s.now, &q), CLU_OK);
        CHECK_EQ(clu_engine_query_owing(e, q, owing, 8), 2);
        CHECK_EQ(owing[0] + owing[1], b + c);
        sim_advance(&s, 100);
        CHECK_STR(story(s.at[0], q), "saad");
        CHECK_EQ(sim_told(s.at[1], CLU_NEWS_QUERY, NULL), group + 1);
        many.services = &ids[1];
        many.count = 1;
        CHECK_ERR(clu_engine_query(e, &many, s.now, &q), CLU_GONE);
        many.count = 0;
        CHECK_ERR(clu_engine_query(e, &many, s.now, &q), CLU_GONE);
    }
    sim_fini(&s);
}

TEST("query-3.4 no more are open than the limit says")
{
    sim s;
    start(&s, 2);
    s.at[1]->holds = true;
    clu_engine_config(s.at[0]->engine)->limits.at[CLU_LIMIT_QUERIES] = 3;
    for (int i = 0; i < 5; i++) {
        CHECK_ERR(sim_query(s.at[0], NULL, "x", 100, NULL),
                  i < 3 ? CLU_OK : CLU_LIMIT);
    }
    sim_advance(&s, 200);
    CHECK_ERR(sim_query(s.at[0], NULL, "x", 100, NULL), CLU_OK);
    sim_fini(&s);
}

TEST("query-3.5 a time-out beyond all time is none")
{
    sim s;
    start(&s, 2);
    uint64_t q;
    CHECK_ERR(sim_query(s.at[0], NULL, "x", INT64_MAX, &q), CLU_OK);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sad");
    sim_fini(&s);
}

TEST("query-3.6 a failure at once is told while another still owes")
{
    sim s;
    start(&s, 2);
    s.at[1]->holds = true;
    clu_packet stranger, p = { 0 };
    clu_from from = sim_from(1);
    sim_head(&stranger, "x1", CLU_TYPE_HEARTBEAT);
    sim_receive_packet(s.at[0], "c", &from, &stranger);
    uint64_t ids[] = { sim_find(s.at[0], "x1")->id,
                       sim_service(s.at[0], s.at[1])->id }, q;
    clu_engine_head(s.at[0]->engine, &p, CLU_TYPE_QUERY, 0);
    clu_ask_many many = { .services = ids, .count = 2, .packet = &p,
                          .allowed = 1, .timeout = 5000 };
    CHECK_ERR(clu_engine_query(s.at[0]->engine, &many, s.now, &q), CLU_OK);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sf");
    CHECK_ERR(sim_first(s.at[0], CLU_NEWS_ASKED_FAILED, "x1")->err,
              CLU_UNREACHABLE);
    sim_advance(&s, 5000);
    CHECK_STR(story(s.at[0], q), "sftd");
    sim_fini(&s);
}

TEST("query-3.7 a failure that comes when it is over is nobody's")
{
    sim s;
    start(&s, 2);
    clu_net_spoil(s.net, s.at[1]->port, "t", CLU_NET_DEAF);
    clu_net_spoil(s.net, s.at[0]->port, "c", CLU_NET_BROKEN);
    uint64_t q;
    CHECK_ERR(sim_query(s.at[0], NULL, "x", 60000, &q), CLU_OK);
    clu_engine_query_end(s.at[0]->engine, q);
    sim_advance(&s, 100);
    CHECK_STR(story(s.at[0], q), "sd");
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_unreachable), 1);
    CHECK_EQ(sim_counter(s.at[0], CLU_COUNT_queries_failed), 0);
    sim_fini(&s);
}

/* ---- from within --------------------------------------------------------- */

static clu_news_kind ends_at;
static int then;                /* 0 end the query, 1 leave, 2 ask anew */

static void act_when_told(sim_member *m, const clu_news *news)
{
    if (news->what != ends_at) {
        return;
    }
    if (then == 0) {
        clu_engine_query_end(m->engine, news->query);
    } else if (then == 1) {
        sim_leave(m);
    } else if (sim_told(m, CLU_NEWS_STARTED, NULL) < 5) {
        CHECK_ERR(sim_query(m, NULL, "again", 100, NULL), CLU_OK);
    }
}

TEST("query-4.1 whoever is told may end it, leave, or ask anew")
{
    static const clu_news_kind kinds[] = {
        CLU_NEWS_STARTED, CLU_NEWS_ANSWER, CLU_NEWS_ASKED_LOST,
        CLU_NEWS_ASKED_FAILED, CLU_NEWS_TIMEOUT, CLU_NEWS_DONE,
    };
    for (size_t i = 0; i < CLU_COUNT_OF(kinds); i++) {
        for (then = 0; then < 3; then++) {
            check_about("%u %d", kinds[i], then);
            sim s;
            start(&s, 5);
            sim_member *m = s.at[0];
            m->told = act_when_told;
            ends_at = kinds[i];
            s.at[1]->holds = s.at[2]->holds = s.at[4]->holds = true;
            clu_net_spoil(s.net, m->port, "c", CLU_NET_BROKEN);
            clu_net_spoil(s.net, s.at[4]->port, "t", CLU_NET_DEAF);
            sim_query(m, NULL, "x", 1000, NULL);
            sim_advance(&s, 10);
            sim_leave(s.at[2]);
            sim_advance(&s, 20000);
            CHECK(sim_told(m, kinds[i], NULL) >= 1);
            CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL),
                     sim_told(m, CLU_NEWS_STARTED, NULL));
            CHECK_EQ(clu_engine_open_queries(m->engine), 0);
            sim_fini(&s);
        }
    }
}

static uint64_t both;           /* handles, added */

static void end_the_other(sim_member *m, const clu_news *news)
{
    if (news->what == CLU_NEWS_ASKED_LOST) {
        clu_engine_query_end(m->engine, both - news->query);
    }
}

TEST("query-4.5 whoever is told of one's loss may end another that asked it")
{
    sim s;
    start(&s, 2);
    sim_member *m = s.at[0];
    s.at[1]->holds = true;
    uint64_t q[2];
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(sim_query(m, NULL, "x", 60000, &q[i]), CLU_OK);
    }
    both = q[0] + q[1];
    m->told = end_the_other;
    sim_advance(&s, 10);
    sim_leave(s.at[1]);
    sim_advance(&s, 100);
    CHECK_EQ(sim_told(m, CLU_NEWS_ASKED_LOST, NULL), 1);
    CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), 2);
    CHECK_EQ(sim_counter(m, CLU_COUNT_queries_lost), 1);
    sim_fini(&s);
}

TEST("query-4.4 whoever is told late that it failed may end it, or leave")
{
    for (then = 0; then < 2; then++) {
        check_about("%d", then);
        sim s;
        start(&s, 4);
        sim_member *m = s.at[0];
        m->told = act_when_told;
        ends_at = CLU_NEWS_ASKED_FAILED;
        clu_net_spoil(s.net, m->port, "t", CLU_NET_BROKEN);
        clu_net_spoil(s.net, m->port, "c", CLU_NET_BROKEN);
        CHECK_ERR(sim_query(m, NULL, "x", 1000, NULL), CLU_OK);
        CHECK_EQ(sim_told(m, CLU_NEWS_ASKED_FAILED, NULL), 0);
        sim_advance(&s, 10);
        CHECK_EQ(sim_told(m, CLU_NEWS_ASKED_FAILED, NULL), 1);
        CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), 1);
        sim_advance(&s, 5000);
        CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), 1);
        sim_fini(&s);
    }
}

/* What they say while the question is still on its way. */
static void answer_early(sim_member *m, clu_slice id)
{
    static const char *const sids[] = { "m1", "m2" };
    for (size_t i = 0; i < CLU_COUNT_OF(sids); i++) {
        clu_packet p;
        clu_from from = sim_from((uint16_t)(40001 + i));
        sim_head(&p, sids[i], CLU_TYPE_RESPONSE);
        clu_packet_text(&p, CLU_FIELD_ruid, id);
        sim_receive_packet(m, "c", &from, &p);
    }
}

static clu_err hook(sim_member *m, clu_question *q)
{
    if (q->packet->at[CLU_FIELD_type].number != CLU_TYPE_QUERY) {
        return CLU_OK;
    }
    clu_slice id = q->packet->at[CLU_FIELD_ruid].text;
    if (then == 0) {
        clu_engine_query_end(m->engine,
                             clu_engine_query_find(m->engine, id));
    } else if (then == 1) {
        sim_leave(m);
    } else if (then == 2 || then == 4) {
        return then == 2 ? CLU_VETO : CLU_NOMEM;
    } else if (then == 5) {
        answer_early(m, id);
    } else {                    /* lose one of those who are asked */
        clu_packet p;
        clu_from from = sim_from(40001);
        sim_head(&p, "m1", CLU_TYPE_DISCONNECT);
        sim_receive_packet(m, "c", &from, &p);
        clu_engine_tick(m->engine, m->in->now + 20);
    }
    return CLU_OK;
}

TEST("query-4.2 a hook on the question may end it, leave, veto, lose one")
{
    static const clu_err results[] = { CLU_OK, CLU_GONE, CLU_VETO, CLU_OK,
                                      CLU_OK, CLU_OK };
    static const char *const stories[] = { "sd", "", "", "sald", "sffd",
                                           "aasd" };
    for (then = 0; then < 6; then++) {
        check_about("%d", then);
        sim s;
        start(&s, 3);
        sim_member *m = s.at[0];
        m->ask = hook;
        clu_engine_patron(m->engine)->asks = 1u << CLU_ASK_SEND;
        uint64_t q = 1;
        CHECK_ERR(sim_query(m, NULL, "x", 1000, &q), results[then]);
        sim_advance(&s, 5000);
        CHECK_STR(story(m, q), stories[then]);
        CHECK_EQ(clu_engine_open_queries(m->engine), 0);
        sim_fini(&s);
    }
}

TEST("query-4.3 leaving ends every query, each with done alone")
{
    sim s;
    start(&s, 3);
    uint64_t q[10];
    for (int i = 0; i < 10; i++) {
        sim_query(s.at[0], NULL, "x", 1000, &q[i]);
    }
    sim_leave(s.at[0]);
    for (int i = 0; i < 10; i++) {
        CHECK_STR(story(s.at[0], q[i]), "sd");
    }
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("query-5.1 who still owes, as far as there is room to say so")
{
    sim s;
    start(&s, 4);
    s.at[2]->holds = s.at[3]->holds = true;
    uint64_t q, ids[4];
    CHECK_ERR(sim_query(s.at[0], NULL, "x", 1000, &q), CLU_OK);
    CHECK_EQ(clu_engine_query_owing(s.at[0]->engine, q, ids, 4), 3);
    sim_advance(&s, 100);
    CHECK_EQ(clu_engine_query_owing(s.at[0]->engine, q, ids, 4), 2);
    CHECK_EQ(clu_engine_query_owing(s.at[0]->engine, q, ids, 1), 2);
    CHECK_EQ(clu_engine_query_owing(s.at[0]->engine, q + 1, ids, 4), 0);
    CHECK_EQ(clu_engine_query_find(s.at[0]->engine, clu_slice_str("x")), 0);
    clu_engine_query_end(s.at[0]->engine, q + 1);
    CHECK_EQ(clu_engine_open_queries(s.at[0]->engine), 1);
    sim_fini(&s);
}

/* Maps and the heap grow on the way, and its list of many is on the heap. */
TEST("query-5.2 without memory at any moment none is left half open")
{
    sim s;
    start(&s, 15);
    sim_member *m = s.at[0];
    for (size_t i = 1; i < s.count; i++) {
        s.at[i]->holds = true;
    }
    size_t failed = 0, opened = 0;
    for (size_t i = 0; i < 60; i++) {
        clu_err err = CLU_NOMEM;
        for (long n = 1; err != CLU_OK && n < 50; n++) {
            clu_alloc_fail_at(n, true);
            err = sim_query(m, NULL, "x", 100000, NULL);
            clu_alloc_fail_at(0, false);
            opened += err == CLU_OK;
            failed += err == CLU_NOMEM;
            CHECK(err == CLU_OK || err == CLU_NOMEM);
            CHECK_EQ(clu_engine_open_queries(m->engine), opened);
        }
    }
    CHECK_EQ(opened, 60);
    CHECK(failed > 60);
    sim_fini(&s);
}
