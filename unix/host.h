/*
 * host.h -- this host: its interfaces, its own addresses, its name for itself.
 *
 * Layer: transport (system).
 */
#ifndef CLU_HOST_H
#define CLU_HOST_H

#include "../generic/address.h"
#include "loop.h"

typedef struct clu_interface {
    char name[16];
    unsigned index;
    bool up, multicast, loopback;
    clu_address v4;             /* family 0: none */
    clu_address v6;             /* a link-local one when there is one */
} clu_interface;

typedef struct clu_host clu_host;

/*
 * Knows the interfaces and addresses of now; with a loop it follows changes
 * (rtnetlink) and calls changed after them, at most every 100 ms.
 */
clu_err clu_host_create(clu_loop *loop, clu_host **host);
void clu_host_destroy(clu_host *host);

typedef struct clu_host_observer {
    void (*changed)(struct clu_host_observer *o, clu_ms now);
    clu_list link;              /* the host's own */
} clu_host_observer;
void clu_host_observe(clu_host *host, clu_host_observer *o);
void clu_host_unobserve(clu_host *host, clu_host_observer *o);

clu_err clu_host_reload(clu_host *host);        /* now; tells nobody yet */
size_t clu_host_interfaces(const clu_host *host, const clu_interface **list);
bool clu_host_is_local(const clu_host *host, const clu_address *a);
size_t clu_host_addresses(const clu_host *host, const clu_address **list);
/* By name or by numeric address; NULL when there is no such interface. */
const clu_interface *clu_host_interface(const clu_host *host, const char *text);
/* The largest datagram it takes in one piece, with its IP header. */
clu_err clu_host_mtu(const clu_interface *face, int *bytes);
unsigned clu_host_loopback(const clu_host *host);   /* its index; 0: not up */

/*
 * The hid: the text of /sys/class/net/eth0/address, as originals have it;
 * without eth0 the first other interface's with a hardware address; without
 * any 02: and ten digits made from the machine's id, the same for every
 * process of this host.  WIRE-ORIGINAL 5.
 */
void clu_host_hid(const clu_host *host, char out[18]);

/* 8 characters [0-9A-Za-z] from the system's random source. */
clu_err clu_host_sid(char out[9]);
clu_err clu_host_random(void *out, size_t n);

#endif
