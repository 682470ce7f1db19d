/*
 * stream_test.c -- TCP: what comes in, limits, deadlines, ends, what goes out.
 */
#include "station.h"

#include "../../unix/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>

static void open_tcp(station *s)
{
    clu_transport *t = NULL;
    station_init(s);
    CHECK_ERR(clu_tcp_create(the_loop, the_host, true, false, &t), CLU_OK);
    station_attach(s, t);
}

/* A plain socket connected to a port of this host, from 127.0.0.N. */
static int dial_from(uint16_t port, uint32_t n)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000000 + n) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int dial(uint16_t port)
{
    return dial_from(port, 1);
}

/* A plain listener on this host, and its port. */
static int answer_at(uint16_t *port, int backlog)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(listen(fd, backlog), 0);
    getsockname(fd, (struct sockaddr *)&at, &n);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Has the other end of a plain socket been closed? */
static bool is_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void put(int fd, const void *p, size_t n)
{
    CHECK_EQ(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static const unsigned char hello[] = "\xc0\x8d\x05hello\0";   /* and a NUL */

/* ---- In ------------------------------------------------------------------ */

TEST("stream-1.1 a frame cut at every byte comes whole")
{
    loop_begin();
    station s;
    open_tcp(&s);
    int fd = dial(port_of(s.t));
    for (size_t cut = 1; cut < sizeof hello; cut++) {
        put(fd, hello, cut);
        run_for(2);
        CHECK_EQ(s.count[CLU_ARRIVED_FRAME], cut - 1);
        put(fd, hello + cut, sizeof hello - cut);
        RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == cut);
    }
    for (const heard *h = s.first; h; h = h->next) {
        CHECK_EQ(h->a.what, CLU_ARRIVED_FRAME);
        CHECK_SLICE(h->a.bytes, "hello");
        CHECK(h->a.from.local && h->a.from.link && !h->a.from.group);
        CHECK_EQ(h->a.from.addr.family, 4);
    }
    close(fd);
    station_stop(&s);
    loop_end();
}

TEST("stream-1.2 whole packets before the end are delivered, the rest told")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.name = 7;
    int fd = dial(port_of(s.t));
    for (int i = 0; i < 1000; i++) {
        put(fd, hello, sizeof hello);
    }
    put(fd, hello, 4);
    close(fd);
    RUN_UNTIL(s.count[CLU_ARRIVED_CLOSED] == 1);
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], 1000);
    const clu_arrival *junk = station_heard(&s, CLU_ARRIVED_JUNK, 0);
    CHECK(junk && junk->why == CLU_TRUNCATED && junk->count == 4);
    const clu_arrival *end = station_heard(&s, CLU_ARRIVED_CLOSED, 0);
    CHECK(end && end->service == 7 && end->last && end->why == CLU_CLOSED);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_closed], 1);
    station_stop(&s);
    loop_end();
}

TEST("stream-1.3 junk is counted byte for byte and does not end the link")
{
    loop_begin();
    station s;
    open_tcp(&s);
    int fd = dial(port_of(s.t));
    put(fd, "junk", 4);
    put(fd, hello, sizeof hello);
    put(fd, "more", 4);
    put(fd, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 2);
    uint64_t junk = 0;
    for (const heard *h = s.first; h; h = h->next) {
        junk += h->a.what == CLU_ARRIVED_JUNK ? h->a.count : 0;
    }
    CHECK_EQ(junk, 8);
    CHECK(!is_closed(fd));
    close(fd);
    station_stop(&s);
    loop_end();
}

/* ---- Too many, too slow, too much ---------------------------------------- */

TEST("stream-2.1 three hundred connect at once and all are heard")
{
    enum { MANY = 300 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_CONNECTIONS] = MANY;
    uint16_t port = port_of(s.t);
    static int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port);
    }
    for (int i = 0; i < MANY; i++) {
        put(fd[i], hello, sizeof hello);
    }
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == MANY);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], 0);
    for (int i = 0; i < MANY; i++) {
        CHECK(!is_closed(fd[i]));
        close(fd[i]);
    }
    RUN_UNTIL(s.counters.at[CLU_COUNT_links_closed] == MANY);
    station_stop(&s);
    loop_end();
}

/* How many of the sockets are closed from the other side? */
static int closed_of(const int *fd, int n)
{
    int closed = 0;
    for (int i = 0; i < n; i++) {
        closed += is_closed(fd[i]);
    }
    return closed;
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 2048; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

TEST("stream-2.2 the silent make room for newcomers, the oldest first")
{
    enum { MANY = 12, ROOM = 4 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_PENDING_SOURCE] = ROOM;
    int fd[MANY];
    int before = open_descriptors();
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port_of(s.t));
    }
    run_for(20);
    CHECK_EQ(open_descriptors(), before + MANY + ROOM); /* none in the door */
    CHECK_EQ(closed_of(fd, MANY), 0);           /* they have a moment */
    RUN_UNTIL(closed_of(fd, MANY) == MANY - ROOM);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(is_closed(fd[i]), i < MANY - ROOM);
    }
    int honest = dial(port_of(s.t));
    put(honest, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], MANY - ROOM + 1);
    for (int i = 0; i < MANY; i++) {
        close(fd[i]);
    }
    close(honest);
    station_stop(&s);
    loop_end();
}

TEST("stream-2.3 pending links are bounded in all")
{
    enum { MANY = 10, ROOM = 3 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_PENDING] = ROOM;
    int fd[MANY];
    int before = open_descriptors();
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port_of(s.t));
    }
    run_for(20);
    CHECK_EQ(open_descriptors(), before + MANY + ROOM);
    RUN_UNTIL(closed_of(fd, MANY) == MANY - ROOM);
    for (int i = 0; i < MANY; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.10 those accepted at once do not all become connections")
{
    enum { MANY = 8, ROOM = 3 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.name = 1;                 /* known ones, who make no room */
    s.limits.at[CLU_LIMIT_CONNECTIONS] = ROOM;
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port_of(s.t));
    }
    run_for(20);                /* all wait to be heard */
    for (int i = 0; i < MANY; i++) {
        put(fd[i], hello, sizeof hello);
    }
    RUN_UNTIL(closed_of(fd, MANY) == MANY - ROOM);
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], ROOM);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], MANY - ROOM);
    for (int i = 0; i < MANY; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.4 beyond its connections a member refuses at once")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.name = 1;
    s.limits.at[CLU_LIMIT_CONNECTIONS] = 2;
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(port_of(s.t));
        put(fd[i], hello, sizeof hello);
        run_for(10);
    }
    RUN_UNTIL(is_closed(fd[2]));
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], 2);
    CHECK(!is_closed(fd[0]) && !is_closed(fd[1]));
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], 1);
    for (int i = 0; i < 3; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.5 who sends no packet in time is cut")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_FIRST_PACKET] = 60;
    int silent = dial(port_of(s.t)), slow = dial(port_of(s.t));
    int honest = dial(port_of(s.t));
    put(slow, hello, 5);
    put(honest, hello, sizeof hello);
    RUN_UNTIL(is_closed(silent) && is_closed(slow));
    CHECK_EQ(s.counters.at[CLU_COUNT_links_expired], 2);
    run_for(100);
    CHECK(!is_closed(honest));
    close(silent);
    close(slow);
    close(honest);
    station_stop(&s);
    loop_end();
}

TEST("stream-2.6 who sends too much without a packet is cut")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_UNPROVEN] = 1000;
    int fd = dial(port_of(s.t)), honest = dial(port_of(s.t));
    static char waste[1001];
    put(honest, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    put(honest, waste, sizeof waste);
    put(fd, waste, 1000);
    run_for(20);
    CHECK(!is_closed(fd));
    put(fd, waste, 1);
    RUN_UNTIL(is_closed(fd));
    CHECK(!is_closed(honest));
    close(fd);
    close(honest);
    station_stop(&s);
    loop_end();
}

TEST("stream-2.7 what unfinished packets hold is bounded in all")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_QUEUE] = 100000;
    int fd[4];
    static char waste[40000];
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(port_of(s.t));
        put(fd[i], hello, sizeof hello);
        put(fd[i], "\xc0\x8d\xff\xff\x03", 5);  /* 65535 bytes to come */
        put(fd[i], waste, sizeof waste);
        run_for(10);
    }
    RUN_UNTIL(closed_of(fd, 4) == 2);
    for (int i = 0; i < 4; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.8 without descriptors nobody spins, and then all goes on")
{
    loop_begin();
    station s;
    open_tcp(&s);
    int early = dial(port_of(s.t)), late = -1;
    run_for(10);
    struct rlimit was, few;
    getrlimit(RLIMIT_NOFILE, &was);
    late = dial(port_of(s.t));
    few = was;
    few.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &few);
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    run_for(300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    setrlimit(RLIMIT_NOFILE, &was);
    double cpu = (double)(after.tv_sec - before.tv_sec) * 1e3
        + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    check_about("%.1f ms of CPU", cpu);
    CHECK(cpu < 60);
    put(early, hello, sizeof hello);
    put(late, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 2);
    close(early);
    close(late);
    station_stop(&s);
    loop_end();
}

TEST("stream-2.9 the last descriptor serves to refuse, not to spin")
{
    loop_begin();
    station s;
    open_tcp(&s);
    int late = dial(port_of(s.t)), next = dup(0);
    struct rlimit was, few;
    getrlimit(RLIMIT_NOFILE, &was);
    few = was;
    few.rlim_cur = (rlim_t)next;        /* all below it are taken */
    close(next);
    setrlimit(RLIMIT_NOFILE, &few);
    RUN_UNTIL(is_closed(late));
    setrlimit(RLIMIT_NOFILE, &was);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], 1);
    close(late);
    station_stop(&s);
    loop_end();
}

TEST("stream-2.14 with the last descriptor many are refused, a few at a time")
{
    enum { MANY = 2 * CLU_LISTENER_ROUNDS + 3 };
    loop_begin();
    station s;
    open_tcp(&s);
    int late[MANY];
    for (int i = 0; i < MANY; i++) {
        late[i] = dial(port_of(s.t));
    }
    int next = dup(0);
    struct rlimit was, few;
    getrlimit(RLIMIT_NOFILE, &was);
    few = was;
    few.rlim_cur = (rlim_t)next;        /* all below it are taken */
    close(next);
    setrlimit(RLIMIT_NOFILE, &few);
    RUN_UNTIL(s.counters.at[CLU_COUNT_links_refused] == MANY);
    setrlimit(RLIMIT_NOFILE, &was);
    CHECK_EQ(closed_of(late, MANY), MANY);
    for (int i = 0; i < MANY; i++) {
        close(late[i]);
    }
    station_stop(&s);
    loop_end();
}

/* ---- Out ----------------------------------------------------------------- */

static size_t cookies_in_order(const station *s)
{
    size_t n = 0;
    for (const heard *h = s->first; h; h = h->next) {
        if (h->a.what == CLU_ARRIVED_UNDELIVERED) {
            CHECK_EQ(h->a.ticket.cookie, n);
            n++;
        }
    }
    return n;
}

TEST("stream-3.1 a connect nobody answers ends in time, frames come back")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_CONNECT] = 150;
    uint16_t port;
    int l = answer_at(&port, 0), full[4];
    for (int i = 0; i < 4; i++) {       /* its queue is full: no answers */
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(full[i], (struct sockaddr *)&to, sizeof to);
    }
    run_for(20);
    clu_target to = loopback_target(5, port);
    clu_ms start = clu_loop_clock();
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_ERR(send_body(&s, &to, clu_slice_str("lost"), i), CLU_OK);
    }
    RUN_UNTIL(s.count[CLU_ARRIVED_CLOSED] == 1);
    clu_ms took = clu_loop_clock() - start;
    check_about("%lld ms", (long long)took);
    CHECK(took >= 150 && took < 1000);
    CHECK_EQ(cookies_in_order(&s), 3);
    const clu_arrival *end = station_heard(&s, CLU_ARRIVED_CLOSED, 0);
    CHECK(end && end->service == 5 && end->last && end->why == CLU_TIMEOUT);
    CHECK_EQ(s.counters.at[CLU_COUNT_connects_failed], 1);
    for (int i = 0; i < 4; i++) {
        close(full[i]);
    }
    close(l);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.2 a refused connect gives the frames back")
{
    loop_begin();
    station s;
    open_tcp(&s);
    uint16_t port;
    close(answer_at(&port, 1));
    clu_target to = loopback_target(5, port);
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_ERR(send_body(&s, &to, clu_slice_str("lost"), i), CLU_OK);
    }
    RUN_UNTIL(s.count[CLU_ARRIVED_CLOSED] == 1);
    CHECK_EQ(cookies_in_order(&s), 3);
    const clu_arrival *back = station_heard(&s, CLU_ARRIVED_UNDELIVERED, 0);
    CHECK(back && back->why == CLU_SYSTEM && back->ticket.service == 5);
    CHECK_SLICE(clu_slice_of(back->bytes.p + 3, 4), "lost");
    station_stop(&s);
    loop_end();
}

TEST("stream-3.11 what nobody asked to have back does not come back")
{
    loop_begin();
    station s;
    open_tcp(&s);
    uint16_t port;
    close(answer_at(&port, 1));
    clu_target to = loopback_target(5, port);
    CHECK_ERR(s.t->ops->send(s.t, &to, clu_slice_of(hello, sizeof hello), NULL,
                             clu_loop_clock()), CLU_OK);
    RUN_UNTIL(s.count[CLU_ARRIVED_CLOSED] == 1);
    CHECK_EQ(s.count[CLU_ARRIVED_UNDELIVERED], 0);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.3 a peer that takes nothing is cut, its queue bounded")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_STALL] = 150;
    s.limits.at[CLU_LIMIT_LINK_QUEUE] = 400000;
    uint16_t port;
    int l = answer_at(&port, 5);
    clu_target to = loopback_target(5, port);
    static unsigned char big[100000];
    clu_err err = CLU_OK;
    uint64_t sent = 0;
    for (; err == CLU_OK && sent < 1000; sent++) {
        err = send_body(&s, &to, clu_slice_of(big, sizeof big), sent);
        run_for(1);
    }
    CHECK_ERR(err, CLU_LIMIT);
    RUN_UNTIL(s.count[CLU_ARRIVED_CLOSED] == 1);
    size_t back = s.count[CLU_ARRIVED_UNDELIVERED];
    CHECK(back >= 2 && back <= 4);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_stalled], 1);
    const clu_arrival *last = station_heard(&s, CLU_ARRIVED_UNDELIVERED,
                                            back - 1);
    CHECK(last && last->ticket.cookie == sent - 2);
    close(l);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.4 the first link is kept, another only while there is none")
{
    loop_begin();
    station a, b;
    open_tcp(&a);
    open_tcp(&b);
    a.name = 2;
    b.name = 1;
    clu_target to_b = loopback_target(2, port_of(b.t));
    clu_target to_a = loopback_target(1, port_of(a.t));
    CHECK_ERR(send_text(&a, &to_b, "to b"), CLU_OK);
    CHECK_ERR(send_text(&b, &to_a, "to a"), CLU_OK);    /* they cross */
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1
              && b.count[CLU_ARRIVED_FRAME] == 1);
    for (int i = 0; i < 100; i++) {
        CHECK_ERR(send_text(&a, &to_b, "again"), CLU_OK);
        CHECK_ERR(send_text(&b, &to_a, "again"), CLU_OK);
        run_for(0);
    }
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 101
              && b.count[CLU_ARRIVED_FRAME] == 101);
    CHECK_EQ(a.counters.at[CLU_COUNT_links_opened], 1);
    CHECK_EQ(b.counters.at[CLU_COUNT_links_opened], 1);
    CHECK_EQ(a.count[CLU_ARRIVED_CLOSED], 0);
    CHECK_EQ(a.counters.at[CLU_COUNT_links_accepted], 1);
    station_stop(&b);
    RUN_UNTIL(a.count[CLU_ARRIVED_CLOSED] == 2);
    CHECK(!station_heard(&a, CLU_ARRIVED_CLOSED, 0)->last);
    CHECK(station_heard(&a, CLU_ARRIVED_CLOSED, 1)->last);
    station_stop(&a);
    loop_end();
}

TEST("stream-3.5 a link that broke unseen is replaced, not a frame lost")
{
    loop_begin();
    station a, b;
    open_tcp(&a);
    open_tcp(&b);
    uint16_t port = port_of(b.t);
    clu_target to = loopback_target(2, port);
    CHECK_ERR(send_text(&a, &to, "one"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    b.name = 1;                         /* the next frame binds it */
    CHECK_ERR(send_text(&a, &to, "two"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 2);
    b.t->ops->forget(b.t, 1);           /* closed; a did not look yet */
    clu_err err = CLU_OK;
    for (int i = 0; i < 3; i++) {
        err = send_text(&a, &to, "three");
        CHECK_ERR(err, CLU_OK);
    }
    RUN_UNTIL(a.count[CLU_ARRIVED_CLOSED] == 1
              && b.count[CLU_ARRIVED_FRAME] >= 4);
    CHECK_EQ(a.count[CLU_ARRIVED_UNDELIVERED], 0);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("stream-3.6 a local member goes to no other host")
{
    loop_begin();
    station s;
    open_tcp(&s);
    clu_target to = loopback_target(2, 9);
    to.addr = (clu_address){ .family = 4, .port = 9, .ip = { 192, 0, 2, 1 } };
    CHECK_ERR(send_text(&s, &to, "x"), CLU_UNREACHABLE);
    to = loopback_target(2, 0);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_UNREACHABLE);
    to = loopback_target(0, 9);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_UNREACHABLE);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.7 a refreshed listener has a new port and says so")
{
    loop_begin();
    station s;
    open_tcp(&s);
    uint16_t old = port_of(s.t);
    int kept = dial(old);
    put(kept, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    CHECK_ERR(s.t->ops->refresh(s.t, clu_loop_clock()), CLU_OK);
    CHECK_EQ(s.count[CLU_ARRIVED_MOVED], 0);
    RUN_UNTIL(s.count[CLU_ARRIVED_MOVED] == 1);
    CHECK(port_of(s.t) != old);
    put(kept, hello, sizeof hello);
    int fresh = dial(port_of(s.t));
    put(fresh, hello, sizeof hello);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 3);
    close(kept);
    close(fresh);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.8 what a broken link did not send goes by the service's next")
{
    loop_begin();
    station s;
    open_tcp(&s);
    s.name = 5;
    uint16_t port;
    int l = answer_at(&port, 5);
    clu_target to = loopback_target(5, port);
    static unsigned char big[900000];
    CHECK_ERR(send_text(&s, &to, "first"), CLU_OK);
    run_for(10);
    int first = accept(l, NULL, NULL);
    int room = 4096;                    /* it takes little */
    setsockopt(first, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    s.limits.at[CLU_LIMIT_LINK_QUEUE] = 20000000;
    for (uint64_t i = 0; i < 10; i++) {
        CHECK_ERR(send_body(&s, &to, clu_slice_of(big, sizeof big), i),
                  CLU_OK);
        run_for(1);
    }
    CHECK_ERR(send_text(&s, &to, "last"), CLU_OK);
    int second = dial(port_of(s.t));
    put(second, hello, sizeof hello);   /* the same service's other link */
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    close(first);
    static char in[1 << 20];
    size_t got = 0, n = 0;
    clu_ms end = clu_loop_clock() + 3000;
    while (clu_loop_clock() < end
           && (got < 5 || memcmp(in + n - 6, "last\0\0", 6) != 0)) {
        clu_loop_run(the_loop, 5, 4);
        ssize_t more = recv(second, in, sizeof in, MSG_DONTWAIT);
        n = more > 6 ? (size_t)more : n;
        got += more > 0 ? (size_t)more : 0;
    }
    CHECK(got > sizeof big && memcmp(in + n - 6, "last\0\0", 6) == 0);
    CHECK_EQ(s.count[CLU_ARRIVED_UNDELIVERED], 0);
    CHECK_EQ(s.count[CLU_ARRIVED_CLOSED], 1);
    CHECK(!station_heard(&s, CLU_ARRIVED_CLOSED, 0)->last);
    close(second);
    close(l);
    station_stop(&s);
    loop_end();
}

TEST("stream-3.9 a link that is nobody's any more goes to who it is said")
{
    loop_begin();
    station a, b;
    open_tcp(&a);
    open_tcp(&b);
    b.name = 1;
    clu_target to = loopback_target(2, port_of(b.t));
    CHECK_ERR(send_text(&a, &to, "one"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    uint64_t link = b.first->a.from.link;
    clu_target back = { .service = 1 };
    CHECK_ERR(send_text(&b, &back, "x"), CLU_OK);
    b.t->ops->bind(b.t, link + 1000, 9);        /* there is no such link */
    b.t->ops->bind(b.t, link, 1);               /* it is his */
    b.t->ops->bind(b.t, link, 0);
    CHECK_ERR(send_text(&b, &back, "x"), CLU_UNREACHABLE);
    back.service = 0;
    CHECK_ERR(send_text(&b, &back, "x"), CLU_UNREACHABLE);
    b.t->ops->bind(b.t, link, 3);
    back.service = 3;
    CHECK_ERR(send_text(&b, &back, "y"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 2);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("stream-3.10 a target must be one host's port of TCP")
{
    static const struct { clu_address addr; clu_err err; } cases[] = {
        { { .family = 0 }, CLU_UNREACHABLE },
        { { .family = 1, .port = 9 }, CLU_UNREACHABLE },
        { { .family = 4, .ip = { 127, 0, 0, 1 } }, CLU_UNREACHABLE },
        { { .family = 4, .ip = { 230, 1, 1, 1 }, .port = 9 },
          CLU_UNREACHABLE },
        { { .family = 6, .ip = { 0xff, 0x15 }, .port = 9 }, CLU_UNREACHABLE },
        { { .family = 6, .ip = { 0x20, 1 }, .port = 9 }, CLU_UNREACHABLE },
        { { .family = 6, .ip = { [15] = 1 }, .port = 9 }, CLU_OK },
        { { .family = 4, .ip = { 127, 3, 2, 1 }, .port = 9 }, CLU_OK },
    };
    loop_begin();
    station s;
    open_tcp(&s);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        clu_target to = { .service = i + 1, .addr = cases[i].addr };
        CHECK_ERR(send_text(&s, &to, "x"), cases[i].err);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.11 who spoke makes room for others who speak, if unknown")
{
    enum { MANY = 6, ROOM = 3 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_CONNECTIONS] = ROOM;
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port_of(s.t));
        put(fd[i], hello, sizeof hello);
        RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == (size_t)i + 1
                  || s.counters.at[CLU_COUNT_links_refused] > 0);
        if (i >= ROOM - 1) {
            run_for(110);               /* they have a moment */
        }
    }
    RUN_UNTIL(closed_of(fd, MANY) == MANY - ROOM);
    CHECK(!is_closed(fd[MANY - 1]));
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], MANY);
    for (int i = 0; i < MANY; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.12 a source's bound, once lowered, refuses the next from there")
{
    loop_begin();
    station s;
    open_tcp(&s);
    int fd[4];
    fd[0] = dial(port_of(s.t));
    fd[1] = dial(port_of(s.t));
    run_for(10);
    fd[2] = dial_from(port_of(s.t), 2);
    RUN_UNTIL(s.counters.at[CLU_COUNT_links_accepted] == 3);
    s.limits.at[CLU_LIMIT_PENDING_SOURCE] = 2;
    fd[3] = dial(port_of(s.t));
    RUN_UNTIL(is_closed(fd[3]));
    CHECK_EQ(closed_of(fd, 4), 1);      /* they have a moment */
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], 1);
    for (int i = 0; i < 4; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}

TEST("stream-2.13 who was accepted before and speaks late has its place")
{
    enum { MANY = 4, ROOM = 2 };
    loop_begin();
    station s;
    open_tcp(&s);
    s.limits.at[CLU_LIMIT_CONNECTIONS] = ROOM;
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = dial(port_of(s.t));
    }
    RUN_UNTIL(s.counters.at[CLU_COUNT_links_accepted] == MANY);
    run_for(110);
    for (int i = 0; i < MANY; i++) {
        put(fd[i], hello, sizeof hello);
        RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == (size_t)i + 1);
    }
    RUN_UNTIL(closed_of(fd, MANY) == MANY - ROOM);
    CHECK(!is_closed(fd[MANY - 1]) && !is_closed(fd[MANY - 2]));
    for (int i = 0; i < MANY; i++) {
        close(fd[i]);
    }
    station_stop(&s);
    loop_end();
}
