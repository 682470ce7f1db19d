/*
 * station.h -- a transport under test: its loop, its host, what it handed up.
 *
 * Included once in each test program that needs real sockets.  A frame's body
 * is what send_body() sent; run_until() serves the loop until a condition
 * holds or two seconds are over.
 */
#ifndef CLU_TEST_STATION_H
#define CLU_TEST_STATION_H

#include "check.h"
#include "datagram.h"
#include "multicast.h"
#include "stream.h"

#include <unistd.h>

typedef struct heard {
    clu_arrival a;              /* bytes: a copy */
    struct heard *next;
} heard;

typedef struct station {
    clu_transport *t;
    clu_limits limits;
    clu_counters counters;
    clu_held held;
    heard *first, **last;
    size_t count[CLU_ARRIVED_MOVED + 1];    /* arrivals by kind */
    uint64_t bytes;             /* of frames' bodies */
    uint64_t name;              /* bind each frame's link to it; 0: do not */
    void (*also)(struct station *s, const clu_arrival *a, clu_ms now);
    bool forgetful;             /* count only */
} station;

static clu_loop *the_loop;
static clu_host *the_host;

static inline void station_up(void *owner, const clu_arrival *a, clu_ms now)
{
    station *s = owner;
    s->count[a->what]++;
    if (a->what == CLU_ARRIVED_FRAME) {
        s->bytes += a->bytes.n;
        if (s->name && s->t->ops->bind && a->from.link) {
            s->t->ops->bind(s->t, a->from.link, s->name);
        }
    }
    if (!s->forgetful) {
        heard *h = calloc(1, sizeof *h);
        h->a = *a;
        unsigned char *copy = malloc(a->bytes.n + 1);
        if (a->bytes.n) {
            memcpy(copy, a->bytes.p, a->bytes.n);
        }
        h->a.bytes.p = copy;
        *s->last = h;
        s->last = &h->next;
    }
    if (s->also) {
        s->also(s, a, now);
    }
}

static inline void station_init(station *s)
{
    *s = (station){ .t = NULL };
    s->last = &s->first;
    clu_limits_init(&s->limits);
}

/* The transport was created: it is used from here on. */
static inline void station_attach(station *s, clu_transport *t)
{
    s->t = t;
    t->up = station_up;
    t->owner = s;
    t->limits = &s->limits;
    t->counters = &s->counters;
    t->held = &s->held;
}

static inline void station_clear(station *s)
{
    while (s->first) {
        heard *h = s->first;
        s->first = h->next;
        free((void *)h->a.bytes.p);
        free(h);
    }
    s->last = &s->first;
    memset(s->count, 0, sizeof s->count);
    s->bytes = 0;
}

static inline void station_stop(station *s)
{
    if (s->t) {
        s->t->ops->stop(s->t);
        s->t = NULL;
    }
    station_clear(s);
}

/* The n-th arrival of a kind, from 0; NULL when there were not so many. */
static inline const clu_arrival *station_heard(const station *s,
                                               clu_arrived what, size_t n)
{
    for (const heard *h = s->first; h; h = h->next) {
        if (h->a.what == what && n-- == 0) {
            return &h->a;
        }
    }
    return NULL;
}

static inline void loop_begin(void)
{
    if (clu_loop_create(&the_loop) != CLU_OK
        || clu_host_create(the_loop, &the_host) != CLU_OK) {
        printf("not ok %s: no loop\n", check.name);
        exit(1);
    }
}

static inline void loop_end(void)
{
    clu_host_destroy(the_host);
    clu_loop_destroy(the_loop);
}

#define RUN_UNTIL_MS(condition, ms) \
    do { \
        clu_ms run_end = clu_loop_clock() + (ms); \
        while (!(condition) && clu_loop_clock() < run_end) { \
            clu_loop_run(the_loop, 20, 4); \
        } \
        CHECK(condition); \
    } while (0)
#define RUN_UNTIL(condition) RUN_UNTIL_MS(condition, 3000)

static inline void run_for(clu_ms ms)
{
    clu_ms end = clu_loop_clock() + ms;
    for (clu_ms left; (left = end - clu_loop_clock()) > 0;) {
        clu_loop_run(the_loop, (int)left, 4);
    }
}

/* A whole frame around a body; free it. */
static inline clu_slice frame_of(clu_slice body)
{
    unsigned char *p = malloc(body.n + 16);
    size_t n = 2;
    memcpy(p, "\xc0\x8d", 2);
    n += clu_varint_write(p + n, body.n);
    if (body.n) {
        memcpy(p + n, body.p, body.n);
    }
    memset(p + n + body.n, 0, 2);
    return clu_slice_of(p, n + body.n + 2);
}

static inline clu_err send_body(station *s, const clu_target *to,
                                clu_slice body, uint64_t cookie)
{
    clu_slice frame = frame_of(body);
    clu_ticket ticket = { .service = to->service, .cookie = cookie };
    clu_err err = s->t->ops->send(s->t, to, frame, &ticket, clu_loop_clock());
    free((void *)frame.p);
    return err;
}

static inline clu_err send_text(station *s, const clu_target *to,
                                const char *text)
{
    return send_body(s, to, clu_slice_str(text), 0);
}

/* The number behind "port" in what the transport advertises; 0: none, or no
   memory to say so. */
static inline uint16_t port_of(clu_transport *t)
{
    clu_buf text;
    clu_buf_init(&text, 1000);
    clu_err err = t->ops->props(t, &text);
    CHECK(err == CLU_OK || err == CLU_NOMEM);
    unsigned port = 0;
    if (clu_buf_byte(&text, 0) == CLU_OK && err == CLU_OK) {
        sscanf((char *)text.p, "port %u", &port);
    }
    clu_buf_fini(&text);
    return (uint16_t)port;
}

static inline clu_target loopback_target(uint64_t service, uint16_t port)
{
    return (clu_target){ .service = service,
                         .addr = { .family = 4, .port = port,
                                   .ip = { 127, 0, 0, 1 } } };
}

#endif
