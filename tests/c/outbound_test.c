/*
 * outbound_test.c -- to many, to the group, and back to who asked.
 */
#include "check.h"
#include "sim.h"

/* ---- the group ----------------------------------------------------------- */

static clu_err to_group(sim_member *m, size_t services, bool must_fit,
                        size_t bytes)
{
    static char data[5000];
    memset(data, 'x', sizeof data);
    uint64_t ids[SIM_MEMBERS];
    size_t count = 0;
    clu_table *t = clu_engine_table(m->engine);
    for (clu_list *l = t->order.next; l != &t->order && count < services;
         l = l->next) {
        ids[count++] = CLU_SERVICE_OF(l)->id;
    }
    clu_packet p = { 0 };
    clu_engine_head(m->engine, &p, CLU_TYPE_EVENT, 0);
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(data, bytes));
    clu_outgoing out = { .packet = &p, .services = ids, .count = count,
                         .group = true, .must_fit = must_fit,
                         .allowed = CLU_SEND_ANY };
    clu_err err = clu_engine_send(m->engine, &out, m->in->now);
    CHECK(!clu_packet_has(&p, CLU_FIELD_filter));
    return err;
}

TEST("outbound-1.1 to the group: those in the filter hear it, or all")
{
    for (size_t n = 0; n < 4; n++) {
        sim s;
        sim_init(&s, 1);
        for (int i = 0; i < 4; i++) {
            sim_start(&s);
        }
        sim_advance(&s, 5000);
        CHECK_ERR(to_group(s.at[0], n, false, 10), CLU_OK);
        sim_advance(&s, 10);
        size_t heard = 0;
        for (size_t i = 0; i < 4; i++) {
            heard += sim_told(s.at[i], CLU_NEWS_EVENT, "m0");
        }
        CHECK_EQ(heard, n == 0 ? 3 : n);
        sim_fini(&s);
    }
}

TEST("outbound-1.2 what must fit a datagram and does not is refused")
{
    sim s;
    sim_init(&s, 1);
    sim_start(&s);
    sim_start(&s);
    sim_advance(&s, 5000);
    CHECK_ERR(to_group(s.at[0], 1, true, 1000), CLU_OK);
    CHECK_ERR(to_group(s.at[0], 1, true, 1400), CLU_LIMIT);
    CHECK_ERR(to_group(s.at[0], 1, false, 1400), CLU_OK);
    sim_fini(&s);
}

TEST("outbound-1.3 those who are gone are sent nothing, least of all to all")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    uint64_t gone[] = { 99999, 99998 };
    for (int group = 0; group < 2; group++) {
        clu_packet p = { 0 };
        clu_engine_head(a->engine, &p, CLU_TYPE_EVENT, 0);
        clu_err outcomes[2];
        clu_outgoing out = { .packet = &p, .services = gone, .count = 2,
                             .group = group, .allowed = CLU_SEND_ANY,
                             .outcomes = outcomes };
        CHECK_ERR(clu_engine_send(a->engine, &out, s.now), CLU_GONE);
        CHECK_ERR(outcomes[1], CLU_GONE);
    }
    sim_advance(&s, 100);
    CHECK_EQ(sim_told(b, CLU_NEWS_EVENT, NULL), 0);
    sim_fini(&s);
}

TEST("outbound-1.4 a filter of the host's own is kept")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s);
    for (int i = 1; i < 4; i++) {
        sim_tag(sim_add(&s), i % 2 ? "odd" : "even");
        sim_join(s.at[i]);
    }
    sim_advance(&s, 5000);
    clu_packet p = { 0 };
    clu_engine_head(a->engine, &p, CLU_TYPE_EVENT, 0);
    clu_packet_list(&p, CLU_FIELD_filter, sim_list("odd"));
    clu_outgoing out = { .packet = &p, .group = true };
    CHECK_ERR(clu_engine_send(a->engine, &out, s.now), CLU_OK);
    CHECK(clu_packet_has(&p, CLU_FIELD_filter));
    sim_advance(&s, 10);
    for (size_t i = 1; i < 4; i++) {
        CHECK_EQ(sim_told(s.at[i], CLU_NEWS_EVENT, "m0"), i % 2);
    }
    sim_fini(&s);
}

TEST("outbound-1.5 more than any filter may hold are refused")
{
    sim s;
    sim_init(&s, 1);
    sim_start(&s);
    sim_start(&s);
    sim_advance(&s, 5000);
    clu_engine_config(s.at[0]->engine)->limits.at[CLU_LIMIT_LIST_ITEMS] = 0;
    CHECK_ERR(to_group(s.at[0], 1, false, 10), CLU_LIMIT);
    sim_fini(&s);
}

TEST("outbound-1.6 one of those who are sent to is enough for success")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    uint64_t id = sim_service(a, b)->id;
    uint64_t lists[][2] = { { id, 99999 }, { 99999, id } };
    for (size_t i = 0; i < 2; i++) {
        clu_packet p = { 0 };
        clu_engine_head(a->engine, &p, CLU_TYPE_EVENT, 0);
        clu_err outcomes[2];
        clu_outgoing out = { .packet = &p, .services = lists[i], .count = 2,
                             .allowed = CLU_SEND_ANY, .outcomes = outcomes };
        CHECK_ERR(clu_engine_send(a->engine, &out, s.now), CLU_OK);
        CHECK_ERR(outcomes[i], CLU_OK);
        CHECK_ERR(outcomes[1 - i], CLU_GONE);
    }
    sim_fini(&s);
}

/* ---- answers ------------------------------------------------------------- */

TEST("outbound-2.1 an answer goes the way of its question, or another")
{
    static const struct { uint32_t allowed; const char *fault; const char *by; }
        cases[] = {
        { 1, NULL, "u" }, { 2, NULL, "t" }, { 4, NULL, "c" },
        { 1, "u", "t" }, { 2, "t", "u" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        for (int late = 0; late < 2; late++) {
            check_about("%u %s %d", cases[i].allowed, cases[i].by, late);
            sim_pair p;
            sim_pair_init(&p, "utc");
            if (cases[i].fault != NULL) {
                clu_net_spoil(p.s.net, late ? p.a->port : p.b->port,
                              cases[i].fault,
                              late ? CLU_NET_DEAF : CLU_NET_BROKEN);
            }
            uint64_t handle;
            clu_service *b = sim_service(p.a, p.b);
            clu_packet packet = { 0 };
            clu_engine_head(p.a->engine, &packet, CLU_TYPE_QUERY, 0);
            sim_text(&packet, CLU_FIELD_data, "who?");
            clu_ask_many many = { .services = &b->id, .count = 1,
                                  .packet = &packet, .timeout = 1000,
                                  .allowed = cases[i].allowed };
            CHECK_ERR(clu_engine_query(p.a->engine, &many, p.s.now, &handle),
                      CLU_OK);
            sim_advance(&p.s, 100);
            const sim_news *news = sim_first(p.a, CLU_NEWS_ANSWER, "m1");
            CHECK_STR(news ? news->via : "none", cases[i].by);
            sim_fini(&p.s);
        }
    }
}

TEST("outbound-2.2 a question from the group is answered to the asker alone")
{
    sim s;
    sim_init(&s, 1);
    for (int i = 0; i < 4; i++) {
        sim_start(&s);
    }
    sim_advance(&s, 5000);
    uint64_t before = sim_counter(s.at[2], CLU_COUNT_drop_filter);
    clu_service *b = sim_service(s.at[0], s.at[1]);
    clu_packet packet = { 0 };
    clu_engine_head(s.at[0]->engine, &packet, CLU_TYPE_QUERY, 0);
    clu_ask_many many = { .services = &b->id, .count = 1, .packet = &packet,
                          .group = true, .timeout = 1000 };
    uint64_t handle;
    CHECK_ERR(clu_engine_query(s.at[0]->engine, &many, s.now, &handle),
              CLU_OK);
    sim_advance(&s, 100);
    CHECK_EQ(sim_told(s.at[0], CLU_NEWS_ANSWER, "m1"), 1);
    CHECK_EQ(sim_counter(s.at[2], CLU_COUNT_drop_filter), before + 1);
    sim_fini(&s);
}

static clu_err refusal;

static clu_err refuse(sim_member *m, clu_question *q)
{
    (void)m;
    (void)q;
    return refusal;
}

static clu_err say_other(sim_member *m, clu_question *q)
{
    (void)m;
    clu_packet p = *q->packet;
    if (p.at[CLU_FIELD_type].number >= CLU_TYPE_QUERY) {
        sim_text(&p, CLU_FIELD_data, "other");
        q->owned = clu_packet_copy(&p);
    }
    return CLU_OK;
}

TEST("outbound-2.3 what a hook made of a packet is what leaves")
{
    sim s;
    sim_init(&s, 1);
    sim_member *a = sim_start(&s), *b = sim_start(&s);
    sim_advance(&s, 5000);
    a->ask = b->ask = say_other;
    clu_engine_patron(a->engine)->asks = 1u << CLU_ASK_SEND;
    clu_engine_patron(b->engine)->asks = 1u << CLU_ASK_SEND;
    CHECK_ERR(sim_event(a, sim_service(a, b), "one"), CLU_OK);
    CHECK_ERR(to_group(a, 1, false, 3), CLU_OK);
    CHECK_ERR(sim_query(a, NULL, "one", 1000, NULL), CLU_OK);
    sim_advance(&s, 100);
    CHECK_EQ(sim_told(b, CLU_NEWS_EVENT, "m0"), 2);
    CHECK_EQ(sim_told(a, CLU_NEWS_ANSWER, "m1"), 1);
    for (size_t i = 0; i < s.count; i++) {
        for (size_t k = 0; k < s.at[i]->count; k++) {
            const sim_news *news = &s.at[i]->log[k];
            if (news->what == CLU_NEWS_EVENT || news->what == CLU_NEWS_QUERY
                || news->what == CLU_NEWS_ANSWER) {
                CHECK_STR(news->text, "other");
            }
        }
    }
    sim_fini(&s);
}

TEST("outbound-2.4 what a hook refuses does not leave")
{
    static const clu_err errs[] = { CLU_VETO, CLU_NOMEM };
    for (size_t i = 0; i < 2; i++) {
        sim s;
        sim_init(&s, 1);
        sim_member *a = sim_start(&s), *b = sim_start(&s);
        sim_advance(&s, 5000);
        a->ask = refuse;
        refusal = errs[i];
        clu_engine_patron(a->engine)->asks = 1u << CLU_ASK_SEND;
        CHECK_ERR(sim_event(a, sim_service(a, b), "one"), errs[i]);
        CHECK_ERR(to_group(a, 1, false, 3), errs[i]);
        CHECK_ERR(clu_engine_heartbeat(a->engine, true, true, 0, s.now),
                  errs[i]);
        sim_advance(&s, 100);
        CHECK_EQ(sim_told(b, CLU_NEWS_EVENT, NULL), 0);
        CHECK_EQ(sim_service(a, b)->state, CLU_SERVICE_ALIVE);
        sim_fini(&s);
    }
}

TEST("outbound-2.5 an answer too long for a datagram goes another way")
{
    sim s;
    sim_init(&s, 1);
    sim_start(&s);
    sim_start(&s);
    sim_advance(&s, 5000);
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    clu_service *b = sim_service(s.at[0], s.at[1]);
    clu_packet packet = { 0 };
    clu_engine_head(s.at[0]->engine, &packet, CLU_TYPE_QUERY, 0);
    sim_text(&packet, CLU_FIELD_data, text);
    clu_ask_many many = { .services = &b->id, .count = 1, .packet = &packet,
                          .group = true, .timeout = 1000 };
    uint64_t handle;
    CHECK_ERR(clu_engine_query(s.at[0]->engine, &many, s.now, &handle),
              CLU_OK);
    sim_advance(&s, 100);
    CHECK_STR(sim_first(s.at[0], CLU_NEWS_ANSWER, "m1")->via, "t");
    sim_fini(&s);
}

static clu_err refuse_alone(sim_member *m, clu_question *q)
{
    (void)m;
    return q->audience_count == 1 && !q->group ? CLU_VETO : CLU_OK;
}

TEST("outbound-2.6 a hook sees our answer to a discovery, and whom it is for")
{
    for (int hooked = 0; hooked < 2; hooked++) {
        sim s;
        sim_init(&s, 1);
        sim_member *a = sim_start(&s);
        a->ask = refuse_alone;
        clu_engine_patron(a->engine)->asks = hooked ? 1u << CLU_ASK_SEND : 0;
        sim_advance(&s, 1000);
        sim_member *b = sim_start(&s);
        sim_advance(&s, 100);
        CHECK_EQ(sim_service(b, a) == NULL, hooked);
        sim_fini(&s);
    }
}

/* ---- replies to other hosts ---------------------------------------------- */

static uint64_t to_source;      /* bytes of datagrams to one address */

static void weigh(void *ctx, uint16_t from, uint16_t to, const char *name,
                  clu_slice frame)
{
    (void)ctx;
    (void)from;
    if (to != 0 && (strcmp(name, "c") == 0 || strcmp(name, "d") == 0)) {
        to_source += frame.n;
    }
}

static clu_err answer_long(sim_member *m, clu_question *q)
{
    (void)m;
    if (q->packet->at[CLU_FIELD_type].number == CLU_TYPE_RESPONSE) {
        static unsigned char text[300];
        clu_packet p = *q->packet;
        clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(text, sizeof text));
        q->owned = clu_packet_copy(&p);
    }
    return CLU_OK;
}

/* Twenty packets from one address; the bytes of their frames. */
static uint64_t provoke(sim *s, sim_member *m, bool local, clu_type type,
                        const char *data)
{
    uint64_t came = 0;
    for (int k = 0; k < 20; k++) {
        clu_packet p;
        clu_from from = sim_from(23000);
        from.local = local;
        sim_head(&p, "x1", type);
        clu_packet_list(&p, CLU_FIELD_protocols, sim_list("d c"));
        sim_text(&p, CLU_FIELD_data, data);
        clu_buf frame;
        clu_buf_init(&frame, 1000);
        clu_packet_encode(&p, &frame);
        came += frame.n;
        clu_buf_fini(&frame);
        sim_receive_packet(m, "c", &from, &p);
        sim_advance(s, 500);
    }
    return came;
}

TEST("outbound-3.1 a datagram's reply to another host never outweighs it")
{
    static const struct { clu_type type; const char *data; } cases[] = {
        { CLU_TYPE_DISCOVERY, "caps 2 d {port 40001}" },
        { CLU_TYPE_DISCOVERY, "d {port 40001}" },
        { CLU_TYPE_QUERY, "x" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        for (int local = 0; local < 2; local++) {
            check_about("%zu %d", i, local);
            sim s;
            sim_init(&s, 1);
            s.protocols = "dc";
            sim_member *m = sim_add(&s);
            clu_engine_config(m->engine)->remote = true;
            sim_tag(m, "many tags so that our reply is long enough to be "
                    "an amplifier in the hands of some forger out there");
            clu_net_watch(s.net, weigh, NULL);
            m->ask = answer_long;
            clu_engine_patron(m->engine)->asks = 1u << CLU_ASK_SEND;
            to_source = 0;
            uint64_t came = provoke(&s, m, local, CLU_TYPE_HEARTBEAT,
                                    cases[0].data);
            came = local ? 0 : came;
            came += provoke(&s, m, local, cases[i].type, cases[i].data);
            CHECK(local ? to_source > came : to_source <= came);
            CHECK(to_source > 0);
            sim_fini(&s);
        }
    }
}

TEST("outbound-3.2 credit is not carried to another address")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->remote = true;
    clu_packet p;
    clu_from from = sim_from(23000);
    from.local = false;
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    for (int k = 0; k < 20; k++) {
        sim_receive_packet(m, "c", &from, &p);
    }
    uint64_t earned = sim_find(m, "x1")->credit;
    from.addr.ip[3] = 2;
    sim_receive_packet(m, "c", &from, &p);
    CHECK_EQ(sim_find(m, "x1")->credit * 20, earned);
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("outbound-4.1 a filter beyond a packet's length is refused")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_engine_config(p.a->engine)->limits.at[CLU_LIMIT_MESSAGE] = 1;
    CHECK_ERR(to_group(p.a, 1, false, 10), CLU_LIMIT);
    sim_fini(&p.s);
}

TEST("outbound-4.2 which transport took it is said for the group as well")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    uint8_t used = 99;
    clu_packet packet = { 0 };
    clu_engine_head(p.a->engine, &packet, CLU_TYPE_EVENT, 0);
    uint64_t id = sim_service(p.a, p.b)->id;
    clu_outgoing out = { .packet = &packet, .services = &id, .count = 1,
                         .group = true, .used = &used };
    CHECK_ERR(clu_engine_send(p.a->engine, &out, p.s.now), CLU_OK);
    CHECK_EQ(used, 1);
    sim_fini(&p.s);
}

TEST("outbound-4.3 an answer by no transport goes by one that reaches")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_packet q = { 0 };
    clu_engine_head(p.b->engine, &q, CLU_TYPE_QUERY, 0);
    clu_reply reply = { .service = sim_service(p.a, p.b)->id, .via = 99 };
    CHECK_ERR(clu_engine_answer(p.a->engine, &reply, &q, clu_slice_str("x"),
                                false, p.s.now), CLU_OK);
    reply.via = 1;              /* the group, without a datagram's source */
    CHECK_ERR(clu_engine_answer(p.a->engine, &reply, &q, clu_slice_str("x"),
                                false, p.s.now), CLU_OK);
    reply.service = 99999;
    CHECK_ERR(clu_engine_answer(p.a->engine, &reply, &q, clu_slice_str("x"),
                                false, p.s.now), CLU_GONE);
    sim_advance(&p.s, 50);
    CHECK_EQ(sim_counter(p.b, CLU_COUNT_drop_unasked), 2);
    sim_fini(&p.s);
}

TEST("outbound-4.4 a filter of the host's own goes to one as it is")
{
    sim_pair p;
    sim_pair_init(&p, "tc");
    clu_packet packet = { 0 };
    clu_engine_head(p.a->engine, &packet, CLU_TYPE_EVENT, 0);
    clu_packet_list(&packet, CLU_FIELD_filter, sim_list("nobody"));
    uint64_t id = sim_service(p.a, p.b)->id;
    clu_outgoing out = { .packet = &packet, .services = &id, .count = 1,
                         .allowed = CLU_SEND_ANY };
    CHECK_ERR(clu_engine_send(p.a->engine, &out, p.s.now), CLU_OK);
    CHECK(clu_packet_has(&packet, CLU_FIELD_filter));
    sim_advance(&p.s, 50);
    CHECK_EQ(sim_counter(p.b, CLU_COUNT_drop_filter), 1);
    sim_fini(&p.s);
}
