/*
 * life.c -- a scenario lived by members in virtual time; prints the histories.
 *
 *     life SEED < scenario
 *
 * The members are engines with a stream transport (unix/stream.c and link.c)
 * over virtual.h; what they do besides is drawn by the seed: events by each
 * protocol, questions to one and to all, answers that are late.  The scenario
 * is storm.tcl's, the histories are judged by history.tcl.
 */
#include "virtual.h"

#include "engine.h"

#include <stdarg.h>

enum { MEMBERS = 512, OPEN = 256, HELD = 64, HOSTS = 5, LINES = 200000 };

typedef struct member {
    char who[16];
    unsigned host;
    clu_engine *engine;
    clu_loop *loop;
    bool frozen, gone;
    unsigned count;             /* ids given out */
    clu_ms act;                 /* it does something then */
    char view[200];
    struct { uint64_t handle; unsigned id; } asked[OPEN];
    struct {
        clu_reply reply;
        clu_packet *question;   /* NULL: free */
        clu_ms due;
    } held[HELD];
} member;

static member *members[MEMBERS];
static int member_count;
static weather sky;
static uint64_t chance;
static clu_ms heartbeat, ttl;
static bool silent;             /* nobody connects: silence alone tells */

static unsigned draw(unsigned bound)
{
    return (unsigned)clu_random_below(&chance, bound);
}

__attribute__((format(printf, 2, 3)))
static void note(const char *who, const char *format, ...)
{
    static long lines;
    if (++lines > LINES) {
        fprintf(stderr, "life: there is no end of it\n");
        exit(1);
    }
    va_list args;
    va_start(args, format);
    printf("%lld %s ", (long long)virtual_now, who);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

/* ---- what is said -------------------------------------------------------- */

/* "ID SIZE xxx...": so long that a lost or doubled byte shows. */
static clu_slice make_text(const char *id, size_t padding)
{
    static char text[8192];
    int n = snprintf(text, sizeof text, "%s %zu ", id, padding);
    memset(text + n, 'x', padding);
    return clu_slice_of(text, (size_t)n + padding);
}

/* The id in a text; "broken" when the text is not as it was made. */
static void id_of(clu_slice text, char id[32])
{
    char copy[64] = "";
    size_t padding = 0;
    memcpy(copy, text.p, text.n < 63 ? text.n : 63);
    if (sscanf(copy, "%31s %zu", id, &padding) != 2
        || text.n != (size_t)snprintf(NULL, 0, "%s %zu ", id, padding)
           + padding) {
        strcpy(id, "broken");
    }
}

static const char *sid(const clu_service *s)
{
    static char text[4][32];
    static int next;
    char *out = text[next++ % 4];
    clu_slice own = clu_service_sid(s);
    snprintf(out, 32, "%.*s", (int)own.n, (const char *)own.p);
    return out;
}

/* Whom it knows, when that changed. */
static void note_view(member *m)
{
    char view[200] = "";
    size_t n = 0;
    clu_table *t = clu_engine_table(m->engine);
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        n += (size_t)snprintf(view + n, sizeof view - n, " %s",
                              sid(CLU_SERVICE_OF(l)));
    }
    if (strcmp(view, m->view) != 0) {
        strcpy(m->view, view);
        note(m->who, "view%s", view);
    }
}

/* ---- what a member is told ----------------------------------------------- */

static void answer(member *m, const clu_reply *reply,
                   const clu_packet *question)
{
    char id[32];
    clu_slice text = question->at[CLU_FIELD_data].text;
    id_of(text, id);
    note(m->who, "answered %s", id);
    clu_engine_answer(m->engine, reply, question, text, false, virtual_now);
}

static void on_query(member *m, const clu_news *news)
{
    char id[32];
    id_of(news->packet->at[CLU_FIELD_data].text, id);
    bool slow = draw(8) == 0;
    note(m->who, "heard %s %s%s", id, sid(news->service),
         slow ? " slow" : "");
    for (int i = 0; slow && i < HELD; i++) {
        if (m->held[i].question == NULL) {
            m->held[i].question = clu_packet_copy(news->packet);
            m->held[i].reply = news->reply;
            m->held[i].due = virtual_now + (clu_ms)draw(4000);
            return;
        }
    }
    answer(m, &news->reply, news->packet);
}

static unsigned asked_as(member *m, uint64_t handle)
{
    for (int i = 0; i < OPEN; i++) {
        if (m->asked[i].handle == handle) {
            return m->asked[i].id;
        }
    }
    return 0;                   /* a question nobody asked */
}

static void on_outcome(member *m, const clu_news *news)
{
    static const char *const words[] = {
        [CLU_NEWS_ANSWER] = "response", [CLU_NEWS_ASKED_LOST] = "lost",
        [CLU_NEWS_ASKED_FAILED] = "error", [CLU_NEWS_TIMEOUT] = "timeout",
        [CLU_NEWS_DONE] = "done"
    };
    char id[32] = "";
    if (news->what == CLU_NEWS_ANSWER) {
        id_of(news->packet->at[CLU_FIELD_data].text, id);
    }
    note(m->who, "got %s.%u %s %s %s", m->who, asked_as(m, news->query),
         words[news->what], news->service ? sid(news->service) : "", id);
}

static void tell(void *ctx, const clu_news *news)
{
    member *m = ctx;
    char id[32];
    switch (news->what) {
    case CLU_NEWS_DISCOVERED:
        note(m->who, "found %s", sid(news->service));
        break;
    case CLU_NEWS_LOST:
        note(m->who, "lost %s", sid(news->service));
        break;
    case CLU_NEWS_EVENT:
        id_of(news->packet->at[CLU_FIELD_data].text, id);
        note(m->who, "received %s %s %s", id, news->via, sid(news->service));
        break;
    case CLU_NEWS_QUERY:
        on_query(m, news);
        break;
    case CLU_NEWS_ANSWER: case CLU_NEWS_ASKED_LOST:
    case CLU_NEWS_ASKED_FAILED: case CLU_NEWS_TIMEOUT: case CLU_NEWS_DONE:
        on_outcome(m, news);
        break;
    default:
        break;
    }
}

/* ---- what a member does -------------------------------------------------- */

/* Some of those it knows: one, or all; their names into text. */
static size_t choose(member *m, bool all, uint64_t *ids, char *text)
{
    clu_table *t = clu_engine_table(m->engine);
    size_t n = 0, skip = all || t->count == 0 ? 0 : draw((unsigned)t->count);
    text[0] = '\0';
    for (clu_list *l = t->order.next; l != &t->order; l = l->next) {
        if (skip > 0) {
            skip--;
            continue;
        }
        ids[n++] = CLU_SERVICE_OF(l)->id;
        strcat(strcat(text, " "), sid(CLU_SERVICE_OF(l)));
        if (!all) {
            break;
        }
    }
    return n;
}

static void send_event(member *m, uint32_t by, const char *protocol,
                       bool group, size_t padding)
{
    uint64_t ids[64];
    char names[400], id[32];
    clu_packet p = { 0 };
    clu_outgoing out = { .packet = &p, .services = ids, .allowed = by,
                         .group = group };
    out.count = choose(m, group && draw(2), ids, names);
    if (out.count == 0) {
        return;
    }
    snprintf(id, sizeof id, "%s.%u", m->who, ++m->count);
    note(m->who, "sent %s %s%s", id, protocol, names);
    clu_engine_head(m->engine, &p, CLU_TYPE_EVENT, 0);
    clu_packet_text(&p, CLU_FIELD_data, make_text(id, padding));
    clu_engine_send(m->engine, &out, virtual_now);
}

static void ask(member *m, bool all, bool group)
{
    static const clu_ms timeouts[] = { 200, 600, 1000, 2500, 6000 };
    uint64_t ids[64];
    char names[400], id[32];
    clu_packet p = { 0 };
    clu_ask_many q = { .services = ids, .packet = &p, .group = group,
                       .allowed = CLU_SEND_ANY };
    q.count = choose(m, all, ids, names);
    q.timeout = timeouts[draw(CLU_COUNT_OF(timeouts))];
    if (q.count == 0) {
        return;
    }
    unsigned slot = ++m->count % OPEN;
    snprintf(id, sizeof id, "%s.%u", m->who, m->count);
    note(m->who, "asked %s %lld%s", id, (long long)q.timeout, names);
    clu_engine_head(m->engine, &p, CLU_TYPE_QUERY, 0);
    clu_packet_text(&p, CLU_FIELD_data, make_text(id, draw(100)));
    m->asked[slot].id = m->count;
    m->asked[slot].handle = 0;
    if (clu_engine_query(m->engine, &q, virtual_now, &m->asked[slot].handle)
        != CLU_OK) {
        note(m->who, "got %s timeout", id);
        note(m->who, "got %s done", id);
    }
}

static void act(member *m)
{
    m->act = virtual_now + 150 + (clu_ms)draw(900);
    if (silent) {
        send_event(m, 4, "c", draw(2), draw(200));
        return;
    }
    switch (draw(12)) {
    case 0: case 1: case 2:
        send_event(m, 1, "t", false, draw(200));
        break;
    case 3:
        send_event(m, 1, "t", false, 1000 + draw(5000));
        break;
    case 4:
        send_event(m, 2, "d", false, draw(200));
        break;
    case 5:
        send_event(m, 4, "c", false, draw(200));
        break;
    case 6:
        send_event(m, 4, "c", true, draw(200));
        break;
    case 7:
        send_event(m, CLU_SEND_ANY, "any", false, draw(200));
        break;
    case 8: case 9:
        ask(m, false, false);
        break;
    case 10:
        ask(m, true, false);
        break;
    default:
        ask(m, true, true);
        break;
    }
}

static void answer_held(member *m)
{
    for (int i = 0; i < HELD; i++) {
        if (m->held[i].question != NULL && m->held[i].due <= virtual_now) {
            answer(m, &m->held[i].reply, m->held[i].question);
            clu_free(m->held[i].question);
            m->held[i].question = NULL;
        }
    }
}

static clu_ms due_of(const member *m)
{
    if (m->gone || m->frozen) {
        return CLU_NEVER;
    }
    clu_ms due = clu_engine_deadline(m->engine);
    due = m->act < due ? m->act : due;
    for (int i = 0; i < HELD; i++) {
        if (m->held[i].question != NULL && m->held[i].due < due) {
            due = m->held[i].due;
        }
    }
    return due;
}

/* All it has to do now. */
static void serve(member *m)
{
    if (draw(2)) {
        clu_engine_tick(m->engine, virtual_now);
    }
    while (virtual_serve(m->loop)) {
    }
    clu_engine_tick(m->engine, virtual_now);
    answer_held(m);
    if (m->act <= virtual_now) {
        clu_loop_cork(m->loop, draw(2));
        for (unsigned i = draw(3) + 1; i > 0; i--) {
            act(m);
        }
        clu_loop_cork(m->loop, false);
    }
    note_view(m);
}

/* ---- life and death ------------------------------------------------------ */

static void up(void *owner, const clu_arrival *a, clu_ms now)
{
    member *m = owner;
    clu_engine_receive(m->engine, a, now);
}

static void must(clu_err err)
{
    if (err != CLU_OK) {
        fprintf(stderr, "life: %s\n", clu_err_text(err));
        exit(1);
    }
}

static void attach(member *m, clu_transport *t)
{
    must(clu_engine_attach(m->engine, t, up, m));
}

static void start(const char *who)
{
    member *m = members[member_count++] = clu_alloc(sizeof *m);
    char hid[20];
    clu_transport *t;
    snprintf(m->who, sizeof m->who, "%s", who);
    m->host = (unsigned)atoi(who);
    m->loop = virtual_process(m->host);
    m->act = virtual_now + 500;
    snprintf(hid, sizeof hid, "02:00:00:00:00:%02x", m->host);
    clu_config config = { .sid = clu_slice_str(m->who),
                          .hid = clu_slice_str(hid), .ttl = ttl,
                          .heartbeat = heartbeat, .remote = true,
                          .seed = clu_random(&chance) };
    clu_limits_init(&config.limits);
    clu_patron patron = { .ctx = m, .tell = tell, .tells = UINT32_MAX };
    must(clu_engine_create(&config, &patron, &m->engine));
    must(virtual_stream(m->loop, &t));
    attach(m, t);
    must(virtual_datagram(m->loop, false, &t));
    attach(m, t);
    must(virtual_datagram(m->loop, true, &t));
    attach(m, t);
    clu_engine_join(m->engine, virtual_now);
}

static void end(member *m)
{
    virtual_kill(m->loop);
    m->gone = true;             /* what it is told now nobody hears */
    clu_engine_patron(m->engine)->tells = 0;
    clu_engine_destroy(m->engine);
    for (int i = 0; i < HELD; i++) {
        clu_free(m->held[i].question);
    }
}

static member *named(const char *who)
{
    for (int i = 0; i < member_count; i++) {
        if (strcmp(members[i]->who, who) == 0) {
            return members[i];
        }
    }
    fprintf(stderr, "life: no member %s\n", who);
    exit(1);
}

static void freeze(member *m, bool frozen)
{
    m->frozen = frozen;
    virtual_freeze(m->loop, frozen);
}

/* ---- the scenario -------------------------------------------------------- */

static void run_line(const char *kind, char *rest)
{
    note("truth", "%s %s", kind, rest);
    if (strcmp(kind, "rule") == 0) {
        sscanf(rest, "heartbeat %ld ttl %ld", &heartbeat, &ttl);
    } else if (strcmp(kind, "net") == 0) {
        const char *why = weather_tell(&sky, rest);
        if (why != NULL) {
            fprintf(stderr, "life: %s: %s\n", rest, why);
            exit(1);
        }
    } else if (strcmp(kind, "start") == 0) {
        start(rest);
    } else if (strcmp(kind, "kill") == 0) {
        end(named(rest));
    } else if (strcmp(kind, "leave") == 0) {
        clu_engine_leave(named(rest)->engine, virtual_now);
        end(named(rest));
    } else if (strcmp(kind, "stop") == 0 || strcmp(kind, "cont") == 0) {
        freeze(named(rest), kind[0] == 's');
    }
}

static void run_due(void)
{
    virtual_network();
    for (int i = 0; i < member_count; i++) {
        if (!members[i]->gone && !members[i]->frozen) {
            serve(members[i]);
        }
    }
}

static void pass_until(clu_ms end_of_it)
{
    for (;;) {
        clu_ms due = virtual_due();
        for (int i = 0; i < member_count; i++) {
            clu_ms at = due_of(members[i]);
            due = at < due ? at : due;
        }
        if (due > end_of_it) {
            virtual_now = end_of_it;
            return;
        }
        virtual_now = due > virtual_now ? due : virtual_now;
        run_due();
    }
}

int main(int argc, char **argv)
{
    char line[600], kind[32];
    long long at;
    int used;
    if (argc != 2) {
        fprintf(stderr, "usage: life SEED < scenario\n");
        return 2;
    }
    chance = strtoull(argv[1], NULL, 0);
    clu_hash_key(chance, 1);
    weather_init(&sky, HOSTS, chance);
    virtual_init(&sky, chance + 1);
    silent = draw(5) == 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%lld %31s %n", &at, kind, &used) < 2) {
            continue;
        }
        pass_until((clu_ms)at);
        run_line(kind, line + used);
        run_due();
    }
    for (int i = 0; i < member_count; i++) {
        if (!members[i]->gone) {
            end(members[i]);
        }
        clu_free(members[i]);
    }
    virtual_fini();
    return 0;
}
