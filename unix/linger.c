/*
 * linger.c -- when it pays to wait on our own descriptor instead of Tcl's.
 *
 * Layer: transport (system).
 */
#include "linger.h"

static unsigned needed(const clu_linger *l)
{
    return l->needed > CLU_LINGER_LEAST ? l->needed : CLU_LINGER_LEAST;
}

bool clu_linger_woken(clu_linger *l, bool alone, int64_t waited)
{
    if (!alone || waited > CLU_LINGER_SHORT) {
        l->row = 0;
        return false;
    }
    if (l->row < needed(l)) {
        l->row++;
    }
    return l->row >= needed(l);
}

void clu_linger_over(clu_linger *l, int64_t quiet)
{
    if (quiet <= CLU_LINGER_SHORT) {
        l->needed = needed(l) / 2;
        return;
    }
    l->row = 0;
    l->needed = 2 * needed(l) < CLU_LINGER_MOST ? 2 * needed(l)
                                                : CLU_LINGER_MOST;
}
