/*
 * engineInt.h -- what the files of the engine share, and nobody else.
 *
 * Layer: engine.
 */
#ifndef CLU_ENGINEINT_H
#define CLU_ENGINEINT_H

#include "engine.h"

typedef struct clu_query clu_query;

struct clu_engine {
    clu_config config;          /* sid and hid point to own copies */
    clu_patron patron;
    clu_counters counters;
    clu_held held;              /* in the connections of all transports */
    clu_table table;
    clu_heap deadlines;         /* clu_deadline, of all kinds */
    uint64_t random;            /* state of the jitter */
    bool leaving;               /* our goodbye is on its way out */
    bool left;
    unsigned arriving;          /* arrivals on the stack: a transport may be */
    unsigned busy;              /* operations of a transport on the stack, or a
                                   question about what it shall do */

    clu_transport *transports[CLU_TRANSPORTS_MAX];
    unsigned transport_count;
    unsigned group;             /* index of the multicast one, or _MAX */

    clu_buf protocols_wire, tags_wire;  /* own lists in wire form */
    clu_items protocols, tags;
    uint64_t own_words[64];     /* bit set: by hash of sid, hid and tags */
    uint64_t channels[CLU_CHANNELS_MAX];
    size_t channel_count;

    clu_deadline beat;          /* the next heartbeat */
    bool beat_tags, beat_props; /* what it carries, whoever sends it */
    bool beating;               /* the transports are being told of one */
    clu_ms answered;            /* the last one for a ping, or the one that is
                                   to come; 0: none yet */
    bool joining;               /* its discovery is still to leave */
    clu_ms discovered;          /* the last discovery, -1: none */
    clu_deadline look;          /* discover again: somebody knows more */
    unsigned looks;             /* how often we did */
    uint64_t most_known;        /* the largest "known" heard since a look */

    size_t askers;              /* services whose discovery we are to answer */
    clu_ms told_all;            /* the last answer that was for all */

    clu_deadline ping;          /* those in SUSPECT are pinged then */
    clu_ms away;                /* we were stopped: till then we judge nobody */
    clu_ms refreshed;           /* last failure report we acted on, -1: none */
    clu_buf spare;              /* room for a frame; see clu_engine_take */

    clu_map queries;            /* by ruid */
    clu_map handles;            /* by handle */
    size_t query_count;
    uint64_t next_query;
};

/* ---- engine.c: shared small things --------------------------------------- */

static inline void clu_count(clu_engine *e, clu_counter which)
{
    e->counters.at[which]++;
}
static inline bool clu_wants(const clu_engine *e, clu_ask what)
{
    return (e->patron.asks >> what) & 1u;
}
void clu_engine_tell(clu_engine *e, const clu_news *news);
/* Sets or moves a deadline.  NOMEM only where it was not set before; the
   engine's own always are. */
clu_err clu_engine_set(clu_engine *e, clu_deadline *d, clu_ms at);
void clu_engine_unset(clu_engine *e, clu_deadline *d);

/* A time from now, or CLU_NEVER where that is beyond all time. */
static inline clu_ms clu_later(clu_ms now, clu_ms after)
{
    return after > CLU_NEVER - now ? CLU_NEVER : now + after;
}

/* A buffer for one frame, and back: nested sends find it taken and make one
   of their own. */
clu_buf clu_engine_take(clu_engine *e);
void clu_engine_give(clu_engine *e, clu_buf *frame);

/* The one place where a packet is asked about on its way out.  *owned is to
   be freed by the caller. */
clu_err clu_engine_ask_send(clu_engine *e, clu_packet **packet,
                            clu_packet **owned, const uint64_t *audience,
                            size_t count, bool group);

/* ---- self.c: who we are -------------------------------------------------- */

void clu_self_index(clu_engine *e);     /* after sid, hid or tags changed */
bool clu_self_named(const clu_engine *e, clu_items filter);
void clu_self_look_soon(clu_engine *e, clu_ms now);     /* after joining */
void clu_self_look(clu_engine *e, clu_ms now);

/* ---- inbound.c ----------------------------------------------------------- */

void clu_inbound_frame(clu_engine *e, const clu_arrival *a, clu_ms now);

/* ---- self.c: the packets we make ----------------------------------------- */

/* Adds data (our properties), known and tags, as a type 0, 1, 2 or 7 has
   them.  scratch holds the text and must outlive the packet. */
clu_err clu_compose_beacon(clu_engine *e, clu_packet *p, clu_type type,
                           uint64_t channel, bool props, bool tags,
                           clu_buf *scratch);

/* ---- route.c: which transport for which service -------------------------- */

enum {
    CLU_ROUTE_QUIET = 1,        /* no failure report, no suspicion */
    CLU_ROUTE_QUERY = 2,        /* cookie is a query's handle */
    CLU_ROUTE_THEN_ANY = 4,     /* the allowed ones first, then all others */
    CLU_ROUTE_REPLY = 8         /* a packet of the peer's made us send it */
};

/* One packet to one service; adds the filter.  used: index of transport. */
clu_err clu_route_send(clu_engine *e, clu_service *s, clu_packet *p,
                       uint32_t allowed, uint64_t cookie, uint8_t flags,
                       clu_ms now, unsigned *used);
/* A reply as a datagram straight to an address; LIMIT when it does not fit,
   or is more than came from there. */
clu_err clu_route_datagram(clu_engine *e, clu_service *s, clu_packet *p,
                           const clu_address *to, clu_ms now);
/* To the group, as it is; must_fit: LIMIT unless it is one datagram. */
clu_err clu_route_group(clu_engine *e, clu_packet *p, bool must_fit,
                        clu_ms now);
/* A queued frame came back: the next protocol, or news. */
void clu_route_undelivered(clu_engine *e, const clu_arrival *a, clu_ms now);

/* ---- liveness.c: alone changes a service's state ------------------------- */

clu_err clu_liveness_start(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_heard(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_unreached(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_doubted(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_left(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_expiry(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_away(clu_engine *e, clu_ms late, clu_ms now);
void clu_liveness_ping(clu_engine *e, clu_ms now);
void clu_liveness_pinged(clu_engine *e, const clu_packet *p, clu_ms now);
void clu_liveness_asked(clu_engine *e, clu_service *s, bool group, clu_ms now);
void clu_liveness_report(clu_engine *e, clu_service *s, clu_ms now);
void clu_liveness_hello(clu_engine *e, clu_service *s, clu_ms now);

/* ---- query.c ------------------------------------------------------------- */

void clu_query_answered(clu_engine *e, clu_service *s, const char *via,
                        const clu_packet *p);
void clu_query_lost(clu_engine *e, clu_service *s);
void clu_query_failed(clu_engine *e, uint64_t handle, clu_service *s,
                      clu_err why);
void clu_query_late(clu_engine *e, clu_query *q);
void clu_query_end_all(clu_engine *e);
clu_query *clu_query_of(clu_deadline *d);

#endif
