/*
 * packet.h -- a whole member packet: its fields as a struct, and as bytes.
 *
 * Layer: codec.  Rules: WIRE-ORIGINAL 2 (framing), 3 (types), 4 (fields).
 *
 *     C0 8D | varint length | { varint field id, value }* | 00 00
 *
 * A decoded packet points into the bytes it was decoded from and allocates
 * nothing; it lives as long as they do.  A list stays in its wire form, so
 * decoding checks it and encoding copies it.
 */
#ifndef CLU_PACKET_H
#define CLU_PACKET_H

#include "buf.h"
#include "cursor.h"

/* id on the wire, name, kind */
#define CLU_FIELDS(X) \
    X(1,  type,      NUMBER) \
    X(2,  channel,   NUMBER) \
    X(3,  hid,       TEXT) \
    X(4,  sid,       TEXT) \
    X(5,  known,     NUMBER) \
    X(6,  timestamp, NUMBER) \
    X(7,  protocols, LIST) \
    X(8,  ruid,      TEXT) \
    X(9,  op,        TEXT) \
    X(10, data,      TEXT) \
    X(11, raw,       BYTES) \
    X(12, tags,      LIST) \
    X(13, keepalive, FLAG) \
    X(14, filter,    LIST) \
    X(15, error,     TEXT)

typedef enum {
#define X(id, name, kind) CLU_FIELD_##name = id,
    CLU_FIELDS(X)
#undef X
    CLU_FIELD_MAX = 15
} clu_field;

typedef enum { CLU_KIND_NUMBER, CLU_KIND_TEXT, CLU_KIND_BYTES, CLU_KIND_LIST,
               CLU_KIND_FLAG } clu_kind;

typedef enum {
    CLU_TYPE_DISCONNECT, CLU_TYPE_HEARTBEAT, CLU_TYPE_DISCOVERY,
    CLU_TYPE_PING, CLU_TYPE_QUERY, CLU_TYPE_RESPONSE, CLU_TYPE_EVENT,
    CLU_TYPE_FLUSH, CLU_TYPE_FAILURE, CLU_TYPE_COUNT
} clu_type;

/* A list as the wire holds it: so many strings, one behind the other. */
typedef struct clu_items {
    uint64_t count;
    clu_slice wire;             /* count times (varint n, n bytes) */
} clu_items;

typedef union clu_value {
    uint64_t number;            /* NUMBER; FLAG as the byte */
    clu_slice text;             /* TEXT, BYTES */
    clu_items list;             /* LIST */
} clu_value;

typedef struct clu_packet {
    uint32_t has;                           /* bit 1 << field id */
    uint8_t order[CLU_FIELD_MAX];           /* ids in their order on the wire */
    uint8_t count;                          /* of order */
    clu_value at[CLU_FIELD_MAX + 1];        /* by field id */
} clu_packet;

const char *clu_field_name(clu_field field);
clu_kind clu_field_kind(clu_field field);
clu_field clu_field_find(clu_slice name);   /* 0 when there is none */

static inline bool clu_packet_has(const clu_packet *p, clu_field f)
{
    return (p->has >> f) & 1u;
}

/* Put a field at the end of the order, or change it where it stands. */
void clu_packet_number(clu_packet *p, clu_field f, uint64_t value);
void clu_packet_text(clu_packet *p, clu_field f, clu_slice value);
void clu_packet_list(clu_packet *p, clu_field f, clu_items value);
void clu_packet_remove(clu_packet *p, clu_field f);
void clu_packet_first(clu_packet *p, clu_field f);      /* moves it there */

/* Is the item in the list, byte for byte? */
bool clu_items_have(clu_items list, clu_slice item);
/* The next item; wire moves on.  GONE at the end.  Checked when decoded. */
clu_err clu_items_next(clu_slice *wire, clu_slice *item);
/* Appends to a list that is being made in out, which holds nothing else. */
clu_err clu_items_add(clu_buf *out, clu_items *list, clu_slice item);

/*
 * Who may read it: called while decoding as soon as the sid, hid, channel or
 * filter is there, so that a packet for others costs next to nothing.
 * IGNORED stops decoding.
 */
typedef clu_err clu_packet_gate(void *ctx, clu_field field,
                                const clu_value *value);

/*
 * body: without header, length and end mark.  Fields may come in any order
 * and repeated (the last wins).  Errors: TRUNCATED, OVERFLOW, FIELD, LIMIT
 * (ID for sid and hid, TAGS and TAG for tags, LIST_ITEMS for every list), or
 * what the gate said; then *out holds the fields before the failure.  Does
 * not ask for required fields.
 */
clu_err clu_packet_decode(clu_slice body, const clu_limits *limits,
                          clu_packet_gate *gate, void *ctx, clu_packet *out);

/* MISSING without sid, hid, type, channel or a protocols that lists c. */
clu_err clu_packet_check(const clu_packet *p);

/*
 * Appends the whole frame.  Where the body's length is one that originals
 * misread (1728 modulo 16384, from 18112 on; WIRE-ORIGINAL 2) an empty op
 * shifts it, or the long form of op's id when there is one.
 */
clu_err clu_packet_encode(const clu_packet *p, clu_buf *out);

/* One block with the packet and all its bytes; clu_free it. */
clu_packet *clu_packet_copy(const clu_packet *p);
/* The same into a block of that weight, aligned as from clu_alloc. */
clu_packet *clu_packet_copy_into(const clu_packet *p, void *block);
size_t clu_packet_weight(const clu_packet *p);  /* bytes such a copy takes */

#endif
