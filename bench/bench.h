/*
 * bench.h -- what the measured C programs share: the clock, and the lines they
 *            are driven by.
 *
 * A line `run COUNT` on stdin makes COUNT operations; the answer is the
 * microseconds of all, the median and the p99 of one.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t bench_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void bench_fail(const char *what)
{
    perror(what);
    exit(1);
}

static int bench_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Serves stdin until it ends: one(ctx) is one operation. */
static inline void bench_serve(void (*one)(void *ctx), void *ctx)
{
    char line[100];
    while (fgets(line, sizeof line, stdin)) {
        size_t n = strtoul(line + strcspn(line, " "), NULL, 10);
        uint64_t *took = calloc(n + 1, sizeof *took);
        uint64_t began = bench_ns(CLOCK_MONOTONIC), last = began;
        for (size_t i = 0; i < n; i++) {
            one(ctx);
            uint64_t now = bench_ns(CLOCK_MONOTONIC);
            took[i] = now - last;
            last = now;
        }
        qsort(took, n, sizeof *took, bench_order);
        printf("%.3f %.3f %.3f\n", (double)(last - began) / 1e3,
               (double)took[n / 2] / 1e3, (double)took[n * 99 / 100] / 1e3);
        fflush(stdout);
        free(took);
    }
}

#endif
