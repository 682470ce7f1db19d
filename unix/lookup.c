/*
 * lookup.c -- the address of a host by its name.
 *
 * Layer: transport (system).
 */
#include "lookup.h"

#include "sock.h"

#include <netdb.h>

clu_err clu_lookup(const char *host, int family, clu_address *out)
{
    if (clu_address_parse(clu_slice_str(host), out) == CLU_OK) {
        return out->family == family ? CLU_OK : CLU_GONE;
    }
    struct addrinfo hints = { .ai_family = family == 6 ? AF_INET6 : AF_INET,
                              .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return CLU_GONE;
    }
    clu_address_of(found->ai_addr, out);
    freeaddrinfo(found);
    return CLU_OK;
}
