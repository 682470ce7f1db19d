/*
 * match.c -- does a service meet a filter?
 *
 * Layer: table.
 */
#include "match.h"

/* Somebody's words: a service's, which stand in the table, or given ones. */
typedef struct clu_person {
    clu_word *const *words;     /* NULL: texts hold */
    const clu_slice *texts;
    size_t count, tags;
} clu_person;

#define PLACES 8                /* where a memo may stand, one behind another */

/* Its own, a free one, or, when all its places are taken, another's. */
static clu_memo *memo_of(const clu_match *m, const clu_item *item,
                         const clu_word *word)
{
    uint64_t both = (uintptr_t)word ^ (uint64_t)(uintptr_t)item << 16;
    size_t at = both * 0x9e3779b97f4a7c15u >> 32;
    for (size_t i = 0; i < PLACES; i++) {
        clu_memo *memo = &m->memo[(at + i) % CLU_MEMO];
        if (memo->word == NULL || (memo->word == word && memo->item == item)) {
            return memo;
        }
    }
    return &m->memo[at % CLU_MEMO];
}

static bool meets_pattern(const clu_match *m, clu_match_how how,
                          const clu_item *item, const clu_word *word)
{
    if (m->memo == NULL || clu_set_is_single(&word->members)) {
        return m->test(m->ctx, how, item, clu_word_text(word));
    }
    clu_memo *memo = memo_of(m, item, word);
    if (memo->word != word || memo->item != item) {
        *memo = (clu_memo){ word, item, m->test(m->ctx, how, item,
                                                clu_word_text(word)) };
    }
    return memo->yes;
}

static bool meets(const clu_match *m, clu_match_how how, const clu_item *item,
                  const clu_person *p, size_t i)
{
    if (p->words != NULL) {
        const clu_word *word = p->words[i];
        return how == CLU_MATCH_EQUAL ? item->word == word
                                      : meets_pattern(m, how, item, word);
    }
    return how == CLU_MATCH_EQUAL
        ? clu_slice_eq(item->text, p->texts[i])
        : m->test(m->ctx, how, item, p->texts[i]);
}

static bool among(const clu_match *m, clu_match_how how, const clu_item *item,
                  const clu_person *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (meets(m, how, item, p, i)) {
            return true;
        }
    }
    return false;
}

/* Is each of his tags asked for, and each item one of his tags? */
static bool exact(const clu_match *m, const clu_clause *c,
                  const clu_person *p)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!among(m, c->how, &c->items[i], p, p->tags)) {
            return false;
        }
    }
    for (size_t t = 0; t < p->tags; t++) {
        bool wanted = false;
        for (size_t i = 0; i < c->count && !wanted; i++) {
            wanted = meets(m, c->how, &c->items[i], p, t);
        }
        if (!wanted) {
            return false;
        }
    }
    return true;
}

static bool holds(const clu_match *m, const clu_clause *c,
                  const clu_person *p)
{
    if (c->op == CLU_MATCH_EXACT) {
        return exact(m, c, p);
    }
    bool want = c->op != CLU_MATCH_NOT;
    for (size_t i = 0; i < c->count; i++) {
        bool has = among(m, c->how, &c->items[i], p, p->count);
        if (c->op == CLU_MATCH_SOME) {
            if (has) {
                return true;
            }
        } else if (has != want) {
            return false;
        }
    }
    return c->op != CLU_MATCH_SOME;
}

static bool all_hold(const clu_match *m, const clu_person *p)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!holds(m, &m->clauses[i], p)) {
            return false;
        }
    }
    return true;
}

bool clu_match_words(const clu_match *m, const clu_word_list *words)
{
    clu_person p = { NULL, words->at, words->count, words->tags };
    return all_hold(m, &p);
}

bool clu_match_service(const clu_match *m, const clu_service *s)
{
    clu_person p = { s->words, NULL, s->word_count, s->tag_count };
    return all_hold(m, &p);
}

void clu_match_aim(clu_match *m, const clu_table *t)
{
    for (size_t i = 0; i < m->count; i++) {
        const clu_clause *c = &m->clauses[i];
        for (size_t k = 0; c->how == CLU_MATCH_EQUAL && k < c->count; k++) {
            c->items[k].word = clu_table_word(t, c->items[k].text);
        }
    }
}

/* ---- 64 at a time -------------------------------------------------------- */

/* Do the members of words say it, with no look at a service? */
static bool is_plain(const clu_clause *c)
{
    return c->how == CLU_MATCH_EQUAL && c->op != CLU_MATCH_EXACT;
}

/* Those who may meet it: the members of the word with the fewest blocks that
   every match must have, or all. */
static const clu_set *narrowest(const clu_table *t, const clu_match *m)
{
    static const clu_set nobody;
    const clu_set *best = &t->taken;
    for (size_t i = 0; i < m->count; i++) {
        const clu_clause *c = &m->clauses[i];
        bool all_of_them = c->op == CLU_MATCH_HAS && is_plain(c);
        for (size_t k = 0; all_of_them && k < c->count; k++) {
            const clu_word *word = c->items[k].word;
            if (word == NULL) {
                return &nobody;
            }
            if (clu_set_blocks(&word->members) <= clu_set_blocks(best)) {
                best = &word->members;
            }
        }
    }
    return best;
}

/* Those of a block's bits who meet a plain clause. */
static uint64_t sift(const clu_clause *c, uint32_t at, uint64_t bits)
{
    uint64_t some = 0;
    for (size_t k = 0; k < c->count; k++) {
        const clu_word *word = c->items[k].word;
        uint64_t has = word != NULL ? clu_set_bits(&word->members, at) : 0;
        some |= has;
        bits &= c->op == CLU_MATCH_HAS ? has : UINT64_MAX;
    }
    return c->op == CLU_MATCH_SOME ? bits & some
        : c->op == CLU_MATCH_NOT ? bits & ~some : bits;
}

/* Those who meet all the plain ones; *asks: there are others. */
static uint64_t sift_all(const clu_match *m, clu_block b, bool *asks)
{
    *asks = false;
    for (size_t i = 0; i < m->count; i++) {
        if (is_plain(&m->clauses[i])) {
            b.bits = sift(&m->clauses[i], b.at, b.bits);
        } else {
            *asks = true;
        }
    }
    return b.bits;
}

/* Those who meet all there is, one after the other. */
static uint64_t ask_each(const clu_table *t, const clu_match *m, clu_block b)
{
    uint64_t met = 0;
    for (; b.bits != 0; b.bits &= b.bits - 1) {
        if (clu_match_service(m, t->seats[clu_block_first(b)])) {
            met |= b.bits & -b.bits;
        }
    }
    return met;
}

/* Of one word and no more than that the members are the answer. */
static bool is_settled(const clu_match *m)
{
    return m->count == 0 || (m->count == 1 && m->clauses[0].count == 1
        && m->clauses[0].op == CLU_MATCH_HAS && is_plain(&m->clauses[0]));
}

const clu_set *clu_match_find(const clu_table *t, clu_match *m,
                              clu_set *scratch)
{
    clu_match_aim(m, t);
    const clu_set *from = narrowest(t, m);
    if (is_settled(m)) {
        return from;
    }
    clu_err err = clu_set_reserve(scratch, clu_set_blocks(from));
    clu_block b;
    for (size_t i = 0; err == CLU_OK && clu_set_block(from, i, &b); i++) {
        bool asks;
        b.bits = sift_all(m, b, &asks);
        if (asks) {
            b.bits = ask_each(t, m, b);
        }
        err = clu_set_put(scratch, b);
    }
    return err == CLU_OK ? scratch : NULL;
}
