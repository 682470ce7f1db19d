/*
 * table.c -- all services known: find, insert, drop, walk; index by word.
 *
 * Layer: table.
 */
#include "table.h"

void clu_table_init(clu_table *t, const clu_limits *limits)
{
    *t = (clu_table){ .limits = limits, .next_id = 1 };
    clu_list_init(&t->order);
}

void clu_table_fini(clu_table *t)
{
    while (!clu_list_empty(&t->order)) {
        clu_table_drop(t, CLU_SERVICE_OF(t->order.next));
    }
    clu_map_fini(&t->by_uuid);
    clu_map_fini(&t->by_id);
    clu_map_fini(&t->words);
}

static bool same_uuid(const clu_map_node *node, clu_slice uuid)
{
    return clu_slice_eq(CLU_CONTAINER(node, clu_service, by_uuid)->uuid, uuid);
}

static bool same_id(const clu_map_node *node, clu_slice id)
{
    return memcmp(&CLU_CONTAINER(node, clu_service, by_id)->id, id.p,
                  sizeof(uint64_t)) == 0;
}

static bool same_word(const clu_map_node *node, clu_slice text)
{
    return clu_slice_eq(CLU_CONTAINER(node, clu_word, node)->text, text);
}

static clu_slice id_key(const uint64_t *id)
{
    return clu_slice_of(id, sizeof *id);
}

clu_service *clu_table_find(const clu_table *t, clu_slice sid, clu_slice hid)
{
    unsigned char uuid[600];
    if (sid.n + 1 + hid.n > sizeof uuid) {
        return NULL;
    }
    memcpy(uuid, sid.p, sid.n);
    uuid[sid.n] = '@';
    memcpy(uuid + sid.n + 1, hid.p, hid.n);
    clu_slice key = clu_slice_of(uuid, sid.n + 1 + hid.n);
    clu_map_node *node = clu_map_find(&t->by_uuid, clu_hash(key), key,
                                      same_uuid);
    return node ? CLU_CONTAINER(node, clu_service, by_uuid) : NULL;
}

clu_service *clu_table_find_id(const clu_table *t, uint64_t id)
{
    clu_slice key = id_key(&id);
    clu_map_node *node = clu_map_find(&t->by_id, clu_hash(key), key, same_id);
    return node ? CLU_CONTAINER(node, clu_service, by_id) : NULL;
}

const clu_word *clu_table_word(const clu_table *t, clu_slice text)
{
    clu_map_node *node = clu_map_find(&t->words, clu_hash(text), text,
                                      same_word);
    return node ? CLU_CONTAINER(node, clu_word, node) : NULL;
}

/* ---- the index by word ------------------------------------------------- */

static clu_word *word_for(clu_table *t, clu_slice text)
{
    clu_word *word = (clu_word *)(uintptr_t)clu_table_word(t, text);
    if (word != NULL) {
        return word;
    }
    word = clu_alloc(sizeof *word + text.n);
    if (word == NULL) {
        return NULL;
    }
    if (text.n > 0) {
        memcpy(word + 1, text.p, text.n);
    }
    word->text = clu_slice_of(word + 1, text.n);
    if (clu_map_insert(&t->words, &word->node, clu_hash(text)) != CLU_OK) {
        clu_free(word);
        return NULL;
    }
    return word;
}

static void drop_if_empty(clu_table *t, clu_word *word)
{
    if (word->count == 0) {
        clu_map_remove(&t->words, &word->node);
        clu_free(word->members);
        clu_free(word);
    }
}

static clu_err enter(clu_table *t, clu_service *s, clu_entry *entry,
                     clu_slice text)
{
    clu_word *word = word_for(t, text);
    if (word == NULL) {
        return CLU_NOMEM;
    }
    if (word->count == word->room) {
        size_t room = word->room ? word->room * 2 : 2;
        clu_entry **grown = clu_realloc(word->members, room * sizeof *grown);
        if (grown == NULL) {
            drop_if_empty(t, word);
            return CLU_NOMEM;
        }
        word->members = grown;
        word->room = room;
    }
    *entry = (clu_entry){ word, s, word->count };
    word->members[word->count++] = entry;
    return CLU_OK;
}

/* Its place is taken by the last member. */
static void leave(clu_table *t, clu_entry *entry)
{
    clu_word *word = entry->word;
    clu_entry *last = word->members[--word->count];
    word->members[entry->at] = last;
    last->at = entry->at;
    drop_if_empty(t, word);
}

static void leave_all(clu_table *t, clu_entry *entries, size_t count)
{
    while (count > 0) {
        leave(t, &entries[--count]);
    }
}

/* The words beside the tags. */
static size_t places(const clu_service *s, const clu_address *addr, bool local,
                     char text[CLU_ADDRESS_TEXT],
                     clu_slice out[CLU_SERVICE_PLACES])
{
    size_t n = 0;
    out[n++] = clu_service_sid(s);
    out[n++] = clu_service_hid(s);
    out[n++] = s->uuid;
    if (addr->family == 4 || addr->family == 6) {
        out[n++] = clu_slice_str(clu_address_text(addr, text));
    }
    if (local) {
        out[n++] = clu_slice_str("localhost");
    }
    return n;
}

/* Enters a service under new words and then leaves the old ones. */
static clu_err index_again(clu_table *t, clu_service *s, clu_items tags,
                           const clu_address *addr, bool local)
{
    char text[CLU_ADDRESS_TEXT];
    clu_slice place[CLU_SERVICE_PLACES];
    size_t place_count = places(s, addr, local, text, place);
    size_t total = (size_t)tags.count + place_count;
    clu_entry *entries = clu_alloc(total * sizeof *entries);
    if (entries == NULL) {
        return CLU_NOMEM;
    }
    clu_err err = CLU_OK;
    clu_slice wire = tags.wire, word;
    size_t n = 0;
    while (err == CLU_OK && n < total) {
        if (n >= tags.count) {
            word = place[n - tags.count];
        } else if (clu_items_next(&wire, &word) != CLU_OK) {
            err = CLU_VALUE;
            break;
        }
        err = enter(t, s, &entries[n], word);
        n += err == CLU_OK;
    }
    if (err != CLU_OK) {
        leave_all(t, entries, n);
        clu_free(entries);
        return err;
    }
    leave_all(t, s->entries, s->entry_count);
    clu_free(s->entries);
    s->entries = entries;
    s->entry_count = total;
    s->tag_count = (size_t)tags.count;
    return CLU_OK;
}

/* ---- services ---------------------------------------------------------- */

/* What it may cost us: itself, its words and what it advertises. */
static size_t weight_of(size_t uuid, size_t tags, size_t tag_count)
{
    return sizeof(clu_service) + 2 * uuid + 2 * tags
        + (tag_count + CLU_SERVICE_PLACES) * 2 * sizeof(clu_entry);
}

static bool room_for(const clu_table *t, const clu_address *addr, bool local,
                     size_t weight)
{
    if (t->count >= (size_t)t->limits->at[CLU_LIMIT_SERVICES]
        || t->weight + weight > (size_t)t->limits->at[CLU_LIMIT_MEMORY]) {
        return false;
    }
    if (local) {
        return true;            /* one host may run many members */
    }
    char text[CLU_ADDRESS_TEXT];
    const clu_word *same =
        clu_table_word(t, clu_slice_str(clu_address_text(addr, text)));
    return same == NULL
        || same->count < (size_t)t->limits->at[CLU_LIMIT_SOURCE];
}

static clu_service *make(clu_table *t, clu_slice sid, clu_slice hid)
{
    clu_service *s = clu_alloc(sizeof *s);
    unsigned char *uuid = clu_alloc(sid.n + 1 + hid.n);
    if (s == NULL || uuid == NULL) {
        clu_free(s);
        clu_free(uuid);
        return NULL;
    }
    memcpy(uuid, sid.p, sid.n);
    uuid[sid.n] = '@';
    memcpy(uuid + sid.n + 1, hid.p, hid.n);
    s->uuid = clu_slice_of(uuid, sid.n + 1 + hid.n);
    s->sid_size = sid.n;
    s->id = t->next_id++;
    s->holds = 1;
    s->state = CLU_SERVICE_ALIVE;
    s->expiry.kind = CLU_LATE_EXPIRY;
    s->hello.kind = CLU_LATE_HELLO;
    s->report.kind = CLU_LATE_REPORT;
    clu_list_init(&s->link);
    return s;
}

static clu_err insert_maps(clu_table *t, clu_service *s)
{
    clu_err err = clu_map_insert(&t->by_uuid, &s->by_uuid, clu_hash(s->uuid));
    if (err == CLU_OK) {
        err = clu_map_insert(&t->by_id, &s->by_id, clu_hash(id_key(&s->id)));
        if (err != CLU_OK) {
            clu_map_remove(&t->by_uuid, &s->by_uuid);
        }
    }
    return err;
}

clu_err clu_table_insert(clu_table *t, clu_slice sid, clu_slice hid,
                         const clu_address *addr, bool local, clu_ms now,
                         clu_service **service)
{
    size_t weight = weight_of(sid.n + hid.n + 1, 0, 0);
    if (!room_for(t, addr, local, weight)) {
        return CLU_LIMIT;
    }
    clu_service *s = make(t, sid, hid);
    if (s == NULL) {
        return CLU_NOMEM;
    }
    clu_err err = index_again(t, s, (clu_items){ 0 }, addr, local);
    if (err == CLU_OK) {
        err = insert_maps(t, s);
    }
    if (err != CLU_OK) {
        leave_all(t, s->entries, s->entry_count);
        clu_service_release(s);
        return err;
    }
    s->addr = *addr;
    s->addr.port = 0;
    s->local = local;
    s->first_seen = s->last_seen = now;
    s->weight = weight;
    clu_list_append(&t->order, &s->link);
    t->weight += weight;
    t->count++;
    *service = s;
    return CLU_OK;
}

void clu_table_drop(clu_table *t, clu_service *s)
{
    clu_map_remove(&t->by_uuid, &s->by_uuid);
    clu_map_remove(&t->by_id, &s->by_id);
    clu_list_unlink(&s->link);
    leave_all(t, s->entries, s->entry_count);
    s->entry_count = s->tag_count = 0;
    t->weight -= s->weight;
    t->count--;
    s->state = CLU_SERVICE_GONE;
    clu_service_release(s);
}

clu_err clu_table_tags(clu_table *t, clu_service *s, clu_items tags)
{
    size_t weight = weight_of(s->uuid.n, tags.wire.n, (size_t)tags.count);
    if (weight > s->weight && t->weight + weight - s->weight
        > (size_t)t->limits->at[CLU_LIMIT_MEMORY]) {
        return CLU_LIMIT;
    }
    unsigned char *copy = clu_memdup(tags.wire.p,
                                     tags.wire.n + (tags.wire.n == 0));
    if (copy == NULL) {
        return CLU_NOMEM;
    }
    tags.wire.p = copy;
    clu_err err = index_again(t, s, tags, &s->addr, s->local);
    if (err != CLU_OK) {
        clu_free(copy);
        return err;
    }
    clu_free((void *)s->tags.wire.p);
    s->tags = tags;
    t->weight += weight - s->weight;
    s->weight = weight;
    return CLU_OK;
}

clu_err clu_table_address(clu_table *t, clu_service *s, const clu_address *a,
                          bool local)
{
    if (clu_address_same_host(&s->addr, a) && s->local == local) {
        return CLU_OK;
    }
    clu_err err = index_again(t, s, s->tags, a, local);
    if (err == CLU_OK) {
        s->addr = *a;
        s->addr.port = 0;
        s->local = local;
    }
    return err;
}
