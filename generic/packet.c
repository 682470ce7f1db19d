/*
 * packet.c -- a whole member packet: its fields as a struct, and as bytes.
 *
 * Layer: codec.
 */
#include "packet.h"
#include "frame.h"

/* ---- The fields ---------------------------------------------------------- */

typedef struct field_info {
    const char *name;
    clu_kind kind;
} field_info;

static const field_info fields[CLU_FIELD_MAX + 1] = {
#define X(id, name, kind) [id] = { #name, CLU_KIND_##kind },
    CLU_FIELDS(X)
#undef X
};

#define BIT(field) (1u << (field))
#define GATED (BIT(CLU_FIELD_sid) | BIT(CLU_FIELD_hid) \
               | BIT(CLU_FIELD_channel) | BIT(CLU_FIELD_filter))

const char *clu_field_name(clu_field field)
{
    return fields[field].name;
}

clu_kind clu_field_kind(clu_field field)
{
    return fields[field].kind;
}

clu_field clu_field_find(clu_slice name)
{
    for (unsigned i = 1; i <= CLU_FIELD_MAX; i++) {
        if (clu_slice_eq(name, clu_slice_str(fields[i].name))) {
            return (clu_field)i;
        }
    }
    return (clu_field)0;
}

static inline clu_value *touch(clu_packet *p, unsigned field)
{
    if (!(p->has & BIT(field))) {
        p->has |= BIT(field);
        p->order[p->count++] = (uint8_t)field;
    }
    return &p->at[field];
}

void clu_packet_number(clu_packet *p, clu_field f, uint64_t value)
{
    touch(p, f)->number = value;
}

void clu_packet_text(clu_packet *p, clu_field f, clu_slice value)
{
    touch(p, f)->text = value;
}

void clu_packet_list(clu_packet *p, clu_field f, clu_items value)
{
    touch(p, f)->list = value;
}

void clu_packet_remove(clu_packet *p, clu_field f)
{
    if (!clu_packet_has(p, f)) {
        return;
    }
    p->has &= ~BIT(f);
    uint8_t *at = memchr(p->order, (int)f, p->count);
    memmove(at, at + 1, (size_t)(p->order + p->count - at - 1));
    p->count--;
}

void clu_packet_first(clu_packet *p, clu_field f)
{
    if (clu_packet_has(p, f)) {
        uint8_t *at = memchr(p->order, (int)f, p->count);
        memmove(p->order + 1, p->order, (size_t)(at - p->order));
        p->order[0] = (uint8_t)f;
    }
}

/* ---- Lists --------------------------------------------------------------- */

/* Nearly every number on the wire is one byte long. */
static inline clu_err get_varint(clu_cursor *c, uint64_t *value)
{
    if (c->p < c->end && *c->p < 0x80) {
        *value = *c->p++;
        return CLU_OK;
    }
    return clu_cursor_varint(c, value);
}

static inline clu_err get_string(clu_cursor *c, clu_slice *value)
{
    uint64_t n;
    clu_err err = get_varint(c, &n);
    if (err != CLU_OK) {
        return err;
    }
    if (n > clu_cursor_left(c)) {
        return CLU_TRUNCATED;
    }
    *value = (clu_slice){ c->p, (size_t)n };
    c->p += n;
    return CLU_OK;
}

bool clu_items_have(clu_items list, clu_slice item)
{
    clu_cursor c = clu_cursor_of(list.wire);
    clu_slice each;
    while (c.p < c.end && get_string(&c, &each) == CLU_OK) {
        if (clu_slice_eq(each, item)) {
            return true;
        }
    }
    return false;
}

clu_err clu_items_next(clu_slice *wire, clu_slice *item)
{
    if (wire->n == 0) {
        return CLU_GONE;
    }
    clu_cursor c = clu_cursor_of(*wire);
    clu_err err = get_string(&c, item);
    if (err == CLU_OK) {
        *wire = (clu_slice){ c.p, clu_cursor_left(&c) };
    }
    return err;
}

clu_err clu_items_add(clu_buf *out, clu_items *list, clu_slice item)
{
    clu_err err = clu_buf_string(out, item);
    if (err == CLU_OK) {
        list->count++;
        list->wire = clu_buf_slice(out);
    }
    return err;
}

/* ---- Bytes to packet ----------------------------------------------------- */

static clu_err get_list(clu_cursor *c, uint64_t max, uint64_t max_item,
                        clu_items *list)
{
    clu_err err = get_varint(c, &list->count);
    if (err != CLU_OK) {
        return err;
    }
    /* An item is one byte at least: more cannot follow. */
    if (list->count > clu_cursor_left(c)) {
        return CLU_TRUNCATED;
    }
    if (list->count > max) {
        return CLU_LIMIT;
    }
    list->wire.p = c->p;
    for (uint64_t i = 0; i < list->count; i++) {
        clu_slice item;
        if ((err = get_string(c, &item)) != CLU_OK) {
            return err;
        }
        if (item.n > max_item) {
            return CLU_LIMIT;
        }
    }
    list->wire.n = (size_t)(c->p - list->wire.p);
    return CLU_OK;
}

static clu_err get_tags(clu_cursor *c, const clu_limits *limits,
                        clu_items *list)
{
    uint64_t max = (uint64_t)limits->at[CLU_LIMIT_TAGS];
    uint64_t items = (uint64_t)limits->at[CLU_LIMIT_LIST_ITEMS];
    return get_list(c, max < items ? max : items,
                    (uint64_t)limits->at[CLU_LIMIT_TAG], list);
}

static clu_err get_id(clu_cursor *c, const clu_limits *limits, clu_slice *id)
{
    clu_err err = get_string(c, id);
    return err == CLU_OK && id->n > (uint64_t)limits->at[CLU_LIMIT_ID]
        ? CLU_LIMIT : err;
}

static clu_err get_flag(clu_cursor *c, uint64_t *value)
{
    if (c->p == c->end) {
        return CLU_TRUNCATED;
    }
    *value = *c->p++;
    return CLU_OK;
}

static inline clu_err get_value(clu_cursor *c, unsigned field,
                                const clu_limits *limits, clu_value *value)
{
    switch (field) {
    case CLU_FIELD_sid:
    case CLU_FIELD_hid:
        return get_id(c, limits, &value->text);
    case CLU_FIELD_tags:
        return get_tags(c, limits, &value->list);
    default:
        break;
    }
    switch (fields[field].kind) {
    case CLU_KIND_NUMBER:
        return get_varint(c, &value->number);
    case CLU_KIND_FLAG:
        return get_flag(c, &value->number);
    case CLU_KIND_LIST:
        return get_list(c, (uint64_t)limits->at[CLU_LIMIT_LIST_ITEMS],
                        UINT64_MAX, &value->list);
    case CLU_KIND_TEXT:
    case CLU_KIND_BYTES:
    default:
        return get_string(c, &value->text);
    }
}

clu_err clu_packet_decode(clu_slice body, const clu_limits *limits,
                          clu_packet_gate *gate, void *ctx, clu_packet *out)
{
    out->has = 0;
    out->count = 0;
    clu_cursor c = clu_cursor_of(body);
    while (c.p < c.end) {
        uint64_t field;
        clu_err err = get_varint(&c, &field);
        if (err != CLU_OK) {
            return err;
        }
        if (field - 1 >= CLU_FIELD_MAX) {
            return CLU_FIELD;
        }
        clu_value value;
        err = get_value(&c, (unsigned)field, limits, &value);
        if (err != CLU_OK) {
            return err;
        }
        *touch(out, (unsigned)field) = value;
        if (gate && (GATED & BIT(field))) {
            err = gate(ctx, (clu_field)field, &value);
            if (err != CLU_OK) {
                return err;
            }
        }
    }
    return CLU_OK;
}

clu_err clu_packet_check(const clu_packet *p)
{
    const uint32_t needed = BIT(CLU_FIELD_sid) | BIT(CLU_FIELD_hid)
        | BIT(CLU_FIELD_type) | BIT(CLU_FIELD_channel)
        | BIT(CLU_FIELD_protocols);
    if ((p->has & needed) != needed) {
        return CLU_MISSING;
    }
    return clu_items_have(p->at[CLU_FIELD_protocols].list, clu_slice_str("c"))
        ? CLU_OK : CLU_MISSING;
}

/* ---- Packet to bytes ----------------------------------------------------- */

static inline size_t varint_size(uint64_t value)
{
    return value < 0x80 ? 1 : clu_varint_size(value);
}

static inline unsigned char *put_varint(unsigned char *p, uint64_t value)
{
    if (value < 0x80) {
        *p = (unsigned char)value;
        return p + 1;
    }
    return p + clu_varint_write(p, value);
}

static inline unsigned char *put_bytes(unsigned char *p, clu_slice s)
{
    if (s.n) {
        memcpy(p, s.p, s.n);
    }
    return p + s.n;
}

/* Bytes of a value on the wire. */
static inline size_t value_size(unsigned field, const clu_value *value)
{
    switch (fields[field].kind) {
    case CLU_KIND_NUMBER:
        return varint_size(value->number);
    case CLU_KIND_FLAG:
        return 1;
    case CLU_KIND_LIST:
        return varint_size(value->list.count) + value->list.wire.n;
    case CLU_KIND_TEXT:
    case CLU_KIND_BYTES:
    default:
        return varint_size(value->text.n) + value->text.n;
    }
}

static inline unsigned char *put_value(unsigned char *p, unsigned field,
                                       const clu_value *value)
{
    switch (fields[field].kind) {
    case CLU_KIND_NUMBER:
        return put_varint(p, value->number);
    case CLU_KIND_FLAG:
        *p = (unsigned char)value->number;
        return p + 1;
    case CLU_KIND_LIST:
        return put_bytes(put_varint(p, value->list.count), value->list.wire);
    case CLU_KIND_TEXT:
    case CLU_KIND_BYTES:
    default:
        return put_bytes(put_varint(p, value->text.n), value->text);
    }
}

clu_err clu_packet_encode(const clu_packet *p, clu_buf *out)
{
    size_t size = 0;
    for (unsigned i = 0; i < p->count; i++) {
        size += 1 + value_size(p->order[i], &p->at[p->order[i]]);
    }
    bool has_op = clu_packet_has(p, CLU_FIELD_op);
    bool shift = clu_varint_is_misread(size);
    size += !shift ? 0 : has_op ? 1 : 2;
    clu_err err = clu_buf_reserve(out, size + 4 + varint_size(size));
    if (err != CLU_OK) {
        return err;
    }
    unsigned char *at = out->p + out->n;
    *at++ = 0xc0;
    *at++ = 0x8d;
    at = put_varint(at, size);
    for (unsigned i = 0; i < p->count; i++) {
        unsigned field = p->order[i];
        if (shift && field == CLU_FIELD_op) {
            *at++ = CLU_FIELD_op | 0x80;    /* the same id in two bytes */
            *at++ = 0;
        } else {
            *at++ = (unsigned char)field;
        }
        at = put_value(at, field, &p->at[field]);
    }
    if (shift && !has_op) {
        *at++ = CLU_FIELD_op;
        *at++ = 0;
    }
    *at++ = 0;
    *at++ = 0;
    out->n = (size_t)(at - out->p);
    return CLU_OK;
}

/* ---- Copies -------------------------------------------------------------- */

/* The bytes a field points to; NULL when it points to none. */
static clu_slice *bytes_of(clu_packet *p, unsigned field)
{
    switch (fields[field].kind) {
    case CLU_KIND_TEXT:
    case CLU_KIND_BYTES:
        return &p->at[field].text;
    case CLU_KIND_LIST:
        return &p->at[field].list.wire;
    case CLU_KIND_NUMBER:
    case CLU_KIND_FLAG:
    default:
        return NULL;
    }
}

size_t clu_packet_weight(const clu_packet *p)
{
    size_t weight = sizeof *p;
    for (unsigned i = 0; i < p->count; i++) {
        const clu_value *value = &p->at[p->order[i]];
        switch (fields[p->order[i]].kind) {
        case CLU_KIND_TEXT:
        case CLU_KIND_BYTES:
            weight += value->text.n;
            break;
        case CLU_KIND_LIST:
            weight += value->list.wire.n;
            break;
        case CLU_KIND_NUMBER:
        case CLU_KIND_FLAG:
        default:
            break;
        }
    }
    return weight;
}

clu_packet *clu_packet_copy(const clu_packet *p)
{
    void *block = clu_alloc(clu_packet_weight(p));
    return block ? clu_packet_copy_into(p, block) : NULL;
}

clu_packet *clu_packet_copy_into(const clu_packet *p, void *block)
{
    clu_packet *copy = block;
    *copy = *p;
    unsigned char *at = (unsigned char *)(copy + 1);
    for (unsigned i = 0; i < p->count; i++) {
        clu_slice *bytes = bytes_of(copy, p->order[i]);
        if (bytes) {
            clu_slice moved = { at, bytes->n };
            at = put_bytes(at, *bytes);
            *bytes = moved;
        }
    }
    return copy;
}
