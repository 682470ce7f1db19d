/*
 * stream.c -- fuzz: frames that come in pieces, by streams and by datagrams,
 *             while memory fails.
 *
 * The input is a row of chunks: a byte that says how long one is, where it
 * goes and whether the next allocation fails.  What is held stays within its
 * limit, a body never exceeds it, and nothing leaks.
 */
#include "frame.h"
#include "partial.h"

#include <stdlib.h>

#define LIMIT 2000

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

static void feed(clu_reader *r, clu_slice chunk)
{
    clu_slice body;
    if (clu_reader_feed(r, chunk) != CLU_OK) {
        return;
    }
    while (clu_reader_take(r, &body) == CLU_OK) {
        check(body.n <= LIMIT);
    }
    check(clu_reader_held(r) <= LIMIT + 20);
}

static void add(clu_partials *p, const clu_limits *limits, unsigned source,
                clu_slice chunk, clu_ms now)
{
    clu_address from = { .family = 4, .port = (uint16_t)(1 + source),
                         .ip = { 127, 0, 0, 1 } };
    clu_slice body;
    if (clu_partials_add(p, limits, &from, chunk, now, &body) == CLU_OK) {
        check(body.n <= (size_t)limits->at[CLU_LIMIT_MESSAGE]);
    }
    check(p->held <= (size_t)limits->at[CLU_LIMIT_PARTIAL]);
    check(p->source_count <= CLU_PARTIAL_SOURCES);
}

/* A chunk of the input, or one that begins like a long frame. */
static clu_slice cut(clu_slice *rest, unsigned char how)
{
    static unsigned char long_one[600];
    size_t n = how & 0x20 ? 512 : (how & 0x0fu) * 4 + 1;
    n = n < rest->n ? n : rest->n;
    clu_slice chunk = clu_slice_of(rest->p, n);
    *rest = clu_slice_of(rest->p + n, rest->n - n);
    if (how & 0x20) {
        memset(long_one, 7, sizeof long_one);
        if (n > 0) {
            memcpy(long_one, chunk.p, n);
        }
        memcpy(long_one, "\xc0\x8d\xd0\x0f", 4);
        chunk = clu_slice_of(long_one, 512 + (n % 2) * 88);
    }
    return chunk;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    clu_limits limits;
    clu_limits_init(&limits);
    limits.at[CLU_LIMIT_MESSAGE] = LIMIT * 2;
    limits.at[CLU_LIMIT_PARTIAL] = LIMIT * 3;
    clu_reader reader;
    clu_reader_init(&reader, LIMIT);
    clu_partials partials;
    clu_partials_init(&partials);
    clu_ms now = 1000;
    clu_slice rest = clu_slice_of(data, size);
    while (rest.n > 0) {
        unsigned char how = rest.p[0];
        rest = clu_slice_of(rest.p + 1, rest.n - 1);
        clu_alloc_fail_at(how & 0x10 ? 1 : 0, false);
        clu_slice chunk = cut(&rest, how);
        if (how & 0x80) {
            feed(&reader, chunk);
        } else {
            add(&partials, &limits, how & 3u, chunk, now);
            now += how & 0x40 ? 400 : 1;
            clu_partials_expire(&partials, &limits, now);
        }
    }
    clu_alloc_fail_at(0, false);
    clu_partials_fini(&partials);
    clu_reader_fini(&reader);
    check(clu_alloc_live() == 0);
    return 0;
}
