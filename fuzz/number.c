/*
 * number.c -- fuzz: the numbers of bpacket out of bytes, and back.
 */
#include "number.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

typedef clu_err write_fn(clu_buf *out, double value);
typedef clu_err read_fn(clu_cursor *c, double *value);

/* A value that was read is written and read again: the same bits. */
static void read_value(clu_slice bytes, read_fn *read, write_fn *write)
{
    clu_cursor c = clu_cursor_of(bytes);
    double value, again;
    if (read(&c, &value) != CLU_OK) {
        check(c.p == bytes.p);
        return;
    }
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    check(write(&out, value) == CLU_OK);
    clu_cursor back = clu_cursor_of(clu_buf_slice(&out));
    check(read(&back, &again) == CLU_OK && clu_cursor_left(&back) == 0);
    check(memcmp(&value, &again, sizeof value) == 0 || value != value);
    clu_buf_fini(&out);
}

static void read_big(clu_slice bytes)
{
    char digits[CLU_BIG_TEXT];
    clu_cursor c = clu_cursor_of(bytes);
    uint64_t small;
    clu_err err = clu_cursor_varint(&c, &small);
    c = clu_cursor_of(bytes);
    if (clu_big_read(&c, digits) != CLU_OK) {
        return;
    }
    check(err == CLU_OK || err == CLU_OVERFLOW);
    check(err != CLU_OK || strtoull(digits, NULL, 10) == small);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    check(clu_big_write(&out, clu_slice_str(digits)) == CLU_OK);
    check(out.n <= bytes.n);
    clu_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    clu_slice bytes = clu_slice_of(data, size);
    read_value(bytes, clu_float_read, clu_float_write);
    read_value(bytes, clu_vfloat_read, clu_vfloat_write);
    read_big(bytes);
    check(clu_alloc_live() == 0);
    return 0;
}
