/*
 * sendCmd.c -- $cluster send, $service send, $cluster broadcast.
 *
 * Layer: binding.  API 2.
 */
#include "node.h"

#define MANY 3                  /* more services than that: one multicast */

/* ---- whom ---------------------------------------------------------------- */

int clu_allowed(clu_node *node, Tcl_Interp *interp, Tcl_Obj *list,
                uint32_t *allowed)
{
    Tcl_Size count;
    Tcl_Obj **names;
    if (Tcl_ListObjGetElements(interp, list, &count, &names) != TCL_OK) {
        return TCL_ERROR;
    }
    uint32_t bits = 0;
    for (Tcl_Size k = 0; k < count; k++) {
        unsigned i = 0;
        clu_transport *t;
        while ((t = clu_engine_transport(node->engine, i)) != NULL
               && strcmp(t->name, Tcl_GetString(names[k])) != 0) {
            i++;
        }
        if (t == NULL) {
            return clu_tcl_fail(interp, "CLUSTER_INVALID_ARGS", "this cluster "
                                "does not speak the protocol \"%s\"",
                                Tcl_GetString(names[k]));
        }
        bits |= 1u << i;
    }
    *allowed = count > 0 ? bits : CLU_SEND_ANY;
    return TCL_OK;
}

static int add_list(clu_node *node, Tcl_Interp *interp, bool resolver,
                    Tcl_Obj *list, clu_found *found)
{
    clu_found some = { 0 };
    int code = clu_resolve(node, interp, resolver, 1, &list, &some);
    for (size_t i = 0; code == TCL_OK && i < some.count; i++) {
        if (clu_found_add(found, some.ids[i]) != CLU_OK) {
            code = clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    clu_found_free(&some);
    return code;
}

int clu_targets(clu_node *node, Tcl_Interp *interp, Tcl_Obj *services,
                Tcl_Obj *resolve, Tcl_Obj *resolver, clu_found *found)
{
    int code = TCL_OK;
    if (services != NULL) {
        code = clu_service_ids_of(node, interp, services, found);
    }
    if (code == TCL_OK && resolver != NULL) {
        code = add_list(node, interp, true, resolver, found);
    }
    if (code == TCL_OK && resolve != NULL) {
        code = add_list(node, interp, false, resolve, found);
    }
    return code;
}

/* ---- a packet with our heading ------------------------------------------- */

/*
 * A payload as the builders make it, or any dict of fields: what a packet
 * must have and this one lacks is ours, an event on channel 0.
 */
int clu_payload_headed(clu_node *node, Tcl_Interp *interp, Tcl_Obj *payload,
                       clu_packet **packet)
{
    clu_packet *given;
    if (clu_payload_get(node->state, payload, &given) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_packet whole = { 0 };
    clu_engine_head(node->engine, &whole, CLU_TYPE_EVENT, 0);
    for (unsigned i = 0; i < given->count; i++) {
        clu_field field = (clu_field)given->order[i];
        switch (clu_field_kind(field)) {
        case CLU_KIND_NUMBER:
        case CLU_KIND_FLAG:
            clu_packet_number(&whole, field, given->at[field].number);
            break;
        case CLU_KIND_TEXT:
        case CLU_KIND_BYTES:
            clu_packet_text(&whole, field, given->at[field].text);
            break;
        case CLU_KIND_LIST:
            clu_packet_list(&whole, field, given->at[field].list);
            break;
        }
    }
    if (clu_packet_has(&whole, CLU_FIELD_filter)) {
        clu_packet_first(&whole, CLU_FIELD_filter);
    }
    *packet = clu_packet_copy(&whole);
    clu_free(given);
    return *packet ? TCL_OK : clu_tcl_error(interp, CLU_NOMEM,
                                            "out of memory");
}

/* ---- the commands -------------------------------------------------------- */

enum { SERVICES, RESOLVER, RESOLVE, BROADCAST, PROTOCOLS, CHANNEL, RUID, DATA,
       RAW, FILTER, OP, REPORT, OPTIONS };

static const clu_option send_options[OPTIONS + 1] = {
    [SERVICES]  = { "-services", false },
    [RESOLVER]  = { "-resolver", false },
    [RESOLVE]   = { "-resolve", false },
    [BROADCAST] = { "-broadcast", false },
    [PROTOCOLS] = { "-protocols", false },
    [CHANNEL]   = { "-channel", false },
    [RUID]      = { "-ruid", false },
    [DATA]      = { "-data", false },
    [RAW]       = { "-raw", false },
    [FILTER]    = { "-filter", false },
    [OP]        = { "-op", false },
    [REPORT]    = { "-report", true },
    [OPTIONS]   = { NULL, false },
};

typedef struct clu_sending {    /* one send command */
    clu_node *node;
    Tcl_Interp *interp;
    Tcl_Obj *at[OPTIONS];
    clu_found found;
    clu_packet *packet;
    bool group, must_fit;
    int report;                 /* per service what came of it */
    uint32_t allowed;
} clu_sending;

/* The event's payload, as a dict that then becomes a packet. */
static int event_packet(clu_sending *s)
{
    static const struct {
        int option;
        clu_field field;
    } fields[] = {
        { CHANNEL, CLU_FIELD_channel }, { RUID, CLU_FIELD_ruid },
        { OP, CLU_FIELD_op }, { DATA, CLU_FIELD_data },
        { RAW, CLU_FIELD_raw }, { FILTER, CLU_FIELD_filter },
    };
    Tcl_Obj *dict = Tcl_NewDictObj();
    Tcl_IncrRefCount(dict);
    for (size_t i = 0; i < CLU_COUNT_OF(fields); i++) {
        if (s->at[fields[i].option] != NULL) {
            Tcl_DictObjPut(NULL, dict,
                           s->node->state->fields[fields[i].field],
                           s->at[fields[i].option]);
        }
    }
    int code = clu_payload_headed(s->node, s->interp, dict, &s->packet);
    Tcl_DecrRefCount(dict);
    return code;
}

static bool only_group(const clu_sending *s)
{
    for (unsigned i = 0; ; i++) {
        clu_transport *t = clu_engine_transport(s->node->engine, i);
        if (t == NULL) {
            return false;
        }
        if (t->multicast) {
            return s->allowed == 1u << i;
        }
    }
}

/* One multicast or each by itself?  API 2: asked for; or protocol c alone; or
   more than three services, nothing said, and it fits one datagram. */
static int choose_way(clu_sending *s)
{
    int broadcast = -1;
    s->allowed = CLU_SEND_ANY;
    if (s->at[PROTOCOLS] != NULL
        && clu_allowed(s->node, s->interp, s->at[PROTOCOLS], &s->allowed)
        != TCL_OK) {
        return TCL_ERROR;
    }
    if (s->at[BROADCAST] != NULL && Tcl_GetString(s->at[BROADCAST])[0] != '\0'
        && Tcl_GetBooleanFromObj(s->interp, s->at[BROADCAST], &broadcast)
        != TCL_OK) {
        return TCL_ERROR;
    }
    s->group = broadcast == 1 || only_group(s);
    s->must_fit = false;
    if (broadcast < 0 && !s->group && s->allowed == CLU_SEND_ANY
        && s->found.count > MANY) {
        s->group = s->must_fit = true;
    }
    return TCL_OK;
}

static clu_err dispatch(clu_sending *s, clu_err *outcomes, uint8_t *used)
{
    clu_outgoing out = { .packet = s->packet, .services = s->found.ids,
                         .count = s->found.count, .group = s->group,
                         .must_fit = s->must_fit, .allowed = s->allowed,
                         .outcomes = outcomes, .used = used };
    clu_err err = clu_engine_send(s->node->engine, &out, clu_loop_clock());
    if (err == CLU_LIMIT && s->must_fit) {
        out.group = false;
        err = clu_engine_send(s->node->engine, &out, clu_loop_clock());
    }
    return err;
}

/* The protocols that took it, each once. */
static Tcl_Obj *protocols_used(const clu_sending *s, const uint8_t *used,
                               bool sent)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    uint32_t seen = 0;
    for (size_t i = 0; i < s->found.count; i++) {
        clu_transport *t = clu_engine_transport(s->node->engine, used[i]);
        if (t != NULL && !((seen >> used[i]) & 1u)) {
            seen |= 1u << used[i];
            Tcl_ListObjAppendElement(NULL, list,
                                     Tcl_NewStringObj(t->name, -1));
        }
    }
    if (s->found.count == 0 && sent) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj("c", -1));
    }
    return list;
}

/* -report: service -> {ok protocol} or {error code message}. */
static Tcl_Obj *report(const clu_sending *s, const clu_err *outcomes,
                       const uint8_t *used)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    for (size_t i = 0; i < s->found.count; i++) {
        clu_service *to = clu_table_find_id(
            clu_engine_table(s->node->engine), s->found.ids[i]);
        if (to == NULL) {
            continue;
        }
        clu_transport *t = clu_engine_transport(s->node->engine, used[i]);
        Tcl_Obj *words[3] = { NULL, NULL, NULL };
        if (outcomes[i] == CLU_OK && t != NULL) {
            words[0] = Tcl_NewStringObj("ok", -1);
            words[1] = Tcl_NewStringObj(t->name, -1);
        } else {
            words[0] = Tcl_NewStringObj("error", -1);
            words[1] = Tcl_NewStringObj(clu_err_name(outcomes[i]), -1);
            words[2] = Tcl_NewStringObj(clu_err_text(outcomes[i]), -1);
        }
        Tcl_DictObjPut(NULL, dict, clu_service_name(s->node, to),
                       Tcl_NewListObj(words[2] ? 3 : 2, words));
    }
    return dict;
}

static int transmit(clu_sending *s)
{
    size_t count = s->found.count + 1;
    clu_err *outcomes = clu_alloc(count * (sizeof *outcomes + 1));
    if (outcomes == NULL) {
        return clu_tcl_error(s->interp, CLU_NOMEM, "out of memory");
    }
    uint8_t *used = (uint8_t *)(outcomes + count);
    Tcl_Obj *result[3] = { clu_service_names(s->node, &s->found), NULL, NULL };
    if (result[0] == NULL) {
        clu_free(outcomes);
        return clu_tcl_error(s->interp, CLU_NOMEM, "out of memory");
    }
    result[1] = clu_payload_new(s->node->state, s->packet);
    clu_err err = dispatch(s, outcomes, used);
    Tcl_ResetResult(s->interp);
    result[2] = protocols_used(s, used, err == CLU_OK);
    Tcl_Obj *list = Tcl_NewListObj(3, result);
    Tcl_IncrRefCount(list);
    int code = TCL_OK;
    if (s->report) {
        Tcl_SetObjResult(s->interp, report(s, outcomes, used));
    } else if (err == CLU_LIMIT || err == CLU_NOMEM) {
        code = clu_tcl_error(s->interp, err, err == CLU_NOMEM
                             ? "out of memory" : "the message is too long, or "
                             "a queue is full");
    } else {
        Tcl_SetObjResult(s->interp, list);
    }
    Tcl_DecrRefCount(list);
    clu_free(outcomes);
    return code;
}

static int send(clu_sending *s, uint64_t service)
{
    bool said = service != 0 || s->at[SERVICES] || s->at[RESOLVE]
        || s->at[RESOLVER];
    int code = TCL_OK;
    if (service != 0 && clu_found_add(&s->found, service) != CLU_OK) {
        code = clu_tcl_error(s->interp, CLU_NOMEM, "out of memory");
    }
    if (code == TCL_OK) {
        code = clu_targets(s->node, s->interp, s->at[SERVICES],
                           s->at[RESOLVE], s->at[RESOLVER], &s->found);
    }
    if (code == TCL_OK) {
        code = choose_way(s);
    }
    if (code == TCL_OK && s->at[REPORT] != NULL) {
        code = Tcl_GetBooleanFromObj(s->interp, s->at[REPORT], &s->report);
    }
    if (code != TCL_OK || (s->found.count == 0 && (said || !s->group))) {
        return code;            /* nobody matched: nothing is sent */
    }
    code = event_packet(s);
    return code == TCL_OK ? transmit(s) : code;
}

/* $service send payload: whatever packet it is, to this one. */
static int send_payload(clu_node *node, Tcl_Interp *interp, uint64_t service,
                        Tcl_Obj *payload)
{
    clu_packet *packet;
    if (clu_payload_headed(node, interp, payload, &packet) != TCL_OK) {
        return TCL_ERROR;
    }
    uint8_t used = 0;
    clu_outgoing out = { .packet = packet, .services = &service, .count = 1,
                         .allowed = CLU_SEND_ANY, .used = &used };
    clu_err err = clu_engine_send(node->engine, &out, clu_loop_clock());
    clu_free(packet);
    clu_transport *t = clu_engine_transport(node->engine, used);
    Tcl_SetObjResult(interp, err == CLU_OK && t != NULL
                     ? Tcl_NewStringObj(t->name, -1) : Tcl_NewObj());
    return TCL_OK;
}

int clu_send_cmd(clu_node *node, Tcl_Interp *interp, uint64_t service,
                 int objc, Tcl_Obj *const objv[])
{
    int code;
    if (service != 0 && objc == 1) {
        code = send_payload(node, interp, service, objv[0]);
    } else {
        clu_sending s = { .node = node, .interp = interp };
        code = clu_options_get(interp, send_options, OPTIONS, objc, objv,
                               s.at);
        if (code == TCL_OK) {
            code = send(&s, service);
        }
        clu_options_free(s.at, OPTIONS);
        clu_found_free(&s.found);
        clu_free(s.packet);
    }
    clu_node_rearm(node);
    return code;
}

int clu_broadcast_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *payload)
{
    clu_packet *packet;
    if (clu_payload_headed(node, interp, payload, &packet) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_broadcast(node->engine, packet,
                                       clu_loop_clock());
    clu_free(packet);
    clu_node_rearm(node);
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(err == CLU_OK));
    return TCL_OK;
}
