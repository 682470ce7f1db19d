/*
 * tclChannel.h -- the connections of a protocol that is a script.
 *
 * Layer: binding.  A script names each by its chanID and says when it opens
 * and closes; the core learns from its packets for which service it speaks.
 */
#ifndef CLU_TCLCHANNEL_H
#define CLU_TCLCHANNEL_H

#include "node.h"

typedef struct clu_channels {
    Tcl_HashTable by_id;
    uint64_t links, bindings;   /* how many there were */
} clu_channels;

void clu_channels_init(clu_channels *all);
void clu_channels_fini(clu_channels *all);

/* It speaks for one service, from the first packet on or from now (0: nobody
   knows yet).  Opened again it is another connection.  NOMEM. */
clu_err clu_channels_open(clu_channels *all, Tcl_Obj *id, uint64_t service);
void clu_channels_close(clu_channels *all, Tcl_Obj *id);

/* The connection, as the core calls it, now speaks for this service. */
void clu_channels_bind(clu_channels *all, uint64_t link, uint64_t service);

/* What the core calls it and for whom it speaks, if it is one. */
void clu_channels_source(clu_channels *all, Tcl_Obj *id, clu_from *from);

/* The one that spoke last for this service, or NULL. */
Tcl_Obj *clu_channels_last(clu_channels *all, uint64_t service);

/* A list of those of a service, for which they speak no more. */
Tcl_Obj *clu_channels_take(clu_channels *all, uint64_t service);

#endif
