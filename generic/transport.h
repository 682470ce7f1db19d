/*
 * transport.h -- the operations every transport fills in, and its one upcall.
 *
 * Layer: engine.  A transport carries frames to services and to the group and
 * hands in what arrives.  It knows addresses and connections; it does not know
 * packets, tags or queries.  It never blocks, and evaluates Tcl only where its
 * membership is `scripted` (node.h): then the engine runs when scripts may.
 *
 *     engine --send, bind, props, refresh--> transport --up--> engine's owner
 */
#ifndef CLU_TRANSPORT_H
#define CLU_TRANSPORT_H

#include "address.h"
#include "buf.h"

typedef struct clu_transport clu_transport;

/* Where a frame shall go. */
typedef struct clu_target {
    uint64_t service;           /* table id; 0: the group, or just addr */
    clu_address addr;           /* with port; family 0: the group (c) */
    clu_slice path;             /* u: its socket */
    bool kin;                   /* our kind: frames may arrive together */
} clu_target;

/* Bytes that wait in all connections of a membership. */
typedef struct clu_held {
    size_t out;                 /* frames that the peers do not take */
    size_t in;                  /* beginnings of packets */
} clu_held;

/* What comes back with a frame that could not be delivered after all. */
typedef struct clu_ticket {
    uint64_t service;           /* whom it was for */
    uint64_t cookie;            /* who asked: a query's id, or 0 */
    uint32_t tried;             /* bit i: the engine's i-th transport failed */
    uint32_t allowed;           /* bit i: may be tried */
    uint8_t flags;              /* the engine's own */
} clu_ticket;

typedef enum {
    CLU_ARRIVED_FRAME,          /* a whole packet: body, from */
    CLU_ARRIVED_JUNK,           /* count bytes that are no packet (why) */
    CLU_ARRIVED_UNDELIVERED,    /* ticket, frame (bytes): send it elsewhere */
    CLU_ARRIVED_CLOSED,         /* a bound connection ended: service, why */
    CLU_ARRIVED_REFUSED,        /* the peer's host says nobody is there:
                                   service (IP_RECVERR on d) */
    CLU_ARRIVED_MOVED           /* our own props changed: tell the others */
} clu_arrived;

typedef struct clu_from {
    clu_address addr;           /* numeric source, of this datagram or link */
    bool local;                 /* it is an address of this host */
    bool group;                 /* it came to the group, not to us alone */
    uint64_t link;              /* connection it came over; 0: a datagram */
    uint64_t service;           /* the service the link is bound to, or 0 */
} clu_from;

typedef struct clu_arrival {
    clu_arrived what;
    clu_transport *via;
    clu_from from;              /* FRAME, JUNK */
    clu_slice bytes;            /* FRAME: the body; UNDELIVERED: the frame;
                                   valid during the upcall only */
    clu_ticket ticket;          /* UNDELIVERED */
    uint64_t service;           /* CLOSED, REFUSED */
    bool last;                  /* CLOSED: it has no other link by this t. */
    clu_err why;                /* JUNK, UNDELIVERED, CLOSED */
    uint64_t count;             /* JUNK: how many bytes */
} clu_arrival;

/* The one way up.  It may call send and bind again, but never stop. */
typedef void clu_up(void *owner, const clu_arrival *arrival, clu_ms now);

typedef struct clu_transport_ops {
    /*
     * Hands over one frame.  CLU_OK: it left, or it waits in a queue and will
     * leave or come back as UNDELIVERED.  LIMIT: too large for a datagram or
     * no room in the queue.  UNREACHABLE, SYSTEM: not by this transport, now.
     * The bytes are copied where they are needed later.
     */
    clu_err (*send)(clu_transport *t, const clu_target *to, clu_slice frame,
                    const clu_ticket *ticket, clu_ms now);

    /* This connection speaks for this service (0: forget it).  May be NULL. */
    void (*bind)(clu_transport *t, uint64_t link, uint64_t service);

    /* The service is gone: close its connections.  May be NULL. */
    void (*forget)(clu_transport *t, uint64_t service);

    /* What we advertise: the text of a dict, such as "port 40447"; may be
       empty.  Appends to out. */
    clu_err (*props)(clu_transport *t, clu_buf *out);

    /* A heartbeat of ours is about to leave.  May be NULL. */
    void (*beat)(clu_transport *t, clu_ms now);

    /* Make our listening side anew (a peer could not reach it). */
    clu_err (*refresh)(clu_transport *t, clu_ms now);

    /* Writes out what it can, closes everything, frees itself. */
    void (*stop)(clu_transport *t);
} clu_transport_ops;

/* The head of every transport's own struct. */
struct clu_transport {
    const clu_transport_ops *ops;
    const char *name;           /* "c" "t" "u" "d", or a custom one's id */
    clu_up *up;
    void *owner;                /* handed to up */
    const clu_limits *limits;   /* the membership's; outlives the transport */
    clu_counters *counters;     /* likewise */
    clu_held *held;             /* likewise */
    bool datagram;              /* one frame, one datagram: size matters */
    bool local_only;            /* reaches this host only (u) */
    bool multicast;             /* reaches the group (c) */
    bool finds;                 /* knows the way from more than port and path */
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
};

#endif
