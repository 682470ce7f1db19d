/*
 * outcomes.c -- what came of the services that a query asked.
 *
 * Layer: binding.
 */
#include "outcomes.h"

#include <assert.h>

/* ---- in ------------------------------------------------------------------ */

size_t clu_outcomes_size(size_t room)
{
    return sizeof(clu_outcomes) + room * sizeof(clu_outcome);
}

void clu_outcomes_free(clu_outcomes *o)
{
    clu_value_set(&o->errors, NULL);
    clu_value_set(&o->error, NULL);
    clu_value_set(&o->payloads, NULL);
    for (size_t i = 0; i < o->count; i++) {
        clu_value_set(&o->at[i].service, NULL);
        clu_value_set(&o->at[i].payload, NULL);
        clu_free(o->at[i].block);
    }
}

/* The message of what is no response; NULL for one. */
static Tcl_Obj *error_of(const clu_news *news)
{
    switch (news->what) {
    case CLU_NEWS_ASKED_FAILED:
        return Tcl_NewStringObj(clu_err_text(news->err), -1);
    case CLU_NEWS_ASKED_LOST:
        return Tcl_NewStringObj("the service was lost", -1);
    default:
        return clu_packet_has(news->packet, CLU_FIELD_error)
            ? clu_text_new(news->packet->at[CLU_FIELD_error].text) : NULL;
    }
}

void clu_outcomes_add(clu_outcomes *o, Tcl_Obj *service, const clu_news *news,
                      void *block)
{
    assert(o->count < o->room);
    clu_outcome *outcome = &o->at[o->count++];
    clu_value_set(&outcome->service, service);
    clu_value_set(&o->error, error_of(news));
    if (o->error != NULL) {
        clu_value_put(&o->errors, service, o->error);
    }
    outcome->packet = news->packet;
    outcome->block = block;
}

/* ---- out ----------------------------------------------------------------- */

static clu_outcome *last(clu_outcomes *o)
{
    return o->count > 0 ? &o->at[o->count - 1] : NULL;
}

Tcl_Obj *clu_outcomes_service(clu_outcomes *o)
{
    return last(o) ? last(o)->service : Tcl_NewObj();
}

Tcl_Obj *clu_outcomes_data(clu_outcomes *o)
{
    const clu_packet *p = last(o) ? last(o)->packet : NULL;
    return p != NULL && clu_packet_has(p, CLU_FIELD_data)
        ? clu_text_new(p->at[CLU_FIELD_data].text) : Tcl_NewObj();
}

Tcl_Obj *clu_outcomes_error(clu_outcomes *o)
{
    return clu_value_or_nothing(o->error);
}

static Tcl_Obj *payload_of(clu_outcome *outcome, clu_state *state)
{
    if (outcome->payload == NULL && outcome->packet != NULL) {
        clu_value_set(&outcome->payload,
                      clu_payload_new(state, outcome->packet));
    }
    return clu_value_or_nothing(outcome->payload);
}

Tcl_Obj *clu_outcomes_payload(clu_outcomes *o, clu_state *state)
{
    return last(o) ? payload_of(last(o), state) : Tcl_NewObj();
}

Tcl_Obj *clu_outcomes_payloads(clu_outcomes *o, clu_state *state)
{
    for (; o->folded < o->count; o->folded++) {
        clu_outcome *outcome = &o->at[o->folded];
        if (outcome->packet != NULL) {
            clu_value_put(&o->payloads, outcome->service,
                          payload_of(outcome, state));
        }
    }
    return clu_value_or_nothing(o->payloads);
}

Tcl_Obj *clu_outcomes_errors(clu_outcomes *o)
{
    return clu_value_or_nothing(o->errors);
}

bool clu_outcomes_have(clu_outcomes *o, Tcl_Obj *service, clu_state *state)
{
    Tcl_Obj *told = NULL, *payloads = clu_outcomes_payloads(o, state);
    Tcl_IncrRefCount(payloads);
    Tcl_DictObjGet(NULL, payloads, service, &told);
    if (told == NULL && o->errors != NULL) {
        Tcl_DictObjGet(NULL, o->errors, service, &told);
    }
    Tcl_DecrRefCount(payloads);
    return told != NULL;
}
