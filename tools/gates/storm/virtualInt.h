/*
 * virtualInt.h -- what the files of the virtual network share.
 *
 *     virtual.c           processes, their loops, time
 *     virtualStream.c     sockets, and connections between them
 *     virtualDatagram.c   the transports "c" and "d"
 */
#ifndef VIRTUAL_INT_H
#define VIRTUAL_INT_H

#include "virtual.h"

struct clu_loop {
    unsigned host;
    bool dead, frozen;
    clu_heap timers;
    clu_list watches, again;
    clu_list later;             /* watches that wait for the cork */
    bool corked;
    clu_list inbox;             /* datagrams that came */
    size_t held;                /* bytes in inbox */
    clu_loop *next;
};

extern weather *virtual_sky;
extern clu_loop *virtual_loops;

unsigned virtual_draw(unsigned bound);  /* 0..bound-1 */
uint16_t virtual_port(void);            /* one that nobody has yet */
clu_address virtual_address(unsigned host, uint16_t port);

/* Who is told of this descriptor; NULL: nobody any more. */
void virtual_stream_watch(int fd, clu_watch *watch);
void virtual_stream_kill(clu_loop *loop);
void virtual_stream_run(void);          /* what is due between the hosts */
clu_ms virtual_stream_due(void);
bool virtual_stream_serve(clu_loop *loop);      /* tells the watches once */
void virtual_stream_fini(void);

void virtual_datagram_init(void);
void virtual_datagram_run(void);
clu_ms virtual_datagram_due(void);
bool virtual_datagram_serve(clu_loop *loop);    /* empties the inbox */
void virtual_datagram_drop(clu_list *list);
void virtual_datagram_fini(void);

#endif
