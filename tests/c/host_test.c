/*
 * host_test.c -- interfaces, own addresses, changes, names.
 */
#include "check.h"
#include "host.h"
#include "netns.h"

#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static clu_address address(const char *text)
{
    clu_address a = { 0 };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &a), CLU_OK);
    return a;
}

TEST("host-1.1 loopback is there and ours, others are not")
{
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    static const struct { const char *text; bool ours; } cases[] = {
        { "127.0.0.1", true }, { "127.200.3.4", true }, { "::1", true },
        { "192.0.2.77", false }, { "2001:db8::77", false },
        { "0.0.0.0", false }
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].text);
        clu_address a = address(cases[i].text);
        CHECK_EQ(clu_host_is_local(host, &a), cases[i].ours);
    }
    const clu_interface *lo = clu_host_interface(host, "lo");
    CHECK(lo && lo->loopback && lo->index == clu_host_loopback(host));
    CHECK(clu_host_interface(host, "127.0.0.1") == lo);
    CHECK(clu_host_interface(host, "no-such-face") == NULL);
    clu_host_destroy(host);
}

TEST("host-1.2 every address of an interface is ours")
{
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    const clu_address *list;
    size_t n = clu_host_addresses(host, &list);
    CHECK(n > 0);
    for (size_t i = 0; i < n; i++) {
        CHECK(clu_host_is_local(host, &list[i]));
    }
    clu_host_destroy(host);
}

TEST("host-1.3 flags and size of an interface are the system's, of now")
{
    if (!netns_enter()
        || !netns_ip("link add eth7 mtu 1280 type veth peer name far7")) {
        SKIP("no network of our own");
    }
    CHECK(netns_ip("address add 10.98.7.6/24 dev eth7"));
    static const struct { const char *change; bool up, multicast; } cases[] = {
        { "link set eth7 down", false, true },
        { "link set eth7 up", true, true },
        { "link set eth7 multicast off", true, false },
    };
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].change);
        CHECK(netns_ip(cases[i].change));
        CHECK_ERR(clu_host_reload(host), CLU_OK);
        const clu_interface *face = clu_host_interface(host, "eth7");
        CHECK(face && face == clu_host_interface(host, "10.98.7.6"));
        CHECK(face && face->up == cases[i].up && !face->loopback
              && face->multicast == cases[i].multicast);
        int mtu = 0;
        CHECK_ERR(clu_host_mtu(face, &mtu), CLU_OK);
        CHECK_EQ(mtu, 1280);
    }
    clu_interface gone = *clu_host_interface(host, "eth7");
    CHECK(netns_ip("link delete eth7"));
    int mtu = 77;
    CHECK_ERR(clu_host_mtu(&gone, &mtu), CLU_SYSTEM);
    CHECK_EQ(mtu, 77);
    clu_host_destroy(host);
}

TEST("host-1.4 loopback that is down is no loopback")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    CHECK(clu_host_loopback(host) != 0);
    CHECK(netns_flags("lo", 0, IFF_UP));
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    CHECK_EQ(clu_host_loopback(host), 0);
    clu_host_destroy(host);
}

TEST("host-1.5 of an interface's IPv6 addresses the link's own is named")
{
    if (!netns_enter() || !netns_ip("link add eth7 type veth peer name far7")
        || !netns_ip("link set far7 up")
        || !netns_ip("address add fd98::6/64 dev eth7 nodad")) {
        SKIP("no network of our own");
    }
    clu_host *host = NULL;
    char text[CLU_ADDRESS_TEXT];
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    const clu_interface *face = clu_host_interface(host, "eth7");
    CHECK(face && strcmp(clu_address_text(&face->v6, text), "fd98::6") == 0);
    CHECK(netns_ip("address add fe80::6/64 dev eth7 nodad"));
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    face = clu_host_interface(host, "eth7");
    CHECK(face && clu_host_interface(host, "fd98::6") == face);
    clu_address own = face->v6;
    CHECK_EQ(own.ip[0], 0xfe);
    CHECK_EQ(own.scope, face->index);
    CHECK(clu_host_is_local(host, &own));
    own.scope++;                /* the same address beyond another interface */
    CHECK(!clu_host_is_local(host, &own));
    clu_host_destroy(host);
}

TEST("host-2.1 the hid is the same twice and looks like an address")
{
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    char a[18], b[18];
    clu_host_hid(host, a);
    clu_host_hid(host, b);
    CHECK_STR(a, b);
    CHECK_EQ(strlen(a), 17);
    CHECK_EQ(strspn(a, "0123456789abcdef:"), 17);
    FILE *file = fopen("/sys/class/net/eth0/address", "r");
    char eth[18] = "";
    if (file && fgets(eth, sizeof eth, file)) {
        CHECK_STR(a, eth);
    }
    if (file) {
        fclose(file);
    }
    clu_host_destroy(host);
}

TEST("host-2.2 sids differ, and every letter comes about as often")
{
    enum { MANY = 20000 };
    unsigned seen[256] = { 0 };
    char last[9] = "", sid[9];
    for (int i = 0; i < MANY; i++) {
        CHECK_ERR(clu_host_sid(sid), CLU_OK);
        CHECK_EQ(strlen(sid), 8);
        CHECK(strcmp(sid, last) != 0);
        memcpy(last, sid, sizeof sid);
        for (int j = 0; j < 8; j++) {
            seen[(unsigned char)sid[j]]++;
        }
    }
    const unsigned mean = MANY * 8 / 62;
    for (unsigned c = 0; c < 256; c++) {
        bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z');
        check_about("%u: %u", c, seen[c]);
        CHECK(letter ? seen[c] > mean * 8 / 10 && seen[c] < mean * 12 / 10
                     : seen[c] == 0);
    }
}

TEST("host-2.3 the hid is eth0's, else another card's, else the machine's")
{
    if (!netns_enter() || unshare(CLONE_NEWNS) != 0
        || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) != 0
        || mount("none", "/sys", "sysfs", 0, NULL) != 0) {
        SKIP("no network and mounts of our own");
    }
    static const struct { const char *change, *hid; } cases[] = {
        { "link set lo up", "02:" },
        { "link add eth7 address 02:11:22:33:44:55 type bridge",
          "02:11:22:33:44:55" },
        { "link add eth0 address 02:aa:bb:cc:dd:ee type bridge",
          "02:aa:bb:cc:dd:ee" },
        { "link delete eth0", "02:11:22:33:44:55" },
    };
    clu_host *host = NULL;
    char hid[18], of_machine[18] = "";
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].change);
        if (!netns_ip(cases[i].change)) {
            SKIP("no bridges here");
        }
        CHECK_ERR(clu_host_reload(host), CLU_OK);
        clu_host_hid(host, hid);
        if (i == 0) {
            memcpy(of_machine, hid, sizeof hid);
            hid[3] = '\0';
        }
        CHECK_STR(hid, cases[i].hid);
    }
    CHECK_EQ(strlen(of_machine), 17);
    clu_host_destroy(host);
}

typedef struct listener {
    clu_host_observer observer;
    clu_host *host;
    struct listener *other;     /* leaves when this one hears */
    int heard;
} listener;

static void changed(clu_host_observer *o, clu_ms now)
{
    listener *l = CLU_CONTAINER(o, listener, observer);
    (void)now;
    l->heard++;
    if (l->other) {
        clu_host_unobserve(l->host, &l->other->observer);
    }
}

TEST("host-3.1 a new address is told, once, and a leaver is not called")
{
    if (!netns_enter()) {
        SKIP("no right to a network of our own");
    }
    if (!netns_ip("link add eth7 type veth peer name far7")) {
        SKIP("no veth here");
    }
    clu_loop *loop;
    clu_host *host;
    CHECK_ERR(clu_loop_create(&loop), CLU_OK);
    CHECK_ERR(clu_host_create(loop, &host), CLU_OK);
    listener a = { { changed, { 0 } }, host, NULL, 0 }, b = a;
    clu_host_observe(host, &a.observer);
    clu_host_observe(host, &b.observer);
    a.other = &b;
    clu_address own = address("10.98.7.6");
    CHECK(!clu_host_is_local(host, &own));
    CHECK(netns_ip("address add 10.98.7.6/24 dev eth7"));
    CHECK(netns_ip("link set eth7 up"));
    clu_ms end = clu_loop_clock() + 3000;
    while (a.heard == 0 && clu_loop_clock() < end) {
        clu_loop_run(loop, 50, 1);
    }
    CHECK_EQ(a.heard, 1);
    CHECK_EQ(b.heard, 0);
    CHECK(clu_host_is_local(host, &own));
    const clu_interface *face = clu_host_interface(host, "10.98.7.6");
    CHECK(face && strcmp(face->name, "eth7") == 0 && face->multicast);
    clu_host_destroy(host);
    clu_loop_destroy(loop);
}

TEST("host-3.2 that an interface goes is told, and it is no longer ours")
{
    if (!netns_enter() || !netns_ip("link add eth7 type veth peer name far7")
        || !netns_ip("address add 10.98.7.6/24 dev eth7")) {
        SKIP("no network of our own");
    }
    clu_loop *loop;
    clu_host *host;
    CHECK_ERR(clu_loop_create(&loop), CLU_OK);
    CHECK_ERR(clu_host_create(loop, &host), CLU_OK);
    listener a = { { changed, { 0 } }, host, NULL, 0 };
    clu_host_observe(host, &a.observer);
    clu_address own = address("10.98.7.6");
    CHECK(clu_host_is_local(host, &own));
    CHECK(netns_ip("link delete eth7"));
    clu_ms end = clu_loop_clock() + 3000;
    while (a.heard == 0 && clu_loop_clock() < end) {
        clu_loop_run(loop, 50, 1);
    }
    CHECK_EQ(a.heard, 1);
    CHECK(!clu_host_is_local(host, &own));
    CHECK(clu_host_interface(host, "eth7") == NULL);
    CHECK(clu_host_interface(host, "10.98.7.6") == NULL);
    clu_host_unobserve(host, &a.observer);
    clu_host_unobserve(host, &a.observer);      /* harmless */
    clu_host_destroy(host);
    clu_loop_destroy(loop);
}

static clu_err scenario(void *ctx)
{
    (void)ctx;
    clu_loop *loop;
    clu_err err = clu_loop_create(&loop);
    if (err != CLU_OK) {
        return err;
    }
    clu_host *host;
    err = clu_host_create(loop, &host);
    if (err == CLU_OK) {
        err = clu_host_reload(host);
        clu_host_destroy(host);
    }
    clu_loop_destroy(loop);
    return err;
}

TEST("host-4.1 without memory nothing is left behind")
{
    CHECK_NOMEM(scenario, NULL);
}
