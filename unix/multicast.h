/*
 * multicast.h -- transport c: beacons to the group, and what the group says.
 *
 * Layer: transport.  WIRE-ORIGINAL 7.1, 16; DESIGN 4, 7.
 *
 *     group socket   bound to any:port, SO_REUSEPORT: hears the group
 *     own socket     bound to any:0: sends to the group, so that the source of
 *                    each of our datagrams is an address that answers come to
 */
#ifndef CLU_MULTICAST_H
#define CLU_MULTICAST_H

#include "../generic/transport.h"
#include "host.h"

typedef struct clu_multicast_config {
    clu_address group;          /* with port */
    int ttl;                    /* 0: this host only */
    const char *interface;      /* name or numeric address, or NULL */
    const clu_address *seeds;   /* get our group datagrams as well */
    size_t seed_count;
} clu_multicast_config;

/*
 * Fills *t, whose head (up, owner, limits, counters) is set by the caller
 * before anything is received.  Errors: VALUE (no multicast group, or no such
 * interface), SYSTEM with errno (EADDRINUSE: a stranger without SO_REUSEPORT
 * has the port).  Nothing is left open on failure.
 */
clu_err clu_multicast_create(clu_loop *loop, clu_host *host,
                             const clu_multicast_config *config,
                             clu_transport **t);

#endif
