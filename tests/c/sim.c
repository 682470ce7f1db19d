/*
 * sim.c -- a small cluster of engines on one net, in virtual time.
 */
#include "sim.h"

#include "frame.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what members are told ----------------------------------------------- */

static void copy_text(char *out, size_t room, clu_slice s)
{
    size_t n = s.n < room - 1 ? s.n : room - 1;
    if (n > 0) {
        memcpy(out, s.p, n);
    }
    out[n] = '\0';
}

static sim_news *log_more(sim_member *m)
{
    if (m->count == m->room) {
        m->room = m->room ? m->room * 2 : 32;
        m->log = realloc(m->log, m->room * sizeof *m->log);
        if (m->log == NULL) {
            abort();
        }
    }
    sim_news *news = &m->log[m->count++];
    *news = (sim_news){ .at = m->in->now };
    return news;
}

static void keep(sim_member *m, const clu_news *news)
{
    sim_news *kept = log_more(m);
    kept->what = news->what;
    kept->query = news->query;
    kept->err = news->err;
    if (news->via != NULL) {
        copy_text(kept->via, sizeof kept->via, clu_slice_str(news->via));
    }
    if (news->service != NULL) {
        kept->service = news->service->id;
        copy_text(kept->sid, sizeof kept->sid,
                  clu_service_sid(news->service));
    }
    if (news->packet != NULL) {
        kept->failed = clu_packet_has(news->packet, CLU_FIELD_error);
        clu_field text = kept->failed ? CLU_FIELD_error : CLU_FIELD_data;
        if (clu_packet_has(news->packet, text)) {
            copy_text(kept->text, sizeof kept->text,
                      news->packet->at[text].text);
        }
    }
}

static void answer(sim_member *m, const clu_reply *reply,
                   const clu_packet *question)
{
    clu_engine_answer(m->engine, reply, question,
                      question->at[CLU_FIELD_data].text, m->refuses,
                      m->in->now);
}

static void tell(void *ctx, const clu_news *news)
{
    sim_member *m = ctx;
    keep(m, news);
    if (news->what == CLU_NEWS_QUERY && !m->holds) {
        answer(m, &news->reply, news->packet);
    } else if (news->what == CLU_NEWS_QUERY && m->held_count < SIM_HELD) {
        clu_packet *copy = clu_packet_copy(news->packet);
        if (copy != NULL) {
            m->held[m->held_count].reply = news->reply;
            m->held[m->held_count++].question = copy;
        }
    }
    if (m->told != NULL) {
        m->told(m, news);
    }
}

static clu_err ask(void *ctx, clu_question *q)
{
    sim_member *m = ctx;
    return m->ask != NULL ? m->ask(m, q) : CLU_OK;
}

void sim_answer_held(sim_member *m)
{
    for (size_t i = 0; i < m->held_count; i++) {
        answer(m, &m->held[i].reply, m->held[i].question);
        clu_free(m->held[i].question);
    }
    m->held_count = 0;
}

size_t sim_told(const sim_member *m, clu_news_kind what, const char *sid)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++) {
        n += m->log[i].what == what
            && (sid == NULL || strcmp(m->log[i].sid, sid) == 0);
    }
    return n;
}

const sim_news *sim_first(const sim_member *m, clu_news_kind what,
                          const char *sid)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->log[i].what == what
            && (sid == NULL || strcmp(m->log[i].sid, sid) == 0)) {
            return &m->log[i];
        }
    }
    return NULL;
}

void sim_forget(sim *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->at[i]->count = 0;
    }
}

/* ---- members ------------------------------------------------------------- */

void sim_init(sim *s, uint64_t seed)
{
    *s = (sim){ .now = 1000000, .protocols = "tc", .ttl = 600 * SIM_SECOND,
                .heartbeat = 120 * SIM_SECOND, .seed = seed };
    if (clu_net_create(&s->net) != CLU_OK) {
        s->net = NULL;
    }
}

void sim_fini(sim *s)
{
    for (size_t i = 0; i < s->count; i++) {
        sim_member *m = s->at[i];
        clu_engine_destroy(m->engine);
        for (size_t k = 0; k < m->held_count; k++) {
            clu_free(m->held[k].question);
        }
        free(m->log);
        free(m);
    }
    s->count = 0;
    if (s->net != NULL) {
        clu_net_destroy(s->net);
    }
}

static void up(void *owner, const clu_arrival *a, clu_ms now)
{
    sim_member *m = owner;
    clu_engine_receive(m->engine, a, now);
}

static clu_err attach(sim_member *m, const char *name)
{
    clu_transport *t;
    clu_err err = clu_loopback_create(m->in->net, name, m->port, true, &t);
    if (err == CLU_OK) {
        err = clu_engine_attach(m->engine, t, up, m);
        if (err != CLU_OK) {
            t->ops->stop(t);
        }
    }
    return err;
}

static clu_err make_engine(sim_member *m)
{
    sim *s = m->in;
    clu_config config = { .sid = clu_slice_str(m->sid),
                          .hid = clu_slice_str(SIM_HID), .ttl = s->ttl,
                          .heartbeat = s->heartbeat,
                          .seed = s->seed + m->port };
    clu_limits_init(&config.limits);
    clu_patron patron = { .ctx = m, .ask = ask, .tell = tell,
                          .asks = 0, .tells = UINT32_MAX };
    clu_err err = clu_engine_create(&config, &patron, &m->engine);
    for (const char *p = s->protocols; err == CLU_OK && *p; p++) {
        err = attach(m, (char[]){ *p, '\0' });
        if (err != CLU_OK) {
            clu_engine_destroy(m->engine);
        }
    }
    return err;
}

sim_member *sim_add(sim *s)
{
    sim_member *m = calloc(1, sizeof *m);
    if (m == NULL || s->count == SIM_MEMBERS) {
        abort();
    }
    m->in = s;
    m->port = (uint16_t)(40000 + s->count);
    if (s->sid != NULL) {
        snprintf(m->sid, sizeof m->sid, "%s", s->sid);
    } else {
        snprintf(m->sid, sizeof m->sid, "m%zu", s->count);
    }
    if (s->net == NULL || make_engine(m) != CLU_OK) {
        free(m);
        return NULL;
    }
    s->at[s->count++] = m;
    return m;
}

clu_err sim_join(sim_member *m)
{
    return clu_engine_join(m->engine, m->in->now);
}

sim_member *sim_start(sim *s)
{
    sim_member *m = sim_add(s);
    if (m != NULL) {
        sim_join(m);
    }
    return m;
}

void sim_pair_init(sim_pair *p, const char *protocols)
{
    sim_init(&p->s, 1);
    p->s.protocols = protocols;
    p->a = sim_start(&p->s);
    p->b = sim_start(&p->s);
    sim_advance(&p->s, 5000);
    sim_forget(&p->s);
}

void sim_leave(sim_member *m)
{
    clu_engine_leave(m->engine, m->in->now);
}

void sim_kill(sim_member *m)
{
    m->dead = true;
    clu_net_cut(m->in->net, m->port, true);
    clu_net_break(m->in->net, m->port, m->in->now);
}

clu_err sim_tag(sim_member *m, const char *tags)
{
    return clu_engine_tags(m->engine, sim_list(tags));
}

/* ---- time ---------------------------------------------------------------- */

static clu_ms next_due(const sim *s)
{
    clu_ms due = clu_net_due(s->net);
    for (size_t i = 0; i < s->count; i++) {
        clu_ms at = s->at[i]->dead ? CLU_NEVER
            : clu_engine_deadline(s->at[i]->engine);
        due = at < due ? at : due;
    }
    return due;
}

/* What is due now, frames before deadlines, as the loop does. */
static void run_due(sim *s)
{
    clu_net_run(s->net, s->now);
    for (size_t i = 0; i < s->count; i++) {
        sim_member *m = s->at[i];
        if (!m->dead && clu_engine_deadline(m->engine) <= s->now) {
            clu_engine_tick(m->engine, s->now);
        }
    }
}

void sim_advance(sim *s, clu_ms ms)
{
    clu_ms end = s->now + ms;
    for (;;) {
        clu_ms due = next_due(s);
        if (due > end) {
            s->now = end;
            return;
        }
        s->now = due > s->now ? due : s->now;
        run_due(s);
    }
}

bool sim_until(sim *s, clu_ms ms, bool (*holds)(sim *s))
{
    clu_ms end = s->now + ms;
    while (!holds(s)) {
        clu_ms due = next_due(s);
        if (due > end) {
            s->now = end;
            return holds(s);
        }
        s->now = due > s->now ? due : s->now;
        run_due(s);
    }
    return true;
}

static bool is_alive(const sim_member *m)
{
    return !m->dead && !clu_engine_left(m->engine);
}

bool sim_all_know(sim *s)
{
    size_t alive = 0;
    for (size_t i = 0; i < s->count; i++) {
        alive += is_alive(s->at[i]);
    }
    for (size_t i = 0; i < s->count; i++) {
        sim_member *m = s->at[i];
        if (!is_alive(m)) {
            continue;
        }
        if (clu_engine_table(m->engine)->count != alive - 1) {
            return false;
        }
        for (size_t k = 0; k < s->count; k++) {
            if (k != i && is_alive(s->at[k])
                && sim_service(m, s->at[k]) == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* ---- what a member can do ------------------------------------------------ */

clu_service *sim_find(sim_member *m, const char *sid)
{
    return clu_table_find(clu_engine_table(m->engine), clu_slice_str(sid),
                          clu_slice_str(SIM_HID));
}

clu_service *sim_service(sim_member *m, const sim_member *other)
{
    return sim_find(m, other->sid);
}

clu_err sim_event(sim_member *m, clu_service *to, const char *data)
{
    clu_packet p = { 0 };
    clu_engine_head(m->engine, &p, CLU_TYPE_EVENT, 0);
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_str(data));
    uint64_t id = to->id;       /* a hook may forget the service */
    clu_outgoing out = { .packet = &p, .services = &id, .count = 1,
                         .allowed = CLU_SEND_ANY };
    return clu_engine_send(m->engine, &out, m->in->now);
}

clu_err sim_query(sim_member *m, clu_service *to, const char *data,
                  clu_ms timeout, uint64_t *handle)
{
    uint64_t ids[SIM_MEMBERS];
    size_t count = 0;
    clu_table *t = clu_engine_table(m->engine);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        if ((to == NULL || to == CLU_SERVICE_OF(l)) && count < SIM_MEMBERS) {
            ids[count++] = CLU_SERVICE_OF(l)->id;
        }
    }
    clu_packet p = { 0 };
    clu_engine_head(m->engine, &p, CLU_TYPE_QUERY, 0);
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_str(data));
    clu_ask_many ask_many = { .services = ids, .count = count, .packet = &p,
                              .allowed = CLU_SEND_ANY, .timeout = timeout };
    uint64_t ignored;
    return clu_engine_query(m->engine, &ask_many, m->in->now,
                            handle != NULL ? handle : &ignored);
}

uint64_t sim_counter(const sim_member *m, clu_counter which)
{
    return clu_engine_counters(m->engine)->at[which];
}

static const char *drop_name(size_t i)
{
    const char *name = clu_counter_name((clu_counter)i);
    return strncmp(name, "drop_", 5) == 0 ? name : NULL;
}

/* The drop counters that moved: "drop_own", "drop_own drop_own", "". */
const char *sim_moved(const sim_member *m, const clu_counters *before)
{
    static char out[300];
    out[0] = '\0';
    const clu_counters *now = clu_engine_counters(m->engine);
    for (size_t i = 0; i < CLU_COUNTER_COUNT; i++) {
        uint64_t n = drop_name(i) ? now->at[i] - before->at[i] : 0;
        for (; n > 0; n--) {
            strcat(strcat(out, out[0] ? " " : ""), drop_name(i) + 5);
        }
    }
    return out;
}

size_t sim_known(const sim_member *m)
{
    return clu_engine_table(m->engine)->count;
}

/* ---- packets of strangers ------------------------------------------------ */

clu_items sim_list(const char *words)
{
    static unsigned char rooms[8][4096];
    static unsigned next;
    unsigned char *room = rooms[next++ % 8];
    clu_items list = { 0 };
    size_t n = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        n += clu_varint_write(room + n, len);
        memcpy(room + n, words, len);
        n += len;
        list.count++;
        words += len;
        words += strspn(words, " ");
    }
    list.wire = clu_slice_of(room, n);
    return list;
}

void sim_text(clu_packet *p, clu_field field, const char *text)
{
    clu_packet_text(p, field, clu_slice_str(text));
}

void sim_head(clu_packet *p, const char *sid, clu_type type)
{
    static const unsigned char t_c[] = { 1, 't', 1, 'c' };
    *p = (clu_packet){ 0 };
    sim_text(p, CLU_FIELD_sid, sid);
    sim_text(p, CLU_FIELD_hid, SIM_HID);
    clu_packet_number(p, CLU_FIELD_type, type);
    clu_packet_number(p, CLU_FIELD_channel, 0);
    clu_packet_list(p, CLU_FIELD_protocols,
                    (clu_items){ 2, clu_slice_of(t_c, sizeof t_c) });
}

clu_from sim_from(uint16_t port)
{
    return (clu_from){ .addr = { .family = 4, .ip = { 127, 0, 0, 1 },
                                 .port = port },
                       .local = true, .group = true };
}

void sim_receive(sim_member *m, const char *via, const clu_from *from,
                 clu_slice body)
{
    clu_arrival a = { .what = CLU_ARRIVED_FRAME, .from = *from,
                      .bytes = body };
    for (unsigned i = 0; i < CLU_TRANSPORTS_MAX; i++) {
        clu_transport *t = clu_engine_transport(m->engine, i);
        if (t != NULL && strcmp(t->name, via) == 0) {
            a.via = t;
        }
    }
    if (a.via != NULL) {
        clu_engine_receive(m->engine, &a, m->in->now);
    }
}

void sim_receive_packet(sim_member *m, const char *via, const clu_from *from,
                        const clu_packet *p)
{
    clu_buf frame;
    clu_buf_init(&frame, 1 << 22);
    clu_slice rest, body;
    clu_frame_loss loss = { 0 };
    size_t need;
    if (clu_packet_encode(p, &frame) == CLU_OK) {
        rest = clu_buf_slice(&frame);
        if (clu_frame_next(&rest, 1 << 21, &body, &need, &loss) == CLU_OK) {
            sim_receive(m, via, from, body);
        }
    }
    clu_buf_fini(&frame);
}

/* ---- what is wrong with a packet ----------------------------------------- */

void sim_own(clu_packet *p)
{
    sim_text(p, CLU_FIELD_sid, "m0");
}

void sim_bad_sid(clu_packet *p)
{
    sim_text(p, CLU_FIELD_sid, "a::b");
}

void sim_no_sid(clu_packet *p)
{
    clu_packet_remove(p, CLU_FIELD_sid);
}

void sim_without_c(clu_packet *p)
{
    clu_packet_list(p, CLU_FIELD_protocols, sim_list("t u"));
}

void sim_type_9(clu_packet *p)
{
    clu_packet_number(p, CLU_FIELD_type, 9);
}

void sim_long_tag(clu_packet *p)
{
    clu_packet_list(p, CLU_FIELD_tags, sim_list(
        "0123456789012345678901234567890123456789012345678901234567890123x"));
}

void sim_many_tags(clu_packet *p)
{
    char text[200] = "x";
    for (int i = 0; i < 64; i++) {
        strcat(text, " x");
    }
    clu_packet_list(p, CLU_FIELD_tags, sim_list(text));
}
