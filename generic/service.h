/*
 * service.h -- one remote service: who it is, what it offers, when it spoke.
 *
 * Layer: table.
 */
#ifndef CLU_SERVICE_H
#define CLU_SERVICE_H

#include "address.h"
#include "hash.h"
#include "packet.h"

/* Moved by liveness.c alone. */
typedef enum {
    CLU_SERVICE_ALIVE,          /* due: its ttl runs out */
    CLU_SERVICE_DOUBTED,        /* somebody pinged it; due: we do so too */
    CLU_SERVICE_SUSPECT,        /* we failed to reach it; our ping will leave */
    CLU_SERVICE_PINGED,         /* our ping left; due: it is lost */
    CLU_SERVICE_LEAVING,        /* it said goodbye; due: it is lost, when what
                                   it sent before has been read */
    CLU_SERVICE_GONE            /* out of the table; freed when let go */
} clu_service_state;

/* What a deadline in the engine's heap is for: the one who is called. */
typedef enum {
    CLU_LATE_EXPIRY,            /* in a service: see its state */
    CLU_LATE_HELLO,             /* in a service: tell that it was discovered */
    CLU_LATE_REPORT,            /* in a service: answer its discovery */
    CLU_LATE_QUERY,             /* in a query: its time-out */
    CLU_LATE_BEAT,              /* in the engine: the next heartbeat */
    CLU_LATE_PING,              /* in the engine: send the collected pings */
    CLU_LATE_LOOK               /* in the engine: discover once more */
} clu_late;

typedef struct clu_deadline {
    clu_due due;                /* in the engine's heap; kind: a clu_late */
} clu_deadline;

struct clu_word;
struct clu_source;

#define CLU_SERVICE_PLACES 5    /* sid, hid, uuid, ip, localhost */
#define CLU_SERVICE_ID_MAX 255  /* bytes of a sid or hid, whatever the limit */
#define CLU_SERVICE_UUID_MAX (2 * CLU_SERVICE_ID_MAX + 1)

typedef struct clu_service {
    uint64_t id;                /* never used again */
    clu_service_state state;
    unsigned holds;             /* the table is one; each hold another */
    clu_address addr;           /* its host; port 0 */
    clu_address source;         /* where its beacons come from, with port */
    bool local;                 /* on this host */
    bool kin;                   /* it advertised capabilities: our kind */
    bool met;                   /* "discovered" was told */
    uint8_t asks;               /* how often we asked once more for its
                                   properties */
    bool doubted;               /* its suspicion began with another's ping */
    bool by_group;              /* its last discovery came to the group */
    uint32_t weight;            /* bytes charged to the table's budget */
    clu_items protocols;        /* its order of preference */
    clu_items tags;             /* as it sent them */
    clu_slice props;            /* text of a dict; all three in one block */
    struct clu_spot *spots;     /* what was looked up in it to send, or NULL */
    size_t spot_count;
    clu_ms first_seen;
    clu_ms last_seen;           /* any authentic packet */
    clu_ms reported;            /* when we last answered its discovery, or 0 */
    uint64_t credit;            /* bytes its datagrams brought and our replies
                                   did not use up */
    clu_deadline expiry, hello, report;
    clu_map_node by_uuid, by_id;
    clu_list link;              /* in the table's order of arrival */
    struct clu_source *home;    /* its address, when of another host */
    struct clu_word **words;    /* that find it, once each: tags first, then
                                   the places */
    uint32_t word_count, tag_count;
    uint32_t seat;              /* in the table; no other's until it is gone */
    void *face;                 /* what the host shows of it; NULL: nothing */
    void *name;                 /* ... by this name; NULL: it is not known
                                   (clu_table_name) */
    uint16_t uuid_size;
    uint16_t sid_size;          /* bytes of uuid before the @ */
    unsigned char uuid[];       /* sid@hid */
} clu_service;

static inline clu_slice clu_service_uuid(const clu_service *s)
{
    return (clu_slice){ s->uuid, s->uuid_size };
}

/* Where it listens for one transport, as its properties say. */
typedef struct clu_spot {
    bool known;                 /* it was looked up */
    uint16_t port;              /* 0: it has none */
    clu_slice path;             /* empty: it has none */
} clu_spot;

static inline clu_slice clu_service_sid(const clu_service *s)
{
    return (clu_slice){ s->uuid, s->sid_size };
}
static inline clu_slice clu_service_hid(const clu_service *s)
{
    return (clu_slice){ s->uuid + s->sid_size + 1,
                        (size_t)s->uuid_size - s->sid_size - 1 };
}

/* Keeps the memory of a service that may leave the table meanwhile. */
void clu_service_hold(clu_service *s);
void clu_service_release(clu_service *s);

/*
 * Letters, digits and _ . + / = - : with no two colons together and none at
 * either end: such a word is safe in the documented command names.
 */
bool clu_service_word(clu_slice word, const clu_limits *limits);

/*
 * What a service says of itself stands in one block: it changes rarely, and
 * three small blocks would cost more than they hold.  Say takes the block over.
 */
typedef struct clu_said {
    clu_items protocols, tags;
    clu_slice props;
} clu_said;

clu_err clu_said_make(clu_said *said, clu_items protocols, clu_items tags,
                      clu_slice props);         /* copies; NOMEM */
void clu_said_free(const clu_said *said);
void clu_service_say(clu_service *s, const clu_said *said);

/* Replaces what it advertises; NOMEM leaves it as it was. */
clu_err clu_service_protocols(clu_service *s, clu_items protocols);
/* Merges ("dict merge") or replaces its protocol properties.  LIMIT, VALUE,
   NOMEM leave them as they were. */
clu_err clu_service_props(clu_service *s, clu_slice text, bool merge,
                          const clu_limits *limits);

/* The logical name it joined with (our kind only); GONE when it has none. */
clu_err clu_service_named(const clu_service *s, clu_buf *scratch,
                          clu_slice *name);

/* The port it advertises for a protocol; 0 when it has none. */
uint16_t clu_service_port(const clu_service *s, const char *protocol);
/* A property as text, such as "path" of "u"; GONE when there is none.
   Points into the service or into scratch. */
clu_err clu_service_prop(const clu_service *s, const char *protocol,
                         const char *key, clu_buf *scratch, clu_slice *value);

/*
 * Both of them for the index-th of count transports, kept until its properties
 * change.  The path points into the service or into scratch.
 */
clu_spot clu_service_spot(clu_service *s, size_t index, size_t count,
                          const char *protocol, clu_buf *scratch);

#endif
