/*
 * inbound_test.c -- the gates a packet passes, and what it says of its sender.
 */
#include "check.h"
#include "sim.h"

/* ---- one bad packet, one counter ----------------------------------------- */

static clu_from here(void) { return sim_from(23000); }
static clu_from elsewhere(void)
{
    clu_from from = sim_from(23000);
    from.addr.ip[0] = 10;
    from.local = false;
    return from;
}

static void as_is(clu_packet *p) { (void)p; }
static void no_hid(clu_packet *p) { clu_packet_remove(p, CLU_FIELD_hid); }
static void no_type(clu_packet *p) { clu_packet_remove(p, CLU_FIELD_type); }
static void no_protocols(clu_packet *p)
{
    clu_packet_remove(p, CLU_FIELD_protocols);
}
static void no_channel(clu_packet *p)
{
    clu_packet_remove(p, CLU_FIELD_channel);
}
static void foreign_hid(clu_packet *p)
{
    sim_text(p, CLU_FIELD_hid, "02:fc:00:00:00:02");
}
static void channel_5(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_channel, 5);
}
static void type_huge(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, UINT64_MAX);
}
static void goodbye(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, CLU_TYPE_DISCONNECT);
}
static void answer(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, CLU_TYPE_RESPONSE);
    sim_text(p, CLU_FIELD_ruid, "nobody's");
}
static void for_others(clu_packet *p)
{
    clu_packet_list(p, CLU_FIELD_filter, sim_list("m9 m8 web2"));
}
static void for_nobody(clu_packet *p)
{
    clu_packet_list(p, CLU_FIELD_filter, sim_list(""));
}
static void no_dict(clu_packet *p) { sim_text(p, CLU_FIELD_data, "odd"); }
static void much_data(clu_packet *p)
{
    static unsigned char text[5000];
    memset(text, ' ', sizeof text);
    clu_packet_text(p, CLU_FIELD_data, clu_slice_of(text, sizeof text));
}
static void long_sid(clu_packet *p)
{
    static char text[200];
    memset(text, 'a', sizeof text - 1);
    sim_text(p, CLU_FIELD_sid, text);
}
static void ping_without(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, CLU_TYPE_PING);
}
static void ping_no_list(clu_packet *p)
{
    ping_without(p);
    sim_text(p, CLU_FIELD_data, "a {b");
}
static void failure_without(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, CLU_TYPE_FAILURE);
}
static void failure_no_dict(clu_packet *p)
{
    failure_without(p);
    sim_text(p, CLU_FIELD_data, "protocols");
}

typedef struct bad_case {
    const char *what, *counter;
    void (*spoil)(clu_packet *p);
    clu_from (*from)(void);
    size_t known;               /* services there afterwards */
} bad_case;

static const bad_case bad_cases[] = {
    { "good", "", as_is, here, 1 },
    { "our own", "own", sim_own, here, 0 },
    { "bad sid", "identity", sim_bad_sid, here, 0 },
    { "no sid", "missing", sim_no_sid, here, 0 },
    { "no hid", "missing", no_hid, here, 0 },
    { "no type", "missing", no_type, here, 0 },
    { "no channel", "missing", no_channel, here, 0 },
    { "no protocols", "missing", no_protocols, here, 0 },
    { "no c", "missing", sim_without_c, here, 0 },
    { "hid of another host", "foreign", foreign_hid, here, 0 },
    { "address of another host", "foreign", as_is, elsewhere, 0 },
    { "channel 5", "channel", channel_5, here, 0 },
    { "type 9", "type", sim_type_9, here, 0 },
    { "type 2^64-1", "type", type_huge, here, 0 },
    { "goodbye of a stranger", "unknown", goodbye, here, 0 },
    { "filter of others", "filter", for_others, here, 0 },
    { "empty filter", "filter", for_nobody, here, 0 },
    { "sid too long", "limit", long_sid, here, 0 },
    { "tag too long", "limit", sim_long_tag, here, 0 },
    { "too many tags", "limit", sim_many_tags, here, 0 },
    { "answer unasked", "unasked", answer, here, 1 },
    { "props no dict", "malformed", no_dict, here, 1 },
    { "props too long", "limit", much_data, here, 1 },
    { "ping without list", "missing", ping_without, here, 1 },
    { "ping with no list", "malformed", ping_no_list, here, 1 },
    { "failure without data", "missing", failure_without, here, 1 },
    { "failure with no dict", "malformed", failure_no_dict, here, 1 },
};

TEST("inbound-1.1 each bad packet moves one counter, its own")
{
    for (size_t i = 0; i < CLU_COUNT_OF(bad_cases); i++) {
        const bad_case *c = &bad_cases[i];
        check_about("%s", c->what);
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        clu_counters before = *clu_engine_counters(m->engine);
        clu_packet p;
        sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
        c->spoil(&p);
        clu_from from = c->from();
        sim_receive_packet(m, "c", &from, &p);
        CHECK_STR(sim_moved(m, &before), c->counter);
        CHECK_EQ(sim_known(m), c->known);
        sim_fini(&s);
    }
}

TEST("inbound-1.2 bytes that are no packet move one counter, its own")
{
    static const struct { const char *bytes; size_t n; const char *counter; }
        cases[] = {
        { "", 0, "missing" }, { "\x01", 1, "malformed" },
        { "\x01\x81", 2, "malformed" }, { "\x10\x01", 2, "field" },
        { "\x00\x01", 2, "field" }, { "\x04\x7f" "a", 3, "malformed" },
        { "\x0e\xff\xff\x7f", 4, "malformed" },
        { "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "malformed" },
    };
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%zu", i);
        clu_counters before = *clu_engine_counters(m->engine);
        clu_from from = here();
        sim_receive(m, "c", &from,
                    clu_slice_of(cases[i].bytes, cases[i].n));
        CHECK_STR(sim_moved(m, &before), cases[i].counter);
    }
    CHECK_EQ(sim_known(m), 0);
    sim_fini(&s);
}

TEST("inbound-1.3 a full table drops newcomers and keeps who is there")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->limits.at[CLU_LIMIT_SERVICES] = 2;
    static const char *const sids[] = { "a", "b", "c", "a" };
    static const char *const drops[] = { "", "", "full", "" };
    for (size_t i = 0; i < CLU_COUNT_OF(sids); i++) {
        clu_counters before = *clu_engine_counters(m->engine);
        clu_packet p;
        clu_from from = here();
        sim_head(&p, sids[i], CLU_TYPE_HEARTBEAT);
        sim_receive_packet(m, "c", &from, &p);
        CHECK_STR(sim_moved(m, &before), drops[i]);
    }
    CHECK(sim_find(m, "a") != NULL && sim_find(m, "c") == NULL);
    sim_fini(&s);
}

TEST("inbound-1.4 a second sid on a connection is dropped")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_packet p;
    clu_from from = here();
    from.link = 77;
    sim_head(&p, "a", CLU_TYPE_EVENT);
    sim_receive_packet(m, "t", &from, &p);
    from.service = sim_find(m, "a")->id;    /* as the transport has bound it */
    clu_counters before = *clu_engine_counters(m->engine);
    sim_head(&p, "b", CLU_TYPE_EVENT);
    sim_receive_packet(m, "t", &from, &p);
    CHECK_STR(sim_moved(m, &before), "link");
    CHECK(sim_find(m, "b") == NULL);
    sim_head(&p, "a", CLU_TYPE_EVENT);
    sim_receive_packet(m, "t", &from, &p);
    CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "a"), 2);
    sim_fini(&s);
}

TEST("inbound-1.5 a filter names us by sid, hid or tag, however long it is")
{
    static const struct { const char *filter; bool ours; } cases[] = {
        { "m0", true }, { SIM_HID, true }, { "web", true }, { "one", true },
        { "x y m0", true }, { "m", false }, { "m00", false }, { "we", false },
        { "WEB", false }, { "c", false },
    };
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    sim_tag(m, "web one");
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].filter);
        clu_packet p;
        clu_from from = here();
        sim_head(&p, "x1", CLU_TYPE_EVENT);
        clu_packet_list(&p, CLU_FIELD_filter, sim_list(cases[i].filter));
        sim_receive_packet(m, "c", &from, &p);
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "x1"), cases[i].ours);
        sim_forget(&s);
    }
    sim_fini(&s);
}

TEST("inbound-1.6 a known name from the wrong side of the host is dropped")
{
    for (int local = 0; local < 2; local++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        clu_engine_config(m->engine)->remote = true;
        clu_packet p;
        sim_head(&p, "x1", CLU_TYPE_EVENT);
        clu_from from = local ? here() : elsewhere();
        sim_receive_packet(m, "c", &from, &p);
        from = local ? elsewhere() : here();
        clu_counters before = *clu_engine_counters(m->engine);
        sim_receive_packet(m, "c", &from, &p);
        CHECK_STR(sim_moved(m, &before), "identity");
        CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, "x1"), 1);
        CHECK_EQ(sim_find(m, "x1")->local, local);
        sim_fini(&s);
    }
}

TEST("inbound-1.7 one that moves to another address is found there")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->remote = true;
    clu_packet p;
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    clu_from from = elsewhere();
    sim_receive_packet(m, "c", &from, &p);
    from.addr.ip[3] = 77;
    sim_receive_packet(m, "c", &from, &p);
    CHECK(clu_table_word(clu_engine_table(m->engine),
                         clu_slice_str("10.0.0.77")) != NULL);
    CHECK_EQ(sim_find(m, "x1")->source.port, 23000);
    sim_fini(&s);
}

TEST("inbound-1.8 a flush replaces properties, a heartbeat adds to them")
{
    static const struct { clu_type type; const char *data, *after; }
        steps[] = {
        { CLU_TYPE_HEARTBEAT, "t {port 1}", "t {port 1}" },
        { CLU_TYPE_HEARTBEAT, "u {path /x}", "t {port 1} u {path /x}" },
        { CLU_TYPE_HEARTBEAT, "", "t {port 1} u {path /x}" },
        { CLU_TYPE_FLUSH, "t {port 2}", "t {port 2}" },
        { CLU_TYPE_DISCOVERY, "d {port 3}", "t {port 2} d {port 3}" },
        { CLU_TYPE_FLUSH, NULL, "" },
    };
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    for (size_t i = 0; i < CLU_COUNT_OF(steps); i++) {
        clu_packet p;
        clu_from from = here();
        sim_head(&p, "x1", steps[i].type);
        if (steps[i].data != NULL) {
            sim_text(&p, CLU_FIELD_data, steps[i].data);
        }
        sim_receive_packet(m, "c", &from, &p);
        CHECK_SLICE(sim_find(m, "x1")->props, steps[i].after);
    }
    sim_fini(&s);
}

TEST("inbound-1.9 junk that a transport reports is counted")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_counters before = *clu_engine_counters(m->engine);
    clu_arrival a = { .what = CLU_ARRIVED_JUNK, .why = CLU_HEADER,
                      .count = 9 };
    clu_engine_receive(m->engine, &a, s.now);
    CHECK_STR(sim_moved(m, &before), "header");
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("inbound-2.1 what came of a connection counts for its own service alone")
{
    static const clu_arrived kinds[] = { CLU_ARRIVED_CLOSED,
                                         CLU_ARRIVED_REFUSED };
    for (size_t i = 0; i < CLU_COUNT_OF(kinds); i++) {
        for (int known = 0; known < 2; known++) {
            for (int last = 0; last < 2; last++) {
                check_about("kind %zu known %d last %d", i, known, last);
                sim_pair p;
                sim_pair_init(&p, "tc");
                clu_service *b = sim_service(p.a, p.b);
                clu_arrival a = { .what = kinds[i], .last = last,
                    .via = clu_engine_transport(p.a->engine, 0),
                    .service = known ? b->id : b->id + 100 };
                clu_engine_receive(p.a->engine, &a, p.s.now);
                a.service = 0;
                clu_engine_receive(p.a->engine, &a, p.s.now);
                bool doubt = known && (last || i == 1);
                CHECK_EQ(b->state, doubt ? CLU_SERVICE_SUSPECT
                                         : CLU_SERVICE_ALIVE);
                sim_fini(&p.s);
            }
        }
    }
}

TEST("inbound-2.2 on a connection sid and hid are those it is bound to")
{
    static const struct { const char *sid, *hid, *counter; } cases[] = {
        { "a", SIM_HID, "" }, { "a", "other", "link" },
        { "b", SIM_HID, "link" }, { "a", "a::b", "identity" },
        { "a::b", SIM_HID, "identity" },
    };
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->remote = true;
    clu_packet p;
    clu_from from = here();
    from.link = 77;
    sim_head(&p, "a", CLU_TYPE_EVENT);
    sim_receive_packet(m, "t", &from, &p);
    from.service = sim_find(m, "a")->id;
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        for (int bound = 1; bound >= 0; bound--) {
            check_about("%s %s bound %d", cases[i].sid, cases[i].hid, bound);
            clu_from by = from;
            by.service = bound ? from.service : 0;
            clu_counters before = *clu_engine_counters(m->engine);
            sim_head(&p, cases[i].sid, CLU_TYPE_EVENT);
            sim_text(&p, CLU_FIELD_hid, cases[i].hid);
            sim_receive_packet(m, "t", &by, &p);
            bool lie = strcmp(cases[i].counter, "link") == 0;
            CHECK_STR(sim_moved(m, &before),
                      lie && !bound ? "" : cases[i].counter);
        }
    }
    sim_fini(&s);
}

TEST("inbound-2.3 a failure report must be plain words")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_packet p;
    clu_from from = here();
    clu_counters before = *clu_engine_counters(m->engine);
    sim_head(&p, "x1", CLU_TYPE_FAILURE);
    sim_text(&p, CLU_FIELD_data, "protocols t\\ u");
    sim_receive_packet(m, "c", &from, &p);
    CHECK_STR(sim_moved(m, &before), "malformed");
    sim_fini(&s);
}

TEST("inbound-2.4 a datagram to us alone pays for replies where it lives")
{
    for (int moved = 0; moved < 2; moved++) {
        sim s;
        sim_init(&s, 1);
        s.protocols = "dc";
        sim_member *m = sim_add(&s);
        clu_engine_config(m->engine)->remote = true;
        clu_from from = elsewhere();
        clu_packet p;
        sim_head(&p, "x1", CLU_TYPE_EVENT);
        sim_receive_packet(m, "c", &from, &p);
        size_t before = sim_find(m, "x1")->credit;
        CHECK(before > 0);
        from.addr.ip[3] = (uint8_t)(from.addr.ip[3] + moved);
        sim_receive_packet(m, "d", &from, &p);
        CHECK_EQ(sim_find(m, "x1")->credit, moved ? before : 2 * before);
        sim_fini(&s);
    }
}
