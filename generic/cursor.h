/*
 * cursor.h -- reads numbers and bytes from a slice, never past its end.
 *
 * Layer: codec.  A failed read leaves the cursor where it was.
 */
#ifndef CLU_CURSOR_H
#define CLU_CURSOR_H

#include "clu.h"

typedef struct clu_cursor {
    const unsigned char *p;     /* the next byte */
    const unsigned char *end;   /* one behind the last */
} clu_cursor;

static inline clu_cursor clu_cursor_of(clu_slice s)
{
    return (clu_cursor){ s.p, clu_behind(s.p, s.n) };
}
static inline size_t clu_cursor_left(const clu_cursor *c)
{
    return (size_t)(c->end - c->p);
}

/*
 * LEB128, low group first.  Non-minimal forms are read (WIRE-ORIGINAL 16);
 * TRUNCATED when the last byte still says "more", OVERFLOW beyond 64 bits.
 */
clu_err clu_cursor_varint(clu_cursor *c, uint64_t *value);
clu_err clu_cursor_byte(clu_cursor *c, unsigned char *value);
clu_err clu_cursor_bytes(clu_cursor *c, size_t n, clu_slice *value);
/* varint n, n bytes */
clu_err clu_cursor_string(clu_cursor *c, clu_slice *value);

#endif
