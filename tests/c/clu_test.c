/*
 * clu_test.c -- the lists of names, the allocator, chance.
 */
#include "check.h"

TEST("clu-1.1 every error, limit and counter has a name")
{
    for (int i = 0; i < CLU_ERR_COUNT; i++) {
        CHECK(strlen(clu_err_name((clu_err)i)) > 0);
        CHECK(strlen(clu_err_text((clu_err)i)) > 0);
    }
    for (int i = 0; i < CLU_LIMIT_COUNT; i++) {
        CHECK(strlen(clu_limit_option((clu_limit)i)) > 0);
        CHECK(strlen(clu_limit_what((clu_limit)i)) > 0);
        CHECK(clu_limit_counter((clu_limit)i) < CLU_COUNTER_COUNT);
    }
    for (int i = 0; i < CLU_COUNTER_COUNT; i++) {
        CHECK(strlen(clu_counter_name((clu_counter)i)) > 0);
    }
    CHECK_STR(clu_err_name(CLU_TRUNCATED), "TRUNCATED");
    CHECK_STR(clu_err_name((clu_err)99), "UNKNOWN");
    CHECK_STR(clu_err_text((clu_err)-1), "unknown error");
    CHECK_STR(clu_limit_option(CLU_LIMIT_SERVICES), "maxservices");
    CHECK_STR(clu_counter_name(CLU_COUNT_drop_header), "drop_header");
    CHECK_EQ(clu_limit_counter(CLU_LIMIT_SERVICES), CLU_COUNT_drop_full);
}

TEST("clu-1.2 limits begin with their defaults")
{
    clu_limits limits;
    clu_limits_init(&limits);
    CHECK_EQ(limits.at[CLU_LIMIT_MESSAGE], 1048576);
    CHECK_EQ(limits.at[CLU_LIMIT_SERVICES], 1024);
}

TEST("clu-2.1 memory is zeroed, counted and given back")
{
    long live = clu_alloc_live();
    unsigned char *p = clu_alloc(100), *q = clu_realloc(NULL, 10);
    CHECK(p && q && p[0] == 0 && p[99] == 0);
    CHECK_EQ(clu_alloc_live(), live + 2);
    q = clu_realloc(q, 1000);
    void *none = clu_realloc(NULL, 0);
    CHECK(none != NULL);
    clu_free(none);
    char *copy = clu_memdup("abc", 4);
    CHECK_STR(copy, "abc");
    void *empty = clu_memdup(NULL, 0);
    CHECK(empty != NULL);
    CHECK_EQ(clu_alloc_live(), live + 4);
    clu_free(p);
    clu_free(q);
    clu_free(copy);
    clu_free(empty);
    clu_free(NULL);
    CHECK_EQ(clu_alloc_live(), live);
}

TEST("clu-2.2 the n-th allocation fails, alone or with all that follow")
{
    for (int and_on = 0; and_on < 2; and_on++) {
        clu_alloc_fail_at(2, and_on);
        void *a = clu_alloc(1), *b = clu_realloc(NULL, 1);
        void *c = clu_memdup("x", 1);
        CHECK(a != NULL);
        CHECK(b == NULL);
        CHECK((c == NULL) == and_on);
        CHECK_EQ(clu_alloc_calls(), 3);
        clu_alloc_fail_at(0, false);
        CHECK_EQ(clu_alloc_calls(), 0);
        clu_free(a);
        clu_free(c);
    }
}

TEST("clu-2.3 a block that cannot grow is still there")
{
    char *p = clu_memdup("abc", 4);
    clu_alloc_fail_at(1, false);
    CHECK(clu_realloc(p, 1 << 20) == NULL);
    clu_alloc_fail_at(0, false);
    CHECK_STR(p, "abc");
    clu_free(p);
}

TEST("clu-3.1 the same seed gives the same run, within the bound")
{
    uint64_t a = 7, b = 7, c = 8;
    bool differs = false;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = clu_random_below(&a, 10);
        CHECK(x < 10);
        CHECK_EQ(x, clu_random_below(&b, 10));
        differs = differs || x != clu_random_below(&c, 10);
    }
    CHECK(differs);
    CHECK_EQ(clu_random_below(&a, 0), 0);
    CHECK_EQ(clu_random_below(&a, 1), 0);
}
