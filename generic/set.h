/*
 * set.h -- a set of small numbers, by blocks of 64.
 *
 * Layer: base.
 *
 *     { 3, 64, 70, 500 }
 *     many -> [at 0: bit 3] [at 1: bits 0, 6] [at 7: bit 52]
 *
 * A block is there when it has a member, and they stand in order: a few
 * numbers cost a block each, many that are close together a bit or two each,
 * and who belongs to two sets is found 64 at a time.  All that lie in one
 * block, as most do, stand in the set itself.
 */
#ifndef CLU_SET_H
#define CLU_SET_H

#include "clu.h"

#define CLU_BLOCK 64            /* numbers in a block */

typedef struct clu_block {
    uint64_t bits;              /* bit i: at * CLU_BLOCK + i is a member */
    uint32_t at;
} clu_block;

typedef struct clu_blocks {
    uint32_t count, room;
    uint32_t members;           /* in all of them */
    clu_block at[];
} clu_blocks;

/* Zeroed it is empty. */
typedef struct __attribute__((packed, aligned(4))) clu_set {
    union {
        uint64_t bits;          /* of the only block; 0: the set is empty */
        clu_blocks *many;       /* two at least, or what was reserved */
    } in;
    uint32_t at;                /* of the only block; CLU_SET_MANY: many */
} clu_set;

#define CLU_SET_MANY UINT32_MAX

void clu_set_free(clu_set *s);                  /* it is empty then */

clu_err clu_set_add(clu_set *s, uint32_t n);    /* NOMEM: as it was */
void clu_set_remove(clu_set *s, uint32_t n);    /* harmless when not in it */
clu_err clu_set_put(clu_set *s, clu_block b);   /* adds those; NOMEM: none */
/* An empty one will take so many blocks without asking for memory. */
clu_err clu_set_reserve(clu_set *s, size_t blocks);

bool clu_set_has(const clu_set *s, uint32_t n);
size_t clu_set_count(const clu_set *s);
uint32_t clu_set_gap(const clu_set *s);         /* the least not in it */

/* One member and no more?  Looks nowhere else. */
static inline bool clu_set_is_single(const clu_set *s)
{
    return s->at != CLU_SET_MANY && s->in.bits != 0
        && (s->in.bits & (s->in.bits - 1)) == 0;
}

/* The first of many that is not before this one. */
size_t clu_blocks_find(const clu_blocks *many, uint32_t at);

/* The members in that block.  Where none is missing before it, it stands where
   its number says. */
static inline uint64_t clu_set_bits(const clu_set *s, uint32_t at)
{
    if (s->at != CLU_SET_MANY) {
        return s->at == at ? s->in.bits : 0;
    }
    const clu_blocks *many = s->in.many;
    size_t i = at < many->count && many->at[at].at == at
        ? at : clu_blocks_find(many, at);
    return i < many->count && many->at[i].at == at ? many->at[i].bits : 0;
}

/*
 * The i-th of its blocks, from 0; false when it has not so many.
 *
 *     for (size_t i = 0; clu_set_block(s, i, &b); i++)
 */
static inline size_t clu_set_blocks(const clu_set *s)   /* how many */
{
    return s->at == CLU_SET_MANY ? s->in.many->count : s->in.bits != 0;
}
static inline bool clu_set_block(const clu_set *s, size_t i, clu_block *b)
{
    if (i >= clu_set_blocks(s)) {
        return false;
    }
    *b = s->at == CLU_SET_MANY ? s->in.many->at[i]
                               : (clu_block){ s->in.bits, s->at };
    return true;
}

/*
 * The least member from *n on; false when there is none.
 *
 *     for (uint32_t n = 0; clu_set_next(s, &n); n++)
 */
bool clu_set_next(const clu_set *s, uint32_t *n);

/* The least in a block that has one. */
static inline uint32_t clu_block_first(clu_block b)
{
    return b.at * CLU_BLOCK + (uint32_t)__builtin_ctzll(b.bits);
}

#endif
