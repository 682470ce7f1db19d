/*
 * frame_test.c -- packets out of streams, however the streams are cut.
 */
#include "check.h"
#include "frame.h"

#define LIMIT 1048576

typedef struct stream_case {
    const char *name, *chunks, *frames;     /* hex, joined by | */
} stream_case;

static const stream_case streams[] = {
#include "../vectors/streams.inc"
};

/* What came out of a reader: bodies, each in hex behind its own length. */
typedef struct harvest {
    clu_reader reader;
    clu_buf bodies;             /* as strings, one behind the other */
    int count;
} harvest;

static void harvest_init(harvest *h, size_t limit)
{
    clu_reader_init(&h->reader, limit);
    clu_buf_init(&h->bodies, SIZE_MAX);
    h->count = 0;
}

static void harvest_fini(harvest *h)
{
    clu_reader_fini(&h->reader);
    clu_buf_fini(&h->bodies);
}

/* Feeds a copy of exactly these bytes, then takes what is whole. */
static void feed(harvest *h, clu_slice bytes)
{
    unsigned char *exact = clu_memdup(bytes.p, bytes.n);
    CHECK_ERR(clu_reader_feed(&h->reader, clu_slice_of(exact, bytes.n)),
              CLU_OK);
    clu_free(exact);
    clu_slice body;
    while (clu_reader_take(&h->reader, &body) == CLU_OK) {
        clu_buf_string(&h->bodies, body);
        h->count++;
    }
    CHECK_ERR(clu_reader_take(&h->reader, &body), CLU_MORE);
}

/* The bodies of frames written in hex, joined by |. */
static clu_buf expected(const char *frames)
{
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    for (const char *at = frames, *end; *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, "|");
        clu_slice frame = check_unhex(at, end), rest = frame, body;
        clu_frame_loss loss = { 0, 0 };
        size_t need;
        CHECK_ERR(clu_frame_next(&rest, LIMIT, &body, &need, &loss), CLU_OK);
        CHECK_EQ(rest.n, 0);
        clu_buf_string(&out, body);
        clu_free((void *)frame.p);
    }
    return out;
}

static clu_buf joined(const char *chunks)
{
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    for (const char *at = chunks, *end; *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, "|");
        clu_slice chunk = check_unhex(at, end);
        clu_buf_bytes(&out, chunk);
        clu_free((void *)chunk.p);
    }
    return out;
}

static void check_harvest(harvest *h, const clu_buf *bodies)
{
    CHECK_BYTES(clu_buf_slice(&h->bodies), clu_buf_slice(bodies));
    harvest_fini(h);
}

TEST("frame-1.1 recorded streams give the packets a right reader finds")
{
    for (size_t i = 0; i < CLU_COUNT_OF(streams); i++) {
        check_about("%s", streams[i].name);
        clu_buf bodies = expected(streams[i].frames);
        harvest h;
        harvest_init(&h, LIMIT);
        for (const char *at = streams[i].chunks, *end; *at;
             at = *end ? end + 1 : end) {
            end = at + strcspn(at, "|");
            clu_slice chunk = check_unhex(at, end);
            feed(&h, chunk);
            clu_free((void *)chunk.p);
        }
        check_harvest(&h, &bodies);
        clu_buf_fini(&bodies);
    }
}

TEST("frame-1.2 the same packets come byte by byte")
{
    for (size_t i = 0; i < CLU_COUNT_OF(streams); i++) {
        check_about("%s", streams[i].name);
        clu_buf bodies = expected(streams[i].frames);
        clu_buf all = joined(streams[i].chunks);
        harvest h;
        harvest_init(&h, LIMIT);
        for (size_t at = 0; at < all.n; at++) {
            feed(&h, clu_slice_of(all.p + at, 1));
        }
        check_harvest(&h, &bodies);
        clu_buf_fini(&bodies);
        clu_buf_fini(&all);
    }
}

TEST("frame-1.3 the same packets come at every split")
{
    for (size_t i = 0; i < CLU_COUNT_OF(streams); i++) {
        clu_buf bodies = expected(streams[i].frames);
        clu_buf all = joined(streams[i].chunks);
        for (size_t at = 0; at <= all.n; at++) {
            check_about("%s split at %zu", streams[i].name, at);
            harvest h;
            harvest_init(&h, LIMIT);
            feed(&h, clu_slice_of(all.p, at));
            feed(&h, clu_slice_of(all.p + at, all.n - at));
            check_harvest(&h, &bodies);
        }
        clu_buf_fini(&bodies);
        clu_buf_fini(&all);
    }
}

/* ---- One packet ---------------------------------------------------------- */

/* Appends a frame with such a body; returns where it began. */
static size_t add_frame(clu_buf *out, clu_slice body)
{
    size_t at = out->n;
    clu_buf_bytes(out, clu_slice_of(CLU_FRAME_HEADER, 2));
    clu_buf_string(out, body);
    clu_buf_bytes(out, clu_slice_of(CLU_FRAME_FOOTER, 2));
    return at;
}

TEST("frame-2.1 every proper prefix asks for more, and for no more than is due")
{
    static const size_t sizes[] = { 0, 1, 4, 127, 128, 300, 20000 };
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        unsigned char *body = clu_alloc(sizes[i]);
        clu_buf frame;
        clu_buf_init(&frame, SIZE_MAX);
        add_frame(&frame, clu_slice_of(body, sizes[i]));
        for (size_t cut = 0; cut < frame.n; cut++) {
            check_about("%zu of a body of %zu", cut, sizes[i]);
            unsigned char *exact = clu_memdup(frame.p, cut);
            clu_slice rest = { exact, cut }, out;
            clu_frame_loss loss = { 0, 0 };
            size_t need = 0;
            CHECK_ERR(clu_frame_next(&rest, LIMIT, &out, &need, &loss),
                      CLU_MORE);
            CHECK(rest.p == exact && rest.n == cut);
            CHECK(need > cut && need <= frame.n);
            CHECK(loss.junk == 0 && loss.broken == 0);
            clu_free(exact);
        }
        clu_free(body);
        clu_buf_fini(&frame);
    }
}

TEST("frame-2.2 a body at the limit passes, one beyond it does not")
{
    unsigned char body[101] = { 0 };
    for (size_t n = 99; n <= 101; n++) {
        clu_buf frame;
        clu_buf_init(&frame, SIZE_MAX);
        add_frame(&frame, clu_slice_of(body, n));
        clu_slice rest = clu_buf_slice(&frame), out = { NULL, 0 };
        clu_frame_loss loss = { 0, 0 };
        size_t need;
        CHECK_ERR(clu_frame_next(&rest, 100, &out, &need, &loss),
                  n > 100 ? CLU_MORE : CLU_OK);
        CHECK_EQ(out.n, n > 100 ? 0 : n);
        CHECK_EQ(rest.n, 0);
        CHECK_EQ(loss.broken, n > 100);
        CHECK_EQ(loss.junk, n > 100 ? frame.n : 0);
        clu_buf_fini(&frame);
    }
}

TEST("frame-2.3 bytes that hang or deafen an original are passed over")
{
    static const struct { const char *hex; size_t kept; } cases[] = {
        { "c08d80", 3 },                /* a length that is not over */
        { "c08dffffffff7f", 0 },        /* 32 GB */
        { "c08dffffffffffffffffff7f", 0 },
        { "c08d80808080808080808080", 0 },
        { "c08dc08dc08dc0", 5 },
    };
    static const char good[] = "c08d020106" "0000";
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].hex);
        harvest h;
        harvest_init(&h, LIMIT);
        clu_slice bytes = check_unhex(cases[i].hex, NULL);
        feed(&h, bytes);
        CHECK_EQ(h.count, 0);
        CHECK_EQ(clu_reader_held(&h.reader), cases[i].kept);
        clu_slice next = check_unhex(good, NULL);
        feed(&h, next);
        feed(&h, next);
        CHECK(h.count >= 1);
        clu_free((void *)bytes.p);
        clu_free((void *)next.p);
        harvest_fini(&h);
    }
}

TEST("frame-2.4 60 KB of FF behind a header are junk at once")
{
    enum { MANY = 60 * 1024 };
    unsigned char *p = clu_alloc(MANY);
    memset(p, 0xff, MANY);
    memcpy(p, CLU_FRAME_HEADER, 2);
    clu_slice rest = { p, MANY }, body;
    clu_frame_loss loss = { 0, 0 };
    size_t need;
    CHECK_ERR(clu_frame_next(&rest, LIMIT, &body, &need, &loss), CLU_MORE);
    CHECK_EQ(rest.n, 0);
    CHECK_EQ(loss.junk, MANY);
    CHECK_EQ(loss.broken, 1);
    clu_free(p);
}

TEST("frame-2.5 a length that looks like a header is still read")
{
    static const size_t sizes[] = { 18112, 34496 };
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        check_about("%zu", sizes[i]);
        unsigned char *body = clu_alloc(sizes[i]);
        memset(body, 0x51, sizes[i]);
        clu_buf bytes;
        clu_buf_init(&bytes, SIZE_MAX);
        add_frame(&bytes, clu_slice_of(body, sizes[i]));
        add_frame(&bytes, clu_slice_str("next"));
        harvest h;
        harvest_init(&h, LIMIT);
        feed(&h, clu_slice_of(bytes.p, 100));
        feed(&h, clu_slice_of(bytes.p + 100, bytes.n - 100));
        CHECK_EQ(h.count, 2);
        CHECK_EQ(h.reader.loss.junk, 0);
        harvest_fini(&h);
        clu_buf_fini(&bytes);
        clu_free(body);
    }
}

TEST("frame-2.6 headers in a row count once")
{
    clu_buf bytes;
    clu_buf_init(&bytes, SIZE_MAX);
    for (int i = 0; i < 1000; i++) {
        clu_buf_bytes(&bytes, clu_slice_of(CLU_FRAME_HEADER, 2));
    }
    add_frame(&bytes, clu_slice_str("body"));
    clu_slice rest = clu_buf_slice(&bytes), body;
    clu_frame_loss loss = { 0, 0 };
    size_t need;
    CHECK_ERR(clu_frame_next(&rest, LIMIT, &body, &need, &loss), CLU_OK);
    CHECK_SLICE(body, "body");
    CHECK_EQ(loss.broken, 0);
    clu_buf_fini(&bytes);
}

/* ---- The reader ---------------------------------------------------------- */

/* Random chunks of random packets with junk between them that has no C0. */
TEST("frame-3.1 no packet is lost in junk, however it is cut")
{
    uint64_t seed = check_seed();
    for (int round = 0; round < 200; round++) {
        clu_buf bytes, bodies;
        clu_buf_init(&bytes, SIZE_MAX);
        clu_buf_init(&bodies, SIZE_MAX);
        uint64_t junk = 0;
        for (int i = 0; i < 20; i++) {
            for (uint64_t n = clu_random_below(&seed, 5); n; n--, junk++) {
                clu_buf_byte(&bytes,
                             (unsigned char)clu_random_below(&seed, 0xc0));
            }
            unsigned char body[300];
            size_t n = clu_random_below(&seed, sizeof body);
            for (size_t b = 0; b < n; b++) {
                body[b] = (unsigned char)clu_random(&seed);
            }
            add_frame(&bytes, clu_slice_of(body, n));
            clu_buf_string(&bodies, clu_slice_of(body, n));
        }
        harvest h;
        harvest_init(&h, LIMIT);
        for (size_t at = 0, n; at < bytes.n; at += n) {
            n = 1 + clu_random_below(&seed, 200);
            n = n > bytes.n - at ? bytes.n - at : n;
            feed(&h, clu_slice_of(bytes.p + at, n));
        }
        CHECK_EQ(h.count, 20);
        CHECK(h.reader.loss.junk == junk);
        CHECK_EQ(clu_reader_held(&h.reader), 0);
        check_harvest(&h, &bodies);
        clu_buf_fini(&bodies);
        clu_buf_fini(&bytes);
    }
}

TEST("frame-3.2 random bytes give the same packets whole and byte by byte")
{
    uint64_t seed = check_seed();
    static const unsigned char few[] = { 0xc0, 0x8d, 0, 0, 1, 2, 0x80 };
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[64];
        size_t n = clu_random_below(&seed, sizeof bytes);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = few[clu_random_below(&seed, sizeof few)];
        }
        harvest a, b;
        harvest_init(&a, 16);
        harvest_init(&b, 16);
        feed(&a, clu_slice_of(bytes, n));
        for (size_t i = 0; i < n; i++) {
            feed(&b, clu_slice_of(bytes + i, 1));
        }
        CHECK_EQ(a.count, b.count);
        CHECK_BYTES(clu_buf_slice(&a.bodies), clu_buf_slice(&b.bodies));
        CHECK(clu_reader_held(&a.reader) <= 16 + 2 + 2 + CLU_VARINT_MAX + 2);
        CHECK(clu_reader_held(&b.reader) <= 16 + 2 + 2 + CLU_VARINT_MAX + 2);
        harvest_fini(&a);
        harvest_fini(&b);
    }
}

TEST("frame-3.3 a large packet byte by byte costs no more than its bytes")
{
    enum { MANY = 1000000 };
    clu_buf frame;
    clu_buf_init(&frame, SIZE_MAX);
    unsigned char *body = clu_alloc(MANY);
    add_frame(&frame, clu_slice_of(body, MANY));
    add_frame(&frame, clu_slice_str("x"));
    harvest h;
    harvest_init(&h, LIMIT);
    clu_slice out;
    for (size_t i = 0; i < frame.n; i++) {
        clu_reader_feed(&h.reader, clu_slice_of(frame.p + i, 1));
        h.count += clu_reader_take(&h.reader, &out) == CLU_OK;
    }
    CHECK_EQ(h.count, 2);
    clu_reader_feed(&h.reader, clu_slice_of("", 1));
    CHECK(h.reader.kept.room < MANY);
    harvest_fini(&h);
    clu_buf_fini(&frame);
    clu_free(body);
}

static clu_err read_some(void *ctx)
{
    (void)ctx;
    clu_reader r;
    clu_reader_init(&r, LIMIT);
    unsigned char bytes[] = "\xc0\x8d\x02\x01\x06\0\0\xc0\x8d\x02\x01\x06\0";
    clu_err err = clu_reader_feed(&r, clu_slice_of(bytes, 6));
    if (err == CLU_OK) {
        err = clu_reader_feed(&r, clu_slice_of(bytes + 6, sizeof bytes - 6));
    }
    clu_slice body;
    if (err == CLU_OK) {
        CHECK_ERR(clu_reader_take(&r, &body), CLU_OK);
        CHECK_ERR(clu_reader_take(&r, &body), CLU_OK);
    }
    CHECK_ERR(clu_reader_take(&r, &body), CLU_MORE);
    clu_reader_fini(&r);
    return err;
}

TEST("frame-4.1 without memory nothing is kept")
{
    CHECK_NOMEM(read_some, NULL);
}
