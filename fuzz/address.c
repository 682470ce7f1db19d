/*
 * address.c -- fuzz: text that may be an address.
 *
 * What was read is written and read again: the same address.
 */
#include "address.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    clu_address a, b;
    char out[CLU_ADDRESS_TEXT];
    if (clu_address_parse(clu_slice_of(data, size), &a) != CLU_OK) {
        return 0;
    }
    clu_address_text(&a, out);
    check(memchr(out, '\0', sizeof out) != NULL);
    check(clu_address_parse(clu_slice_str(out), &b) == CLU_OK);
    check(clu_address_eq(&a, &b) && clu_address_same_host(&a, &b));
    check(!(clu_address_is_multicast(&a) && clu_address_is_loopback(&a)));
    return 0;
}
