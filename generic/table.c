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
    for (size_t i = 0; i < CLU_CHANGES; i++) {
        if (t->changed[i] != NULL) {
            clu_service_release(t->changed[i]);
            t->changed[i] = NULL;
        }
    }
    clu_map_fini(&t->by_uuid);
    clu_map_fini(&t->by_id);
    clu_map_fini(&t->words);
    clu_map_fini(&t->sources);
    clu_set_free(&t->taken);
    clu_free(t->seats);
    clu_free(t->names);
    t->seats = NULL;
    t->names = NULL;
    t->seat_room = 0;
}

static bool same_uuid(const clu_map_node *node, clu_slice uuid)
{
    return clu_slice_eq(clu_service_uuid(CLU_CONTAINER(node, clu_service,
                                                       by_uuid)), uuid);
}

static bool same_id(const clu_map_node *node, clu_slice id)
{
    return memcmp(&CLU_CONTAINER(node, clu_service, by_id)->id, id.p,
                  sizeof(uint64_t)) == 0;
}

static bool same_word(const clu_map_node *node, clu_slice text)
{
    return clu_slice_eq(clu_word_text(CLU_CONTAINER(node, clu_word, node)),
                        text);
}

static clu_slice id_key(const uint64_t *id)
{
    return clu_slice_of(id, sizeof *id);
}

clu_service *clu_table_find(const clu_table *t, clu_slice sid, clu_slice hid)
{
    unsigned char uuid[CLU_SERVICE_UUID_MAX];
    if (sid.n + 1 + hid.n > sizeof uuid) {
        return NULL;            /* no such service was ever let in */
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
    clu_map_node *node = clu_map_find(&t->by_id, clu_hash_id(id), key,
                                      same_id);
    return node ? CLU_CONTAINER(node, clu_service, by_id) : NULL;
}

const clu_word *clu_table_word(const clu_table *t, clu_slice text)
{
    clu_map_node *node = clu_map_find(&t->words, clu_hash(text), text,
                                      same_word);
    return node ? CLU_CONTAINER(node, clu_word, node) : NULL;
}

/* Bytes of a struct that ends with n bytes: they begin in its padding. */
static size_t room_for(size_t whole, size_t head, size_t n)
{
    return head + n > whole ? head + n : whole;
}

/* ---- the index by word --------------------------------------------------- */

static clu_word *word_for(clu_table *t, clu_slice text)
{
    clu_word *word = (clu_word *)(uintptr_t)clu_table_word(t, text);
    if (word != NULL) {
        return word;
    }
    word = clu_alloc(room_for(sizeof *word, offsetof(clu_word, text),
                              text.n));
    if (word == NULL) {
        return NULL;
    }
    if (text.n > 0) {
        memcpy(word->text, text.p, text.n);
    }
    word->node.note = (uint32_t)text.n;
    if (clu_map_insert(&t->words, &word->node, clu_hash(text)) != CLU_OK) {
        clu_free(word);
        return NULL;
    }
    return word;
}

static void drop_if_empty(clu_table *t, clu_word *word)
{
    if (clu_set_blocks(&word->members) == 0) {
        clu_map_remove(&t->words, &word->node);
        clu_free(word);
    }
}

/* The words a service gets: n of them so far. */
typedef struct clu_entering {
    clu_service *service;
    clu_word **words;
    size_t n;
} clu_entering;

static bool is_among(const clu_word *word, clu_word *const *words, size_t n)
{
    while (n > 0 && words[n - 1] != word) {
        n--;
    }
    return n > 0;
}

/* Who is a member may be so from before, or since the word was said before. */
static clu_err enter(clu_table *t, clu_entering *in, clu_slice text)
{
    clu_word *word = word_for(t, text);
    if (word == NULL) {
        return CLU_NOMEM;
    }
    uint32_t seat = in->service->seat;
    if (clu_set_has(&word->members, seat)) {
        if (is_among(word, in->words, in->n)) {
            return CLU_OK;
        }
    } else if (clu_set_add(&word->members, seat) != CLU_OK) {
        return CLU_NOMEM;       /* not for the first: the word stays others' */
    }
    in->words[in->n++] = word;
    return CLU_OK;
}

/* Leaves its words, but for those that stay. */
static void leave(clu_table *t, const clu_service *s, clu_word *const *words,
                  size_t count, const clu_entering *stay)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_among(words[i], stay->words, stay->n)) {
            clu_set_remove(&words[i]->members, s->seat);
            drop_if_empty(t, words[i]);
        }
    }
}

static void leave_all(clu_table *t, clu_service *s)
{
    leave(t, s, s->words, s->word_count, &(clu_entering){ .n = 0 });
    s->word_count = s->tag_count = 0;
}

static clu_err enter_tags(clu_table *t, clu_entering *in, clu_items tags)
{
    clu_err err = CLU_OK;
    clu_slice tag;
    for (uint64_t i = 0; err == CLU_OK && i < tags.count; i++) {
        err = clu_items_next(&tags.wire, &tag) == CLU_OK ? enter(t, in, tag)
                                                         : CLU_VALUE;
    }
    return err;
}

/* The words beside the tags. */
static clu_err enter_places(clu_table *t, clu_entering *in,
                            const clu_address *addr, bool local)
{
    char text[CLU_ADDRESS_TEXT];
    const clu_service *s = in->service;
    clu_err err = enter(t, in, clu_service_sid(s));
    if (err == CLU_OK) {
        err = enter(t, in, clu_service_hid(s));
    }
    if (err == CLU_OK) {
        err = enter(t, in, clu_service_uuid(s));
    }
    if (err == CLU_OK && (addr->family == 4 || addr->family == 6)) {
        err = enter(t, in, clu_slice_str(clu_address_text(addr, text)));
    }
    if (err == CLU_OK && local) {
        err = enter(t, in, clu_slice_str("localhost"));
    }
    return err;
}

static void note_change(clu_table *t, clu_service *s)
{
    clu_service **place = &t->changed[t->changes++ % CLU_CHANGES];
    clu_service_hold(s);
    if (*place != NULL) {
        clu_service_release(*place);
    }
    *place = s;
}

/* Enters a service under new words and then leaves the old ones. */
static clu_err index_again(clu_table *t, clu_service *s, clu_items tags,
                           const clu_address *addr, bool local)
{
    size_t most = (size_t)tags.count + CLU_SERVICE_PLACES;
    clu_entering old = { s, s->words, s->word_count };
    clu_entering in = { s, clu_alloc(most * sizeof *in.words), 0 };
    if (in.words == NULL) {
        return CLU_NOMEM;
    }
    clu_err err = enter_tags(t, &in, tags);
    size_t tag_count = in.n;
    if (err == CLU_OK) {
        err = enter_places(t, &in, addr, local);
    }
    if (err != CLU_OK) {
        leave(t, s, in.words, in.n, &old);
        clu_free(in.words);
        return err;
    }
    s->words = in.words;
    s->word_count = (uint32_t)in.n;
    s->tag_count = (uint32_t)tag_count;
    leave(t, s, old.words, old.n, &in);
    clu_free(old.words);
    note_change(t, s);
    return CLU_OK;
}

/* ---- seats --------------------------------------------------------------- */

/* One of them may be larger than it says. */
static clu_err add_seats(clu_table *t)
{
    uint32_t room = t->seat_room ? 2 * t->seat_room : 16;
    clu_service **seats = clu_realloc(t->seats, room * sizeof *seats);
    if (seats == NULL) {
        return CLU_NOMEM;
    }
    t->seats = seats;
    void **names = clu_realloc(t->names, room * sizeof *names);
    if (names == NULL) {
        return CLU_NOMEM;
    }
    t->names = names;
    t->seat_room = room;
    return CLU_OK;
}

static clu_err sit(clu_table *t, clu_service *s)
{
    uint32_t seat = clu_set_gap(&t->taken);
    clu_err err = seat < t->seat_room ? CLU_OK : add_seats(t);
    if (err == CLU_OK) {
        err = clu_set_add(&t->taken, seat);
    }
    if (err == CLU_OK) {
        t->seats[seat] = s;
        t->names[seat] = NULL;
        s->seat = seat;
    }
    return err;
}

static void stand_up(clu_table *t, const clu_service *s)
{
    clu_set_remove(&t->taken, s->seat);
}

void clu_table_name(clu_table *t, clu_service *s, void *name)
{
    s->name = name;
    if (s->state != CLU_SERVICE_GONE) {
        t->names[s->seat] = name;
    }
}

/* ---- how many come from an address --------------------------------------- */

#define SOURCE_KEY 21           /* family, scope, ip */

typedef struct clu_source {
    clu_map_node node;
    size_t count;               /* services there */
    unsigned char key[SOURCE_KEY];
} clu_source;

static bool same_source(const clu_map_node *node, clu_slice key)
{
    return memcmp(CLU_CONTAINER(node, clu_source, node)->key, key.p,
                  SOURCE_KEY) == 0;
}

static void source_key(const clu_address *a, unsigned char key[SOURCE_KEY])
{
    key[0] = a->family;
    memcpy(key + 1, &a->scope, 4);
    memset(key + 5, 0, 16);
    memcpy(key + 5, a->ip, a->family == 4 ? 4 : 16);
}

/* One more service there.  *source: NULL for this host, which may run many. */
static clu_err join_source(clu_table *t, const clu_address *addr, bool local,
                           clu_source **source)
{
    *source = NULL;
    if (local) {
        return CLU_OK;
    }
    unsigned char key[SOURCE_KEY];
    source_key(addr, key);
    clu_slice bytes = clu_slice_of(key, sizeof key);
    clu_map_node *node = clu_map_find(&t->sources, clu_hash(bytes), bytes,
                                      same_source);
    clu_source *found = node ? CLU_CONTAINER(node, clu_source, node) : NULL;
    if (found != NULL
        && found->count >= (size_t)t->limits->at[CLU_LIMIT_SOURCE]) {
        return CLU_LIMIT;
    }
    if (found == NULL) {
        found = clu_alloc(sizeof *found);
        if (found == NULL || clu_map_insert(&t->sources, &found->node,
                                            clu_hash(bytes)) != CLU_OK) {
            clu_free(found);
            return CLU_NOMEM;
        }
        memcpy(found->key, key, sizeof key);
    }
    found->count++;
    *source = found;
    return CLU_OK;
}

static void leave_source(clu_table *t, clu_source *source)
{
    if (source != NULL && --source->count == 0) {
        clu_map_remove(&t->sources, &source->node);
        clu_free(source);
    }
}

/* ---- services ------------------------------------------------------------ */

/* A word and its members, when no other shares it. */
#define WORD_WEIGHT (sizeof(clu_word *) + sizeof(clu_word) + 64)

/* Its seat and its name's, where half are free. */
#define SEAT_WEIGHT (2 * (sizeof(clu_service *) + sizeof(void *)))

/* What it may cost us: itself, its words and what it advertises. */
static size_t weight_of(size_t uuid, size_t tags, size_t tag_count,
                        size_t others)
{
    return sizeof(clu_service) + SEAT_WEIGHT + 64 + 4 * uuid
        + 2 * tags + others
        + (tag_count + CLU_SERVICE_PLACES) * WORD_WEIGHT;
}

static size_t others_of(const clu_service *s)
{
    return s->props.n + s->protocols.wire.n;
}

static bool affordable(const clu_table *t, size_t more)
{
    return t->weight + more <= (size_t)t->limits->at[CLU_LIMIT_MEMORY];
}

static void charge(clu_table *t, clu_service *s)
{
    size_t weight = weight_of(s->uuid_size, s->tags.wire.n,
                              (size_t)s->tags.count, others_of(s));
    t->weight += weight - s->weight;
    s->weight = (uint32_t)weight;
}

static clu_service *make(clu_table *t, clu_slice sid, clu_slice hid)
{
    size_t size = sid.n + 1 + hid.n;
    clu_service *s = clu_alloc(room_for(sizeof *s, offsetof(clu_service, uuid),
                                        size));
    if (s == NULL) {
        return NULL;
    }
    memcpy(s->uuid, sid.p, sid.n);
    s->uuid[sid.n] = '@';
    memcpy(s->uuid + sid.n + 1, hid.p, hid.n);
    s->uuid_size = (uint16_t)size;
    s->sid_size = (uint16_t)sid.n;
    s->id = t->next_id++;
    s->holds = 1;
    s->state = CLU_SERVICE_ALIVE;
    s->expiry.due.kind = CLU_LATE_EXPIRY;
    s->hello.due.kind = CLU_LATE_HELLO;
    s->report.due.kind = CLU_LATE_REPORT;
    clu_list_init(&s->link);
    return s;
}

static clu_err insert_maps(clu_table *t, clu_service *s)
{
    clu_err err = clu_map_insert(&t->by_uuid, &s->by_uuid,
                                 clu_hash(clu_service_uuid(s)));
    if (err == CLU_OK) {
        err = clu_map_insert(&t->by_id, &s->by_id, clu_hash_id(s->id));
        if (err != CLU_OK) {
            clu_map_remove(&t->by_uuid, &s->by_uuid);
        }
    }
    return err;
}

/* Its seat, its words and its places in the maps: all of them or none. */
static clu_err take_in(clu_table *t, clu_service *s, const clu_address *addr,
                       bool local)
{
    clu_err err = sit(t, s);
    if (err != CLU_OK) {
        return err;
    }
    err = index_again(t, s, (clu_items){ 0 }, addr, local);
    if (err == CLU_OK) {
        err = insert_maps(t, s);
    }
    if (err != CLU_OK) {
        leave_all(t, s);
        stand_up(t, s);
    }
    return err;
}

clu_err clu_table_insert(clu_table *t, clu_slice sid, clu_slice hid,
                         const clu_address *addr, bool local, clu_ms now,
                         clu_service **service)
{
    if (t->count >= (size_t)t->limits->at[CLU_LIMIT_SERVICES]
        || !affordable(t, weight_of(sid.n + hid.n + 1, 0, 0, 0))) {
        return CLU_LIMIT;
    }
    clu_source *home;
    clu_err err = join_source(t, addr, local, &home);
    if (err != CLU_OK) {
        return err;
    }
    clu_service *s = make(t, sid, hid);
    err = s ? take_in(t, s, addr, local) : CLU_NOMEM;
    if (err != CLU_OK) {
        if (s != NULL) {
            s->state = CLU_SERVICE_GONE;
            clu_service_release(s);
        }
        leave_source(t, home);
        return err;
    }
    s->addr = *addr;
    s->addr.port = 0;
    s->local = local;
    s->home = home;
    s->first_seen = s->last_seen = now;
    clu_list_append(&t->order, &s->link);
    charge(t, s);
    t->count++;
    *service = s;
    return CLU_OK;
}

void clu_table_drop(clu_table *t, clu_service *s)
{
    clu_map_remove(&t->by_uuid, &s->by_uuid);
    clu_map_remove(&t->by_id, &s->by_id);
    clu_list_unlink(&s->link);
    leave_all(t, s);
    stand_up(t, s);
    leave_source(t, s->home);
    s->home = NULL;
    t->weight -= s->weight;
    t->count--;
    s->state = CLU_SERVICE_GONE;
    note_change(t, s);
    clu_service_release(s);
}

clu_err clu_table_tags(clu_table *t, clu_service *s, clu_items tags)
{
    size_t weight = weight_of(s->uuid_size, tags.wire.n, (size_t)tags.count,
                              others_of(s));
    if (weight > s->weight && !affordable(t, weight - s->weight)) {
        return CLU_LIMIT;
    }
    clu_said said;
    clu_err err = clu_said_make(&said, s->protocols, tags, s->props);
    if (err != CLU_OK) {
        return err;
    }
    err = index_again(t, s, tags, &s->addr, s->local);
    if (err != CLU_OK) {
        clu_said_free(&said);
        return err;
    }
    clu_service_say(s, &said);
    charge(t, s);
    return CLU_OK;
}

clu_err clu_table_protocols(clu_table *t, clu_service *s, clu_items protocols)
{
    if (protocols.wire.n > (size_t)t->limits->at[CLU_LIMIT_PROPS]
        || !affordable(t, protocols.wire.n)) {
        return CLU_LIMIT;
    }
    clu_err err = clu_service_protocols(s, protocols);
    charge(t, s);
    return err;
}

clu_err clu_table_props(clu_table *t, clu_service *s, clu_slice text,
                        bool merge)
{
    if (!affordable(t, text.n)) {
        return CLU_LIMIT;
    }
    clu_err err = clu_service_props(s, text, merge, t->limits);
    charge(t, s);
    return err;
}

clu_err clu_table_address(clu_table *t, clu_service *s, const clu_address *a,
                          bool local)
{
    if (clu_address_same_host(&s->addr, a) && s->local == local) {
        return CLU_OK;
    }
    clu_source *home;
    clu_err err = join_source(t, a, local, &home);
    if (err != CLU_OK) {
        return err;
    }
    err = index_again(t, s, s->tags, a, local);
    if (err != CLU_OK) {
        leave_source(t, home);
        return err;
    }
    leave_source(t, s->home);
    s->home = home;
    s->addr = *a;
    s->addr.port = 0;
    s->local = local;
    return CLU_OK;
}
