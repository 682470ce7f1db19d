/*
 * cork_test.c -- when what scripts send may wait to leave together.
 */
#include "check.h"
#include "cork.h"

enum { LEAST = CLU_CORK_LEAST, SHORT = CLU_CORK_SHORT, MOST = CLU_CORK_MOST };

/* So many pieces of us each; what is said at the last of them. */
static clu_cork_say after(clu_cork *c, int64_t *now, int pieces, int us)
{
    clu_cork_say say = CLU_CORK_OUT;
    for (int i = 0; i < pieces; i++) {
        *now += us;
        say = clu_cork_told(c, *now);
    }
    return say;
}

TEST("cork-1.1 nothing waits before some pieces went quickly")
{
    static const struct { int pieces, us; clu_cork_say say; } cases[] = {
        { 1,        0,         CLU_CORK_OUT },
        { LEAST - 1, 0,        CLU_CORK_OUT },
        { LEAST,    0,         CLU_CORK_IN },
        { LEAST,    SHORT,     CLU_CORK_IN },
        { LEAST,    SHORT + 1, CLU_CORK_OUT },
        { MOST - 1, SHORT,     CLU_CORK_IN },
        { MOST,     SHORT,     CLU_CORK_DRAW },
        { MOST,     SHORT + 1, CLU_CORK_OUT },
        { MOST + 1, SHORT,     CLU_CORK_IN },
        { 2 * MOST, SHORT,     CLU_CORK_DRAW },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%d of %d us", cases[i].pieces, cases[i].us);
        clu_cork c;
        int64_t now = 1000000;
        clu_cork_begin(&c, now);
        CHECK_EQ(after(&c, &now, cases[i].pieces, cases[i].us), cases[i].say);
    }
}

TEST("cork-1.2 one that takes long ends it until the others made up for it")
{
    clu_cork c;
    int64_t now = 5;
    clu_cork_begin(&c, now);
    CHECK_EQ(after(&c, &now, 10, 1), CLU_CORK_IN);
    CHECK_EQ(after(&c, &now, 1, 20 * SHORT), CLU_CORK_OUT);
    CHECK_EQ(after(&c, &now, 1, 1), CLU_CORK_OUT);
    CHECK_EQ(after(&c, &now, 20, 1), CLU_CORK_IN);
    clu_cork_begin(&c, now);
    CHECK_EQ(after(&c, &now, 1, 1), CLU_CORK_OUT);
}
