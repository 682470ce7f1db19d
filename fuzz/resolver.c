/*
 * resolver.c -- fuzz: filters over a table whose services change their tags,
 *               also while memory fails.
 *
 * The table is made once; the input gives some of its services tags and is then
 * a filter.  What is found, by sets, words' places and memos, is what the plain
 * meaning of the clauses says, read from the words' texts.  In the end the tags
 * are gone: the same input is the same run, whatever ran before.
 */
#include "match.h"
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#define PEOPLE 6
#define CLAUSES 4
#define ITEMS 4

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

static clu_slice input;

static unsigned take(unsigned below)
{
    if (input.n == 0) {
        return 0;
    }
    unsigned value = input.p[0];
    input = clu_slice_of(input.p + 1, input.n - 1);
    return value % below;
}

static const char *take_word(void)
{
    static const char *const words[] = { "web", "w", "one", "two", "s0", "s3",
                                         "h", "s1@h", "10.0.0.1", "localhost",
                                         "nobody", "" };
    return words[take(CLU_COUNT_OF(words))];
}

/* ---- who is there -------------------------------------------------------- */

static clu_limits limits;
static clu_table table;
static clu_service *people[PEOPLE];

static void populate(void)
{
    clu_hash_key(1, 2);         /* the same runs in every process */
    clu_limits_init(&limits);
    clu_table_init(&table, &limits);
    for (int i = 0; i < PEOPLE; i++) {
        char sid[8];
        snprintf(sid, sizeof sid, "s%d", i);
        clu_address a = { .family = 4,
                          .ip = { 10, 0, 0, (unsigned char)(i % 3) } };
        check(clu_table_insert(&table, clu_slice_str(sid), clu_slice_str("h"),
                               &a, i % 2, 0, &people[i]) == CLU_OK);
    }
}

/* Without memory the tags stay as they were. */
static void change_tags(void)
{
    clu_service *s = people[take(PEOPLE)];
    char tags[100] = "";
    for (unsigned n = take(5); n > 0; n--) {
        const char *word = take_word();
        if (*word != '\0') {
            snprintf(tags + strlen(tags), sizeof tags - strlen(tags), "%s%s",
                     *tags ? " " : "", word);
        }
    }
    clu_alloc_fail_at(take(8), take(2));
    clu_table_tags(&table, s, sim_list(tags));
    clu_alloc_fail_at(0, false);
}

/* Nothing is held then that was not before: else the fuzzer would look for a
   leak after each run. */
static void drop_tags(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        check(clu_table_tags(&table, people[i], sim_list("")) == CLU_OK);
    }
}

/* ---- what is asked ------------------------------------------------------- */

static clu_item items[CLAUSES][ITEMS];
static clu_clause clauses[CLAUSES];
static clu_memo memo[CLU_MEMO];

/* Patterns: the beginning of the word, or any part of it. */
static bool meets_text(clu_match_how how, const clu_item *item, clu_slice word)
{
    clu_slice t = item->text;
    switch (how) {
    case CLU_MATCH_EQUAL:
        return clu_slice_eq(t, word);
    case CLU_MATCH_GLOB:
        return word.n >= t.n && memcmp(word.p, t.p, t.n) == 0;
    default:
        return memmem(word.p, word.n, t.p, t.n) != NULL;
    }
}

static bool test(void *ctx, clu_match_how how, const clu_item *item,
                 clu_slice word)
{
    (void)ctx;
    return meets_text(how, item, word);
}

static clu_match take_filter(void)
{
    clu_match m = { .clauses = clauses, .count = take(CLAUSES + 1),
                    .test = test, .memo = take(2) ? memo : NULL };
    memset(memo, 0, sizeof memo);
    for (size_t i = 0; i < m.count; i++) {
        clauses[i] = (clu_clause){ (clu_match_op)take(4),
                                   (clu_match_how)take(3), items[i],
                                   take(ITEMS + 1) };
        for (size_t k = 0; k < clauses[i].count; k++) {
            items[i][k] = (clu_item){ .text = clu_slice_str(take_word()) };
        }
    }
    return m;
}

/* ---- what it means ------------------------------------------------------- */

static bool has(const clu_service *s, size_t words, const clu_clause *c,
                const clu_item *item)
{
    for (size_t i = 0; i < words; i++) {
        if (meets_text(c->how, item, clu_word_text(s->words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const clu_clause *c, clu_slice tag)
{
    for (size_t k = 0; k < c->count; k++) {
        if (meets_text(c->how, &c->items[k], tag)) {
            return true;
        }
    }
    return false;
}

static bool means(const clu_clause *c, const clu_service *s)
{
    size_t words = c->op == CLU_MATCH_EXACT ? s->tag_count : s->word_count;
    size_t there = 0;
    for (size_t k = 0; k < c->count; k++) {
        there += has(s, words, c, &c->items[k]);
    }
    switch (c->op) {
    case CLU_MATCH_HAS:
        return there == c->count;
    case CLU_MATCH_NOT:
        return there == 0;
    case CLU_MATCH_SOME:
        return there > 0;
    default:
        break;
    }
    for (size_t i = 0; i < s->tag_count; i++) {
        if (!is_wanted(c, clu_word_text(s->words[i]))) {
            return false;
        }
    }
    return there == c->count;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (people[0] == NULL) {
        populate();
    }
    input = clu_slice_of(data, size);
    for (unsigned n = take(4); n > 0; n--) {
        change_tags();
    }
    clu_match m = take_filter();
    clu_set scratch = { 0 };
    const clu_set *found = clu_match_find(&table, &m, &scratch);
    check(found != NULL && clu_set_count(found) <= PEOPLE);
    for (size_t i = 0; i < PEOPLE; i++) {
        bool meets = true;
        for (size_t c = 0; c < m.count; c++) {
            meets = meets && means(&m.clauses[c], people[i]);
        }
        check(clu_set_has(found, people[i]->seat) == meets);
    }
    clu_set_free(&scratch);
    drop_tags();
    return 0;
}
