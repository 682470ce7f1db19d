/*
 * outcomes.h -- what came of the services that a query asked.
 *
 * Layer: binding.  An answer is kept as the packet it is.  Tcl values are made
 * of it when a script asks for them.
 */
#ifndef CLU_OUTCOMES_H
#define CLU_OUTCOMES_H

#include "node.h"

typedef struct clu_outcome {    /* of one service */
    Tcl_Obj *service;           /* its name, held */
    const clu_packet *packet;   /* its answer; NULL: there was none */
    void *block;                /* where that lies; ours */
    Tcl_Obj *payload;           /* held; NULL until a script asks for it */
} clu_outcome;

typedef struct clu_outcomes {
    Tcl_Obj *errors;            /* dict: service -> message */
    Tcl_Obj *error;             /* of the last outcome */
    Tcl_Obj *payloads;          /* dict: service -> payload, of so many ... */
    size_t folded;              /* ... outcomes; NULL: nothing, as all here */
    size_t count, room;         /* of at */
    clu_outcome at[];           /* one for each service that was asked */
} clu_outcomes;

size_t clu_outcomes_size(size_t room);          /* bytes, to begin as zeros */
void clu_outcomes_free(clu_outcomes *o);        /* what it holds */

/*
 * An answer, a failure or a loss, of which each service has one.  block, of
 * clu_alloc, in which the news' packet lies, becomes ours.
 */
void clu_outcomes_add(clu_outcomes *o, Tcl_Obj *service, const clu_news *news,
                      void *block);

/* Of the last outcome; what there is not is empty.  New or held here. */
Tcl_Obj *clu_outcomes_service(clu_outcomes *o);
Tcl_Obj *clu_outcomes_data(clu_outcomes *o);
Tcl_Obj *clu_outcomes_error(clu_outcomes *o);
Tcl_Obj *clu_outcomes_payload(clu_outcomes *o, clu_state *state);

/* Of all: dicts by service. */
Tcl_Obj *clu_outcomes_payloads(clu_outcomes *o, clu_state *state);
Tcl_Obj *clu_outcomes_errors(clu_outcomes *o);
bool clu_outcomes_have(clu_outcomes *o, Tcl_Obj *service, clu_state *state);

#endif
