/*
 * table.h -- all services known: find, insert, drop, walk; index by word.
 *
 * Layer: table.
 *
 *     by_uuid   sid@hid  -> service
 *     by_id     number   -> service        (ids outlive the service)
 *     seats     seat     -> service
 *     names     seat     -> what the host shows it by
 *     words     "web"    -> { seat, seat, ... }
 *     sources   address  -> how many       (of other hosts)
 *     order     service <-> service        (as they came)
 *
 * A service is found by each of its tags and by its sid, hid, uuid, ip and,
 * on this host, "localhost" (WIRE-ORIGINAL 13).  It sits on the lowest seat
 * that is free, until it goes.  So the members of a word are a set of small
 * numbers, and whom several words have in common is found, with the names, in
 * a few blocks of memory, without a look at any service.
 */
#ifndef CLU_TABLE_H
#define CLU_TABLE_H

#include "service.h"
#include "set.h"

typedef struct clu_word {
    clu_map_node node;          /* note: bytes of text */
    clu_set members;            /* their seats; never empty */
    unsigned char text[];
} clu_word;

static inline clu_slice clu_word_text(const clu_word *word)
{
    return (clu_slice){ word->text, word->node.note };
}

#define CLU_CHANGES 16          /* so many of the last are known */

typedef struct clu_table {
    clu_map by_uuid, by_id, words, sources;
    clu_list order;
    clu_service **seats;        /* who sits there, ... */
    void **names;               /* ... and his name: close together, they are
                                   read at once for many */
    uint32_t seat_room;         /* of both */
    clu_set taken;              /* the seats where somebody sits */
    size_t count;
    size_t weight;              /* bytes charged */
    uint64_t next_id;
    uint64_t changes;           /* grows whenever somebody is found by other
                                   words than before, comes or goes: ... */
    clu_service *changed[CLU_CHANGES];  /* ... who did, held: change n stands
                                           at n % CLU_CHANGES */
    const clu_limits *limits;
} clu_table;

void clu_table_init(clu_table *t, const clu_limits *limits);
void clu_table_fini(clu_table *t);      /* drops every service; stays valid,
                                           and its ids are not used again */

clu_service *clu_table_find(const clu_table *t, clu_slice sid, clu_slice hid);
clu_service *clu_table_find_id(const clu_table *t, uint64_t id);

/*
 * A new service, ALIVE, with a hold that is the table's.  LIMIT: no room (all
 * services, those of one address of another host, or the memory budget).
 */
clu_err clu_table_insert(clu_table *t, clu_slice sid, clu_slice hid,
                         const clu_address *addr, bool local, clu_ms now,
                         clu_service **service);

/* Out of every index; GONE; lets go of the table's hold. */
void clu_table_drop(clu_table *t, clu_service *s);

/* Changes its tags; found by the new ones at once.  LIMIT, NOMEM: as it was. */
clu_err clu_table_tags(clu_table *t, clu_service *s, clu_items tags);
/* As clu_service_protocols and _props, charged to the budget: LIMIT as well. */
clu_err clu_table_protocols(clu_table *t, clu_service *s, clu_items protocols);
clu_err clu_table_props(clu_table *t, clu_service *s, clu_slice text,
                        bool merge);
/* Changes its address.  LIMIT (too many there), NOMEM: as it was. */
clu_err clu_table_address(clu_table *t, clu_service *s, const clu_address *a,
                          bool local);

/* The host shows a service by this name, which it keeps; NULL: by none. */
void clu_table_name(clu_table *t, clu_service *s, void *name);

/* Who is found by this word: NULL when nobody. */
const clu_word *clu_table_word(const clu_table *t, clu_slice text);

/* The service behind a node of order. */
#define CLU_SERVICE_OF(node) CLU_CONTAINER(node, clu_service, link)

#endif
