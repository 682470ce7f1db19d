/*
 * group.h -- the sockets of a multicast group: who hears it, and the way out.
 *
 * Layer: transport (system).  WIRE-ORIGINAL 7.1, 16.
 */
#ifndef CLU_GROUP_H
#define CLU_GROUP_H

#include "host.h"
#include "sock.h"

/* How datagrams to the group leave.  All zero: as the kernel routes them. */
typedef struct clu_way {
    unsigned face;              /* index of the interface */
    clu_address source;         /* family 0: what the kernel picks */
} clu_way;

/*
 * Bound to any address and the group's port, shared with others by
 * SO_REUSEPORT, as originals do; hears this group and no other.  SYSTEM with
 * EADDRINUSE: somebody has the port and does not share it (with us).
 */
clu_err clu_group_open(const clu_address *group, int *fd);

/* Bound to any address and a port of its own: sends, and gets the answers. */
clu_err clu_group_sender(const clu_address *group, int ttl, int *fd);

/* The receive buffer, in bytes: what a group's socket asks for, and what the
   system says that it gave (Linux: twice what it granted). */
clu_err clu_group_buffer(const clu_address *group, int *asked, int *granted);

/*
 * Joins, or joins again, on every interface that can; only: on that one.
 * An interface that refuses is passed over.
 */
void clu_group_join(int fd, const clu_address *group, const clu_host *host,
                    unsigned only);

/*
 * Which way?  An interface that was asked for; where nothing shall leave this
 * host (ttl 0) the loopback one, which needs no network and gives a source
 * that peers reach our loopback listeners by; else the route's.  Without a
 * route, or where that gives no source, the loopback one: an original drops
 * what comes from 0.0.0.0.
 */
clu_way clu_group_way(const clu_address *group, const clu_host *host, int ttl,
                      const clu_interface *asked);
clu_way clu_group_fallback(const clu_address *group, const clu_host *host);

/* The source that the system's route to the group gives; UNREACHABLE: there is
   no route, or none with a source. */
clu_err clu_group_route(const clu_address *group, clu_address *source);

#endif
