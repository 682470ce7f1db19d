/*
 * hash_test.c -- laws of the keyed table, the list and the heap.
 */
#include "check.h"
#include "hash.h"

/* ---- SipHash ------------------------------------------------------------- */

/* In this program the system has no random source. */
int getentropy(void *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    return -1;
}

/* First, before another test sets a key. */
TEST("hash-1.0 without a random source the key is still no constant")
{
    clu_slice text = clu_slice_str("text");
    uint64_t drawn = clu_hash(text);
    CHECK(clu_hash(text) == drawn);
    clu_hash_key(0, 0);
    CHECK(clu_hash(text) != drawn);
}

TEST("hash-1.1 SipHash-2-4 gives the paper's results")
{
    /* Key 00 01 .. 0f, message 00 01 .. of each length (the paper, App. A
       for 15; the reference's table for the others). */
    static const struct { size_t n; uint64_t hash; } cases[] = {
        { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu },
        { 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u },
        { 15, 0xa129ca6149be45e5u }, { 16, 0x3f2acc7f57c29bdbu },
    };
    unsigned char message[16];
    for (unsigned char i = 0; i < sizeof message; i++) {
        message[i] = i;
    }
    clu_hash_key(0x0706050403020100u, 0x0f0e0d0c0b0a0908u);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%zu bytes", cases[i].n);
        CHECK(clu_hash(clu_slice_of(message, cases[i].n)) == cases[i].hash);
    }
}

TEST("hash-1.2 another key gives another hash")
{
    clu_slice s = clu_slice_str("tag");
    clu_hash_key(1, 2);
    uint64_t a = clu_hash(s);
    clu_hash_key(1, 3);
    CHECK(clu_hash(s) != a);
}

/* ---- The table ----------------------------------------------------------- */

typedef struct thing {
    clu_map_node node;
    char name[16];
} thing;

static bool same(const clu_map_node *node, clu_slice key)
{
    const thing *t = CLU_CONTAINER(node, const thing, node);
    return clu_slice_eq(clu_slice_str(t->name), key);
}

static clu_map_node *find(const clu_map *map, const char *name)
{
    clu_slice key = clu_slice_str(name);
    return clu_map_find(map, clu_hash(key), key, same);
}

static clu_err insert(clu_map *map, thing *t, unsigned i)
{
    snprintf(t->name, sizeof t->name, "t%u", i);
    return clu_map_insert(map, &t->node, clu_hash(clu_slice_str(t->name)));
}

TEST("hash-2.1 an empty table finds nothing and forgets nothing")
{
    clu_map map = { 0 };
    thing t = { .name = "a" };
    CHECK(find(&map, "a") == NULL);
    clu_map_remove(&map, &t.node);
    CHECK_EQ(map.count, 0);
    clu_map_fini(&map);
}

TEST("hash-2.2 what was put in is found until it is removed")
{
    enum { MANY = 1000 };
    static thing things[MANY];
    clu_map map = { 0 };
    for (unsigned i = 0; i < MANY; i++) {
        CHECK_ERR(insert(&map, &things[i], i), CLU_OK);
    }
    CHECK_EQ(map.count, MANY);
    CHECK(map.size >= map.count);
    for (unsigned i = 0; i < MANY; i += 2) {
        clu_map_remove(&map, &things[i].node);
        clu_map_remove(&map, &things[i].node);
    }
    CHECK_EQ(map.count, MANY / 2);
    for (unsigned i = 0; i < MANY; i++) {
        check_about("thing %u", i);
        CHECK(find(&map, things[i].name)
              == (i % 2 ? &things[i].node : NULL));
    }
    clu_map_fini(&map);
    CHECK(find(&map, "t1") == NULL);
}

TEST("hash-2.3 one bucket for all still finds each")
{
    static thing things[50];
    clu_map map = { 0 };
    for (unsigned i = 0; i < CLU_COUNT_OF(things); i++) {
        snprintf(things[i].name, sizeof things[i].name, "t%u", i);
        CHECK_ERR(clu_map_insert(&map, &things[i].node, 42), CLU_OK);
    }
    for (unsigned i = 0; i < CLU_COUNT_OF(things); i++) {
        clu_slice key = clu_slice_str(things[i].name);
        CHECK(clu_map_find(&map, 42, key, same) == &things[i].node);
    }
    clu_map_fini(&map);
}

TEST("hash-2.4 a table that cannot grow goes on with what it has")
{
    static thing things[100];
    clu_map map = { 0 };
    clu_alloc_fail_at(1, true);
    CHECK_ERR(insert(&map, &things[0], 0), CLU_NOMEM);
    CHECK_EQ(map.count, 0);
    clu_alloc_fail_at(0, false);
    CHECK_ERR(insert(&map, &things[0], 0), CLU_OK);
    clu_alloc_fail_at(1, true);
    for (unsigned i = 1; i < CLU_COUNT_OF(things); i++) {
        CHECK_ERR(insert(&map, &things[i], i), CLU_OK);
    }
    clu_alloc_fail_at(0, false);
    for (unsigned i = 0; i < CLU_COUNT_OF(things); i++) {
        CHECK(find(&map, things[i].name) == &things[i].node);
    }
    clu_map_fini(&map);
}

/* ---- The list ------------------------------------------------------------ */

TEST("hash-3.1 a list keeps the order and forgets what is unlinked")
{
    clu_list head, a, b, c;
    clu_list_init(&head);
    clu_list_init(&b);
    CHECK(clu_list_empty(&head));
    clu_list_append(&head, &a);
    clu_list_append(&head, &b);
    clu_list_append(&head, &c);
    CHECK(head.next == &a && a.next == &b && b.next == &c && c.next == &head);
    clu_list_unlink(&b);
    CHECK(a.next == &c && c.prev == &a && b.next == &b);
    clu_list_unlink(&b);
    clu_list_unlink(&a);
    clu_list_unlink(&c);
    CHECK(clu_list_empty(&head));
}

TEST("hash-3.2 a node in zeroed memory may be unlinked")
{
    clu_list node = { 0 };
    clu_list_unlink(&node);
    CHECK(clu_list_empty(&node));
}

/* ---- The heap ------------------------------------------------------------ */

static void check_heap(const clu_heap *heap)
{
    for (size_t i = 1; i <= heap->count; i++) {
        CHECK_EQ(heap->at[i]->index, i);
        CHECK(i == 1 || heap->at[i / 2]->at <= heap->at[i]->at);
    }
}

TEST("hash-4.1 random sets, moves and drops keep the earliest first")
{
    enum { MANY = 200, STEPS = 20000 };
    static clu_due dues[MANY];
    uint64_t seed = check_seed();
    clu_heap heap = { 0 };
    size_t in = 0;
    for (int step = 0; step < STEPS; step++) {
        clu_due *due = &dues[clu_random_below(&seed, MANY)];
        if (clu_random_below(&seed, 3)) {
            in += due->index == 0;
            clu_ms at = (clu_ms)clu_random_below(&seed, 1000);
            CHECK_ERR(clu_heap_set(&heap, due, at), CLU_OK);
            CHECK_EQ(due->at, at);
        } else {
            in -= due->index != 0;
            clu_heap_drop(&heap, due);
            CHECK_EQ(due->index, 0);
        }
        CHECK_EQ(heap.count, in);
        if (step % 100 == 0) {
            check_heap(&heap);
        }
    }
    clu_ms last = 0;
    for (clu_due *due; (due = clu_heap_take(&heap, CLU_NEVER)); in--) {
        CHECK(due->at >= last);
        last = due->at;
    }
    CHECK_EQ(in, 0);
    clu_heap_fini(&heap);
}

TEST("hash-4.2 only what is due is taken")
{
    clu_heap heap = { 0 };
    clu_due a = { 0 }, b = { 0 };
    CHECK(clu_heap_first(&heap) == NULL);
    CHECK(clu_heap_take(&heap, CLU_NEVER) == NULL);
    clu_heap_set(&heap, &a, 20);
    clu_heap_set(&heap, &b, 10);
    CHECK(clu_heap_first(&heap) == &b);
    CHECK(clu_heap_take(&heap, 9) == NULL);
    CHECK(clu_heap_take(&heap, 10) == &b);
    CHECK(clu_heap_take(&heap, 19) == NULL);
    clu_heap_set(&heap, &a, 5);
    CHECK(clu_heap_take(&heap, 19) == &a);
    clu_heap_drop(&heap, &a);
    clu_heap_fini(&heap);
}

static clu_err fill_heap(void *ctx)
{
    static clu_due dues[100];
    clu_heap heap = { 0 };
    clu_err err = CLU_OK;
    (void)ctx;
    for (size_t i = 0; i < CLU_COUNT_OF(dues) && err == CLU_OK; i++) {
        dues[i].index = 0;
        err = clu_heap_set(&heap, &dues[i], (clu_ms)(100 - i));
        CHECK((err == CLU_OK) == (dues[i].index != 0));
    }
    check_heap(&heap);
    clu_heap_fini(&heap);
    return err;
}

TEST("hash-4.3 without memory a deadline is refused and the heap whole")
{
    CHECK_NOMEM(fill_heap, NULL);
}
