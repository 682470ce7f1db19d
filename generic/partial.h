/*
 * partial.h -- puts together frames that came in several datagrams.
 *
 * Layer: codec.  WIRE-ORIGINAL 7.1, 16: an original sends a frame of more than
 * 4096 bytes as several datagrams, each full but the last, and all members of
 * its host share one source address; so pieces of several frames may mix.
 *
 *     source addr:port -- start A + middle + middle ..
 *                      \- start B + ..              <- tail, which?
 *
 * The rules.  A start has at least 512 bytes and begins with the header of a
 * frame that is longer than it: a few bytes hold nothing.  A middle is as long
 * as the start it belongs to, and a tail ends with the end mark exactly where
 * the frame does.  What fits two frames is never guessed at, it ends both, and
 * nothing of that source is put together until as many bytes have come as these
 * still owed, or it has been quiet for a moment: multicast may lose a frame,
 * but nobody shall be handed a mixture of two.  All is bounded, and forgotten
 * after CLU_LIMIT_PARTIAL_AGE.
 */
#ifndef CLU_PARTIAL_H
#define CLU_PARTIAL_H

#include "address.h"
#include "buf.h"
#include "hash.h"

enum { CLU_PARTIAL_FIRST = 512,         /* bytes of a start at least */
       CLU_PARTIAL_STARTS = 4,          /* frames of one source that wait */
       CLU_PARTIAL_SOURCES = 64,        /* sources of such frames */
       CLU_PARTIAL_QUIET = 20 };        /* ms without a piece: none is late */

typedef struct clu_partials {
    clu_list sources;
    size_t source_count;
    size_t held;                /* bytes of all of them */
    uint64_t forgotten;         /* frames given up; the caller may clear it */
    clu_buf whole;              /* the frame handed out last */
} clu_partials;

void clu_partials_init(clu_partials *p);
void clu_partials_fini(clu_partials *p);

/*
 * A datagram that is not just whole frames.  OK: it completed one, *body is
 * valid until the next call; MORE: it is kept, or given up and counted;
 * IGNORED: it is no piece of anything, so look for frames in it.
 */
clu_err clu_partials_add(clu_partials *p, const clu_limits *limits,
                         const clu_address *from, clu_slice bytes, clu_ms now,
                         clu_slice *body);

/* Forgets what waited too long; returns when to call again, or CLU_NEVER. */
clu_ms clu_partials_expire(clu_partials *p, const clu_limits *limits,
                           clu_ms now);

#endif
