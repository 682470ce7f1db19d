/*
 * hash.c -- a keyed hash table, an intrusive list and a heap of deadlines.
 *
 * Layer: base.
 */
#include "hash.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* ---- SipHash-2-4 (Aumasson and Bernstein, 2012) -------------------------- */

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
    if (getentropy(key, sizeof key) != 0) {
        /* No random source: better a key that only this process can guess. */
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        key[0] = (uint64_t)t.tv_nsec * 0x9e3779b97f4a7c15u;
        key[1] = (uint64_t)(uintptr_t)&t ^ (uint64_t)getpid() << 40;
    }
}

void clu_hash_key(uint64_t k0, uint64_t k1)
{
    pthread_once(&key_once, draw_key);
    key[0] = k0;
    key[1] = k1;
}

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void compress(uint64_t v[4], uint64_t m)
{
    v[3] ^= m;
    sip_round(v);
    sip_round(v);
    v[0] ^= m;
}

/* The paper reads words low byte first, on every machine. */
static inline uint64_t load(const unsigned char *p)
{
    uint64_t m;
    memcpy(&m, p, sizeof m);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    m = __builtin_bswap64(m);
#endif
    return m;
}

static inline uint64_t load_rest(const unsigned char *p, size_t n)
{
    uint64_t m = 0;
    for (size_t i = 0; i < n; i++) {
        m |= (uint64_t)p[i] << 8 * i;
    }
    return m;
}

uint64_t clu_hash(clu_slice bytes)
{
    pthread_once(&key_once, draw_key);
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
        key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u
    };
    size_t n = bytes.n;
    const unsigned char *p = bytes.p;
    for (; n >= 8; p += 8, n -= 8) {
        compress(v, load(p));
    }
    compress(v, (uint64_t)bytes.n << 56 | load_rest(p, n));
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- The table ----------------------------------------------------------- */

#define MAP_FIRST 8             /* buckets of a table with its first node */

void clu_map_fini(clu_map *map)
{
    clu_free(map->buckets);
    *map = (clu_map){ 0 };
}

static clu_map_node **bucket(const clu_map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->size - 1)];
}

clu_map_node *clu_map_find(const clu_map *map, uint64_t hash, clu_slice k,
                           clu_map_same *same)
{
    if (!map->buckets) {
        return NULL;
    }
    clu_map_node *node = *bucket(map, hash);
    while (node && !(node->hash == (uint32_t)hash && same(node, k))) {
        node = node->next;
    }
    return node;
}

static void put(clu_map *map, clu_map_node *node)
{
    clu_map_node **head = bucket(map, node->hash);
    node->next = *head;
    *head = node;
}

static clu_err grow_map(clu_map *map)
{
    clu_map wider = { .size = map->size ? map->size * 2 : MAP_FIRST,
                      .count = map->count };
    wider.buckets = clu_alloc(wider.size * sizeof *wider.buckets);
    if (!wider.buckets) {
        return CLU_NOMEM;
    }
    for (size_t i = 0; i < map->size; i++) {
        for (clu_map_node *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            put(&wider, node);
        }
    }
    clu_free(map->buckets);
    *map = wider;
    return CLU_OK;
}

clu_err clu_map_insert(clu_map *map, clu_map_node *node, uint64_t hash)
{
    /* A table that cannot grow gets slower, not useless. */
    if (map->count >= map->size && grow_map(map) != CLU_OK && !map->size) {
        return CLU_NOMEM;
    }
    node->hash = (uint32_t)hash;
    put(map, node);
    map->count++;
    return CLU_OK;
}

void clu_map_remove(clu_map *map, clu_map_node *node)
{
    if (!map->buckets) {
        return;
    }
    clu_map_node **at = bucket(map, node->hash);
    while (*at && *at != node) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = node->next;
        node->next = NULL;
        map->count--;
    }
}

/* ---- The list ------------------------------------------------------------ */

void clu_list_init(clu_list *head)
{
    head->next = head->prev = head;
}

bool clu_list_empty(const clu_list *head)
{
    return head->next == head;
}

void clu_list_append(clu_list *head, clu_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

void clu_list_unlink(clu_list *node)
{
    if (node->next) {           /* not so in zeroed memory */
        node->prev->next = node->next;
        node->next->prev = node->prev;
    }
    clu_list_init(node);
}

/* ---- The heap ------------------------------------------------------------ */

#define HEAP_FIRST 16

void clu_heap_fini(clu_heap *heap)
{
    clu_free(heap->at);
    *heap = (clu_heap){ 0 };
}

static void place(clu_heap *heap, clu_due *due, size_t index)
{
    heap->at[index] = due;
    due->index = (uint32_t)index;
}

static void rise(clu_heap *heap, clu_due *due)
{
    size_t i = due->index;
    for (; i > 1 && heap->at[i / 2]->at > due->at; i /= 2) {
        place(heap, heap->at[i / 2], i);
    }
    place(heap, due, i);
}

static void sink(clu_heap *heap, clu_due *due)
{
    size_t i = due->index;
    for (size_t child; (child = 2 * i) <= heap->count; i = child) {
        if (child < heap->count
            && heap->at[child + 1]->at < heap->at[child]->at) {
            child++;
        }
        if (heap->at[child]->at >= due->at) {
            break;
        }
        place(heap, heap->at[child], i);
    }
    place(heap, due, i);
}

static clu_err grow_heap(clu_heap *heap)
{
    size_t room = heap->room ? heap->room * 2 : HEAP_FIRST;
    clu_due **at = clu_realloc(heap->at, room * sizeof *at);
    if (!at) {
        return CLU_NOMEM;
    }
    heap->at = at;
    heap->room = room;
    return CLU_OK;
}

clu_err clu_heap_set(clu_heap *heap, clu_due *due, clu_ms at)
{
    if (due->index == 0) {
        if (heap->count + 1 >= heap->room && grow_heap(heap) != CLU_OK) {
            return CLU_NOMEM;
        }
        place(heap, due, ++heap->count);
    } else if (due->at == at) {
        return CLU_OK;
    }
    due->at = at;
    rise(heap, due);
    sink(heap, due);
    return CLU_OK;
}

void clu_heap_drop(clu_heap *heap, clu_due *due)
{
    if (due->index == 0) {
        return;
    }
    clu_due *last = heap->at[heap->count--];
    if (last != due) {
        last->index = due->index;
        rise(heap, last);
        sink(heap, last);
    }
    due->index = 0;
}

clu_due *clu_heap_first(const clu_heap *heap)
{
    return heap->count ? heap->at[1] : NULL;
}

clu_due *clu_heap_take(clu_heap *heap, clu_ms now)
{
    clu_due *due = clu_heap_first(heap);
    if (!due || due->at > now) {
        return NULL;
    }
    clu_heap_drop(heap, due);
    return due;
}
