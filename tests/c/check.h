/*
 * check.h -- a C test program: tests, checks, counts.
 *
 *     #include "check.h"
 *
 *     TEST("frame-2.1 every proper prefix asks for more")
 *     {
 *         CHECK(condition);
 *         CHECK_EQ(number, expected);
 *         CHECK_ERR(clu_thing_do(thing), CLU_OK);
 *         CHECK_STR(text, "expected");
 *         CHECK_SLICE(slice, "expected");
 *     }
 *
 * Included once in each program; main is here.  Tests register themselves and
 * run in the order they are written; an argument runs those whose name begins
 * so.  A failed check is printed and its test goes on.
 */
#ifndef CLU_CHECK_H
#define CLU_CHECK_H

#include "clu.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct check_test {
    const char *name;
    void (*run)(void);
    struct check_test *next;
} check_test;

static struct {
    check_test *first, **last;
    const char *name;           /* of the running test */
    char about[200];            /* the case in a table that is being checked */
    const char *skipped;        /* why the running test does not apply */
    int failures;               /* of the running test */
} check = { NULL, &check.first, NULL, "", NULL, 0 };

static inline void check_add(check_test *test)
{
    *check.last = test;
    check.last = &test->next;
}

#define TEST(name) CHECK_TEST_(name, __LINE__)
#define CHECK_TEST_(name, line) CHECK_TEST__(name, line)
#define CHECK_TEST__(name_, line) \
    static void check_run_##line(void); \
    __attribute__((constructor)) static void check_add_##line(void) \
    { \
        static check_test test = { name_, check_run_##line, NULL }; \
        check_add(&test); \
    } \
    static void check_run_##line(void)

/* Names the case of a table that the next checks are about. */
__attribute__((format(printf, 1, 2)))
static inline void check_about(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check.about, sizeof check.about, format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4)))
static inline void check_failed(const char *file, int line,
                                const char *format, ...)
{
    const int shown = 10;
    const char *base = strrchr(file, '/');
    if (check.failures++ >= shown) {
        return;
    }
    if (check.failures == 1) {
        printf("not ok %s: ", check.name);
    } else {
        printf("    ");
    }
    printf("%s:%d ", base ? base + 1 : file, line);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(check.about[0] ? " [%s]\n" : "\n", check.about);
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            check_failed(__FILE__, __LINE__, "%s", #condition); \
        } \
    } while (0)

#define CHECK_EQ(is, expected) \
    do { \
        long long check_a = (long long)(is), \
                  check_b = (long long)(expected); \
        if (check_a != check_b) { \
            check_failed(__FILE__, __LINE__, "%s is %lld, not %lld", #is, \
                         check_a, check_b); \
        } \
    } while (0)

#define CHECK_ERR(is, expected) \
    do { \
        clu_err check_a = (is), check_b = (expected); \
        if (check_a != check_b) { \
            check_failed(__FILE__, __LINE__, "%s is %s, not %s", #is, \
                         clu_err_name(check_a), clu_err_name(check_b)); \
        } \
    } while (0)

#define CHECK_BYTES(is, expected) \
    check_bytes(__FILE__, __LINE__, #is, (is), (expected))
#define CHECK_SLICE(is, expected) \
    CHECK_BYTES((is), clu_slice_str(expected))
#define CHECK_STR(is, expected) \
    CHECK_BYTES(clu_slice_str(is), clu_slice_str(expected))

/* The test does not apply here; say why and return from it. */
#define SKIP(why) \
    do { \
        check.skipped = (why); \
        return; \
    } while (0)

static inline void check_print(char *out, size_t room, clu_slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 8 < room; i++) {
        bool plain = s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '\\';
        n += (size_t)snprintf(out + n, room - n, plain ? "%c" : "\\x%02x",
                              s.p[i]);
    }
    out[n] = '\0';
}

static inline void check_bytes(const char *file, int line, const char *what,
                               clu_slice is, clu_slice expected)
{
    if (!clu_slice_eq(is, expected)) {
        char a[300] = "", b[300] = "";
        check_print(a, sizeof a, is);
        check_print(b, sizeof b, expected);
        check_failed(file, line, "%s is \"%s\" (%zu), not \"%s\" (%zu)", what,
                     a, is.n, b, expected.n);
    }
}

/* Bytes from hex digits up to end (NULL: all), on the heap: clu_free p. */
static inline clu_slice check_unhex(const char *hex, const char *end)
{
    size_t n = (end ? (size_t)(end - hex) : strlen(hex)) / 2;
    unsigned char *p = clu_alloc(n);
    for (size_t i = 0; p && i < n; i++) {
        char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        p[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return (clu_slice){ p, p ? n : 0 };
}

/* CLUSTER_SEED, or another one each time; printed, so it can be repeated. */
static inline uint64_t check_seed(void)
{
    const char *given = getenv("CLUSTER_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given ? strtoull(given, NULL, 0)
        : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    printf("# %s: CLUSTER_SEED=%llu\n", check.name, (unsigned long long)seed);
    return seed;
}

/*
 * A directory for the files of a test.  It lies in the runner's, which goes
 * with all that is in it however the program ends.
 */
static char check_place[64];

static inline void check_make_place(void)
{
    const char *in = getenv("CLUSTER_TEST_TMP");
    snprintf(check_place, sizeof check_place, "%s/t-XXXXXX", in ? in : "/tmp");
    CHECK(mkdtemp(check_place) != NULL);
}

static inline void check_remove_place(void)
{
    char line[sizeof check_place + 10];
    snprintf(line, sizeof line, "rm -rf '%s'", check_place);
    CHECK_EQ(system(line), 0);
}

/*
 * Runs a scenario with its n-th allocation failing, alone and with all behind
 * it, for each n until it needs no more.  It must say CLU_NOMEM or get along,
 * and leave no block behind; at last it must succeed.
 */
#define CHECK_NOMEM(scenario, ctx) \
    check_nomem(__FILE__, __LINE__, #scenario, (scenario), (ctx))

static inline void check_nomem(const char *file, int line, const char *what,
                               clu_err (*scenario)(void *ctx), void *ctx)
{
    for (int and_on = 0; and_on < 2; and_on++) {
        long failed = 0;
        for (long n = 1;; n++) {
            long live = clu_alloc_live();
            clu_alloc_fail_at(n, and_on);
            clu_err err = scenario(ctx);
            bool reached = clu_alloc_calls() >= n;
            clu_alloc_fail_at(0, false);
            if (clu_alloc_live() != live) {
                check_failed(file, line, "%s: allocation %ld of %s leaks %ld",
                             what, n, and_on ? "all" : "one",
                             clu_alloc_live() - live);
            }
            if (err != CLU_OK && (err != CLU_NOMEM || !reached)) {
                check_failed(file, line, "%s: allocation %ld gives %s", what,
                             n, clu_err_name(err));
                return;
            }
            if (!reached) {
                break;
            }
            failed += err == CLU_NOMEM;
        }
        if (failed == 0) {
            check_failed(file, line, "%s: nothing ever failed", what);
        }
    }
}

static inline int check_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d)) {
        n++;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

/* 1: it passed, 0: it does not apply, -1: it failed. */
static inline int check_run(const check_test *test)
{
    check.name = test->name;
    check.about[0] = '\0';
    check.failures = 0;
    check.skipped = NULL;
    int open = check_descriptors();
    test->run();
    check_about("what it left behind");
    CHECK_EQ(check_descriptors(), open);
    CHECK_EQ(clu_alloc_live(), 0);
    if (check.failures) {
        return -1;
    }
    if (check.skipped) {
        printf("skipped %s: %s\n", test->name, check.skipped);
        return 0;
    }
    printf("ok %s\n", test->name);
    return 1;
}

int main(int argc, char **argv)
{
    int count[3] = { 0 };       /* failed, skipped, passed */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (check_test *test = check.first; test; test = test->next) {
        if (argc == 1 || strncmp(test->name, argv[1], strlen(argv[1])) == 0) {
            count[1 + check_run(test)]++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", count[2], count[0], count[1]);
    return count[0] != 0;
}

#endif
