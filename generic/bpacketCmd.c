/*
 * bpacketCmd.c -- the command ::bpacket, and the package of that name.
 *
 * Layer: binding.  API 7.
 */
#include "bpacket.h"

#define STATE "bpacket"

/* Of one interpreter. */
typedef struct state {
    Tcl_Obj *registry;          /* dict: type -> id and id -> type */
    clu_bpacket_marks marks;    /* as the variables were ... */
    bool traced, known;         /* ... while both of these hold */
    unsigned changes;           /* of the variables */
} state;

/* ---- Marks --------------------------------------------------------------- */

static const char *const mark_names[] = { "::bpacket::HEADER",
                                          "::bpacket::EOF" };

static Tcl_Obj *get_mark(Tcl_Interp *interp, const char *name, clu_slice *mark)
{
    Tcl_Obj *value = Tcl_GetVar2Ex(interp, name, NULL, TCL_GLOBAL_ONLY);
    clu_slice bytes;
    if (!value || clu_bytes_borrow(value, &bytes) != CLU_OK) {
        return NULL;
    }
    /* A copy of our own: nobody can turn its bytes into something else. */
    Tcl_Obj *copy = clu_bytes_new(bytes);
    Tcl_IncrRefCount(copy);
    clu_bytes_borrow(copy, mark);
    return copy;
}

/* Written or unset: it is read again when it is needed. */
static char *mark_changed(ClientData cd, Tcl_Interp *interp, const char *name,
                          const char *part, int flags)
{
    (void)name, (void)part;
    state *st = cd;
    if (!Tcl_InterpDeleted(interp)) {           /* else st may be no more */
        st->known = false;
        st->changes++;
        st->traced = st->traced && !(flags & TCL_TRACE_DESTROYED);
    }
    return NULL;
}

#define CHANGES (TCL_GLOBAL_ONLY | TCL_TRACE_WRITES | TCL_TRACE_UNSETS)

/* Both or none; one that was unset has lost its trace. */
static void trace_marks(Tcl_Interp *interp, state *st)
{
    st->traced = true;
    for (size_t i = 0; i < CLU_COUNT_OF(mark_names); i++) {
        Tcl_UntraceVar2(interp, mark_names[i], NULL, CHANGES, mark_changed,
                        st);
        st->traced &= Tcl_TraceVar2(interp, mark_names[i], NULL, CHANGES,
                                    mark_changed, st) == TCL_OK;
    }
}

static void read_marks(Tcl_Interp *interp, clu_bpacket_marks *m)
{
    m->marks = clu_frame_marks;
    m->header = get_mark(interp, mark_names[0], &m->marks.header);
    m->footer = get_mark(interp, mark_names[1], &m->marks.footer);
}

void clu_bpacket_marks_get(Tcl_Interp *interp, clu_bpacket_marks *m)
{
    /* A command of ours runs, and they all go before what Tcl keeps for us. */
    state *st = Tcl_GetAssocData(interp, STATE, NULL);
    if (!st->traced) {
        st->known = false;
        trace_marks(interp, st);
    }
    if (!st->known) {
        clu_bpacket_marks fresh;
        unsigned changes = st->changes;
        read_marks(interp, &fresh);     /* traces may come here, and write */
        clu_bpacket_marks_release(&st->marks);
        st->marks = fresh;
        st->known = st->changes == changes;
    }
    *m = st->marks;
    Tcl_Obj *held[] = { m->header, m->footer };
    for (size_t i = 0; i < CLU_COUNT_OF(held); i++) {
        if (held[i]) {
            Tcl_IncrRefCount(held[i]);
        }
    }
}

void clu_bpacket_marks_release(clu_bpacket_marks *m)
{
    if (m->header) {
        Tcl_DecrRefCount(m->header);
    }
    if (m->footer) {
        Tcl_DecrRefCount(m->footer);
    }
    m->header = m->footer = NULL;
}

/* ---- bpacket create ------------------------------------------------------ */

int clu_bpacket_command(Tcl_Interp *interp, Tcl_Obj *name,
                        Tcl_ObjCmdProc *proc, void *ctx,
                        Tcl_CmdDeleteProc *gone, Tcl_Command *token)
{
    const char *text = Tcl_GetString(name);
    Tcl_Namespace *here = Tcl_GetCurrentNamespace(interp);
    Tcl_Obj *full = strncmp(text, "::", 2) == 0 ? Tcl_NewStringObj(text, -1)
        : Tcl_ObjPrintf("%s::%s", strcmp(here->fullName, "::") == 0
                        ? "" : here->fullName, text);
    Tcl_IncrRefCount(full);
    int code = TCL_OK;
    if (Tcl_FindCommand(interp, Tcl_GetString(full), NULL, TCL_GLOBAL_ONLY)) {
        code = CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("can't create \"%s\": command already "
                                  "exists with that name", text),
            "CREATE", "EXISTS", text);
    } else {
        *token = Tcl_CreateObjCommand(interp, Tcl_GetString(full), proc, ctx,
                                      gone);
        if (*token) {
            Tcl_SetObjResult(interp, full);
        } else {
            code = CLU_BPACKET_FAIL(
                interp, Tcl_ObjPrintf("can't create \"%s\": unknown namespace",
                                      text),
                "CREATE", "NAMESPACE", text);
        }
    }
    Tcl_DecrRefCount(full);
    return code;
}

static int create(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    static const char *const kinds[] = { "io", "stream", NULL };
    int kind;
    if (objc < 4) {
        Tcl_WrongNumArgs(interp, 2, objv, "io|stream name ?arg ...?");
        return TCL_ERROR;
    }
    Tcl_Obj *word = Tcl_NewStringObj(Tcl_GetString(objv[2]), -1);
    Tcl_IncrRefCount(word);
    Tcl_UtfToLower(Tcl_GetString(word));
    int code = Tcl_GetIndexFromObj(interp, word, kinds, "kind", TCL_EXACT,
                                   &kind);
    Tcl_DecrRefCount(word);
    if (code != TCL_OK) {
        return code;
    }
    return kind == 0
        ? clu_bpacket_io_create(interp, objv[3], objc - 4, objv + 4)
        : clu_bpacket_stream_create(interp, objv[3], objc - 4, objv + 4);
}

/* ---- bpacket encode, decode: one value without a packet ------------------ */

/* A field of that type that belongs to no template. */
typedef struct loose_field {
    clu_template_field plan;
    clu_bpacket_field field;
} loose_field;

static void loose_init(loose_field *f, clu_wire wire, Tcl_Obj *keys)
{
    *f = (loose_field){ .plan = { .wire = wire } };
    f->field = (clu_bpacket_field){
        .field = &f->plan, .keys = keys,
        .name = Tcl_NewStringObj(clu_wire_name(wire), -1) };
    Tcl_IncrRefCount(f->field.name);
}

static int write_one(Tcl_Interp *interp, clu_wire wire, Tcl_Obj *keys,
                     Tcl_Obj *value)
{
    loose_field f;
    clu_buf out;
    loose_init(&f, wire, keys);
    clu_buf_init(&out, INT_MAX / 2);
    int code = clu_bpacket_write(interp, &f.field, value, &out);
    if (code == TCL_OK && out.err != CLU_OK) {
        code = clu_bpacket_unwritten(interp, out.err);
    }
    if (code == TCL_OK) {
        Tcl_SetObjResult(interp, clu_bytes_new(clu_buf_slice(&out)));
    }
    clu_buf_fini(&out);
    Tcl_DecrRefCount(f.field.name);
    return code;
}

static int read_one(Tcl_Interp *interp, clu_wire wire, Tcl_Obj *keys,
                    Tcl_Obj *data, Tcl_Obj **value, clu_slice *rest,
                    size_t *used)
{
    clu_slice bytes;
    if (clu_bytes_borrow(data, &bytes) != CLU_OK) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_NewStringObj("bytes have no characters above U+00FF",
                                     -1),
            "DECODE", "MALFORMED_PACKET", "NOT_BYTES");
    }
    loose_field f;
    loose_init(&f, wire, keys);
    clu_cursor c = clu_cursor_of(bytes);
    int code = clu_bpacket_read(interp, &f.field, &c, value);
    *used = bytes.n - clu_cursor_left(&c);
    *rest = (clu_slice){ c.p, clu_cursor_left(&c) };
    Tcl_DecrRefCount(f.field.name);
    return code;
}

/* The three types that the documents name here. */
static int get_number_type(Tcl_Interp *interp, int objc,
                           Tcl_Obj *const objv[], clu_wire *wire)
{
    static const char *const types[] = { "float", "varint", "vfloat", NULL };
    static const clu_wire wires[] = { CLU_WIRE_float, CLU_WIRE_varint,
                                      CLU_WIRE_vfloat };
    int which;
    if (objc != 4) {
        Tcl_WrongNumArgs(interp, 2, objv, "varint|float|vfloat value");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObj(interp, objv[2], types, "type", TCL_EXACT, &which)
        != TCL_OK) {
        return TCL_ERROR;
    }
    *wire = wires[which];
    return TCL_OK;
}

static int encode(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    clu_wire wire;
    return get_number_type(interp, objc, objv, &wire) == TCL_OK
        ? write_one(interp, wire, NULL, objv[3]) : TCL_ERROR;
}

static int decode(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[])
{
    clu_wire wire;
    Tcl_Obj *value;
    clu_slice rest;
    size_t used;
    if (get_number_type(interp, objc, objv, &wire) != TCL_OK
        || read_one(interp, wire, NULL, objv[3], &value, &rest, &used)
        != TCL_OK) {
        return TCL_ERROR;
    }
    if (wire == CLU_WIRE_varint) {
        Tcl_Obj *parts[] = { value, clu_bytes_new(rest),
                             Tcl_NewWideIntObj((Tcl_WideInt)used) };
        value = Tcl_NewListObj(3, parts);
    }
    Tcl_SetObjResult(interp, value);
    return TCL_OK;
}

/* ---- ::bpacket::Encode, Decode: what classes of own types build on ------- */

static int get_type(Tcl_Interp *interp, int objc, Tcl_Obj *const objv[],
                    clu_wire *wire, Tcl_Obj **keys)
{
    *keys = NULL;
    if (objc != 3 && objc != 4) {
        Tcl_WrongNumArgs(interp, 1, objv, "type value ?field?");
        return TCL_ERROR;
    }
    const char *type = Tcl_GetString(objv[1]);
    unsigned w = 0;
    while (w < CLU_WIRE_OWN && strcmp(type, clu_wire_name((clu_wire)w))) {
        w++;
    }
    if (w == CLU_WIRE_OWN) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("no type \"%s\" is built in", type),
            "REQUIRE_TYPE", "TYPE_NOT_FOUND", type);
    }
    *wire = (clu_wire)w;
    bool keyed = *wire == CLU_WIRE_dict || *wire == CLU_WIRE_flags
        || *wire == CLU_WIRE_numlist;
    if (objc == 4 && keyed) {
        Tcl_Obj *word = Tcl_NewStringObj("args", -1);
        Tcl_IncrRefCount(word);
        int code = Tcl_DictObjGet(interp, objv[3], word, keys);
        Tcl_DecrRefCount(word);
        Tcl_Size n;
        if (code != TCL_OK
            || (*keys && Tcl_ListObjLength(interp, *keys, &n) != TCL_OK)) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int encode_any(void *ctx, Tcl_Interp *interp, int objc,
                      Tcl_Obj *const objv[])
{
    (void)ctx;
    clu_wire wire;
    Tcl_Obj *keys;
    return get_type(interp, objc, objv, &wire, &keys) == TCL_OK
        ? write_one(interp, wire, keys, objv[2]) : TCL_ERROR;
}

static int decode_any(void *ctx, Tcl_Interp *interp, int objc,
                      Tcl_Obj *const objv[])
{
    (void)ctx;
    clu_wire wire;
    Tcl_Obj *keys, *value;
    clu_slice rest;
    size_t used;
    if (get_type(interp, objc, objv, &wire, &keys) != TCL_OK
        || read_one(interp, wire, keys, objv[2], &value, &rest, &used)
        != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *parts[] = { value, Tcl_NewWideIntObj((Tcl_WideInt)used) };
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, parts));
    return TCL_OK;
}

/* ---- bpacket register ---------------------------------------------------- */

static int taken(Tcl_Interp *interp, Tcl_Obj *type, Tcl_Obj *id,
                 Tcl_Obj *other)
{
    const char *name = Tcl_GetString(type), *number = Tcl_GetString(id);
    Tcl_Obj *text = other
        ? Tcl_ObjPrintf("tried to register a type %s with id %s which was "
                        "already registered to type %s, did you mean to set "
                        "force (3rd argument) to true?", name, number,
                        Tcl_GetString(other))
        : Tcl_ObjPrintf("tried to register a type (%s / %s) which was already "
                        "registered, did you mean to set force (3rd argument) "
                        "to true?", name, number);
    return CLU_BPACKET_FAIL(interp, text, "REGISTER_TYPE", "TYPE_EXISTS",
                            name);
}

static Tcl_Obj *lookup(Tcl_Obj *dict, Tcl_Obj *key)
{
    Tcl_Obj *value = NULL;
    Tcl_DictObjGet(NULL, dict, key, &value);
    return value;
}

/* Takes out a type or an id, and its other half. */
static void forget(Tcl_Obj *registry, Tcl_Obj *key)
{
    Tcl_Obj *other = lookup(registry, key);
    if (other) {
        Tcl_IncrRefCount(other);
        Tcl_DictObjRemove(NULL, registry, key);
        Tcl_DictObjRemove(NULL, registry, other);
        Tcl_DecrRefCount(other);
    }
}

static int enter(Tcl_Interp *interp, state *st, int objc,
                 Tcl_Obj *const objv[])
{
    int force = 0;
    if (objc != 4 && objc != 5) {
        Tcl_WrongNumArgs(interp, 2, objv, "type id ?force?");
        return TCL_ERROR;
    }
    if (objc == 5 && Tcl_GetBooleanFromObj(interp, objv[4], &force)
        != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *type = objv[2], *id = objv[3];
    if (!force && lookup(st->registry, type)) {
        return taken(interp, type, id, NULL);
    }
    if (!force && lookup(st->registry, id)) {
        return taken(interp, type, id, lookup(st->registry, id));
    }
    forget(st->registry, type);
    forget(st->registry, id);
    Tcl_DictObjPut(NULL, st->registry, type, id);
    Tcl_DictObjPut(NULL, st->registry, id, type);
    Tcl_ResetResult(interp);
    return TCL_OK;
}

/* ---- ::bpacket ----------------------------------------------------------- */

static int command(void *ctx, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    static const char *const words[] = { "create", "decode", "encode",
                                         "register", "template", NULL };
    enum { CREATE, DECODE, ENCODE, REGISTER, TEMPLATE };
    int which;
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "subcommand ?arg ...?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObj(interp, objv[1], words, "subcommand", TCL_EXACT,
                            &which) != TCL_OK) {
        return TCL_ERROR;
    }
    switch (which) {
    case CREATE:
        return create(interp, objc, objv);
    case DECODE:
        return decode(interp, objc, objv);
    case ENCODE:
        return encode(interp, objc, objv);
    case REGISTER:
        return enter(interp, ctx, objc, objv);
    default:
        break;
    }
    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 2, objv, "text");
        return TCL_ERROR;
    }
    return clu_bpacket_form_describe(interp, objv[2]);
}

/* ---- Load ---------------------------------------------------------------- */

static void forget_state(void *ctx, Tcl_Interp *interp)
{
    (void)interp;
    state *st = ctx;
    Tcl_DecrRefCount(st->registry);
    clu_bpacket_marks_release(&st->marks);
    clu_free(st);
}

static state *make_state(void)
{
    state *st = clu_alloc(sizeof *st);
    if (st) {
        st->registry = Tcl_NewDictObj();
        Tcl_IncrRefCount(st->registry);
        for (unsigned w = 0; w < CLU_WIRE_OWN; w++) {
            Tcl_Obj *name = Tcl_NewStringObj(clu_wire_name((clu_wire)w), -1);
            Tcl_Obj *id = Tcl_NewIntObj((int)w);
            Tcl_DictObjPut(NULL, st->registry, name, id);
            Tcl_DictObjPut(NULL, st->registry, id, name);
        }
    }
    return st;
}

/* A variable that a program may have set before it loads us. */
static void offer_variable(Tcl_Interp *interp, const char *name,
                           clu_slice value)
{
    if (!Tcl_GetVar2Ex(interp, name, NULL, TCL_GLOBAL_ONLY)) {
        Tcl_SetVar2Ex(interp, name, NULL, clu_bytes_new(value),
                      TCL_GLOBAL_ONLY);
    }
}

static int make_commands(Tcl_Interp *interp)
{
    static const char *const spaces[] = { "::bpacket", "::bpacket::type" };
    state *st = make_state();
    if (!st) {
        return clu_bpacket_unwritten(interp, CLU_NOMEM);
    }
    for (size_t i = 0; i < CLU_COUNT_OF(spaces); i++) {
        if (!Tcl_FindNamespace(interp, spaces[i], NULL, TCL_GLOBAL_ONLY)) {
            Tcl_CreateNamespace(interp, spaces[i], NULL, NULL);
        }
    }
    Tcl_SetAssocData(interp, STATE, forget_state, st);
    offer_variable(interp, mark_names[0], clu_frame_marks.header);
    offer_variable(interp, mark_names[1], clu_frame_marks.footer);
    Tcl_CreateObjCommand(interp, "::bpacket", command, st, NULL);
    Tcl_CreateObjCommand(interp, "::bpacket::Encode", encode_any, NULL, NULL);
    Tcl_CreateObjCommand(interp, "::bpacket::Decode", decode_any, NULL, NULL);
    return TCL_OK;
}

DLLEXPORT int Bpacket_Init(Tcl_Interp *interp)
{
    if (!Tcl_InitStubs(interp, "8.6-", 0)) {
        return TCL_ERROR;
    }
    if (!Tcl_GetAssocData(interp, STATE, NULL)
        && make_commands(interp) != TCL_OK) {
        return TCL_ERROR;
    }
    return Tcl_PkgProvideEx(interp, "bpacket", PACKAGE_VERSION, NULL);
}

/* Bytes only: nothing here reaches beyond the interpreter. */
DLLEXPORT int Bpacket_SafeInit(Tcl_Interp *interp)
{
    return Bpacket_Init(interp);
}
