/*
 * tclFrame.c -- the hooks of protocols: a frame as bytes, on its way.
 *
 * Layer: binding.  `protocol P receive` sees a packet before it is decoded and
 * may put another into its place; `protocol P send` sees it when nothing but
 * the transport is left, and may only say no.
 */
#include "hooks.h"
#include "tclTransport.h"

#include "frame.h"

/* A body as it was on the wire: between its marks, its length in front. */
static Tcl_Obj *framed(clu_slice body)
{
    Tcl_Obj *packet = NULL;
    clu_buf wire;
    clu_buf_init(&wire, body.n + 32);
    clu_buf_bytes(&wire, clu_frame_marks.header);
    clu_buf_string(&wire, body);
    clu_buf_bytes(&wire, clu_frame_marks.footer);
    if (wire.err == CLU_OK) {
        packet = clu_bytes_new(clu_buf_slice(&wire));
    }
    clu_buf_fini(&wire);
    return packet;
}

/* The body of what a hook left: exactly one packet. */
static clu_err unframe(clu_node *node, clu_question *q, Tcl_Obj *packet)
{
    clu_slice bytes, body;
    size_t need;
    clu_frame_loss loss = { 0 };
    if (clu_bytes_borrow(packet, &bytes) != CLU_OK
        || clu_frame_next(&bytes, (size_t)clu_engine_config(node->engine)
                          ->limits.at[CLU_LIMIT_MESSAGE], &body, &need, &loss)
        != CLU_OK || bytes.n > 0 || loss.junk > 0) {
        return CLU_VALUE;
    }
    void *copy = clu_alloc(body.n + 1);
    if (copy == NULL) {
        return CLU_NOMEM;
    }
    if (body.n > 0) {
        memcpy(copy, body.p, body.n);
    }
    q->frame_owned = copy;
    q->frame = clu_slice_of(copy, body.n);
    return CLU_OK;
}

static clu_err take_change(clu_node *node, clu_question *q, Tcl_Obj *packet)
{
    clu_err err = unframe(node, q, packet);
    if (err != CLU_VALUE) {
        return err;
    }
    clu_engine_counters(node->engine)->at[CLU_COUNT_hook_errors]++;
    clu_tcl_error(node->state->interp, err, "hook \"protocol %s receive\" "
                  "left no packet", q->via->name);
    Tcl_BackgroundException(node->state->interp, TCL_ERROR);
    return CLU_VETO;
}

/* The name a script gave the channel, or the number of the connection. */
static Tcl_Obj *channel_name(clu_node *node, const clu_question *q)
{
    if (clu_script_is(q->via) && node->origin.channel != NULL) {
        return node->origin.channel;
    }
    return q->from != NULL && q->from->link != 0
        ? Tcl_NewWideIntObj((Tcl_WideInt)q->from->link) : Tcl_NewObj();
}

static Tcl_Obj *lambda_of(clu_node *node, clu_hook hook, const char *protocol)
{
    Tcl_Obj *dict = node->hooks[hook], *lambda = NULL;
    if (dict != NULL) {
        Tcl_Obj *key = Tcl_NewStringObj(protocol, -1);
        Tcl_IncrRefCount(key);
        Tcl_DictObjGet(NULL, dict, key, &lambda);
        Tcl_DecrRefCount(key);
    }
    return lambda;
}

clu_err clu_hook_frame(clu_node *node, clu_question *q)
{
    bool in = q->what == CLU_ASK_ARRIVED;
    clu_hook hook = in ? CLU_HOOK_PROTOCOL_RECEIVE : CLU_HOOK_PROTOCOL_SEND;
    Tcl_Obj *lambda = lambda_of(node, hook, q->via->name);
    if (lambda == NULL) {
        return CLU_OK;
    }
    Tcl_Obj *packet = in ? framed(q->frame) : clu_bytes_new(q->frame);
    if (packet == NULL) {
        return CLU_NOMEM;
    }
    Tcl_IncrRefCount(packet);
    Tcl_Obj *left = packet, *channel = channel_name(node, q);
    clu_err err = clu_hook_run(node, hook, lambda, q,
                               clu_service_name(node, q->service), channel,
                               &left);
    if (err == CLU_OK && in && left != packet) {
        err = take_change(node, q, left);
    }
    Tcl_DecrRefCount(left);
    return err;
}
