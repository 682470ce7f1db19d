/*
 * family_test.c -- what TCP is told about every connection.
 */
#include "netns.h"
#include "station.h"

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
