/*
 * multicast_test.c -- the group: who hears it, the way out, pieces, junk.
 *
 * Runs in a network of its own.  An `original` here is a socket opened as
 * tcludp opens it (WIRE-ORIGINAL 7.1).
 */
#include "station.h"

#include "netns.h"
#include "sock.h"
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

enum { PORT = 23000 };

static clu_address address(const char *text, uint16_t port)
{
    clu_address a = { 0 };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &a), CLU_OK);
    a.port = port;
    return a;
}

static clu_err open_c(station *s, const char *group, int ttl,
                      const char *interface)
{
    clu_transport *t = NULL;
    clu_multicast_config config = { .group = address(group, PORT), .ttl = ttl,
                                    .interface = interface };
    station_init(s);
    clu_err err = clu_multicast_create(the_loop, the_host, &config, &t);
    if (err == CLU_OK) {
        station_attach(s, t);
    }
    return err;
}

#define GROUP "230.230.230.230"

static int original_open(const char *group)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, none = 0;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    struct ip_mreq join = { .imr_interface.s_addr = 0 };
    inet_pton(AF_INET, group, &join.imr_multiaddr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &none, sizeof none);
    return fd;
}

static void original_send(int fd, const char *to, const void *p, size_t n)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    inet_pton(AF_INET, to, &at.sin_addr);
    CHECK_EQ(sendto(fd, p, n, 0, (struct sockaddr *)&at, sizeof at),
             (ssize_t)n);
}

/* Bytes of the next datagram an original gets, 0: none; from where. */
static size_t original_hears(int fd, unsigned char *p, size_t room,
                             char from[32])
{
    struct sockaddr_in at = { 0 };
    socklen_t n = sizeof at;
    struct pollfd wait = { fd, POLLIN, 0 };
    if (poll(&wait, 1, 300) != 1) {
        return 0;
    }
    ssize_t got = recvfrom(fd, p, room, 0, (struct sockaddr *)&at, &n);
    inet_ntop(AF_INET, &at.sin_addr, from, 32);
    return got > 0 ? (size_t)got : 0;
}

static const clu_target everybody = { .service = 0 };

/* Everything is heard here and by an original, from 127.0.0.1. */
static void check_all_hear(station *a, station *b, int original)
{
    size_t before = b->count[CLU_ARRIVED_FRAME];
    unsigned char got[100];
    char from[32] = "";
    CHECK_ERR(send_text(a, &everybody, "hello"), CLU_OK);
    RUN_UNTIL(b->count[CLU_ARRIVED_FRAME] == before + 1);
    const clu_arrival *f = station_heard(b, CLU_ARRIVED_FRAME, before);
    if (!f) {
        return;
    }
    char text[CLU_ADDRESS_TEXT];
    CHECK_SLICE(f->bytes, "hello");
    CHECK(f->from.local && f->from.group && f->from.addr.port != 0);
    CHECK_STR(clu_address_text(&f->from.addr, text), "127.0.0.1");
    CHECK_EQ(original_hears(original, got, sizeof got, from), 10);
    CHECK_STR(from, "127.0.0.1");
}

TEST("multicast-1.1 with lo alone, multicast or not, routed or not, all hear")
{
    static const struct { bool multicast; const char *route; } cases[] = {
        { false, NULL }, { true, NULL },
        { false, "route add 224.0.0.0/4 dev lo" },
        { true, "route add 224.0.0.0/4 dev lo" },
        { true, "route add 224.0.0.0/4 dev lo src 127.0.0.1" }
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        for (int ttl = 0; ttl < 2; ttl++) {
            if (!netns_enter()) {
                SKIP("no right to a network of our own");
            }
            check_about("multicast %d, %s, ttl %d", cases[i].multicast,
                        cases[i].route ? cases[i].route : "no route", ttl);
            CHECK(netns_flags("lo", 0, cases[i].multicast ? 0
                              : IFF_MULTICAST));
            CHECK(!cases[i].route || netns_ip(cases[i].route));
            loop_begin();
            station a, b;
            int original = original_open(GROUP);
            CHECK_ERR(open_c(&a, GROUP, ttl, NULL), CLU_OK);
            CHECK_ERR(open_c(&b, GROUP, ttl, ""), CLU_OK);
            check_all_hear(&a, &b, original);
            station_stop(&a);
            station_stop(&b);
            close(original);
            loop_end();
        }
    }
}

/* eth0 with an address and a far end in the same network. */
static bool add_eth(const char *name, const char *own)
{
    char line[200];
    snprintf(line, sizeof line, "link add %s type veth peer name far%s", name,
             name);
    bool ok = netns_ip(line);
    snprintf(line, sizeof line, "address add %s dev %s", own, name);
    ok = ok && netns_ip(line);
    snprintf(line, sizeof line, "link set %s up", name);
    ok = ok && netns_ip(line);
    snprintf(line, sizeof line, "link set far%s up", name);
    return ok && netns_ip(line);
}

TEST("multicast-1.2 with a card, routed or not, a local member hears all")
{
    for (int routed = 0; routed < 2; routed++) {
        if (!netns_enter() || !add_eth("eth0", "10.99.0.1/24")) {
            SKIP("no network of our own");
        }
        CHECK(!routed || netns_ip("route add 224.0.0.0/4 dev eth0"));
        check_about("routed %d", routed);
        loop_begin();
        station a, b;
        CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
        CHECK_ERR(open_c(&b, GROUP, 0, NULL), CLU_OK);
        int original = original_open(GROUP);
        check_all_hear(&a, &b, original);
        if (routed) {           /* and what an original sends by the card */
            size_t n = b.count[CLU_ARRIVED_FRAME];
            original_send(original, GROUP, "\xc0\x8d\x01x\0", 6);
            RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == n + 1);
            const clu_arrival *f = station_heard(&b, CLU_ARRIVED_FRAME, n);
            CHECK(f && f->from.local && f->from.addr.ip[0] == 10
                  && f->from.addr.port == PORT);
        }
        close(original);
        station_stop(&a);
        station_stop(&b);
        loop_end();
    }
}

TEST("multicast-1.3 a member of the network takes the route's way")
{
    if (!netns_enter() || !add_eth("eth0", "10.99.0.1/24")
        || !netns_ip("route add 224.0.0.0/4 dev eth0")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a, b;
    int original = original_open(GROUP);
    unsigned char got[100];
    char from[32] = "";
    CHECK_ERR(open_c(&a, GROUP, 1, NULL), CLU_OK);
    CHECK_ERR(open_c(&b, GROUP, 0, NULL), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "x"), CLU_OK);
    CHECK(original_hears(original, got, sizeof got, from) > 0);
    CHECK_STR(from, "10.99.0.1");
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(b.first && b.first->a.from.local);
    close(original);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("multicast-1.4 a card that appears is heard and taken, by itself")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a;
    CHECK_ERR(open_c(&a, GROUP, 1, NULL), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "x"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(a.first && a.first->a.from.addr.ip[0] == 127);
    CHECK(add_eth("eth0", "10.99.0.1/24"));
    CHECK(netns_ip("route add 224.0.0.0/4 dev eth0"));
    RUN_UNTIL(a.counters.at[CLU_COUNT_joins_renewed] >= 1);
    RUN_UNTIL(send_text(&a, &everybody, "y") == CLU_OK
              && (run_for(20), a.count[CLU_ARRIVED_FRAME] > 1));
    size_t last = a.count[CLU_ARRIVED_FRAME] - 1;
    const clu_arrival *f = station_heard(&a, CLU_ARRIVED_FRAME, last);
    CHECK(f && f->from.addr.ip[0] == 10);
    CHECK(netns_ip("link del eth0"));
    size_t n = a.count[CLU_ARRIVED_FRAME];
    CHECK_ERR(send_text(&a, &everybody, "z"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == n + 1);
    f = station_heard(&a, CLU_ARRIVED_FRAME, n);
    CHECK(f && f->from.addr.ip[0] == 127);
    station_stop(&a);
    loop_end();
}

TEST("multicast-1.5 an interface asked for is used and no other")
{
    if (!netns_enter() || !add_eth("eth0", "10.99.0.1/24")
        || !add_eth("eth1", "10.98.0.1/24")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a, b;
    CHECK_ERR(open_c(&a, GROUP, 0, "eth7"), CLU_VALUE);
    CHECK_ERR(open_c(&a, GROUP, 0, "10.97.0.1"), CLU_VALUE);
    CHECK_ERR(open_c(&a, GROUP, 0, "eth1"), CLU_OK);
    CHECK_ERR(open_c(&b, GROUP, 0, "10.98.0.1"), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "x"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(b.first && b.first->a.from.addr.ip[1] == 98);
    station_stop(&b);
    CHECK_ERR(open_c(&b, GROUP, 0, "eth0"), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "y"), CLU_OK);
    CHECK_ERR(send_text(&b, &everybody, "z"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    run_for(20);
    CHECK_EQ(b.count[CLU_ARRIVED_FRAME], 1);
    CHECK_SLICE(station_heard(&b, CLU_ARRIVED_FRAME, 0)->bytes, "z");
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("multicast-1.6 what two cards of one network hear comes once")
{
    if (!netns_enter() || !add_eth("eth0", "10.99.0.1/24")
        || !add_eth("eth1", "10.98.0.1/24")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a, local;
    CHECK_ERR(open_c(&a, GROUP, 1, NULL), CLU_OK);
    clu_address group = address(GROUP, PORT), own = address("10.99.0.1", 0);
    clu_sockaddr to;
    clu_sockaddr_of(&group, &to);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    static const char *const cards[] = { "eth0", "eth1", "eth0", "eth1" };
    for (int i = 0; i < 4; i++) {
        CHECK_ERR(clu_udp_send(fd, &to, clu_slice_of("\xc0\x8d\1x\0", 6),
                               if_nametoindex(cards[i]), &own), CLU_OK);
    }
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 2);
    run_for(30);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME], 2);    /* it was sent twice */
    CHECK_ERR(open_c(&local, GROUP, 0, NULL), CLU_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(send_text(&local, &everybody, "same"), CLU_OK);
    }
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 5);
    close(fd);
    station_stop(&a);
    station_stop(&local);
    loop_end();
}

TEST("multicast-2.1 groups on one port do not hear each other")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a, b;
    int original = original_open("230.230.230.231");
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    CHECK_ERR(open_c(&b, "230.230.230.231", 0, NULL), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "a"), CLU_OK);
    CHECK_ERR(send_text(&b, &everybody, "b"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1
              && b.count[CLU_ARRIVED_FRAME] == 1);
    run_for(30);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME], 1);
    CHECK_EQ(b.count[CLU_ARRIVED_FRAME], 1);
    CHECK_EQ(a.count[CLU_ARRIVED_JUNK], 0);
    close(original);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("multicast-2.2 unicast to the group's port and to our own is taken")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a, b;
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "beacon"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1);
    clu_target to = { .addr = a.first->a.from.addr };
    station_clear(&a);
    CHECK_ERR(open_c(&b, GROUP, 0, NULL), CLU_OK);
    CHECK_ERR(send_text(&b, &to, "answer"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1);
    CHECK_SLICE(a.first->a.bytes, "answer");
    CHECK(!a.first->a.from.group && a.first->a.from.local);
    to.addr.port = PORT;
    CHECK_ERR(send_text(&b, &to, "seed"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] + b.count[CLU_ARRIVED_FRAME] == 2);
    CHECK_EQ(a.count[CLU_ARRIVED_JUNK], 0);

    static unsigned char big[5000];
    CHECK_ERR(send_body(&b, &to, clu_slice_of(big, sizeof big), 0), CLU_LIMIT);
    to.addr = (clu_address){ .family = 4, .port = 9, .ip = { 192, 0, 2, 1 } };
    CHECK_ERR(send_text(&b, &to, "x"), CLU_UNREACHABLE);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("multicast-2.3 a seed gets what the group gets")
{
    if (!netns_enter() || !netns_flags("lo", 0, 0)) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a;
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int seed = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind(seed, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(seed, (struct sockaddr *)&at, &n);
    clu_address seeds[] = { address("192.0.2.1", 9),
                            address("127.0.0.1", ntohs(at.sin_port)) };
    clu_multicast_config config = { .group = address(GROUP, PORT),
                                    .seeds = seeds, .seed_count = 2 };
    clu_transport *t = NULL;
    station_init(&a);
    CHECK_ERR(clu_multicast_create(the_loop, the_host, &config, &t), CLU_OK);
    station_attach(&a, t);
    memset(seeds, 0, sizeof seeds);     /* they were copied */
    CHECK_ERR(send_text(&a, &everybody, "x"), CLU_OK);
    unsigned char got[100];
    char from[32];
    CHECK_EQ(original_hears(seed, got, sizeof got, from), 6);
    close(seed);
    station_stop(&a);
    loop_end();
}

TEST("multicast-2.4 a port a stranger has is an error, and nothing is left")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    int stranger = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind(stranger, (struct sockaddr *)&at, sizeof at), 0);
    station a;
    long live = clu_alloc_live();
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_SYSTEM);
    CHECK_EQ(errno, EADDRINUSE);
    CHECK_ERR(open_c(&a, "10.1.2.3", 0, NULL), CLU_VALUE);
    CHECK_EQ(clu_alloc_live(), live);
    close(stranger);
    loop_end();
}

TEST("multicast-3.1 frames of every size, in pieces beyond 4096")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a, b;
    int original = original_open(GROUP);
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    CHECK_ERR(open_c(&b, GROUP, 0, NULL), CLU_OK);
    static unsigned char body[100000], got[70000];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (unsigned char)(i * 7 + i / 251);
    }
    static const size_t sizes[] = { 0, 1, 4089, 4090, 4091, 4092, 4093, 8190,
                                    20000, 65000, 100000 };
    for (size_t i = 0; i < CLU_COUNT_OF(sizes); i++) {
        check_about("%zu bytes", sizes[i]);
        clu_slice s = clu_slice_of(body, sizes[i]);
        CHECK_ERR(send_body(&a, &everybody, s, 0), CLU_OK);
        RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == i + 1);
        const clu_arrival *f = station_heard(&b, CLU_ARRIVED_FRAME, i);
        CHECK(f && clu_slice_eq(f->bytes, s));
        char from[32];
        size_t left = sizes[i] + 4 + clu_varint_size(sizes[i]);
        while (left > 0) {
            size_t n = original_hears(original, got, sizeof got, from);
            CHECK(n > 0 && n <= 4096 && n <= left);
            left -= n > 0 && n <= left ? n : left;
        }
    }
    CHECK_EQ(b.count[CLU_ARRIVED_JUNK], 0);
    close(original);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

/* What an original's channel makes of a long frame, its pieces sent now. */
static void send_piece(int fd, clu_slice frame, size_t index)
{
    size_t from = index * 4096;
    size_t n = frame.n - from < 4096 ? frame.n - from : 4096;
    original_send(fd, GROUP, frame.p + from, n);
}

TEST("multicast-3.2 long frames of several originals at once come whole")
{
    if (!netns_enter() || !netns_ip("route add 224.0.0.0/4 dev lo src "
                                    "127.0.0.1")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a;
    int one = original_open(GROUP), two = original_open(GROUP);
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    static unsigned char ones[9000], twos[7000];
    memset(ones, '1', sizeof ones);
    memset(twos, '2', sizeof twos);
    clu_slice f = frame_of(clu_slice_of(ones, sizeof ones));
    clu_slice g = frame_of(clu_slice_of(twos, sizeof twos));
    send_piece(one, f, 0);
    send_piece(two, g, 0);
    send_piece(one, f, 1);
    original_send(two, GROUP, "\xc0\x8d\x01x\0", 6);  /* one between */
    send_piece(two, g, 1);
    send_piece(one, f, 2);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 3);
    CHECK_SLICE(station_heard(&a, CLU_ARRIVED_FRAME, 0)->bytes, "x");
    CHECK(clu_slice_eq(station_heard(&a, CLU_ARRIVED_FRAME, 1)->bytes,
                       clu_slice_of(twos, sizeof twos)));
    CHECK(clu_slice_eq(station_heard(&a, CLU_ARRIVED_FRAME, 2)->bytes,
                       clu_slice_of(ones, sizeof ones)));
    CHECK_EQ(a.count[CLU_ARRIVED_JUNK], 0);

    a.limits.at[CLU_LIMIT_PARTIAL_AGE] = 50;
    send_piece(one, f, 0);              /* and no more of it */
    RUN_UNTIL(a.counters.at[CLU_COUNT_drop_partial] == 1);
    free((void *)f.p);
    free((void *)g.p);
    close(one);
    close(two);
    station_stop(&a);
    loop_end();
}

TEST("multicast-3.3 junk is told, several frames of a datagram are taken")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a;
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    int fd = original_open(GROUP);
    static const struct {
        const char *bytes;
        size_t n, frames;
        uint64_t junk;
        clu_err why;
    } cases[] = {
        { "", 0, 0, 0, CLU_HEADER },
        { "\xc0\x8d\x80", 3, 0, 3, CLU_TRUNCATED },
        { "\xc0\x8d\x01\x01\0\0", 6, 1, 0, CLU_OK },
        { "\xc0\x8d\xff\xff\xff\xff\x7f", 7, 0, 7, CLU_FOOTER },
        { "nothing", 7, 0, 7, CLU_HEADER },
        { "\xc0\x8d\1a\0\0\xc0\x8d\1b\0\0", 12, 2, 0, CLU_OK },
        { "xx\xc0\x8d\1a\0\0yy\xc0\x8d\1b\0\0zz", 18, 2, 6, CLU_HEADER },
        { "\xc0\x8d\2ab\1\1\xc0\x8d\1c\0\0", 13, 1, 7, CLU_FOOTER },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        station_clear(&a);
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons(PORT),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        close(fd);                      /* or it might get it itself */
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        CHECK_EQ(sendto(fd, cases[i].bytes, cases[i].n, 0,
                        (struct sockaddr *)&at, sizeof at), cases[i].n);
        RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == cases[i].frames
                  && a.count[CLU_ARRIVED_JUNK] == (cases[i].why != CLU_OK));
        const clu_arrival *junk = station_heard(&a, CLU_ARRIVED_JUNK, 0);
        CHECK(!junk || (junk->why == cases[i].why
                        && junk->count == cases[i].junk));
        CHECK(!junk || (!junk->from.group && junk->from.local));
    }
    close(fd);
    station_stop(&a);
    loop_end();
}

TEST("multicast-3.4 a flood is bounded a wake-up, and what is lost counted")
{
    if (!netns_enter() || !netns_ip("route add 224.0.0.0/4 dev lo src "
                                    "127.0.0.1")) {
        SKIP("no network of our own");
    }
    enum { MANY = 40000 };
    loop_begin();
    station a;
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    a.forgetful = true;
    int fd = original_open(GROUP);
    for (int i = 0; i < MANY; i++) {
        original_send(fd, GROUP, "\xc0\x8d\x01x\0", 6);
    }
    clu_loop_run(the_loop, 0, 1);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME], 32);
    while (clu_loop_run(the_loop, 0, 64)) {
    }
    original_send(fd, GROUP, "\xc0\x8d\x01x\0", 6);     /* tells the count */
    run_for(10);
    uint64_t lost = a.counters.at[CLU_COUNT_kernel_drops];
    check_about("%zu heard, %llu lost", a.count[CLU_ARRIVED_FRAME],
                (unsigned long long)lost);
    CHECK(lost > 0);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME] + lost, MANY + 1);
    close(fd);
    station_stop(&a);
    loop_end();
}

TEST("multicast-4.1 an IPv6 group of any reach is heard by a card")
{
    static const char *const groups[] = { "ff15::e6e6", "ff02::e6e6",
                                          "ff05::e6e6" };
    if (!netns_enter() || !add_eth("eth0", "fd00:99::1/64 nodad")) {
        SKIP("no network of our own");
    }
    for (size_t i = 0; i < CLU_COUNT_OF(groups); i++) {
        for (int ttl = 0; ttl < 2; ttl++) {
            check_about("%s, ttl %d", groups[i], ttl);
            loop_begin();
            station a, b, other;
            CHECK_ERR(open_c(&a, groups[i], ttl, NULL), CLU_OK);
            CHECK_ERR(open_c(&b, groups[i], ttl, "eth0"), CLU_OK);
            CHECK_ERR(open_c(&other, "ff15::1:1", ttl, NULL), CLU_OK);
            /* An address is no source before it is known to be free. */
            RUN_UNTIL(send_text(&a, &everybody, "x") == CLU_OK
                      && (run_for(20), b.count[CLU_ARRIVED_FRAME] > 0));
            CHECK(b.first && b.first->a.from.local && b.first->a.from.group);
            clu_target to = { 0 };
            if (b.first) {
                to.addr = b.first->a.from.addr;
            }
            size_t n = a.count[CLU_ARRIVED_FRAME];
            CHECK_ERR(send_text(&b, &to, "answer"), CLU_OK);
            RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == n + 1);
            CHECK_EQ(other.count[CLU_ARRIVED_FRAME], 0);
            station_stop(&a);
            station_stop(&b);
            station_stop(&other);
            loop_end();
        }
    }
}

TEST("multicast-2.5 one address must be a host's port, of the group's family")
{
    static const char *const bad[] = { "::1", "230.1.1.1", "192.0.2.1" };
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    station a;
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    for (size_t i = 0; i < CLU_COUNT_OF(bad); i++) {
        check_about("%s", bad[i]);
        clu_target to = { .addr = address(bad[i], 9) };
        CHECK_ERR(send_text(&a, &to, "x"), CLU_UNREACHABLE);
    }
    clu_target portless = { .addr = address("127.0.0.1", 0) };
    CHECK_ERR(send_text(&a, &portless, "x"), CLU_UNREACHABLE);
    clu_multicast_config config = { .group = address(GROUP, 0) };
    clu_transport *t = NULL;
    CHECK_ERR(clu_multicast_create(the_loop, the_host, &config, &t),
              CLU_VALUE);
    clu_buf text;
    clu_buf_init(&text, 100);
    CHECK_ERR(a.t->ops->props(a.t, &text), CLU_OK);
    CHECK_EQ(clu_buf_slice(&text).n, 0);        /* it advertises nothing */
    clu_buf_fini(&text);
    a.limits.at[CLU_LIMIT_MESSAGE] = 100;
    static unsigned char big[100];
    CHECK_ERR(send_body(&a, &everybody, clu_slice_of(big, sizeof big), 0),
              CLU_LIMIT);
    station_stop(&a);
    loop_end();
}

TEST("multicast-2.6 a card asked for that goes away is not replaced")
{
    if (!netns_enter() || !add_eth("eth0", "10.99.0.1/24")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a;
    CHECK_ERR(open_c(&a, GROUP, 1, "eth0"), CLU_OK);
    CHECK_ERR(send_text(&a, &everybody, "x"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(netns_ip("link del eth0"));
    RUN_UNTIL(send_text(&a, &everybody, "y") == CLU_UNREACHABLE);
    run_for(150);                       /* and the change has been told */
    CHECK_ERR(send_text(&a, &everybody, "z"), CLU_UNREACHABLE);
    station_stop(&a);
    loop_end();
}

TEST("multicast-3.5 pieces that wait are forgotten one after the other")
{
    if (!netns_enter() || !netns_ip("route add 224.0.0.0/4 dev lo src "
                                    "127.0.0.1")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a;
    int one = original_open(GROUP), two = original_open(GROUP);
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    a.limits.at[CLU_LIMIT_PARTIAL_AGE] = 60;
    static unsigned char body[9000];
    clu_slice f = frame_of(clu_slice_of(body, sizeof body));
    send_piece(one, f, 0);
    run_for(30);
    send_piece(two, f, 0);
    RUN_UNTIL(a.counters.at[CLU_COUNT_drop_partial] == 2);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME], 0);
    free((void *)f.p);
    close(one);
    close(two);
    station_stop(&a);
    loop_end();
}

TEST("multicast-3.6 a piece has the time that is given while it waits")
{
    if (!netns_enter() || !netns_ip("route add 224.0.0.0/4 dev lo src "
                                    "127.0.0.1")) {
        SKIP("no network of our own");
    }
    loop_begin();
    station a;
    int one = original_open(GROUP);
    CHECK_ERR(open_c(&a, GROUP, 0, NULL), CLU_OK);
    a.limits.at[CLU_LIMIT_PARTIAL_AGE] = 300;
    static unsigned char body[9000];
    clu_slice f = frame_of(clu_slice_of(body, sizeof body));
    clu_ms begin = clu_loop_clock();
    send_piece(one, f, 0);
    run_for(20);
    a.limits.at[CLU_LIMIT_PARTIAL_AGE] = 500;
    RUN_UNTIL(a.counters.at[CLU_COUNT_drop_partial] == 1);
    CHECK(clu_loop_clock() - begin >= 500);
    free((void *)f.p);
    close(one);
    station_stop(&a);
    loop_end();
}

TEST("multicast-2.7 without memory for its seeds there is no member")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    loop_begin();
    clu_address seed = address("127.0.0.1", 9);
    clu_multicast_config config = { .group = address(GROUP, PORT),
                                    .seeds = &seed, .seed_count = 1 };
    clu_transport *t = NULL;
    clu_err err = CLU_NOMEM;
    long live = clu_alloc_live();
    int n = 0;
    while (err == CLU_NOMEM && n < 20) {
        clu_alloc_fail_at(++n, false);
        err = clu_multicast_create(the_loop, the_host, &config, &t);
        clu_alloc_fail_at(0, false);
        CHECK(err == CLU_OK || clu_alloc_live() == live);
    }
    CHECK_ERR(err, CLU_OK);
    CHECK(n > 2);
    if (t) {
        t->ops->stop(t);
    }
    loop_end();
}

TEST("multicast-1.7 a way out is chosen by card, by source, by both or neither")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < CLU_COUNT_OF(hosts); i++) {
        for (int how = 0; how < 4; how++) {
            check_about("%s, %d", hosts[i], how);
            clu_address at = address(hosts[i], 0), from = { 0 };
            int in, out, domain = at.family == 6 ? AF_INET6 : AF_INET;
            CHECK_ERR(clu_sock_open(domain, SOCK_DGRAM, &in), CLU_OK);
            CHECK_ERR(clu_sock_open(domain, SOCK_DGRAM, &out), CLU_OK);
            CHECK_ERR(clu_sock_bind(in, &at), CLU_OK);
            CHECK_ERR(clu_sock_name(in, &at), CLU_OK);
            clu_sockaddr to;
            clu_sockaddr_of(&at, &to);
            from = how & 1 ? at : from;
            CHECK_ERR(clu_udp_send(out, &to, clu_slice_str("x"),
                                   how & 2 ? if_nametoindex("lo") : 0, &from),
                      CLU_OK);
            char c;
            CHECK_EQ(recv(in, &c, 1, MSG_DONTWAIT), 1);
            clu_sock_close(in);
            clu_sock_close(out);
        }
    }
}
