/*
 * bpacketForm.c -- a bpacket template with Tcl's values beside it, and the
 *                  types that applications bring.
 *
 * Layer: binding.
 */
#include "bpacket.h"

#include <stdio.h>

/*
 * A type written as a class for the original expects to be mixed into the io
 * object: it calls `my @encode::varint`, reads DECODE_BUFFER, may ask for
 * other types in @init.  The host is such an object for one type.
 */
static const char host_class[] = "::bpacket::own::Host";
static const char host_script[] =
    "namespace eval ::bpacket::own {}\n"
    "oo::class create ::bpacket::own::Host {\n"
    "    variable DECODE_BUFFER TYPES\n"
    "    constructor type {\n"
    "        set DECODE_BUFFER {}\n"
    "        set TYPES {varint boolean float vfloat string raw list dict"
    " flags numlist}\n"
    "        my requires $type\n"
    "    }\n"
    "    method can method {\n"
    "        expr {$method in [info object methods [self] -all -private]}\n"
    "    }\n"
    "    method requires args {\n"
    "        foreach type $args {\n"
    "            if {$type in $TYPES} continue\n"
    "            lappend TYPES $type\n"
    "            oo::objdefine [self] mixin -append ::bpacket::type::$type\n"
    "            if {[my can @init::$type]} { my @init::$type }\n"
    "        }\n"
    "    }\n"
    "    method encode {value field} {\n"
    "        my @encode::[dict get $field type] $value $field\n"
    "    }\n"
    "    method decode {bytes field} {\n"
    "        set DECODE_BUFFER $bytes\n"
    "        set value [my @decode::[dict get $field type] $field]\n"
    "        set used [expr {[string length $bytes]"
    " - [string length $DECODE_BUFFER]}]\n"
    "        list $value $used\n"
    "    }\n"
    "}\n"
    "foreach type {varint boolean float vfloat string raw list dict flags"
    " numlist} {\n"
    "    oo::define ::bpacket::own::Host method @encode::$type"
    " {value {field {}} args} [string map [list %T $type] {\n"
    "        ::bpacket::Encode %T $value $field\n"
    "    }]\n"
    "    oo::define ::bpacket::own::Host method @decode::$type"
    " {{field {}} args} [string map [list %T $type] {\n"
    "        lassign [::bpacket::Decode %T $DECODE_BUFFER $field] value used\n"
    "        set DECODE_BUFFER [string range $DECODE_BUFFER $used end]\n"
    "        return $value\n"
    "    }]\n"
    "}\n";

/* ---- Own types ----------------------------------------------------------- */

static bool has_command(Tcl_Interp *interp, const char *name)
{
    return Tcl_FindCommand(interp, name, NULL, TCL_GLOBAL_ONLY) != NULL;
}

/* Runs words in the global namespace, whatever they say. */
static int run(Tcl_Interp *interp, Tcl_Obj *script)
{
    Tcl_IncrRefCount(script);
    int code = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(script);
    return code;
}

static bool is_class(Tcl_Interp *interp, const char *command)
{
    int yes = 0;
    Tcl_Obj *words = Tcl_NewListObj(0, NULL);
    static const char *const ask[] = { "::info", "object", "isa", "class" };
    for (size_t i = 0; i < CLU_COUNT_OF(ask); i++) {
        Tcl_ListObjAppendElement(NULL, words, Tcl_NewStringObj(ask[i], -1));
    }
    Tcl_ListObjAppendElement(NULL, words, Tcl_NewStringObj(command, -1));
    if (run(interp, words) == TCL_OK) {
        Tcl_GetBooleanFromObj(NULL, Tcl_GetObjResult(interp), &yes);
    }
    Tcl_ResetResult(interp);
    return yes != 0;
}

/* The object that stands in for the original's io object. */
static int make_host(Tcl_Interp *interp, const char *type, Tcl_Obj *name)
{
    if (has_command(interp, Tcl_GetString(name))) {
        return TCL_OK;
    }
    if (!has_command(interp, host_class)
        && Tcl_EvalEx(interp, host_script, -1, TCL_EVAL_GLOBAL) != TCL_OK) {
        Tcl_DeleteCommand(interp, host_class);  /* half of it is none */
        return TCL_ERROR;
    }
    Tcl_Obj *words[] = { Tcl_NewStringObj(host_class, -1),
                         Tcl_NewStringObj("create", -1), name,
                         Tcl_NewStringObj(type, -1) };
    return run(interp, Tcl_NewListObj(4, words));
}

/* The command of an own type: found, or offered by a package. */
static int find_own(Tcl_Interp *interp, clu_bpacket_field *f)
{
    const char *type = Tcl_GetString(f->own);
    Tcl_Obj *command = Tcl_ObjPrintf("::bpacket::type::%s", type);
    Tcl_IncrRefCount(command);
    if (!has_command(interp, Tcl_GetString(command))) {
        Tcl_Obj *words[] = { Tcl_NewStringObj("::package", -1),
                             Tcl_NewStringObj("require", -1),
                             Tcl_ObjPrintf("bpacket::type::%s", type) };
        run(interp, Tcl_NewListObj(3, words));
        Tcl_ResetResult(interp);
    }
    int code = TCL_OK;
    if (!has_command(interp, Tcl_GetString(command))) {
        code = CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("a bpacket type requires type %s but it was "
                                  "not found in the ::bpacket::type namespace",
                                  type),
            "REQUIRE_TYPE", "TYPE_NOT_FOUND", type);
    } else if (is_class(interp, Tcl_GetString(command))) {
        Tcl_DecrRefCount(command);
        command = Tcl_ObjPrintf("::bpacket::own::%s", type);
        Tcl_IncrRefCount(command);
        code = make_host(interp, type, command);
    }
    Tcl_DecrRefCount(f->own);
    f->own = command;
    return code;
}

/* ---- Forms --------------------------------------------------------------- */

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* What validators and own types are told about a field. */
static Tcl_Obj *describe(const clu_template_field *field)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "type", clu_text_new(field->type));
    put(dict, "name", clu_text_new(field->name));
    put(dict, "version", Tcl_NewWideIntObj((Tcl_WideInt)field->version));
    if (field->args.n) {
        put(dict, "args", clu_text_new(field->args));
    }
    if (field->required) {
        put(dict, "required", Tcl_NewIntObj(1));
    }
    return dict;
}

static Tcl_Obj *held(Tcl_Obj *obj)
{
    Tcl_IncrRefCount(obj);
    return obj;
}

static Tcl_Obj *number_of(uint64_t id)
{
    char digits[24];            /* for Tcl 8.6 it may be too large to print */
    if (id <= INT64_MAX) {
        return Tcl_NewWideIntObj((Tcl_WideInt)id);
    }
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)id);
    return Tcl_NewStringObj(digits, n);
}

static int fill_field(Tcl_Interp *interp, clu_bpacket_field *f,
                      const clu_template_field *field)
{
    f->field = field;
    f->name = held(clu_text_new(field->name));
    f->about = held(describe(field));
    put(f->about, "id", number_of(field->id));
    if (field->args.n) {
        Tcl_Size n;
        f->keys = held(clu_text_new(field->args));
        if (field->wire != CLU_WIRE_OWN
            && Tcl_ListObjLength(interp, f->keys, &n) != TCL_OK) {
            return CLU_BPACKET_FAIL(
                interp, Tcl_ObjPrintf("template line %u: the keys are no list",
                                      (unsigned)field->line),
                "TEMPLATE", "BAD_KEYS",
                Tcl_GetString(f->name));
        }
    }
    if (field->wire == CLU_WIRE_OWN) {
        f->own = held(clu_text_new(field->type));
        return find_own(interp, f);
    }
    return TCL_OK;
}

static int parse(Tcl_Interp *interp, Tcl_Obj *text, clu_template **plan)
{
    clu_buf scratch;
    clu_buf_init(&scratch, INT_MAX);
    clu_slice wire;
    clu_template_fault fault = { .what = "UNCLOSED", .text = "it is no text" };
    clu_err err = clu_text_borrow(text, &scratch, &wire);
    if (err == CLU_OK) {
        err = clu_template_create(wire, plan, &fault);
    }
    clu_buf_fini(&scratch);
    if (err == CLU_VALUE) {
        Tcl_Obj *line = held(Tcl_NewWideIntObj((Tcl_WideInt)fault.line));
        int code = CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("template line %s: %s", Tcl_GetString(line),
                                  fault.text),
            "TEMPLATE", fault.what, Tcl_GetString(line));
        Tcl_DecrRefCount(line);
        return code;
    }
    if (err != CLU_OK) {
        clu_bpacket_unwritten(interp, err);
        return TCL_ERROR;
    }
    return TCL_OK;
}

int clu_bpacket_form_create(Tcl_Interp *interp, Tcl_Obj *text,
                            clu_bpacket_form **form)
{
    clu_template *plan = NULL;
    if (parse(interp, text, &plan) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_bpacket_form *made = clu_alloc(sizeof *made);
    clu_bpacket_field *fields = clu_alloc(plan->count * sizeof *fields);
    if (!made || !fields) {
        clu_free(made);
        clu_free(fields);
        clu_template_destroy(plan);
        return clu_bpacket_unwritten(interp, CLU_NOMEM);
    }
    *made = (clu_bpacket_form){ .refs = 1, .plan = plan, .fields = fields };
    for (size_t i = 0; i < plan->count; i++) {
        made->has_required |= plan->fields[i].required;
        made->runs_scripts |= plan->fields[i].wire == CLU_WIRE_OWN;
        if (fill_field(interp, &fields[i], &plan->fields[i]) != TCL_OK) {
            clu_bpacket_form_release(made);
            return TCL_ERROR;
        }
    }
    *form = made;
    return TCL_OK;
}

clu_bpacket_form *clu_bpacket_form_hold(clu_bpacket_form *form)
{
    form->refs++;
    return form;
}

static void drop(Tcl_Obj *obj)
{
    if (obj) {
        Tcl_DecrRefCount(obj);
    }
}

void clu_bpacket_form_release(clu_bpacket_form *form)
{
    if (--form->refs > 0) {
        return;
    }
    for (size_t i = 0; i < form->plan->count; i++) {
        drop(form->fields[i].name);
        drop(form->fields[i].keys);
        drop(form->fields[i].about);
        drop(form->fields[i].own);
    }
    clu_free(form->fields);
    clu_template_destroy(form->plan);
    clu_free(form);
}

/* ---- bpacket template ---------------------------------------------------- */

int clu_bpacket_form_describe(Tcl_Interp *interp, Tcl_Obj *text)
{
    clu_template *plan = NULL;
    if (parse(interp, text, &plan) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *fields = Tcl_NewDictObj(), *index = Tcl_NewDictObj();
    Tcl_Obj *types = held(Tcl_NewDictObj());    /* a set that keeps order */
    for (size_t i = 0; i < plan->count; i++) {
        const clu_template_field *f = &plan->fields[i];
        Tcl_DictObjPut(NULL, fields, number_of(f->id), describe(f));
        Tcl_Obj *word = held(clu_text_new(f->type));    /* may be there */
        Tcl_DictObjPut(NULL, types, word, Tcl_NewObj());
        drop(word);
        Tcl_DictObjPut(NULL, index, clu_text_new(f->name), number_of(f->id));
    }
    Tcl_Obj *names = Tcl_NewListObj(0, NULL), *type, *unused;
    Tcl_DictSearch search;
    int done;
    Tcl_DictObjFirst(NULL, types, &search, &type, &unused, &done);
    for (; !done; Tcl_DictObjNext(&search, &type, &unused, &done)) {
        Tcl_ListObjAppendElement(NULL, names, type);
    }
    Tcl_DictObjDone(&search);
    Tcl_DecrRefCount(types);
    clu_template_destroy(plan);
    Tcl_Obj *result = Tcl_NewDictObj();
    put(result, "fields", fields);
    put(result, "types", names);
    put(result, "index", index);
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}
