/*
 * clu.h -- what every part of the core shares: errors, slices, limits,
 *          counters, time, chance and memory that can be made to fail.
 *
 * Layer: base.  Includes nothing of ours; nothing of Tcl.
 */
#ifndef CLU_H
#define CLU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Whatever can fail returns a clu_err, CLU_OK first.  Results come through
 * the last arguments and are untouched on failure.  The word is what scripts
 * see behind CLUSTER in errorCode; the text is for people.
 */
#define CLU_ERRORS(X) \
    X(OK,          "done") \
    X(NOMEM,       "out of memory") \
    X(TRUNCATED,   "the bytes end before the value does") \
    X(OVERFLOW,    "a number does not fit 64 bits") \
    X(HEADER,      "the packet does not begin with its header") \
    X(FOOTER,      "the packet does not end with its end mark") \
    X(FIELD,       "the packet has a field nobody knows") \
    X(MISSING,     "the packet lacks a field it must have") \
    X(VALUE,       "a value is not of its kind") \
    X(LIMIT,       "a limit was reached") \
    X(MORE,        "more bytes are needed") \
    X(IGNORED,     "the packet is not for us") \
    X(VETO,        "a hook refused it") \
    X(GONE,        "it is no longer there") \
    X(EXISTS,      "it is there already") \
    X(UNREACHABLE, "no protocol reaches the service") \
    X(TIMEOUT,     "it took too long") \
    X(CLOSED,      "the connection was closed") \
    X(SYSTEM,      "the operating system refused (see errno)")

typedef enum {
#define X(name, text) CLU_##name,
    CLU_ERRORS(X)
#undef X
    CLU_ERR_COUNT
} clu_err;

const char *clu_err_name(clu_err err);  /* "TRUNCATED"; never NULL */
const char *clu_err_text(clu_err err);  /* a sentence; never NULL */

/* Bytes that belong to somebody else. */
typedef struct clu_slice {
    const unsigned char *p;     /* may be NULL when n is 0 */
    size_t n;                   /* bytes */
} clu_slice;

static inline clu_slice clu_slice_of(const void *p, size_t n)
{
    return (clu_slice){ (const unsigned char *)p, n };
}
/* p + n; an empty list may have no p, and C knows no 0 bytes behind NULL. */
static inline const unsigned char *clu_behind(const unsigned char *p, size_t n)
{
    return n > 0 ? p + n : p;
}
static inline clu_slice clu_slice_str(const char *text)
{
    return (clu_slice){ (const unsigned char *)text, strlen(text) };
}
static inline bool clu_slice_eq(clu_slice a, clu_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Milliseconds on a clock that never jumps; 0 is some moment in the past. */
typedef int64_t clu_ms;
#define CLU_NEVER INT64_MAX     /* a deadline that does not come */

/*
 * Everything a peer can make us hold or do is bounded here: name, default,
 * the option that changes it, the counter that tells it was reached, and what
 * it bounds (RELIABILITY, default limits).
 */
#define CLU_LIMITS(X) \
    X(DATAGRAM,       1400,     "maxdatagram",      oversized,       \
      "bytes of a datagram to our own kind") \
    X(DATAGRAM_V1,    4096,     "maxdatagramv1",    pieced,          \
      "bytes of a datagram to originals and to the group") \
    X(MESSAGE,        1048576,  "maxmessage",       drop_header,     \
      "bytes of one packet") \
    X(UNPROVEN,       65536,    "maxunproven",      links_flooded,   \
      "bytes a connection may send before its first whole packet") \
    X(LIST_ITEMS,     4096,     "maxlistitems",     drop_limit,      \
      "items of a list in a packet") \
    X(MAP_ENTRIES,    1024,     "maxmapentries",    drop_limit,      \
      "entries of protocol properties") \
    X(ID,             128,      "maxid",            drop_limit,      \
      "bytes of a sid or hid") \
    X(TAGS,           64,       "maxtags",          drop_limit,      \
      "tags of a service") \
    X(TAG,            64,       "maxtag",           drop_limit,      \
      "bytes of a tag") \
    X(PROPS,          4096,     "maxprops",         drop_limit,      \
      "bytes of a service's protocol properties") \
    X(SERVICES,       1024,     "maxservices",      drop_full,       \
      "services known at once") \
    X(SOURCE,         64,       "maxpersource",     drop_full,       \
      "services of one address of another host") \
    X(CONNECTIONS,    256,      "maxconnections",   links_refused,   \
      "connections that spoke a valid packet") \
    X(PENDING,        64,       "maxpending",       links_refused,   \
      "connections that have not spoken yet") \
    X(PENDING_SOURCE, 16,       "maxpendingsource", links_refused,   \
      "connections of one address that have not") \
    X(FIRST_PACKET,   5000,     "firstpacket",      links_expired,   \
      "ms a connection has for its first whole packet") \
    X(CONNECT,        2000,     "connecttimeout",   connects_failed, \
      "ms a connect may take") \
    X(LINK_QUEUE,     1048576,  "maxqueue",         queues_full,     \
      "bytes waiting for one connection") \
    X(QUEUE,          16777216, "maxqueues",        queues_full,     \
      "bytes waiting for all connections") \
    X(STALL,          10000,    "stalltimeout",     links_stalled,   \
      "ms a peer may take nothing of its queue") \
    X(PARTIAL,        1048576,  "maxpartial",       drop_partial,    \
      "bytes of frames that wait for their next datagram") \
    X(PARTIAL_AGE,    1000,     "partialtimeout",   drop_partial,    \
      "ms such a frame waits for its next datagram") \
    X(QUERIES,        1024,     "maxqueries",       queries_refused, \
      "queries open at once") \
    X(BACKLOG,        16777216, "maxbacklog",       reads_paused,    \
      "bytes received that wait for a script") \
    X(NESTING,        64,       "maxnesting",       hooks_nested,    \
      "hooks within hooks") \
    X(MEMORY,         33554432, "maxmemory",        drop_full,       \
      "bytes that peers make us hold in the table")

typedef enum {
#define X(name, dflt, option, counter, what) CLU_LIMIT_##name,
    CLU_LIMITS(X)
#undef X
    CLU_LIMIT_COUNT
} clu_limit;

typedef struct clu_limits {
    int64_t at[CLU_LIMIT_COUNT];
} clu_limits;

void clu_limits_init(clu_limits *limits);       /* the defaults */
const char *clu_limit_option(clu_limit which);  /* "maxservices" */
const char *clu_limit_what(clu_limit which);    /* "ms a connect may take" */

/*
 * What is counted, by name as `$cluster stats` shows it.  The drop_ counters
 * together hold every packet that came and was not handled.
 */
#define CLU_COUNTERS(X) \
    X(drop_header)      /* bytes without a packet in them */ \
    X(drop_malformed)   /* a packet that does not decode */ \
    X(drop_field)       /* an unknown field */ \
    X(drop_missing)     /* no sid, hid, type, channel, or no c in protocols */ \
    X(drop_limit)       /* a value beyond its limit */ \
    X(drop_own)         /* our own packet come back */ \
    X(drop_filter)      /* its filter does not name us */ \
    X(drop_channel)     /* a channel we have not joined */ \
    X(drop_foreign)     /* from another host although -remote is 0 */ \
    X(drop_identity)    /* sid or hid that is no well-formed word */ \
    X(drop_link)        /* a second sid on a connection */ \
    X(drop_veto)        /* a hook refused it */ \
    X(drop_full)        /* no room for one more service */ \
    X(drop_type)        /* a type above 8 */ \
    X(drop_unasked)     /* an answer nobody waits for */ \
    X(drop_unknown)     /* a goodbye of somebody we do not know */ \
    X(drop_partial)     /* a frame whose other datagrams never came */ \
    X(drop_nomem)       /* no memory for it */ \
    X(services_found) X(services_lost) X(services_expired) \
    X(queries_opened) X(queries_answered) X(queries_failed) \
    X(queries_lost) X(queries_timeout) \
    X(pings_sent) X(pings_answered) X(fallbacks) X(unreachable) \
    X(links_opened) X(links_accepted) X(links_refused) X(links_closed) \
    X(links_stalled) X(links_expired) X(links_flooded) X(connects_failed) \
    X(queues_full) X(oversized) X(pieced) X(queries_refused) X(reads_paused) \
    X(hook_errors) X(hook_vetoes) X(hooks_nested) X(joins_renewed) \
    X(kernel_drops)

typedef enum {
#define X(name) CLU_COUNT_##name,
    CLU_COUNTERS(X)
#undef X
    CLU_COUNTER_COUNT
} clu_counter;

typedef struct clu_counters {
    uint64_t at[CLU_COUNTER_COUNT];
} clu_counters;

const char *clu_counter_name(clu_counter which);
clu_counter clu_limit_counter(clu_limit which);  /* it was reached */

/*
 * Memory.  One allocator that may fail: tests make the n-th call, or the
 * n-th and all that follow, return NULL.  Freeing NULL is allowed.
 */
void *clu_alloc(size_t size);                   /* zeroed */
void *clu_realloc(void *p, size_t size);        /* not zeroed */
void clu_free(void *p);
void *clu_memdup(const void *p, size_t n);      /* NULL when out of memory */

void clu_alloc_fail_at(long nth, bool and_on);  /* 0: never; counts from now */
long clu_alloc_calls(void);                     /* since clu_alloc_fail_at */
long clu_alloc_live(void);                      /* blocks not freed yet */

/* A small deterministic generator for jitter: the same seed, the same run. */
uint64_t clu_random(uint64_t *state);
uint64_t clu_random_below(uint64_t *state, uint64_t bound);     /* 0..bound-1 */

#define CLU_COUNT_OF(array) (sizeof (array) / sizeof *(array))

/* The structure that holds this member. */
#define CLU_CONTAINER(ptr, type, member) \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
