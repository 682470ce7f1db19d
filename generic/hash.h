/*
 * hash.h -- a keyed hash table, an intrusive list and a heap of deadlines.
 *
 * Layer: base.
 *
 *     clu_map                      clu_list               clu_heap
 *     [0] -> node -> node          head <-> a <-> b       at[1] the earliest
 *     [1]                            ^------------'       at[i]->index == i
 *     [2] -> node
 *
 * Nodes live inside what they hold; CLU_CONTAINER gives it back.  Keys
 * from the network are hashed with SipHash and a key drawn when the
 * process starts: nobody outside can make them collide.
 */
#ifndef CLU_HASH_H
#define CLU_HASH_H

#include "clu.h"

/* SipHash-2-4.  The key of the process, unless a test sets another. */
uint64_t clu_hash(clu_slice bytes);
void clu_hash_key(uint64_t k0, uint64_t k1);

/* Of a number that we gave out ourselves, one after the other: nobody outside
   chooses it, and as it is it fills the buckets evenly. */
static inline uint64_t clu_hash_id(uint64_t id)
{
    return id;
}

typedef struct clu_map_node {
    struct clu_map_node *next;  /* in the same bucket */
    uint32_t hash;              /* the lower half of its key's */
    uint32_t note;              /* its holder's, who may have use for it */
} clu_map_node;

typedef struct clu_map {
    clu_map_node **buckets;     /* NULL while empty */
    size_t size;                /* buckets, a power of two */
    size_t count;               /* nodes */
} clu_map;

/* True when the node has the key. */
typedef bool clu_map_same(const clu_map_node *node, clu_slice key);

void clu_map_fini(clu_map *map);    /* frees the buckets, not the nodes */
clu_map_node *clu_map_find(const clu_map *map, uint64_t hash, clu_slice key,
                           clu_map_same *same);
clu_err clu_map_insert(clu_map *map, clu_map_node *node, uint64_t hash);
void clu_map_remove(clu_map *map, clu_map_node *node);

/* A ring whose head is no member; an unlinked node points to itself. */
typedef struct clu_list {
    struct clu_list *next, *prev;
} clu_list;

void clu_list_init(clu_list *head);
bool clu_list_empty(const clu_list *head);
void clu_list_append(clu_list *head, clu_list *node);
void clu_list_unlink(clu_list *node);           /* harmless when unlinked */

/* A deadline inside what it belongs to; index is where it stands, from 1. */
typedef struct clu_due {
    clu_ms at;
    uint32_t index;             /* 0: not in the heap */
    uint32_t kind;              /* its owner's */
} clu_due;

typedef struct clu_heap {
    clu_due **at;               /* at[0] is not used */
    size_t count, room;
} clu_heap;

void clu_heap_fini(clu_heap *heap);
clu_err clu_heap_set(clu_heap *heap, clu_due *due, clu_ms at); /* add or move */
void clu_heap_drop(clu_heap *heap, clu_due *due);       /* harmless when out */
clu_due *clu_heap_first(const clu_heap *heap);          /* NULL when empty */
clu_due *clu_heap_take(clu_heap *heap, clu_ms now);     /* one due, or NULL */

#endif
