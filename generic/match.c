/*
 * match.c -- does a service meet a filter?
 *
 * Layer: table.
 */
#include "match.h"

#define WORDS_AT_HAND 128       /* more only where limits were raised */

static bool meets(const clu_match *m, clu_match_how how, const clu_item *item,
                  clu_slice word)
{
    return how == CLU_MATCH_EQUAL ? clu_slice_eq(item->text, word)
                                  : m->test(m->ctx, how, item, word);
}

static bool among(const clu_match *m, clu_match_how how, const clu_item *item,
                  const clu_word_list *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (meets(m, how, item, w->at[i])) {
            return true;
        }
    }
    return false;
}

/* Is each of his tags asked for, and each item one of his tags? */
static bool exact(const clu_match *m, const clu_clause *c,
                  const clu_word_list *w)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!among(m, c->how, &c->items[i], w, w->tags)) {
            return false;
        }
    }
    for (size_t t = 0; t < w->tags; t++) {
        bool wanted = false;
        for (size_t i = 0; i < c->count && !wanted; i++) {
            wanted = meets(m, c->how, &c->items[i], w->at[t]);
        }
        if (!wanted) {
            return false;
        }
    }
    return true;
}

static bool holds(const clu_match *m, const clu_clause *c,
                  const clu_word_list *w)
{
    if (c->op == CLU_MATCH_EXACT) {
        return exact(m, c, w);
    }
    bool want = c->op != CLU_MATCH_NOT;
    for (size_t i = 0; i < c->count; i++) {
        bool has = among(m, c->how, &c->items[i], w, w->count);
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

bool clu_match_words(const clu_match *m, const clu_word_list *words)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!holds(m, &m->clauses[i], words)) {
            return false;
        }
    }
    return true;
}

bool clu_match_service(const clu_match *m, const clu_service *s)
{
    clu_slice at_hand[WORDS_AT_HAND];
    clu_slice *at = at_hand;
    if (s->entry_count > WORDS_AT_HAND) {
        at = clu_alloc(s->entry_count * sizeof *at);
        if (at == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < s->entry_count; i++) {
        at[i] = s->entries[i].word->text;
    }
    clu_word_list words = { at, s->entry_count, s->tag_count };
    bool result = clu_match_words(m, &words);
    if (at != at_hand) {
        clu_free(at);
    }
    return result;
}

/* The rarest word that every match must have; *nobody when it is unknown. */
static const clu_word *narrowest(const clu_table *t, const clu_match *m,
                                 bool *nobody)
{
    const clu_word *best = NULL;
    *nobody = false;
    for (size_t i = 0; i < m->count; i++) {
        const clu_clause *c = &m->clauses[i];
        if (c->op != CLU_MATCH_HAS || c->how != CLU_MATCH_EQUAL) {
            continue;
        }
        for (size_t k = 0; k < c->count; k++) {
            const clu_word *word = clu_table_word(t, c->items[k].text);
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

void clu_match_walk(const clu_table *t, const clu_match *m,
                    clu_match_found *found, void *ctx)
{
    bool nobody;
    const clu_word *word = narrowest(t, m, &nobody);
    if (nobody) {
        return;
    }
    if (word != NULL) {
        bool done = settled(m);
        for (size_t i = 0; i < word->count; i++) {
            clu_service *s = word->members[i]->service;
            if ((done || clu_match_service(m, s)) && !found(ctx, s)) {
                return;
            }
        }
        return;
    }
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        if (clu_match_service(m, s) && !found(ctx, s)) {
            return;
        }
    }
}
