/*
 * cost_test.c -- the dearest a stranger can send, and what it costs us.
 */
#include "check.h"
#include "sim.h"

/* Milliseconds of this processor for one of so many; a generous bar: sanitized
   builds on busy machines pass it, a cost that multiplies does not. */
static double each(clock_t begin, int count)
{
    return (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC / count;
}

#define BAR 20.0

static void beacon(sim_member *m, const char *sid, clu_type type,
                   const char *data)
{
    clu_packet p;
    clu_from from = sim_from(23000);
    sim_head(&p, sid, type);
    sim_text(&p, CLU_FIELD_data, data);
    sim_receive_packet(m, "c", &from, &p);
}

static void crowd(sim_member *m, int count)
{
    for (int i = 0; i < count; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "x%d", i);
        beacon(m, sid, CLU_TYPE_HEARTBEAT, "t {port 9} caps 2");
    }
}

static void tag_fully(sim_member *m)
{
    char tags[400] = "";
    for (int i = 0; i < 64; i++) {
        snprintf(tags + strlen(tags), 8, "%sx%02d", i ? " " : "", i);
    }
    CHECK_ERR(sim_tag(m, tags), CLU_OK);
}

TEST("cost-1.1 a filter of 4096 items against 64 tags")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    tag_fully(m);
    static unsigned char wire[4096 * 4];
    for (size_t i = 0; i < sizeof wire; i += 4) {
        memcpy(wire + i, "\3xzz", 4);
    }
    clu_packet p;
    sim_head(&p, "x1", CLU_TYPE_EVENT);
    clu_packet_list(&p, CLU_FIELD_filter,
                    (clu_items){ 4096, clu_slice_of(wire, sizeof wire) });
    clu_packet_first(&p, CLU_FIELD_filter);
    clu_from from = sim_from(23000);
    clock_t begin = clock();
    for (int i = 0; i < 20; i++) {
        sim_receive_packet(m, "c", &from, &p);
    }
    printf("# %.3f ms\n", each(begin, 20));
    CHECK(each(begin, 20) < BAR);
    CHECK_EQ(sim_counter(m, CLU_COUNT_drop_filter), 20);
    sim_fini(&s);
}

TEST("cost-1.2 a ping that lists 60 KB of a word a thousand services have")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    crowd(m, 1000);
    static char list[60000];
    list[0] = '\0';
    for (size_t n = 0; n + 11 < sizeof list; n += 10) {
        memcpy(list + n, "localhost ", 11);
    }
    clock_t begin = clock();
    for (int i = 0; i < 10; i++) {
        beacon(m, "y1", CLU_TYPE_PING, list);
    }
    printf("# %.3f ms\n", each(begin, 10));
    CHECK(each(begin, 10) < BAR);
    sim_fini(&s);
}

TEST("cost-1.3 properties of as many entries as fit, others each time")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    static char props[2][4096];
    for (int k = 0; k < 2; k++) {
        size_t n = 0;
        for (int i = 0; n + 12 < sizeof props[k]; i++) {
            n += (size_t)snprintf(props[k] + n, 12, "%c%x 1 ", "ab"[k], i);
        }
    }
    clock_t begin = clock();
    for (int i = 0; i < 20; i++) {
        beacon(m, "x1", CLU_TYPE_FLUSH, props[i % 2]);
        beacon(m, "x1", CLU_TYPE_HEARTBEAT, props[(i + 1) % 2]);
    }
    printf("# %.3f ms\n", each(begin, 40));
    CHECK(each(begin, 40) < BAR);
    CHECK(sim_find(m, "x1")->props.n <= 4096);
    sim_fini(&s);
}

TEST("cost-1.4 sixty-four tags that change with every packet, in a crowd")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    crowd(m, 1000);
    char tags[2][700] = { "", "" };
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 63; i++) {
            snprintf(tags[k] + strlen(tags[k]), 16, "%c%d ", "ab"[k], i);
        }
        strcat(tags[k], "localhost");
    }
    clu_from from = sim_from(23000);
    clock_t begin = clock();
    for (int i = 0; i < 200; i++) {
        clu_packet p;
        sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
        clu_packet_list(&p, CLU_FIELD_tags, sim_list(tags[i % 2]));
        sim_receive_packet(m, "c", &from, &p);
    }
    printf("# %.3f ms\n", each(begin, 200));
    CHECK(each(begin, 200) < BAR);
    CHECK_EQ(sim_told(m, CLU_NEWS_TAGS, "x1"), 200);
    sim_fini(&s);
}

TEST("cost-2.1 forged beacons by the hundred thousand: the table stays small")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_start(&s), *good = sim_start(&s);
    sim_advance(&s, 1000);
    uint64_t id = sim_service(m, good)->id;
    clock_t begin = clock();
    for (int i = 0; i < 100000; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "f%d", i);
        beacon(m, sid, i % 2 ? CLU_TYPE_DISCOVERY : CLU_TYPE_HEARTBEAT,
               "t {port 9} caps 2");
        if (i % 1000 == 0) {
            sim_advance(&s, 1);
        }
    }
    printf("# %.4f ms\n", each(begin, 100000));
    clu_table *t = clu_engine_table(m->engine);
    CHECK_EQ(t->count, 1024);
    CHECK(t->weight < 1024 * 2048);
    CHECK(clu_table_find_id(t, id) != NULL);
    CHECK_EQ(sim_counter(m, CLU_COUNT_drop_full), 100000 - 1023);
    sim_advance(&s, 2000);
    CHECK_ERR(sim_event(good, sim_service(good, m), "still there?"), CLU_OK);
    sim_advance(&s, 100);
    CHECK_EQ(sim_told(m, CLU_NEWS_EVENT, good->sid), 1);
    sim_fini(&s);
}

TEST("cost-2.2 what one packet makes us hold is bounded by its bytes")
{
    sim s;
    sim_init(&s, 1);
    sim_member *m = sim_add(&s);
    clu_table *t = clu_engine_table(m->engine);
    clu_packet p;
    clu_from from = sim_from(23000);
    sim_head(&p, "x1", CLU_TYPE_HEARTBEAT);
    char tags[200] = "";
    for (int i = 0; i < 64; i++) {
        snprintf(tags + strlen(tags), 4, "%s%c", i ? " " : "", '0' + i);
    }
    clu_packet_list(&p, CLU_FIELD_tags, sim_list(tags));
    sim_receive_packet(m, "c", &from, &p);
    CHECK_EQ(sim_find(m, "x1")->tags.count, 64);
    printf("# %zu bytes for 64 tags of a byte\n", t->weight);
    CHECK(t->weight < 65536);
    static unsigned char long_list[200000];
    for (size_t i = 0; i < 4096; i++) {
        long_list[i * 2] = 1;
        long_list[i * 2 + 1] = 'c';
    }
    size_t before = t->weight;
    clu_packet_list(&p, CLU_FIELD_protocols,
                    (clu_items){ 4096, clu_slice_of(long_list, 8192) });
    sim_receive_packet(m, "c", &from, &p);
    CHECK_EQ(t->weight, before);
    CHECK_EQ(sim_find(m, "x1")->protocols.count, 2);
    sim_fini(&s);
    CHECK_EQ(clu_alloc_live(), 0);
}
