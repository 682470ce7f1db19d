/*
 * streamInt.h -- the stream transports inside: the machine and its families.
 *
 * Layer: transport.
 *
 *     clu_stream
 *       links    id      -> link
 *       peers    service -> peer -> link (sent on) -> link -> ...
 *       pending | strangers | bound     every link is in one of these lists
 */
#ifndef CLU_STREAM_INT_H
#define CLU_STREAM_INT_H

#include "link.h"
#include "listener.h"
#include "path.h"
#include "stream.h"

typedef struct clu_stream clu_stream;

/* What t and u do each in their way. */
typedef struct clu_family {
    const char *name;
    bool local_only;
    bool by_source;             /* pending links are counted per address */
    /* A new listening socket; what props says is then about it. */
    clu_err (*listen)(clu_stream *s, int *fd);
    void (*unlisten)(clu_stream *s);    /* takes back what listen left */
    /* Is it (still) there for peers to find? */
    bool (*listens)(const clu_stream *s);
    /* Where a target is, or why we do not go there. */
    clu_err (*reach)(const clu_stream *s, const clu_target *to,
                     clu_sockaddr *addr);
    void (*prepare)(const clu_stream *s, int fd);   /* every connection */
    /* May we talk with who is at the other end? */
    bool (*admits)(const clu_stream *s, int fd, const clu_address *from);
    clu_err (*props)(const clu_stream *s, clu_buf *out);
} clu_family;

extern const clu_family clu_family_tcp, clu_family_unix;

/* Of one service: its links, the one we send on first. */
typedef struct clu_peer {
    clu_map_node node;
    uint64_t service;
    clu_list links;
} clu_peer;

struct clu_stream {
    clu_transport t;
    const clu_family *family;
    clu_host *host;
    clu_link_pool pool;
    clu_listener listener;
    clu_map links, peers;
    uint64_t last_id;
    clu_list pending;           /* accepted, no whole packet yet; by age */
    clu_list strangers;         /* accepted, a packet, no service; by age */
    clu_list bound;             /* the rest: connected by us, or known */
    size_t pending_count;
    size_t proven_count;        /* accepted and not pending */
    clu_timer watchdog;         /* is our listening side still there? */
    bool moved;                 /* MOVED is to be told */
    bool local, v6;             /* t: as created */
    uint16_t port;              /* t */
    clu_path path;              /* u */
};

/* ---- peers.c ------------------------------------------------------------- */

/* A link with an id of its own; fd is closed when this fails. */
clu_err clu_stream_add(clu_stream *s, int fd, const clu_sockaddr *to,
                       clu_ms now, clu_link **link);
/* Out of every table: from here on nobody can find it. */
void clu_stream_take_out(clu_stream *s, clu_link *l);
/* Moves a link to the list that fits what is known of it. */
void clu_stream_file(clu_stream *s, clu_link *l);
clu_err clu_stream_bind(clu_stream *s, clu_link *l, uint64_t service);
void clu_stream_unbind(clu_stream *s, clu_link *l);

clu_link *clu_stream_find(clu_stream *s, uint64_t id);          /* or NULL */
clu_peer *clu_stream_peer(clu_stream *s, uint64_t service);     /* or NULL */
/* The link frames of this service go out on; NULL: one must be made. */
clu_link *clu_stream_link(clu_stream *s, uint64_t service);

/* ---- stream.c ------------------------------------------------------------ */

clu_err clu_stream_create(clu_loop *loop, clu_host *host,
                          const clu_family *family, const clu_stream *like,
                          clu_transport **t);

#endif
