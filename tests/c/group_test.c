/*
 * group_test.c -- which way datagrams to a group leave, and by what buffer.
 */
#include "check.h"
#include "group.h"
#include "netns.h"

#include <stdio.h>

static clu_address address(const char *text)
{
    clu_address a = { 0 };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &a), CLU_OK);
    a.port = 1;
    return a;
}

/* lo and a card eth7 with 10.98.7.6/24, to which only the subnet is routed. */
static bool enter(void)
{
    return netns_enter() && netns_ip("link add eth7 type veth peer name far7")
        && netns_ip("address add 10.98.7.6/24 dev eth7")
        && netns_ip("link set far7 up") && netns_ip("link set eth7 up");
}

TEST("group-1.1 the way is the one asked for, the route's, or loopback")
{
    static const struct {
        bool routed;
        int ttl;
        const char *asked, *face, *source;
    } cases[] = {
        { false, 0, NULL,   "lo",   "127.0.0.1" },
        { true,  0, NULL,   "lo",   "127.0.0.1" },
        { false, 1, NULL,   "lo",   "127.0.0.1" },
        { true,  1, NULL,   "",     "" },       /* as the kernel routes it */
        { false, 1, "eth7", "eth7", "10.98.7.6" },
        { true,  1, "lo",   "lo",   "127.0.0.1" },
    };
    clu_address group = address("230.230.230.230");
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        if (!enter()) {
            SKIP("no network of our own");
        }
        CHECK(!cases[i].routed || netns_ip("route add 224.0.0.0/4 dev eth7"));
        clu_host *host = NULL;
        CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
        const clu_interface *asked = cases[i].asked
            ? clu_host_interface(host, cases[i].asked) : NULL;
        clu_way way = clu_group_way(&group, host, cases[i].ttl, asked);
        const clu_interface *face = clu_host_interface(host, cases[i].face);
        CHECK_EQ(way.face, face ? face->index : 0);
        char text[CLU_ADDRESS_TEXT];
        CHECK_STR(clu_address_text(&way.source, text), cases[i].source);
        clu_host_destroy(host);
    }
}

TEST("group-1.2 a route has the source it gives, none is unreachable")
{
    if (!enter()) {
        SKIP("no network of our own");
    }
    clu_address group = address("230.230.230.230");
    clu_address source = { .family = 77 };
    CHECK_ERR(clu_group_route(&group, &source), CLU_UNREACHABLE);
    CHECK_EQ(source.family, 77);
    CHECK(netns_ip("route add 224.0.0.0/4 dev eth7"));
    CHECK_ERR(clu_group_route(&group, &source), CLU_OK);
    char text[CLU_ADDRESS_TEXT];
    CHECK_STR(clu_address_text(&source, text), "10.98.7.6");
}

TEST("group-2.1 the buffer asked for is told, and no more is granted")
{
    clu_address group = address("230.230.230.230");
    int asked = 0, granted = 0;
    CHECK_ERR(clu_group_buffer(&group, &asked, &granted), CLU_OK);
    CHECK_EQ(asked, 4 << 20);
    CHECK(granted > 0 && granted <= 2 * asked);
}

TEST("group-1.3 an IPv6 group of the link takes a card, its own before all")
{
    if (!enter()) {
        SKIP("no network of our own");
    }
    clu_host *host = NULL;
    clu_address group = address("ff02::e6e6"), none;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    unsigned lo = clu_host_loopback(host);
    clu_way way = clu_group_way(&group, host, 1, NULL);
    const clu_interface *card = clu_host_interface(host, "eth7");
    CHECK(way.face != 0);
    group.scope = card ? card->index : 77;
    way = clu_group_way(&group, host, 1, NULL);
    CHECK_EQ(way.face, group.scope);
    group.scope = 0;
    CHECK(netns_ip("link set eth7 down") && netns_ip("link set far7 down"));
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    way = clu_group_way(&group, host, 1, NULL);
    CHECK_EQ(way.face, lo);             /* no card is left */
    CHECK_EQ(way.source.ip[15], 1);
    CHECK(netns_flags("lo", 0, IFF_UP));
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    way = clu_group_way(&group, host, 0, NULL);
    CHECK_EQ(way.face, 0);
    group = address("230.230.230.230");
    CHECK_EQ(clu_group_way(&group, host, 0, NULL).face, 0);
    CHECK_ERR(clu_group_route(&group, &none), CLU_UNREACHABLE);
    clu_host_destroy(host);
}

TEST("group-1.4 a card without an IPv6 address is none for an IPv6 group")
{
    if (!enter()
        || !netns_ip("link add eth5 index 900 type veth peer name far5")
        || !netns_ip("link set eth5 addrgenmode none")
        || !netns_ip("link set far5 addrgenmode none")
        || !netns_ip("link set far5 up") || !netns_ip("link set eth5 up")) {
        SKIP("no network of our own");
    }
    CHECK(netns_ip("link set eth7 down") && netns_ip("link set far7 down"));
    clu_host *host = NULL;
    clu_address group = address("ff02::e6e6");
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    const clu_interface *bare = clu_host_interface(host, "eth5");
    CHECK(bare && bare->up && bare->v6.family == 0);
    clu_way way = clu_group_way(&group, host, 1, NULL);
    CHECK(bare && way.face != bare->index);
    CHECK(netns_ip("address add fe80::5/64 dev eth5 nodad"));
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    CHECK_EQ(clu_group_way(&group, host, 1, NULL).face, 900);
    clu_host_destroy(host);
}
