/*
 * number_test.c -- fractions and big numbers there and back.
 */
#include "check.h"
#include "number.h"

#include <math.h>

typedef clu_err write_fn(clu_buf *out, double value);
typedef clu_err read_fn(clu_cursor *c, double *value);

static const double values[] = {
    0, 1, -1, 1.5, -1.5, 20.3, 20.03, 20.003, 20.0003, 20.5, 20.05, -20.3,
    0.1, 0.01, 0.001, 0.0001, 0.00001, 1e-300, 5e-324, 1e10, 1e15, 1e17,
    1e300, 2147483647, 2147483648, -2147483648.0, 3000000000.5, 16777217,
    1.0 / 3, 2.0 / 3, 123456789.123456789, 1.7976931348623157e308, 99.99
};

static void check_value(write_fn *write, read_fn *read, double value)
{
    check_about("%.17g", value);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    CHECK_ERR(write(&out, value), CLU_OK);
    for (size_t cut = 0; cut < out.n; cut++) {
        unsigned char *exact = clu_memdup(out.p, cut);
        clu_cursor c = clu_cursor_of(clu_slice_of(exact, cut));
        double none = 77;
        CHECK_ERR(read(&c, &none), CLU_TRUNCATED);
        CHECK(c.p == exact && memcmp(&none, &(double){ 77 }, 8) == 0);
        clu_free(exact);
    }
    clu_cursor c = clu_cursor_of(clu_buf_slice(&out));
    double back = 77;
    CHECK_ERR(read(&c, &back), CLU_OK);
    CHECK(memcmp(&back, &value, sizeof back) == 0);
    CHECK_EQ(clu_cursor_left(&c), 0);
    clu_buf_fini(&out);
}

static void check_values(write_fn *write, read_fn *read)
{
    for (size_t i = 0; i < CLU_COUNT_OF(values); i++) {
        check_value(write, read, values[i]);
    }
    check_value(write, read, -0.0);
    check_value(write, read, (double)INFINITY);
    check_value(write, read, -(double)INFINITY);
    uint64_t seed = check_seed();
    for (int i = 0; i < 20000; i++) {
        double value;
        uint64_t bits = clu_random(&seed);
        memcpy(&value, &bits, sizeof value);
        if (i % 2) {
            value = (double)(int64_t)clu_random_below(&seed, 1000000) / 1000;
        }
        if (isfinite(value)) {
            check_value(write, read, value);
        }
    }
}

TEST("number-1.1 a float comes back exactly")
{
    check_values(clu_float_write, clu_float_read);
}

TEST("number-1.2 a vfloat comes back exactly")
{
    check_values(clu_vfloat_write, clu_vfloat_read);
}

static void check_written(write_fn *write, double value, const char *hex)
{
    check_about("%.17g", value);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_slice bytes = check_unhex(hex, NULL);
    CHECK_ERR(write(&out, value), CLU_OK);
    CHECK_BYTES(clu_buf_slice(&out), bytes);
    clu_free((void *)bytes.p);
    clu_buf_fini(&out);
}

TEST("number-1.3 the bytes are the original's where those were right")
{
    check_written(clu_float_write, 1, "000000803f");
    check_written(clu_float_write, -1.5, "000000c0bf");
    check_written(clu_float_write, 1e10, "01000000205fa00242");
    check_written(clu_float_write, 2147483648, "01000000000000e041");
    check_written(clu_float_write, 20.3, "01cdcccccccc4c3440");
    check_written(clu_vfloat_write, 1.5, "010105");
    clu_buf narrow;
    clu_buf_init(&narrow, 2);
    CHECK_ERR(clu_vfloat_write(&narrow, 1.5), CLU_LIMIT);
    clu_buf_fini(&narrow);
    check_written(clu_vfloat_write, -20.3, "001403");
    check_written(clu_vfloat_write, 1e10, "0180c8afa02500");
    check_written(clu_vfloat_write, 20.05, "031405");
    check_written(clu_vfloat_write, 0, "010000");
}

TEST("number-1.4 a kind nobody knows is refused")
{
    static const unsigned char bytes[] = { 2, 1, 1, 1, 1, 1, 1, 1, 1 };
    clu_cursor c = clu_cursor_of(clu_slice_of(bytes, sizeof bytes));
    double value;
    CHECK_ERR(clu_float_read(&c, &value), CLU_VALUE);
    static const unsigned char high[] = { 128, 1, 1, 1, 1, 1, 1, 1, 1 };
    c = clu_cursor_of(clu_slice_of(high, sizeof high));
    CHECK_ERR(clu_vfloat_read(&c, &value), CLU_VALUE);
    CHECK_EQ(clu_cursor_left(&c), sizeof high);
}

/* ---- Big numbers --------------------------------------------------------- */

TEST("number-2.1 a whole number of any size comes back")
{
    char digits[CLU_BIG_TEXT] = "1";
    for (int bits = 0; bits < 7 * CLU_BIG_BYTES; bits++) {
        check_about("2^%d", bits);
        clu_buf out;
        clu_buf_init(&out, SIZE_MAX);
        CHECK_ERR(clu_big_write(&out, clu_slice_str(digits)), CLU_OK);
        CHECK_EQ(out.n, bits / 7 + 1);
        for (size_t cut = 0; cut < out.n; cut++) {
            clu_cursor c = clu_cursor_of(clu_slice_of(out.p, cut));
            char none[CLU_BIG_TEXT] = "x";
            CHECK_ERR(clu_big_read(&c, none), CLU_TRUNCATED);
            CHECK_STR(none, "x");
        }
        clu_cursor c = clu_cursor_of(clu_buf_slice(&out));
        char back[CLU_BIG_TEXT];
        CHECK_ERR(clu_big_read(&c, back), CLU_OK);
        CHECK_STR(back, digits);
        clu_buf_fini(&out);

        /* Twice the number, as at school. */
        int carry = 0;
        for (size_t i = strlen(digits); i-- > 0;) {
            int twice = (digits[i] - '0') * 2 + carry;
            digits[i] = (char)('0' + twice % 10);
            carry = twice / 10;
        }
        if (carry) {
            memmove(digits + 1, digits, strlen(digits) + 1);
            digits[0] = '1';
        }
    }
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    CHECK_ERR(clu_big_write(&out, clu_slice_str(digits)), CLU_OVERFLOW);
    CHECK_EQ(out.n, 0);
    clu_buf_fini(&out);
}

TEST("number-2.2 what is no number, or too long, is refused")
{
    static const char *const cases[] = { "", "-1", "1.5", "0x10", " 1", "a" };
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i]);
        CHECK_ERR(clu_big_write(&out, clu_slice_str(cases[i])), CLU_VALUE);
    }
    char many[400];
    memset(many, '9', sizeof many);
    CHECK_ERR(clu_big_write(&out, clu_slice_of(many, sizeof many)),
              CLU_OVERFLOW);
    CHECK_ERR(clu_big_write(&out, clu_slice_of(many, 279)), CLU_OVERFLOW);
    CHECK_ERR(clu_big_write(&out, clu_slice_str("0")), CLU_OK);
    CHECK_EQ(out.n, 1);
    unsigned char high[200];
    memset(high, 0xff, sizeof high);
    clu_cursor c = clu_cursor_of(clu_slice_of(high, sizeof high));
    char text[CLU_BIG_TEXT];
    CHECK_ERR(clu_big_read(&c, text), CLU_OVERFLOW);
    c = clu_cursor_of(clu_slice_of(high, CLU_BIG_BYTES));
    CHECK_ERR(clu_big_read(&c, text), CLU_TRUNCATED);
    clu_buf_fini(&out);
}
