/*
 * utf8_test.c -- what is UTF-8 and what is not.
 */
#include "check.h"
#include "utf8.h"

TEST("utf8-1.1 every character comes back in its shortest form")
{
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        unsigned char bytes[4];
        size_t n = clu_utf8_write(bytes, point);
        clu_slice s = { bytes, n };
        bool half = point >= 0xd800 && point <= 0xdfff;
        uint32_t back = 0;
        check_about("U+%04X", (unsigned)point);
        CHECK_EQ(clu_utf8_valid(s), !half);
        CHECK_EQ(clu_utf8_next(&s, &back), !half);
        CHECK(half || (back == point && s.n == 0));
        CHECK_EQ(n, point < 0x80 ? 1 : point < 0x800 ? 2
                 : point < 0x10000 ? 3 : 4);
    }
}

TEST("utf8-1.2 what is cut, overlong, beyond or out of place is no UTF-8")
{
    static const char *const cases[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
        "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x28\xa1",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff\xfe", "abcdefghij\xff",
        "abcdefgh\xc3(", "\xc3\xa9\xc3", "caf\xe9"
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        CHECK(!clu_utf8_valid(clu_slice_str(cases[i])));
    }
}

TEST("utf8-1.3 a failed read moves nothing")
{
    clu_slice s = clu_slice_str("\xe2\x82");
    uint32_t point = 7;
    CHECK(!clu_utf8_next(&s, &point));
    CHECK(s.n == 2 && point == 7);
    s.n = 0;
    CHECK(!clu_utf8_next(&s, &point));
}

TEST("utf8-1.4 valid text of all widths is valid at every offset")
{
    static const char text[] =
        "plain text, caf\xc3\xa9, \xe2\x82\xac 20, \xf0\x9f\x98\x80 and more";
    for (size_t pad = 0; pad < 9; pad++) {
        char s[100];
        memset(s, 'x', pad);
        memcpy(s + pad, text, sizeof text - 1);
        CHECK(clu_utf8_valid(clu_slice_of(s, pad + sizeof text - 1)));
    }
    CHECK(clu_utf8_valid(clu_slice_of("a\0b", 3)));
    CHECK(clu_utf8_valid(clu_slice_of(NULL, 0)));
}

TEST("utf8-2.1 ASCII has no NUL and no high byte, wherever it stands")
{
    CHECK(clu_utf8_ascii(clu_slice_of(NULL, 0)));
    for (size_t n = 1; n < 20; n++) {
        char s[20];
        memset(s, '~', n);
        CHECK(clu_utf8_ascii(clu_slice_of(s, n)));
        for (size_t i = 0; i < n; i++) {
            check_about("%zu of %zu", i, n);
            s[i] = (char)0x80;
            CHECK(!clu_utf8_ascii(clu_slice_of(s, n)));
            s[i] = 0;
            CHECK(!clu_utf8_ascii(clu_slice_of(s, n)));
            s[i] = '~';
        }
    }
}
