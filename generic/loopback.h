/*
 * loopback.h -- a transport without a network: members in one process, in
 *               given time.
 *
 * Layer: engine.  For tests and, later, the simulator.
 *
 *     net --- node (host:port) --- one or more transports --- an engine
 *
 * What is sent waits in the net until clu_net_run, then arrives in the order
 * it was sent, `delay` later.  A transport "c" reaches the group, any other
 * name one node by the port in its props.  A node can be cut off: its group
 * traffic is lost, and a unicast to it comes back UNDELIVERED.
 */
#ifndef CLU_LOOPBACK_H
#define CLU_LOOPBACK_H

#include "transport.h"

typedef struct clu_net clu_net;

clu_err clu_net_create(clu_net **net);
void clu_net_destroy(clu_net *net);     /* after every transport's stop */

/* port: unique in the net; the transport's props are "port N" unless it is
   "c".  local: arrivals from it are of this host. */
clu_err clu_loopback_create(clu_net *net, const char *name, uint16_t port,
                            bool local, clu_transport **t);

/* Delivers what is due, until nothing is; new sends included. */
void clu_net_run(clu_net *net, clu_ms now);
/* When the next frame is due, or CLU_NEVER. */
clu_ms clu_net_due(const clu_net *net);

void clu_net_delay(clu_net *net, clu_ms delay);
/* Each datagram is lost, for each who hears it, with this chance in a
   thousand, by a seeded generator. */
void clu_net_loss(clu_net *net, unsigned per_mille, uint64_t seed);
/* The node at this port neither sends nor hears, as if it were killed. */
void clu_net_cut(clu_net *net, uint16_t port, bool cut);
typedef enum {
    CLU_NET_SOUND,
    CLU_NET_FULL,               /* it says LIMIT when it shall send */
    CLU_NET_BROKEN,             /* it says SYSTEM when it shall send */
    CLU_NET_AWAY,               /* it says UNREACHABLE when it shall send */
    CLU_NET_DEAF                /* what is sent to it comes back */
} clu_net_fault;

void clu_net_spoil(clu_net *net, uint16_t port, const char *name,
                   clu_net_fault fault);
/* The other ends of its connections learn that they ended. */
void clu_net_break(clu_net *net, uint16_t port, clu_ms now);

/* The frames carried so far, and a look at each (for tests of the wire). */
typedef void clu_net_tap(void *ctx, uint16_t from, uint16_t to,
                         const char *name, clu_slice frame);
void clu_net_watch(clu_net *net, clu_net_tap *tap, void *ctx);
uint64_t clu_net_frames(const clu_net *net);

#endif
