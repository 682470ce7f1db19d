/*
 * packet_test.c -- packets of originals, and bytes that only look like some.
 */
#include "check.h"
#include "frame.h"
#include "packet.h"

typedef struct packet_case {
    const char *name, *hex;
} packet_case;

static const packet_case packets[] = {
#include "../vectors/packets.inc"
};

static const struct {
    const char *name, *hex, *outcome;
    bool accepted;
} decodes[] = {
#include "../vectors/decode.inc"
};

static clu_limits limits;

__attribute__((constructor)) static void set_limits(void)
{
    clu_limits_init(&limits);
}

/* The body of the only frame in the bytes. */
static clu_err body_of(clu_slice bytes, clu_slice *body)
{
    clu_frame_loss loss = { 0, 0 };
    size_t need;
    return clu_frame_next(&bytes, 1 << 20, body, &need, &loss);
}

static clu_err decode(clu_slice body, clu_packet *p)
{
    return clu_packet_decode(body, &limits, NULL, NULL, p);
}

static void check_encoded(const clu_packet *p, clu_slice expected)
{
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    CHECK_ERR(clu_packet_encode(p, &out), CLU_OK);
    CHECK_BYTES(clu_buf_slice(&out), expected);
    clu_buf_fini(&out);
}

/* ---- Recorded packets ---------------------------------------------------- */

TEST("packet-1.1 what originals sent is decoded and encoded to the same bytes")
{
    CHECK(CLU_COUNT_OF(packets) > 50);
    for (size_t i = 0; i < CLU_COUNT_OF(packets); i++) {
        check_about("%s", packets[i].name);
        clu_slice frame = check_unhex(packets[i].hex, NULL), body;
        clu_packet p;
        CHECK_ERR(body_of(frame, &body), CLU_OK);
        CHECK_ERR(decode(body, &p), CLU_OK);
        CHECK_ERR(clu_packet_check(&p), CLU_OK);
        check_encoded(&p, frame);
        clu_packet *copy = clu_packet_copy(&p);
        check_encoded(copy, frame);
        clu_free(copy);
        clu_free((void *)frame.p);
    }
}

/* As the reader of the recording: sid abcd1234, tags web and one. */
static clu_err recorded_gate(void *ctx, clu_field field,
                             const clu_value *value)
{
    static const char *const own[] = { "abcd1234", "02:fc:00:00:00:01", "web",
                                       "one" };
    ++*(int *)ctx;
    if (field == CLU_FIELD_sid) {
        return clu_slice_eq(value->text, clu_slice_str(own[0]))
            ? CLU_IGNORED : CLU_OK;
    }
    if (field != CLU_FIELD_filter) {
        return CLU_OK;
    }
    for (size_t i = 0; i < CLU_COUNT_OF(own); i++) {
        if (clu_items_have(value->list, clu_slice_str(own[i]))) {
            return CLU_OK;
        }
    }
    return CLU_IGNORED;
}

/* Where we are stricter than the original, or the frame is none for us. */
static const struct { const char *name; clu_err err; } stricter[] = {
    { "varint_11bytes", CLU_OVERFLOW }, { "length_too_small", CLU_HEADER },
    { "length_too_big", CLU_HEADER },
};

/* What we have to say to a recorded packet; HEADER: the frame is no frame. */
static clu_err verdict(size_t i)
{
    for (size_t s = 0; s < CLU_COUNT_OF(stricter); s++) {
        if (strcmp(decodes[i].name, stricter[s].name) == 0) {
            return stricter[s].err;
        }
    }
    if (strcmp(decodes[i].outcome, "ok") != 0) {
        return CLU_VALUE;       /* any error */
    }
    return decodes[i].accepted || strcmp(decodes[i].name, "no_fields") == 0
        ? CLU_OK : CLU_IGNORED;
}

TEST("packet-1.2 we accept what an original accepts and never hang")
{
    size_t accepted = 0, refused = 0;
    for (size_t i = 0; i < CLU_COUNT_OF(decodes); i++) {
        check_about("%s", decodes[i].name);
        clu_slice frame = check_unhex(decodes[i].hex, NULL), body;
        clu_packet p;
        int asked = 0;
        clu_err err = body_of(frame, &body) == CLU_OK
            ? clu_packet_decode(body, &limits, recorded_gate, &asked, &p)
            : CLU_HEADER;
        clu_err wanted = verdict(i);
        CHECK(wanted == CLU_VALUE ? err != CLU_OK && err != CLU_IGNORED
              : err == wanted);
        accepted += err == CLU_OK;
        refused += err != CLU_OK;
        clu_free((void *)frame.p);
    }
    CHECK(accepted > 5 && refused > 8);
}

/* ---- Laws ---------------------------------------------------------------- */

TEST("packet-2.1 a body cut anywhere is truncated or a shorter packet")
{
    for (size_t i = 0; i < CLU_COUNT_OF(packets); i++) {
        clu_slice frame = check_unhex(packets[i].hex, NULL), body = { 0 };
        CHECK_ERR(body_of(frame, &body), CLU_OK);
        size_t cuts = 0;
        for (size_t cut = 0; cut < body.n; cut++) {
            check_about("%s cut at %zu", packets[i].name, cut);
            unsigned char *exact = clu_memdup(body.p, cut);
            clu_packet p;
            clu_err err = decode(clu_slice_of(exact, cut), &p);
            CHECK(err == CLU_OK || err == CLU_TRUNCATED);
            cuts += err == CLU_TRUNCATED;
            clu_free(exact);
        }
        CHECK(cuts > body.n / 2);
        clu_free((void *)frame.p);
    }
}

TEST("packet-2.2 random and changed bodies never lead beyond their end")
{
    uint64_t seed = check_seed();
    size_t ok = 0, bad = 0;
    for (int round = 0; round < 100000; round++) {
        size_t i = clu_random_below(&seed, CLU_COUNT_OF(packets));
        clu_slice frame = check_unhex(packets[i].hex, NULL), body = { 0 };
        CHECK_ERR(body_of(frame, &body), CLU_OK);
        size_t n = clu_random_below(&seed, body.n) + 1;
        unsigned char *exact = clu_memdup(body.p, n);
        for (uint64_t k = clu_random_below(&seed, 4); k; k--) {
            exact[clu_random_below(&seed, n)] =
                (unsigned char)clu_random(&seed);
        }
        clu_packet p;
        if (decode(clu_slice_of(exact, n), &p) == CLU_OK) {
            clu_buf out;
            clu_buf_init(&out, SIZE_MAX);
            CHECK_ERR(clu_packet_encode(&p, &out), CLU_OK);
            clu_buf_fini(&out);
            ok++;
        } else {
            bad++;
        }
        clu_free(exact);
        clu_free((void *)frame.p);
    }
    CHECK(ok > 1000 && bad > 1000);
}

TEST("packet-2.3 each error is told by its name")
{
    static const struct { const char *hex; clu_err err; } cases[] = {
        { "", CLU_OK }, { "01", CLU_TRUNCATED }, { "0180", CLU_TRUNCATED },
        { "0001", CLU_FIELD }, { "1001", CLU_FIELD },
        { "ff", CLU_TRUNCATED }, { "ff7f01", CLU_FIELD },
        { "8100" "05", CLU_OK },                /* padded field id */
        { "ffffffffffffffffff7f", CLU_OVERFLOW },
        { "01ffffffffffffffffff02", CLU_OVERFLOW },
        { "0d", CLU_TRUNCATED }, { "0d07", CLU_OK },
        { "0a0561626364", CLU_TRUNCATED },
        { "0affffffffffffffffff01", CLU_TRUNCATED },
        { "07027401", CLU_TRUNCATED }, { "077f017401630000", CLU_TRUNCATED },
        { "07ffffffffffffffffff01", CLU_TRUNCATED },
        { "0700", CLU_OK },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].hex);
        clu_slice body = check_unhex(cases[i].hex, NULL);
        clu_packet p;
        CHECK_ERR(decode(body, &p), cases[i].err);
        clu_free((void *)body.p);
    }
}

TEST("packet-2.4 a field given twice keeps its place and the last value")
{
    static const unsigned char body[] = { 1, 1, 2, 5, 1, 6 };
    clu_packet p;
    CHECK_ERR(decode(clu_slice_of(body, sizeof body), &p), CLU_OK);
    CHECK_EQ(p.count, 2);
    CHECK_EQ(p.at[CLU_FIELD_type].number, 6);
    CHECK_EQ(p.order[0], CLU_FIELD_type);
}

TEST("packet-2.5 what a packet must have is asked for")
{
    static const unsigned char all[] = {
        4, 1, 's', 3, 1, 'h', 1, 1, 2, 0, 7, 2, 1, 't', 1, 'c' };
    clu_packet p;
    CHECK_ERR(decode(clu_slice_of(all, sizeof all), &p), CLU_OK);
    CHECK_ERR(clu_packet_check(&p), CLU_OK);
    static const clu_field needed[] = {
        CLU_FIELD_sid, CLU_FIELD_hid, CLU_FIELD_type, CLU_FIELD_channel,
        CLU_FIELD_protocols };
    for (size_t i = 0; i < CLU_COUNT_OF(needed); i++) {
        clu_packet q = p;
        clu_packet_remove(&q, needed[i]);
        CHECK_ERR(clu_packet_check(&q), CLU_MISSING);
    }
    CHECK_ERR(decode(clu_slice_of(all, sizeof all - 1), &p), CLU_TRUNCATED);
    unsigned char other[sizeof all];
    memcpy(other, all, sizeof all);
    other[sizeof all - 1] = 'd';
    CHECK_ERR(decode(clu_slice_of(other, sizeof other), &p), CLU_OK);
    CHECK_ERR(clu_packet_check(&p), CLU_MISSING);
}

/* ---- Limits -------------------------------------------------------------- */

static clu_err decode_list(clu_field field, uint64_t items, size_t item)
{
    clu_buf list;
    clu_buf_init(&list, SIZE_MAX);
    clu_items value = { 0, { NULL, 0 } };
    unsigned char text[200];
    memset(text, 'x', sizeof text);
    for (uint64_t i = 0; i < items; i++) {
        clu_items_add(&list, &value, clu_slice_of(text, item));
    }
    clu_packet p = { 0 }, q;
    clu_packet_list(&p, field, value);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_packet_encode(&p, &out);
    clu_slice body;
    CHECK_ERR(body_of(clu_buf_slice(&out), &body), CLU_OK);
    clu_err err = decode(body, &q);
    clu_buf_fini(&list);
    clu_buf_fini(&out);
    return err;
}

TEST("packet-3.1 lists and tags are read up to their limits")
{
    uint64_t items = (uint64_t)limits.at[CLU_LIMIT_LIST_ITEMS];
    uint64_t tags = (uint64_t)limits.at[CLU_LIMIT_TAGS];
    size_t tag = (size_t)limits.at[CLU_LIMIT_TAG];
    CHECK_ERR(decode_list(CLU_FIELD_filter, items, 0), CLU_OK);
    CHECK_ERR(decode_list(CLU_FIELD_filter, items + 1, 0), CLU_LIMIT);
    CHECK_ERR(decode_list(CLU_FIELD_filter, 10, tag + 1), CLU_OK);
    CHECK_ERR(decode_list(CLU_FIELD_tags, tags, tag), CLU_OK);
    CHECK_ERR(decode_list(CLU_FIELD_tags, tags + 1, 1), CLU_LIMIT);
    CHECK_ERR(decode_list(CLU_FIELD_tags, 1, tag + 1), CLU_LIMIT);
}

TEST("packet-3.2 ids are read up to their limit")
{
    static const clu_field ids[] = { CLU_FIELD_sid, CLU_FIELD_hid };
    size_t max = (size_t)limits.at[CLU_LIMIT_ID];
    for (size_t i = 0; i < CLU_COUNT_OF(ids); i++) {
        for (size_t n = max; n <= max + 1; n++) {
            unsigned char body[300] = { (unsigned char)ids[i] };
            size_t at = 1 + clu_varint_write(body + 1, n);
            clu_packet p;
            CHECK_ERR(decode(clu_slice_of(body, at + n), &p),
                      n > max ? CLU_LIMIT : CLU_OK);
        }
    }
}

/* ---- The gate ------------------------------------------------------------ */

typedef struct gate_log {
    clu_field seen[8];
    int count;
    clu_field stop;             /* the field that is refused */
    clu_err err;
} gate_log;

static clu_err logging_gate(void *ctx, clu_field field,
                            const clu_value *value)
{
    gate_log *log = ctx;
    (void)value;
    log->seen[log->count++] = field;
    return field == log->stop ? log->err : CLU_OK;
}

TEST("packet-4.1 the gate is asked in the packet's order and can end it")
{
    static const unsigned char body[] = {
        14, 1, 1, 'x', 4, 1, 's', 1, 6, 3, 1, 'h', 2, 0, 99 };
    clu_packet p;
    gate_log log = { .count = 0 };
    CHECK_ERR(clu_packet_decode(clu_slice_of(body, sizeof body - 1), &limits,
                                logging_gate, &log, &p), CLU_OK);
    CHECK_EQ(log.count, 4);
    CHECK(log.seen[0] == CLU_FIELD_filter && log.seen[1] == CLU_FIELD_sid
          && log.seen[2] == CLU_FIELD_hid && log.seen[3] == CLU_FIELD_channel);

    log = (gate_log){ .stop = CLU_FIELD_sid, .err = CLU_IGNORED };
    CHECK_ERR(clu_packet_decode(clu_slice_of(body, sizeof body), &limits,
                                logging_gate, &log, &p), CLU_IGNORED);
    CHECK_EQ(log.count, 2);
    CHECK(clu_packet_has(&p, CLU_FIELD_sid));
    CHECK(!clu_packet_has(&p, CLU_FIELD_type));
}

/* ---- Making packets ------------------------------------------------------ */

TEST("packet-5.1 fields stand in the order they were put, or first")
{
    clu_packet p = { 0 };
    clu_packet_text(&p, CLU_FIELD_sid, clu_slice_str("s"));
    clu_packet_number(&p, CLU_FIELD_type, 6);
    clu_packet_number(&p, CLU_FIELD_keepalive, 1);
    clu_packet_number(&p, CLU_FIELD_type, 5);
    clu_packet_first(&p, CLU_FIELD_keepalive);
    clu_packet_first(&p, CLU_FIELD_data);
    clu_packet_remove(&p, CLU_FIELD_data);
    check_encoded(&p, clu_slice_of("\xc0\x8d\x07\x0d\x01\x04\x01s\x01\x05\0\0",
                                   12));
    clu_packet_remove(&p, CLU_FIELD_keepalive);
    clu_packet_remove(&p, CLU_FIELD_type);
    check_encoded(&p, clu_slice_of("\xc0\x8d\x03\x04\x01s\0\0", 8));
    clu_packet_remove(&p, CLU_FIELD_sid);
    check_encoded(&p, clu_slice_of("\xc0\x8d\0\0\0", 5));
}

TEST("packet-5.2 fields are found by their names")
{
    for (unsigned i = 1; i <= CLU_FIELD_MAX; i++) {
        clu_slice name = clu_slice_str(clu_field_name((clu_field)i));
        CHECK_EQ(clu_field_find(name), i);
    }
    CHECK_EQ(clu_field_find(clu_slice_str("si")), 0);
    CHECK_EQ(clu_field_find(clu_slice_str("")), 0);
    CHECK_EQ(clu_field_kind(CLU_FIELD_tags), CLU_KIND_LIST);
    CHECK_EQ(clu_field_kind(CLU_FIELD_keepalive), CLU_KIND_FLAG);
}

TEST("packet-5.3 a list is made, walked and searched item by item")
{
    static const char *const words[] = { "one", "", "three" };
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_items list = { 0, { NULL, 0 } };
    for (size_t i = 0; i < CLU_COUNT_OF(words); i++) {
        CHECK_ERR(clu_items_add(&out, &list, clu_slice_str(words[i])),
                  CLU_OK);
    }
    CHECK_EQ(list.count, 3);
    CHECK(clu_items_have(list, clu_slice_str("three")));
    CHECK(clu_items_have(list, clu_slice_str("")));
    CHECK(!clu_items_have(list, clu_slice_str("thre")));
    CHECK(!clu_items_have((clu_items){ 0 }, clu_slice_str("thre")));
    clu_slice wire = list.wire, item;
    for (size_t i = 0; i < CLU_COUNT_OF(words); i++) {
        CHECK_ERR(clu_items_next(&wire, &item), CLU_OK);
        CHECK_SLICE(item, words[i]);
    }
    CHECK_ERR(clu_items_next(&wire, &item), CLU_GONE);
    clu_buf_fini(&out);
}

/* A frame whose body would have just this many bytes, with data of them. */
static size_t encode_sized(size_t size, bool with_op, clu_buf *out,
                           unsigned char *data)
{
    clu_packet p = { 0 };
    size_t used = with_op ? 3 : 0;
    size_t n = size - used - 1;
    n -= clu_varint_size(n - clu_varint_size(n));
    if (with_op) {
        clu_packet_text(&p, CLU_FIELD_op, clu_slice_str("o"));
    }
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(data, n));
    clu_buf_clear(out);
    CHECK_ERR(clu_packet_encode(&p, out), CLU_OK);
    return n;
}

TEST("packet-5.4 a length that originals misread is never sent")
{
    static const size_t sizes[] = { 1728, 18111, 18112, 18113, 34496, 50880 };
    unsigned char *data = clu_alloc(60000);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        for (int op = 0; op < 2; op++) {
            check_about("%zu, op %d", sizes[i], op);
            size_t n = encode_sized(sizes[i], op, &out, data);
            clu_cursor c = clu_cursor_of(clu_slice_of(out.p + 2, out.n - 2));
            uint64_t length;
            CHECK_ERR(clu_cursor_varint(&c, &length), CLU_OK);
            bool misread = sizes[i] > 16384 && sizes[i] % 16384 == 1728;
            CHECK_EQ(length, sizes[i] + (!misread ? 0 : op ? 1 : 2));
            clu_slice body;
            clu_packet p;
            CHECK_ERR(body_of(clu_buf_slice(&out), &body), CLU_OK);
            CHECK_ERR(decode(body, &p), CLU_OK);
            CHECK_EQ(p.at[CLU_FIELD_data].text.n, n);
            CHECK_EQ(clu_packet_has(&p, CLU_FIELD_op), op || misread);
            CHECK(!op || clu_slice_eq(p.at[CLU_FIELD_op].text,
                                      clu_slice_str("o")));
        }
    }
    clu_buf_fini(&out);
    clu_free(data);
}

TEST("packet-5.5 values at every border of a length come back")
{
    static const size_t sizes[] = { 0, 1, 126, 127, 128, 129, 16383, 16384 };
    unsigned char *data = clu_alloc(20000);
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        check_about("%zu", sizes[i]);
        clu_packet p = { 0 }, q;
        clu_packet_number(&p, CLU_FIELD_known, sizes[i]);
        clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(data, sizes[i]));
        clu_packet_list(&p, CLU_FIELD_filter,
                        (clu_items){ 0, clu_slice_of(data, 0) });
        clu_buf out;
        clu_buf_init(&out, SIZE_MAX);
        CHECK_ERR(clu_packet_encode(&p, &out), CLU_OK);
        clu_slice body;
        CHECK_ERR(body_of(clu_buf_slice(&out), &body), CLU_OK);
        CHECK_ERR(decode(body, &q), CLU_OK);
        CHECK_EQ(q.at[CLU_FIELD_known].number, sizes[i]);
        CHECK_EQ(q.at[CLU_FIELD_data].text.n, sizes[i]);
        clu_buf_fini(&out);
    }
    clu_free(data);
}

TEST("packet-5.6 all fields at once can be put in, moved and taken out")
{
    clu_packet p = { 0 };
    for (unsigned i = 1; i <= CLU_FIELD_MAX; i++) {
        clu_packet_number(&p, (clu_field)i, i);
    }
    CHECK_EQ(p.count, CLU_FIELD_MAX);
    clu_packet_first(&p, CLU_FIELD_error);
    CHECK_EQ(p.order[0], CLU_FIELD_error);
    CHECK_EQ(p.order[CLU_FIELD_MAX - 1], CLU_FIELD_filter);
    for (unsigned i = 1; i <= CLU_FIELD_MAX; i++) {
        CHECK_EQ(p.count, CLU_FIELD_MAX + 1 - i);
        clu_packet_remove(&p, (clu_field)i);
    }
    CHECK_EQ(p.count, 0);
    CHECK_EQ(p.has, 0);
}

TEST("packet-5.7 a copy outlives the bytes it was made from")
{
    clu_slice frame = check_unhex(packets[0].hex, NULL), body;
    clu_packet p;
    CHECK_ERR(body_of(frame, &body), CLU_OK);
    CHECK_ERR(decode(body, &p), CLU_OK);
    clu_packet *copy = clu_packet_copy(&p);
    CHECK(clu_packet_weight(&p) >= sizeof p);
    CHECK(clu_packet_weight(&p) <= sizeof p + body.n);
    memset((void *)frame.p, 0xee, frame.n);
    clu_slice again = check_unhex(packets[0].hex, NULL);
    check_encoded(copy, again);
    clu_free(copy);
    clu_free((void *)again.p);
    clu_free((void *)frame.p);
}

TEST("packet-5.8 a list whose bytes end early has the items before that")
{
    clu_items broken = { 2, clu_slice_str("\1a\5b") };
    CHECK(clu_items_have(broken, clu_slice_str("a")));
    CHECK(!clu_items_have(broken, clu_slice_str("b")));
    clu_slice wire = broken.wire, item;
    CHECK_ERR(clu_items_next(&wire, &item), CLU_OK);
    CHECK_SLICE(item, "a");
    CHECK_ERR(clu_items_next(&wire, &item), CLU_TRUNCATED);
    CHECK_EQ(wire.n, 2);
}

static clu_err encode_and_copy(void *ctx)
{
    const clu_packet *p = ctx;
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_err err = clu_packet_encode(p, &out);
    CHECK(err == CLU_OK || out.n == 0);
    clu_packet *copy = err == CLU_OK ? clu_packet_copy(p) : NULL;
    if (!copy) {
        err = CLU_NOMEM;
    }
    clu_free(copy);
    clu_buf_fini(&out);
    return err;
}

TEST("packet-6.1 without memory nothing is encoded or copied")
{
    clu_packet p = { 0 };
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_str("data"));
    CHECK_NOMEM(encode_and_copy, &p);
    clu_buf out;
    clu_buf_init(&out, 8);
    CHECK_ERR(clu_packet_encode(&p, &out), CLU_LIMIT);
    CHECK_EQ(out.n, 0);
    clu_buf_fini(&out);
}
