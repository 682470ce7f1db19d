/*
 * scenario_test.c -- whole lives of clusters: without memory, and at random.
 */
#include "check.h"
#include "sim.h"

#include <limits.h>

/* ---- without memory ------------------------------------------------------ */

/* Join, find, tag, ask, answer, tell, fail, lose, leave. */
static void live(sim *s)
{
    for (int i = 0; i < 3; i++) {
        sim_member *m = sim_add(s);
        if (m != NULL) {
            sim_tag(m, "web one");
            sim_join(m);
            sim_advance(s, 5);
        }
    }
    if (s->count == 0) {
        return;
    }
    sim_advance(s, 1500);
    sim_member *m = s->at[0];
    sim_tag(m, "web two");
    clu_engine_heartbeat(m->engine, true, true, 0, s->now);
    sim_query(m, NULL, "who?", 1000, NULL);
    for (size_t i = 1; i < s->count; i++) {
        clu_service *to = sim_service(m, s->at[i]);
        if (to != NULL) {
            sim_event(m, to, "hello");
        }
    }
    sim_advance(s, 50);
    if (s->count > 1) {
        clu_net_spoil(s->net, s->at[1]->port, "t", CLU_NET_DEAF);
        sim_query(m, NULL, "who?", 1000, NULL);
        sim_advance(s, 400);
        sim_kill(s->at[1]);
    }
    if (s->count > 2) {
        sim_query(s->at[2], NULL, "who?", 1000, NULL);
        sim_advance(s, 2000);
        sim_leave(s->at[2]);
    }
    sim_advance(s, 100);
}

/* With memory again: the one that is left finds a new one, and asks it. */
static void check_usable(sim *s)
{
    sim_member *m = s->count > 0 ? s->at[0] : NULL;
    sim_member *fresh = sim_start(s);
    CHECK(fresh != NULL);
    if (m == NULL) {
        return;
    }
    /* Heartbeats heal what was missed, the ttl ends what did not leave. */
    sim_advance(s, 260 * SIM_SECOND);
    CHECK(sim_all_know(s));
    sim_forget(s);
    CHECK_ERR(sim_query(m, NULL, "who?", 1000, NULL), CLU_OK);
    sim_advance(s, 2000);
    CHECK_EQ(sim_told(m, CLU_NEWS_ANSWER, fresh->sid), 1);
    CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), 1);
    CHECK_EQ(clu_engine_open_queries(m->engine), 0);
}

static long run_without(long n, bool and_on)
{
    long before = clu_alloc_live();
    sim s;
    clu_alloc_fail_at(n, and_on);
    sim_init(&s, 1);
    s.ttl = 250 * SIM_SECOND;
    if (s.net != NULL) {
        live(&s);
    }
    long calls = clu_alloc_calls();
    clu_alloc_fail_at(0, false);
    if (s.net != NULL) {
        check_usable(&s);
    }
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), before);
    return calls;
}

TEST("scenario-1.1 no memory at the n-th call: usable afterwards, no leak")
{
    long calls = run_without(LONG_MAX, false), runs = 0;
    printf("# %ld allocations\n", calls);
    CHECK(calls > 200);
    for (long n = 1; n <= calls; n++) {
        check_about("allocation %ld", n);
        run_without(n, false);
        runs++;
    }
    CHECK_EQ(runs, calls);
}

TEST("scenario-1.2 no memory from the n-th call on: likewise")
{
    long calls = run_without(LONG_MAX, false);
    for (long n = 1; n <= calls; n += n < 100 ? 1 : 3) {
        check_about("allocations from %ld on", n);
        run_without(n, true);
    }
}

#define CROWD 40

static void crowd(sim_member *m)
{
    for (int i = 0; i < CROWD; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "x%d", i);
        clu_packet p;
        clu_from from = sim_from(23000);
        sim_head(&p, sid, CLU_TYPE_DISCOVERY);
        sim_text(&p, CLU_FIELD_data, "t {port 9} caps 2");
        clu_packet_list(&p, CLU_FIELD_tags, sim_list("web"));
        sim_receive_packet(m, "c", &from, &p);
    }
}

static long crowd_without(long n)
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s);
    clu_engine_config(m->engine)->remote = true;
    clu_alloc_fail_at(n, false);
    crowd(m);
    long calls = clu_alloc_calls();
    clu_alloc_fail_at(0, false);
    CHECK(clu_engine_table(m->engine)->count >= CROWD - 1);
    sim_advance(&s, 3000);
    crowd(m);
    CHECK_EQ(clu_engine_table(m->engine)->count, CROWD);
    const clu_word *web = clu_table_word(clu_engine_table(m->engine),
                                         clu_slice_str("web"));
    CHECK(web != NULL && clu_set_count(&web->members) == CROWD);
    sim_advance(&s, 700 * SIM_SECOND);
    CHECK_EQ(sim_told(m, CLU_NEWS_DISCOVERED, NULL), CROWD);
    CHECK_EQ(sim_told(m, CLU_NEWS_LOST, NULL), CROWD);
    sim_fini(&s);
    return calls;
}

TEST("scenario-1.3 no memory at the n-th call while a crowd comes in")
{
    long calls = crowd_without(LONG_MAX);
    printf("# %ld allocations\n", calls);
    for (long n = 1; n <= calls; n++) {
        check_about("allocation %ld", n);
        crowd_without(n);
    }
}

/* ---- at random ----------------------------------------------------------- */

#define MEMBERS 8

/* What each member was told of each query and service must make sense. */
static void check_queries(const sim_member *m)
{
    size_t started = sim_told(m, CLU_NEWS_STARTED, NULL);
    CHECK_EQ(sim_told(m, CLU_NEWS_DONE, NULL), started);
    for (size_t i = 0; i < m->count; i++) {
        const sim_news *done = &m->log[i];
        if (done->what != CLU_NEWS_DONE) {
            continue;
        }
        for (size_t k = 0; k < m->count; k++) {
            const sim_news *news = &m->log[k];
            if (news->query == done->query) {
                CHECK(k <= i);          /* nothing after it */
            }
        }
    }
}

static bool is_outcome(const sim_news *n)
{
    return n->what == CLU_NEWS_ANSWER || n->what == CLU_NEWS_ASKED_LOST
        || n->what == CLU_NEWS_ASKED_FAILED;
}

static void check_outcomes(const sim_member *m)
{
    for (size_t i = 0; i < m->count; i++) {
        for (size_t k = i + 1; k < m->count; k++) {
            const sim_news *a = &m->log[i], *b = &m->log[k];
            if (is_outcome(a) && is_outcome(b) && a->query == b->query) {
                CHECK(a->service != b->service);
            }
            if (a->what == CLU_NEWS_LOST && b->service == a->service) {
                CHECK(b->service == 0 || is_outcome(b));
                CHECK(b->what != CLU_NEWS_ANSWER);
            }
        }
    }
}

static void act(sim *s, uint64_t *seed)
{
    sim_member *m = s->at[clu_random_below(seed, s->count)];
    if (m->dead || clu_engine_left(m->engine)) {
        return;
    }
    clu_list *order = &clu_engine_table(m->engine)->order;
    clu_service *to = clu_list_empty(order) ? NULL
                                            : CLU_SERVICE_OF(order->next);
    static const char *const tags[] = { "", "web", "web one", "x y z" };
    switch (clu_random_below(seed, 10)) {
    case 0:
        sim_tag(m, tags[clu_random_below(seed, 4)]);
        clu_engine_heartbeat_at(m->engine, s->now, true);
        break;
    case 1: case 2: case 3:
        sim_query(m, clu_random_below(seed, 2) ? to : NULL, "who?",
                  (clu_ms)clu_random_below(seed, 5000), NULL);
        break;
    case 4: case 5:
        if (to != NULL) {
            sim_event(m, to, "hello");
        }
        break;
    case 6:
        m->holds = !m->holds;
        break;
    case 7:
        sim_answer_held(m);
        break;
    case 8:
        clu_net_spoil(s->net, m->port, "t",
                      (clu_net_fault)clu_random_below(seed, 4));
        break;
    default:
        clu_net_cut(s->net, m->port, clu_random_below(seed, 3) == 0);
        break;
    }
}

static void come_or_go(sim *s, uint64_t *seed)
{
    size_t gone = clu_random_below(seed, s->count);
    switch (clu_random_below(seed, 30)) {
    case 0:
        if (s->count < SIM_MEMBERS - 1) {
            sim_start(s);
        }
        break;
    case 1:
        sim_leave(s->at[gone]);
        break;
    case 2:
        if (!clu_engine_left(s->at[gone]->engine)) {
            sim_kill(s->at[gone]);
        }
        break;
    default:
        break;
    }
}

static void heal(sim *s)
{
    clu_net_loss(s->net, 0, 0);
    clu_net_delay(s->net, 0);
    for (size_t i = 0; i < s->count; i++) {
        clu_net_spoil(s->net, s->at[i]->port, "t", CLU_NET_SOUND);
        clu_net_cut(s->net, s->at[i]->port, s->at[i]->dead);
        s->at[i]->holds = false;
    }
}

static void run_random(uint64_t seed)
{
    sim s;
    sim_init(&s, seed);
    s.ttl = 20 * SIM_SECOND;
    s.heartbeat = 5 * SIM_SECOND;
    clu_net_loss(s.net, (unsigned)clu_random_below(&seed, 300), seed);
    clu_net_delay(s.net, (clu_ms)clu_random_below(&seed, 30));
    for (int i = 0; i < MEMBERS; i++) {
        sim_start(&s);
        sim_advance(&s, (clu_ms)clu_random_below(&seed, 500));
    }
    for (int i = 0; i < 200; i++) {
        act(&s, &seed);
        come_or_go(&s, &seed);
        sim_advance(&s, (clu_ms)clu_random_below(&seed, 300));
    }
    heal(&s);
    /* The dead expire; those alive hear three heartbeats. */
    CHECK(sim_until(&s, 22 * SIM_SECOND, sim_all_know));
    sim_advance(&s, 10 * SIM_SECOND);
    CHECK(sim_all_know(&s));
    for (size_t i = 0; i < s.count; i++) {
        if (!s.at[i]->dead) {
            check_queries(s.at[i]);
            check_outcomes(s.at[i]);
        }
    }
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("scenario-2.1 whatever happens, in the end all is as it is")
{
    uint64_t seed = check_seed();
    clock_t begin = clock();
    int runs = 0;
    while (clock() - begin < 2 * CLOCKS_PER_SEC && check.failures == 0) {
        check_about("seed %llu", (unsigned long long)(seed + (uint64_t)runs));
        run_random(seed + (uint64_t)runs++);
    }
    printf("# %d lives\n", runs);
    CHECK(runs > 0);
}
