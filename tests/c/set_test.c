/*
 * set_test.c -- a set of small numbers, by blocks of 64.
 */
#include "check.h"
#include "set.h"

/* "3 64 70": the members, by way of next. */
static const char *members(const clu_set *s)
{
    static char out[400];
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t m = 0; clu_set_next(s, &m); m++) {
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%u", n ? " " : "",
                              (unsigned)m);
    }
    return out;
}

TEST("set-1.1 what was added is in it once, in order, until it is removed")
{
    long live = clu_alloc_live();
    clu_set s = { 0 };
    static const struct { int n; const char *after; size_t blocks; } steps[] = {
        /* negative: removed */
        { 70, "70", 1 }, { 70, "70", 1 }, { 64, "64 70", 1 },
        { -3, "64 70", 1 }, { -65, "64 70", 1 }, { 3, "3 64 70", 2 },
        { 500, "3 64 70 500", 3 }, { 200, "3 64 70 200 500", 4 },
        { 201, "3 64 70 200 201 500", 4 }, { 201, "3 64 70 200 201 500", 4 },
        { 10000, "3 64 70 200 201 500 10000", 5 },
        { -400, "3 64 70 200 201 500 10000", 5 },
        { -20000, "3 64 70 200 201 500 10000", 5 },
        { -71, "3 64 70 200 201 500 10000", 5 },
        { -64, "3 70 200 201 500 10000", 5 }, { -200, "3 70 201 500 10000", 5 },
        { -201, "3 70 500 10000", 4 }, { -3, "70 500 10000", 3 },
        { -10000, "70 500", 2 }, { -70, "500", 1 }, { -500, "", 0 },
        { 7, "7", 1 }, { 100, "7 100", 2 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(steps); i++) {
        int n = steps[i].n;
        check_about("%d", n);
        if (n < 0) {
            clu_set_remove(&s, (uint32_t)-n);
        } else {
            CHECK_ERR(clu_set_add(&s, (uint32_t)n), CLU_OK);
        }
        CHECK_EQ(clu_set_has(&s, (uint32_t)abs(n)), n >= 0);
        CHECK_STR(members(&s), steps[i].after);
        CHECK_EQ(clu_set_blocks(&s), steps[i].blocks);
    }
    clu_set_free(&s);
    CHECK_STR(members(&s), "");
    CHECK_EQ(clu_alloc_live(), live);
}

TEST("set-1.2 the gap is the least that is not in it")
{
    clu_set s = { 0 };
    CHECK_EQ(clu_set_gap(&s), 0);
    for (uint32_t n = 0; n < 200; n++) {
        CHECK_EQ(clu_set_gap(&s), n);
        CHECK_ERR(clu_set_add(&s, n), CLU_OK);
    }
    static const uint32_t gone[] = { 199, 130, 64, 63, 0 };
    for (size_t i = 0; i < CLU_COUNT_OF(gone); i++) {
        clu_set_remove(&s, gone[i]);
        CHECK_EQ(clu_set_gap(&s), gone[i]);
    }
    for (uint32_t n = 0; n < 128; n++) {
        clu_set_remove(&s, n);
    }
    CHECK_EQ(clu_set_gap(&s), 0);       /* whole blocks are missing */
    clu_set_free(&s);
}

TEST("set-1.3 many are added at once, and without memory none")
{
    long live = clu_alloc_live();
    clu_set s = { 0 };
    clu_alloc_fail_at(1, true);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 0, 5 }), CLU_OK);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 0x81, 5 }), CLU_OK);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 0x83, 5 }), CLU_OK);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 1, 6 }), CLU_NOMEM);
    CHECK_STR(members(&s), "320 321 327");
    clu_alloc_fail_at(0, false);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 1, 6 }), CLU_OK);
    clu_alloc_fail_at(1, true);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 3, 6 }), CLU_OK);
    CHECK_ERR(clu_set_put(&s, (clu_block){ 1, 0 }), CLU_NOMEM);
    clu_alloc_fail_at(0, false);
    CHECK_STR(members(&s), "320 321 327 384 385");
    CHECK_EQ(clu_set_count(&s), 5);
    clu_set_free(&s);
    CHECK_EQ(clu_alloc_live(), live);
}

TEST("set-1.4 what was reserved asks for no memory")
{
    long live = clu_alloc_live();
    for (uint32_t blocks = 0; blocks < 5; blocks++) {
        clu_set s = { 0 };
        CHECK_ERR(clu_set_reserve(&s, blocks), CLU_OK);
        CHECK_EQ(clu_set_count(&s), 0);
        CHECK(!clu_set_has(&s, 0));
        clu_alloc_fail_at(1, true);
        for (uint32_t n = 0; n < blocks; n++) {
            CHECK_ERR(clu_set_add(&s, n * CLU_BLOCK), CLU_OK);
        }
        clu_alloc_fail_at(0, false);
        CHECK_EQ(clu_set_blocks(&s), blocks);
        for (uint32_t n = 0; n < blocks; n++) {
            clu_set_remove(&s, n * CLU_BLOCK);
        }
        CHECK_STR(members(&s), "");
        clu_set_free(&s);
    }
    clu_set s = { 0 };
    clu_alloc_fail_at(1, true);
    CHECK_ERR(clu_set_reserve(&s, 2), CLU_NOMEM);
    clu_alloc_fail_at(0, false);
    CHECK_EQ(clu_alloc_live(), live);
}

#define ALL 1000                /* numbers in the naive model */

/* Every way of asking agrees with the model. */
static void compare(const clu_set *s, const bool model[ALL])
{
    size_t count = 0;
    uint32_t at = 0;
    for (uint32_t n = 0; n < ALL; n++) {
        CHECK_EQ(clu_set_has(s, n), model[n]);
        CHECK_EQ(clu_set_bits(s, n / CLU_BLOCK) >> n % CLU_BLOCK & 1u,
                 model[n]);
        if (model[n]) {
            count++;
            CHECK(clu_set_next(s, &at));
            CHECK_EQ(at++, n);
        }
    }
    CHECK(!clu_set_next(s, &at));
    CHECK_EQ(clu_set_count(s), count);
    CHECK_EQ(clu_set_is_single(s), count == 1);
    clu_block b;
    size_t walked = 0;
    for (size_t i = 0; clu_set_block(s, i, &b); i++) {
        CHECK(b.bits != 0);
        for (; b.bits != 0; b.bits &= b.bits - 1) {
            CHECK(model[clu_block_first(b)]);
            walked++;
        }
    }
    CHECK_EQ(walked, count);
}

TEST("set-2.1 it holds what a naive model holds, at random")
{
    uint64_t seed = check_seed();
    long live = clu_alloc_live();
    clu_set s = { 0 };
    static bool model[ALL];
    for (int round = 0; round < 400; round++) {
        /* Now many come, now many go, here and there or close together. */
        bool add = clu_random_below(&seed, 2) == 0;
        uint64_t from = clu_random_below(&seed, ALL);
        uint64_t wide = 1 + clu_random_below(&seed, ALL - from);
        for (uint64_t k = clu_random_below(&seed, 60); k > 0; k--) {
            uint32_t n = (uint32_t)(from + clu_random_below(&seed, wide));
            if (!add) {
                clu_set_remove(&s, n);
                model[n] = false;
            } else if (clu_set_add(&s, n) == CLU_OK) {
                model[n] = true;
            }
            clu_alloc_fail_at(clu_random_below(&seed, 4) == 0, false);
        }
        clu_alloc_fail_at(0, false);
        compare(&s, model);
    }
    clu_set_free(&s);
    CHECK_EQ(clu_alloc_live(), live);
}
