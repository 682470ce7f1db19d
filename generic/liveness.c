/*
 * liveness.c -- who lives: heartbeats heard, pings, expiry.
 *
 * Layer: engine.  This file alone changes a service's state.  WIRE-ORIGINAL
 * 9; RELIABILITY, words we promise.
 *
 *     ALIVE --unreached--> SUSPECT --ping leaves--> PINGED --silence--> lost
 *       |                     ^                       |
 *       +--doubted--> DOUBTED-+  (still silent)       +--heard--> ALIVE
 *       +--its ttl passes--> lost
 *     any --its goodbye--> LEAVING --a moment--> lost
 *
 * A packet heard before our ping left does not clear a suspicion: it may have
 * waited in a socket since before its sender died.
 */
#include "engineInt.h"

#include "words.h"

/* Milliseconds. */
#define PING_AFTER        100   /* a failure is pinged; a goodbye may come */
#define ANSWER_KIN       3000   /* our kind answers a ping at once */
#define ANSWER_ORIGINAL 29500   /* an original within 20 s of hearing it */
#define DOUBT_KIN        1000   /* somebody else pinged it: wait so long */
#define DOUBT_ORIGINAL  16000   /* originals answer within 15 s */
#define ANSWER_DOUBTED  13500   /* an original that was doubted before */
#define PING_AGAIN       1000   /* a ping that could not leave */
#define PING_ROOM        1024   /* bytes of the sids in one ping */
#define LEAVE_AFTER        20   /* what was sent before a goodbye is read */
#define AWAY              500   /* so late a tick says we were stopped ... */
#define AWAY_GRACE       1000   /* ... and have to read our sockets first */
#define HELLO_AFTER      1000   /* "discovered" comes so long after */
#define ASKS_MAX            8   /* questions for properties, within 4 minutes */
#define PING_ANSWER_EVERY 1000  /* we answer pings no faster, and well within
                                   the patience of those who wait */
#define REPORT_KIN          1   /* spread of discovery answers, by service */
#define REPORT_ORIGINAL     5   /* ... where each may cost a connection */
#define REPORT_SPREAD    2000   /* ... and at most */
#define REPORT_EVERY      400   /* to one service no faster */
#define REPORT_MANY         3   /* so many ask: one answer for all ... */
#define REPORT_ALL_EVERY   20   /* ... and no faster */

/* It is in the heap, or has just been taken out of it: cannot fail. */
static void set_expiry(clu_engine *e, clu_service *s, clu_ms at)
{
    clu_engine_set(e, &s->expiry, at);
}

static clu_ms end_of(const clu_engine *e, const clu_service *s)
{
    return clu_later(s->last_seen, e->config.ttl);
}

/* A deadline of a suspicion; it prolongs no life. */
static clu_ms no_later(const clu_engine *e, const clu_service *s, clu_ms at)
{
    return at < end_of(e, s) ? at : end_of(e, s);
}

clu_err clu_liveness_start(clu_engine *e, clu_service *s, clu_ms now)
{
    clu_err err = clu_engine_set(e, &s->expiry,
                                 clu_later(now, e->config.ttl));
    if (err == CLU_OK) {
        err = clu_engine_set(e, &s->hello, now + HELLO_AFTER);
    }
    if (err != CLU_OK) {
        clu_engine_unset(e, &s->expiry);
    }
    return err;
}

/* Every authentic packet.  An ALIVE service's deadline is not moved here but
   looked at when it comes: hearing is frequent, expiring is rare. */
void clu_liveness_heard(clu_engine *e, clu_service *s, clu_ms now)
{
    s->last_seen = now;
    if (s->state == CLU_SERVICE_DOUBTED || s->state == CLU_SERVICE_PINGED) {
        s->state = CLU_SERVICE_ALIVE;
        s->doubted = false;
        set_expiry(e, s, end_of(e, s));
    }
}

/* A send failed, or its connection ended without a goodbye. */
void clu_liveness_unreached(clu_engine *e, clu_service *s, clu_ms now)
{
    if (s->state != CLU_SERVICE_ALIVE && s->state != CLU_SERVICE_DOUBTED) {
        return;
    }
    if (s->state == CLU_SERVICE_DOUBTED) {
        s->doubted = false;     /* the other's ping is too young to count */
    }
    s->state = CLU_SERVICE_SUSPECT;
    set_expiry(e, s, end_of(e, s));     /* the ping decides, or this */
    if (e->ping.due.at > now + PING_AFTER) {
        clu_engine_set(e, &e->ping, now + PING_AFTER);
    }
}

/* Somebody says so: that alone proves nothing, but we look ourselves. */
void clu_liveness_doubted(clu_engine *e, clu_service *s, clu_ms now)
{
    if (s->state == CLU_SERVICE_ALIVE) {
        s->state = CLU_SERVICE_DOUBTED;
        s->doubted = true;
        set_expiry(e, s, no_later(e, s, now + (s->kin ? DOUBT_KIN
                                                      : DOUBT_ORIGINAL)));
    }
}

/* ---- how many wait for an answer to their discovery ---------------------- */

static clu_err set_report(clu_engine *e, clu_service *s, clu_ms at)
{
    bool waits = s->report.due.index != 0;
    clu_err err = clu_engine_set(e, &s->report, at);
    e->askers += err == CLU_OK && !waits;
    return err;
}

static void unset_report(clu_engine *e, clu_service *s)
{
    e->askers -= s->report.due.index != 0;
    clu_engine_unset(e, &s->report);
}

static void lose(clu_engine *e, clu_service *s)
{
    clu_service_hold(s);
    clu_engine_unset(e, &s->expiry);
    clu_engine_unset(e, &s->hello);
    unset_report(e, s);
    clu_table_drop(&e->table, s);       /* unfindable first, told second */
    clu_count(e, CLU_COUNT_services_lost);
    for (unsigned i = 0; i < e->transport_count; i++) {
        clu_transport *t = e->transports[i];
        if (t->ops->forget != NULL) {
            t->ops->forget(t, s->id);
        }
    }
    clu_query_lost(e, s);
    clu_news news = { .what = CLU_NEWS_LOST, .service = s };
    clu_engine_tell(e, &news);
    clu_service_release(s);
}

void clu_engine_forget(clu_engine *e, uint64_t service)
{
    clu_service *s = clu_table_find_id(&e->table, service);
    if (s != NULL) {
        lose(e, s);
    }
}

void clu_engine_reconsider(clu_engine *e, clu_ms now)
{
    for (clu_list *l = e->table.order.next; l != &e->table.order;
         l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        if (s->state == CLU_SERVICE_ALIVE) {
            set_expiry(e, s, now);      /* it is looked at, not lost */
        }
    }
}

/* It said goodbye.  What it sent just before, an answer perhaps, may still
   wait in another socket: that is read first. */
void clu_liveness_left(clu_engine *e, clu_service *s, clu_ms now)
{
    if (s->state != CLU_SERVICE_LEAVING) {
        s->state = CLU_SERVICE_LEAVING;
        set_expiry(e, s, now + LEAVE_AFTER);
        clu_engine_unset(e, &s->hello);
        unset_report(e, s);
    }
}

/* Its ttl passed, unless it was heard since the deadline was set. */
static void outlive(clu_engine *e, clu_service *s, clu_ms now)
{
    if (now < end_of(e, s)) {
        set_expiry(e, s, end_of(e, s));
        return;
    }
    clu_count(e, CLU_COUNT_services_expired);
    lose(e, s);
}

/* The earliest deadline is found so late: all of them are judged anew, also
   those that have just come.  Not twice in a row: who is always late would
   never lose anybody. */
void clu_liveness_away(clu_engine *e, clu_ms late, clu_ms now)
{
    if (late > AWAY && now >= e->away + AWAY_GRACE) {
        e->away = now + AWAY_GRACE;
    }
}

void clu_liveness_expiry(clu_engine *e, clu_service *s, clu_ms now)
{
    if (now < e->away) {
        set_expiry(e, s, e->away);
        return;
    }
    switch (s->state) {
    case CLU_SERVICE_ALIVE:
    case CLU_SERVICE_SUSPECT:
        outlive(e, s, now);
        return;
    case CLU_SERVICE_DOUBTED:
        if (now >= end_of(e, s)) {
            outlive(e, s, now);
            return;
        }
        s->state = CLU_SERVICE_ALIVE;
        clu_liveness_unreached(e, s, now);
        return;
    case CLU_SERVICE_PINGED:
    case CLU_SERVICE_LEAVING:
    case CLU_SERVICE_GONE:      /* none is: its deadline went with it */
        lose(e, s);
        return;
    }
}

/* ---- pings --------------------------------------------------------------- */

/* When a service that is pinged now is lost, if it stays silent. */
static clu_ms patience(const clu_engine *e, const clu_service *s, clu_ms now)
{
    clu_ms wait = s->kin ? ANSWER_KIN
        : s->doubted ? ANSWER_DOUBTED : ANSWER_ORIGINAL;
    return no_later(e, s, now + wait);
}

/* Those who are suspect are pinged: their sids. */
static void collect(clu_engine *e, clu_buf *sids, clu_ms now)
{
    for (clu_list *l = e->table.order.next; l != &e->table.order;
         l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        if (s->state != CLU_SERVICE_SUSPECT) {
            continue;
        }
        if (clu_words_add(sids, clu_service_sid(s)) != CLU_OK) {
            clu_engine_set(e, &e->ping, now + PING_AFTER);
            return;             /* the others come with the next one */
        }
        s->state = CLU_SERVICE_PINGED;
        set_expiry(e, s, patience(e, s, now));
    }
}

/* The ping did not leave, so silence proves nothing: again, later. */
static void take_back(clu_engine *e, clu_ms now)
{
    for (clu_list *l = e->table.order.next; l != &e->table.order;
         l = l->next) {
        clu_service *s = CLU_SERVICE_OF(l);
        if (s->state == CLU_SERVICE_PINGED
            && s->expiry.due.at == patience(e, s, now)) {
            s->state = CLU_SERVICE_SUSPECT;
        }
    }
    clu_engine_set(e, &e->ping, now + PING_AGAIN);
}

/* One ping for all who are suspect. */
void clu_liveness_ping(clu_engine *e, clu_ms now)
{
    clu_buf sids;
    clu_buf_init(&sids, PING_ROOM);
    collect(e, &sids, now);
    if (sids.n > 0) {
        clu_packet p = { 0 };
        clu_engine_head(e, &p, CLU_TYPE_PING, 0);
        clu_packet_text(&p, CLU_FIELD_data, clu_buf_slice(&sids));
        clu_packet_number(&p, CLU_FIELD_known, e->table.count);
        if (clu_engine_broadcast(e, &p, now) == CLU_OK) {
            clu_count(e, CLU_COUNT_pings_sent);
        } else if (!e->left) {
            take_back(e, now);
        }
    }
    clu_buf_fini(&sids);
}

/* We are asked whether we live: all shall know, but not too often.  Anybody
   may forge a ping, which is shorter than our answer. */
static void answer_ping(clu_engine *e, clu_ms now)
{
    clu_count(e, CLU_COUNT_pings_answered);
    if (now < e->answered) {
        return;                 /* an answer to all who ask is on its way */
    }
    e->beat_props = e->beat_tags = true;
    if (e->answered == 0 || now - e->answered >= PING_ANSWER_EVERY) {
        e->answered = now;
        clu_engine_heartbeat(e, true, true, 0, now);
    } else {
        e->answered += PING_ANSWER_EVERY;
        clu_engine_heartbeat_at(e, e->answered, true);
    }
}

/* A sid may be a word of many, as a tag: room is how many we look at. */
static void doubt_sid(clu_engine *e, clu_slice sid, int64_t *room, clu_ms now)
{
    const clu_word *word = clu_table_word(&e->table, sid);
    for (uint32_t seat = 0; word != NULL
         && clu_set_next(&word->members, &seat) && (*room)-- > 0; seat++) {
        clu_service *s = e->table.seats[seat];
        if (clu_slice_eq(clu_service_sid(s), sid)) {
            clu_liveness_doubted(e, s, now);
        }
    }
}

void clu_liveness_pinged(clu_engine *e, const clu_packet *p, clu_ms now)
{
    if (!clu_packet_has(p, CLU_FIELD_data)) {
        clu_count(e, CLU_COUNT_drop_missing);
        return;
    }
    clu_slice list = p->at[CLU_FIELD_data].text, sid;
    clu_buf scratch;
    clu_buf_init(&scratch, list.n);
    bool us = false;
    int64_t room = e->config.limits.at[CLU_LIMIT_LIST_ITEMS];
    clu_err err;
    while ((err = clu_words_next(&list, &scratch, &sid)) == CLU_OK
           && room-- > 0) {
        if (clu_slice_eq(sid, e->config.sid)) {
            us = true;
        } else {
            doubt_sid(e, sid, &room, now);
        }
    }
    if (err == CLU_VALUE) {
        clu_count(e, CLU_COUNT_drop_malformed);
    }
    clu_buf_fini(&scratch);
    if (us) {
        answer_ping(e, now);
    }
}

/* ---- newcomers ----------------------------------------------------------- */

/* It asked who is there: we answer it alone, a little later, so that a big
   cluster does not answer at once. */
void clu_liveness_asked(clu_engine *e, clu_service *s, bool group, clu_ms now)
{
    s->by_group = group;
    if (s->report.due.index != 0) {
        return;                 /* its answer is on the way */
    }
    uint64_t step = s->kin ? REPORT_KIN : REPORT_ORIGINAL;
    uint64_t spread = step * (uint64_t)e->table.count;
    if (spread > REPORT_SPREAD) {
        spread = REPORT_SPREAD;
    }
    clu_ms at = now + (clu_ms)clu_random_below(&e->random, spread + 1);
    if (s->reported != 0 && at < s->reported + REPORT_EVERY) {
        at = s->reported + REPORT_EVERY;
    }
    if (set_report(e, s, at) != CLU_OK) {
        clu_count(e, CLU_COUNT_drop_nomem);
    }
}

/* Of our kind, by the group and on this host: what goes to the group it hears
   as well, and nobody needs to have paid for that. */
static bool hears_all(const clu_service *s)
{
    return s->kin && s->local && s->by_group;
}

static size_t count_askers(const clu_engine *e)
{
    size_t count = 0;
    for (const clu_list *l = e->table.order.next; l != &e->table.order;
         l = l->next) {
        const clu_service *s = CLU_SERVICE_OF(l);
        count += s->report.due.index != 0 && hears_all(s);
    }
    return count;
}

/*
 * When many come at once each would get an answer of its own from each of us;
 * one heartbeat with all we are says the same to all of them.
 */
static bool report_all(clu_engine *e, clu_service *s, clu_ms now)
{
    if (!hears_all(s) || e->askers + 1 < REPORT_MANY
        || count_askers(e) + 1 < REPORT_MANY) {
        return false;
    }
    if (e->told_all != 0 && now < e->told_all + REPORT_ALL_EVERY) {
        return set_report(e, s, e->told_all + REPORT_ALL_EVERY) == CLU_OK;
    }
    if (clu_engine_heartbeat(e, true, true, 0, now) != CLU_OK) {
        return false;
    }
    e->told_all = s->reported = now;
    for (clu_list *l = e->table.order.next; l != &e->table.order;
         l = l->next) {
        clu_service *other = CLU_SERVICE_OF(l);
        if (other->report.due.index != 0 && hears_all(other)) {
            other->reported = now;
            unset_report(e, other);
        }
    }
    return true;
}

/* A heartbeat with all we are, for one newcomer. */
static void report_one(clu_engine *e, clu_service *s, clu_ms now)
{
    s->reported = now;
    clu_packet p = { 0 }, *packet = &p, *owned = NULL;
    clu_buf scratch;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    clu_err err = clu_compose_beacon(e, &p, CLU_TYPE_HEARTBEAT, 0, true, true,
                                     &scratch);
    if (err == CLU_OK) {
        err = clu_engine_ask_send(e, &packet, &owned, &s->id, 1, false);
    }
    if (err == CLU_OK && s->state != CLU_SERVICE_GONE) {
        bool direct = s->kin && s->source.port != 0;
        err = direct ? clu_route_datagram(e, s, packet, &s->source, now)
                     : CLU_LIMIT;
        /* One of ours in another network hears our next beat at the latest:
           the group need not hear what a forger may have asked for. */
        uint32_t allowed = direct && !s->local ? ~(1u << e->group)
                                               : CLU_SEND_ANY;
        if (err != CLU_OK) {
            clu_route_send(e, s, packet, allowed, 0, CLU_ROUTE_REPLY, now,
                           NULL);
        }
    }
    clu_free(owned);
    clu_buf_fini(&scratch);
}

void clu_liveness_report(clu_engine *e, clu_service *s, clu_ms now)
{
    e->askers--;
    clu_service_hold(s);
    if (!report_all(e, s, now) && s->state != CLU_SERVICE_GONE) {
        report_one(e, s, now);
    }
    clu_service_release(s);
}

/* Known by a beacon without properties: ask it alone for them. */
static void ask_for_props(clu_engine *e, clu_service *s, clu_ms now)
{
    clu_packet p = { 0 };
    clu_buf scratch, wire;
    clu_buf_init(&scratch, (size_t)e->config.limits.at[CLU_LIMIT_MESSAGE]);
    clu_buf_init(&wire, 1024);
    clu_items filter = { 0 };
    clu_err err = clu_items_add(&wire, &filter, clu_service_sid(s));
    if (err == CLU_OK) {
        clu_packet_list(&p, CLU_FIELD_filter, filter);
        err = clu_compose_beacon(e, &p, CLU_TYPE_DISCOVERY, 0, true, true,
                                 &scratch);
    }
    if (err == CLU_OK) {
        clu_engine_broadcast(e, &p, now);
    }
    clu_buf_fini(&scratch);
    clu_buf_fini(&wire);
}

/* Without its properties we do not know where it listens: as question and
   answer may be lost, it is asked again, after twice as long each time. */
void clu_liveness_hello(clu_engine *e, clu_service *s, clu_ms now)
{
    bool met = s->met;
    s->met = true;
    clu_service_hold(s);
    if (s->props.n == 0) {
        if (s->asks < ASKS_MAX) {
            /* Cannot fail: its place has just become free. */
            clu_engine_set(e, &s->hello, now + (HELLO_AFTER << s->asks++));
        }
        ask_for_props(e, s, now);
    }
    if (!met && !e->left && s->state != CLU_SERVICE_GONE) {
        clu_news news = { .what = CLU_NEWS_DISCOVERED, .service = s };
        clu_engine_tell(e, &news);
    }
    clu_service_release(s);
}
