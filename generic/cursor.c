/*
 * cursor.c -- reads numbers and bytes from a slice, never past its end.
 *
 * Layer: codec.
 */
#include "cursor.h"

clu_err clu_cursor_varint(clu_cursor *c, uint64_t *value)
{
    uint64_t v = 0;
    unsigned shift = 0;
    for (const unsigned char *p = c->p; p < c->end; p++) {
        uint64_t group = *p & 0x7f;
        /* Groups of zero are padding, however many an original adds. */
        if (group && (shift > 63 || (shift == 63 && group > 1))) {
            return CLU_OVERFLOW;
        }
        if (group) {
            v |= group << shift;
        }
        if (!(*p & 0x80)) {
            c->p = p + 1;
            *value = v;
            return CLU_OK;
        }
        shift += shift > 63 ? 0 : 7;
    }
    return CLU_TRUNCATED;
}

clu_err clu_cursor_byte(clu_cursor *c, unsigned char *value)
{
    if (c->p == c->end) {
        return CLU_TRUNCATED;
    }
    *value = *c->p++;
    return CLU_OK;
}

clu_err clu_cursor_bytes(clu_cursor *c, size_t n, clu_slice *value)
{
    if (n > clu_cursor_left(c)) {
        return CLU_TRUNCATED;
    }
    *value = (clu_slice){ c->p, n };
    c->p += n;
    return CLU_OK;
}

clu_err clu_cursor_string(clu_cursor *c, clu_slice *value)
{
    clu_cursor at = *c;
    uint64_t n;
    clu_err err = clu_cursor_varint(&at, &n);
    if (err != CLU_OK) {
        return err;
    }
    if (n > clu_cursor_left(&at)) {
        return CLU_TRUNCATED;
    }
    *value = (clu_slice){ at.p, (size_t)n };
    c->p = at.p + n;
    return CLU_OK;
}
