/*
 * liveness_test.c -- who lives: heartbeats heard, pings, expiry.
 */
#include "check.h"
#include "sim.h"

/* ---- the state machine as a table ---------------------------------------- */

#define HOME 23456              /* the port x1's beacons come from */

static void beacon(sim_member *m, const char *sid, bool kin, uint16_t port)
{
    clu_packet p;
    clu_from from = sim_from(port);
    sim_head(&p, sid, CLU_TYPE_HEARTBEAT);
    sim_text(&p, CLU_FIELD_data, kin ? "t {port 9} caps 2" : "t {port 9}");
    sim_receive_packet(m, "c", &from, &p);
}

static void silence(sim_member *m) { (void)m; }

static void heard(sim_member *m)
{
    clu_packet p;
    clu_from from = sim_from(HOME);
    sim_head(&p, "x1", CLU_TYPE_EVENT);
    sim_receive_packet(m, "c", &from, &p);
}

static void refused(sim_member *m)
{
    clu_arrival a = { .what = CLU_ARRIVED_REFUSED,
                      .via = clu_engine_transport(m->engine, 0),
                      .service = sim_find(m, "x1")->id };
    clu_engine_receive(m->engine, &a, m->in->now);
}

static void closed(sim_member *m)
{
    clu_arrival a = { .what = CLU_ARRIVED_CLOSED, .last = true,
                      .via = clu_engine_transport(m->engine, 0),
                      .service = sim_find(m, "x1")->id };
    clu_engine_receive(m->engine, &a, m->in->now);
}

static void doubted(sim_member *m)
{
    clu_packet p;
    clu_from from = sim_from(1);
    sim_head(&p, "y1", CLU_TYPE_PING);
    sim_text(&p, CLU_FIELD_data, "nobody x1");
    sim_receive_packet(m, "c", &from, &p);
}

static void say_goodbye(sim_member *m, clu_from from)
{
    clu_packet p;
    sim_head(&p, "x1", CLU_TYPE_DISCONNECT);
    sim_receive_packet(m, "c", &from, &p);
}

static void goodbye(sim_member *m) { say_goodbye(m, sim_from(HOME)); }

static void forged(sim_member *m)
{
    clu_from from = sim_from(HOME);
    from.addr.ip[3] = 2;
    say_goodbye(m, from);
}

static void pinged(sim_member *m)
{
    refused(m);
    sim_advance(m->in, 100);
}

#define ALIVE CLU_SERVICE_ALIVE
#define DOUBTED CLU_SERVICE_DOUBTED
#define SUSPECT CLU_SERVICE_SUSPECT
#define PINGED CLU_SERVICE_PINGED
#define LEAVING CLU_SERVICE_LEAVING
#define TTL 600000

typedef struct step {
    const char *what;
    void (*before)(sim_member *), (*event)(sim_member *);
    clu_service_state after;
    clu_ms kin, original;       /* then, in silence, it is lost so much later */
} step;

static const step steps[] = {
    { "alive, silence",     silence, silence, ALIVE,   TTL,  TTL },
    { "alive, heard",       silence, heard,   ALIVE,   TTL,  TTL },
    { "alive, refused",     silence, refused, SUSPECT, 3100, 29600 },
    { "alive, closed",      silence, closed,  SUSPECT, 3100, 29600 },
    { "alive, doubted",     silence, doubted, DOUBTED, 4100, 29600 },
    { "alive, goodbye",     silence, goodbye, LEAVING, 20,   20 },
    { "alive, forged",      silence, forged,  DOUBTED, 4100, 29600 },
    { "doubted, silence",   doubted, silence, DOUBTED, 4100, 29600 },
    { "doubted, heard",     doubted, heard,   ALIVE,   TTL,  TTL },
    { "doubted, refused",   doubted, refused, SUSPECT, 3100, 29600 },
    { "doubted, doubted",   doubted, doubted, DOUBTED, 4100, 29600 },
    { "doubted, goodbye",   doubted, goodbye, LEAVING, 20,   20 },
    { "doubted, forged",    doubted, forged,  DOUBTED, 4100, 29600 },
    { "suspect, silence",   refused, silence, SUSPECT, 3100, 29600 },
    { "suspect, heard",     refused, heard,   SUSPECT, 3100, 29600 },
    { "suspect, refused",   refused, refused, SUSPECT, 3100, 29600 },
    { "suspect, doubted",   refused, doubted, SUSPECT, 3100, 29600 },
    { "suspect, goodbye",   refused, goodbye, LEAVING, 20,   20 },
    { "suspect, forged",    refused, forged,  SUSPECT, 3100, 29600 },
    { "pinged, silence",    pinged,  silence, PINGED,  3000, 29500 },
    { "pinged, heard",      pinged,  heard,   ALIVE,   TTL,  TTL },
    { "pinged, refused",    pinged,  refused, PINGED,  3000, 29500 },
    { "pinged, closed",     pinged,  closed,  PINGED,  3000, 29500 },
    { "pinged, doubted",    pinged,  doubted, PINGED,  3000, 29500 },
    { "pinged, goodbye",    pinged,  goodbye, LEAVING, 20,   20 },
    { "pinged, forged",     pinged,  forged,  PINGED,  3000, 29500 },
    { "leaving, silence",   goodbye, silence, LEAVING, 20,   20 },
    { "leaving, heard",     goodbye, heard,   LEAVING, 20,   20 },
    { "leaving, refused",   goodbye, refused, LEAVING, 20,   20 },
    { "leaving, doubted",   goodbye, doubted, LEAVING, 20,   20 },
    { "leaving, goodbye",   goodbye, goodbye, LEAVING, 20,   20 },
    { "leaving, forged",    goodbye, forged,  LEAVING, 20,   20 },
};

static void run_step(const step *c, bool kin)
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    beacon(m, "x1", kin, HOME);
    c->before(m);
    c->event(m);
    clu_service *x = sim_find(m, "x1");
    CHECK_EQ(x->state, c->after);
    clu_ms begin = s.now;
    sim_advance(&s, TTL + 1000);
    const sim_news *lost = sim_first(m, CLU_NEWS_LOST, "x1");
    CHECK_EQ(lost ? lost->at - begin : -1, kin ? c->kin : c->original);
    clu_ms wait = kin ? c->kin : c->original;
    bool ping = (wait > 20 && wait < TTL) || c->before == pinged;
    CHECK_EQ(sim_counter(m, CLU_COUNT_pings_sent), ping);
    CHECK(wait < TTL || sim_counter(m, CLU_COUNT_services_expired) > 0);
    sim_fini(&s);
}

TEST("liveness-1.1 every state, every event: what follows, and when it is lost")
{
    for (size_t i = 0; i < CLU_COUNT_OF(steps); i++) {
        for (int kin = 0; kin < 2; kin++) {
            check_about("%s, %s", steps[i].what, kin ? "kin" : "original");
            run_step(&steps[i], kin);
        }
    }
}

TEST("liveness-1.2 a service heard after our ping lives on, doubted or not")
{
    for (int kin = 0; kin < 2; kin++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        beacon(m, "x1", kin, HOME);
        doubted(m);
        sim_advance(&s, kin ? 4050 : 29500);
        CHECK_EQ(sim_find(m, "x1")->state, PINGED);
        heard(m);
        sim_advance(&s, TTL - 1);
        CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 0);
        refused(m);             /* and the next suspicion is a new one */
        clu_ms begin = s.now;
        beacon(m, "x1", kin, HOME);
        sim_advance(&s, 40000);
        const sim_news *lost = sim_first(m, CLU_NEWS_LOST, "x1");
        CHECK_EQ(lost ? lost->at - begin : 0, kin ? 3100 : 29600);
        sim_fini(&s);
    }
}

TEST("liveness-1.3 every kind of packet keeps a service alive, on time")
{
    sim s;
    sim_init(&s, 1);
    s.ttl = 10 * SIM_SECOND;
    sim_member *m = sim_add(&s);
    beacon(m, "x1", true, HOME);
    for (int i = 0; i < 10; i++) {
        sim_advance(&s, 9999);
        CHECK(sim_find(m, "x1") != NULL);
        heard(m);
    }
    clu_ms begin = s.now;
    sim_advance(&s, 60000);
    const sim_news *lost = sim_first(m, CLU_NEWS_LOST, "x1");
    CHECK_EQ(lost ? lost->at - begin : 0, 10000);
    sim_fini(&s);
}

TEST("liveness-1.9 a doubt prolongs no life: the ttl decides")
{
    sim s;
    sim_init(&s, 1);
    s.ttl = 500;
    sim_member *m = sim_add(&s);
    beacon(m, "x1", true, HOME);
    clu_ms begin = s.now;
    doubted(m);
    sim_advance(&s, 60000);
    const sim_news *lost = sim_first(m, CLU_NEWS_LOST, "x1");
    CHECK_EQ(lost ? lost->at - begin : 0, 500);
    CHECK_EQ(sim_counter(m, CLU_COUNT_services_expired), 2);    /* y1, too */
    sim_fini(&s);
}

TEST("liveness-1.4 a goodbye over a connection counts when it is its own")
{
    for (int own = 0; own < 2; own++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        beacon(m, "x1", true, HOME);
        clu_from from = sim_from(5555);
        from.link = 7;
        from.service = own ? sim_find(m, "x1")->id : 0;
        clu_packet p;
        sim_head(&p, "x1", CLU_TYPE_DISCONNECT);
        sim_receive_packet(m, "t", &from, &p);
        CHECK_EQ(sim_find(m, "x1")->state, own ? LEAVING : DOUBTED);
        sim_fini(&s);
    }
}

TEST("liveness-1.5 a forged goodbye changes neither address nor tags")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    beacon(m, "x1", true, HOME);
    clu_service *x = sim_find(m, "x1");
    clu_packet p;
    clu_from from = sim_from(1);
    from.addr.ip[3] = 9;
    sim_head(&p, "x1", CLU_TYPE_DISCONNECT);
    clu_packet_list(&p, CLU_FIELD_tags, sim_list("evil"));
    sim_receive_packet(m, "c", &from, &p);
    CHECK_EQ(x->source.port, HOME);
    CHECK_EQ(x->addr.ip[3], 1);
    CHECK_EQ(x->tags.count, 0);
    sim_fini(&s);
}

TEST("liveness-1.6 we were stopped ourselves: sockets are read before judging")
{
    static void (*const before[])(sim_member *) = { silence, pinged, doubted };
    for (size_t i = 0; i < CLU_COUNT_OF(before); i++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        beacon(m, "x1", true, HOME);
        before[i](m);
        s.now += 2 * TTL;       /* nothing ran meanwhile */
        clu_engine_tick(m->engine, s.now);
        heard(m);
        sim_advance(&s, 2000);
        CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 0);
        sim_advance(&s, TTL);
        CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
        sim_fini(&s);
    }
}

TEST("liveness-1.7 a goodbye from another port of its host is no kin's")
{
    for (int kin = 0; kin < 2; kin++) {
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        beacon(m, "x1", kin, HOME);
        say_goodbye(m, sim_from(HOME + 1));
        /* Originals of a host share one port: theirs cannot be told apart. */
        CHECK_EQ(sim_find(m, "x1")->state, kin ? DOUBTED : LEAVING);
        sim_fini(&s);
    }
}

static uint64_t bound, forgotten;

static void spy_bind(clu_transport *t, uint64_t link, uint64_t service)
{
    (void)t;
    (void)link;
    bound = service;
}

static void spy_forget(clu_transport *t, uint64_t service)
{
    (void)t;
    forgotten = service;
}

TEST("liveness-1.8 a connection is bound to who speaks, and forgotten with it")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_transport *t = clu_engine_transport(m->engine, 0);
    clu_transport_ops ops = *t->ops;
    ops.bind = spy_bind;
    ops.forget = spy_forget;
    t->ops = &ops;
    bound = forgotten = 0;
    beacon(m, "x1", true, HOME);
    CHECK_EQ(bound, 0);
    clu_packet p;
    clu_from from = sim_from(5555);
    from.link = 7;
    sim_head(&p, "x1", CLU_TYPE_EVENT);
    sim_receive_packet(m, "t", &from, &p);
    uint64_t id = sim_find(m, "x1")->id;
    CHECK_EQ(bound, id);
    goodbye(m);
    CHECK_EQ(forgotten, 0);
    sim_advance(&s, 20);
    CHECK_EQ(forgotten, id);
    sim_fini(&s);
}

/* ---- pings --------------------------------------------------------------- */

static clu_err no_ping(sim_member *m, clu_question *q)
{
    (void)m;
    return q->packet->at[CLU_FIELD_type].number == CLU_TYPE_PING ? CLU_VETO
                                                                 : CLU_OK;
}

TEST("liveness-2.1 a ping that cannot leave condemns nobody, and comes again")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    beacon(m, "x1", true, HOME);
    m->ask = no_ping;
    clu_engine_patron(m->engine)->asks = 1u << CLU_ASK_SEND;
    refused(m);
    sim_advance(&s, 60000);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, NULL), 0);
    CHECK_EQ(sim_find(m, "x1")->state, SUSPECT);
    clu_engine_patron(m->engine)->asks = 0;
    sim_advance(&s, 4100);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, "x1"), 1);
    sim_fini(&s);
}

TEST("liveness-2.2 a ping that can never leave: the ttl decides")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    beacon(m, "x1", true, HOME);
    m->ask = no_ping;
    clu_engine_patron(m->engine)->asks = 1u << CLU_ASK_SEND;
    refused(m);
    sim_advance(&s, TTL - 1);
    CHECK(sim_find(m, "x1") != NULL);
    sim_advance(&s, 1);
    CHECK(sim_find(m, "x1") == NULL);
    sim_fini(&s);
}

TEST("liveness-2.3 many suspects are pinged in several pings, none forgotten")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    for (int i = 0; i < 500; i++) {
        char sid[32];
        snprintf(sid, sizeof sid, "x-with-a-long-name-%d", i);
        beacon(m, sid, true, HOME);
        clu_arrival a = { .what = CLU_ARRIVED_REFUSED,
                          .service = sim_find(m, sid)->id };
        clu_engine_receive(m->engine, &a, s.now);
    }
    sim_advance(&s, 10000);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, NULL), 500);
    CHECK(sim_counter(m, CLU_COUNT_pings_sent) >= 10);
    sim_fini(&s);
}

static unsigned beats;
static bool beat_is_full;

static void count_beats(void *ctx, uint16_t from, uint16_t to,
                        const char *name, clu_slice frame)
{
    (void)ctx;
    (void)to;
    (void)name;
    if (from == 40000) {
        beats++;
        beat_is_full = memmem(frame.p, frame.n, "caps", 4) != NULL
            && memmem(frame.p, frame.n, "web", 3) != NULL;
    }
}

static void ping_us(sim_member *m, const char *sids)
{
    clu_packet p;
    clu_from from = sim_from(1);
    sim_head(&p, "y1", CLU_TYPE_PING);
    sim_text(&p, CLU_FIELD_data, sids);
    sim_receive_packet(m, "c", &from, &p);
}

TEST("liveness-2.4 a ping that names us is answered at once, not too often")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s);
    sim_tag(m, "web");
    sim_advance(&s, 5000);
    ping_us(m, "y1");           /* makes y1 known: it is asked for its ports */
    sim_advance(&s, 5000);
    beats = 0;
    clu_net_watch(s.net, count_beats, NULL);
    ping_us(m, "nobody");
    sim_advance(&s, 1000);
    CHECK_EQ(beats, 0);
    ping_us(m, "x1 m0");
    sim_advance(&s, 0);
    CHECK_EQ(beats, 1);
    CHECK(beat_is_full);
    for (int i = 0; i < 100; i++) {
        ping_us(m, "m0");
        sim_advance(&s, 10);
    }
    CHECK_EQ(beats, 2);
    CHECK(beat_is_full);
    sim_advance(&s, 1100);
    beats = 0;
    ping_us(m, "m0");
    sim_advance(&s, 0);
    CHECK_EQ(beats, 1);         /* and at once again, after a while */
    CHECK_EQ(sim_counter(m, CLU_COUNT_pings_answered), 102);
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

/* ---- more at once -------------------------------------------------------- */

TEST("liveness-3.1 a ping is read as far as the limit of a list")
{
    static const struct { int64_t limit; const char *sids; bool doubt; }
        cases[] = {
        { 9, "x9 x8 x1", true }, { 4, "x9 x8 x1", true },
        { 3, "x9 x8 x1", false }, { 2, "x9 x8 x1", false },
        { 9, "web", false },    /* a tag of its, but not its sid */
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s, %d", cases[i].sids, (int)cases[i].limit);
        sim s;
        sim_init(&s, 1);
        sim_member *m = sim_add(&s);
        clu_packet p;
        clu_from from = sim_from(HOME);
        sim_head(&p, "x1", CLU_TYPE_EVENT);
        clu_packet_list(&p, CLU_FIELD_tags, sim_list("web"));
        sim_receive_packet(m, "c", &from, &p);
        clu_engine_config(m->engine)->limits.at[CLU_LIMIT_LIST_ITEMS] =
            cases[i].limit;
        sim_head(&p, "y1", CLU_TYPE_PING);
        sim_text(&p, CLU_FIELD_data, cases[i].sids);
        sim_receive_packet(m, "c", &from, &p);
        clu_engine_reconsider(m->engine, s.now);
        sim_advance(&s, 0);
        CHECK_EQ(sim_find(m, "x1")->state, cases[i].doubt ? DOUBTED : ALIVE);
        CHECK_EQ(sim_find(m, "y1")->state, ALIVE);
        sim_fini(&s);
    }
}
