/*
 * route_test.c -- which transport for which service; fallback; reports.
 */
#include "check.h"
#include "sim.h"

/* What one member sends, as "t:6 c:3" - transport and type of each frame. */
static char sent[500];

static void note_frame(void *ctx, uint16_t from, uint16_t to,
                       const char *name, clu_slice frame)
{
    (void)ctx;
    (void)to;
    /* type: the field id 1, one byte, behind protocols or in front of them */
    const unsigned char *at = memmem(frame.p, frame.n, ":01\1", 4);
    if (from == 40000 && at != NULL && strlen(sent) < 400) {
        snprintf(sent + strlen(sent), 16, "%s%s:%u", sent[0] ? " " : "", name,
                 at[4]);
    }
}

static void start(sim_pair *p, const char *protocols)
{
    sim_pair_init(p, protocols);
    clu_net_watch(p->s.net, note_frame, NULL);
    sent[0] = '\0';
}

static clu_err send_by(sim_pair *p, uint32_t allowed, unsigned *used)
{
    clu_packet packet = { 0 };
    clu_engine_head(p->a->engine, &packet, CLU_TYPE_EVENT, 0);
    sim_text(&packet, CLU_FIELD_data, "hello");
    uint8_t by = 99;
    clu_service *b = sim_service(p->a, p->b);
    clu_outgoing out = { .packet = &packet, .services = &b->id, .count = 1,
                         .allowed = allowed, .used = &by };
    clu_err err = clu_engine_send(p->a->engine, &out, p->s.now);
    *used = by;
    return err;
}

/* ---- the order ----------------------------------------------------------- */

static const struct { const char *protocols, *faults; clu_err err;
                      const char *sent; size_t events;
                      clu_service_state state; } orders[] = {
    { "utc", "---", CLU_OK, "u:6", 1, CLU_SERVICE_ALIVE },
    { "tuc", "---", CLU_OK, "t:6", 1, CLU_SERVICE_ALIVE },
    { "ctu", "---", CLU_OK, "t:6", 1, CLU_SERVICE_ALIVE },
    { "utc", "b--", CLU_OK, "t:6 t:8", 1, CLU_SERVICE_ALIVE },
    { "utc", "d--", CLU_OK, "u:6 t:6 t:8", 1, CLU_SERVICE_ALIVE },
    { "utc", "bb-", CLU_OK, "c:6 c:8", 1, CLU_SERVICE_SUSPECT },
    { "utc", "dd-", CLU_OK, "u:6 t:6 t:8 c:6 c:8", 1,
      CLU_SERVICE_SUSPECT },
    { "utc", "bd-", CLU_OK, "t:6 t:8 c:6 c:8", 1, CLU_SERVICE_SUSPECT },
    { "utc", "bbb", CLU_SYSTEM, "", 0, CLU_SERVICE_SUSPECT },
    { "utc", "f--", CLU_LIMIT, "", 0, CLU_SERVICE_ALIVE },
    { "utc", "bf-", CLU_LIMIT, "", 0, CLU_SERVICE_ALIVE },
    { "utc", "ff-", CLU_LIMIT, "", 0, CLU_SERVICE_ALIVE },
    { "dc", "f-", CLU_OK, "c:6", 1, CLU_SERVICE_ALIVE },
    { "c", "-", CLU_OK, "c:6", 1, CLU_SERVICE_ALIVE },
    { "c", "b", CLU_SYSTEM, "", 0, CLU_SERVICE_SUSPECT },
};

/* Faults, a letter for each transport: - sound, b broken (it fails at once),
   d deaf (it comes back), f full. */
static void spoil(sim_pair *p, const char *protocols, const char *faults)
{
    for (size_t k = 0; protocols[k]; k++) {
        char name[2] = { protocols[k], '\0' };
        clu_net_spoil(p->s.net, faults[k] == 'd' ? p->b->port : p->a->port,
                      name, faults[k] == '-' ? CLU_NET_SOUND
                      : faults[k] == 'b' ? CLU_NET_BROKEN
                      : faults[k] == 'd' ? CLU_NET_DEAF : CLU_NET_FULL);
    }
}

TEST("route-1.1 the peer's order is followed, then the next that works")
{
    for (size_t i = 0; i < CLU_COUNT_OF(orders); i++) {
        check_about("%s %s", orders[i].protocols, orders[i].faults);
        sim_pair p;
        start(&p, orders[i].protocols);
        spoil(&p, orders[i].protocols, orders[i].faults);
        unsigned used;
        CHECK_ERR(send_by(&p, CLU_SEND_ANY, &used), orders[i].err);
        CHECK_EQ(used != CLU_TRANSPORTS_MAX, orders[i].err == CLU_OK);
        sim_advance(&p.s, 50);
        CHECK_STR(sent, orders[i].sent);
        CHECK_EQ(sim_told(p.b, CLU_NEWS_EVENT, "m0"), orders[i].events);
        CHECK_EQ(sim_service(p.a, p.b)->state, orders[i].state);
        sim_fini(&p.s);
    }
}

TEST("route-1.2 only what is allowed is tried, and a failure is told")
{
    static const struct { uint32_t allowed; const char *sent; clu_err err;
                          size_t failed; } cases[] = {
        { 1, "u:6", CLU_OK, 1 }, { 2, "t:6", CLU_OK, 0 },
        { 3, "u:6 t:6 t:8", CLU_OK, 0 }, { 4, "c:6", CLU_OK, 0 },
        { 8, "", CLU_UNREACHABLE, 0 }, { 0, "", CLU_UNREACHABLE, 0 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("allowed %u", cases[i].allowed);
        sim_pair p;
        start(&p, "utc");
        clu_net_spoil(p.s.net, p.b->port, "u", CLU_NET_DEAF);
        unsigned used;
        CHECK_ERR(send_by(&p, cases[i].allowed, &used), cases[i].err);
        sim_advance(&p.s, 50);
        CHECK_STR(sent, cases[i].sent);
        CHECK_EQ(sim_told(p.a, CLU_NEWS_FAILED, "m1"), cases[i].failed);
        sim_fini(&p.s);
    }
}

TEST("route-1.3 a service that says no port is no failure of ours")
{
    sim s;
    sim_init(&s, 1);
    s.protocols = "tc";
    sim_member *m = sim_add(&s);
    clu_packet p;
    clu_from from = sim_from(23000);
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    sim_receive_packet(m, "c", &from, &p);
    CHECK_ERR(sim_event(m, sim_find(m, "x1"), "hi"), CLU_OK);
    CHECK_EQ(sim_find(m, "x1")->state, CLU_SERVICE_ALIVE);
    CHECK_EQ(sim_counter(m, CLU_COUNT_fallbacks), 0);
    sim_fini(&s);
}

TEST("route-1.4 what reaches this host only is kept from other hosts")
{
    sim s;
    sim_init(&s, 1);
    s.protocols = "tc";
    sim_member *m = sim_add(&s);
    clu_engine_config(m->engine)->remote = true;
    clu_engine_transport(m->engine, 0)->local_only = true;
    clu_packet p;
    clu_from from = sim_from(23000);
    from.local = false;
    from.addr.ip[0] = 10;
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    sim_text(&p, CLU_FIELD_hid, "other");
    sim_text(&p, CLU_FIELD_data, "t {port 40001}");
    sim_receive_packet(m, "c", &from, &p);
    clu_service *x = clu_table_find(clu_engine_table(m->engine),
                                    clu_slice_str("x1"),
                                    clu_slice_str("other"));
    CHECK(x != NULL && !x->local);
    sent[0] = '\0';
    clu_net_watch(s.net, note_frame, NULL);
    CHECK_ERR(sim_event(m, x, "hi"), CLU_OK);
    sim_advance(&s, 10);
    CHECK_STR(sent, "c:6");
    sim_fini(&s);
}

TEST("route-1.5 one met by a Unix socket is reached on this host's loopback")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s), *other = sim_add(&s);
    clu_packet p;
    clu_from from = { .addr = { .family = 1 }, .local = true, .link = 7 };
    sim_head(&p, other->sid, CLU_TYPE_HEARTBEAT);
    char props[40];
    snprintf(props, sizeof props, "t {port %u}", (unsigned)other->port);
    sim_text(&p, CLU_FIELD_data, props);
    sim_receive_packet(m, "t", &from, &p);
    CHECK_ERR(sim_event(m, sim_service(m, other), "hi"), CLU_OK);
    sim_advance(&s, 10);
    CHECK_STR(sim_first(other, CLU_NEWS_EVENT, "m0") ? "t" : "", "t");
    CHECK_STR(sim_first(other, CLU_NEWS_EVENT, "m0")->via, "t");
    sim_fini(&s);
}

/* ---- the failure report -------------------------------------------------- */

TEST("route-2.1 who is told that it is not reached makes itself anew")
{
    sim_pair p;
    start(&p, "utc");
    clu_net_spoil(p.s.net, p.b->port, "u", CLU_NET_DEAF);
    unsigned used;
    send_by(&p, CLU_SEND_ANY, &used);
    uint64_t before = clu_engine_transport(p.b->engine, 2)->packets_out;
    sim_advance(&p.s, 50);
    CHECK_EQ(sim_counter(p.a, CLU_COUNT_fallbacks), 1);
    CHECK_EQ(clu_engine_transport(p.b->engine, 2)->packets_out, before + 1);
    for (int i = 0; i < 10; i++) {      /* not oftener than every 2 s */
        send_by(&p, CLU_SEND_ANY, &used);
        sim_advance(&p.s, 100);
    }
    CHECK_EQ(clu_engine_transport(p.b->engine, 2)->packets_out, before + 1);
    sim_advance(&p.s, 1000);
    send_by(&p, CLU_SEND_ANY, &used);
    sim_advance(&p.s, 50);
    CHECK_EQ(clu_engine_transport(p.b->engine, 2)->packets_out, before + 2);
    sim_fini(&p.s);
}

static clu_err leave_on_send(sim_member *m, clu_question *q)
{
    (void)q;
    sim_leave(m);
    return CLU_OK;
}

TEST("route-2.2 a hook may leave while we make ourselves anew")
{
    sim_pair p;
    start(&p, "utc");
    p.b->ask = leave_on_send;
    clu_engine_patron(p.b->engine)->asks = 1u << CLU_ASK_SEND;
    clu_packet packet;
    clu_from from = sim_from(1);
    sim_head(&packet, "x1", CLU_TYPE_FAILURE);
    sim_text(&packet, CLU_FIELD_data, "protocols {u t c}");
    sim_receive_packet(p.b, "c", &from, &packet);
    CHECK(clu_engine_left(p.b->engine));
    sim_advance(&p.s, 100);
    sim_fini(&p.s);
}

TEST("route-2.3 names of protocols nobody has change nothing")
{
    sim_pair p;
    start(&p, "utc");
    static const char *const data[] = {
        "protocols {}", "protocols {x y z}", "protocols \"x {\"", "",
        "protocol u",
    };
    uint64_t before = clu_engine_transport(p.b->engine, 2)->packets_out;
    for (size_t i = 0; i < CLU_COUNT_OF(data); i++) {
        clu_packet packet;
        clu_from from = sim_from(1);
        sim_head(&packet, "m0", CLU_TYPE_FAILURE);
        sim_text(&packet, CLU_FIELD_data, data[i]);
        sim_receive_packet(p.b, "c", &from, &packet);
        sim_advance(&p.s, 3000);
    }
    CHECK_EQ(clu_engine_transport(p.b->engine, 2)->packets_out, before);
    sim_fini(&p.s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("route-3.1 odd names of protocols are passed over, each tried once")
{
    static const unsigned char wire[] = { 0, 2, 't', 'x', 1, 'x', 1, 'u',
                                          1, 'u', 1, 't', 1, 'c' };
    static const struct { int family; bool local, only; const char *sent; }
        cases[] = {
        { 4, true, true, "u:6" }, { 6, true, false, "u:6" },
        { 6, true, true, "u:6" }, { 4, false, true, "t:6" },
        { 4, false, false, "u:6" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        sim s;
        sim_init(&s, 1);
        s.protocols = "utc";
        sim_member *m = sim_add(&s);
        sim_add(&s);            /* m1, who is there and says nothing */
        clu_engine_config(m->engine)->remote = true;
        clu_net_watch(s.net, note_frame, NULL);
        clu_transport *u = clu_engine_transport(m->engine, 0);
        u->local_only = cases[i].only;
        u->finds = true;
        sent[0] = '\0';
        clu_packet packet;
        clu_from from = sim_from(23000);
        from.addr.family = (uint8_t)cases[i].family;
        from.local = cases[i].local;
        sim_head(&packet, "m1", CLU_TYPE_HEARTBEAT);
        clu_packet_list(&packet, CLU_FIELD_protocols,
                        (clu_items){ 7, clu_slice_of(wire, sizeof wire) });
        sim_text(&packet, CLU_FIELD_data, "u {port 40001} t {port 40001}");
        sim_receive_packet(m, "c", &from, &packet);
        CHECK_ERR(sim_event(m, sim_find(m, "m1"), "hi"), CLU_OK);
        sim_advance(&s, 10);
        CHECK_STR(sent, cases[i].sent);
        sim_fini(&s);
    }
}
