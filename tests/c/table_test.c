/*
 * table_test.c -- all services known: find, insert, drop; index by word.
 */
#include "check.h"
#include "sim.h"

static clu_limits limits;

static clu_address host(unsigned char last)
{
    return (clu_address){ .family = 4, .ip = { 10, 0, 0, last }, .port = 99 };
}

static void start(clu_table *t)
{
    clu_limits_init(&limits);
    clu_table_init(t, &limits);
}

static clu_err insert(clu_table *t, const char *sid, clu_address addr,
                      bool local, clu_service **s)
{
    return clu_table_insert(t, clu_slice_str(sid), clu_slice_str("h"), &addr,
                            local, 5, s);
}

/* "a,b": the sids found by a word, in the order of their seats. */
static const char *found(const clu_table *t, const char *text)
{
    static char out[400];
    const clu_word *word = clu_table_word(t, clu_slice_str(text));
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; word && clu_set_next(&word->members, &i); i++) {
        clu_slice sid = clu_service_sid(t->seats[i]);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s",
                              n ? "," : "", (int)sid.n, (const char *)sid.p);
    }
    return out;
}

/* Each service is a member of each of its words, once, and of no other. */
static void check_whole(const clu_table *t)
{
    size_t entries = 0, members = 0, weight = 0;
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        weight += s->weight;
        entries += s->word_count;
        CHECK(clu_set_has(&t->taken, s->seat));
        CHECK(t->seats[s->seat] == s);
        CHECK(t->names[s->seat] == s->name);
        for (size_t i = 0; i < s->word_count; i++) {
            CHECK(clu_set_has(&s->words[i]->members, s->seat));
            for (size_t k = 0; k < i; k++) {
                CHECK(s->words[k] != s->words[i]);
            }
        }
    }
    for (size_t b = 0; b < t->words.size; b++) {
        for (clu_map_node *n = t->words.buckets[b]; n; n = n->next) {
            size_t count = clu_set_count(&CLU_CONTAINER(n, clu_word,
                                                        node)->members);
            CHECK(count > 0);
            members += count;
        }
    }
    CHECK_EQ(members, entries);
    CHECK_EQ(t->weight, weight);
    CHECK_EQ(t->count, clu_set_count(&t->taken));
}

TEST("table-1.1 a service is found by sid, hid, uuid, ip and its tags")
{
    clu_table t;
    start(&t);
    clu_service *a, *b;
    CHECK_ERR(insert(&t, "a", host(1), true, &a), CLU_OK);
    CHECK_ERR(insert(&t, "b", host(2), false, &b), CLU_OK);
    CHECK_ERR(clu_table_tags(&t, b, sim_list("web one")), CLU_OK);
    CHECK_STR(found(&t, "a"), "a");
    CHECK_STR(found(&t, "h"), "a,b");
    CHECK_STR(found(&t, "b@h"), "b");
    CHECK_STR(found(&t, "10.0.0.1"), "a");
    CHECK_STR(found(&t, "localhost"), "a");
    CHECK_STR(found(&t, "web"), "b");
    CHECK_STR(found(&t, "nobody"), "");
    CHECK(clu_table_find(&t, clu_slice_str("b"), clu_slice_str("h")) == b);
    CHECK(clu_table_find(&t, clu_slice_str("b"), clu_slice_str("g")) == NULL);
    CHECK(clu_table_find_id(&t, a->id) == a);
    CHECK_EQ(a->addr.port, 0);
    CHECK_EQ(a->last_seen, 5);
    check_whole(&t);
    clu_table_fini(&t);
}

TEST("table-1.2 new tags are found at once, old ones no more")
{
    clu_table t;
    start(&t);
    clu_service *a, *b;
    insert(&t, "a", host(1), true, &a);
    insert(&t, "b", host(1), true, &b);
    static const char *const steps[][3] = {
        { "x y", "x", "a" }, { "y z", "x", "" }, { "y z", "z", "a" },
        { "", "y", "" }, { "localhost", "localhost", "a,b" },
        { "b", "b", "a,b" }, { "x x x y x", "x", "a" }, { "", "b", "b" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(steps); i++) {
        check_about("%s: %s", steps[i][0], steps[i][1]);
        CHECK_ERR(clu_table_tags(&t, a, sim_list(steps[i][0])), CLU_OK);
        CHECK_STR(found(&t, steps[i][1]), steps[i][2]);
        check_whole(&t);
    }
    clu_table_fini(&t);
}

TEST("table-1.3 a word holds a service once, however often it was said")
{
    clu_table t;
    start(&t);
    clu_service *a;
    insert(&t, "a", host(1), true, &a);
    CHECK_ERR(clu_table_tags(&t, a, sim_list("x a x localhost a h")), CLU_OK);
    static const char *const words[] = { "x", "a", "h", "localhost", "a@h" };
    for (size_t i = 0; i < CLU_COUNT_OF(words); i++) {
        CHECK_STR(found(&t, words[i]), "a");
    }
    CHECK_EQ(a->tag_count, 4);
    CHECK_EQ(a->tags.count, 6);
    check_whole(&t);
    clu_table_fini(&t);
}

TEST("table-1.4 a new address is found, the old one no more")
{
    clu_table t;
    start(&t);
    clu_service *a;
    insert(&t, "a", host(1), false, &a);
    clu_address to = host(2);
    CHECK_ERR(clu_table_address(&t, a, &to, false), CLU_OK);
    CHECK_STR(found(&t, "10.0.0.1"), "");
    CHECK_STR(found(&t, "10.0.0.2"), "a");
    CHECK_EQ(t.sources.count, 1);
    CHECK_ERR(clu_table_address(&t, a, &to, true), CLU_OK);
    CHECK_STR(found(&t, "localhost"), "a");
    CHECK_EQ(t.sources.count, 0);
    clu_table_fini(&t);
}

TEST("table-1.5 every word leaves with its last member")
{
    long live = clu_alloc_live();
    clu_table t;
    start(&t);
    clu_service *a, *b;
    insert(&t, "a", host(1), true, &a);
    insert(&t, "b", host(1), true, &b);
    clu_table_tags(&t, a, sim_list("x y"));
    clu_table_tags(&t, b, sim_list("y z"));
    clu_table_drop(&t, a);
    CHECK_STR(found(&t, "x"), "");
    CHECK_STR(found(&t, "y"), "b");
    check_whole(&t);
    clu_table_drop(&t, b);
    CHECK_EQ(t.words.count, 0);
    CHECK_EQ(t.weight, 0);
    CHECK_EQ(t.count, 0);
    clu_table_fini(&t);
    CHECK_EQ(clu_alloc_live(), live);
}

TEST("table-1.6 whatever changes who is found by what is counted")
{
    clu_table t;
    start(&t);
    clu_service *a, *b;
    uint64_t before = t.changes;
#define COUNTED(call, counted) do { \
        before = t.changes; \
        call; \
        check_about(#call); \
        CHECK_EQ(t.changes > before, counted); \
    } while (0)
    clu_address to = host(2), same = host(2);
    same.port = 5;
    COUNTED(insert(&t, "a", host(1), true, &a), true);
    COUNTED(insert(&t, "b", host(1), false, &b), true);
    COUNTED(clu_table_tags(&t, a, sim_list("x y")), true);
    COUNTED(clu_table_tags(&t, a, sim_list("")), true);
    COUNTED(clu_table_address(&t, b, &to, false), true);
    COUNTED(clu_table_address(&t, b, &same, false), false);
    COUNTED(clu_table_address(&t, b, &to, true), true);
    COUNTED(clu_table_props(&t, b, clu_slice_str("t {port 1}"), true), false);
    COUNTED(clu_table_protocols(&t, b, sim_list("t c")), false);
    COUNTED(clu_table_drop(&t, b), true);
    COUNTED(clu_table_fini(&t), true);
#undef COUNTED
}

TEST("table-2.1 what left the table lives while it is held")
{
    clu_table t;
    start(&t);
    clu_service *a;
    insert(&t, "a", host(1), true, &a);
    clu_service_hold(a);
    clu_table_drop(&t, a);
    CHECK_EQ(a->state, CLU_SERVICE_GONE);
    CHECK_SLICE(clu_service_sid(a), "a");
    CHECK_EQ(a->word_count, 0);
    CHECK(clu_table_find_id(&t, a->id) == NULL);
    clu_service_release(a);
    clu_table_fini(&t);
}

TEST("table-2.2 ids are never used again, not even after fini")
{
    clu_table t;
    start(&t);
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        clu_service *s;
        CHECK_ERR(insert(&t, "a", host(1), true, &s), CLU_OK);
        CHECK(s->id > last);
        last = s->id;
        if (i % 2) {
            clu_table_drop(&t, s);
        } else {
            clu_table_fini(&t);
        }
    }
    clu_table_fini(&t);
}

TEST("table-2.3 who comes sits on the lowest seat that is free")
{
    clu_table t;
    start(&t);
    clu_service *s[100];
    char sid[16];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(sid, sizeof sid, "s%u", i);
        CHECK_ERR(insert(&t, sid, host(1), true, &s[i]), CLU_OK);
        CHECK_EQ(s[i]->seat, i);
    }
    static const unsigned gone[] = { 70, 3, 99 };
    for (size_t i = 0; i < CLU_COUNT_OF(gone); i++) {
        clu_table_drop(&t, s[gone[i]]);
    }
    static const unsigned seats[] = { 3, 70, 99, 100 };
    for (unsigned i = 0; i < CLU_COUNT_OF(seats); i++) {
        snprintf(sid, sizeof sid, "new%u", i);
        CHECK_ERR(insert(&t, sid, host(1), true, &s[0]), CLU_OK);
        CHECK_EQ(s[0]->seat, seats[i]);
        CHECK_STR(found(&t, sid), sid);
    }
    check_whole(&t);
    clu_table_fini(&t);
}

TEST("table-2.4 a name stands at its seat, and leaves with the service")
{
    clu_table t;
    start(&t);
    clu_service *a, *b;
    int name, other;
    insert(&t, "a", host(1), true, &a);
    clu_table_name(&t, a, &name);
    CHECK(a->name == &name);
    check_whole(&t);
    clu_service_hold(a);
    clu_table_drop(&t, a);
    insert(&t, "b", host(1), true, &b);
    CHECK_EQ(b->seat, a->seat);
    CHECK(b->name == NULL);
    check_whole(&t);
    clu_table_name(&t, b, &other);
    clu_table_name(&t, a, NULL);        /* of one that went */
    CHECK(a->name == NULL);
    CHECK(t.names[b->seat] == &other);
    check_whole(&t);
    clu_service_release(a);
    clu_table_fini(&t);
}

TEST("table-3.1 no more services than the limit says")
{
    clu_table t;
    start(&t);
    limits.at[CLU_LIMIT_SERVICES] = 3;
    clu_service *s;
    for (int i = 0; i < 5; i++) {
        char sid[] = { (char)('a' + i), '\0' };
        CHECK_ERR(insert(&t, sid, host(1), true, &s),
                  i < 3 ? CLU_OK : CLU_LIMIT);
    }
    clu_table_drop(&t, s);
    CHECK_ERR(insert(&t, "z", host(1), true, &s), CLU_OK);
    clu_table_fini(&t);
}

TEST("table-3.2 one address of another host has its share; ours has none")
{
    clu_table t;
    start(&t);
    limits.at[CLU_LIMIT_SOURCE] = 2;
    clu_service *s, *mover;
    CHECK_ERR(insert(&t, "a", host(1), false, &s), CLU_OK);
    CHECK_ERR(insert(&t, "b", host(1), false, &s), CLU_OK);
    CHECK_ERR(insert(&t, "c", host(1), false, &mover), CLU_LIMIT);
    CHECK_ERR(insert(&t, "d", host(2), false, &mover), CLU_OK);
    clu_address to = host(1);
    CHECK_ERR(clu_table_address(&t, mover, &to, false), CLU_LIMIT);
    CHECK_STR(found(&t, "10.0.0.2"), "d");
    for (int i = 0; i < 5; i++) {
        char sid[] = { 'l', (char)('a' + i), '\0' };
        CHECK_ERR(insert(&t, sid, host(1), true, &s), CLU_OK);
    }
    clu_table_drop(&t, clu_table_find(&t, clu_slice_str("a"),
                                      clu_slice_str("h")));
    CHECK_ERR(clu_table_address(&t, mover, &to, false), CLU_OK);
    CHECK_ERR(insert(&t, "e", host(1), false, &s), CLU_LIMIT);
    clu_table_fini(&t);
}

TEST("table-3.3 a tag that is an address takes nobody's share")
{
    clu_table t;
    start(&t);
    limits.at[CLU_LIMIT_SOURCE] = 2;
    clu_service *s;
    insert(&t, "liar", host(9), false, &s);
    clu_table_tags(&t, s, sim_list("10.0.0.1 10.0.0.1 10.0.0.1"));
    insert(&t, "liar2", host(9), false, &s);
    clu_table_tags(&t, s, sim_list("10.0.0.1"));
    CHECK_ERR(insert(&t, "a", host(1), false, &s), CLU_OK);
    clu_table_fini(&t);
}

TEST("table-3.4 what peers advertise is charged to the budget")
{
    clu_table t;
    start(&t);
    clu_service *s;
    insert(&t, "a", host(1), true, &s);
    size_t before = t.weight;
    CHECK(before > sizeof *s);
    clu_table_props(&t, s, clu_slice_str("t {port 1}"), true);
    CHECK_EQ(t.weight, before + 10);
    clu_table_protocols(&t, s, sim_list("t c"));
    CHECK_EQ(t.weight, before + 14);
    limits.at[CLU_LIMIT_MEMORY] = (int64_t)t.weight;
    CHECK_ERR(clu_table_tags(&t, s, sim_list("x")), CLU_LIMIT);
    CHECK_ERR(clu_table_props(&t, s, clu_slice_str("u {}"), true), CLU_LIMIT);
    CHECK_ERR(clu_table_protocols(&t, s, sim_list("t u c")), CLU_LIMIT);
    CHECK_ERR(insert(&t, "b", host(1), true, &s), CLU_LIMIT);
    CHECK_EQ(s->tags.count, 0);
    CHECK_SLICE(s->props, "t {port 1}");
    clu_table_fini(&t);
}

TEST("table-4.1 ten thousand services are found, and fit in 20 MB")
{
    clu_table t;
    start(&t);
    limits.at[CLU_LIMIT_SERVICES] = 10000;
    clu_service *s;
    char sid[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(sid, sizeof sid, "s%d", i);
        insert(&t, sid, host(1), true, &s);
        clu_table_tags(&t, s, sim_list(i % 2 ? "odd" : "even"));
    }
    CHECK_EQ(t.count, 10000);
    CHECK_EQ(clu_set_count(&clu_table_word(&t, clu_slice_str("odd"))->members),
             5000);
    CHECK(t.weight < 20000000);
    check_whole(&t);
    for (int i = 0; i < 10000; i += 3) {
        snprintf(sid, sizeof sid, "s%d", i);
        s = clu_table_find(&t, clu_slice_str(sid), clu_slice_str("h"));
        CHECK(s != NULL && clu_table_find_id(&t, s->id) == s);
        clu_table_drop(&t, s);
    }
    check_whole(&t);
    clu_table_fini(&t);
}

/* Tags a service, then others, each allocation failing in its turn. */
static clu_err tag_and_insert(void *ctx)
{
    (void)ctx;
    clu_table t;
    start(&t);
    clu_service *a = NULL, *b;
    clu_err err = insert(&t, "a", host(1), false, &a);
    size_t words = t.words.count;
    CHECK_EQ(t.count, err == CLU_OK);
    CHECK(err == CLU_OK || words + t.sources.count + t.weight == 0);
    if (err == CLU_OK) {
        err = clu_table_tags(&t, a, sim_list("x y z"));
        CHECK_STR(found(&t, "y"), err == CLU_OK ? "a" : "");
        CHECK_EQ(t.words.count, words + (err == CLU_OK ? 3 : 0));
    }
    if (err == CLU_OK) {
        clu_address to = host(2);
        err = clu_table_address(&t, a, &to, false);
        CHECK_STR(found(&t, "10.0.0.2"), err == CLU_OK ? "a" : "");
        CHECK_STR(found(&t, "10.0.0.1"), err == CLU_OK ? "" : "a");
        CHECK_EQ(t.sources.count, 1);
    }
    if (err == CLU_OK) {
        err = clu_table_props(&t, a, clu_slice_str("t {port 1}"), true);
        CHECK_SLICE(a->props, err == CLU_OK ? "t {port 1}" : "");
    }
    if (err == CLU_OK) {
        err = insert(&t, "b", host(1), true, &b);
        CHECK_EQ(t.count, err == CLU_OK ? 2 : 1);
    }
    check_whole(&t);
    clu_table_fini(&t);
    return err;
}

TEST("table-5.1 a failed allocation leaves the table as it was")
{
    CHECK_NOMEM(tag_and_insert, NULL);
}

/* So many that seats and sets have to grow; every seventh goes again. */
static clu_err crowd(void *ctx)
{
    (void)ctx;
    clu_table t;
    start(&t);
    clu_err err = CLU_OK;
    for (int i = 0; err == CLU_OK && i < 80; i++) {
        clu_service *s;
        char sid[16];
        snprintf(sid, sizeof sid, "s%d", i);
        err = insert(&t, sid, host(1), true, &s);
        if (err == CLU_OK) {
            err = clu_table_tags(&t, s, sim_list("x"));
            CHECK(clu_table_find_id(&t, s->id) == s);
        }
        if (err == CLU_OK && i % 7 == 0) {
            clu_table_drop(&t, t.seats[i / 7]);
        }
    }
    check_whole(&t);
    clu_table_fini(&t);
    return err;
}

TEST("table-5.2 nor does it in the middle of a crowd")
{
    CHECK_NOMEM(crowd, NULL);
}

/* A naive table: what each of 26 services has for tags. */
static void shake(clu_table *t, uint64_t *seed, unsigned tags[26])
{
    static const char *const names[] = { "pp", "qq", "rr", "ss", "h", "a" };
    unsigned i = (unsigned)clu_random_below(seed, 26);
    char sid[] = { (char)('a' + i), '\0' }, list[64] = "";
    clu_service *s = clu_table_find(t, clu_slice_str(sid),
                                    clu_slice_str("h"));
    if (s != NULL && clu_random_below(seed, 3) == 0) {
        clu_table_drop(t, s);
        tags[i] = 0;
        return;
    }
    if (s == NULL) {
        CHECK_ERR(insert(t, sid, host((unsigned char)(i % 3)), i % 2, &s),
                  CLU_OK);
    }
    tags[i] = (unsigned)clu_random_below(seed, 64);
    for (unsigned k = 0; k < 6; k++) {
        if ((tags[i] >> k) & 1u) {
            strcat(strcat(list, names[k]), " ");
        }
    }
    list[strlen(list) ? strlen(list) - 1 : 0] = '\0';
    CHECK_ERR(clu_table_tags(t, s, sim_list(list)), CLU_OK);
}

TEST("table-6.1 the index says what a naive model says, at random")
{
    uint64_t seed = check_seed();
    clu_table t;
    start(&t);
    unsigned tags[26] = { 0 };
    for (int round = 0; round < 3000; round++) {
        shake(&t, &seed, tags);
        size_t want = 0;
        for (int i = 0; i < 26; i++) {
            want += (tags[i] >> 1) & 1u;    /* has qq */
        }
        const clu_word *q = clu_table_word(&t, clu_slice_str("qq"));
        CHECK_EQ(q ? clu_set_count(&q->members) : 0, want);
        if (round % 100 == 0) {
            check_whole(&t);
        }
    }
    clu_table_fini(&t);
}

TEST("table-7.1 nobody has a sid or hid longer than any may be")
{
    static char text[600];
    memset(text, 'a', sizeof text);
    clu_limits_init(&limits);
    clu_table t;
    clu_table_init(&t, &limits);
    CHECK(clu_table_find(&t, clu_slice_of(text, 600), clu_slice_str("h"))
          == NULL);
    CHECK(clu_table_find(&t, clu_slice_str("s"), clu_slice_of(text, 600))
          == NULL);
    clu_table_fini(&t);
}
