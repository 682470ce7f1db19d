/*
 * partial_test.c -- frames in several datagrams, mixed, lost and forged.
 */
#include "check.h"
#include "partial.h"

#include <stdio.h>

enum { PIECE = 4096 };

static clu_limits limits;
static clu_partials partials;
static const clu_address here = { .family = 4, .port = 23000,
                                  .ip = { 127, 0, 0, 1 } };

static void begin(void)
{
    clu_limits_init(&limits);
    clu_partials_init(&partials);
}

/* A frame of so many bytes whose body is one letter; free it. */
static clu_slice frame(size_t total, char letter)
{
    size_t body = total - 2 - 2;
    while (body + clu_varint_size(body) + 4 > total) {
        body--;
    }
    unsigned char *p = malloc(total);
    memset(p, letter, total);
    memcpy(p, "\xc0\x8d", 2);
    size_t n = clu_varint_write(p + 2, body);
    CHECK_EQ(2 + n + body + 2, total);
    memset(p + total - 2, 0, 2);
    return clu_slice_of(p, total);
}

static clu_slice piece(clu_slice whole, size_t index)
{
    size_t from = index * PIECE;
    size_t n = whole.n - from < PIECE ? whole.n - from : PIECE;
    return clu_slice_of(whole.p + from, n);
}

static size_t pieces(clu_slice whole)
{
    return (whole.n + PIECE - 1) / PIECE;
}

static clu_err add(clu_slice bytes, clu_slice *body)
{
    return clu_partials_add(&partials, &limits, &here, bytes, 0, body);
}

static void check_body(clu_slice body, clu_slice whole, char letter)
{
    CHECK_EQ(body.n + clu_varint_size(body.n) + 4, whole.n);
    size_t same = 0;
    while (same < body.n && body.p[same] == (unsigned char)letter) {
        same++;
    }
    CHECK_EQ(same, body.n);
}

TEST("partial-1.1 a frame of any length over one datagram comes whole")
{
    static const size_t totals[] = { 4097, 4098, 4099, 5000, 8191, 8192, 8193,
                                     12288, 12289, 20000, 65000, 400000 };
    for (size_t i = 0; i < CLU_COUNT_OF(totals); i++) {
        check_about("%zu bytes", totals[i]);
        begin();
        clu_slice f = frame(totals[i], 'a'), body = { 0 };
        size_t n = pieces(f);
        for (size_t j = 0; j < n; j++) {
            CHECK_ERR(add(piece(f, j), &body), j + 1 < n ? CLU_MORE : CLU_OK);
        }
        check_body(body, f, 'a');
        CHECK_EQ(partials.held, 0);
        CHECK_EQ(partials.source_count, 0);
        CHECK_EQ(partials.forgotten, 0);
        clu_partials_fini(&partials);
        free((void *)f.p);
    }
}

TEST("partial-1.2 what is no piece is left alone")
{
    begin();
    clu_slice f = frame(9000, 'a'), body;
    CHECK_ERR(add(clu_slice_str("\xc0\x8d\xff\xff\x03xy"), &body), CLU_IGNORED);
    CHECK_ERR(add(clu_slice_of(f.p, 511), &body), CLU_IGNORED);
    CHECK_ERR(add(clu_slice_of(f.p + 1, 4096), &body), CLU_IGNORED);
    CHECK_ERR(add(clu_slice_of(f.p, 0), &body), CLU_IGNORED);
    CHECK_EQ(partials.held, 0);
    CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    CHECK_ERR(add(clu_slice_of(f.p + 4096, 100), &body), CLU_IGNORED);
    clu_partials_fini(&partials);
    free((void *)f.p);
}

typedef struct step {
    char frame;                 /* 'a', 'b', 'c' */
    size_t piece;
    clu_err err;
} step;

/* Each: lengths of a, b, c, then who sends what, and what comes of it. */
static const struct mix {
    const char *name;
    size_t total[3];
    step steps[10];
    int whole;                  /* frames that came */
    uint64_t forgotten;
} mixes[] = {
    { "two pieces each, in turn", { 5000, 6000, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'a', 1, CLU_OK },
        { 'b', 1, CLU_OK } }, 2, 0 },
    { "two pieces each, the second first", { 5000, 6000, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'b', 1, CLU_OK },
        { 'a', 1, CLU_OK } }, 2, 0 },
    { "two pieces within three", { 5000, 9000, 0 },
      { { 'b', 0, CLU_MORE }, { 'a', 0, CLU_MORE }, { 'b', 1, CLU_MORE },
        { 'a', 1, CLU_OK }, { 'b', 2, CLU_OK } }, 2, 0 },
    { "three frames at once", { 5000, 6000, 7000 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'c', 0, CLU_MORE },
        { 'c', 1, CLU_OK }, { 'a', 1, CLU_OK }, { 'b', 1, CLU_OK } }, 3, 0 },
    { "three pieces each, one behind the other", { 9000, 9100, 0 },
      { { 'a', 0, CLU_MORE }, { 'a', 1, CLU_MORE }, { 'a', 2, CLU_OK },
        { 'b', 0, CLU_MORE }, { 'b', 1, CLU_MORE }, { 'b', 2, CLU_OK } },
      2, 0 },
    { "the same length twice is not guessed at", { 5000, 5000, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'b', 1, CLU_MORE },
        { 'a', 1, CLU_IGNORED } }, 0, 2 },
    { "middles of two frames are not guessed at", { 9000, 9100, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'a', 1, CLU_MORE },
        { 'b', 1, CLU_IGNORED }, { 'a', 2, CLU_IGNORED },
        { 'b', 2, CLU_IGNORED } }, 0, 2 },
    { "nor are they after a loss", { 9000, 9100, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'b', 1, CLU_MORE },
        { 'a', 2, CLU_IGNORED }, { 'b', 2, CLU_IGNORED } }, 0, 2 },
    { "when the same length twice has come, all is clear", { 5000, 5000, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'b', 1, CLU_MORE },
        { 'a', 1, CLU_IGNORED }, { 'a', 0, CLU_MORE }, { 'a', 1, CLU_OK } },
      1, 2 },
    { "not while pieces of it are still to come", { 5000, 5000, 5000 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'b', 1, CLU_MORE },
        { 'c', 0, CLU_MORE }, { 'a', 1, CLU_IGNORED }, { 'c', 1, CLU_IGNORED },
        { 'c', 0, CLU_MORE }, { 'c', 1, CLU_OK } }, 1, 3 },
    { "nor when a middle was taken for another's", { 9000, 9100, 0 },
      { { 'a', 0, CLU_MORE }, { 'b', 0, CLU_MORE }, { 'a', 1, CLU_MORE },
        { 'b', 1, CLU_IGNORED }, { 'b', 2, CLU_IGNORED },
        { 'a', 2, CLU_IGNORED }, { 'a', 0, CLU_MORE }, { 'a', 1, CLU_MORE },
        { 'a', 2, CLU_OK } }, 1, 2 },
    { "a lost middle makes no frame of the rest", { 9000, 0, 0 },
      { { 'a', 0, CLU_MORE }, { 'a', 2, CLU_IGNORED } }, 0, 0 },
    { "a lost tail does not spoil the next frame", { 9000, 9100, 0 },
      { { 'a', 0, CLU_MORE }, { 'a', 1, CLU_MORE }, { 'b', 0, CLU_MORE },
        { 'b', 1, CLU_MORE }, { 'b', 2, CLU_OK } }, 1, 0 },
    { "a lost start leaves nothing", { 9000, 0, 0 },
      { { 'a', 1, CLU_IGNORED }, { 'a', 2, CLU_IGNORED } }, 0, 0 },
};

static void run_mix(const struct mix *m)
{
    clu_slice f[3] = { { 0 } };
    int whole = 0;
    begin();
    for (int i = 0; i < 3; i++) {
        if (m->total[i]) {
            f[i] = frame(m->total[i], (char)('a' + i));
        }
    }
    for (const step *s = m->steps; s->frame; s++) {
        clu_slice of = f[s->frame - 'a'], body;
        check_about("%s, %c%zu", m->name, s->frame, s->piece);
        clu_err err = add(piece(of, s->piece), &body);
        CHECK_ERR(err, s->err);
        if (err == CLU_OK) {
            whole++;
            check_body(body, of, s->frame);
        }
    }
    CHECK_EQ(whole, m->whole);
    CHECK_EQ(partials.forgotten, m->forgotten);
    clu_partials_fini(&partials);
    CHECK_EQ(partials.held, 0);
    for (int i = 0; i < 3; i++) {
        free((void *)f[i].p);
    }
}

TEST("partial-2.1 mixed frames come whole or not at all")
{
    for (size_t i = 0; i < CLU_COUNT_OF(mixes); i++) {
        run_mix(&mixes[i]);
    }
}

TEST("partial-1.3 what comes amid a frame and is none of it is left alone")
{
    static unsigned char letters[904], whole[604], doubled[600];
    memset(letters, 'x', sizeof letters);
    clu_slice f = frame(5000, 'a'), inner = frame(604, 'b'), body;
    memcpy(whole, inner.p, sizeof whole);
    for (size_t i = 0; i < sizeof doubled; i++) {
        doubled[i] = i % 2 ? 0x8d : 0xc0;
    }
    const clu_slice odd[] = {
        clu_slice_str(""), clu_slice_str("x"), clu_slice_str("\xc0x"),
        clu_slice_of(letters, sizeof letters),
        clu_slice_of(whole, sizeof whole), clu_slice_of(doubled, 600),
    };
    begin();
    CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    for (size_t i = 0; i < CLU_COUNT_OF(odd); i++) {
        check_about("case %zu", i);
        CHECK_ERR(add(odd[i], &body), CLU_IGNORED);
    }
    for (size_t i = 902; i < 904; i++) {        /* half the mark at its end */
        letters[902] = letters[903] = 'x';
        letters[i] = 0;
        CHECK_ERR(add(odd[3], &body), CLU_IGNORED);
    }
    CHECK_ERR(add(piece(f, 1), &body), CLU_OK);
    check_body(body, f, 'a');
    clu_partials_fini(&partials);
    free((void *)f.p);
    free((void *)inner.p);
}

TEST("partial-2.3 limits that are lowered meanwhile hold for what waits")
{
    clu_slice f = frame(5000, 'a'), body;
    begin();
    CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    limits.at[CLU_LIMIT_MESSAGE] = 4000;
    CHECK_ERR(add(piece(f, 1), &body), CLU_MORE);
    CHECK_EQ(partials.forgotten, 1);
    clu_partials_fini(&partials);
    begin();
    limits.at[CLU_LIMIT_PARTIAL] = 4000;
    CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    CHECK_EQ(partials.held, 0);
    CHECK_EQ(partials.forgotten, 1);
    clu_partials_fini(&partials);
    free((void *)f.p);
}

TEST("partial-2.2 sources do not mix")
{
    begin();
    clu_slice f = frame(5000, 'a'), g = frame(5000, 'b'), body;
    clu_address other = here;
    other.port++;
    CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    CHECK_ERR(clu_partials_add(&partials, &limits, &other, piece(g, 0), 0,
                               &body), CLU_MORE);
    CHECK_ERR(clu_partials_add(&partials, &limits, &other, piece(g, 1), 0,
                               &body), CLU_OK);
    check_body(body, g, 'b');
    CHECK_ERR(add(piece(f, 1), &body), CLU_OK);
    check_body(body, f, 'a');
    clu_partials_fini(&partials);
    free((void *)f.p);
    free((void *)g.p);
}

TEST("partial-3.1 what waits too long is forgotten and counted")
{
    begin();
    clu_slice f = frame(5000, 'a'), body;
    CHECK_EQ(clu_partials_expire(&partials, &limits, 0), CLU_NEVER);
    CHECK_ERR(clu_partials_add(&partials, &limits, &here, piece(f, 0), 100,
                               &body), CLU_MORE);
    CHECK_EQ(clu_partials_expire(&partials, &limits, 1099), 1100);
    CHECK_EQ(partials.forgotten, 0);
    CHECK_EQ(clu_partials_expire(&partials, &limits, 1100), CLU_NEVER);
    CHECK_EQ(partials.forgotten, 1);
    CHECK_EQ(partials.held, 0);
    CHECK_ERR(clu_partials_add(&partials, &limits, &here, piece(f, 1), 1100,
                               &body), CLU_IGNORED);
    clu_partials_fini(&partials);
    free((void *)f.p);
}

TEST("partial-3.2 starts, sources and bytes are bounded")
{
    begin();
    clu_slice f = frame(100000, 'a'), body;
    for (int i = 0; i < CLU_PARTIAL_STARTS; i++) {
        CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    }
    CHECK_EQ(partials.held, CLU_PARTIAL_STARTS * PIECE);
    for (int i = 0; i < 10; i++) {
        CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
    }
    CHECK_EQ(partials.held, 0);         /* whose pieces they are is not clear */
    CHECK_EQ(partials.forgotten, CLU_PARTIAL_STARTS + 10);
    for (int i = 0; i < 1000; i++) {
        clu_address from = here;
        from.port = (uint16_t)(1 + i % 200);
        CHECK_ERR(clu_partials_add(&partials, &limits, &from, piece(f, 0), 0,
                                   &body), CLU_MORE);
        CHECK(partials.source_count <= CLU_PARTIAL_SOURCES);
        CHECK((int64_t)partials.held <= limits.at[CLU_LIMIT_PARTIAL]);
    }
    for (int i = 0; i < 1000; i++) {
        add(piece(f, 1), &body);
        CHECK((int64_t)partials.held <= limits.at[CLU_LIMIT_PARTIAL]);
    }
    clu_partials_fini(&partials);
    CHECK_EQ(partials.held, 0);
    free((void *)f.p);
}

/* Up to four members send a frame each, their pieces mixed, none lost. */
static int send_mixed(uint64_t *state, clu_ms now)
{
    clu_slice f[4], body;
    size_t members = 1 + clu_random_below(state, 4), left = 0, next[4] = { 0 };
    int whole = 0;
    for (size_t k = 0; k < members; k++) {
        f[k] = frame(4097 + clu_random_below(state, 9000), (char)('a' + k));
        left += pieces(f[k]);
    }
    while (left > 0) {
        size_t k = clu_random_below(state, members);
        if (next[k] == pieces(f[k])) {
            continue;
        }
        left--;
        if (clu_partials_add(&partials, &limits, &here, piece(f[k], next[k]++),
                             now, &body) == CLU_OK) {
            whole++;
            check_body(body, f[body.p[0] - 'a'], (char)body.p[0]);
        }
    }
    for (size_t k = 0; k < members; k++) {
        free((void *)f[k].p);
    }
    return whole;
}

TEST("partial-3.3 pieces in any order never make a mixture, nor spoil the next")
{
    uint64_t state = check_seed();
    begin();
    int whole = 0;
    for (int i = 0; i < 1000; i++) {
        whole += send_mixed(&state, 0);         /* no moment's rest between */
        clu_slice f = frame(5000, 'z'), body = { 0 };
        CHECK_ERR(add(piece(f, 0), &body), CLU_MORE);
        CHECK_ERR(add(piece(f, 1), &body), CLU_OK);
        check_body(body, f, 'z');
        free((void *)f.p);
    }
    check_about("%d whole, %llu forgotten", whole,
                (unsigned long long)partials.forgotten);
    CHECK(whole > 500);
    CHECK(partials.forgotten > 500);
    clu_partials_fini(&partials);
    CHECK_EQ(partials.held, 0);
}

static clu_err scenario(void *ctx)
{
    clu_slice *f = ctx, body;
    begin();
    clu_err err = CLU_OK;
    for (size_t i = 0; i < pieces(*f); i++) {
        err = add(piece(*f, i), &body);
    }
    clu_partials_fini(&partials);
    return err == CLU_OK ? CLU_OK : CLU_NOMEM;
}

TEST("partial-4.1 without memory a frame is lost and nothing else")
{
    static const size_t totals[] = { 5000, 13000 };
    for (size_t i = 0; i < CLU_COUNT_OF(totals); i++) {
        clu_slice f = frame(totals[i], 'a');
        CHECK_NOMEM(scenario, &f);
        free((void *)f.p);
    }
}
