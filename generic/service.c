/*
 * service.c -- one remote service: who it is, what it offers, when it spoke.
 *
 * Layer: table.
 */
#include "service.h"

#include "words.h"

void clu_service_hold(clu_service *s)
{
    s->holds++;
}

void clu_service_release(clu_service *s)
{
    if (--s->holds > 0) {
        return;
    }
    clu_said said = { s->protocols, s->tags, s->props };
    clu_said_free(&said);
    clu_free(s->spots);
    clu_free(s->words);
    clu_free(s);
}

static bool plain(unsigned char c)
{
    static const bool is[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
        ['_'] = true, ['.'] = true, ['+'] = true, ['/'] = true, ['='] = true,
        ['-'] = true
    };
    return is[c];
}

bool clu_service_word(clu_slice word, const clu_limits *limits)
{
    if (word.n == 0 || word.n > (size_t)limits->at[CLU_LIMIT_ID]
        || word.n > CLU_SERVICE_ID_MAX) {
        return false;
    }
    bool colon = true;          /* none may come first */
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == ':' ? colon : !plain(word.p[i])) {
            return false;
        }
        colon = word.p[i] == ':';
    }
    return !colon;
}

static clu_slice put(unsigned char **at, clu_slice bytes)
{
    if (bytes.n == 0) {
        return (clu_slice){ 0 };
    }
    clu_slice copy = clu_slice_of(*at, bytes.n);
    memcpy(*at, bytes.p, bytes.n);
    *at += bytes.n;
    return copy;
}

clu_err clu_said_make(clu_said *said, clu_items protocols, clu_items tags,
                      clu_slice props)
{
    size_t size = protocols.wire.n + tags.wire.n + props.n;
    if (size == 0) {
        *said = (clu_said){ 0 };
        return CLU_OK;
    }
    unsigned char *at = clu_alloc(size);
    if (at == NULL) {
        return CLU_NOMEM;
    }
    said->protocols = (clu_items){ protocols.count, put(&at, protocols.wire) };
    said->tags = (clu_items){ tags.count, put(&at, tags.wire) };
    said->props = put(&at, props);
    return CLU_OK;
}

/* What is not empty and comes first begins the block. */
void clu_said_free(const clu_said *said)
{
    clu_free((void *)(said->protocols.wire.n ? said->protocols.wire.p
                      : said->tags.wire.n ? said->tags.wire.p
                      : said->props.p));
}

void clu_service_say(clu_service *s, const clu_said *said)
{
    clu_said before = { s->protocols, s->tags, s->props };
    clu_said_free(&before);
    s->protocols = said->protocols;
    s->tags = said->tags;
    s->props = said->props;
}

static clu_err say(clu_service *s, clu_items protocols, clu_slice props)
{
    clu_said said;
    clu_err err = clu_said_make(&said, protocols, s->tags, props);
    if (err == CLU_OK) {
        clu_service_say(s, &said);
    }
    return err;
}

clu_err clu_service_protocols(clu_service *s, clu_items protocols)
{
    return s->protocols.count == protocols.count
        && clu_slice_eq(s->protocols.wire, protocols.wire)
        ? CLU_OK : say(s, protocols, s->props);
}

/* Only our kind has this key; what it holds grows with the versions. */
static bool has_capabilities(const clu_service *s)
{
    clu_buf scratch;
    clu_buf_init(&scratch, s->props.n);
    clu_slice value;
    clu_err err = clu_words_get(s->props, clu_slice_str("caps"), &scratch,
                                &value);
    clu_buf_fini(&scratch);
    return err == CLU_OK;
}

clu_err clu_service_props(clu_service *s, clu_slice text, bool merge,
                          const clu_limits *limits)
{
    size_t limit = (size_t)limits->at[CLU_LIMIT_PROPS];
    if (text.n > limit) {
        return CLU_LIMIT;       /* before it costs anything */
    }
    if (s->props.n > 0 && clu_slice_eq(s->props, text)) {
        return CLU_OK;          /* a dict merged with itself, as it mostly is */
    }
    clu_buf merged;
    clu_buf_init(&merged, limit);
    clu_slice before = merge ? s->props : clu_slice_str("");
    clu_err err = clu_words_merge(before, text,
                                  (size_t)limits->at[CLU_LIMIT_MAP_ENTRIES],
                                  &merged);
    bool changed = err == CLU_OK
        && !clu_slice_eq(s->props, clu_buf_slice(&merged));
    if (changed) {
        err = say(s, s->protocols, clu_buf_slice(&merged));
    }
    if (changed && err == CLU_OK) {
        clu_free(s->spots);
        s->spots = NULL;
        s->spot_count = 0;
    }
    if (err == CLU_OK) {
        s->kin = has_capabilities(s);
    }
    clu_buf_fini(&merged);
    return err;
}

clu_err clu_service_prop(const clu_service *s, const char *protocol,
                         const char *key, clu_buf *scratch, clu_slice *value)
{
    clu_slice dict;
    clu_err err = clu_words_get(s->props, clu_slice_str(protocol), scratch,
                                &dict);
    if (err != CLU_OK) {
        return err;
    }
    /* The inner dict may stand in scratch, which the next look-up reuses. */
    clu_buf inner;
    clu_buf_init(&inner, dict.n);
    clu_slice found;
    err = clu_words_get(dict, clu_slice_str(key), &inner, &found);
    if (err == CLU_OK && (inner.n > 0 || scratch->n > 0)) {
        unsigned char *copy = clu_memdup(found.p, found.n + (found.n == 0));
        if (copy == NULL) {
            err = CLU_NOMEM;
        } else {
            clu_buf_clear(scratch);
            err = clu_buf_bytes(scratch, clu_slice_of(copy, found.n));
            found = clu_buf_slice(scratch);
            clu_free(copy);
        }
    }
    clu_buf_fini(&inner);
    if (err == CLU_OK) {
        *value = found;
    }
    return err;
}

clu_err clu_service_named(const clu_service *s, clu_buf *scratch,
                          clu_slice *name)
{
    clu_slice caps, generation;
    clu_err err = clu_words_get(s->props, clu_slice_str("caps"), scratch,
                                &caps);
    if (err == CLU_OK && scratch->n > 0) {
        err = CLU_GONE;         /* not as our kind writes it */
    }
    if (err == CLU_OK) {
        err = clu_words_next(&caps, scratch, &generation);
    }
    return err != CLU_OK ? err
        : clu_words_get(caps, clu_slice_str("name"), scratch, name);
}

static uint16_t port_of(clu_slice text)
{
    unsigned port = 0;
    if (text.n > 5) {
        return 0;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return 0;
        }
        port = port * 10 + (unsigned)(text.p[i] - '0');
    }
    return port <= 65535 ? (uint16_t)port : 0;
}

static clu_err get_port(const clu_service *s, const char *protocol,
                        uint16_t *port)
{
    clu_buf scratch;
    clu_buf_init(&scratch, s->props.n);
    clu_slice text;
    clu_err err = clu_service_prop(s, protocol, "port", &scratch, &text);
    *port = err == CLU_OK ? port_of(text) : 0;
    clu_buf_fini(&scratch);
    return err;
}

uint16_t clu_service_port(const clu_service *s, const char *protocol)
{
    uint16_t port;
    get_port(s, protocol, &port);
    return port;
}

/* Without memory for it, it is looked up each time. */
static clu_spot *place_of(clu_service *s, size_t index, size_t count)
{
    if (s->spots == NULL && count > 0) {
        s->spots = clu_alloc(count * sizeof *s->spots);
        s->spot_count = s->spots != NULL ? count : 0;
    }
    return index < s->spot_count ? &s->spots[index] : NULL;
}

clu_spot clu_service_spot(clu_service *s, size_t index, size_t count,
                          const char *protocol, clu_buf *scratch)
{
    clu_spot *kept = place_of(s, index, count);
    if (kept != NULL && kept->known) {
        return *kept;
    }
    clu_spot spot = { .known = true };
    clu_err no_port = get_port(s, protocol, &spot.port);
    clu_err no_path = clu_service_prop(s, protocol, "path", scratch,
                                       &spot.path);
    if (no_path != CLU_OK) {
        spot.path = clu_slice_str("");
    }
    /* What had to be unquoted stands in scratch, and that is the caller's. */
    if (kept != NULL && scratch->n == 0 && no_port != CLU_NOMEM
        && no_path != CLU_NOMEM) {
        *kept = spot;
    }
    return spot;
}
