/*
 * frame.c -- fuzz: packets out of a stream, whole and in pieces.
 *
 * The first byte says how long the pieces are.  Both readings must find the
 * same bodies, all within the input and none beyond the limit.
 */
#include "frame.h"

#include <stdlib.h>

#define LIMIT 300

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

/* Bodies as strings, one behind the other. */
static void read_whole(clu_slice input, clu_buf *bodies)
{
    clu_frame_loss loss = { 0, 0 };
    clu_slice rest = input, body;
    size_t need = 0, total = 0;
    while (clu_frame_next(&rest, LIMIT, &body, &need, &loss) == CLU_OK) {
        check(body.n <= LIMIT && body.p >= input.p
              && body.p + body.n <= input.p + input.n);
        total += body.n;
        clu_buf_string(bodies, body);
    }
    check(need > rest.n && rest.p + rest.n == input.p + input.n);
    check(loss.junk + total <= input.n);
}

static void read_pieces(clu_slice input, size_t piece, clu_buf *bodies)
{
    clu_reader r;
    clu_reader_init(&r, LIMIT);
    for (size_t at = 0; at < input.n; at += piece) {
        size_t n = input.n - at < piece ? input.n - at : piece;
        clu_slice body;
        check(clu_reader_feed(&r, clu_slice_of(input.p + at, n)) == CLU_OK);
        while (clu_reader_take(&r, &body) == CLU_OK) {
            clu_buf_string(bodies, body);
        }
        check(clu_reader_held(&r) <= LIMIT + 20);
    }
    clu_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    clu_buf whole, pieces;
    clu_buf_init(&whole, SIZE_MAX);
    clu_buf_init(&pieces, SIZE_MAX);
    clu_slice input = clu_slice_of(data + 1, size - 1);
    read_whole(input, &whole);
    read_pieces(input, data[0] % 32u + 1, &pieces);
    check(clu_slice_eq(clu_buf_slice(&whole), clu_buf_slice(&pieces)));
    clu_buf_fini(&whole);
    clu_buf_fini(&pieces);
    check(clu_alloc_live() == 0);
    return 0;
}
