/*
 * linger_test.c -- when it pays to wait on our own descriptor.
 */
#include "check.h"
#include "linger.h"

enum { LEAST = CLU_LINGER_LEAST, MOST = CLU_LINGER_MOST,
       SHORT = CLU_LINGER_SHORT };

/* How many short waits in a row it takes until a stretch begins. */
static int until_it_lingers(clu_linger *l)
{
    int n = 1;
    while (!clu_linger_woken(l, true, SHORT) && n < 10 * MOST) {
        n++;
    }
    return n;
}

TEST("linger-1.1 a row of short waits for us alone begins a stretch")
{
    clu_linger l = { 0 };
    CHECK_EQ(until_it_lingers(&l), LEAST);
    CHECK(clu_linger_woken(&l, true, 0));
}

TEST("linger-1.2 what breaks the row: a long wait, or another's event")
{
    static const struct {
        bool alone;
        int64_t waited;
        int then;               /* so many more are needed */
    } cases[] = {
        { true,  0,         1 },
        { true,  SHORT,     1 },
        { true,  SHORT + 1, LEAST },
        { false, 0,         LEAST },
        { false, SHORT + 1, LEAST },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        clu_linger l = { 0 };
        for (int n = 0; n < LEAST - 2; n++) {
            CHECK(!clu_linger_woken(&l, true, 0));
        }
        CHECK(!clu_linger_woken(&l, cases[i].alone, cases[i].waited));
        CHECK_EQ(until_it_lingers(&l), cases[i].then);
    }
}

TEST("linger-2.1 more are needed each time the traffic stops, up to a bound")
{
    clu_linger l = { 0 };
    for (int expected = LEAST; expected < MOST; expected *= 2) {
        CHECK_EQ(until_it_lingers(&l), expected);
        clu_linger_over(&l, SHORT + 1);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(until_it_lingers(&l), MOST);
        clu_linger_over(&l, SHORT + 1);
    }
}

TEST("linger-2.2 fewer are needed again when it goes on, and the next follows")
{
    clu_linger l = { 0 };
    for (int i = 0; i < 20; i++) {
        until_it_lingers(&l);
        clu_linger_over(&l, SHORT + 1);
    }
    CHECK_EQ(until_it_lingers(&l), MOST);
    for (int needed = MOST; needed > LEAST / 2; needed /= 2) {
        clu_linger_over(&l, SHORT);
        CHECK(clu_linger_woken(&l, true, 0));   /* the row goes on */
    }
    CHECK(!clu_linger_woken(&l, false, 0));
    CHECK_EQ(until_it_lingers(&l), LEAST);
}
