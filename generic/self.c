/*
 * self.c -- ourselves: tags, channels, properties, and the beacons of them.
 *
 * Layer: engine.
 */
#include "engineInt.h"

#include "words.h"

#define DISCOVER_EVERY 30000    /* ms; WIRE-ORIGINAL 9 */

clu_patron *clu_engine_patron(clu_engine *e)
{
    return &e->patron;
}

clu_config *clu_engine_config(clu_engine *e)
{
    return &e->config;
}

clu_counters *clu_engine_counters(clu_engine *e)
{
    return &e->counters;
}

const clu_held *clu_engine_held(const clu_engine *e)
{
    return &e->held;
}

clu_table *clu_engine_table(clu_engine *e)
{
    return &e->table;
}

clu_transport *clu_engine_transport(clu_engine *e, unsigned index)
{
    return index < e->transport_count ? e->transports[index] : NULL;
}

size_t clu_engine_open_queries(const clu_engine *e)
{
    return e->query_count;
}

uint64_t clu_engine_most_known(const clu_engine *e)
{
    return e->most_known;
}

bool clu_engine_left(const clu_engine *e)
{
    return e->left;
}

/* ---- who we are ---------------------------------------------------------- */

/*
 * A filter may hold thousands of items and we may have dozens of words: a bit
 * by keyed hash, which nobody outside can guess, says no to nearly all.
 */
static void mark(clu_engine *e, clu_slice word)
{
    uint64_t hash = clu_hash(word);
    e->own_words[(hash >> 6) & 63] |= (uint64_t)1 << (hash & 63);
}

static bool may_be_ours(const clu_engine *e, clu_slice word)
{
    uint64_t hash = clu_hash(word);
    return (e->own_words[(hash >> 6) & 63] >> (hash & 63)) & 1u;
}

void clu_self_index(clu_engine *e)
{
    memset(e->own_words, 0, sizeof e->own_words);
    mark(e, e->config.sid);
    mark(e, e->config.hid);
    clu_slice wire = e->tags.wire, tag;
    while (clu_items_next(&wire, &tag) == CLU_OK) {
        mark(e, tag);
    }
}

bool clu_self_named(const clu_engine *e, clu_items filter)
{
    clu_slice item;
    while (clu_items_next(&filter.wire, &item) == CLU_OK) {
        if (clu_slice_eq(item, e->config.sid)   /* as in nearly all */
            || (may_be_ours(e, item)
                && (clu_slice_eq(item, e->config.hid)
                    || clu_items_have(e->tags, item)))) {
            return true;
        }
    }
    return false;
}

/* ---- tags and channels --------------------------------------------------- */

clu_err clu_engine_tags(clu_engine *e, clu_items tags)
{
    if (tags.count > (uint64_t)e->config.limits.at[CLU_LIMIT_TAGS]) {
        return CLU_LIMIT;
    }
    clu_slice wire = tags.wire, tag;
    while (clu_items_next(&wire, &tag) == CLU_OK) {
        if (tag.n > (size_t)e->config.limits.at[CLU_LIMIT_TAG]) {
            return CLU_LIMIT;
        }
    }
    clu_buf fresh;
    clu_buf_init(&fresh, tags.wire.n);
    clu_err err = clu_buf_bytes(&fresh, tags.wire);
    if (err != CLU_OK) {
        clu_buf_fini(&fresh);
        return err;
    }
    clu_buf_fini(&e->tags_wire);
    e->tags_wire = fresh;       /* the engine owns it now */
    e->tags = (clu_items){ tags.count, clu_buf_slice(&e->tags_wire) };
    clu_self_index(e);
    return CLU_OK;
}

clu_items clu_engine_own_tags(const clu_engine *e)
{
    return e->tags;
}

clu_items clu_engine_own_protocols(const clu_engine *e)
{
    return e->protocols;
}

bool clu_engine_hears(const clu_engine *e, uint64_t channel)
{
    for (size_t i = 0; i < e->channel_count; i++) {
        if (e->channels[i] == channel) {
            return true;
        }
    }
    return false;
}

size_t clu_engine_channels(const clu_engine *e, const uint64_t **list)
{
    *list = e->channels;
    return e->channel_count;
}

clu_err clu_engine_channel(clu_engine *e, uint64_t channel, bool join)
{
    if (!join && channel < 3) {
        return CLU_VALUE;       /* 0-2 are never left */
    }
    if (clu_engine_hears(e, channel) == join) {
        return CLU_OK;
    }
    if (join) {
        if (e->channel_count == CLU_CHANNELS_MAX) {
            return CLU_LIMIT;
        }
        e->channels[e->channel_count++] = channel;
        return CLU_OK;
    }
    size_t at = 0;
    while (e->channels[at] != channel) {        /* it is one that we hear */
        at++;
    }
    e->channels[at] = e->channels[--e->channel_count];
    return CLU_OK;
}

/* ---- the packets we make ------------------------------------------------- */

void clu_engine_head(const clu_engine *e, clu_packet *p, clu_type type,
                     uint64_t channel)
{
    clu_packet_text(p, CLU_FIELD_sid, e->config.sid);
    clu_packet_text(p, CLU_FIELD_hid, e->config.hid);
    clu_packet_number(p, CLU_FIELD_type, type);
    clu_packet_number(p, CLU_FIELD_channel, channel);
    clu_packet_list(p, CLU_FIELD_protocols, e->protocols);
}

/*
 * Our kind knows its kind by this key; originals store it unread.  Its value
 * is a list: our generation, then what there is to say by key and value.
 */
static clu_err add_caps(clu_engine *e, clu_buf *out)
{
    clu_buf caps;
    clu_buf_init(&caps, (size_t)e->config.limits.at[CLU_LIMIT_PROPS]);
    clu_err err = clu_words_add(&caps, clu_slice_str("2"));
    if (err == CLU_OK && e->config.name.n > 0) {
        err = clu_words_add(&caps, clu_slice_str("name"));
        if (err == CLU_OK) {
            err = clu_words_add(&caps, e->config.name);
        }
    }
    if (err == CLU_OK) {
        err = clu_words_add(out, clu_slice_str("caps"));
    }
    if (err == CLU_OK) {
        err = clu_words_add(out, clu_buf_slice(&caps));
    }
    clu_buf_fini(&caps);
    return err;
}

clu_err clu_engine_props(clu_engine *e, clu_buf *out)
{
    clu_buf one;
    clu_buf_init(&one, (size_t)e->config.limits.at[CLU_LIMIT_PROPS]);
    clu_err err = e->left ? CLU_GONE : CLU_OK;
    e->busy++;                  /* a script that is asked may leave */
    for (unsigned i = 0; err == CLU_OK && i < e->transport_count; i++) {
        clu_transport *t = e->transports[i];
        clu_buf_clear(&one);
        err = t->ops->props(t, &one);
        if (e->left) {
            err = CLU_GONE;
        }
        if (err == CLU_OK && one.n > 0) {
            err = clu_words_add(out, clu_slice_str(t->name));
            if (err == CLU_OK) {
                err = clu_words_add(out, clu_buf_slice(&one));
            }
        }
    }
    e->busy--;
    clu_buf_fini(&one);
    return err == CLU_OK ? add_caps(e, out) : err;
}

clu_err clu_compose_beacon(clu_engine *e, clu_packet *p, clu_type type,
                           uint64_t channel, bool props, bool tags,
                           clu_buf *scratch)
{
    clu_engine_head(e, p, type, channel);
    clu_err err = props ? clu_engine_props(e, scratch) : CLU_OK;
    size_t text = scratch->n;
    if (err == CLU_OK && tags) {
        /* A copy: a hook on this very packet may change our tags. */
        err = clu_buf_bytes(scratch, e->tags.wire);
    }
    if (err != CLU_OK) {
        return err;
    }
    /* Tags alone come with empty data (WIRE-ORIGINAL 6). */
    if (props || (tags && type == CLU_TYPE_HEARTBEAT)) {
        clu_packet_text(p, CLU_FIELD_data, clu_slice_of(scratch->p, text));
    }
    clu_packet_number(p, CLU_FIELD_known, e->table.count);
    if (tags) {
        clu_items copy = { e->tags.count, { NULL, e->tags.wire.n } };
        if (copy.wire.n > 0) {
            copy.wire.p = scratch->p + text;
        }
        clu_packet_list(p, CLU_FIELD_tags, copy);
    }
    return CLU_OK;
}

static clu_err beacon(clu_engine *e, clu_type type, bool props, bool tags,
                      uint64_t channel, clu_ms now)
{
    clu_packet p = { 0 };
    clu_buf scratch;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    clu_err err = clu_compose_beacon(e, &p, type, channel, props, tags,
                                     &scratch);
    if (err == CLU_OK) {
        err = clu_engine_broadcast(e, &p, now);
    }
    clu_buf_fini(&scratch);
    return err;
}

/* An interval less up to a tenth, so that members do not beat in step. */
static clu_ms next_beat(clu_engine *e)
{
    clu_ms interval = e->config.heartbeat > 0 ? e->config.heartbeat : 1;
    uint64_t tenth = (uint64_t)interval / 10;
    clu_ms early = tenth > 0 ? (clu_ms)clu_random_below(&e->random, tenth) : 0;
    return interval - early;
}

#define NO_WAY_RETRY 1000       /* ms; while the network is not there */

/* There is no network, or not yet: what the beat was to say is said soon. */
static void beat_again(clu_engine *e, bool props, bool tags, clu_ms now)
{
    e->beat_props = e->beat_props || props;
    e->beat_tags = e->beat_tags || tags;
    clu_engine_heartbeat_at(e, clu_later(now, NO_WAY_RETRY), tags);
}

/* Not for the goodbye, and not for a beat that one of them asks for. */
static void say_beat(clu_engine *e, clu_ms now)
{
    if (e->beating) {
        return;
    }
    e->beating = true;
    e->busy++;
    for (unsigned i = 0; !e->left && i < e->transport_count; i++) {
        clu_transport *t = e->transports[i];
        if (t->ops->beat != NULL) {
            t->ops->beat(t, now);
        }
    }
    e->busy--;
    e->beating = false;
}

clu_err clu_engine_heartbeat(clu_engine *e, bool props, bool tags,
                             uint64_t channel, clu_ms now)
{
    if (e->left) {
        return CLU_GONE;
    }
    if (channel == 0) {
        say_beat(e, now);
    }
    if (e->left) {
        return CLU_GONE;
    }
    if (channel == 0) {
        props = props || e->beat_props;
        tags = tags || e->beat_tags;
        e->beat_props = e->beat_tags = false;
        clu_engine_set(e, &e->beat, clu_later(now, next_beat(e)));
    }
    clu_err err = beacon(e, CLU_TYPE_HEARTBEAT, props, tags, channel, now);
    /* One that left meanwhile has said CLU_GONE. */
    if (channel == 0 && err == CLU_UNREACHABLE) {
        beat_again(e, props, tags, now);
    } else if (channel == 0 && err == CLU_OK && e->joining) {
        e->joining = false;
        err = clu_engine_discover(e, 0, now);
    }
    return err;
}

clu_err clu_engine_heartbeat_at(clu_engine *e, clu_ms at, bool tags)
{
    if (e->left) {
        return CLU_GONE;
    }
    e->beat_tags = e->beat_tags || tags;
    return at < e->beat.due.at ? clu_engine_set(e, &e->beat, at) : CLU_OK;
}

clu_err clu_engine_moved(clu_engine *e, clu_ms now)
{
    e->beat_props = true;
    return clu_engine_heartbeat_at(e, now, false);
}

clu_err clu_engine_discover(clu_engine *e, uint64_t channel, clu_ms now)
{
    if (e->left) {
        return CLU_GONE;
    }
    if (e->discovered >= 0 && now - e->discovered <= DISCOVER_EVERY) {
        return CLU_LIMIT;
    }
    e->discovered = now;
    clu_err err = beacon(e, CLU_TYPE_DISCOVERY, true, true, channel, now);
    if (err == CLU_UNREACHABLE) {
        e->discovered = -1;
        e->joining = true;      /* it follows the next heartbeat that leaves */
    }
    return err;
}

#define LOOKS_MAX 4             /* after joining; then heartbeats will do */
#define LOOK_AFTER 500          /* ms; then twice as long each time */

void clu_self_look_soon(clu_engine *e, clu_ms now)
{
    clu_engine_set(e, &e->look, now + (LOOK_AFTER << e->looks));
}

/*
 * A newcomer learns the others from their answers to its discovery, which
 * are datagrams and may be lost.  Everybody's beacons say how many services
 * they know: as long as somebody knows more than we do, we ask again.
 */
void clu_self_look(clu_engine *e, clu_ms now)
{
    bool more = e->most_known > e->table.count && e->looks < LOOKS_MAX;
    e->most_known = 0;
    if (more) {
        e->looks++;
        clu_self_look_soon(e, now);
        beacon(e, CLU_TYPE_DISCOVERY, true, true, 0, now);
    }
}
