/*
 * buf_test.c -- bytes that grow, and the numbers and strings in them.
 */
#include "check.h"
#include "buf.h"
#include "cursor.h"

static const uint64_t edges[] = {
    0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1fffff, 0x200000, 0xfffffff,
    0x10000000, 0x7ffffffffu, 0x800000000u, 0x3ffffffffffu, 0x40000000000u,
    0x1ffffffffffffu, 0x2000000000000u, 0xffffffffffffffu,
    0x100000000000000u, 0x7fffffffffffffffu, 0x8000000000000000u,
    UINT64_MAX - 1, UINT64_MAX, 1728, 18112, 34496
};

TEST("buf-1.1 every number comes back, in the fewest bytes")
{
    for (size_t i = 0; i < CLU_COUNT_OF(edges); i++) {
        check_about("%llu", (unsigned long long)edges[i]);
        clu_buf b;
        clu_buf_init(&b, 100);
        CHECK_ERR(clu_buf_varint(&b, edges[i]), CLU_OK);
        CHECK_EQ(b.n, clu_varint_size(edges[i]));
        CHECK(b.n <= CLU_VARINT_MAX);
        CHECK(b.n == 1 || b.p[b.n - 1] != 0);
        clu_cursor c = clu_cursor_of(clu_buf_slice(&b));
        uint64_t value = 0;
        CHECK_ERR(clu_cursor_varint(&c, &value), CLU_OK);
        CHECK(value == edges[i]);
        CHECK_EQ(clu_cursor_left(&c), 0);
        clu_buf_fini(&b);
    }
}

TEST("buf-1.2 a number cut anywhere is truncated and not taken")
{
    unsigned char digits[CLU_VARINT_MAX];
    for (size_t i = 0; i < CLU_COUNT_OF(edges); i++) {
        size_t n = clu_varint_write(digits, edges[i]);
        for (size_t cut = 0; cut < n; cut++) {
            check_about("%llu cut at %zu", (unsigned long long)edges[i], cut);
            unsigned char *exact = clu_memdup(digits, cut);
            clu_cursor c = clu_cursor_of(clu_slice_of(exact, cut));
            uint64_t value = 77;
            CHECK_ERR(clu_cursor_varint(&c, &value), CLU_TRUNCATED);
            CHECK(c.p == exact && value == 77);
            clu_free(exact);
        }
    }
}

TEST("buf-1.3 padded numbers are read, numbers beyond 64 bits are not")
{
    static const struct {
        const char *bytes;
        size_t n;
        clu_err err;
        uint64_t value;
    } cases[] = {
        { "\x81\x00", 2, CLU_OK, 1 },
        { "\x80\x80\x80\x00", 4, CLU_OK, 0 },
        { "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12, CLU_OK, 1 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, CLU_OK,
          UINT64_MAX },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, CLU_OK,
          UINT64_MAX },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, CLU_OVERFLOW, 0 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, CLU_OVERFLOW,
          0 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, CLU_OVERFLOW,
          0 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11, CLU_TRUNCATED,
          0 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        clu_cursor c = clu_cursor_of(clu_slice_of(cases[i].bytes,
                                                  cases[i].n));
        uint64_t value = 0;
        CHECK_ERR(clu_cursor_varint(&c, &value), cases[i].err);
        CHECK(value == cases[i].value);
    }
}

TEST("buf-1.4 60 KB of FF is refused at once")
{
    enum { MANY = 60 * 1024 };
    unsigned char *p = clu_alloc(MANY);
    memset(p, 0xff, MANY);
    clu_cursor c = clu_cursor_of(clu_slice_of(p, MANY));
    uint64_t value;
    CHECK_ERR(clu_cursor_varint(&c, &value), CLU_OVERFLOW);
    clu_free(p);
}

TEST("buf-2.1 strings, bytes and single bytes are read back in order")
{
    clu_buf b;
    clu_buf_init(&b, 1000);
    clu_buf_string(&b, clu_slice_str("one"));
    clu_buf_string(&b, clu_slice_str(""));
    clu_buf_byte(&b, 0xee);
    clu_buf_bytes(&b, clu_slice_str("rest"));
    CHECK_ERR(b.err, CLU_OK);

    clu_cursor c = clu_cursor_of(clu_buf_slice(&b));
    clu_slice s;
    unsigned char byte;
    CHECK_ERR(clu_cursor_string(&c, &s), CLU_OK);
    CHECK_SLICE(s, "one");
    CHECK_ERR(clu_cursor_string(&c, &s), CLU_OK);
    CHECK_SLICE(s, "");
    CHECK_ERR(clu_cursor_byte(&c, &byte), CLU_OK);
    CHECK_EQ(byte, 0xee);
    CHECK_ERR(clu_cursor_bytes(&c, 5, &s), CLU_TRUNCATED);
    CHECK_ERR(clu_cursor_bytes(&c, 4, &s), CLU_OK);
    CHECK_SLICE(s, "rest");
    CHECK_ERR(clu_cursor_byte(&c, &byte), CLU_TRUNCATED);

    c = clu_cursor_of(clu_slice_str("\x04last"));
    CHECK_ERR(clu_cursor_string(&c, &s), CLU_OK);
    CHECK_SLICE(s, "last");
    CHECK_EQ(clu_cursor_left(&c), 0);
    clu_buf_fini(&b);
}

TEST("buf-2.2 a string longer than what is there moves nothing")
{
    static const char *const cases[] = { "\x05" "abcd", "\xff\xff\xff\xff\xff"
        "\xff\xff\xff\xff\x01" "abc", "\x80", "" };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        clu_cursor c = clu_cursor_of(clu_slice_str(cases[i]));
        clu_slice s = clu_slice_str("before");
        CHECK_ERR(clu_cursor_string(&c, &s), CLU_TRUNCATED);
        CHECK(c.p == (const unsigned char *)cases[i]);
        CHECK_SLICE(s, "before");
    }
}

TEST("buf-3.1 nothing is written beyond the limit, and that is remembered")
{
    clu_buf b;
    clu_buf_init(&b, 4);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("abc")), CLU_OK);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("de")), CLU_LIMIT);
    CHECK_ERR(clu_buf_string(&b, clu_slice_str("d")), CLU_LIMIT);
    CHECK_ERR(clu_buf_varint(&b, 300), CLU_LIMIT);
    CHECK_ERR(clu_buf_reserve(&b, SIZE_MAX), CLU_LIMIT);
    CHECK_SLICE(clu_buf_slice(&b), "abc");
    CHECK_ERR(b.err, CLU_LIMIT);
    CHECK_ERR(clu_buf_byte(&b, 'd'), CLU_OK);
    CHECK_ERR(clu_buf_byte(&b, 'e'), CLU_LIMIT);
    CHECK_SLICE(clu_buf_slice(&b), "abcd");
    CHECK_ERR(clu_buf_reserve(&b, 0), CLU_OK);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("")), CLU_OK);
    clu_buf_clear(&b);
    CHECK_ERR(b.err, CLU_OK);
    CHECK_EQ(b.n, 0);
    b.limit = 0;
    CHECK_ERR(clu_buf_byte(&b, 'x'), CLU_LIMIT);
    clu_buf_fini(&b);
}

TEST("buf-3.2 a string whose length is no memory's is refused")
{
    clu_buf b;
    clu_buf_init(&b, SIZE_MAX);
    unsigned char one = 0;
    CHECK_ERR(clu_buf_string(&b, (clu_slice){ &one, SIZE_MAX - 1 }),
              CLU_LIMIT);
    CHECK_EQ(b.n, 0);
    clu_buf_fini(&b);
}

TEST("buf-3.3 bytes are dropped from the front")
{
    clu_buf b;
    clu_buf_init(&b, 100);
    clu_buf_bytes(&b, clu_slice_str("abcdef"));
    clu_buf_consume(&b, 0);
    clu_buf_consume(&b, 2);
    CHECK_SLICE(clu_buf_slice(&b), "cdef");
    clu_buf_consume(&b, 9);
    CHECK_EQ(b.n, 0);
    clu_buf_fini(&b);
}

TEST("buf-3.4 what is beyond a limit that was lowered stays, and no more")
{
    clu_buf b;
    clu_buf_init(&b, 9);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("abcd")), CLU_OK);
    b.limit = 2;
    CHECK_ERR(clu_buf_reserve(&b, 0), CLU_LIMIT);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("e")), CLU_LIMIT);
    CHECK_SLICE(clu_buf_slice(&b), "abcd");
    clu_buf_fini(&b);
}

static clu_err write_much(void *ctx)
{
    (void)ctx;
    clu_buf b;
    clu_buf_init(&b, SIZE_MAX);
    for (uint64_t i = 0; i < 2000; i++) {
        size_t n = b.n;
        if (clu_buf_varint(&b, i) != CLU_OK) {
            CHECK_EQ(b.n, n);
        }
    }
    clu_err err = b.err;
    clu_buf_clear(&b);
    CHECK_ERR(clu_buf_bytes(&b, clu_slice_str("x")),
              b.room ? CLU_OK : CLU_NOMEM);
    clu_buf_fini(&b);
    return err;
}

TEST("buf-4.1 without memory a write fails and the rest stays")
{
    CHECK_NOMEM(write_much, NULL);
}
