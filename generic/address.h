/*
 * address.h -- an internet address as a plain value, and as text.
 *
 * Layer: base.
 */
#ifndef CLU_ADDRESS_H
#define CLU_ADDRESS_H

#include "clu.h"

/* No padding that matters: compare with clu_address_eq, never memcmp. */
typedef struct clu_address {
    uint8_t family;         /* 0 none, 4 IPv4, 6 IPv6, 1 Unix (no bytes) */
    uint16_t port;          /* host order; 0 when it has none */
    uint32_t scope;         /* IPv6 link-local: interface index; else 0 */
    uint8_t ip[16];         /* network order; IPv4 in the first four */
} clu_address;

#define CLU_ADDRESS_TEXT 64     /* bytes for any address as text, with NUL */

/* "127.0.0.1", "fe80::1%2", "local", ""; without the port. */
const char *clu_address_text(const clu_address *a, char out[CLU_ADDRESS_TEXT]);

/* Numeric text only, never a name.  IPv4-mapped IPv6 becomes IPv4. */
clu_err clu_address_parse(clu_slice text, clu_address *out);

bool clu_address_same_host(const clu_address *a, const clu_address *b);
bool clu_address_eq(const clu_address *a, const clu_address *b); /* and port */
bool clu_address_is_multicast(const clu_address *a);
bool clu_address_is_loopback(const clu_address *a);

#endif
