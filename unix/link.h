/*
 * link.h -- one connection: bytes in, queue out, its states.
 *
 * Layer: transport.
 *
 *     CONNECTING --connected--> PENDING --whole packet--> OPEN --> CLOSED
 *                                  ^ accepted               (unlinked, then
 *                                                            freed)
 *
 * A link is closed when: the peer ends it, a connect takes too long, no whole
 * packet came in time, it sent too much without one, its queue is full or
 * stands still.  What waits in its queue then goes back up as UNDELIVERED; a
 * frame of which any byte left is never repeated.
 *
 * A link does not close itself: it tells its owner (ended), from the loop and
 * never from within clu_link_send, and the owner closes it.  It may be closed
 * inside any of its own callbacks; the memory goes when the last returns.
 */
#ifndef CLU_LINK_H
#define CLU_LINK_H

#include "../generic/frame.h"
#include "../generic/transport.h"
#include "loop.h"
#include "sock.h"

typedef enum {
    CLU_LINK_CONNECTING,        /* connect was begun; nothing can leave yet */
    CLU_LINK_PENDING,           /* open both ways; no whole packet came yet */
    CLU_LINK_OPEN,              /* a whole packet came */
    CLU_LINK_CLOSED             /* out of every table; freed when unused */
} clu_link_state;

typedef struct clu_link clu_link;

/* What a link tells its owner. */
typedef struct clu_link_ops {
    void (*connected)(clu_link *l, clu_ms now);     /* was CONNECTING */
    void (*proven)(clu_link *l, clu_ms now);        /* was PENDING */
    void (*frame)(clu_link *l, clu_slice body, clu_ms now);
    void (*junk)(clu_link *l, clu_err why, uint64_t count, clu_ms now);
    /* It is over.  CLOSED: the peer ended it; SYSTEM: it broke or could not
       be made; TIMEOUT: it was too slow; LIMIT: it sent too much. */
    void (*ended)(clu_link *l, clu_err why, clu_ms now);
} clu_link_ops;

/* A frame on its way out. */
typedef struct clu_link_frame {
    clu_list at;                /* in the link's queue */
    clu_ticket ticket;
    bool ticketed;              /* it has one, so it may come back */
    size_t n, sent;             /* bytes; of these, left already */
    unsigned char frame[];
} clu_link_frame;

/* What all links of one transport share. */
typedef struct clu_link_pool {
    const clu_link_ops *ops;
    clu_transport *transport;   /* its limits, counts, bytes held */
    clu_loop *loop;
    unsigned char *in;          /* bytes just read, CLU_LINK_READ of them */
} clu_link_pool;

enum { CLU_LINK_READ = 65536,   /* bytes read at once */
       CLU_LINK_PACKETS = 64 }; /* packets handed up at once */

struct clu_link {
    clu_link_pool *pool;
    clu_link_state state;
    bool accepted;              /* they connected to us */
    bool more;                  /* whole packets may wait in the reader */
    bool together;              /* the peer takes frames put together */
    bool waiting;               /* all in the queue could leave: corked */
    bool retry;                 /* the connect has to be begun again: the
                                   queue of a Unix listener was full */
    clu_err broken;             /* not OK: over, and not told yet */
    unsigned held;              /* callbacks on the stack */
    clu_watch watch;
    clu_timer timer;            /* always set, so that moving it never fails */
    clu_ms until;               /* the connect or first packet is due then */
    clu_ms moved;               /* when the peer last took bytes */
    clu_reader reader;
    size_t kept;                /* bytes in it, as held.in has them */
    uint64_t unproven;          /* bytes read before a whole packet */
    clu_frame_loss told;        /* of the reader's loss */
    clu_list queue;             /* clu_link_frame */
    size_t queued;              /* bytes in it */
    clu_sockaddr to;            /* while CONNECTING */

    /* The owner's own. */
    uint64_t id;
    uint64_t service;           /* whom it speaks for; 0: not known */
    clu_address peer;
    bool local;
    clu_map_node by_id;
    clu_list of_service;        /* the first is the one we send on */
    clu_list in_state;          /* by age: pending ones, unknown ones */
};

/*
 * *l owns fd from then on; on failure the caller keeps it.  to: connects, and
 * is CONNECTING even where that is done at once; NULL: accepted.
 */
clu_err clu_link_create(clu_link_pool *pool, int fd, const clu_sockaddr *to,
                        clu_ms now, clu_link **l);

/*
 * Writes it at once or queues it; where the loop is corked and the peer takes
 * frames put together it waits for others.  LIMIT, NOMEM: not taken.  SYSTEM:
 * the link is broken, nothing of this frame left, and ended will follow.
 * Behind frames that wait for that it is queued still, so that their order is
 * kept.
 */
clu_err clu_link_send(clu_link *l, clu_slice frame, const clu_ticket *ticket,
                      clu_ms now);

/* Takes over what another link did not send, behind what it has. */
void clu_link_adopt(clu_link *l, clu_list *unsent, clu_ms now);

void clu_link_flush(clu_link *l, clu_ms now);       /* what goes at once */

/*
 * Ends it: descriptor, timer and state.  Frames of which nothing left are
 * moved to unsent, the caller's; NULL: freed as well.
 */
void clu_link_close(clu_link *l, clu_list *unsent);

static inline void clu_link_hold(clu_link *l)
{
    l->held++;
}
void clu_link_release(clu_link *l);     /* frees it when closed and unheld */

#endif
