/*
 * tclTransport.h -- a transport whose operations are methods of a script.
 *
 * Layer: binding.  The script is an object, or any command prefix, with the
 * methods of the original's protocol classes (WIRE-ORIGINAL 7, API 8):
 *
 *     send packet service -> boolean      props -> dict
 *     descriptor chanID -> dict           proto
 *     done service chanID keepalive       event name ?arg ...?
 *
 * A script may run only in the dispatch phase.  So a membership with such a
 * transport is `scripted`: all that arrives, and its time, waits for it.
 */
#ifndef CLU_TCLTRANSPORT_H
#define CLU_TCLTRANSPORT_H

#include "tclChannel.h"

typedef struct clu_script clu_script;

/* Adds the protocol to the membership and has its object made.  An error is
   in the interpreter; what was made so far goes with the membership. */
int clu_script_attach(clu_node *node, const char *id, Tcl_Obj *number,
                      Tcl_Obj *config);

/* By its id, or NULL: not spoken, or no script's. */
clu_script *clu_script_find(clu_node *node, const char *id);
bool clu_script_is(const clu_transport *t);
Tcl_Obj *clu_script_object(const clu_script *s);

/* Bytes from a channel: every whole packet among them arrives later. */
int clu_script_receive(clu_script *s, Tcl_Interp *interp, Tcl_Obj *channel,
                       Tcl_Obj *packet);

/* Its connections, which live as long as it. */
clu_channels *clu_script_channels(clu_script *s);

/* The service is lost: its channels are done, and the scripts are told. */
void clu_script_lost(clu_node *node, clu_service *service);
/* The commands are going: every object is destroyed. */
void clu_script_detach_all(clu_node *node);

#endif
