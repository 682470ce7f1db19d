/*
 * engine.h -- one membership: receive, gates, dispatch, send.
 *
 * Layer: engine.  Sans-I/O: it opens no socket and reads no clock.  It is
 * given what arrived and the time, and answers through its transports and
 * through what its host lent it.
 *
 *     receive(arrival, now)  tick(now)            deadline()
 *            |                  |                     ^
 *         gates -> ask       liveness, queries --> heap of deadlines
 *            |                  |
 *         table --> by type --> tell        send --> ask --> route
 *
 * Asking and telling are two things.  What is asked may be refused and
 * changed, now, in the middle of the way; what is told is only told, and the
 * host does well to tell it later, one at a time.
 *
 * The host may call any function below from inside ask, except destroy.
 * A service is named by its id wherever time may pass.
 */
#ifndef CLU_ENGINE_H
#define CLU_ENGINE_H

#include "table.h"
#include "transport.h"

typedef struct clu_engine clu_engine;

/* ---- what the host lends ------------------------------------------------- */

typedef enum {
    CLU_ASK_RECEIVE,            /* decoded, subscribed: shall it go on? */
    CLU_ASK_ADMIT,              /* its sender was looked up (service or none) */
    CLU_ASK_VALIDATE,           /* its sender is about to be accepted */
    CLU_ASK_SEND,               /* it is about to leave, before encoding */
    CLU_ASK_ARRIVED,            /* a frame came, before it is decoded */
    CLU_ASK_DEPART              /* a frame is about to go out by a transport */
} clu_ask;

typedef struct clu_question {
    clu_ask what;
    clu_packet *packet;         /* read it; to change it put a copy here ...;
                                   NULL: ARRIVED, DEPART */
    clu_packet *owned;          /* ... and here, from one clu_alloc: the
                                   engine frees it */
    clu_service *service;       /* sender or receiver; NULL: none yet, group */
    clu_slice frame;            /* ARRIVED: a body, which may be changed;
                                   DEPART: the whole frame */
    void *frame_owned;          /* ARRIVED: what frame was changed to, from one
                                   clu_alloc: the engine frees it */
    const clu_transport *via;   /* all but SEND */
    const clu_from *from;       /* ARRIVED, RECEIVE, ADMIT, VALIDATE */
    const uint64_t *audience;   /* SEND: services by id ... */
    size_t audience_count;      /* ... 0 with group: all */
    bool group;                 /* SEND: it goes to the group */
} clu_question;

typedef enum {
    CLU_NEWS_DISCOVERED,        /* service: known for a second, still alive */
    CLU_NEWS_LOST,              /* service: GONE, but in memory while held */
    CLU_NEWS_TAGS,              /* service: its tags changed (packet) */
    CLU_NEWS_QUERY,             /* packet, service, reply */
    CLU_NEWS_EVENT,             /* packet, service */
    CLU_NEWS_STARTED,           /* query: the questions are leaving; first */
    CLU_NEWS_ANSWER,            /* query, service, packet (data or error) */
    CLU_NEWS_ASKED_LOST,        /* query, service: it went before it answered */
    CLU_NEWS_ASKED_FAILED,      /* query, service, err: could not be asked */
    CLU_NEWS_TIMEOUT,           /* query: its time is over */
    CLU_NEWS_DONE,              /* query: nothing more comes; last */
    CLU_NEWS_FAILED             /* service, err: a message came back */
} clu_news_kind;

/* How an answer finds the asker. */
typedef struct clu_reply {
    uint64_t service;           /* id of the asker */
    unsigned via;               /* index of the transport it came by */
    clu_address source;         /* of its datagram; port 0 for a link */
} clu_reply;

typedef struct clu_news {
    clu_news_kind what;
    clu_service *service;       /* hold it to keep it */
    const clu_packet *packet;   /* copy it to keep it */
    const char *via;            /* QUERY, EVENT, ANSWER: the protocol's name,
                                   valid during the call; else NULL */
    uint64_t query;             /* handle */
    clu_reply reply;
    clu_err err;
} clu_news;

typedef struct clu_patron {     /* the engine's host */
    void *ctx;
    /* CLU_OK, or VETO and the like: the packet stops here. */
    clu_err (*ask)(void *ctx, clu_question *question);
    void (*tell)(void *ctx, const clu_news *news);
    uint32_t asks;              /* bit 1 << clu_ask: somebody wants it */
    uint32_t tells;             /* bit 1 << clu_news_kind: likewise */
} clu_patron;

/* ---- life ---------------------------------------------------------------- */

typedef struct clu_config {
    clu_slice sid, hid;         /* well-formed words */
    clu_ms ttl;                 /* a service lives so long unseen */
    clu_ms heartbeat;           /* between beats, less up to a tenth */
    bool remote;                /* other hosts are heard */
    clu_slice name;             /* a logical one, or empty */
    uint64_t seed;              /* of the jitter */
    clu_limits limits;
} clu_config;

#define CLU_TRANSPORTS_MAX 16
#define CLU_CHANNELS_MAX 256

/* Copies what it needs.  NOMEM, VALUE (sid or hid no word). */
clu_err clu_engine_create(const clu_config *config, const clu_patron *patron,
                          clu_engine **engine);

/*
 * Takes the transport over, in order of preference; it is stopped by leave.
 * Sets its up, owner, limits and counters.  LIMIT beyond CLU_TRANSPORTS_MAX.
 */
clu_err clu_engine_attach(clu_engine *e, clu_transport *t,
                          clu_up *up, void *owner);

/* Beacons: a heartbeat and a discovery, both with properties and tags.
   UNREACHABLE: there is no way to the group now; it is tried each second. */
clu_err clu_engine_join(clu_engine *e, clu_ms now);

/* Says goodbye, stops the transports, loses every service without a word and
   ends every query.  The engine stays valid and does nothing any more.  From
   inside an arrival, an ask or an operation of a transport the transports,
   which are on the stack, are stopped by the next tick; it is due at once. */
void clu_engine_leave(clu_engine *e, clu_ms now);
void clu_engine_destroy(clu_engine *e);         /* leaves first */
bool clu_engine_left(const clu_engine *e);
/*
 * It left: stops the transports now, whatever arrival is on the stack; only
 * where they are not.  One whose operation is, or is asked about, is let be,
 * unless at_once: then nobody returns to it, since the process ends.
 */
void clu_engine_stop(clu_engine *e, bool at_once);

/* ---- in ------------------------------------------------------------------ */

void clu_engine_receive(clu_engine *e, const clu_arrival *arrival, clu_ms now);
void clu_engine_tick(clu_engine *e, clu_ms now);
clu_ms clu_engine_deadline(const clu_engine *e);

/* ---- ourselves ----------------------------------------------------------- */

clu_patron *clu_engine_patron(clu_engine *e);   /* its asks and tells change */
clu_config *clu_engine_config(clu_engine *e);
clu_counters *clu_engine_counters(clu_engine *e);
const clu_held *clu_engine_held(const clu_engine *e);
clu_table *clu_engine_table(clu_engine *e);
clu_transport *clu_engine_transport(clu_engine *e, unsigned index);
size_t clu_engine_open_queries(const clu_engine *e);

/* How many services the others' beacons say that there are: the most that one
   of them knows, since we last looked whether we know as many. */
uint64_t clu_engine_most_known(const clu_engine *e);

/* LIMIT: too many or too long ones.  Does not beat by itself. */
clu_err clu_engine_tags(clu_engine *e, clu_items tags);
clu_items clu_engine_own_tags(const clu_engine *e);
clu_items clu_engine_own_protocols(const clu_engine *e);
/* The text of the dict of our protocols' properties. */
clu_err clu_engine_props(clu_engine *e, clu_buf *out);
clu_err clu_engine_channel(clu_engine *e, uint64_t channel, bool join);
bool clu_engine_hears(const clu_engine *e, uint64_t channel);
size_t clu_engine_channels(const clu_engine *e, const uint64_t **list);

/*
 * A heartbeat now, with our properties, with tags, on a channel.  On channel
 * 0 the next one is due an interval later.  UNREACHABLE: it did not leave.
 */
clu_err clu_engine_heartbeat(clu_engine *e, bool props, bool tags,
                             uint64_t channel, clu_ms now);
/* The next heartbeat comes then, if none is due before; tags: it carries
   them. */
clu_err clu_engine_heartbeat_at(clu_engine *e, clu_ms at, bool tags);
/* Our properties changed: a heartbeat with them as soon as may be. */
clu_err clu_engine_moved(clu_engine *e, clu_ms now);
/* Asks all to report.  LIMIT: less than 30 s since the last one. */
clu_err clu_engine_discover(clu_engine *e, uint64_t channel, clu_ms now);

/* Forgets a service: it is lost for us until it is heard again. */
void clu_engine_forget(clu_engine *e, uint64_t service);

/* After the ttl was changed: every service's deadline anew. */
void clu_engine_reconsider(clu_engine *e, clu_ms now);

/* ---- out ----------------------------------------------------------------- */

/* Our heading on a new packet: sid hid type channel protocols. */
void clu_engine_head(const clu_engine *e, clu_packet *p, clu_type type,
                     uint64_t channel);

#define CLU_SEND_ANY UINT32_MAX         /* any transport may be tried */

typedef struct clu_outgoing {
    clu_packet *packet;         /* headed; without a filter of ours */
    const uint64_t *services;   /* ids; none and group: everybody */
    size_t count;
    bool group;                 /* one multicast, filtered if services */
    uint32_t allowed;           /* bit i: transport i may be tried */
    uint64_t cookie;            /* comes back with NEWS_FAILED; a query's */
    clu_err *outcomes;          /* per service, or NULL */
    uint8_t *used;              /* index of transport per service, or NULL */
    bool must_fit;              /* group: LIMIT unless it is one datagram */
} clu_outgoing;

/*
 * Asks, encodes, sends.  CLU_OK when it left towards at least one; VETO; else
 * the last failure.  Queued is left: a later failure falls back by itself and
 * is news only when no protocol is left.
 */
clu_err clu_engine_send(clu_engine *e, clu_outgoing *out, clu_ms now);

/* A packet to the group as it is; headed by the caller. */
clu_err clu_engine_broadcast(clu_engine *e, clu_packet *packet, clu_ms now);

/*
 * Answers a question that was told; failed: result is an error's text.
 * GONE: the asker is.
 */
clu_err clu_engine_answer(clu_engine *e, const clu_reply *reply,
                          const clu_packet *question, clu_slice result,
                          bool failed, clu_ms now);

/* ---- questions to others (query.c) --------------------------------------- */

#define CLU_QUERY_ID 40          /* bytes of an id we make */

typedef struct clu_ask_many {
    clu_slice id;               /* the ruid; empty: one is made ... */
    char made[CLU_QUERY_ID];    /* ... here, and the packet points to it */
    const uint64_t *services;   /* the unknown and doubled do not count */
    size_t count;               /* at least 1 */
    clu_packet *packet;         /* headed, with data; ruid, keepalive and
                                   filter are added */
    bool group;
    uint32_t allowed;
    clu_ms timeout;             /* ms from now */
} clu_ask_many;

/*
 * Opens a query; its handle is told with all that comes of it.  From each
 * service exactly one: ANSWER, ASKED_LOST, ASKED_FAILED, or it is among those
 * that TIMEOUT ends; DONE follows, last, once.  Nothing is told before the
 * call returns: what failed at once is told by the next tick.  EXISTS: the id
 * is open; LIMIT: too many are; GONE: none of the services is known; VETO.
 */
clu_err clu_engine_query(clu_engine *e, clu_ask_many *ask, clu_ms now,
                         uint64_t *handle);
/* Ends it: DONE is told, nothing else.  Harmless when it has ended. */
void clu_engine_query_end(clu_engine *e, uint64_t handle);
/* The handle of an open query with this id, or 0. */
uint64_t clu_engine_query_find(clu_engine *e, clu_slice id);
/* Who still owes an answer: how many; ids into out, at most room. */
size_t clu_engine_query_owing(clu_engine *e, uint64_t handle, uint64_t *out,
                              size_t room);


#endif
