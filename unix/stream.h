/*
 * stream.h -- transports t and u: listen, connect, and whose link is whose.
 *
 * Layer: transport.  WIRE-ORIGINAL 7.2, 7.3, 16.
 *
 * Both are one machine with two families; what differs stands in one table at
 * the end of family.c.  A service has at most one link that we send on: the
 * first it got, until that ends, so that the order of a pair is kept and an
 * original never sees us on two connections.  A connect happens only while a
 * service has no link at all.  What an ended link did not begin to send goes
 * to the service's next link, or back up as UNDELIVERED.
 *
 * Arrivals come from the loop only, never from within send, bind, forget or
 * refresh.
 */
#ifndef CLU_STREAM_H
#define CLU_STREAM_H

#include "../generic/transport.h"
#include "host.h"

/*
 * TCP.  props: "port N".  local: listens on a loopback address only and
 * connects to that, whatever own address a peer was heard from; others get
 * UNREACHABLE.  v6: so for ::1.  Not local: any address, IPv4 and IPv6.
 */
clu_err clu_tcp_create(clu_loop *loop, clu_host *host, bool local, bool v6,
                       clu_transport **t);

/*
 * Unix sockets.  props: "path P".  path: as -u {path /x/name.ext}: the socket
 * is /x/name-<sid>.ext; NULL: in a private directory of the user
 * (XDG_RUNTIME_DIR, else one of mode 0700 in the temporary directory).
 * The socket is 0600; peers of another user are refused (SO_PEERCRED).  A
 * path a peer names is connected to only inside a directory of our own user
 * (path.h); send says VALUE to any other: that is our choice and no failure
 * of the peer.
 * Errors: VALUE (too long, or the directory is not ours), SYSTEM.
 */
clu_err clu_unix_create(clu_loop *loop, clu_host *host, const char *path,
                        const char *sid, clu_transport **t);

#endif
