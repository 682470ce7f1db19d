/*
 * tclChannel.c -- the connections of a protocol that is a script.
 *
 * Layer: binding.
 */
#include "tclChannel.h"

typedef struct clu_channel {
    Tcl_Obj *id;                /* its chanID, held */
    uint64_t link;              /* what the core calls it; never 0 */
    uint64_t service;           /* for whom it speaks, or 0 */
    uint64_t bound;             /* which binding that was: the last counts */
} clu_channel;

static clu_channel *channel_at(Tcl_HashEntry *entry)
{
    return entry ? Tcl_GetHashValue(entry) : NULL;
}

static clu_channel *first(clu_channels *all, Tcl_HashSearch *search)
{
    return channel_at(Tcl_FirstHashEntry(&all->by_id, search));
}

static clu_channel *next(Tcl_HashSearch *search)
{
    return channel_at(Tcl_NextHashEntry(search));
}

static Tcl_HashEntry *entry_of(clu_channels *all, Tcl_Obj *id)
{
    return Tcl_FindHashEntry(&all->by_id, Tcl_GetString(id));
}

static void drop(Tcl_HashEntry *entry)
{
    clu_channel *c = Tcl_GetHashValue(entry);
    Tcl_DeleteHashEntry(entry);
    Tcl_DecrRefCount(c->id);
    clu_free(c);
}

/* ---- life ---------------------------------------------------------------- */

void clu_channels_init(clu_channels *all)
{
    *all = (clu_channels){ 0 };
    Tcl_InitHashTable(&all->by_id, TCL_STRING_KEYS);
}

void clu_channels_fini(clu_channels *all)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    while ((entry = Tcl_FirstHashEntry(&all->by_id, &search)) != NULL) {
        drop(entry);
    }
    Tcl_DeleteHashTable(&all->by_id);
}

static clu_channel *add(clu_channels *all, Tcl_Obj *id)
{
    clu_channel *c = clu_alloc(sizeof *c);
    if (c != NULL) {
        int fresh;
        Tcl_HashEntry *entry = Tcl_CreateHashEntry(&all->by_id,
                                                   Tcl_GetString(id), &fresh);
        Tcl_SetHashValue(entry, c);
        c->id = id;
        Tcl_IncrRefCount(id);
    }
    return c;
}

clu_err clu_channels_open(clu_channels *all, Tcl_Obj *id, uint64_t service)
{
    clu_channel *c = channel_at(entry_of(all, id));
    if (c == NULL) {
        c = add(all, id);
    }
    if (c == NULL) {
        return CLU_NOMEM;
    }
    c->link = ++all->links;
    c->service = service;
    c->bound = ++all->bindings;
    return CLU_OK;
}

void clu_channels_close(clu_channels *all, Tcl_Obj *id)
{
    Tcl_HashEntry *entry = entry_of(all, id);
    if (entry != NULL) {
        drop(entry);
    }
}

/* ---- for whom they speak ------------------------------------------------- */

void clu_channels_bind(clu_channels *all, uint64_t link, uint64_t service)
{
    Tcl_HashSearch search;
    clu_channel *c = first(all, &search);
    while (c != NULL && c->link != link) {
        c = next(&search);
    }
    if (c != NULL) {
        c->service = service;
        c->bound = ++all->bindings;
    }
}

void clu_channels_source(clu_channels *all, Tcl_Obj *id, clu_from *from)
{
    const clu_channel *c = channel_at(entry_of(all, id));
    if (c != NULL) {
        from->link = c->link;
        from->service = c->service;
    }
}

Tcl_Obj *clu_channels_last(clu_channels *all, uint64_t service)
{
    Tcl_HashSearch search;
    clu_channel *last = NULL;
    for (clu_channel *c = first(all, &search); c; c = next(&search)) {
        if (c->service == service && (!last || c->bound > last->bound)) {
            last = c;
        }
    }
    return last ? last->id : NULL;
}

Tcl_Obj *clu_channels_take(clu_channels *all, uint64_t service)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    Tcl_HashSearch search;
    for (clu_channel *c = first(all, &search); c; c = next(&search)) {
        if (c->service == service) {
            c->service = 0;
            Tcl_ListObjAppendElement(NULL, list, c->id);
        }
    }
    return list;
}
