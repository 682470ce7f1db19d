/*
 * text.c -- Tcl's strings and bytes from and to the wire's.
 *
 * Layer: binding.
 */
#include "text.h"
#include "utf8.h"

#include <stdatomic.h>

/* Does this Tcl keep characters above U+FFFF as two surrogates? */
#define HALVES (TCL_UTF_MAX <= 3)

/* Of two surrogates that belong together the first is, the second is not. */
static bool is_high(uint32_t surrogate)
{
    return surrogate <= 0xdbff;
}

/* A surrogate in three bytes, which strict UTF-8 has not. */
static bool next_surrogate(clu_slice *s, uint32_t *point)
{
    if (s->n < 3 || s->p[0] != 0xed || (s->p[1] & 0xe0) != 0xa0
        || (s->p[2] & 0xc0) != 0x80) {
        return false;
    }
    *point = 0xd000u | (s->p[1] & 0x3fu) << 6 | (s->p[2] & 0x3fu);
    *s = (clu_slice){ s->p + 3, s->n - 3 };
    return true;
}

/* The next character; two surrogates that belong together are one. */
static bool next_point(clu_slice *s, uint32_t *point)
{
    if (clu_utf8_next(s, point)) {
        return true;
    }
    if (!next_surrogate(s, point)) {
        return false;
    }
    clu_slice rest = *s;
    uint32_t low;
    if (is_high(*point) && next_surrogate(&rest, &low) && !is_high(low)) {
        *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
        *s = rest;
    }
    return true;
}

/* ---- From the wire ------------------------------------------------------- */

/* How Tcl writes a character inside; returns the bytes written. */
static size_t write_inside(unsigned char out[8], uint32_t point)
{
    if (point == 0) {
        out[0] = 0xc0;
        out[1] = 0x80;
        return 2;
    }
    if (HALVES && point > 0xffff) {
        point -= 0x10000;
        clu_utf8_write(out, 0xd800 + (point >> 10));
        clu_utf8_write(out + 3, 0xdc00 + (point & 0x3ff));
        return 6;
    }
    return clu_utf8_write(out, point);
}

/* The next character of text, or the next byte as one. */
static uint32_t next_of(clu_slice *s, bool is_text)
{
    uint32_t point;
    if (is_text && next_point(s, &point)) {
        return point;
    }
    point = s->p[0];
    *s = (clu_slice){ s->p + 1, s->n - 1 };
    return point;
}

static bool is_text(clu_slice s)
{
    uint32_t point;
    while (s.n) {
        if (!next_point(&s, &point)) {
            return false;
        }
    }
    return true;
}

static size_t inside_size(clu_slice wire, bool text)
{
    unsigned char out[8];
    size_t size = 0;
    while (wire.n) {
        size += write_inside(out, next_of(&wire, text));
    }
    return size;
}

Tcl_Obj *clu_text_new(clu_slice wire)
{
    if (clu_utf8_ascii(wire)) {
        return Tcl_NewStringObj((const char *)wire.p, (Tcl_Size)wire.n);
    }
    bool text = is_text(wire);
    size_t size = inside_size(wire, text);
    Tcl_Obj *obj = Tcl_NewObj();
    Tcl_SetObjLength(obj, (Tcl_Size)size);
    unsigned char *at = (unsigned char *)Tcl_GetString(obj);
    while (wire.n) {
        unsigned char out[8];
        size_t n = write_inside(out, next_of(&wire, text));
        memcpy(at, out, n);
        at += n;
    }
    return obj;
}

/* ---- To the wire --------------------------------------------------------- */

static clu_slice inside_of(Tcl_Obj *obj)
{
    Tcl_Size n;
    const char *p = Tcl_GetStringFromObj(obj, &n);
    return clu_slice_of(p, (size_t)n);
}

static clu_err append_text(clu_slice inside, clu_buf *out)
{
    size_t before = out->n;
    while (inside.n) {
        uint32_t point;
        if (inside.n > 1 && inside.p[0] == 0xc0 && inside.p[1] == 0x80) {
            point = 0;
            inside = (clu_slice){ inside.p + 2, inside.n - 2 };
        } else {
            point = next_of(&inside, true);
        }
        unsigned char bytes[4];
        size_t n = clu_utf8_write(bytes, point);
        clu_err err = clu_buf_bytes(out, (clu_slice){ bytes, n });
        if (err != CLU_OK) {
            out->n = before;
            return err;
        }
    }
    return CLU_OK;
}

clu_err clu_text_get(Tcl_Obj *obj, clu_buf *out)
{
    clu_slice inside = inside_of(obj);
    return clu_utf8_valid(inside)
        ? clu_buf_bytes(out, inside) : append_text(inside, out);
}

clu_err clu_text_borrow(Tcl_Obj *obj, clu_buf *out, clu_slice *wire)
{
    clu_slice inside = inside_of(obj);
    if (clu_utf8_valid(inside)) {
        *wire = inside;
        return CLU_OK;
    }
    clu_buf_clear(out);
    clu_err err = append_text(inside, out);
    if (err == CLU_OK) {
        *wire = clu_buf_slice(out);
    }
    return err;
}

/* ---- Bytes --------------------------------------------------------------- */

Tcl_Obj *clu_bytes_new(clu_slice bytes)
{
    return Tcl_NewByteArrayObj(bytes.p, (Tcl_Size)bytes.n);
}

#if TCL_MAJOR_VERSION < 9
/* Tcl 8.6 would cut such a character to its low byte and say nothing. */
static bool has_wide(Tcl_Obj *obj)
{
    static _Atomic(const Tcl_ObjType *) bytearray;  /* threads share it */
    if (!bytearray) {
        bytearray = Tcl_GetObjType("bytearray");
    }
    if (obj->bytes == NULL && obj->typePtr == bytearray) {
        return false;
    }
    clu_slice inside = inside_of(obj);
    for (size_t i = 0; i < inside.n; i++) {
        if (inside.p[i] >= 0xc4) {
            return true;
        }
    }
    return false;
}

clu_err clu_bytes_borrow(Tcl_Obj *obj, clu_slice *bytes)
{
    if (has_wide(obj)) {
        return CLU_VALUE;
    }
    int n;
    const unsigned char *p = Tcl_GetByteArrayFromObj(obj, &n);
    *bytes = clu_slice_of(p, (size_t)n);
    return CLU_OK;
}
#else
clu_err clu_bytes_borrow(Tcl_Obj *obj, clu_slice *bytes)
{
    Tcl_Size n;
    const unsigned char *p = Tcl_GetBytesFromObj(NULL, obj, &n);
    if (!p) {
        return CLU_VALUE;
    }
    *bytes = clu_slice_of(p, (size_t)n);
    return CLU_OK;
}
#endif
