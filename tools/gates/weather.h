/*
 * weather.h -- what becomes of a packet on its way from one host to another.
 *
 *     weather w;
 *     weather_init(&w, hosts, seed);
 *     const char *why = weather_tell(&w, "1,2 * loss 20 jitter 5");
 *     int copies = weather_fate(&w, from, to, is_tcp, now, due);
 *
 * Each directed link between two hosts, counted from 1, has its own weather
 * and its own generator: the n-th packet of a link fares alike whatever the
 * others do.  Shared by impair.c, between real hosts, and life.c, in virtual
 * time, so that both run the same scenarios.
 */
#ifndef WEATHER_H
#define WEATHER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEATHER_HOSTS 16

/* What a line may set on a link. */
#define WEATHER_KEYS(X) \
    X(loss)     /* of 100 packets, how many are lost */ \
    X(twice)    /* ... come twice */ \
    X(swap)     /* ... are late by 5 to 25 ms, so that others overtake them */ \
    X(delay)    /* ms that each needs */ \
    X(jitter)   /* ms more, at most; order is kept */ \
    X(cut)      /* 1: nothing passes */ \
    X(mute)     /* 1: no TCP passes, as by a firewall */

typedef struct weather_link {
#define X(key) unsigned key;
    WEATHER_KEYS(X)
#undef X
    uint64_t random;            /* state of its generator */
    int64_t last;               /* when the last one in order is due */
    unsigned long passed, lost, doubled, swapped, blocked;
} weather_link;

typedef struct weather {
    unsigned hosts;
    weather_link at[WEATHER_HOSTS + 1][WEATHER_HOSTS + 1];
} weather;

static inline uint64_t weather_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void weather_init(weather *w, unsigned hosts, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->hosts = hosts;
    for (unsigned i = 1; i <= hosts; i++) {
        for (unsigned k = 1; k <= hosts; k++) {
            uint64_t mix = seed * 1000003u + i * 1009u + k;
            w->at[i][k].random = weather_random(&mix);
        }
    }
}

/* Does a word such as "3", "1,2" or "*" name this host? */
static inline bool weather_names(const char *word, unsigned host)
{
    if (strcmp(word, "*") == 0) {
        return true;
    }
    while (*word) {
        char *end;
        if (strtoul(word, &end, 10) == host) {
            return true;
        }
        if (end == word || (*end != ',' && *end != '\0')) {
            return false;
        }
        word = *end ? end + 1 : end;
    }
    return false;
}

static inline unsigned *weather_place(weather_link *l, const char *key)
{
#define X(name) if (strcmp(key, #name) == 0) { return &l->name; }
    WEATHER_KEYS(X)
#undef X
    return NULL;
}

static inline const char *weather_set(weather *w, const char *from,
                                      const char *to, const char *key,
                                      const char *value)
{
    bool any = false;
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (*end != '\0') {
        return "no number";
    }
    for (unsigned i = 1; i <= w->hosts; i++) {
        for (unsigned k = 1; k <= w->hosts; k++) {
            if (!weather_names(from, i) || !weather_names(to, k)) {
                continue;
            }
            unsigned *place = weather_place(&w->at[i][k], key);
            if (place == NULL) {
                return "no such key";
            }
            *place = (unsigned)number;
            any = true;
        }
    }
    return any ? NULL : "no such host";
}

/* "heal", or "FROM TO KEY VALUE ...".  NULL, or what is wrong with it. */
static inline const char *weather_tell(weather *w, const char *line)
{
    char copy[512], *rest;
    snprintf(copy, sizeof copy, "%s", line);
    char *from = strtok_r(copy, " \t\n", &rest);
    const char *why = NULL;
    if (from != NULL && strcmp(from, "heal") == 0) {
#define X(key) why = weather_set(w, "*", "*", #key, "0");
        WEATHER_KEYS(X)
#undef X
        return why;
    }
    char *to = strtok_r(NULL, " \t\n", &rest), *key, *value;
    if (from == NULL || to == NULL) {
        return "neither \"heal\" nor \"FROM TO KEY VALUE ...\"";
    }
    while (why == NULL && (key = strtok_r(NULL, " \t\n", &rest)) != NULL) {
        value = strtok_r(NULL, " \t\n", &rest);
        why = value ? weather_set(w, from, to, key, value)
                    : "a key without a value";
    }
    return why;
}

static inline unsigned weather_below(weather_link *l, unsigned bound)
{
    return bound ? (unsigned)(weather_random(&l->random) % bound) : 0;
}

static inline bool weather_blocks(const weather *w, unsigned from,
                                  unsigned to, bool tcp)
{
    const weather_link *l = &w->at[from][to];
    return l->cut || (tcp && l->mute);
}

/* How many copies arrive: 0, 1 or 2, and when each.  A fixed number of draws,
   so that what is set does not move what is drawn later. */
static inline int weather_fate(weather *w, unsigned from, unsigned to,
                               bool tcp, int64_t now, int64_t due[2])
{
    weather_link *l = &w->at[from][to];
    bool lost = weather_below(l, 100) < l->loss;
    bool doubled = weather_below(l, 100) < l->twice;
    bool swapped = weather_below(l, 100) < l->swap;
    int64_t late = 5 + weather_below(l, 21);
    int64_t at = now + l->delay + weather_below(l, l->jitter + 1);
    if (weather_blocks(w, from, to, tcp)) {
        l->blocked++;
        return 0;
    }
    if (lost) {
        l->lost++;
        return 0;
    }
    at = at > l->last ? at : l->last;
    if (swapped) {
        l->swapped++;
        due[0] = at + late;
    } else {
        due[0] = l->last = at;
    }
    l->passed++;
    l->doubled += doubled;
    due[1] = due[0] + late;
    return doubled ? 2 : 1;
}

#endif
