/*
 * match.c -- does a service meet a filter?
 *
 * Layer: table.
 */
#include "match.h"

/* Somebody's words: a service's, which stand in the table, or given ones. */
typedef struct clu_person {
    const clu_entry *entries;   /* NULL: texts hold */
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
    if (m->memo == NULL || word->count == 1) {
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
    if (p->entries != NULL) {
        const clu_word *word = p->entries[i].word;
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
    clu_person p = { s->entries, NULL, s->entry_count, s->tag_count };
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

/* The rarest word that every match must have; *nobody when it is unknown. */
static const clu_word *narrowest(const clu_match *m, bool *nobody)
{
    const clu_word *best = NULL;
    *nobody = false;
    for (size_t i = 0; i < m->count; i++) {
        const clu_clause *c = &m->clauses[i];
        if (c->op != CLU_MATCH_HAS || c->how != CLU_MATCH_EQUAL) {
            continue;
        }
        for (size_t k = 0; k < c->count; k++) {
            const clu_word *word = c->items[k].word;
            if (word == NULL) {
                *nobody = true;
                return NULL;
            }
            if (best == NULL || word->count < best->count) {
                best = word;
            }
        }
    }
    return best;
}

/* One word and no more to ask: the members are the answer. */
static bool settled(const clu_match *m)
{
    return m->count == 1 && m->clauses[0].count == 1;
}

static bool walk_members(const clu_word *word, const clu_match *m,
                         clu_match_found *found, void *ctx)
{
    clu_service *const *members = clu_word_members(word);
    bool done = settled(m);
    for (size_t i = 0; i < word->count; i++) {
        if ((done || clu_match_service(m, members[i]))
            && !found(ctx, members[i])) {
            return false;
        }
    }
    return true;
}

static bool walk_all(const clu_table *t, const clu_match *m,
                     clu_match_found *found, void *ctx)
{
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        if (clu_match_service(m, s) && !found(ctx, s)) {
            return false;
        }
    }
    return true;
}

bool clu_match_walk(const clu_table *t, clu_match *m, clu_match_found *found,
                    void *ctx)
{
    bool nobody;
    clu_match_aim(m, t);
    const clu_word *word = narrowest(m, &nobody);
    return nobody
        || (word != NULL ? walk_members(word, m, found, ctx)
                         : walk_all(t, m, found, ctx));
}
