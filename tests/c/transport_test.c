/*
 * transport_test.c -- the laws every transport keeps: t, u, d and c.
 *
 * In a network of its own; without the right to make one c is left out.
 */
#include "station.h"

#include "netns.h"

#include <stdio.h>

enum { OURS = 1, THEIRS = 2 };  /* what the stations are called as services */

typedef struct kind {
    const char *name;
    clu_err (*open)(clu_transport **t, int index);
    bool stream;                /* connections: in order, ends are told */
    size_t most;                /* bytes of a frame that certainly goes */
    size_t refused;             /* bytes of a frame that does not; 0: none */
} kind;


static clu_err open_t(clu_transport **t, int index)
{
    (void)index;
    return clu_tcp_create(the_loop, the_host, true, false, t);
}

static clu_err open_remote_t(clu_transport **t, int index)
{
    (void)index;
    return clu_tcp_create(the_loop, the_host, false, false, t);
}

static clu_err open_u(clu_transport **t, int index)
{
    char path[100], sid[8];
    snprintf(path, sizeof path, "%s/m.sock", check_place);
    snprintf(sid, sizeof sid, "s%d", index);
    return clu_unix_create(the_loop, the_host, path, sid, t);
}

static clu_err open_d(clu_transport **t, int index)
{
    (void)index;
    return clu_datagram_create(the_loop, the_host, true, false, t);
}

static clu_err open_c(clu_transport **t, int index)
{
    (void)index;
    clu_multicast_config config = {
        .group = { .family = 4, .port = 23000, .ip = { 230, 1, 2, 3 } }
    };
    return clu_multicast_create(the_loop, the_host, &config, t);
}

static const kind kinds[] = {
    { "t", open_t, true, 900000, 0 },
    { "t, remote", open_remote_t, true, 900000, 0 },
    { "u", open_u, true, 900000, 0 },
    { "d", open_d, false, 1400, 1401 },
    { "c", open_c, false, 4096, 0 },
};

static bool have_network(void)
{
    static int have = -1;
    if (have < 0) {
        have = netns_enter();
    }
    return have;
}

typedef struct pair {
    const kind *kind;
    station a, b;
    char b_path[120];
} pair;

static clu_err pair_open(pair *p, const kind *k)
{
    *p = (pair){ .kind = k };
    station_init(&p->a);
    station_init(&p->b);
    p->a.name = THEIRS;
    p->b.name = OURS;
    clu_transport *t;
    clu_err err = k->open(&t, 0);
    if (err == CLU_OK) {
        station_attach(&p->a, t);
        err = k->open(&t, 1);
    }
    if (err == CLU_OK) {
        station_attach(&p->b, t);
    }
    return err;
}

static void pair_close(pair *p)
{
    station_stop(&p->a);
    station_stop(&p->b);
}

/* From a to b, as the engine would know it from b's properties. */
static clu_target to_b(pair *p)
{
    if (p->kind->open == open_c) {
        return (clu_target){ .service = THEIRS };
    }
    if (p->kind->open == open_u) {
        snprintf(p->b_path, sizeof p->b_path, "%s/m-s1.sock", check_place);
        return (clu_target){ .service = THEIRS,
                             .path = clu_slice_str(p->b_path) };
    }
    return loopback_target(THEIRS, port_of(p->b.t));
}

/* Runs a law over every kind, each in a fresh loop. */
static void over_all(void (*law)(pair *p))
{
    check_make_place();
    for (size_t i = 0; i < CLU_COUNT_OF(kinds); i++) {
        if (kinds[i].open == open_c && !have_network()) {
            continue;
        }
        check_about("%s", kinds[i].name);
        pair p;
        loop_begin();
        CHECK_ERR(pair_open(&p, &kinds[i]), CLU_OK);
        if (p.b.t) {
            law(&p);
        }
        pair_close(&p);
        loop_end();
    }
    check_about("the end");
    CHECK_EQ(rmdir(check_place), 0);          /* nothing was left in it */
}

/* ---- Laws ---------------------------------------------------------------- */

static void there_and_back(pair *p)
{
    clu_target to = to_b(p);
    CHECK_ERR(send_text(&p->a, &to, "there"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
    const clu_arrival *f = station_heard(&p->b, CLU_ARRIVED_FRAME, 0);
    if (!f) {
        return;
    }
    CHECK_SLICE(f->bytes, "there");
    CHECK(f->via == p->b.t && f->from.local);
    CHECK_EQ(f->from.link != 0, p->kind->stream);
    size_t before = p->a.count[CLU_ARRIVED_FRAME];
    clu_target back = { .service = OURS };      /* over the link it came by */
    if (!p->kind->stream) {
        back.addr = f->from.addr;
    }
    CHECK_ERR(send_text(&p->b, &back, "back"), CLU_OK);
    RUN_UNTIL(p->a.count[CLU_ARRIVED_FRAME] == before + 1);
    f = station_heard(&p->a, CLU_ARRIVED_FRAME, before);
    CHECK(f && clu_slice_eq(f->bytes, clu_slice_str("back")));
    CHECK_EQ(p->a.t->packets_out, 1);
    CHECK_EQ(p->a.t->bytes_out, 10);
    CHECK_EQ(p->b.t->packets_in, 1);
    CHECK_EQ(p->b.t->bytes_in, 10);
}

TEST("transport-1.1 a frame goes there and another comes back")
{
    over_all(there_and_back);
}

static void keeps_order(pair *p)
{
    enum { MANY = 2000 };
    clu_target to = to_b(p);
    clu_err err = CLU_OK;
    char text[20];
    for (int i = 0; i < MANY && err == CLU_OK; i++) {
        snprintf(text, sizeof text, "%d", i);
        err = send_text(&p->a, &to, text);
        if (i % 100 == 99) {
            run_for(0);
            clu_loop_run(the_loop, 0, 8);
        }
    }
    CHECK_ERR(err, CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == MANY);
    int i = 0;
    for (const heard *h = p->b.first; h; h = h->next, i++) {
        snprintf(text, sizeof text, "%d", i);
        CHECK(h->a.what == CLU_ARRIVED_FRAME);
        CHECK_SLICE(h->a.bytes, text);
    }
}

TEST("transport-1.2 frames arrive in the order they were sent")
{
    over_all(keeps_order);
}

static void carries_every_size(pair *p)
{
    static const size_t sizes[] = { 0, 1, 2, 123, 124, 127, 128, 1391, 1394,
                                    1400, 4080, 4088, 4090, 16383, 16384,
                                    65531, 65536, 65537, 200000, 899990 };
    static unsigned char body[900000];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (unsigned char)(i * 31 + i / 253);
    }
    clu_target to = to_b(p);
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        clu_slice s = clu_slice_of(body, sizes[i]);
        if (sizes[i] + clu_varint_size(sizes[i]) + 4 > p->kind->most) {
            break;
        }
        check_about("%s: %zu bytes", p->kind->name, sizes[i]);
        CHECK_ERR(send_body(&p->a, &to, s, 0), CLU_OK);
        RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
        const clu_arrival *f = station_heard(&p->b, CLU_ARRIVED_FRAME, 0);
        CHECK(f && clu_slice_eq(f->bytes, s));
        station_clear(&p->b);
    }
    if (p->kind->refused) {
        clu_slice big = clu_slice_of(body, p->kind->refused);
        CHECK_ERR(p->a.t->ops->send(p->a.t, &to, big, NULL, 0), CLU_LIMIT);
        big.n = p->kind->most;
        CHECK_ERR(p->a.t->ops->send(p->a.t, &to, big, NULL, 0), CLU_OK);
    }
}

TEST("transport-1.3 a frame of any size arrives as it was")
{
    over_all(carries_every_size);
}

static void reports_junk(pair *p)
{
    clu_target to = to_b(p);
    CHECK_ERR(p->a.t->ops->send(p->a.t, &to, clu_slice_str("no frame"), NULL,
                                clu_loop_clock()), CLU_OK);
    CHECK_ERR(send_text(&p->a, &to, "x"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
    const clu_arrival *junk = station_heard(&p->b, CLU_ARRIVED_JUNK, 0);
    CHECK(junk && junk->count == 8 && junk->why == CLU_HEADER);
    CHECK(junk && junk->from.local);
}

TEST("transport-1.4 bytes that are no packet are told and pass by")
{
    over_all(reports_junk);
}

static void says_nobody(pair *p)
{
    if (p->kind->open == open_c) {
        return;                         /* a group has no nobody */
    }
    clu_target to = to_b(p);
    station_stop(&p->b);
    clu_err err = send_body(&p->a, &to, clu_slice_str("x"), 42);
    if (err != CLU_OK) {
        CHECK_ERR(err, CLU_UNREACHABLE);
        CHECK(p->kind->open == open_u);
    } else if (p->kind->stream) {
        RUN_UNTIL(p->a.count[CLU_ARRIVED_CLOSED] == 1);
        const clu_arrival *u = station_heard(&p->a, CLU_ARRIVED_UNDELIVERED,
                                             0);
        CHECK(u && u->ticket.cookie == 42 && u->ticket.service == THEIRS);
        CHECK(u && u->bytes.n == 6);
    } else {
        RUN_UNTIL(p->a.count[CLU_ARRIVED_REFUSED] == 1);
    }
    clu_target nowhere = { .service = 77 };
    CHECK_ERR(send_text(&p->a, &nowhere, "x"), CLU_UNREACHABLE);
}

TEST("transport-2.1 that nobody is there is told, by error or arrival")
{
    over_all(says_nobody);
}

static bool is_question(const clu_arrival *a)
{
    return a->what == CLU_ARRIVED_FRAME
        && clu_slice_eq(a->bytes, clu_slice_str("?"));
}

/* Answers each question at once, from inside the arrival. */
static void echo(station *s, const clu_arrival *a, clu_ms now)
{
    (void)now;
    if (is_question(a)) {
        clu_target back = { .service = s->name };
        if (!a->from.link) {
            back.addr = a->from.addr;
        }
        CHECK_ERR(send_text(s, &back, "!"), CLU_OK);
    }
}

static void answers_inside(pair *p)
{
    clu_target to = to_b(p);
    p->b.also = echo;
    for (size_t i = 0; i < 50; i++) {
        CHECK_ERR(send_text(&p->a, &to, "?"), CLU_OK);
    }
    size_t own = p->kind->open == open_c ? 50 : 0;      /* we hear ourselves */
    RUN_UNTIL(p->a.count[CLU_ARRIVED_FRAME] == 50 + own);
}

TEST("transport-2.2 an arrival may send")
{
    over_all(answers_inside);
}

/* Sends, forgets who sent, sends again: all from inside the arrival. */
static void forget_it(station *s, const clu_arrival *a, clu_ms now)
{
    if (a->what == CLU_ARRIVED_FRAME) {
        echo(s, a, now);
        if (s->t->ops->forget) {
            s->t->ops->forget(s->t, s->name);
        }
        if (s->t->ops->bind && a->from.link) {
            s->t->ops->bind(s->t, a->from.link, s->name);       /* is gone */
        }
    }
}

static void forgets_inside(pair *p)
{
    clu_target to = to_b(p);
    p->b.also = forget_it;
    CHECK_ERR(send_text(&p->a, &to, "?"), CLU_OK);
    RUN_UNTIL(p->a.count[CLU_ARRIVED_FRAME] >= 1);
    CHECK_EQ(p->b.count[CLU_ARRIVED_CLOSED], 0);        /* it knows */
    if (p->kind->stream) {
        RUN_UNTIL(p->a.count[CLU_ARRIVED_CLOSED] == 1);
    }
    p->b.also = NULL;
    CHECK_ERR(send_text(&p->a, &to, "again"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 2);
}

TEST("transport-2.3 an arrival may forget the service it came from")
{
    over_all(forgets_inside);
}

static void writes_before_it_stops(pair *p)
{
    clu_target to = to_b(p);
    CHECK_ERR(send_text(&p->a, &to, "first"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
    for (int i = 0; i < 10; i++) {
        CHECK_ERR(send_text(&p->a, &to, "last words"), CLU_OK);
    }
    station_stop(&p->a);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 11);
    if (p->kind->stream) {
        RUN_UNTIL(p->b.count[CLU_ARRIVED_CLOSED] == 1);
        const clu_arrival *c = station_heard(&p->b, CLU_ARRIVED_CLOSED, 0);
        CHECK(c && c->service == OURS && c->last && c->why == CLU_CLOSED);
    }
}

TEST("transport-2.4 what was sent before the stop arrives")
{
    over_all(writes_before_it_stops);
}

static void moves(pair *p)
{
    CHECK_ERR(p->b.t->ops->refresh(p->b.t, clu_loop_clock()), CLU_OK);
    CHECK_EQ(p->b.count[CLU_ARRIVED_MOVED], 0);
    if (p->kind->open != open_c) {
        RUN_UNTIL(p->b.count[CLU_ARRIVED_MOVED] == 1);
    }
    clu_target to = to_b(p);
    CHECK_ERR(send_text(&p->a, &to, "x"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
}

TEST("transport-2.5 a refreshed transport is reached as it now says")
{
    over_all(moves);
}

static void rests(pair *p)
{
    clu_target to = to_b(p);
    CHECK_ERR(send_text(&p->a, &to, "x"), CLU_OK);
    RUN_UNTIL(p->b.count[CLU_ARRIVED_FRAME] == 1);
    while (clu_loop_run(the_loop, 0, 1)) {
    }
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    run_for(100);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    long us = (after.tv_sec - before.tv_sec) * 1000000
        + (after.tv_nsec - before.tv_nsec) / 1000;
    check_about("%s: %ld us", p->kind->name, us);
    CHECK(us < 20000);
}

TEST("transport-2.6 without traffic nothing runs")
{
    over_all(rests);
}

/* ---- Memory -------------------------------------------------------------- */

/* An answer that finds no memory is no failure of the test. */
static void echo_or_not(station *s, const clu_arrival *a, clu_ms now)
{
    (void)now;
    if (is_question(a)) {
        clu_target back = { .service = s->name, .addr = a->from.addr };
        (void)send_text(s, &back, "!");
    }
}

/* Two stations talk; what fails then may only be for want of memory. */
static clu_err talk(pair *p)
{
    static unsigned char big[3000];
    clu_target to = to_b(p);
    if (to.addr.port == 0 && to.path.n == 0 && p->kind->open != open_c) {
        return CLU_NOMEM;               /* it could not say where it is */
    }
    clu_err err = CLU_OK;
    p->b.also = echo_or_not;
    for (int i = 0; i < 5 && err == CLU_OK; i++) {
        err = send_text(&p->a, &to, "?");
    }
    send_body(&p->a, &to, clu_slice_of(big, sizeof big), 0);
    for (int i = 0; i < 12; i++) {
        clu_loop_run(the_loop, 0, 2);
    }
    p->b.t->ops->refresh(p->b.t, clu_loop_clock());
    clu_loop_run(the_loop, 0, 2);
    return err;
}

static clu_err scenario(void *ctx)
{
    clu_err err = clu_loop_create(&the_loop);
    if (err != CLU_OK) {
        return err;
    }
    err = clu_host_create(the_loop, &the_host);
    if (err == CLU_OK) {
        pair p;
        err = pair_open(&p, ctx);
        if (err == CLU_OK) {
            err = talk(&p);
        }
        pair_close(&p);
        clu_host_destroy(the_host);
    }
    clu_loop_destroy(the_loop);
    return err;
}

TEST("transport-3.1 without memory frames are lost and nothing else")
{
    check_make_place();
    for (size_t i = 0; i < CLU_COUNT_OF(kinds); i++) {
        if (kinds[i].open != open_c || have_network()) {
            check_about("%s", kinds[i].name);
            kind k = kinds[i];
            CHECK_NOMEM(scenario, &k);
        }
    }
    CHECK_EQ(rmdir(check_place), 0);
}
