/*
 * values.c -- Tcl values of packets, lists and errors, both ways.
 *
 * Layer: binding.  A value is made only when somebody asked for it.
 */
#include "node.h"

#include <stdarg.h>

/* ---- values that are held ------------------------------------------------ */

void clu_value_set(Tcl_Obj **slot, Tcl_Obj *value)
{
    if (value != NULL) {
        Tcl_IncrRefCount(value);
    }
    if (*slot != NULL) {
        Tcl_DecrRefCount(*slot);
    }
    *slot = value;
}

void clu_value_put(Tcl_Obj **dict, Tcl_Obj *key, Tcl_Obj *value)
{
    if (*dict == NULL) {
        clu_value_set(dict, Tcl_NewDictObj());
    } else if (Tcl_IsShared(*dict)) {
        clu_value_set(dict, Tcl_DuplicateObj(*dict));
    }
    Tcl_DictObjPut(NULL, *dict, key, value);
}

Tcl_Obj *clu_value_or_nothing(Tcl_Obj *value)
{
    return value ? value : Tcl_NewObj();
}

/* ---- out of packets ------------------------------------------------------ */

Tcl_Obj *clu_items_new(clu_items list)
{
    Tcl_Obj *obj = Tcl_NewListObj(0, NULL);
    clu_slice wire = list.wire, item;
    while (clu_items_next(&wire, &item) == CLU_OK) {
        Tcl_ListObjAppendElement(NULL, obj, clu_text_new(item));
    }
    return obj;
}

static Tcl_Obj *value_new(clu_field field, const clu_value *value)
{
    switch (clu_field_kind(field)) {
    case CLU_KIND_NUMBER:
        return Tcl_NewWideIntObj((Tcl_WideInt)value->number);
    case CLU_KIND_FLAG:
        return Tcl_NewWideIntObj((signed char)value->number);
    case CLU_KIND_TEXT:
        return clu_text_new(value->text);
    case CLU_KIND_BYTES:
        return clu_bytes_new(value->text);
    case CLU_KIND_LIST:
        break;
    }
    return clu_items_new(value->list);
}

/* state: NULL when the interpreter may be gone. */
static Tcl_Obj *payload(clu_state *state, const clu_packet *p, uint32_t fields)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    for (unsigned i = 0; i < p->count; i++) {
        clu_field field = (clu_field)p->order[i];
        if ((fields >> field) & 1u) {
            Tcl_DictObjPut(NULL, dict, state ? state->fields[field]
                           : Tcl_NewStringObj(clu_field_name(field), -1),
                           value_new(field, &p->at[field]));
        }
    }
    return dict;
}

Tcl_Obj *clu_payload_new(clu_state *state, const clu_packet *p)
{
    return payload(state, p, UINT32_MAX);
}

Tcl_Obj *clu_payload_some(clu_state *state, const clu_packet *p,
                          uint32_t fields)
{
    return payload(state, p, fields);
}

/* ---- on loan ------------------------------------------------------------- */

static void write_text(Tcl_Obj *obj, const clu_packet *p)
{
    Tcl_Obj *dict = payload(NULL, p, UINT32_MAX);
    Tcl_IncrRefCount(dict);
    Tcl_Size n;
    const char *text = Tcl_GetStringFromObj(dict, &n);
    obj->bytes = Tcl_Alloc((unsigned)n + 1);
    memcpy(obj->bytes, text, (size_t)n + 1);
    obj->length = n;
    Tcl_DecrRefCount(dict);
}

static const clu_packet *lent(Tcl_Obj *obj)
{
    return obj->internalRep.twoPtrValue.ptr1;
}

static void update_text(Tcl_Obj *obj)
{
    write_text(obj, lent(obj));
}

/* A copy may outlive the loan. */
static void copy_text(Tcl_Obj *from, Tcl_Obj *to)
{
    if (to->bytes == NULL) {
        write_text(to, lent(from));
    }
}

static const Tcl_ObjType loan = {
    .name = "clusterPayload",
    .dupIntRepProc = copy_text,
    .updateStringProc = update_text,
};

Tcl_Obj *clu_payload_lend(const clu_packet *p)
{
    Tcl_Obj *obj = Tcl_NewObj();
    Tcl_InvalidateStringRep(obj);
    obj->internalRep.twoPtrValue.ptr1 = (void *)(uintptr_t)p;
    obj->typePtr = &loan;
    Tcl_IncrRefCount(obj);
    return obj;
}

void clu_payload_take_back(Tcl_Obj *payload)
{
    if (payload->typePtr == &loan && Tcl_IsShared(payload)) {
        Tcl_GetString(payload);
        payload->typePtr = NULL;
    }
    Tcl_DecrRefCount(payload);
}

/* ---- into packets -------------------------------------------------------- */

int clu_items_get(Tcl_Interp *interp, Tcl_Obj *list, clu_buf *out,
                  clu_items *items)
{
    Tcl_Size count;
    Tcl_Obj **words;
    if (Tcl_ListObjGetElements(interp, list, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    size_t start = out->n;
    clu_buf scratch;
    clu_buf_init(&scratch, out->limit);
    clu_err err = CLU_OK;
    for (Tcl_Size i = 0; err == CLU_OK && i < count; i++) {
        clu_slice word;
        err = clu_text_borrow(words[i], &scratch, &word);
        if (err == CLU_OK) {
            err = clu_buf_string(out, word);
        }
    }
    clu_buf_fini(&scratch);
    if (err != CLU_OK) {
        return clu_tcl_error(interp, err, "the list is too long");
    }
    items->count = (uint64_t)count;
    items->wire = clu_slice_of(clu_behind(out->p, start), out->n - start);
    return TCL_OK;
}

/* Where a field's bytes stand while their buffer still grows. */
typedef struct clu_place {
    size_t from, n;
} clu_place;

int clu_number_get(Tcl_Interp *interp, clu_field field, Tcl_Obj *obj,
                   uint64_t *number)
{
    Tcl_WideInt wide;
    int flag;
    if (clu_field_kind(field) == CLU_KIND_FLAG
        && Tcl_GetBooleanFromObj(NULL, obj, &flag) == TCL_OK) {
        *number = (uint64_t)flag;
        return TCL_OK;
    }
    if (Tcl_GetWideIntFromObj(NULL, obj, &wide) != TCL_OK || wide < 0) {
        return clu_tcl_error(interp, CLU_VALUE, "%s must be a number of 0 or "
                             "more, not \"%s\"", clu_field_name(field),
                             Tcl_GetString(obj));
    }
    *number = (uint64_t)wide;
    return TCL_OK;
}

static int bytes_get(Tcl_Interp *interp, clu_field field, Tcl_Obj *obj,
                     clu_buf *bytes)
{
    clu_err err;
    if (clu_field_kind(field) == CLU_KIND_TEXT) {
        err = clu_text_get(obj, bytes);
    } else {
        clu_slice raw;
        err = clu_bytes_borrow(obj, &raw);
        if (err == CLU_OK) {
            err = clu_buf_bytes(bytes, raw);
        }
    }
    return err == CLU_OK ? TCL_OK
        : clu_tcl_error(interp, err, "%s: %s", clu_field_name(field),
                        clu_err_text(err));
}

static int field_get(Tcl_Interp *interp, clu_field field, Tcl_Obj *obj,
                     clu_buf *bytes, clu_packet *p, clu_place *place)
{
    place->from = bytes->n;
    int code = TCL_OK;
    switch (clu_field_kind(field)) {
    case CLU_KIND_NUMBER:
    case CLU_KIND_FLAG: {
        uint64_t number = 0;
        code = clu_number_get(interp, field, obj, &number);
        clu_packet_number(p, field, number);
        break;
    }
    case CLU_KIND_TEXT:
    case CLU_KIND_BYTES:
        code = bytes_get(interp, field, obj, bytes);
        clu_packet_text(p, field, clu_slice_str(""));
        break;
    case CLU_KIND_LIST: {
        clu_items items = { 0 };
        code = clu_items_get(interp, obj, bytes, &items);
        clu_packet_list(p, field, items);
        break;
    }
    }
    place->n = bytes->n - place->from;
    return code;
}

/* Now that the bytes have come to rest, point to them. */
static void settle(clu_packet *p, const clu_place *places,
                   const clu_buf *bytes)
{
    for (unsigned i = 0; i < p->count; i++) {
        clu_field field = (clu_field)p->order[i];
        clu_slice here = clu_slice_of(clu_behind(bytes->p, places[field].from),
                                      places[field].n);
        switch (clu_field_kind(field)) {
        case CLU_KIND_TEXT:
        case CLU_KIND_BYTES:
            p->at[field].text = here;
            break;
        case CLU_KIND_LIST:
            p->at[field].list.wire = here;
            break;
        case CLU_KIND_NUMBER:
        case CLU_KIND_FLAG:
            break;
        }
    }
}

static int fields_get(clu_state *state, Tcl_Obj *dict, clu_buf *bytes,
                      clu_packet *p)
{
    clu_place places[CLU_FIELD_MAX + 1];
    Tcl_DictSearch search;
    Tcl_Obj *key, *value;
    int done;
    if (Tcl_DictObjFirst(state->interp, dict, &search, &key, &value, &done)
        != TCL_OK) {
        return TCL_ERROR;
    }
    int code = TCL_OK;
    for (; code == TCL_OK && !done;
         Tcl_DictObjNext(&search, &key, &value, &done)) {
        clu_field field = clu_field_find(clu_slice_str(Tcl_GetString(key)));
        if (field == 0) {
            code = clu_tcl_error(state->interp, CLU_FIELD, "a payload has no "
                                 "field \"%s\"", Tcl_GetString(key));
        } else {
            code = field_get(state->interp, field, value, bytes, p,
                             &places[field]);
        }
    }
    Tcl_DictObjDone(&search);
    settle(p, places, bytes);
    return code;
}

int clu_payload_get(clu_state *state, Tcl_Obj *dict, clu_packet **packet)
{
    clu_packet p = { 0 };
    clu_buf bytes;
    clu_buf_init(&bytes, 1 << 26);
    Tcl_IncrRefCount(dict);
    int code = fields_get(state, dict, &bytes, &p);
    Tcl_DecrRefCount(dict);
    clu_packet *copy = NULL;
    if (code == TCL_OK) {
        copy = clu_packet_copy(&p);
        if (copy == NULL) {
            code = clu_tcl_error(state->interp, CLU_NOMEM, "%s",
                                 clu_err_text(CLU_NOMEM));
        }
    }
    clu_buf_fini(&bytes);
    if (code == TCL_OK) {
        *packet = copy;
    }
    return code;
}

/* ---- errors -------------------------------------------------------------- */

static void set_message(Tcl_Interp *interp, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, -1));
}

int clu_tcl_error(Tcl_Interp *interp, clu_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(interp, format, args);
    va_end(args);
    Tcl_SetErrorCode(interp, "CLUSTER", clu_err_name(err), (char *)NULL);
    return TCL_ERROR;
}

int clu_tcl_fail(Tcl_Interp *interp, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(interp, format, args);
    va_end(args);
    Tcl_SetErrorCode(interp, code, (char *)NULL);
    return TCL_ERROR;
}
