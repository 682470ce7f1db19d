/*
 * frame.h -- cuts a stream of bytes into packets.
 *
 * Layer: codec.  Rules: WIRE-ORIGINAL 2; the vectors' "sane" reader.
 *
 * Junk in front of a header is dropped; a doubled header counts once; where
 * the end mark is missing the search goes on inside the same bytes, so a cut
 * packet does not take its successor down.  A length beyond the limit is no
 * length: the search goes on behind that header.
 */
#ifndef CLU_FRAME_H
#define CLU_FRAME_H

#include "buf.h"

#define CLU_FRAME_HEADER "\xc0\x8d"
#define CLU_FRAME_FOOTER "\0\0"

/* bpacket's users may have other marks; members have these two. */
typedef struct clu_marks {
    clu_slice header;           /* at least one byte */
    clu_slice footer;           /* may be empty */
} clu_marks;

extern const clu_marks clu_frame_marks;

/* What was passed over while looking for a packet. */
typedef struct clu_frame_loss {
    uint64_t junk;              /* bytes that belong to no packet */
    uint64_t broken;            /* headers whose packet was none */
} clu_frame_loss;

/*
 * Looks for the first packet in *bytes and moves *bytes behind it.
 * CLU_OK: *body is what stands between length and end mark.
 * CLU_MORE: *bytes begins where an unfinished packet does (or is empty);
 *   *need is how many bytes it takes at least, counted from there.
 * limit bounds the body's length.  Costs O(bytes moved over).
 */
clu_err clu_frame_next(clu_slice *bytes, size_t limit, clu_slice *body,
                       size_t *need, clu_frame_loss *loss);
clu_err clu_frame_next_marked(const clu_marks *marks, clu_slice *bytes,
                              size_t limit, clu_slice *body, size_t *need,
                              clu_frame_loss *loss);

/*
 * A reader for one connection: keeps what is unfinished, no more than the
 * limit, and does not look at the same byte twice.
 */
typedef struct clu_reader {
    clu_buf kept;               /* unfinished bytes */
    size_t from;                /* taken already, at the front of kept */
    size_t need;                /* no packet before kept holds so many */
    size_t limit;               /* of a body */
    const clu_marks *marks;     /* the usual ones unless set */
    clu_frame_loss loss;
} clu_reader;

void clu_reader_init(clu_reader *r, size_t limit);
void clu_reader_fini(clu_reader *r);

/*
 * Feed what came, then take until it says MORE, then feed again.  A body
 * taken is valid until the next feed.  feed: CLU_OK or NOMEM.
 */
clu_err clu_reader_feed(clu_reader *r, clu_slice bytes);
clu_err clu_reader_take(clu_reader *r, clu_slice *body);
size_t clu_reader_held(const clu_reader *r);        /* bytes kept */

#endif
