/*
 * datagram.h -- transport d: unicast UDP, one frame a datagram.
 *
 * Layer: transport.  props: "port N".  IP_RECVERR: a refusal from a live host
 * says within half a millisecond that the process is gone (REFUSED).
 */
#ifndef CLU_DATAGRAM_H
#define CLU_DATAGRAM_H

#include "../generic/transport.h"
#include "host.h"

/*
 * local: listens on a loopback address only and sends to that, whatever own
 * address a peer was heard from; others get UNREACHABLE.  v6: an IPv6 socket;
 * not local it takes IPv4 as well.  send: LIMIT beyond CLU_LIMIT_DATAGRAM.
 */
clu_err clu_datagram_create(clu_loop *loop, clu_host *host, bool local,
                            bool v6, clu_transport **t);

#endif
