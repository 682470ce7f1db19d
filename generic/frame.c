/*
 * frame.c -- cuts a stream of bytes into packets.
 *
 * Layer: codec.
 *
 * A length may itself begin with the bytes of a header (18112 is C0 8D 01).
 * Where two headers stand in a row the second is taken for a doubled header,
 * as originals do, and for a length when that gives no packet.
 */
#include "frame.h"
#include "cursor.h"

const clu_marks clu_frame_marks = {
    { (const unsigned char *)CLU_FRAME_HEADER, 2 },
    { (const unsigned char *)CLU_FRAME_FOOTER, 2 }
};

static inline bool mark_at(clu_slice mark, const unsigned char *p,
                           const unsigned char *end)
{
    return (size_t)(end - p) >= mark.n && memcmp(p, mark.p, mark.n) == 0;
}

/* The first bytes of a mark stand at the very end. */
static bool begins_at(clu_slice mark, const unsigned char *p,
                      const unsigned char *end)
{
    return p < end && (size_t)(end - p) < mark.n
        && memcmp(p, mark.p, (size_t)(end - p)) == 0;
}

/* The next header, or the beginning of one at the very end, or the end. */
static const unsigned char *find_header(clu_slice header,
                                        const unsigned char *p,
                                        const unsigned char *end)
{
    while ((p = memchr(p, header.p[0], (size_t)(end - p))) != NULL) {
        if (mark_at(header, p, end) || begins_at(header, p, end)) {
            return p;
        }
        p++;
    }
    return end;
}

/*
 * Reads length, body and end mark from p on.  OK: *body, *next behind it.
 * MORE: *more bytes are missing at least.  HEADER: there is no packet.
 */
static clu_err read_rest(clu_slice footer, const unsigned char *p,
                         const unsigned char *end, size_t limit,
                         clu_slice *body, const unsigned char **next,
                         size_t *more)
{
    size_t left = (size_t)(end - p);
    bool cut = left < CLU_VARINT_MAX;
    clu_cursor c = { p, cut ? end : p + CLU_VARINT_MAX };
    uint64_t n;
    clu_err err = clu_cursor_varint(&c, &n);
    if (err == CLU_TRUNCATED && cut) {
        *more = 1 + footer.n;
        return CLU_MORE;
    }
    if (err != CLU_OK || n > limit) {
        return CLU_HEADER;
    }
    left = (size_t)(end - c.p);
    if (left < footer.n || left - footer.n < n) {
        *more = (size_t)n + footer.n - left;
        return CLU_MORE;
    }
    if (!mark_at(footer, c.p + n, end)) {
        return CLU_HEADER;
    }
    *body = (clu_slice){ c.p, (size_t)n };
    *next = c.p + n + footer.n;
    return CLU_OK;
}

/* The same at a header; *start moves to the header that counts. */
static clu_err read_packet(const clu_marks *marks,
                           const unsigned char **start,
                           const unsigned char *end, size_t limit,
                           clu_slice *body, const unsigned char **next,
                           size_t *more)
{
    size_t n = marks->header.n;
    const unsigned char *p = *start + n;
    bool doubled = mark_at(marks->header, p, end);
    while (mark_at(marks->header, p, end)) {
        p += n;
    }
    *start = p - (doubled ? 2 * n : n);
    if (begins_at(marks->header, p, end)) {
        *more = 1 + marks->footer.n;    /* one more header, or a length */
        return CLU_MORE;
    }
    clu_err err = read_rest(marks->footer, p, end, limit, body, next, more);
    if (err == CLU_HEADER && doubled) {
        err = read_rest(marks->footer, p - n, end, limit, body, next, more);
    }
    return err;
}

/* All up to p is passed over, and none of it was of use. */
static void drop(clu_slice *bytes, const unsigned char *p, clu_frame_loss *loss)
{
    size_t n = (size_t)(p - bytes->p);
    loss->junk += n;
    *bytes = (clu_slice){ p, bytes->n - n };
}

clu_err clu_frame_next_marked(const clu_marks *marks, clu_slice *bytes,
                              size_t limit, clu_slice *body, size_t *need,
                              clu_frame_loss *loss)
{
    const size_t least = marks->header.n + 1 + marks->footer.n;
    if (bytes->n == 0) {
        *need = least;
        return CLU_MORE;
    }
    const unsigned char *end = bytes->p + bytes->n;
    for (;;) {
        drop(bytes, find_header(marks->header, bytes->p, end), loss);
        if (bytes->n < marks->header.n) {
            *need = least;
            return CLU_MORE;
        }
        const unsigned char *start = bytes->p, *next;
        size_t more;
        clu_err err = read_packet(marks, &start, end, limit, body, &next,
                                  &more);
        *bytes = (clu_slice){ start, (size_t)(end - start) };
        if (err == CLU_OK) {
            *bytes = (clu_slice){ next, (size_t)(end - next) };
            return CLU_OK;
        }
        if (err == CLU_MORE) {
            *need = bytes->n + more;
            return CLU_MORE;
        }
        loss->broken++;
        drop(bytes, start + marks->header.n, loss);
    }
}

clu_err clu_frame_next(clu_slice *bytes, size_t limit, clu_slice *body,
                       size_t *need, clu_frame_loss *loss)
{
    return clu_frame_next_marked(&clu_frame_marks, bytes, limit, body, need,
                                 loss);
}

/* ---- A reader for one connection ----------------------------------------- */

#define KEEP_ROOM 16384         /* one large packet does not hold its room */

void clu_reader_init(clu_reader *r, size_t limit)
{
    *r = (clu_reader){ .limit = limit, .marks = &clu_frame_marks };
    clu_buf_init(&r->kept, SIZE_MAX);
}

void clu_reader_fini(clu_reader *r)
{
    clu_buf_fini(&r->kept);
    r->from = r->need = 0;
}

clu_err clu_reader_feed(clu_reader *r, clu_slice bytes)
{
    clu_buf_consume(&r->kept, r->from);
    r->from = 0;
    if (r->kept.n == 0 && r->kept.room > KEEP_ROOM) {
        clu_buf_fini(&r->kept);
    }
    return clu_buf_bytes(&r->kept, bytes);
}

clu_err clu_reader_take(clu_reader *r, clu_slice *body)
{
    if (clu_reader_held(r) < r->need || r->kept.p == NULL) {
        return CLU_MORE;        /* too little, or nothing was ever fed */
    }
    clu_slice left = { r->kept.p + r->from, clu_reader_held(r) };
    size_t need = 0;
    clu_err err = clu_frame_next_marked(r->marks, &left, r->limit, body,
                                        &need, &r->loss);
    r->from = r->kept.n - left.n;
    r->need = need;
    return err;
}

size_t clu_reader_held(const clu_reader *r)
{
    return r->kept.n - r->from;
}
