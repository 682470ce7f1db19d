/*
 * lookup.c -- the address of a host by its name.
 *
 * Layer: transport (system).
 */
#include "lookup.h"

#include "sock.h"

#include <netdb.h>

clu_err clu_lookup(const char *host, clu_address *out)
{
    if (clu_address_parse(clu_slice_str(host), out) == CLU_OK) {
        return CLU_OK;
    }
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0 || found == NULL) {
        return CLU_GONE;
    }
    clu_address_of(found->ai_addr, out);
    freeaddrinfo(found);
    return CLU_OK;
}
