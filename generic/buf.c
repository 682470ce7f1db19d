/*
 * buf.c -- bytes that grow within a limit; writes numbers and bytes.
 *
 * Layer: codec.
 */
#include "buf.h"

#define FIRST_ROOM 64

void clu_buf_init(clu_buf *b, size_t limit)
{
    *b = (clu_buf){ .limit = limit };
}

void clu_buf_fini(clu_buf *b)
{
    clu_free(b->p);
    clu_buf_init(b, b->limit);
}

void clu_buf_clear(clu_buf *b)
{
    b->n = 0;
    b->err = CLU_OK;
}

static clu_err fail(clu_buf *b, clu_err err)
{
    if (b->err == CLU_OK) {
        b->err = err;
    }
    return err;
}

/* Twice the room, at least what is needed, at most the limit. */
static size_t next_room(const clu_buf *b, size_t needed)
{
    size_t room = 2 * b->room;  /* no block is half of all addresses */
    if (room < FIRST_ROOM) {
        room = FIRST_ROOM;
    }
    if (room < needed) {
        room = needed;
    }
    return room > b->limit ? b->limit : room;
}

static clu_err grow(clu_buf *b, size_t more)
{
    size_t room = next_room(b, b->n + more);
    unsigned char *p = clu_realloc(b->p, room);
    if (!p) {
        return fail(b, CLU_NOMEM);
    }
    b->p = p;
    b->room = room;
    return CLU_OK;
}

clu_err clu_buf_reserve(clu_buf *b, size_t more)
{
    if (b->n > b->limit || more > b->limit - b->n) {
        return fail(b, CLU_LIMIT);
    }
    return more <= b->room - b->n ? CLU_OK : grow(b, more);
}

clu_err clu_buf_bytes(clu_buf *b, clu_slice s)
{
    clu_err err = clu_buf_reserve(b, s.n);
    if (err == CLU_OK && s.n) {
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
    }
    return err;
}

clu_err clu_buf_byte(clu_buf *b, unsigned char value)
{
    clu_err err = clu_buf_reserve(b, 1);
    if (err == CLU_OK) {
        b->p[b->n++] = value;
    }
    return err;
}

clu_err clu_buf_varint(clu_buf *b, uint64_t value)
{
    if (value < 0x80) {
        return clu_buf_byte(b, (unsigned char)value);
    }
    unsigned char digits[CLU_VARINT_MAX];
    size_t n = clu_varint_write(digits, value);
    return clu_buf_bytes(b, (clu_slice){ digits, n });
}

clu_err clu_buf_string(clu_buf *b, clu_slice s)
{
    size_t head = clu_varint_size(s.n);
    if (s.n > SIZE_MAX - head) {
        return fail(b, CLU_LIMIT);
    }
    clu_err err = clu_buf_reserve(b, head + s.n);
    if (err == CLU_OK) {
        b->n += clu_varint_write(b->p + b->n, s.n);
        if (s.n) {
            memcpy(b->p + b->n, s.p, s.n);
            b->n += s.n;
        }
    }
    return err;
}

void clu_buf_consume(clu_buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    if (n) {
        memmove(b->p, b->p + n, b->n - n);
        b->n -= n;
    }
}

size_t clu_varint_size(uint64_t value)
{
    size_t n = 1;
    while (value >>= 7) {
        n++;
    }
    return n;
}

size_t clu_varint_write(unsigned char *p, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        p[n++] = (unsigned char)(value | 0x80);
    }
    p[n++] = (unsigned char)value;
    return n;
}
