/*
 * heap.c -- what a packet makes a membership hold, against its bytes.
 *
 *     heap COUNT SEED
 *
 * Packets that are made at random out of the dearest parts, each to a fresh
 * membership: how much the heap grew, by malloc's own count, next to eight
 * times the bytes and 64 KB.  The worst one is then worsened, step by step.
 * Prints the worst growth, its packet's bytes and the share of the bound.
 */
#include "sim.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS 7
#define ROOM 200000

typedef struct recipe {         /* how often each part, and how long */
    unsigned count[PARTS], length[PARTS];
    unsigned type;
} recipe;

typedef struct cost {
    size_t wire;
    double share;               /* of what is allowed */
    long grown;
} cost;

static unsigned char lists[PARTS][ROOM];

static clu_items make_list(unsigned char *room, unsigned count,
                           unsigned length)
{
    clu_items items = { 0 };
    size_t n = 0;
    for (unsigned i = 0; i < count && n + length + 8 < ROOM; i++) {
        n += clu_varint_write(room + n, length);
        for (unsigned k = 0; k < length; k++) {
            room[n++] = (unsigned char)('a' + (i >> (4 * (k % 8))) % 16);
        }
        items.count++;
    }
    items.wire = clu_slice_of(room, n);
    return items;
}

/* "k0 v k1 v ...": entries of properties, or words. */
static clu_slice make_text(unsigned char *room, unsigned count,
                           unsigned length)
{
    size_t n = 0;
    for (unsigned i = 0; i < count && n + length + 24 < ROOM; i++) {
        n += (size_t)snprintf((char *)room + n, 24, "k%x ", i);
        memset(room + n, 'v', length);
        n += length;
        room[n++] = ' ';
    }
    return clu_slice_of(room, n);
}

static void cook(const recipe *r, clu_packet *p)
{
    sim_head(p, "x1", (clu_type)(r->type % CLU_TYPE_COUNT));
    if (r->count[0]) {
        clu_packet_list(p, CLU_FIELD_tags,
                        make_list(lists[0], r->count[0], r->length[0]));
    }
    if (r->count[1]) {
        clu_items items = make_list(lists[1], r->count[1], r->length[1]);
        unsigned char *end = lists[1] + items.wire.n;
        memcpy(end, "\1c", 2);
        items.wire.n += 2;
        items.count++;
        clu_packet_list(p, CLU_FIELD_protocols, items);
    }
    if (r->count[2]) {
        clu_packet_text(p, CLU_FIELD_data,
                        make_text(lists[2], r->count[2], r->length[2]));
    }
    if (r->count[3]) {
        clu_packet_text(p, CLU_FIELD_ruid,
                        make_text(lists[3], r->count[3], r->length[3]));
    }
    if (r->count[4]) {
        clu_packet_text(p, CLU_FIELD_raw,
                        make_text(lists[4], r->count[4], r->length[4]));
    }
    if (r->count[5]) {
        clu_packet_text(p, CLU_FIELD_error,
                        make_text(lists[5], r->count[5], r->length[5]));
    }
}

static cost measure(const recipe *r)
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s);
    clu_packet p;
    clu_from from = sim_from(23000);
    cook(r, &p);
    clu_buf frame;
    clu_buf_init(&frame, 1 << 22);
    cost c = { 0 };
    if (clu_packet_encode(&p, &frame) == CLU_OK) {
        c.wire = frame.n;
    }
    clu_buf_fini(&frame);
    sim_forget(&s);
    size_t before = mallinfo2().uordblks;
    sim_receive_packet(m, "c", &from, &p);
    c.grown = (long)(mallinfo2().uordblks - before);
    c.share = (double)c.grown / (8.0 * (double)c.wire + 65536);
    sim_fini(&s);
    return c;
}

static void vary(recipe *r, uint64_t *seed)
{
    static const unsigned counts[] = { 0, 1, 4, 16, 64, 65, 256, 1000, 4096,
                                       20000 };
    static const unsigned lengths[] = { 0, 1, 2, 8, 32, 64, 127, 1000 };
    size_t part = clu_random_below(seed, PARTS);
    r->count[part] = counts[clu_random_below(seed, CLU_COUNT_OF(counts))];
    r->length[part] = lengths[clu_random_below(seed, CLU_COUNT_OF(lengths))];
    r->type = (unsigned)clu_random_below(seed, CLU_TYPE_COUNT);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    recipe best = { .type = CLU_TYPE_HEARTBEAT };
    cost worst = measure(&best);
    for (long i = 0; i < count; i++) {
        recipe r = clu_random_below(&seed, 4) ? best : (recipe){ 0 };
        for (uint64_t n = 1 + clu_random_below(&seed, 4); n > 0; n--) {
            vary(&r, &seed);
        }
        cost c = measure(&r);
        if (c.share > worst.share) {
            worst = c;
            best = r;
        }
    }
    printf("%ld %zu %.3f\n", worst.grown, worst.wire, worst.share);
    return 0;
}
