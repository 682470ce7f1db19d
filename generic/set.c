/*
 * set.c -- a set of small numbers, by blocks of 64.
 *
 * Layer: base.
 */
#include "set.h"

static clu_block block_of(uint32_t n)
{
    return (clu_block){ UINT64_C(1) << n % CLU_BLOCK, n / CLU_BLOCK };
}

static uint32_t count_of(uint64_t bits)
{
    return (uint32_t)__builtin_popcountll(bits);
}

static bool is_many(const clu_set *s)
{
    return s->at == CLU_SET_MANY;
}

void clu_set_free(clu_set *s)
{
    if (is_many(s)) {
        clu_free(s->in.many);
    }
    *s = (clu_set){ 0 };
}

/* Numbers mostly grow, so the end comes first. */
size_t clu_blocks_find(const clu_blocks *many, uint32_t at)
{
    size_t from = 0, to = many->count;
    if (to == 0 || many->at[to - 1].at < at) {
        return to;
    }
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (many->at[middle].at < at) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* ---- changing it --------------------------------------------------------- */

static clu_err resize(clu_set *s, size_t room)
{
    bool has = is_many(s);
    clu_blocks *many = clu_realloc(has ? s->in.many : NULL,
                                   sizeof *many + room * sizeof(clu_block));
    if (many == NULL) {
        return CLU_NOMEM;
    }
    if (!has) {
        many->at[0] = (clu_block){ s->in.bits, s->at };
        many->count = s->in.bits != 0;
        many->members = count_of(s->in.bits);
    }
    many->room = (uint32_t)room;
    s->in.many = many;
    s->at = CLU_SET_MANY;
    return CLU_OK;
}

clu_err clu_set_reserve(clu_set *s, size_t blocks)
{
    return blocks > 1 ? resize(s, blocks) : CLU_OK;
}

/* As the i-th of many. */
static clu_err insert(clu_set *s, size_t i, clu_block b)
{
    size_t n = s->in.many->count;
    if (n == s->in.many->room && resize(s, 2 * n) != CLU_OK) {
        return CLU_NOMEM;
    }
    clu_block *at = s->in.many->at;
    memmove(&at[i + 1], &at[i], (n - i) * sizeof b);
    at[i] = b;
    s->in.many->count++;
    s->in.many->members += count_of(b.bits);
    return CLU_OK;
}

clu_err clu_set_put(clu_set *s, clu_block b)
{
    if (b.bits == 0) {
        return CLU_OK;
    }
    if (!is_many(s)) {
        if (s->in.bits == 0 || s->at == b.at) {
            s->at = b.at;
            s->in.bits |= b.bits;
            return CLU_OK;
        }
        if (resize(s, 2) != CLU_OK) {
            return CLU_NOMEM;
        }
    }
    clu_blocks *many = s->in.many;
    size_t i = clu_blocks_find(many, b.at);
    if (i == many->count || many->at[i].at != b.at) {
        return insert(s, i, b);
    }
    many->members += count_of(b.bits & ~many->at[i].bits);
    many->at[i].bits |= b.bits;
    return CLU_OK;
}

clu_err clu_set_add(clu_set *s, uint32_t n)
{
    return clu_set_put(s, block_of(n));
}

/* The i-th of many is empty; when one is left, it stands in the set again. */
static void take_out(clu_set *s, size_t i)
{
    clu_blocks *many = s->in.many;
    size_t behind = --many->count - i;
    memmove(&many->at[i], &many->at[i + 1], behind * sizeof many->at[i]);
    if (many->count == 1) {
        s->in.bits = many->at[0].bits;
        s->at = many->at[0].at;
        clu_free(many);
    }
}

void clu_set_remove(clu_set *s, uint32_t n)
{
    clu_block b = block_of(n);
    if (!is_many(s)) {
        s->in.bits &= s->at == b.at ? ~b.bits : UINT64_MAX;
        return;
    }
    clu_blocks *many = s->in.many;
    size_t i = clu_blocks_find(many, b.at);
    if (i == many->count || many->at[i].at != b.at) {
        return;
    }
    many->members -= (many->at[i].bits & b.bits) != 0;
    many->at[i].bits &= ~b.bits;
    if (many->at[i].bits == 0) {
        take_out(s, i);
    }
}

/* ---- asking it ----------------------------------------------------------- */

bool clu_set_has(const clu_set *s, uint32_t n)
{
    clu_block b = block_of(n);
    return (clu_set_bits(s, b.at) & b.bits) != 0;
}

size_t clu_set_count(const clu_set *s)
{
    return is_many(s) ? s->in.many->members : count_of(s->in.bits);
}

static uint32_t last_of(clu_block b)
{
    return b.at * CLU_BLOCK + CLU_BLOCK - 1
        - (uint32_t)__builtin_clzll(b.bits);
}

/* As long as none is missing, no block but the last is looked at. */
uint32_t clu_set_gap(const clu_set *s)
{
    clu_block b;
    uint32_t count = (uint32_t)clu_set_count(s), at = 0;
    if (clu_set_block(s, clu_set_blocks(s) - 1, &b)
        && last_of(b) == count - 1) {
        return count;
    }
    while (clu_set_block(s, at, &b) && b.at == at && b.bits == UINT64_MAX) {
        at++;
    }
    return clu_block_first((clu_block){ ~clu_set_bits(s, at), at });
}

bool clu_set_next(const clu_set *s, uint32_t *n)
{
    clu_block b = block_of(*n), found;
    size_t i = is_many(s) ? clu_blocks_find(s->in.many, b.at)
                          : (size_t)(s->at < b.at);
    for (; clu_set_block(s, i, &found); i++) {
        if (found.at == b.at) {
            found.bits &= -b.bits;      /* from n on */
        }
        if (found.bits != 0) {
            *n = clu_block_first(found);
            return true;
        }
    }
    return false;
}
