/*
 * core.c -- times the C core alone: the codec, what is dropped, what is heard.
 *
 *     core WHAT COUNT [SERVICES]    prints nanoseconds of one
 *
 * WHAT: encode decode hand-encode hand-decode own filter channel heard first
 * memory scan.
 *
 * Libraries: CORE
 */
#include "bench.h"

#include "engine.h"
#include "frame.h"
#include "loopback.h"

#include <malloc.h>

#define HID "02:fc:00:00:00:01"
#define PROPS "t {port 40447} u {path /run/user/0/cluster/x.sock} caps 2"

static volatile uint64_t sink;      /* what is computed is used */

/* ---- the packet ---------------------------------------------------------- */

typedef struct beacon {
    clu_buf protocols, tags, frame;
    clu_packet packet;
    clu_slice body;
    char sid[16];
    char *at;                   /* where the sid is in the bytes; or NULL */
} beacon;

static clu_items list_of(clu_buf *room, const char *const *words)
{
    clu_items list = { 0 };
    clu_buf_clear(room);
    for (; *words; words++) {
        clu_items_add(room, &list, clu_slice_str(*words));
    }
    return list;
}

static void cut(beacon *b)
{
    clu_buf_clear(&b->frame);
    clu_packet_encode(&b->packet, &b->frame);
    clu_slice bytes = clu_buf_slice(&b->frame);
    clu_frame_loss loss = { 0 };
    size_t need;
    clu_frame_next(&bytes, 1 << 20, &b->body, &need, &loss);
}

/* A heartbeat as members send it when they joined. */
static void beacon_init(beacon *b, const char *sid)
{
    *b = (beacon){ .sid = "" };
    snprintf(b->sid, sizeof b->sid, "%s", sid);
    clu_buf_init(&b->protocols, 1000);
    clu_buf_init(&b->tags, 1000);
    clu_buf_init(&b->frame, 1000);
    clu_packet *p = &b->packet;
    clu_packet_text(p, CLU_FIELD_sid, clu_slice_str(b->sid));
    clu_packet_text(p, CLU_FIELD_hid, clu_slice_str(HID));
    clu_packet_number(p, CLU_FIELD_type, CLU_TYPE_HEARTBEAT);
    clu_packet_number(p, CLU_FIELD_channel, 0);
    clu_packet_list(p, CLU_FIELD_protocols, list_of(&b->protocols,
                    (const char *const []){ "t", "u", "c", NULL }));
    clu_packet_text(p, CLU_FIELD_data, clu_slice_str(PROPS));
    clu_packet_number(p, CLU_FIELD_known, 12);
    clu_packet_list(p, CLU_FIELD_tags, list_of(&b->tags,
                    (const char *const []){ "service_one", "web", NULL }));
    cut(b);
}

static void beacon_fini(beacon *b)
{
    clu_buf_fini(&b->protocols);
    clu_buf_fini(&b->tags);
    clu_buf_fini(&b->frame);
}

/* ---- the limit: the same bytes by hand, nothing asked -------------------- */

static unsigned char *hand_text(unsigned char *p, clu_field f, clu_slice s)
{
    *p++ = (unsigned char)f;
    *p++ = (unsigned char)s.n;
    memcpy(p, s.p, s.n);
    return p + s.n;
}

static size_t hand_encode(const clu_packet *k, unsigned char *out)
{
    unsigned char *p = out + 3;
    p = hand_text(p, CLU_FIELD_sid, k->at[CLU_FIELD_sid].text);
    p = hand_text(p, CLU_FIELD_hid, k->at[CLU_FIELD_hid].text);
    *p++ = CLU_FIELD_type;
    *p++ = (unsigned char)k->at[CLU_FIELD_type].number;
    *p++ = CLU_FIELD_channel;
    *p++ = (unsigned char)k->at[CLU_FIELD_channel].number;
    clu_items list = k->at[CLU_FIELD_protocols].list;
    *p++ = CLU_FIELD_protocols;
    *p++ = (unsigned char)list.count;
    memcpy(p, list.wire.p, list.wire.n);
    p = hand_text(p + list.wire.n, CLU_FIELD_data,
                  k->at[CLU_FIELD_data].text);
    *p++ = CLU_FIELD_known;
    *p++ = (unsigned char)k->at[CLU_FIELD_known].number;
    list = k->at[CLU_FIELD_tags].list;
    *p++ = CLU_FIELD_tags;
    *p++ = (unsigned char)list.count;
    memcpy(p, list.wire.p, list.wire.n);
    p += list.wire.n;
    out[0] = 0xc0;
    out[1] = 0x8d;
    out[2] = (unsigned char)(p - out - 3);
    memset(p, 0, 2);
    return (size_t)(p + 2 - out);
}

static const unsigned char *skip_list(const unsigned char *p, clu_items *list)
{
    list->count = *p++;
    list->wire.p = p;
    for (uint64_t i = 0; i < list->count; i++) {
        p += *p + 1;
    }
    list->wire.n = (size_t)(p - list->wire.p);
    return p;
}

static void hand_decode(clu_slice body, clu_packet *k)
{
    const unsigned char *p = body.p, *end = p + body.n;
    while (p < end) {
        unsigned f = *p++;
        switch (f) {
        case CLU_FIELD_type: case CLU_FIELD_channel: case CLU_FIELD_known:
            k->at[f].number = *p++;
            break;
        case CLU_FIELD_protocols: case CLU_FIELD_tags:
            p = skip_list(p, &k->at[f].list);
            break;
        default:
            k->at[f & 15].text = clu_slice_of(p + 1, *p);
            p += *p + 1;
        }
        k->has |= 1u << f;
    }
}

/* ---- a membership without a network -------------------------------------- */

typedef struct place {
    clu_net *net;
    clu_engine *engine;
    clu_transport *c;
} place;

static void up(void *owner, const clu_arrival *a, clu_ms now)
{
    place *at = owner;
    clu_engine_receive(at->engine, a, now);
}

static clu_err ask(void *ctx, clu_question *q)
{
    (void)ctx, (void)q;
    return CLU_OK;
}

static void tell(void *ctx, const clu_news *news)
{
    (void)ctx, (void)news;
}

static void place_init(place *at)
{
    clu_config config = { .sid = clu_slice_str("myself00"),
                          .hid = clu_slice_str(HID), .ttl = 600000,
                          .heartbeat = 120000, .seed = 1 };
    clu_limits_init(&config.limits);
    config.limits.at[CLU_LIMIT_SERVICES] = 1 << 20;
    config.limits.at[CLU_LIMIT_MEMORY] = 1 << 30;
    clu_patron patron = { .ctx = at, .ask = ask, .tell = tell };
    if (clu_net_create(&at->net) != CLU_OK
        || clu_engine_create(&config, &patron, &at->engine) != CLU_OK
        || clu_loopback_create(at->net, "c", 40000, true, &at->c) != CLU_OK
        || clu_engine_attach(at->engine, at->c, up, at) != CLU_OK
        || clu_engine_join(at->engine, 1000) != CLU_OK) {
        bench_fail("engine");
    }
}

static void place_fini(place *at)
{
    clu_engine_destroy(at->engine);
    clu_net_destroy(at->net);
}

static void hear(place *at, const beacon *b, clu_ms now)
{
    clu_arrival a = { .what = CLU_ARRIVED_FRAME, .via = at->c,
                      .from = { .addr = { .family = 4, .port = 5000,
                                          .ip = { 127, 0, 0, 1 } },
                                .local = true, .group = true },
                      .bytes = b->body };
    clu_engine_receive(at->engine, &a, now);
}

/* Writes another sid over the one in the bytes; both have eight letters. */
static void rename_to(beacon *b, unsigned i)
{
    if (b->at == NULL) {
        b->at = memmem(b->frame.p, b->frame.n, b->sid, 8);
    }
    for (int k = 7; k > 0; k--) {
        b->at[k] = (char)('0' + i % 10);
        i /= 10;
    }
}

static void crowd(place *at, beacon *b, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        rename_to(b, i);
        hear(at, b, 2000);
    }
}

/* ---- what is timed ------------------------------------------------------- */

static uint64_t begun;

static void start(void)
{
    begun = bench_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static double stop(unsigned long count)
{
    return (double)(bench_ns(CLOCK_PROCESS_CPUTIME_ID) - begun)
        / (double)count;
}

static double time_codec(const char *what, unsigned long count)
{
    beacon b;
    beacon_init(&b, "s0000000");
    clu_limits limits;
    clu_limits_init(&limits);
    unsigned char bytes[1000];
    clu_packet p;
    clu_buf out;
    clu_buf_init(&out, 1000);
    start();
    for (unsigned long i = 0; i < count; i++) {
        if (strcmp(what, "encode") == 0) {
            clu_buf_clear(&out);
            sink += clu_packet_encode(&b.packet, &out);
        } else if (strcmp(what, "decode") == 0) {
            sink += clu_packet_decode(b.body, &limits, NULL, NULL, &p);
        } else if (strcmp(what, "hand-encode") == 0) {
            sink += hand_encode(&b.packet, bytes);
        } else {
            p.has = 0;
            hand_decode(b.body, &p);
            sink += p.has;
        }
    }
    double ns = stop(count);
    clu_buf_fini(&out);
    beacon_fini(&b);
    return ns;
}

/* The cheapest look at bytes: where is our sid in them? */
static double time_scan(unsigned long count)
{
    beacon b;
    beacon_init(&b, "myself00");
    start();
    for (unsigned long i = 0; i < count; i++) {
        sink += memmem(b.body.p, b.body.n, "nobody00", 8) != NULL;
    }
    double ns = stop(count);
    beacon_fini(&b);
    return ns;
}

static void spoil(beacon *b, const char *what)
{
    if (strcmp(what, "channel") == 0) {
        clu_packet_number(&b->packet, CLU_FIELD_channel, 77);
    } else if (strcmp(what, "filter") == 0) {
        static clu_buf room;
        clu_buf_init(&room, 1000);
        clu_packet_list(&b->packet, CLU_FIELD_filter, list_of(&room,
                        (const char *const []){ "somebody", "else", NULL }));
        clu_packet_first(&b->packet, CLU_FIELD_filter);
    }
    cut(b);
}

static double time_dropped(const char *what, unsigned long count)
{
    place at;
    place_init(&at);
    beacon b;
    beacon_init(&b, strcmp(what, "own") == 0 ? "myself00" : "s0000000");
    spoil(&b, what);
    start();
    for (unsigned long i = 0; i < count; i++) {
        hear(&at, &b, 2000);
    }
    double ns = stop(count);
    const clu_counters *k = clu_engine_counters(at.engine);
    if (k->at[CLU_COUNT_drop_own] + k->at[CLU_COUNT_drop_filter]
        + k->at[CLU_COUNT_drop_channel] != count) {
        bench_fail("not dropped");
    }
    beacon_fini(&b);
    place_fini(&at);
    return ns;
}

static double time_heard(unsigned long count, unsigned services)
{
    place at;
    place_init(&at);
    beacon b;
    beacon_init(&b, "s0000000");
    crowd(&at, &b, 0, services);
    uint64_t seed = 1;
    start();
    for (unsigned long i = 0; i < count; i++) {
        rename_to(&b, (unsigned)clu_random_below(&seed, services));
        hear(&at, &b, 3000 + (clu_ms)(i / 1000));
    }
    double ns = stop(count);
    if (clu_engine_table(at.engine)->count != services) {
        bench_fail("not all are known");
    }
    beacon_fini(&b);
    place_fini(&at);
    return ns;
}

/* The last count of so many services; or what they weigh. */
static double time_first(const char *what, unsigned long count,
                         unsigned services)
{
    place at;
    place_init(&at);
    beacon b;
    beacon_init(&b, "s0000000");
    size_t before = mallinfo2().uordblks;
    crowd(&at, &b, 0, services - (unsigned)count);
    start();
    crowd(&at, &b, services - (unsigned)count, services);
    double ns = stop(count);
    if (strcmp(what, "memory") == 0) {
        ns = (double)(mallinfo2().uordblks - before) / services;
    }
    beacon_fini(&b);
    place_fini(&at);
    return ns;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    const char *what = argv[1];
    unsigned long count = strtoul(argv[2], NULL, 10);
    unsigned services = argc > 3 ? (unsigned)atoi(argv[3]) : 10;
    double ns;
    if (strcmp(what, "heard") == 0) {
        ns = time_heard(count, services);
    } else if (strcmp(what, "first") == 0 || strcmp(what, "memory") == 0) {
        ns = time_first(what, count, services);
    } else if (strcmp(what, "scan") == 0) {
        ns = time_scan(count);
    } else if (strstr(what, "code")) {
        ns = time_codec(what, count);
    } else {
        ns = time_dropped(what, count);
    }
    printf("%.2f\n", ns);
    return 0;
}
