/*
 * cork.c -- when what scripts send may wait a little, so that it leaves
 *           together.
 *
 * Layer: transport (system).
 */
#include "cork.h"

void clu_cork_begin(clu_cork *c, int64_t now)
{
    *c = (clu_cork){ .began = now };
}

clu_cork_say clu_cork_told(clu_cork *c, int64_t now)
{
    c->told++;
    if (c->told < CLU_CORK_LEAST
        || now - c->began > (int64_t)c->told * CLU_CORK_SHORT) {
        return CLU_CORK_OUT;
    }
    return c->told % CLU_CORK_MOST == 0 ? CLU_CORK_DRAW : CLU_CORK_IN;
}
