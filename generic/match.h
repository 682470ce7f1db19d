/*
 * match.h -- does a service meet a filter?
 *
 * Layer: table.  The language of `resolve` and `resolver` (API 2): a list of
 * clauses, all of which must hold.  How a pattern matches a word is lent by
 * the caller, so that the core needs neither globs nor regular expressions.
 */
#ifndef CLU_MATCH_H
#define CLU_MATCH_H

#include "table.h"

typedef enum {
    CLU_MATCH_HAS,              /* every item is one of its words */
    CLU_MATCH_NOT,              /* none is */
    CLU_MATCH_SOME,             /* at least one is */
    CLU_MATCH_EXACT             /* its tags are these, no more, no fewer */
} clu_match_op;

typedef enum { CLU_MATCH_EQUAL, CLU_MATCH_GLOB, CLU_MATCH_REGEXP }
    clu_match_how;

typedef struct clu_item {
    clu_slice text;
    void *pattern;              /* the caller's, for test */
    bool simple;                /* the caller's as well */
    const clu_word *word;       /* EQUAL: the table's, or NULL (aimed) */
} clu_item;

typedef struct clu_clause {
    clu_match_op op;
    clu_match_how how;
    clu_item *items;
    size_t count;
} clu_clause;

/* True when the word meets a pattern that is not EQUAL. */
typedef bool clu_match_test(void *ctx, clu_match_how how, const clu_item *item,
                            clu_slice word);

/* What a pattern said of a word that many services share: asked once. */
typedef struct clu_memo {
    const clu_word *word;       /* NULL: nothing yet */
    const clu_item *item;
    bool yes;
} clu_memo;

#define CLU_MEMO 256            /* of them */

typedef struct clu_match {
    clu_clause *clauses;
    size_t count;
    clu_match_test *test;       /* may be NULL when all is EQUAL */
    void *ctx;
    clu_memo *memo;             /* CLU_MEMO zeroed ones, or NULL: none */
} clu_match;

/* The words of somebody: his tags first. */
typedef struct clu_word_list {
    const clu_slice *at;
    size_t count, tags;
} clu_word_list;

bool clu_match_words(const clu_match *m, const clu_word_list *words);

/*
 * Looks up what is EQUAL in the table, so that words are compared by where
 * they stand.  It holds until the table changes; clu_match_service needs it.
 */
void clu_match_aim(clu_match *m, const clu_table *t);
bool clu_match_service(const clu_match *m, const clu_service *s);

/*
 * Aims m and returns the seats of all services that meet it: a set of the
 * table's, or scratch, which is the caller's and empty before.  It holds until
 * the table changes.  NULL: out of memory.
 */
const clu_set *clu_match_find(const clu_table *t, clu_match *m,
                              clu_set *scratch);

#endif
