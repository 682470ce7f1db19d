/*
 * buf.h -- bytes that grow within a limit; writes numbers and bytes.
 *
 * Layer: codec.  A failed write leaves the contents as they were and is also
 * remembered in err, so that a run of writes needs one look at its end.
 */
#ifndef CLU_BUF_H
#define CLU_BUF_H

#include "clu.h"

typedef struct clu_buf {
    unsigned char *p;
    size_t n;                   /* bytes in use */
    size_t room;                /* bytes allocated */
    size_t limit;               /* n never goes beyond it */
    clu_err err;                /* the first failure: LIMIT or NOMEM */
} clu_buf;

#define CLU_VARINT_MAX 10       /* bytes of the longest varint we write */

void clu_buf_init(clu_buf *b, size_t limit);
void clu_buf_fini(clu_buf *b);
void clu_buf_clear(clu_buf *b);                         /* keeps the room */
clu_err clu_buf_reserve(clu_buf *b, size_t more);       /* room for more */
clu_err clu_buf_bytes(clu_buf *b, clu_slice s);
clu_err clu_buf_byte(clu_buf *b, unsigned char value);
clu_err clu_buf_varint(clu_buf *b, uint64_t value);
clu_err clu_buf_string(clu_buf *b, clu_slice s);        /* varint n, n bytes */
void clu_buf_consume(clu_buf *b, size_t n);     /* drop from the front */
size_t clu_varint_size(uint64_t value);
size_t clu_varint_write(unsigned char *p, uint64_t value);  /* bytes written */

/* Begins with the bytes of a header, which originals skip (WIRE-ORIGINAL 2). */
static inline bool clu_varint_is_misread(uint64_t value)
{
    return value >= 16384 && value % 16384 == 1728;
}
static inline clu_slice clu_buf_slice(const clu_buf *b)
{
    return (clu_slice){ b->p, b->n };
}

#endif
