/*
 * match_test.c -- does a service meet a filter?
 */
#include "check.h"
#include "match.h"
#include "sim.h"

/* A pattern for the tester lent to the matcher: '*' at the end only. */
static bool glob(void *ctx, clu_match_how how, const clu_item *item,
                 clu_slice word)
{
    int *calls = ctx;
    ++*calls;
    size_t n = item->text.n;
    if (how == CLU_MATCH_REGEXP) {      /* here: "contains" */
        return memmem(word.p, word.n, item->text.p, n) != NULL;
    }
    return n > 0 && item->text.p[n - 1] == '*'
        ? word.n >= n - 1 && memcmp(word.p, item->text.p, n - 1) == 0
        : clu_slice_eq(word, item->text);
}

/* A filter from its text: "has a b; not c; match some w*; exact x". */
typedef struct filter {
    clu_match match;
    clu_clause clauses[8];
    clu_item items[32];
    clu_memo memo[CLU_MEMO];
    char text[200];
    int calls;
} filter;

static void parse_clause(filter *f, clu_clause *c, char *text, size_t *items)
{
    static const char *const ops[] = { "has", "not", "some", "exact" };
    *c = (clu_clause){ .items = &f->items[*items] };
    char *state;
    for (char *w = strtok_r(text, " ", &state); w;
         w = strtok_r(NULL, " ", &state)) {
        bool word = c->count > 0;
        for (unsigned i = 0; i < 4 && !word; i++) {
            if (strcmp(w, ops[i]) == 0) {
                c->op = (clu_match_op)i;
                word = true;
                w = NULL;
                break;
            }
        }
        if (w == NULL) {
            continue;
        }
        if (c->count == 0 && strcmp(w, "match") == 0) {
            c->how = CLU_MATCH_GLOB;
        } else if (c->count == 0 && strcmp(w, "regexp") == 0) {
            c->how = CLU_MATCH_REGEXP;
        } else {
            f->items[(*items)++] = (clu_item){ .text = clu_slice_str(w) };
            c->count++;
        }
    }
}

static clu_match *parse(filter *f, const char *text)
{
    *f = (filter){ .match = { .clauses = f->clauses, .test = glob,
                              .ctx = &f->calls, .memo = f->memo } };
    snprintf(f->text, sizeof f->text, "%s", text);
    size_t items = 0;
    char *state;
    for (char *c = strtok_r(f->text, ";", &state); c;
         c = strtok_r(NULL, ";", &state)) {
        parse_clause(f, &f->clauses[f->match.count++], c, &items);
    }
    return &f->match;
}

static const struct { const char *words; size_t tags; const char *filter;
                      bool meets; } cases[] = {
    { "web one m0 h", 2, "", true },
    { "web one m0 h", 2, "has", true },
    { "web one m0 h", 2, "has web", true },
    { "web one m0 h", 2, "has web m0", true },
    { "web one m0 h", 2, "has web two", false },
    { "web one m0 h", 2, "has we", false },
    { "web one m0 h", 2, "not", true },
    { "web one m0 h", 2, "not two three", true },
    { "web one m0 h", 2, "not two m0", false },
    { "web one m0 h", 2, "some", false },
    { "web one m0 h", 2, "some two one", true },
    { "web one m0 h", 2, "some two three", false },
    { "web one m0 h", 2, "exact one web", true },
    { "web one m0 h", 2, "exact one web web", true },
    { "web one m0 h", 2, "exact one", false },
    { "web one m0 h", 2, "exact one web m0", false },
    { "m0 h", 0, "exact", true },
    { "web m0 h", 1, "exact", false },
    { "web one m0 h", 2, "has web; not two; some one", true },
    { "web one m0 h", 2, "has web; not one", false },
    { "web one m0 h", 2, "match has w*", true },
    { "web one m0 h", 2, "match has w* x*", false },
    { "web one m0 h", 2, "match not x*", true },
    { "web one m0 h", 2, "match not o*", false },
    { "web one m0 h", 2, "match some x* o*", true },
    { "web one m0 h", 2, "match exact w* o*", true },
    { "web one m0 h", 2, "match exact w*", false },
    { "web one m0 h", 2, "match exact *", true },
    { "web one m0 h", 2, "regexp has eb", true },
    { "web one m0 h", 2, "regexp has bew", false },
};

TEST("match-1.1 has, not, some and exact, by words of ourselves")
{
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s: %s", cases[i].words, cases[i].filter);
        clu_items list = sim_list(cases[i].words);
        clu_slice at[16];
        size_t n = 0;
        while (clu_items_next(&list.wire, &at[n]) == CLU_OK) {
            n++;
        }
        clu_word_list words = { at, n, cases[i].tags };
        filter f;
        CHECK_EQ(clu_match_words(parse(&f, cases[i].filter), &words),
                 cases[i].meets);
    }
}

/* ---- against a naive model, at random ------------------------------------ */

static clu_limits limits;

#define PEOPLE 300              /* so that words have several blocks */

static const char *const vocabulary[] = {
    "p", "q", "r", "pp", "qq", "localhost", "h", "s3", "10.0.0.1"
};

/* He comes, unless he is there, and gets other tags; the later he came the
   rarer are most of them. */
static void come(clu_table *t, int i, uint64_t *seed)
{
    char sid[16], tags[100] = "";
    snprintf(sid, sizeof sid, "s%d", i);
    clu_address a = { .family = 4, .ip = { 10, 0, 0, (unsigned char)(i % 3) } };
    clu_service *s = clu_table_find(t, clu_slice_str(sid), clu_slice_str("h"));
    if (s == NULL) {
        CHECK_ERR(clu_table_insert(t, clu_slice_str(sid), clu_slice_str("h"),
                                   &a, i % 2, 0, &s), CLU_OK);
    }
    size_t n = clu_random_below(seed, 5);
    for (size_t k = 0; k < n; k++) {
        size_t most = i < PEOPLE / 2 ? CLU_COUNT_OF(vocabulary) : 2;
        strcat(tags, k ? " " : "");
        strcat(tags, vocabulary[clu_random_below(seed, most)]);
    }
    CHECK_ERR(clu_table_tags(t, s, sim_list(tags)), CLU_OK);
}

static void populate(clu_table *t, uint64_t *seed)
{
    clu_limits_init(&limits);
    limits.at[CLU_LIMIT_SOURCE] = PEOPLE;
    clu_table_init(t, &limits);
    for (int i = 0; i < PEOPLE; i++) {
        come(t, i, seed);
    }
}

/* Some go, most of them neighbours, and some come or change. */
static void stir(clu_table *t, uint64_t *seed)
{
    uint64_t from = clu_random_below(seed, PEOPLE);
    for (uint64_t i = from; i < PEOPLE && i < from + 70; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "s%d", (int)i);
        clu_service *s = clu_table_find(t, clu_slice_str(sid),
                                        clu_slice_str("h"));
        if (s != NULL && clu_random_below(seed, 3) > 0) {
            clu_table_drop(t, s);
        }
    }
    for (uint64_t n = clu_random_below(seed, 60); n > 0; n--) {
        come(t, (int)clu_random_below(seed, PEOPLE), seed);
    }
}

static void invent(char *text, size_t room, uint64_t *seed)
{
    static const char *const ops[] = { "has", "not", "some", "exact" };
    size_t n = 0, clauses = 1 + clu_random_below(seed, 3);
    for (size_t c = 0; c < clauses; c++) {
        bool match = clu_random_below(seed, 4) == 0;
        n += (size_t)snprintf(text + n, room - n, "%s%s%s", c ? ";" : "",
                              match ? "match " : "",
                              ops[clu_random_below(seed, 4)]);
        size_t items = clu_random_below(seed, 4);
        for (size_t k = 0; k < items; k++) {
            n += (size_t)snprintf(text + n, room - n, " %s%s",
                vocabulary[clu_random_below(seed, CLU_COUNT_OF(vocabulary))],
                match ? "*" : "");
        }
    }
}

/* Those who meet it, by the number in their sid. */
typedef struct tally {
    size_t count;
    bool seen[PEOPLE];
} tally;

static size_t number_of(const clu_service *s)
{
    return (size_t)atoi((const char *)s->uuid + 1);
}

static tally find(const clu_table *t, clu_match *m)
{
    tally tl = { 0 };
    clu_set scratch = { 0 };
    const clu_set *found = clu_match_find(t, m, &scratch);
    for (uint32_t n = 0; clu_set_next(found, &n); n++) {
        tl.seen[number_of(t->seats[n])] = true;
        tl.count++;
    }
    clu_set_free(&scratch);
    return tl;
}

/* The same by the texts of its words: neither index nor memo has a part. */
static bool by_words(const clu_match *m, const clu_service *s)
{
    clu_slice at[16];
    for (size_t i = 0; i < s->word_count; i++) {
        at[i] = clu_word_text(s->words[i]);
    }
    clu_word_list words = { at, s->word_count, s->tag_count };
    return clu_match_words(m, &words);
}

TEST("match-2.1 found are those who meet it, whoever came, changed or went")
{
    uint64_t seed = check_seed();
    size_t met = 0;
    for (int round = 0; round < 10; round++) {
        clu_table t;
        populate(&t, &seed);
        for (int k = 0; k < 60; k++) {
            stir(&t, &seed);
            char text[200];
            invent(text, sizeof text, &seed);
            check_about("%s", text);
            filter f;
            clu_match *m = parse(&f, text);
            tally tl = find(&t, m);
            for (clu_list *l = t.order.next; l != &t.order; l = l->next) {
                clu_service *s = CLU_SERVICE_OF(l);
                CHECK_EQ(tl.seen[number_of(s)], clu_match_service(m, s));
                CHECK_EQ(tl.seen[number_of(s)], by_words(m, s));
            }
            met += tl.count;
        }
        clu_table_fini(&t);
    }
    CHECK(met > 1000);
}

static clu_err ask(void *ctx)
{
    filter f;
    clu_set scratch = { 0 };
    const clu_set *found = clu_match_find(
        ctx, parse(&f, "has h; not nobody"), &scratch);
    CHECK(found == NULL || clu_set_count(found) == PEOPLE);
    clu_set_free(&scratch);
    return found != NULL ? CLU_OK : CLU_NOMEM;
}

TEST("match-2.2 without memory nothing is found, nor lost")
{
    uint64_t seed = 1;
    clu_table t;
    populate(&t, &seed);
    CHECK_NOMEM(ask, &t);
    clu_table_fini(&t);
}

TEST("match-2.3 a word nobody has costs no pattern")
{
    uint64_t seed = 1;
    clu_table t;
    populate(&t, &seed);
    filter f;
    CHECK_EQ(find(&t, parse(&f, "match has *; has nobody")).count, 0);
    CHECK_EQ(f.calls, 0);
    clu_table_fini(&t);
}

TEST("match-2.4 a pattern is asked once of a word that many share")
{
    uint64_t seed = 1;
    clu_table t;
    populate(&t, &seed);
    filter f;
    CHECK_EQ(find(&t, parse(&f, "match not x* y*")).count, PEOPLE);
    size_t words = t.words.count;
    CHECK(words < 3 * PEOPLE);
    CHECK_EQ(f.calls, 2 * words);
    f.match.memo = NULL;
    f.calls = 0;
    find(&t, &f.match);
    CHECK(f.calls > 3 * (int)words);
    clu_table_fini(&t);
}

TEST("match-2.5 who has one word is not copied, nor all, nor nobody")
{
    uint64_t seed = 1;
    clu_table t;
    populate(&t, &seed);
    static const struct { const char *filter; bool copied; } ways[] = {
        { "has h", false }, { "has s3", false }, { "", false },
        { "has nobody", false }, { "has h localhost", true },
        { "has h; has h", true }, { "not h", true }, { "some h", true },
        { "exact h", true }, { "match has h", true },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(ways); i++) {
        check_about("%s", ways[i].filter);
        filter f;
        clu_set scratch = { 0 };
        const clu_set *found = clu_match_find(&t, parse(&f, ways[i].filter),
                                              &scratch);
        CHECK_EQ(found == &scratch, ways[i].copied);
        clu_set_free(&scratch);
    }
    clu_table_fini(&t);
}

TEST("match-3.1 three hundred words are matched as well")
{
    clu_limits_init(&limits);
    clu_table t;
    clu_table_init(&t, &limits);
    clu_service *s;
    clu_address a = { .family = 4, .ip = { 10, 0, 0, 1 } };
    clu_table_insert(&t, clu_slice_str("s0"), clu_slice_str("h"), &a, true, 0,
                     &s);
    char tags[2000] = "";
    for (int i = 0; i < 300; i++) {
        snprintf(tags + strlen(tags), 8, "%st%d", i ? " " : "", i);
    }
    CHECK_ERR(clu_table_tags(&t, s, sim_list(tags)), CLU_OK);
    static const struct { const char *filter; bool meets; } ways[] = {
        { "has t0 t299 s0", true }, { "has t300", false },
        { "not t300; some t7 t300", true }, { "not t299", false },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(ways); i++) {
        check_about("%s", ways[i].filter);
        filter f;
        clu_match *m = parse(&f, ways[i].filter);
        clu_match_aim(m, &t);
        CHECK_EQ(clu_match_service(m, s), ways[i].meets);
    }
    clu_table_fini(&t);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("match-3.2 more words than are remembered are asked again, and right")
{
    clu_limits_init(&limits);
    clu_table t;
    clu_table_init(&t, &limits);
    clu_address a = { .family = 4, .ip = { 10, 0, 0, 1 } };
    char tags[4000] = "";
    for (int i = 0; i < 600; i++) {
        snprintf(tags + strlen(tags), 8, "%st%d", i ? " " : "", i);
    }
    clu_service *s[2];
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(clu_table_insert(&t, clu_slice_str(i ? "s1" : "s0"),
                                   clu_slice_str("h"), &a, true, 0, &s[i]),
                  CLU_OK);
        CHECK_ERR(clu_table_tags(&t, s[i], sim_list(tags)), CLU_OK);
    }
    filter f;
    clu_match *m = parse(&f, "match not x* y*");
    clu_match_aim(m, &t);
    for (int i = 0; i < 2; i++) {
        CHECK(clu_match_service(m, s[i]));
    }
    CHECK(f.calls > 2 * 600 && f.calls <= 4 * 610);
    clu_table_fini(&t);
}
