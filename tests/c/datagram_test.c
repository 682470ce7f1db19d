/*
 * datagram_test.c -- unicast UDP: refusals, sizes, places.
 */
#include "station.h"
#include "udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void open_d(station *s, bool local, bool v6)
{
    clu_transport *t = NULL;
    station_init(s);
    CHECK_ERR(clu_datagram_create(the_loop, the_host, local, v6, &t), CLU_OK);
    station_attach(s, t);
}

TEST("datagram-1.1 a dead process on a live host is told at once, by service")
{
    loop_begin();
    station a, b;
    open_d(&a, true, false);
    open_d(&b, true, false);
    clu_target to_b = loopback_target(7, port_of(b.t));
    clu_target to_self = loopback_target(8, port_of(a.t));
    CHECK_ERR(send_text(&a, &to_b, "x"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    CHECK_EQ(a.count[CLU_ARRIVED_REFUSED], 0);
    station_stop(&b);
    clu_ms start = clu_loop_clock();
    CHECK_ERR(send_text(&a, &to_b, "x"), CLU_OK);
    CHECK_ERR(send_text(&a, &to_self, "y"), CLU_OK);    /* not disturbed */
    RUN_UNTIL(a.count[CLU_ARRIVED_REFUSED] == 1
              && a.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(clu_loop_clock() - start < 100);
    CHECK_EQ(station_heard(&a, CLU_ARRIVED_REFUSED, 0)->service, 7);
    a.t->ops->forget(a.t, 7);
    to_b.service = 0;
    CHECK_ERR(send_text(&a, &to_b, "x"), CLU_OK);
    run_for(20);
    CHECK_EQ(a.count[CLU_ARRIVED_REFUSED], 1);
    station_stop(&a);
    loop_end();
}

TEST("datagram-1.2 many refusals neither spin nor stop the rest")
{
    loop_begin();
    station a, b;
    open_d(&a, true, false);
    open_d(&b, true, false);
    clu_target to_b = loopback_target(7, port_of(b.t));
    clu_target to_self = loopback_target(8, port_of(a.t));
    station_stop(&b);
    for (int i = 0; i < 200; i++) {
        CHECK_ERR(send_text(&a, &to_b, "x"), CLU_OK);
        CHECK_ERR(send_text(&a, &to_self, "y"), CLU_OK);
    }
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 200
              && a.count[CLU_ARRIVED_REFUSED] > 0);
    while (clu_loop_run(the_loop, 0, 1)) {
    }
    CHECK(!clu_loop_run(the_loop, 0, 1));
    station_stop(&a);
    loop_end();
}

/* Each address has a place, the later one wins: more than there are places. */
TEST("datagram-1.3 a refusal blames nobody but whom it is of")
{
    enum { MANY = 600 };
    loop_begin();
    station a;
    open_d(&a, true, false);
    static int fd[MANY];
    static uint16_t port[MANY];
    for (size_t i = 0; i < MANY; i++) {
        clu_address own;
        CHECK_ERR(clu_sock_open(AF_INET, SOCK_DGRAM, &fd[i]), CLU_OK);
        clu_target here = loopback_target(1, 0);
        clu_sockaddr any;
        clu_sockaddr_of(&here.addr, &any);
        CHECK_EQ(bind(fd[i], (struct sockaddr *)&any.s, any.n), 0);
        CHECK_ERR(clu_sock_name(fd[i], &own), CLU_OK);
        port[i] = own.port;
    }
    for (size_t i = 0; i < MANY; i++) {
        clu_sock_close(fd[i]);
        clu_target to = loopback_target(i + 1, port[i]);
        CHECK_ERR(send_text(&a, &to, "x"), CLU_OK);
    }
    while (clu_loop_run(the_loop, 0, 1)) {
    }
    size_t told = a.count[CLU_ARRIVED_REFUSED];
    CHECK(told > 0 && told < MANY);
    uint64_t last = 0;
    for (size_t i = 0; i < told; i++) {     /* in order, and each once */
        uint64_t whom = station_heard(&a, CLU_ARRIVED_REFUSED, i)->service;
        CHECK(whom > last);
        last = whom;
    }
    station_stop(&a);
    loop_end();
}

TEST("datagram-2.1 IPv6, and IPv4 to an IPv6 socket")
{
    loop_begin();
    station a, b;
    open_d(&a, false, true);
    open_d(&b, false, true);
    clu_target to = loopback_target(1, port_of(b.t));
    CHECK_ERR(send_text(&a, &to, "four"), CLU_OK);
    to.addr = (clu_address){ .family = 6, .port = to.addr.port,
                             .ip = { [15] = 1 } };
    CHECK_ERR(send_text(&a, &to, "six"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 2);
    CHECK_EQ(station_heard(&b, CLU_ARRIVED_FRAME, 0)->from.addr.family, 4);
    CHECK_EQ(station_heard(&b, CLU_ARRIVED_FRAME, 1)->from.addr.family, 6);
    CHECK(station_heard(&b, CLU_ARRIVED_FRAME, 1)->from.local);
    station_stop(&b);
    CHECK_ERR(send_text(&a, &to, "gone"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_REFUSED] == 1);
    station_stop(&a);
    loop_end();
}

TEST("datagram-2.2 a local member goes to no other host")
{
    loop_begin();
    station a;
    open_d(&a, true, false);
    clu_target to = loopback_target(1, 9);
    to.addr = (clu_address){ .family = 4, .port = 9, .ip = { 192, 0, 2, 1 } };
    CHECK_ERR(send_text(&a, &to, "x"), CLU_UNREACHABLE);
    to = loopback_target(1, 0);
    CHECK_ERR(send_text(&a, &to, "x"), CLU_UNREACHABLE);
    to = (clu_target){ .service = 1 };
    CHECK_ERR(send_text(&a, &to, "x"), CLU_UNREACHABLE);
    station_stop(&a);
    loop_end();
}

TEST("datagram-2.3 a refreshed socket has a new port and says so")
{
    loop_begin();
    station a;
    open_d(&a, true, false);
    uint16_t old = port_of(a.t);
    CHECK_ERR(a.t->ops->refresh(a.t, clu_loop_clock()), CLU_OK);
    CHECK_EQ(a.count[CLU_ARRIVED_MOVED], 0);
    RUN_UNTIL(a.count[CLU_ARRIVED_MOVED] == 1);
    CHECK(port_of(a.t) != old);
    clu_target to = loopback_target(1, port_of(a.t));
    CHECK_ERR(send_text(&a, &to, "x"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 1);
    station_stop(&a);
    loop_end();
}

TEST("datagram-2.4 a target must be one host's port of our kind of socket")
{
    static const struct { clu_address addr; clu_err v4, v6; } cases[] = {
        { { .family = 0 }, CLU_UNREACHABLE, CLU_UNREACHABLE },
        { { .family = 1, .port = 9 }, CLU_UNREACHABLE, CLU_UNREACHABLE },
        { { .family = 4, .ip = { 230, 1, 1, 1 }, .port = 9 },
          CLU_UNREACHABLE, CLU_UNREACHABLE },
        { { .family = 6, .ip = { 0xff, 0x15 }, .port = 9 },
          CLU_UNREACHABLE, CLU_UNREACHABLE },
        { { .family = 6, .ip = { [15] = 1 } }, CLU_UNREACHABLE,
          CLU_UNREACHABLE },
        { { .family = 6, .ip = { [15] = 1 }, .port = 9 }, CLU_UNREACHABLE,
          CLU_OK },
        { { .family = 4, .ip = { 127, 0, 0, 1 }, .port = 9 }, CLU_OK,
          CLU_OK },
    };
    loop_begin();
    for (int v6 = 0; v6 < 2; v6++) {
        station s;
        open_d(&s, true, v6);
        for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
            check_about("case %zu, IPv%d", i, v6 ? 6 : 4);
            clu_target to = { .service = 1, .addr = cases[i].addr };
            CHECK_ERR(send_text(&s, &to, "x"),
                      v6 ? cases[i].v6 : cases[i].v4);
        }
        station_stop(&s);
    }
    loop_end();
}

/* Beside a message stands what others asked the socket for as well. */
TEST("datagram-3.1 notes that we do not know are passed over")
{
    static const struct { int level, option; } asked[] = {
        { IPPROTO_IP, IP_RECVTTL }, { IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
        { SOL_SOCKET, SO_TIMESTAMP },
    };
    int fd = -1, one = 1;
    clu_inbox inbox;
    clu_address own;
    CHECK_ERR(clu_inbox_init(&inbox), CLU_OK);
    CHECK_ERR(clu_sock_open(AF_INET6, SOCK_DGRAM, &fd), CLU_OK);
    clu_udp_prepare(fd, 6, 0);
    for (size_t i = 0; i < CLU_COUNT_OF(asked); i++) {
        CHECK_EQ(setsockopt(fd, asked[i].level, asked[i].option, &one,
                            sizeof one), 0);
    }
    clu_sockaddr here;
    clu_address any = { .family = 6 };
    clu_sockaddr_of(&any, &here);
    CHECK_EQ(bind(fd, (struct sockaddr *)&here.s, here.n), 0);
    CHECK_ERR(clu_sock_name(fd, &own), CLU_OK);
    clu_address to[] = {
        { .family = 4, .port = own.port, .ip = { 127, 0, 0, 1 } },
        { .family = 6, .port = own.port, .ip = { [15] = 1 } },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(to); i++) {
        clu_sockaddr_mapped(&to[i], &here);
        CHECK_EQ(sendto(fd, "x", 1, 0, (struct sockaddr *)&here.s, here.n), 1);
    }
    uint32_t lost = 7;
    clu_inbox_read(&inbox, fd, &lost);
    CHECK_EQ(inbox.count, 2);
    for (size_t i = 0; i < inbox.count; i++) {
        CHECK(clu_address_eq(&inbox.at[i].from, &to[i]));
        CHECK_EQ(inbox.at[i].to.ip[i == 0 ? 12 : 15], i == 0 ? 127 : 1);
        CHECK(inbox.at[i].face != 0);
    }
    CHECK(lost == 0 || lost == 7);
    clu_sock_close(fd);
    clu_inbox_fini(&inbox);
}

TEST("datagram-3.2 a message that says not from where is from nowhere")
{
    int fd[2];
    clu_inbox inbox;
    uint32_t lost = 0;
    CHECK_ERR(clu_inbox_init(&inbox), CLU_OK);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    CHECK_EQ(write(fd[1], "x", 1), 1);
    clu_inbox_read(&inbox, fd[0], &lost);
    CHECK_EQ(inbox.count, 1);
    CHECK_SLICE(inbox.at[0].bytes, "x");
    CHECK_EQ(inbox.at[0].from.family, 0);
    CHECK_EQ(inbox.at[0].to.family, 0);
    close(fd[0]);
    close(fd[1]);
    clu_inbox_fini(&inbox);
}
