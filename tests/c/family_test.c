/*
 * family_test.c -- what TCP is told about every connection.
 */
#include "netns.h"
#include "station.h"
#include "streamInt.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static void open_tcp(station *s)
{
    clu_transport *t = NULL;
    station_init(s);
    CHECK_ERR(clu_tcp_create(the_loop, the_host, true, false, &t), CLU_OK);
    station_attach(s, t);
}

TEST("family-1.1 what the system holds and nobody takes ends a connection")
{
    if (!netns_enter()) {
        SKIP("no network of its own");
    }
    loop_begin();
    station a, b;
    open_tcp(&a);
    open_tcp(&b);
    a.limits.at[CLU_LIMIT_STALL] = 100;
    clu_target to = loopback_target(5, port_of(b.t));
    CHECK_ERR(send_text(&a, &to, "before"), CLU_OK);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    CHECK(netns_flags("lo", 0, IFF_UP));
    CHECK_ERR(send_text(&a, &to, "meanwhile"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_CLOSED] == 1);
    CHECK_EQ(a.count[CLU_ARRIVED_UNDELIVERED], 0);
    CHECK(netns_flags("lo", IFF_UP, 0));
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

TEST("family-1.2 the system waits for years at most, whatever we were told")
{
    static const struct { int64_t stall; int told; } cases[] = {
        { 1, 1001 }, { 999999999, 1000000999 },
        { 1000000000, 1000000000 }, { INT64_MAX / 2, 1000000000 },
    };
    clu_limits limits;
    clu_limits_init(&limits);
    clu_stream s = { .t = { .limits = &limits } };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        int fd = -1, told = 0;
        socklen_t n = sizeof told;
        limits.at[CLU_LIMIT_STALL] = cases[i].stall;
        CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
        clu_family_tcp.prepare(&s, fd);
        CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &told, &n), 0);
        CHECK_EQ(told, cases[i].told);
        clu_sock_close(fd);
    }
}

TEST("family-2.1 a local member admits nobody from another host")
{
    loop_begin();
    int fd = -1;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    static const struct { const char *from; bool here, anywhere; } cases[] = {
        { "127.0.0.1", true, true }, { "127.9.9.9", true, true },
        { "192.0.2.1", false, true }, { "2001:db8::1", false, true },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].from);
        clu_address from;
        CHECK_ERR(clu_address_parse(clu_slice_str(cases[i].from), &from),
                  CLU_OK);
        from.port = 5;
        clu_stream s = { .host = the_host, .local = true };
        CHECK_EQ(clu_family_tcp.admits(&s, fd, &from), cases[i].here);
        s.local = false;
        CHECK_EQ(clu_family_tcp.admits(&s, fd, &from), cases[i].anywhere);
    }
    clu_sock_close(fd);
    loop_end();
}

TEST("family-3.1 properties that find no room are an error")
{
    static const clu_family *const families[] = { &clu_family_tcp,
                                                  &clu_family_unix };
    static const struct { size_t room; clu_err err; } cases[] = {
        { 2, CLU_LIMIT }, { 6, CLU_LIMIT }, { 100, CLU_OK },
    };
    clu_stream s = { .port = 12345, .path.text = "/a/b.sock" };
    for (size_t i = 0; i < 6; i++) {
        clu_buf text;
        clu_buf_init(&text, cases[i / 2].room);
        CHECK_ERR(families[i % 2]->props(&s, &text), cases[i / 2].err);
        clu_buf_fini(&text);
    }
}
