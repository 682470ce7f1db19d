/*
 * bpacketValue.c -- one value of a bpacket type, from Tcl and to Tcl.
 *
 * Layer: binding.  WIRE-ORIGINAL 3 has the bytes of each type.
 */
#include "bpacket.h"
#include "number.h"

#include <stdio.h>

/* ---- What can be wrong --------------------------------------------------- */

/* The type as errorCode has it: the original's words. */
static const char *word_of(const clu_bpacket_field *field)
{
    static const char *const words[] = {
        [CLU_WIRE_varint] = "VARINT", [CLU_WIRE_boolean] = "BOOLEAN",
        [CLU_WIRE_float] = "FLOAT", [CLU_WIRE_vfloat] = "VFLOAT",
        [CLU_WIRE_string] = "STRING", [CLU_WIRE_raw] = "RAW",
        [CLU_WIRE_list] = "LIST", [CLU_WIRE_dict] = "DICT",
        [CLU_WIRE_flags] = "FLAGS", [CLU_WIRE_numlist] = "NUM_LIST",
        [CLU_WIRE_OWN] = "TYPE",
    };
    return words[field->field->wire];
}

int clu_bpacket_malformed(Tcl_Interp *interp, clu_err err, const char *name)
{
    return CLU_BPACKET_FAIL(
        interp, name ? Tcl_ObjPrintf("field \"%s\": %s", name,
                                     clu_err_text(err))
        : Tcl_NewStringObj(clu_err_text(err), -1),
        "DECODE", "MALFORMED_PACKET", clu_err_name(err));
}

int clu_bpacket_unwritten(Tcl_Interp *interp, clu_err err)
{
    return CLU_BPACKET_FAIL(interp, Tcl_NewStringObj(clu_err_text(err), -1),
                            "ENCODE", clu_err_name(err));
}

static int bad_bytes(Tcl_Interp *interp, clu_err err,
                     const clu_bpacket_field *field)
{
    return clu_bpacket_malformed(interp, err, Tcl_GetString(field->name));
}

static int bad_value(Tcl_Interp *interp, const clu_bpacket_field *field,
                     Tcl_Obj *value, const char *kind, const char *what)
{
    return CLU_BPACKET_FAIL(
        interp, Tcl_ObjPrintf("field \"%s\" expects %s but got \"%.100s\"",
                              Tcl_GetString(field->name), kind,
                              Tcl_GetString(value)),
        "ENCODE", word_of(field), what, Tcl_GetString(value));
}

static int missing_key(Tcl_Interp *interp, const clu_bpacket_field *field,
                       Tcl_Obj *key)
{
    return CLU_BPACKET_FAIL(
        interp, Tcl_ObjPrintf("field \"%s\" lacks the key \"%s\"",
                              Tcl_GetString(field->name),
                              Tcl_GetString(key)),
        "ENCODE", "FIELD", word_of(field), "MISSING_KEY", Tcl_GetString(key));
}

static int wrong_count(Tcl_Interp *interp, const clu_bpacket_field *field)
{
    return CLU_BPACKET_FAIL(
        interp, Tcl_ObjPrintf("field \"%s\" has other keys on the wire than "
                              "in the template", Tcl_GetString(field->name)),
        "DECODE", "FIELD", word_of(field), "WRONG_COUNT");
}

/* ---- Values out ---------------------------------------------------------- */

/* Decimal digits of a whole number too large for 64 bits, or negative. */
static int write_big(Tcl_Interp *interp, const clu_bpacket_field *field,
                     Tcl_Obj *value, clu_buf *out)
{
    /* The sum of bits takes whole numbers only, in every notation of Tcl's. */
    Tcl_Obj *words[] = { Tcl_NewStringObj("::tcl::mathop::|", -1), value };
    Tcl_IncrRefCount(words[0]);
    int code = Tcl_EvalObjv(interp, 2, words, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(words[0]);
    if (code != TCL_OK) {
        return bad_value(interp, field, value, "a whole number",
                         "NOT_A_NUMBER");
    }
    Tcl_Obj *digits = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(digits);
    clu_err err = clu_big_write(out, clu_slice_str(Tcl_GetString(digits)));
    Tcl_DecrRefCount(digits);
    Tcl_ResetResult(interp);
    if (err == CLU_VALUE) {
        return bad_value(interp, field, value, "a number from 0 on",
                         "NEGATIVE");
    }
    if (err == CLU_OVERFLOW) {
        return bad_value(interp, field, value, "a shorter number",
                         "TOO_LARGE");
    }
    return TCL_OK;
}

static int write_varint(Tcl_Interp *interp, const clu_bpacket_field *field,
                        Tcl_Obj *value, clu_buf *out)
{
    Tcl_WideInt wide;
    double approximate = 0;
    if (Tcl_GetWideIntFromObj(NULL, value, &wide) != TCL_OK || wide < 0) {
        return write_big(interp, field, value, out);
    }
    /* Tcl 8.6 folds numbers of 64 bits into 63 and a sign: ask for the sign. */
    Tcl_GetDoubleFromObj(NULL, value, &approximate);
    if (approximate < 0) {
        return write_big(interp, field, value, out);
    }
    clu_buf_varint(out, (uint64_t)wide);
    return TCL_OK;
}

/* true, no, 1, but no other number: as `string is boolean` has it. */
static int write_boolean(Tcl_Interp *interp, const clu_bpacket_field *field,
                         Tcl_Obj *value, clu_buf *out)
{
    int flag;
    double number;
    bool is_number = Tcl_GetDoubleFromObj(NULL, value, &number) == TCL_OK;
    if ((is_number && (Tcl_GetIntFromObj(NULL, value, &flag) != TCL_OK
                       || (flag != 0 && flag != 1)))
        || Tcl_GetBooleanFromObj(NULL, value, &flag) != TCL_OK) {
        return bad_value(interp, field, value, "a boolean",
                         "VALUE_NOT_BOOLEAN");
    }
    clu_buf_byte(out, flag != 0);
    return TCL_OK;
}

static int write_float(Tcl_Interp *interp, const clu_bpacket_field *field,
                       Tcl_Obj *value, clu_buf *out)
{
    double number;
    if (Tcl_GetDoubleFromObj(NULL, value, &number) != TCL_OK) {
        return bad_value(interp, field, value, "a number", "NOT_A_NUMBER");
    }
    if (field->field->wire == CLU_WIRE_float) {
        clu_float_write(out, number);
    } else {
        clu_vfloat_write(out, number);
    }
    return TCL_OK;
}

static int write_string(Tcl_Interp *interp, const clu_bpacket_field *field,
                        Tcl_Obj *value, clu_buf *out)
{
    (void)interp;
    (void)field;
    clu_buf scratch;
    clu_buf_init(&scratch, out->limit);
    clu_slice text;
    clu_err err = clu_text_borrow(value, &scratch, &text);
    if (err == CLU_OK) {
        clu_buf_string(out, text);
    } else {
        out->err = err;
    }
    if (scratch.room) {
        clu_buf_fini(&scratch);
    }
    return TCL_OK;
}

static int write_raw(Tcl_Interp *interp, const clu_bpacket_field *field,
                     Tcl_Obj *value, clu_buf *out)
{
    clu_slice bytes;
    if (clu_bytes_borrow(value, &bytes) != CLU_OK) {
        return bad_value(interp, field, value, "bytes", "NOT_BYTES");
    }
    clu_buf_string(out, bytes);
    return TCL_OK;
}

typedef int write_fn(Tcl_Interp *interp, const clu_bpacket_field *field,
                     Tcl_Obj *value, clu_buf *out);

static write_fn *item_writer(clu_wire wire)
{
    return wire == CLU_WIRE_flags ? write_boolean
        : wire == CLU_WIRE_numlist ? write_varint : write_string;
}

static int write_list(Tcl_Interp *interp, const clu_bpacket_field *field,
                      Tcl_Obj *value, clu_buf *out)
{
    Tcl_Size n;
    Tcl_Obj **items;
    if (Tcl_ListObjGetElements(NULL, value, &n, &items) != TCL_OK) {
        return bad_value(interp, field, value, "a list", "NOT_A_LIST");
    }
    write_fn *write = item_writer(field->field->wire);
    clu_buf_varint(out, (uint64_t)n);
    for (Tcl_Size i = 0; i < n; i++) {
        if (write(interp, field, items[i], out) != TCL_OK) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

/*
 * The values of the template's keys, without the keys.  flags and numlist may
 * end early, but what the original silently loses, keys behind a gap, is an
 * error here.
 */
static int find_values(Tcl_Interp *interp, const clu_bpacket_field *field,
                       Tcl_Obj *dict, Tcl_Obj **list)
{
    Tcl_Size n;
    Tcl_Obj **keys, *gap = NULL;
    Tcl_ListObjGetElements(NULL, field->keys, &n, &keys);
    Tcl_Obj *found = Tcl_NewListObj(0, NULL);
    for (Tcl_Size i = 0; i < n; i++) {
        Tcl_Obj *value;
        if (Tcl_DictObjGet(NULL, dict, keys[i], &value) != TCL_OK) {
            Tcl_DecrRefCount(found);
            return bad_value(interp, field, dict, "a dict", "NOT_A_DICT");
        }
        if (!value && !gap) {
            gap = keys[i];
        }
        if (gap && (value || field->field->wire == CLU_WIRE_dict)) {
            Tcl_DecrRefCount(found);
            return missing_key(interp, field, gap);
        }
        if (value) {
            Tcl_ListObjAppendElement(NULL, found, value);
        }
    }
    *list = found;
    return TCL_OK;
}

static int write_items(Tcl_Interp *interp, const clu_bpacket_field *field,
                       Tcl_Obj *value, clu_buf *out)
{
    if (!field->keys) {
        return write_list(interp, field, value, out);
    }
    Tcl_Obj *list = NULL;
    if (find_values(interp, field, value, &list) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_IncrRefCount(list);
    int code = write_list(interp, field, list, out);
    Tcl_DecrRefCount(list);
    return code;
}

/* An own type's command: prefix encode value field -> bytes. */
static int write_own(Tcl_Interp *interp, const clu_bpacket_field *field,
                     Tcl_Obj *value, clu_buf *out)
{
    Tcl_Obj *words[] = { field->own, Tcl_NewStringObj("encode", -1), value,
                         field->about };
    Tcl_IncrRefCount(words[1]);
    int code = Tcl_EvalObjv(interp, 4, words, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(words[1]);
    if (code != TCL_OK) {
        return TCL_ERROR;
    }
    clu_slice bytes;
    if (clu_bytes_borrow(Tcl_GetObjResult(interp), &bytes) != CLU_OK) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("type \"%s\" made something that is no "
                                  "bytes", Tcl_GetString(field->own)),
            "ENCODE", "TYPE", "NOT_BYTES");
    }
    clu_buf_bytes(out, bytes);
    Tcl_ResetResult(interp);
    return TCL_OK;
}

int clu_bpacket_write(Tcl_Interp *interp, const clu_bpacket_field *field,
                      Tcl_Obj *value, clu_buf *out)
{
    static write_fn *const writers[] = {
        [CLU_WIRE_varint] = write_varint, [CLU_WIRE_boolean] = write_boolean,
        [CLU_WIRE_float] = write_float, [CLU_WIRE_vfloat] = write_float,
        [CLU_WIRE_string] = write_string, [CLU_WIRE_raw] = write_raw,
        [CLU_WIRE_list] = write_list, [CLU_WIRE_dict] = write_items,
        [CLU_WIRE_flags] = write_items, [CLU_WIRE_numlist] = write_items,
        [CLU_WIRE_OWN] = write_own,
    };
    return writers[field->field->wire](interp, field, value, out);
}

/* ---- Values in ----------------------------------------------------------- */

static clu_err read_varint(clu_cursor *c, Tcl_Obj **value)
{
    uint64_t number;
    clu_err err = clu_cursor_varint(c, &number);
    if (err == CLU_OK && number <= INT64_MAX) {
        *value = Tcl_NewWideIntObj((Tcl_WideInt)number);
        return CLU_OK;
    }
    char digits[CLU_BIG_TEXT];
    if (err == CLU_OK) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    } else if (err == CLU_OVERFLOW) {
        err = clu_big_read(c, digits);
    }
    if (err == CLU_OK) {
        *value = Tcl_NewStringObj(digits, -1);
    }
    return err;
}

/* A signed byte, as the original reads it. */
static clu_err read_boolean(clu_cursor *c, Tcl_Obj **value)
{
    unsigned char byte;
    clu_err err = clu_cursor_byte(c, &byte);
    if (err == CLU_OK) {
        *value = Tcl_NewIntObj(byte < 128 ? byte : byte - 256);
    }
    return err;
}

static clu_err read_float(clu_cursor *c, Tcl_Obj **value)
{
    double number;
    clu_err err = clu_float_read(c, &number);
    if (err == CLU_OK) {
        *value = Tcl_NewDoubleObj(number);
    }
    return err;
}

static clu_err read_vfloat(clu_cursor *c, Tcl_Obj **value)
{
    double number;
    clu_err err = clu_vfloat_read(c, &number);
    if (err == CLU_OK) {
        *value = Tcl_NewDoubleObj(number);
    }
    return err;
}

static clu_err read_string(clu_cursor *c, Tcl_Obj **value)
{
    clu_slice text;
    clu_err err = clu_cursor_string(c, &text);
    if (err == CLU_OK) {
        *value = clu_text_new(text);
    }
    return err;
}

static clu_err read_raw(clu_cursor *c, Tcl_Obj **value)
{
    clu_slice bytes;
    clu_err err = clu_cursor_string(c, &bytes);
    if (err == CLU_OK) {
        *value = clu_bytes_new(bytes);
    }
    return err;
}

typedef clu_err read_fn(clu_cursor *c, Tcl_Obj **value);

/* Of a value, or of an item of one. */
static read_fn *reader_of(clu_wire wire)
{
    static read_fn *const readers[] = {
        [CLU_WIRE_varint] = read_varint, [CLU_WIRE_boolean] = read_boolean,
        [CLU_WIRE_float] = read_float, [CLU_WIRE_vfloat] = read_vfloat,
        [CLU_WIRE_string] = read_string, [CLU_WIRE_raw] = read_raw,
        [CLU_WIRE_list] = read_string, [CLU_WIRE_dict] = read_string,
        [CLU_WIRE_flags] = read_boolean, [CLU_WIRE_numlist] = read_varint,
    };
    return readers[wire];
}

static clu_err read_list(clu_cursor *c, read_fn *read, Tcl_Obj *list)
{
    uint64_t count;
    clu_err err = clu_cursor_varint(c, &count);
    if (err == CLU_OK && count > clu_cursor_left(c)) {
        return CLU_TRUNCATED;   /* an item is one byte at least */
    }
    for (uint64_t i = 0; err == CLU_OK && i < count; i++) {
        Tcl_Obj *item;
        err = read(c, &item);
        if (err == CLU_OK) {
            Tcl_ListObjAppendElement(NULL, list, item);
        }
    }
    return err;
}

/* Puts the template's keys back; NULL when there are not as many. */
static Tcl_Obj *add_keys(const clu_bpacket_field *field, Tcl_Obj *list)
{
    Tcl_Size n, count;
    Tcl_Obj **keys, **items;
    Tcl_ListObjGetElements(NULL, field->keys, &n, &keys);
    Tcl_ListObjGetElements(NULL, list, &count, &items);
    if (count > n || (count < n && field->field->wire == CLU_WIRE_dict)) {
        return NULL;
    }
    Tcl_Obj *dict = Tcl_NewDictObj();
    for (Tcl_Size i = 0; i < count; i++) {
        Tcl_DictObjPut(NULL, dict, keys[i], items[i]);
    }
    return dict;
}

static int read_items(Tcl_Interp *interp, const clu_bpacket_field *field,
                      clu_cursor *c, Tcl_Obj **value)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    clu_err err = read_list(c, reader_of(field->field->wire), list);
    if (err == CLU_OK && !field->keys) {
        *value = list;
        return TCL_OK;
    }
    Tcl_Obj *dict = err == CLU_OK ? add_keys(field, list) : NULL;
    Tcl_DecrRefCount(list);
    if (err != CLU_OK) {
        return bad_bytes(interp, err, field);
    }
    if (!dict) {
        return wrong_count(interp, field);
    }
    *value = dict;
    return TCL_OK;
}

/* Takes apart what an own type's decode returned. */
static int take_own(Tcl_Interp *interp, const clu_bpacket_field *field,
                    clu_cursor *c, Tcl_Obj **value)
{
    Tcl_Size n;
    Tcl_Obj **parts;
    Tcl_WideInt used;
    Tcl_Obj *result = Tcl_GetObjResult(interp);
    if (Tcl_ListObjGetElements(NULL, result, &n, &parts) != TCL_OK || n != 2
        || Tcl_GetWideIntFromObj(NULL, parts[1], &used) != TCL_OK || used < 0
        || (uint64_t)used > clu_cursor_left(c)) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("type \"%s\" must return a value and how "
                                  "many bytes it took",
                                  Tcl_GetString(field->own)),
            "DECODE", "TYPE", "BAD_RESULT");
    }
    c->p += used;
    *value = Tcl_DuplicateObj(parts[0]);
    Tcl_ResetResult(interp);
    return TCL_OK;
}

/* An own type's command: prefix decode bytes field -> {value used}. */
static int read_own(Tcl_Interp *interp, const clu_bpacket_field *field,
                    clu_cursor *c, Tcl_Obj **value)
{
    Tcl_Obj *words[] = {
        field->own, Tcl_NewStringObj("decode", -1),
        clu_bytes_new((clu_slice){ c->p, clu_cursor_left(c) }), field->about
    };
    Tcl_IncrRefCount(words[1]);
    Tcl_IncrRefCount(words[2]);
    int code = Tcl_EvalObjv(interp, 4, words, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(words[1]);
    Tcl_DecrRefCount(words[2]);
    return code == TCL_OK ? take_own(interp, field, c, value) : TCL_ERROR;
}

int clu_bpacket_read(Tcl_Interp *interp, const clu_bpacket_field *field,
                     clu_cursor *c, Tcl_Obj **value)
{
    switch (field->field->wire) {
    case CLU_WIRE_list:
    case CLU_WIRE_dict:
    case CLU_WIRE_flags:
    case CLU_WIRE_numlist:
        return read_items(interp, field, c, value);
    case CLU_WIRE_OWN:
        return read_own(interp, field, c, value);
    default:
        break;
    }
    clu_err err = reader_of(field->field->wire)(c, value);
    return err == CLU_OK ? TCL_OK : bad_bytes(interp, err, field);
}
