/*
 * lookup.h -- the address of a host by its name.
 *
 * Layer: transport (system).  It may ask a name server and so block: only
 * joining does that, once, for the names its caller wrote.
 */
#ifndef CLU_LOOKUP_H
#define CLU_LOOKUP_H

#include "../generic/address.h"

/* Numeric text or a name; the first address of this family (4 or 6) that it
   has.  GONE: none. */
clu_err clu_lookup(const char *host, int family, clu_address *out);

#endif
