/*
 * clu.c -- names of errors, limits and counters; memory; chance.
 *
 * Layer: base.
 */
#include "clu.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ---- The lists of clu.h as tables ---------------------------------------- */

const char *clu_err_name(clu_err err)
{
    static const char *const names[] = {
#define X(name, text) [CLU_##name] = #name,
        CLU_ERRORS(X)
#undef X
    };
    return (size_t)err < CLU_COUNT_OF(names) ? names[err] : "UNKNOWN";
}

const char *clu_err_text(clu_err err)
{
    static const char *const texts[] = {
#define X(name, text) [CLU_##name] = text,
        CLU_ERRORS(X)
#undef X
    };
    return (size_t)err < CLU_COUNT_OF(texts) ? texts[err] : "unknown error";
}

typedef struct limit {
    const char *option;
    clu_counter counter;
    const char *what;
    int64_t value;              /* unless configured otherwise */
} limit;

static const limit limits_known[] = {
#define X(name, dflt, option, counter, what) \
    [CLU_LIMIT_##name] = { option, CLU_COUNT_##counter, what, dflt },
    CLU_LIMITS(X)
#undef X
};

void clu_limits_init(clu_limits *limits)
{
    for (size_t i = 0; i < CLU_LIMIT_COUNT; i++) {
        limits->at[i] = limits_known[i].value;
    }
}

const char *clu_limit_option(clu_limit which)
{
    return limits_known[which].option;
}

const char *clu_limit_what(clu_limit which)
{
    return limits_known[which].what;
}

clu_counter clu_limit_counter(clu_limit which)
{
    return limits_known[which].counter;
}

const char *clu_counter_name(clu_counter which)
{
    static const char *const names[] = {
#define X(name) [CLU_COUNT_##name] = #name,
        CLU_COUNTERS(X)
#undef X
    };
    return names[which];
}

/* ---- Memory -------------------------------------------------------------- */

/* Interpreters in several threads allocate at once; order matters to none. */
static atomic_long calls;       /* since clu_alloc_fail_at */
static atomic_long live;        /* blocks not freed yet */
static atomic_long fail_at;     /* the call that fails; 0: none */
static atomic_bool fail_on;     /* and all behind it */

static bool refused(void)
{
    long call = 1 + atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    long at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (at == 0 || call < at) {
        return false;
    }
    return call == at || atomic_load_explicit(&fail_on, memory_order_relaxed);
}

void *clu_alloc(size_t size)
{
    void *p = refused() ? NULL : calloc(1, size ? size : 1);
    if (p) {
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return p;
}

void *clu_realloc(void *p, size_t size)
{
    void *q = refused() ? NULL : realloc(p, size ? size : 1);
    if (q && !p) {
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return q;
}

void clu_free(void *p)
{
    if (p) {
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
        free(p);
    }
}

void *clu_memdup(const void *p, size_t n)
{
    void *copy = clu_alloc(n);
    if (copy && n) {
        memcpy(copy, p, n);
    }
    return copy;
}

void clu_alloc_fail_at(long nth, bool and_on)
{
    atomic_store(&fail_at, nth);
    atomic_store(&fail_on, and_on);
    atomic_store(&calls, 0);
}

long clu_alloc_calls(void)
{
    return atomic_load(&calls);
}

long clu_alloc_live(void)
{
    return atomic_load(&live);
}

/* ---- Chance -------------------------------------------------------------- */

/* splitmix64: any seed will do, 0 as well. */
uint64_t clu_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t clu_random_below(uint64_t *state, uint64_t bound)
{
    uint64_t r = clu_random(state);
    return bound ? r % bound : 0;
}
