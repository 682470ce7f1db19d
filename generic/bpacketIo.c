/*
 * bpacketIo.c -- what `bpacket create io` makes: packets by a template.
 *
 * Layer: binding.  API 7.
 *
 * A validator or an own type may do anything, also destroy the command that
 * asks it.  So the form is held, and bytes are copied, while scripts may run.
 */
#include "bpacket.h"

#include <stdio.h>

#define BODY_ROOM 240           /* most packets fit, so that none is moved */

typedef struct io {
    int refs;                   /* the command, and each call of it */
    Tcl_Interp *interp;
    Tcl_Command token;          /* NULL once the command is gone */
    Tcl_Obj *text;              /* of the template */
    clu_bpacket_form *form;
} io;

/* ---- Encode -------------------------------------------------------------- */

/* Mostly Tcl's own bytes of the name are the wire's, so they are tried first;
   a template has none that are not.  *field: NULL when there is none. */
static clu_err field_by_name(const clu_bpacket_form *form, Tcl_Obj *name,
                             const clu_bpacket_field **field)
{
    Tcl_Size n;
    const char *inside = Tcl_GetStringFromObj(name, &n);
    const clu_template_field *found =
        clu_template_by_name(form->plan, clu_slice_of(inside, (size_t)n));
    clu_err err = CLU_OK;
    if (!found) {
        clu_buf scratch;
        clu_buf_init(&scratch, INT_MAX);
        clu_slice wire;
        err = clu_text_borrow(name, &scratch, &wire);
        if (err == CLU_OK) {
            found = clu_template_by_name(form->plan, wire);
        }
        clu_buf_fini(&scratch);
    }
    *field = found ? &form->fields[found - form->plan->fields] : NULL;
    return err;
}

static int encode_field(Tcl_Interp *interp, const clu_bpacket_form *form,
                        Tcl_Obj *name, Tcl_Obj *value, clu_buf *body)
{
    const clu_bpacket_field *field;
    clu_err err = field_by_name(form, name, &field);
    if (err != CLU_OK) {
        return clu_bpacket_unwritten(interp, err);
    }
    if (!field) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("Encoding Failed: %s is not a known field",
                                  Tcl_GetString(name)),
            "ENCODE", "UNKNOWN_FIELD", Tcl_GetString(name));
    }
    clu_buf_varint(body, field->field->id);
    return clu_bpacket_write(interp, field, value, body);
}

static Tcl_Obj *value_of(Tcl_Obj *dict, Tcl_Obj *name)
{
    Tcl_Obj *value = NULL;
    Tcl_DictObjGet(NULL, dict, name, &value);
    return value;
}

/* Every field with a star is there. */
static int check_required(Tcl_Interp *interp, const clu_bpacket_form *form,
                          Tcl_Obj *dict, const char *doing)
{
    for (size_t i = 0; form->has_required && i < form->plan->count; i++) {
        const clu_bpacket_field *f = &form->fields[i];
        if (f->field->required && !value_of(dict, f->name)) {
            return CLU_BPACKET_FAIL(
                interp, Tcl_ObjPrintf("the required field \"%s\" is missing",
                                      Tcl_GetString(f->name)),
                doing, "MISSING_FIELD", Tcl_GetString(f->name));
        }
    }
    return TCL_OK;
}

static int encode_body(Tcl_Interp *interp, const clu_bpacket_form *form,
                       Tcl_Obj *dict, clu_buf *body)
{
    Tcl_DictSearch search;
    Tcl_Obj *name, *value;
    int done;
    if (Tcl_DictObjFirst(interp, dict, &search, &name, &value, &done)
        != TCL_OK) {
        return TCL_ERROR;
    }
    int code = check_required(interp, form, dict, "ENCODE");
    for (; !done && code == TCL_OK;
         Tcl_DictObjNext(&search, &name, &value, &done)) {
        code = encode_field(interp, form, name, value, body);
    }
    Tcl_DictObjDone(&search);
    return code == TCL_OK && body->err != CLU_OK
        ? clu_bpacket_unwritten(interp, body->err) : code;
}

Tcl_Obj *clu_bpacket_wrap(const clu_marks *marks, clu_slice body)
{
    /* A length that originals misread: the first id takes one byte more. */
    size_t id = 0;
    if (clu_varint_is_misread(body.n)) {
        while (body.p[id] & 0x80) {
            id++;
        }
        id++;
    }
    size_t length = body.n + (id > 0);
    size_t total = marks->header.n + clu_varint_size(length) + length
        + marks->footer.n;
    Tcl_Obj *packet = Tcl_NewByteArrayObj(NULL, (Tcl_Size)total);
    unsigned char *p = Tcl_GetByteArrayFromObj(packet, NULL);
    memcpy(p, marks->header.p, marks->header.n);
    p += marks->header.n;
    p += clu_varint_write(p, length);
    if (id) {
        memcpy(p, body.p, id);
        p[id - 1] |= 0x80;
        p[id] = 0;
        p += id + 1;
    }
    if (body.n) {
        memcpy(p, body.p + id, body.n - id);
        p += body.n - id;
    }
    if (marks->footer.n) {
        memcpy(p, marks->footer.p, marks->footer.n);
    }
    return packet;
}

static int encode(io *o, Tcl_Size objc, Tcl_Obj *const objv[])
{
    Tcl_Interp *interp = o->interp;
    if (objc < 1 || objc > 2
        || (objc == 2 && strcmp(Tcl_GetString(objv[1]), "-raw") != 0)) {
        Tcl_WrongNumArgs(interp, 0, objv, "encode dict ?-raw?");
        return TCL_ERROR;
    }
    clu_bpacket_form *form = clu_bpacket_form_hold(o->form);
    Tcl_Obj *dict = objv[0];
    clu_buf body;
    clu_buf_init(&body, INT_MAX / 2);
    clu_buf_reserve(&body, BODY_ROOM);
    Tcl_IncrRefCount(dict);
    int code = encode_body(interp, form, dict, &body);
    Tcl_DecrRefCount(dict);
    clu_bpacket_form_release(form);
    if (code == TCL_OK && objc == 2) {
        Tcl_SetObjResult(interp, clu_bytes_new(clu_buf_slice(&body)));
    } else if (code == TCL_OK) {
        clu_bpacket_marks m;
        clu_bpacket_marks_get(interp, &m);
        Tcl_SetObjResult(interp, clu_bpacket_wrap(&m.marks,
                                                  clu_buf_slice(&body)));
        clu_bpacket_marks_release(&m);
    }
    clu_buf_fini(&body);
    return code;
}

/* ---- Decode -------------------------------------------------------------- */

static int malformed(Tcl_Interp *interp, const char *what, const char *text)
{
    return CLU_BPACKET_FAIL(interp, Tcl_NewStringObj(text, -1), "DECODE",
                            "MALFORMED_PACKET", what);
}

/* A length that is just that of what follows it. */
static bool take_length(clu_slice *s)
{
    clu_cursor c = clu_cursor_of(*s);
    uint64_t n;
    if (clu_cursor_varint(&c, &n) != CLU_OK || n != clu_cursor_left(&c)) {
        return false;
    }
    *s = (clu_slice){ c.p, (size_t)n };
    return true;
}

static bool begins_with(clu_slice s, clu_slice mark)
{
    return mark.n > 0 && s.n >= mark.n && memcmp(s.p, mark.p, mark.n) == 0;
}

/* The body of a packet; headers may be doubled (WIRE-ORIGINAL 16). */
static int unwrap(Tcl_Interp *interp, const clu_marks *marks, clu_slice packet,
                  clu_slice *body)
{
    clu_slice header = marks->header, footer = marks->footer, s = packet;
    if (header.n && !begins_with(s, header)) {
        return malformed(interp, "INVALID_HEADER", "attempted to decode a "
                         "bpacket which does not have a valid header");
    }
    if (s.n < header.n + footer.n
        || (footer.n && memcmp(s.p + s.n - footer.n, footer.p, footer.n))) {
        return malformed(interp, "INVALID_FOOTER", "attempted to decode a "
                         "bpacket which does not have a valid footer");
    }
    s = (clu_slice){ s.p + header.n, s.n - header.n - footer.n };
    bool found = take_length(&s);
    while (!found && begins_with(s, header)) {
        s = (clu_slice){ s.p + header.n, s.n - header.n };
        found = take_length(&s);
    }
    *body = s;
    return found ? TCL_OK
        : malformed(interp, "INVALID_LENGTH", "attempted to decode a bpacket "
                    "whose length is not that of its content");
}

typedef enum { KEEP, LEAVE_OUT, STOP, STOP_EMPTY, FAIL } verdict;

static bool is_false(Tcl_Obj *obj)
{
    int flag;
    return Tcl_GetCharLength(obj) > 0
        && Tcl_GetBooleanFromObj(NULL, obj, &flag) == TCL_OK && !flag;
}

/* Asks the validator, in the words of its five outcomes. */
static verdict validate(Tcl_Interp *interp, Tcl_Obj *prefix,
                        const clu_bpacket_field *field, Tcl_Obj *value)
{
    Tcl_Obj *about = Tcl_DuplicateObj(field->about);
    Tcl_DictObjPut(NULL, about, Tcl_NewStringObj("value", -1), value);
    Tcl_Obj *command = Tcl_DuplicateObj(prefix);
    Tcl_IncrRefCount(command);
    int code = Tcl_ListObjAppendElement(interp, command, about);
    if (code == TCL_OK) {
        code = Tcl_EvalObjEx(interp, command, TCL_EVAL_DIRECT);
    } else {
        Tcl_DecrRefCount(about);
    }
    Tcl_DecrRefCount(command);
    switch (code) {
    case TCL_ERROR:
        return FAIL;
    case TCL_BREAK:
        return STOP;
    case TCL_CONTINUE:
        return LEAVE_OUT;
    default:
        return is_false(Tcl_GetObjResult(interp)) ? STOP_EMPTY : KEEP;
    }
}

/* The next field; *field and a *value with reference count 1. */
static int read_field(Tcl_Interp *interp, const clu_bpacket_form *form,
                      clu_cursor *c, const clu_bpacket_field **field,
                      Tcl_Obj **value)
{
    uint64_t id;
    clu_err err = clu_cursor_varint(c, &id);
    if (err != CLU_OK) {
        return clu_bpacket_malformed(interp, err, NULL);
    }
    const clu_template_field *found = clu_template_by_id(form->plan, id);
    if (!found) {
        char digits[24];
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)id);
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("bpacket tried to decode a packet but "
                                  "encountered an unknown field with an id "
                                  "of %s", digits),
            "DECODE", "UNKNOWN_FIELD", digits);
    }
    *field = &form->fields[found - form->plan->fields];
    if (clu_bpacket_read(interp, *field, c, value) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_IncrRefCount(*value);
    return TCL_OK;
}

static int decode_body(Tcl_Interp *interp, const clu_bpacket_form *form,
                       clu_slice body, Tcl_Obj *prefix, Tcl_Obj *result)
{
    clu_cursor c = clu_cursor_of(body);
    while (c.p < c.end) {
        const clu_bpacket_field *field = NULL;
        Tcl_Obj *value;
        if (read_field(interp, form, &c, &field, &value) != TCL_OK) {
            return TCL_ERROR;
        }
        verdict v = prefix ? validate(interp, prefix, field, value) : KEEP;
        if (v == KEEP) {
            Tcl_DictObjPut(NULL, result, field->name, value);
        }
        Tcl_DecrRefCount(value);
        if (v == FAIL) {
            return TCL_ERROR;
        }
        if (v == STOP || v == STOP_EMPTY) {
            return v == STOP ? TCL_BREAK : TCL_RETURN;
        }
    }
    return check_required(interp, form, result, "DECODE");
}

/* Body to result; whatever runs meanwhile cannot take the bytes away. */
static int decode_result(Tcl_Interp *interp, clu_bpacket_form *form,
                         clu_slice body, Tcl_Obj *prefix)
{
    bool scripts = prefix || form->runs_scripts;
    void *copy = scripts ? clu_memdup(body.p, body.n) : NULL;
    if (scripts && !copy) {
        return clu_bpacket_malformed(interp, CLU_NOMEM, NULL);
    }
    Tcl_Obj *result = Tcl_NewDictObj();
    Tcl_IncrRefCount(result);
    int code = decode_body(interp, form,
                           scripts ? clu_slice_of(copy, body.n) : body,
                           prefix, result);
    if (code == TCL_RETURN) {
        Tcl_ResetResult(interp);
    } else if (code != TCL_ERROR) {
        Tcl_SetObjResult(interp, result);
    }
    Tcl_DecrRefCount(result);
    clu_free(copy);
    return code == TCL_ERROR ? TCL_ERROR : TCL_OK;
}

static int decode_packet(Tcl_Interp *interp, clu_bpacket_form *form,
                         Tcl_Obj *packet, bool raw, Tcl_Obj *prefix)
{
    clu_bpacket_marks m;
    clu_bpacket_marks_get(interp, &m);
    clu_slice bytes;
    int code = TCL_OK;
    if (clu_bytes_borrow(packet, &bytes) != CLU_OK) {
        code = malformed(interp, "NOT_BYTES",
                         "a packet has no characters above U+00FF");
    } else if (!raw) {
        code = unwrap(interp, &m.marks, bytes, &bytes);
    }
    clu_bpacket_marks_release(&m);
    return code == TCL_OK ? decode_result(interp, form, bytes, prefix) : code;
}

static int decode(io *o, Tcl_Size objc, Tcl_Obj *const objv[])
{
    bool raw = false;
    Tcl_Obj *prefix = NULL;
    Tcl_Size i = 1;
    for (; i < objc; i++) {
        const char *option = Tcl_GetString(objv[i]);
        if (strcmp(option, "-raw") == 0) {
            raw = true;
        } else if (strcmp(option, "-validate") == 0 && i + 1 < objc) {
            prefix = objv[++i];
        } else {
            break;
        }
    }
    if (objc < 1 || i < objc) {
        Tcl_WrongNumArgs(o->interp, 0, objv,
                         "decode bytes ?-raw? ?-validate prefix?");
        return TCL_ERROR;
    }
    Tcl_Interp *interp = o->interp;
    clu_bpacket_form *form = clu_bpacket_form_hold(o->form);
    Tcl_Obj *packet = objv[0];
    Tcl_IncrRefCount(packet);
    int code = decode_packet(interp, form, packet, raw, prefix);
    Tcl_DecrRefCount(packet);
    clu_bpacket_form_release(form);
    return code;
}

/* ---- The command --------------------------------------------------------- */

static void release(io *o)
{
    if (--o->refs == 0) {
        clu_bpacket_form_release(o->form);
        Tcl_DecrRefCount(o->text);
        clu_free(o);
    }
}

static int template(io *o, Tcl_Size objc, Tcl_Obj *const objv[])
{
    Tcl_Interp *interp = o->interp;
    if (objc > 1) {
        Tcl_WrongNumArgs(interp, 0, objv, "template ?text?");
        return TCL_ERROR;
    }
    if (objc == 1) {
        clu_bpacket_form *form;
        if (clu_bpacket_form_create(interp, objv[0], &form) != TCL_OK) {
            return TCL_ERROR;
        }
        clu_bpacket_form_release(o->form);
        o->form = form;
        Tcl_IncrRefCount(objv[0]);
        Tcl_DecrRefCount(o->text);
        o->text = objv[0];
    }
    Tcl_SetObjResult(interp, o->text);
    return TCL_OK;
}

static int command(void *ctx, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    static const char *const words[] = { "decode", "destroy", "encode",
                                         "reset", "template", NULL };
    enum { DECODE, DESTROY, ENCODE, RESET, TEMPLATE };
    io *o = ctx;
    int which;
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "subcommand ?arg ...?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObj(interp, objv[1], words, "subcommand", TCL_EXACT,
                            &which) != TCL_OK) {
        return TCL_ERROR;
    }
    int code = TCL_OK;
    o->refs++;
    switch (which) {
    case DECODE:
        code = decode(o, objc - 2, objv + 2);
        break;
    case ENCODE:
        code = encode(o, objc - 2, objv + 2);
        break;
    case TEMPLATE:
        code = template(o, objc - 2, objv + 2);
        break;
    case DESTROY:
        Tcl_DeleteCommandFromToken(interp, o->token);
        break;
    default:                    /* reset: nothing is kept between packets */
        break;
    }
    release(o);
    return code;
}

static void gone(void *ctx)
{
    io *o = ctx;
    o->token = NULL;
    release(o);
}

int clu_bpacket_io_create(Tcl_Interp *interp, Tcl_Obj *name,
                          Tcl_Size objc, Tcl_Obj *const objv[])
{
    if (objc != 1) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(
            "wrong # args: should be \"bpacket create io name template\"",
            -1));
        Tcl_SetErrorCode(interp, "TCL", "WRONGARGS", (char *)NULL);
        return TCL_ERROR;
    }
    clu_bpacket_form *form;
    if (clu_bpacket_form_create(interp, objv[0], &form) != TCL_OK) {
        return TCL_ERROR;
    }
    io *o = clu_alloc(sizeof *o);
    if (!o) {
        clu_bpacket_form_release(form);
        return clu_bpacket_unwritten(interp, CLU_NOMEM);
    }
    *o = (io){ .refs = 1, .interp = interp, .text = objv[0], .form = form };
    Tcl_IncrRefCount(o->text);
    if (clu_bpacket_command(interp, name, command, o, gone, &o->token)
        != TCL_OK) {
        release(o);
        return TCL_ERROR;
    }
    return TCL_OK;
}
