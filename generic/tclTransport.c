/*
 * tclTransport.c -- a transport whose operations are methods of a script.
 *
 * Layer: binding.
 *
 * Tricky because every method may do anything: 1. leave the cluster, which
 * stops the transport; so it is held while its script runs, and the engine
 * keeps it while one of its operations is on the stack; 2. call us again; so
 * calls within calls are bounded as those of hooks are; 3. fail; then the
 * error is reported, and the operation has failed like a socket's.
 */
#include "tclTransport.h"
#include "tclScript.h"

#include "../unix/udp.h"

#include <stdio.h>

static const clu_transport_ops script_ops;

static clu_script *script_of(clu_transport *t)
{
    return CLU_CONTAINER(t, clu_script, t);
}

bool clu_script_is(const clu_transport *t)
{
    return t->ops == &script_ops;
}

/* ---- in ------------------------------------------------------------------ */

static Tcl_Obj *value_of(Tcl_Obj *dict, const char *key)
{
    Tcl_Obj *name = Tcl_NewStringObj(key, -1), *value = NULL;
    Tcl_IncrRefCount(name);
    Tcl_DictObjGet(NULL, dict, name, &value);
    Tcl_DecrRefCount(name);
    return value;
}

/* The address, port and local of a descriptor; local alone is enough. */
static int read_descriptor(clu_script *s, Tcl_Interp *interp, Tcl_Obj *dict,
                           clu_from *from)
{
    Tcl_Size size;
    Tcl_WideInt port = 0;
    int local = 0;
    if (Tcl_DictObjSize(interp, dict, &size) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj *address = value_of(dict, "address"), *said = value_of(dict,
                                                                   "local");
    Tcl_Obj *number = value_of(dict, "port");
    if (said != NULL && Tcl_GetBooleanFromObj(interp, said, &local)
        != TCL_OK) {
        return TCL_ERROR;
    }
    bool known = address != NULL
        && clu_address_parse(clu_slice_str(Tcl_GetString(address)),
                             &from->addr) == CLU_OK;
    if (!known && !local) {
        return clu_tcl_error(interp, CLU_VALUE, "the descriptor of protocol "
                             "\"%s\" must have a numeric address, or be "
                             "local, not \"%s\"", s->name,
                             Tcl_GetString(dict));
    }
    if (!known) {
        from->addr = (clu_address){ .family = 4, .ip = { 127, 0, 0, 1 } };
    }
    if (number != NULL && Tcl_GetWideIntFromObj(NULL, number, &port) == TCL_OK
        && port > 0 && port < 65536) {
        from->addr.port = (uint16_t)port;
    }
    from->local = said != NULL
        ? local : clu_host_is_local(s->node->state->host, &from->addr);
    return TCL_OK;
}

static void hand_in(clu_script *s, const clu_from *from, clu_slice bytes,
                    Tcl_Obj *channel, Tcl_Obj *descriptor)
{
    clu_node *node = s->node;
    clu_origin before = node->origin;
    node->origin = (clu_origin){ channel, descriptor };
    s->t.bytes_in += bytes.n;
    clu_udp_cut(&s->t, from, bytes, clu_loop_clock());
    node->origin = before;
}

static int receive(clu_script *s, Tcl_Interp *interp, Tcl_Obj *channel,
                   Tcl_Obj *packet, Tcl_Obj *descriptor)
{
    clu_node *node = s->node;
    clu_from from = { 0 };
    clu_slice bytes;
    if (read_descriptor(s, interp, descriptor, &from) != TCL_OK) {
        return TCL_ERROR;
    }
    if (clu_bytes_borrow(packet, &bytes) != CLU_OK) {
        return clu_tcl_error(interp, CLU_VALUE, "a packet is bytes, not "
                             "characters");
    }
    clu_channels_source(&s->channels, channel, &from);
    if (clu_notify_behind(&node->server)) {
        clu_engine_counters(node->engine)->at[CLU_COUNT_drop_limit]++;
    } else {
        hand_in(s, &from, bytes, channel, descriptor);
    }
    Tcl_ResetResult(interp);
    return TCL_OK;
}

int clu_script_receive(clu_script *s, Tcl_Interp *interp, Tcl_Obj *channel,
                       Tcl_Obj *packet)
{
    if (!clu_script_may_call(s)) {
        return TCL_OK;
    }
    int code;
    s->holds++;
    bool alive = clu_script_ask(s, "descriptor", channel, &code);
    if (alive && code == TCL_OK && s->object != NULL) {
        Tcl_Obj *descriptor = Tcl_GetObjResult(interp);
        Tcl_IncrRefCount(descriptor);
        code = receive(s, interp, channel, packet, descriptor);
        Tcl_DecrRefCount(descriptor);
    }
    clu_script_release(s);
    return !alive || code == TCL_OK ? TCL_OK : TCL_ERROR;
}

/* ---- the operations ------------------------------------------------------ */

static clu_err script_send(clu_transport *t, const clu_target *to,
                           clu_slice frame, const clu_ticket *ticket,
                           clu_ms now)
{
    (void)ticket;
    (void)now;
    clu_script *s = script_of(t);
    clu_service *service = clu_table_find_id(   /* route looked just now */
        clu_engine_table(s->node->engine), to->service);
    Tcl_Obj *words[] = { clu_bytes_new(frame),
                         clu_service_name(s->node, service) };
    Tcl_Obj *value;
    int left = 0;
    s->holds++;
    if (clu_script_call(s, true, "send", 2, words, &value)) {
        if (Tcl_GetBooleanFromObj(NULL, value, &left) != TCL_OK) {
            clu_script_complain(s, "send", value, "a boolean");
        }
        Tcl_DecrRefCount(value);
    }
    if (left) {
        t->packets_out++;
        t->bytes_out += frame.n;
    }
    clu_script_release(s);
    return left ? CLU_OK : CLU_UNREACHABLE;
}

static void script_bind(clu_transport *t, uint64_t link, uint64_t service)
{
    clu_channels_bind(&script_of(t)->channels, link, service);
}

/* A beacon leaves also when a script's properties are none. */
static clu_err script_props(clu_transport *t, clu_buf *out)
{
    clu_script *s = script_of(t);
    Tcl_Obj *value;
    Tcl_Size size;
    clu_err err = CLU_OK;
    s->holds++;
    if (clu_script_call(s, false, "props", 0, NULL, &value)) {
        err = Tcl_DictObjSize(NULL, value, &size) == TCL_OK
            ? clu_text_get(value, out) : CLU_VALUE;
        if (err != CLU_OK && err != CLU_NOMEM) {
            clu_script_complain(s, "props", value, "a short dict");
            clu_buf_clear(out);
            err = CLU_OK;
        }
        Tcl_DecrRefCount(value);
    }
    clu_script_release(s);
    return err;
}

static void script_beat(clu_transport *t, clu_ms now)
{
    (void)now;
    clu_script_event(script_of(t), "heartbeat", NULL);
}

static clu_err script_refresh(clu_transport *t, clu_ms now)
{
    (void)now;
    clu_script_event(script_of(t), "refresh", NULL);
    return CLU_OK;
}

/* The object goes first, so that its destructor finds no way back. */
static void detach(clu_script *s)
{
    Tcl_Obj *object = s->object;
    s->object = NULL;
    if (object == NULL) {
        return;                 /* as of every node that is finished */
    }
    clu_state *state = s->node->state;
    if (!Tcl_InterpDeleted(state->interp)) {
        Tcl_Interp *interp = state->interp;
        Tcl_Preserve(interp);
        Tcl_InterpState saved = Tcl_SaveInterpState(interp, TCL_OK);
        Tcl_Obj *words[] = { Tcl_NewStringObj(
                                 "::cluster::protocols::Destroy", -1),
                             object };
        int code;
        clu_notify_eval(s->node, CLU_COUNT_OF(words), words, &code);
        if (code == TCL_ERROR && s->node->state != NULL) {
            clu_script_report(s, "destroy");
        }
        Tcl_RestoreInterpState(interp, saved);
        Tcl_Release(interp);
    }
    Tcl_DecrRefCount(object);
}

static void script_stop(clu_transport *t)
{
    clu_script *s = script_of(t);
    detach(s);
    clu_script_release(s);
}

static const clu_transport_ops script_ops = {
    .send = script_send, .bind = script_bind, .props = script_props,
    .beat = script_beat, .refresh = script_refresh, .stop = script_stop
};

/* ---- life ---------------------------------------------------------------- */

clu_script *clu_script_find(clu_node *node, const char *id)
{
    clu_transport *t;
    for (unsigned i = 0;
         (t = clu_engine_transport(node->engine, i)) != NULL; i++) {
        if (clu_script_is(t) && strcmp(t->name, id) == 0) {
            return script_of(t);
        }
    }
    return NULL;
}

clu_channels *clu_script_channels(clu_script *s)
{
    return &s->channels;
}

Tcl_Obj *clu_script_object(const clu_script *s)
{
    return s->object ? s->object : Tcl_NewObj();
}

static clu_script *create(clu_node *node, const char *id)
{
    clu_script *s = clu_alloc(sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    snprintf(s->name, sizeof s->name, "%s", id);
    s->t = (clu_transport){ .ops = &script_ops, .name = s->name,
                            .finds = true };
    s->holds = 1;               /* the engine's */
    s->node = node;
    clu_channels_init(&s->channels);
    return s;
}

/* ::cluster::protocols::Make returns the object. */
static int make_object(clu_script *s, Tcl_Obj *number, Tcl_Obj *config)
{
    clu_node *node = s->node;
    Tcl_Interp *interp = node->state->interp;
    Tcl_Obj *words[] = { Tcl_NewStringObj("::cluster::protocols::Make", -1),
                         node->name, Tcl_NewStringObj(s->name, -1), number,
                         config };
    int code;
    bool alive = clu_notify_eval(node, CLU_COUNT_OF(words), words, &code);
    if (alive && code == TCL_OK) {
        s->object = Tcl_GetObjResult(interp);
        Tcl_IncrRefCount(s->object);
    }
    if (!alive || node->closing) {
        detach(s);
        return clu_tcl_error(interp, CLU_GONE, "protocol \"%s\" destroyed the "
                             "cluster", s->name);
    }
    return code == TCL_OK ? TCL_OK : TCL_ERROR;
}

int clu_script_attach(clu_node *node, const char *id, Tcl_Obj *number,
                      Tcl_Obj *config)
{
    Tcl_Interp *interp = node->state->interp;
    clu_script *s = create(node, id);
    if (s == NULL) {
        return clu_tcl_error(interp, CLU_NOMEM, "out of memory");
    }
    node->scripted = true;      /* from now on scripts have their phase */
    clu_err err = clu_engine_attach(node->engine, &s->t, clu_notify_up, node);
    if (err != CLU_OK) {
        clu_script_release(s);
        return clu_tcl_error(interp, err, "could not add the protocol "
                             "\"%s\": %s", id, clu_err_text(err));
    }
    s->holds++;
    int code = make_object(s, number, config);
    clu_script_release(s);
    return code;
}

/* ---- what scripts are told ----------------------------------------------- */

static void tell_lost(clu_script *s, clu_service *service)
{
    Tcl_Obj *list = clu_channels_take(&s->channels, service->id);
    Tcl_Obj *name = clu_service_name(s->node, service);
    Tcl_Size count;
    Tcl_Obj **ids;
    Tcl_IncrRefCount(list);
    Tcl_IncrRefCount(name);
    Tcl_ListObjGetElements(NULL, list, &count, &ids);
    for (Tcl_Size i = 0; i < count; i++) {
        Tcl_Obj *words[] = { name, ids[i], Tcl_NewBooleanObj(0) };
        clu_script_notify(s, "done", 3, words);
    }
    clu_script_event(s, "service_lost", name);
    Tcl_DecrRefCount(name);
    Tcl_DecrRefCount(list);
}

void clu_script_lost(clu_node *node, clu_service *service)
{
    clu_transport *t;
    for (unsigned i = 0; node->scripted && !node->dead
         && (t = clu_engine_transport(node->engine, i)) != NULL; i++) {
        if (clu_script_is(t)) {
            clu_script *s = script_of(t);
            s->holds++;
            tell_lost(s, service);
            clu_script_release(s);
        }
    }
}

void clu_script_detach_all(clu_node *node)
{
    clu_transport *t;
    for (unsigned i = 0;
         (t = clu_engine_transport(node->engine, i)) != NULL; i++) {
        if (clu_script_is(t)) {
            clu_script *s = script_of(t);
            s->holds++;
            detach(s);
            clu_script_release(s);
        }
    }
}
