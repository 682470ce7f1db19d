/*
 * virtual.h -- hosts, sockets and loops in virtual time, below unix/stream.c.
 *
 *     engine --- "t" unix/stream.c, link.c ... --- sock.h, loop.h as below
 *          `---- "d" "c" datagrams of our own --.       |
 *                                               weather.h between hosts
 *
 * It stands in for unix/loop.c and unix/sock.c: the same functions over a
 * network that lives in this process.  A host's kernel keeps working while its
 * process is frozen, and ends its connections when that is killed.  Reads and
 * writes are cut short at random, and what a cut or loss holds up is sent again
 * later, as TCP does.
 */
#ifndef VIRTUAL_H
#define VIRTUAL_H

#include "transport.h"
#include "../weather.h"

#include "../../../unix/loop.h"

extern clu_ms virtual_now;

void virtual_init(weather *between, uint64_t seed);
void virtual_fini(void);                        /* every loop is destroyed */

/* A process on this host.  Destroyed by virtual_fini. */
clu_loop *virtual_process(unsigned host);
void virtual_kill(clu_loop *loop);      /* what it calls has no effect now */
void virtual_freeze(clu_loop *loop, bool frozen);

/* The transports of that process. */
clu_err virtual_stream(clu_loop *loop, clu_transport **t);      /* "t" */
clu_err virtual_datagram(clu_loop *loop, bool group,            /* "c" or "d" */
                         clu_transport **t);

clu_ms virtual_due(void);               /* when something happens next */
void virtual_network(void);             /* what is due between the hosts */
bool virtual_serve(clu_loop *loop);     /* its sockets and timers, once;
                                           false: nothing was ready */

#endif
