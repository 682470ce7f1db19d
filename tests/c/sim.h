/*
 * sim.h -- a small cluster of engines on one net, in virtual time.
 *
 *     sim --- net, now
 *      |
 *      +-- member "m0" (port 40000) --- engine --- transports "t" "c"
 *      +-- member "m1" (port 40001) ...    `--- log: what it was told
 *
 * Time passes in sim_advance alone: frames and deadlines happen in the order
 * they are due.  The simulator's own memory comes from malloc, so that tests
 * can make the core's allocations fail.
 */
#ifndef CLU_SIM_H
#define CLU_SIM_H

#include "engine.h"
#include "loopback.h"

#define SIM_MEMBERS 64
#define SIM_HELD 64
#define SIM_HID "02:fc:00:00:00:01"
#define SIM_SECOND ((clu_ms)1000)

typedef struct sim sim;
typedef struct sim_member sim_member;

/* What a member was told, without pointers that may die. */
typedef struct sim_news {
    clu_news_kind what;
    clu_ms at;
    uint64_t service;           /* id, or 0 */
    char sid[32];               /* of that service */
    uint64_t query;
    clu_err err;
    bool failed;                /* ANSWER: it was an error */
    char via[8];                /* name of the transport, or "" */
    char text[64];              /* data or error, cut */
} sim_news;

struct sim_member {
    sim *in;
    clu_engine *engine;
    char sid[32];
    uint16_t port;
    bool dead;                  /* killed: its time stands still */
    bool holds;                 /* keeps questions instead of answering */
    bool refuses;               /* answers with an error */
    sim_news *log;
    size_t count, room;
    struct { clu_reply reply; clu_packet *question; } held[SIM_HELD];
    size_t held_count;
    clu_err (*ask)(sim_member *m, clu_question *q);     /* or NULL */
    void (*told)(sim_member *m, const clu_news *news);  /* or NULL */
};

struct sim {
    clu_net *net;
    clu_ms now;
    sim_member *at[SIM_MEMBERS];
    size_t count;
    /* For the next member: */
    const char *protocols;      /* one letter each, such as "tc" */
    const char *sid;            /* NULL: "m" and its number */
    clu_ms ttl, heartbeat;
    uint64_t seed;
};

/* Aborts when there is no memory at all; sim_start says what went wrong. */
void sim_init(sim *s, uint64_t seed);
void sim_fini(sim *s);                  /* every engine is destroyed */

/* A member that has not joined yet; NULL: no memory for its engine. */
sim_member *sim_add(sim *s);
clu_err sim_join(sim_member *m);
sim_member *sim_start(sim *s);          /* both; NULL likewise */
void sim_leave(sim_member *m);
void sim_kill(sim_member *m);           /* cut off, its connections end */
clu_err sim_tag(sim_member *m, const char *tags);       /* words; no beat */

void sim_advance(sim *s, clu_ms ms);
/* Until it holds, at most ms; false: it never did. */
bool sim_until(sim *s, clu_ms ms, bool (*holds)(sim *s));
bool sim_all_know(sim *s);      /* those alive know all alive, no more */

clu_service *sim_service(sim_member *m, const sim_member *other);
clu_service *sim_find(sim_member *m, const char *sid);
size_t sim_told(const sim_member *m, clu_news_kind what, const char *sid);
const sim_news *sim_first(const sim_member *m, clu_news_kind what,
                          const char *sid);         /* sid NULL: any */
void sim_forget(sim *s);                /* empties every log */

/* Sends an event to one; asks all it knows (to NULL) or one. */
clu_err sim_event(sim_member *m, clu_service *to, const char *data);
clu_err sim_query(sim_member *m, clu_service *to, const char *data,
                  clu_ms timeout, uint64_t *handle);
void sim_answer_held(sim_member *m);

uint64_t sim_counter(const sim_member *m, clu_counter which);
/* The drop counters that moved: "own", "own own", ""; until the next call. */
const char *sim_moved(const sim_member *m, const clu_counters *before);
size_t sim_known(const sim_member *m);  /* services in its table */

typedef struct sim_pair {       /* two who know one another, told nothing yet */
    sim s;
    sim_member *a, *b;
} sim_pair;

void sim_pair_init(sim_pair *p, const char *protocols);

/* ---- packets of strangers ------------------------------------------------ */

/* Headed as another member's: sid, SIM_HID, type, channel 0, "t c". */
void sim_head(clu_packet *p, const char *sid, clu_type type);
void sim_text(clu_packet *p, clu_field field, const char *text);
/* A list of words; a call reuses the room of the eighth before it. */
clu_items sim_list(const char *words);
clu_from sim_from(uint16_t port);       /* a datagram of this host */
/* Hands it in by the named transport, as bytes of a body or as a packet. */
void sim_receive(sim_member *m, const char *via, const clu_from *from,
                 clu_slice body);
void sim_receive_packet(sim_member *m, const char *via, const clu_from *from,
                        const clu_packet *p);

/* What is wrong with a packet: our own sid, an impossible one, none, ... */
void sim_own(clu_packet *p);
void sim_bad_sid(clu_packet *p);
void sim_no_sid(clu_packet *p);
void sim_without_c(clu_packet *p);
void sim_type_9(clu_packet *p);
void sim_long_tag(clu_packet *p);
void sim_many_tags(clu_packet *p);

#endif
