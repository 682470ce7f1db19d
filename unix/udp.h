/*
 * udp.h -- datagrams in batches: from where, to which address, by which
 *          interface; and out by a chosen one.
 *
 * Layer: transport (system).
 */
#ifndef CLU_UDP_H
#define CLU_UDP_H

#include "../generic/transport.h"
#include "sock.h"

enum { CLU_UDP_BATCH = 16,              /* datagrams of one read */
       CLU_UDP_ROUNDS = 2,              /* reads of one event: 32 datagrams */
       CLU_UDP_MAX = 65507 };           /* bytes of a datagram */

typedef struct clu_mail {
    clu_slice bytes;            /* valid until the next read */
    clu_address from;           /* with port */
    clu_address to;             /* family 0: the system did not say */
    unsigned face;              /* index of the interface it came by, or 0 */
} clu_mail;

/* Room for one batch: a megabyte of which only what came is ever touched. */
typedef struct clu_inbox {
    unsigned char *room;
    size_t count;
    clu_mail at[CLU_UDP_BATCH];
} clu_inbox;

clu_err clu_inbox_init(clu_inbox *inbox);
void clu_inbox_fini(clu_inbox *inbox);

/*
 * Reads what has come, at most a batch; count 0: nothing (left).  *lost is
 * the kernel's own count of what the socket's buffer had no room for.
 */
void clu_inbox_read(clu_inbox *inbox, int fd, uint32_t *lost);

/* Asks for what clu_inbox_read tells, and for a buffer of so many bytes. */
void clu_udp_prepare(int fd, int family, int buffer);

/* Hands up every whole frame of a datagram, and one word about the rest. */
void clu_udp_cut(clu_transport *t, const clu_from *from, clu_slice bytes,
                 clu_ms now);
void clu_udp_frame(clu_transport *t, const clu_from *from, clu_slice body,
                   clu_ms now);

/*
 * Sends a datagram, by an interface and from an own address: 0 and family 0
 * leave that to the kernel.  SYSTEM with errno.
 */
clu_err clu_udp_send(int fd, const clu_sockaddr *to, clu_slice bytes,
                     unsigned face, const clu_address *source);

#endif
