/*
 * sock.h -- one system call each, made safe.
 *
 * Layer: transport (system).  Every descriptor is non-blocking, closed on
 * exec and, where the process may have that many, moved above 1023 so that
 * the application keeps the low ones (Tcl 8.6 aborts beyond FD_SETSIZE when
 * *it* watches them; ours are watched by the loop).  EINTR is handled here.
 * CLU_SYSTEM leaves errno as the call set it.
 */
#ifndef CLU_SOCK_H
#define CLU_SOCK_H

#include "../generic/address.h"

#include <sys/socket.h>

typedef struct clu_sockaddr {
    struct sockaddr_storage s;
    socklen_t n;
} clu_sockaddr;

void clu_sockaddr_of(const clu_address *a, clu_sockaddr *out);
void clu_sockaddr_mapped(const clu_address *a, clu_sockaddr *out); /* AF_INET6,
                                                    IPv4 as ::ffff:a.b.c.d */
clu_err clu_sockaddr_path(const char *path, clu_sockaddr *out); /* or VALUE */
void clu_address_of(const void *sockaddr, clu_address *out); /* unmaps */

/* family: AF_INET, AF_INET6 or AF_UNIX; type: SOCK_STREAM or SOCK_DGRAM. */
clu_err clu_sock_open(int family, int type, int *fd);
void clu_sock_close(int fd);            /* harmless for -1; keeps errno */
clu_err clu_sock_bind(int fd, const clu_address *a);
clu_err clu_sock_name(int fd, clu_address *a);
clu_err clu_sock_option(int fd, int level, int name, int value);
int clu_sock_lift(int fd);      /* to >= 1024 when possible; not with poll */

/* MORE: nobody waits; SYSTEM with EMFILE, ENFILE, ENOBUFS or ENOMEM: later. */
clu_err clu_sock_accept(int fd, int *link, clu_address *from);
/* MORE: under way (writable when done); SYSTEM with EAGAIN: a Unix listener's
   queue is full, try again. */
clu_err clu_sock_connect(int fd, const clu_sockaddr *to);
clu_err clu_sock_error(int fd);         /* what became of it: OK or SYSTEM */

/* *n bytes read; MORE: nothing there; CLOSED: the end. */
clu_err clu_sock_read(int fd, void *p, size_t room, size_t *n);
/* *n bytes written; MORE: not now. */
clu_err clu_sock_write(int fd, const void *p, size_t size, size_t *n);
/* The same of several pieces in a row. */
clu_err clu_sock_write_all(int fd, const clu_slice *pieces, size_t count,
                           size_t *n);
#define CLU_SOCK_PIECES 64      /* of which so many are looked at */

/*
 * A child that was forked and has not called exec shares its parent's sockets.
 * There each is replaced by /dev/null, and until its loops are gone no new one
 * is opened and no socket file removed: the parent alone speaks.
 */
void clu_sock_orphan(int fd);           /* -1: only says so */
void clu_sock_replace(int fd, int by);  /* by takes its number; -1: closed */
void clu_sock_adopt(void);              /* they are gone: it may begin anew */
bool clu_sock_orphaned(void);

/* When it is closed, what the other end has not acknowledged is dropped by the
   system instead of sent again: it would arrive behind newer connections. */
void clu_sock_abandon(int fd);

/* Takes what has come and ends the connection, so that what was written
   before is not lost to a reset. */
void clu_sock_farewell(int fd);

#endif
