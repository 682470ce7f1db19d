/*
 * partial.c -- puts together frames that came in several datagrams.
 *
 * Layer: codec.
 */
#include "partial.h"
#include "frame.h"

/* A frame that waits for more. */
typedef struct start {
    clu_list at;                /* in its source */
    clu_ms came;
    size_t total;               /* bytes of the frame */
    size_t length;              /* of its first piece, and of each middle */
    clu_buf bytes;              /* so far */
} start;

typedef struct source {
    clu_list at;
    clu_address from;
    clu_list starts;            /* the oldest first */
    int count;                  /* of starts */
    size_t owed;                /* bytes still to come of frames given up */
    clu_ms quiet;               /* if none of them came by then none will */
} source;

#define START_OF(node) CLU_CONTAINER(node, start, at)
#define SOURCE_OF(node) CLU_CONTAINER(node, source, at)

void clu_partials_init(clu_partials *p)
{
    *p = (clu_partials){ .held = 0 };
    clu_list_init(&p->sources);
    clu_buf_init(&p->whole, SIZE_MAX);
}

static void drop_start(clu_partials *p, source *s, start *one)
{
    clu_list_unlink(&one->at);
    p->held -= one->bytes.n;
    s->count--;
    clu_buf_fini(&one->bytes);
    clu_free(one);
}

static void forget(clu_partials *p, source *s, start *one)
{
    p->forgotten++;
    drop_start(p, s, one);
}

/* May the next piece be one of a frame that was given up? */
static bool is_blurred(const source *s, clu_ms now)
{
    return s->owed > 0 && s->quiet > now;
}

/* A source in which nothing waits is none. */
static void prune(clu_partials *p, source *s, clu_ms now)
{
    if (clu_list_empty(&s->starts) && !is_blurred(s, now)) {
        clu_list_unlink(&s->at);
        clu_free(s);
        p->source_count--;
    }
}

void clu_partials_fini(clu_partials *p)
{
    while (!clu_list_empty(&p->sources)) {
        source *s = SOURCE_OF(p->sources.next);
        while (!clu_list_empty(&s->starts)) {
            drop_start(p, s, START_OF(s->starts.next));
        }
        prune(p, s, CLU_NEVER);
    }
    clu_buf_fini(&p->whole);
}

static source *find_source(clu_partials *p, const clu_address *from)
{
    for (clu_list *at = p->sources.next; at != &p->sources; at = at->next) {
        if (clu_address_eq(&SOURCE_OF(at)->from, from)) {
            return SOURCE_OF(at);
        }
    }
    return NULL;
}

static source *make_source(clu_partials *p, const clu_address *from)
{
    source *s = p->source_count < CLU_PARTIAL_SOURCES
        ? clu_alloc(sizeof *s) : NULL;
    if (s) {
        s->from = *from;
        clu_list_init(&s->at);
        clu_list_init(&s->starts);
        clu_list_append(&p->sources, &s->at);
        p->source_count++;
    }
    return s;
}

clu_ms clu_partials_expire(clu_partials *p, const clu_limits *limits,
                           clu_ms now)
{
    clu_ms age = limits->at[CLU_LIMIT_PARTIAL_AGE], next = CLU_NEVER;
    for (clu_list *at = p->sources.next, *after; at != &p->sources;
         at = after) {
        after = at->next;
        source *s = SOURCE_OF(at);
        while (!clu_list_empty(&s->starts)
               && START_OF(s->starts.next)->came + age <= now) {
            forget(p, s, START_OF(s->starts.next));
        }
        clu_ms at_s = clu_list_empty(&s->starts) ? s->quiet
            : START_OF(s->starts.next)->came + age;
        next = at_s > now && at_s < next ? at_s : next;
        prune(p, s, now);
    }
    return next;
}

/* A frame is given up of which so many bytes are still to come: with those of
   another they might make a mixture, so all that wait are given up. */
static void blur(clu_partials *p, source *s, size_t missing, clu_ms now)
{
    s->owed = missing + (is_blurred(s, now) ? s->owed : 0);
    s->quiet = now + CLU_PARTIAL_QUIET;
    while (!clu_list_empty(&s->starts)) {
        start *one = START_OF(s->starts.next);
        s->owed += one->total - one->bytes.n;
        forget(p, s, one);
    }
}

/* One more piece of what was given up: when all have come, all is clear. */
static void pay(source *s, size_t n, clu_ms now)
{
    s->owed -= n < s->owed ? n : s->owed;
    s->quiet = now + CLU_PARTIAL_QUIET;
}

/* ---- Starts -------------------------------------------------------------- */

/* Does a frame begin here that is longer than the datagram?  *bytes moves
   behind a doubled header. */
static bool begins(clu_slice *bytes, size_t limit, size_t *total)
{
    clu_slice rest = *bytes, body;
    clu_frame_loss loss = { 0 };
    if (bytes->n < CLU_PARTIAL_FIRST
        || clu_frame_next(&rest, limit, &body, total, &loss) != CLU_MORE
        || loss.junk > 0 || rest.n < CLU_PARTIAL_FIRST / 2) {
        return false;
    }
    *bytes = rest;
    return true;
}

/* Charged to the budget of all that waits. */
static bool append(clu_partials *p, const clu_limits *limits, start *to,
                   clu_slice bytes)
{
    if ((int64_t)(p->held + bytes.n) > limits->at[CLU_LIMIT_PARTIAL]
        || clu_buf_bytes(&to->bytes, bytes) != CLU_OK) {
        return false;
    }
    p->held += bytes.n;
    return true;
}

static bool add_start(clu_partials *p, const clu_limits *limits, source *s,
                      clu_slice bytes, size_t total, clu_ms now)
{
    start *one = clu_alloc(sizeof *one);
    if (!one) {
        return false;
    }
    one->came = now;
    one->total = total;
    one->length = bytes.n;
    clu_buf_init(&one->bytes, total);
    clu_list_init(&one->at);
    clu_list_append(&s->starts, &one->at);
    s->count++;
    if (!append(p, limits, one, bytes)) {
        drop_start(p, s, one);
        return false;
    }
    return true;
}

static void keep_start(clu_partials *p, const clu_limits *limits,
                       const clu_address *from, clu_slice bytes, size_t total,
                       clu_ms now)
{
    source *s = find_source(p, from);
    if (!s) {
        s = make_source(p, from);
    }
    if (!s || s->count >= CLU_PARTIAL_STARTS || is_blurred(s, now)
        || !add_start(p, limits, s, bytes, total, now)) {
        p->forgotten++;
        if (s) {
            blur(p, s, total - bytes.n, now);
        }
    }
}

/* ---- Middles and tails --------------------------------------------------- */

/* Is it the end of this frame? */
static bool is_tail(const start *one, clu_slice bytes)
{
    if (bytes.n == 0 || one->bytes.n + bytes.n != one->total) {
        return false;
    }
    unsigned char before = bytes.n > 1 ? bytes.p[bytes.n - 2]
        : one->bytes.p[one->bytes.n - 1];
    return before == 0 && bytes.p[bytes.n - 1] == 0;
}

static bool is_middle(const start *one, clu_slice bytes)
{
    return bytes.n == one->length && one->total - one->bytes.n > bytes.n;
}

typedef bool fits(const start *one, clu_slice bytes);

/* The one start it fits; *several when there are more. */
static start *find_start(const source *s, fits *fit, clu_slice bytes,
                         bool *several)
{
    start *found = NULL;
    for (clu_list *at = s->starts.next; at != &s->starts; at = at->next) {
        if (fit(START_OF(at), bytes)) {
            *several |= found != NULL;
            found = START_OF(at);
        }
    }
    return found;
}

static clu_err complete(clu_partials *p, const clu_limits *limits, source *s,
                        start *one, clu_slice tail, clu_slice *body)
{
    clu_err err = clu_buf_bytes(&one->bytes, tail);
    p->held += err == CLU_OK ? tail.n : 0;
    clu_buf_fini(&p->whole);
    p->whole = one->bytes;      /* it is ours now */
    p->held -= p->whole.n;
    clu_buf_init(&one->bytes, 0);
    drop_start(p, s, one);
    clu_slice whole = clu_buf_slice(&p->whole);
    clu_frame_loss loss = { 0 };
    size_t need;
    if (err != CLU_OK
        || clu_frame_next(&whole, (size_t)limits->at[CLU_LIMIT_MESSAGE], body,
                          &need, &loss) != CLU_OK) {
        p->forgotten++;
        return CLU_MORE;
    }
    return CLU_OK;
}

/* A datagram of a source in which frames wait. */
static clu_err continue_one(clu_partials *p, const clu_limits *limits,
                            source *s, clu_slice bytes, clu_ms now,
                            clu_slice *body)
{
    bool several = false;
    start *one = find_start(s, is_tail, bytes, &several);
    if (one && !several) {
        return complete(p, limits, s, one, bytes, body);
    }
    bool header = bytes.n >= 2 && bytes.p[0] == 0xc0 && bytes.p[1] == 0x8d;
    if (!one && !header) {
        one = find_start(s, is_middle, bytes, &several);
    }
    if (!one) {
        return CLU_IGNORED;
    }
    if (several || !append(p, limits, one, bytes)) {
        blur(p, s, 0, now);
        pay(s, bytes.n, now);
    }
    return CLU_MORE;
}

clu_err clu_partials_add(clu_partials *p, const clu_limits *limits,
                         const clu_address *from, clu_slice bytes, clu_ms now,
                         clu_slice *body)
{
    clu_partials_expire(p, limits, now);
    source *s = find_source(p, from);
    if (s && !is_blurred(s, now)) {
        clu_err err = continue_one(p, limits, s, bytes, now, body);
        if (err != CLU_IGNORED) {
            prune(p, s, now);
            return err;
        }
    }
    size_t total;
    if (begins(&bytes, (size_t)limits->at[CLU_LIMIT_MESSAGE], &total)) {
        keep_start(p, limits, from, bytes, total, now);
        return CLU_MORE;
    }
    if (s && is_blurred(s, now)) {
        pay(s, bytes.n, now);
        prune(p, s, now);
    }
    return CLU_IGNORED;
}
