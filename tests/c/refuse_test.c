/*
 * refuse_test.c -- each system call of a transport's life refused in turn.
 */
#include "refuse.h"
#include "station.h"

#include "group.h"
#include "lookup.h"
#include "netns.h"
#include "path.h"
#include "sock.h"
#include "udp.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netpacket/packet.h>

/* ---- All of them, one after the other ------------------------------------ */

typedef struct scene {
    const char *name;
    clu_err (*create)(clu_loop *loop, clu_host *host, clu_transport **t);
    bool sends;                 /* to its own port */
} scene;

static clu_err local_d(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_datagram_create(l, h, true, false, t);
}

static clu_err local_d6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_datagram_create(l, h, true, true, t);
}

static clu_err any_d6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_datagram_create(l, h, false, true, t);
}

static clu_err group_of(clu_loop *l, clu_host *h, const char *text, int ttl,
                        clu_transport **t)
{
    clu_multicast_config config = { .ttl = ttl };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &config.group), CLU_OK);
    config.group.port = 23000;
    return clu_multicast_create(l, h, &config, t);
}

static clu_err local_c(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "230.230.230.230", 0, t);
}

static clu_err other_c(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "230.230.230.231", 0, t);
}

static clu_err remote_c(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "230.230.230.230", 1, t);
}

static clu_err local_c6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "ff15::e6e6", 0, t);
}

static clu_err local_t(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_tcp_create(l, h, true, false, t);
}

static clu_err local_t6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_tcp_create(l, h, true, true, t);
}

static clu_err any_t(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_tcp_create(l, h, false, false, t);
}

static clu_err any_t6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_tcp_create(l, h, false, true, t);
}

static clu_err asked_u(clu_loop *l, clu_host *h, clu_transport **t)
{
    char asked[sizeof check_place + 20];
    snprintf(asked, sizeof asked, "%s/in/m.sock", check_place);
    return clu_unix_create(l, h, asked, "SID", t);
}

static clu_err default_u(clu_loop *l, clu_host *h, clu_transport **t)
{
    return clu_unix_create(l, h, NULL, "SID", t);
}

/* Created, refreshed, and a message to itself, all in one loop's life. */
static clu_err life(void *ctx)
{
    const scene *of = ctx;
    clu_loop *loop = NULL;
    clu_host *host = NULL;
    clu_transport *t = NULL;
    station s;
    station_init(&s);
    s.forgetful = true;
    clu_err err = clu_loop_create(&loop);
    if (err == CLU_OK) {
        err = clu_host_create(loop, &host);
    }
    if (err == CLU_OK) {
        err = of->create(loop, host, &t);
    }
    if (err == CLU_OK) {
        station_attach(&s, t);
        err = t->ops->refresh(t, clu_loop_clock());
    }
    if (err == CLU_OK && of->sends) {
        clu_target to = loopback_target(5, port_of(t));
        err = send_text(&s, &to, "x");
    }
    for (int i = 0; loop && i < 3; i++) {
        clu_loop_run(loop, 0, 2);
    }
    station_stop(&s);
    clu_host_destroy(host);
    clu_loop_destroy(loop);
    return err;
}

TEST("refuse-1.1 whatever call is refused, a transport leaves nothing behind")
{
    static const scene scenes[] = {
        { "d", local_d, true }, { "d6", local_d6, true },
        { "any d6", any_d6, true }, { "c", local_c, false },
        { "c6", local_c6, false }, { "t", local_t, true },
        { "t6", local_t6, true }, { "any t", any_t, true },
        { "any t6", any_t6, true }, { "u", asked_u, false },
        { "default u", default_u, false },
    };
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    check_make_place();
    setenv("TMPDIR", check_place, 1);
    setenv("XDG_RUNTIME_DIR", check_place, 1);
    for (size_t i = 0; i < CLU_COUNT_OF(scenes); i++) {
        long failures = refuse_each(NULL, EPERM, life, (void *)&scenes[i]);
        check_about("%s", scenes[i].name);
        CHECK(failures > 5);
    }
    unsetenv("TMPDIR");
    unsetenv("XDG_RUNTIME_DIR");
    check_remove_place();
}

/* ---- One call at a time -------------------------------------------------- */

static clu_err do_send(int fd)
{
    size_t n;
    return clu_sock_write(fd, "x", 1, &n);
}

static clu_err do_sendmsg(int fd)
{
    clu_slice piece = clu_slice_str("x");
    size_t n;
    return clu_sock_write_all(fd, &piece, 1, &n);
}

static clu_err do_recv(int fd)
{
    char c;
    size_t n;
    return clu_sock_read(fd, &c, 1, &n);
}

static clu_err do_getrandom(int fd)
{
    char bytes[8];
    (void)fd;
    return clu_host_random(bytes, sizeof bytes);
}

static clu_err do_sid(int fd)
{
    char sid[9] = "";
    (void)fd;
    clu_err err = clu_host_sid(sid);
    CHECK_EQ(strlen(sid), err == CLU_OK ? 8 : 0);
    return err;
}

static clu_err do_error(int fd)
{
    return clu_sock_error(fd);
}

static clu_err do_buffer(int fd)
{
    clu_address group = { .family = 4, .ip = { 230, 230, 230, 230 } };
    int asked = -1, granted = -1;
    (void)fd;
    clu_err err = clu_group_buffer(&group, &asked, &granted);
    CHECK_EQ(granted < 0, err != CLU_OK);
    return err;
}

static clu_err do_route(int fd)
{
    clu_address group = { .family = 4, .ip = { 127, 0, 0, 1 }, .port = 1 };
    clu_address source;
    (void)fd;
    return clu_group_route(&group, &source);
}

static clu_err do_mtu(int fd)
{
    clu_interface lo = { .name = "lo" };
    int bytes;
    (void)fd;
    return clu_host_mtu(&lo, &bytes);
}

static clu_err do_host(int fd)
{
    clu_host *host = NULL;
    (void)fd;
    clu_err err = clu_host_create(NULL, &host);
    clu_host_destroy(host);
    return err;
}

TEST("refuse-2.1 an interrupted call is made again, a refused one is told")
{
    static const struct {
        const char *call;
        clu_err (*make)(int fd);
        int err;
        clu_err expected;
    } cases[] = {
        { "send", do_send, EINTR, CLU_OK },
        { "send", do_send, EAGAIN, CLU_MORE },
        { "send", do_send, ENOBUFS, CLU_MORE },
        { "send", do_send, EPIPE, CLU_SYSTEM },
        { "sendmsg", do_sendmsg, EINTR, CLU_OK },
        { "sendmsg", do_sendmsg, ENOBUFS, CLU_MORE },
        { "sendmsg", do_sendmsg, EPIPE, CLU_SYSTEM },
        { "recv", do_recv, EINTR, CLU_OK },
        { "recv", do_recv, ECONNRESET, CLU_SYSTEM },
        { "getrandom", do_getrandom, EINTR, CLU_OK },
        { "getrandom", do_getrandom, ENOSYS, CLU_SYSTEM },
        { "getrandom", do_sid, EINTR, CLU_OK },
        { "getrandom", do_sid, ENOSYS, CLU_SYSTEM },
        { "getsockopt", do_error, EBADF, CLU_SYSTEM },
        { "getsockopt", do_buffer, EBADF, CLU_SYSTEM },
        { "socket", do_buffer, EMFILE, CLU_SYSTEM },
        { "socket", do_route, EMFILE, CLU_SYSTEM },
        { "getsockname", do_route, ENOBUFS, CLU_UNREACHABLE },
        { "socket", do_mtu, EMFILE, CLU_SYSTEM },
        { "ioctl", do_mtu, ENODEV, CLU_SYSTEM },
        { "getifaddrs", do_host, ENOMEM, CLU_SYSTEM },
        { "if_nametoindex", do_host, ENODEV, CLU_OK },
    };
    int fd[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s: %s", cases[i].call, strerror(cases[i].err));
        CHECK_EQ(write(fd[1], "x", 1), 1);
        refuse_next(cases[i].call, cases[i].err, false);
        CHECK_ERR(cases[i].make(fd[0]), cases[i].expected);
        CHECK(refuse.calls > 0);
        refuse_next(NULL, 0, false);
    }
    close(fd[0]);
    close(fd[1]);
}

/* A listener of this host, and where. */
static int listener(clu_sockaddr *to)
{
    clu_address at = { .family = 4, .ip = { 127, 0, 0, 1 } };
    int fd = -1;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_sock_bind(fd, &at), CLU_OK);
    CHECK_EQ(listen(fd, 8), 0);
    CHECK_ERR(clu_sock_name(fd, &at), CLU_OK);
    clu_sockaddr_of(&at, to);
    return fd;
}

TEST("refuse-2.2 one that broke while it waited does not stop an accept")
{
    static const struct {
        int err;
        bool and_on;
        clu_err expected;
    } cases[] = {
        { EINTR, false, CLU_OK }, { ECONNABORTED, false, CLU_OK },
        { EPROTO, false, CLU_OK }, { EPERM, false, CLU_OK },
        { ENETDOWN, false, CLU_OK }, { EHOSTDOWN, false, CLU_OK },
        { EHOSTUNREACH, false, CLU_OK }, { ENETUNREACH, false, CLU_OK },
        { ENOPROTOOPT, false, CLU_OK }, { ECONNABORTED, true, CLU_MORE },
        { EAGAIN, false, CLU_MORE }, { EMFILE, false, CLU_SYSTEM },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", strerror(cases[i].err));
        clu_sockaddr to;
        clu_address from;
        int l = listener(&to), caller = socket(AF_INET, SOCK_STREAM, 0);
        int got = -1;
        CHECK_EQ(connect(caller, (struct sockaddr *)&to.s, to.n), 0);
        refuse_next("accept4", cases[i].err, cases[i].and_on);
        CHECK_ERR(clu_sock_accept(l, &got, &from), cases[i].expected);
        refuse_next(NULL, 0, false);
        clu_sock_close(got);
        close(caller);
        clu_sock_close(l);
    }
}

TEST("refuse-2.3 a connect that goes on later says so")
{
    static const struct { int err; clu_err expected; } cases[] = {
        { EINPROGRESS, CLU_MORE }, { EINTR, CLU_MORE },
        { ECONNREFUSED, CLU_SYSTEM }, { EAGAIN, CLU_SYSTEM },
    };
    clu_sockaddr to;
    int l = listener(&to), fd;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", strerror(cases[i].err));
        refuse_next("connect", cases[i].err, false);
        CHECK_ERR(clu_sock_connect(fd, &to), cases[i].expected);
        CHECK_EQ(errno, cases[i].err);
    }
    refuse_next(NULL, 0, false);
    clu_sock_close(fd);
    clu_sock_close(l);
}

TEST("refuse-2.4 a host without a card or a file to read has a name still")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    clu_host *host = NULL;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    /* All of them; all behind eth0's; and so on, up to the last one. */
    for (int unreadable = 0; unreadable < 5; unreadable++) {
        check_about("%d files", unreadable);
        char one[18] = "", two[18] = "";
        refuse_next(unreadable ? "fopen" : NULL, ENOENT, true);
        refuse.at = unreadable;
        clu_host_hid(host, one);
        refuse.calls = 0;
        clu_host_hid(host, two);
        refuse_next(NULL, 0, false);
        CHECK_EQ(strlen(one), 17);
        CHECK_STR(one, two);
        CHECK_EQ(strncmp(one, "02:", 3), 0);
    }
    clu_host_destroy(host);
}

TEST("refuse-2.5 a name is the whole first line of a file, or none")
{
    static const struct { const char *text; bool of_eth0; } cases[] = {
        { "02:0a:0b:0c:0d:0e\n", true }, { "02:0a:0b:0c:0d:0e", true },
        { "02:0a:0b:0c:0d\n", false }, { "\n", false }, { "", false },
    };
    clu_host *host = NULL;
    check_make_place();
    char path[100], hid[18];
    snprintf(path, sizeof path, "%s/line", check_place);
    refuse.told = true;                 /* no interface at all */
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        FILE *file = fopen(path, "w");
        fputs(cases[i].text, file);
        fclose(file);
        refuse.instead = path;
        clu_host_hid(host, hid);
        refuse.instead = NULL;
        CHECK_EQ(strlen(hid), 17);
        CHECK_EQ(strcmp(hid, "02:0a:0b:0c:0d:0e") == 0, cases[i].of_eth0);
    }
    /* Of the machine's names the first that can be read. */
    FILE *file = fopen(path, "w");
    fputs("a machine of its own\n", file);
    fclose(file);
    char of_machine[18] = "";
    for (refuse.last = 1; refuse.last <= 4; refuse.last++) {
        check_about("%ld are not read", refuse.last);
        refuse_next("fopen", ENOENT, true);
        refuse.instead = path;
        clu_host_hid(host, hid);
        refuse.instead = NULL;
        refuse_next(NULL, 0, false);
        if (refuse.last == 1) {
            memcpy(of_machine, hid, sizeof hid);
        }
        CHECK_EQ(strcmp(hid, of_machine) == 0, refuse.last < 4);
    }
    refuse.last = 0;
    refuse.told = false;
    clu_host_destroy(host);
    check_remove_place();
}

TEST("refuse-2.6 chances by which some letters came oftener are passed over")
{
    char sid[9];
    refuse.unfair = 3;
    CHECK_ERR(clu_host_sid(sid), CLU_OK);
    CHECK_EQ(refuse.unfair, 0);
    CHECK_EQ(strlen(sid), 8);
    CHECK(strcmp(sid, "zzzzzzzz") != 0);
}

/* ---- Interfaces as a system may tell them -------------------------------- */

enum { ROWS = 16 };

static struct {
    struct ifaddrs at[ROWS];
    struct sockaddr_storage addr[ROWS];
    size_t n;
} told;

static struct sockaddr *tell_row(const char *name, unsigned flags,
                                 sa_family_t family)
{
    struct ifaddrs *row = &told.at[told.n];
    *row = (struct ifaddrs){ .ifa_name = (char *)(uintptr_t)name,
                             .ifa_flags = flags };
    if (told.n > 0) {
        told.at[told.n - 1].ifa_next = row;
    }
    row->ifa_addr = (struct sockaddr *)&told.addr[told.n++];
    row->ifa_addr->sa_family = family;
    refuse.rows = told.at;
    return row->ifa_addr;
}

static void tell_address(const char *name, const char *text)
{
    clu_address a;
    clu_sockaddr s;
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &a), CLU_OK);
    clu_sockaddr_of(&a, &s);
    struct sockaddr *at = tell_row(name, IFF_UP, s.s.ss_family);
    memcpy(at, &s.s, s.n);
}

static void tell_hardware(const char *name, unsigned char size)
{
    struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_halen = size,
                              .sll_addr = { 2, 1, 1, 1, 1, size } };
    memcpy(tell_row(name, IFF_UP, AF_PACKET), &ll, sizeof ll);
}

TEST("refuse-2.7 what we know of what a system tells of interfaces is taken")
{
    clu_host *host = NULL;
    const clu_interface *faces;
    char text[CLU_ADDRESS_TEXT], hid[18];
    refuse.told = true;
    CHECK_ERR(clu_host_create(NULL, &host), CLU_OK);
    CHECK_EQ(clu_host_interfaces(host, &faces), 0);

    tell_hardware("lo", 20);            /* as long as InfiniBand's */
    told.at[told.n - 1].ifa_addr = NULL;
    tell_hardware("lo", 20);
    tell_row("lo", IFF_UP, AF_APPLETALK);
    tell_address("none7", "10.1.1.1");  /* it went while they were asked for */
    static const char *const addresses[] = {
        "10.0.0.1", "10.0.0.2", "fe80::1", "fe80::2", "fd98::1", "fe00::1",
        "fec0::1",
    };
    for (size_t i = 0; i < CLU_COUNT_OF(addresses); i++) {
        tell_address("lo", addresses[i]);
    }
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    CHECK_EQ(clu_host_interfaces(host, &faces), 1);
    CHECK_STR(clu_address_text(&faces->v4, text), "10.0.0.1");
    CHECK_STR(clu_address_text(&faces->v6, text), "fe80::1");
    for (size_t i = 0; i < CLU_COUNT_OF(addresses); i++) {
        check_about("%s", addresses[i]);
        CHECK(clu_host_interface(host, addresses[i]) == faces);
    }
    CHECK(clu_host_interface(host, "10.1.1.1") == NULL);
    refuse_next("fopen", ENOENT, false);
    clu_host_hid(host, hid);
    CHECK(strcmp(hid, "02:01:01:01:01:14") != 0);       /* not six of twenty */
    tell_hardware("lo", 6);
    CHECK_ERR(clu_host_reload(host), CLU_OK);
    refuse_next("fopen", ENOENT, false);
    clu_host_hid(host, hid);
    refuse_next(NULL, 0, false);
    CHECK_STR(hid, "02:01:01:01:01:06");
    clu_host_destroy(host);
    refuse.told = false;
}

/* ---- What a member makes of it ------------------------------------------- */

static void station_of(station *s, clu_err (*create)(clu_loop *, clu_host *,
                                                     clu_transport **))
{
    clu_transport *t = NULL;
    station_init(s);
    CHECK_ERR(create(the_loop, the_host, &t), CLU_OK);
    if (t) {
        station_attach(s, t);
    }
}

static void count_change(clu_host_observer *o, clu_ms now);

static struct { clu_host_observer o; int n; } changes = {
    { .changed = count_change }, 0
};

static void count_change(clu_host_observer *o, clu_ms now)
{
    (void)o;
    (void)now;
    changes.n++;
}

TEST("refuse-3.1 a change that cannot be looked at is looked at again")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    loop_begin();
    changes.n = 0;
    clu_host_observe(the_host, &changes.o);
    CHECK(netns_flags("lo", 0, IFF_UP));
    refuse_next("getifaddrs", ENOMEM, true);
    RUN_UNTIL(refuse.calls >= 2);
    CHECK_EQ(changes.n, 0);
    refuse_next(NULL, 0, false);
    RUN_UNTIL(changes.n == 1);
    clu_host_unobserve(the_host, &changes.o);
    loop_end();
}

TEST("refuse-3.8 an address in another's place is a change as well")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    static const struct { const char *first, *second; int changes; } cases[] = {
        { "10.0.0.1", "10.0.0.2", 1 }, { "10.0.0.1", "10.0.0.2", 1 },
        { "10.0.0.1", "10.0.0.3", 2 }, { "10.0.0.4", "10.0.0.3", 3 },
    };
    loop_begin();
    changes.n = 0;
    clu_host_observe(the_host, &changes.o);
    refuse.told = true;
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        told.n = 0;
        tell_address("lo", cases[i].first);
        tell_address("lo", cases[i].second);
        CHECK(netns_flags("lo", 0, IFF_UP));
        CHECK(netns_flags("lo", IFF_UP, 0));
        run_for(150);
        CHECK_EQ(changes.n, cases[i].changes);
    }
    refuse.told = false;
    clu_host_unobserve(the_host, &changes.o);
    loop_end();
}

TEST("refuse-3.9 more news of interfaces than is read at once is one change")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    loop_begin();
    changes.n = 0;
    clu_host_observe(the_host, &changes.o);
    for (int i = 0; i < 50; i++) {
        CHECK(netns_flags("lo", 0, IFF_UP) && netns_flags("lo", IFF_UP, 0));
    }
    CHECK(netns_flags("lo", 0, IFF_UP));
    RUN_UNTIL(changes.n > 0);
    run_for(150);
    CHECK_EQ(changes.n, 1);
    clu_host_unobserve(the_host, &changes.o);
    loop_end();
}

TEST("refuse-3.2 where changes are not told the group is joined all the same")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    loop_begin();
    station s;
    station_of(&s, local_c);
    uint64_t before = s.counters.at[CLU_COUNT_joins_renewed];
    for (uint64_t i = 1; i <= 2; i++) {
        refuse.ahead += 121000;
        clu_loop_run(the_loop, 0, 1);
        CHECK_EQ(s.counters.at[CLU_COUNT_joins_renewed], before + i);
    }
    refuse.ahead = 0;
    station_stop(&s);
    loop_end();
}

TEST("refuse-3.3 a lost socket file is made again by itself, in two minutes")
{
    loop_begin();
    check_make_place();
    station u, t;
    station_of(&u, asked_u);
    station_of(&t, local_t);
    char path[sizeof check_place + 20];
    snprintf(path, sizeof path, "%s/in/m-SID.sock", check_place);
    CHECK_EQ(unlink(path), 0);
    refuse.ahead = 121000;
    refuse_next("listen", EADDRINUSE, false);   /* and if that fails, later */
    clu_loop_run(the_loop, 0, 1);
    CHECK_EQ(refuse.calls, 1);
    CHECK_EQ(u.count[CLU_ARRIVED_MOVED], 0);
    refuse_next(NULL, 0, false);
    refuse.ahead += 121000;
    clu_loop_run(the_loop, 0, 1);
    CHECK_EQ(u.count[CLU_ARRIVED_MOVED], 1);
    CHECK_EQ(access(path, F_OK), 0);
    CHECK_EQ(t.count[CLU_ARRIVED_MOVED], 0);
    refuse.ahead = 0;
    station_stop(&u);
    station_stop(&t);
    check_remove_place();
    loop_end();
}

TEST("refuse-3.4 a datagram that has no way there is no error of the system's")
{
    static const struct { int err; clu_err expected; } cases[] = {
        { ENETUNREACH, CLU_UNREACHABLE }, { EHOSTUNREACH, CLU_UNREACHABLE },
        { ENODEV, CLU_UNREACHABLE }, { EADDRNOTAVAIL, CLU_UNREACHABLE },
        { ENETDOWN, CLU_UNREACHABLE }, { ENXIO, CLU_UNREACHABLE },
        { EPERM, CLU_SYSTEM }, { EINTR, CLU_OK },
    };
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    loop_begin();
    station s;
    station_of(&s, local_c);
    clu_target group = { 0 }, one = loopback_target(1, 9);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", strerror(cases[i].err));
        refuse_next("sendmsg", cases[i].err, cases[i].err != EINTR);
        CHECK_ERR(send_text(&s, &group, "x"), cases[i].expected);
        refuse_next("sendmsg", cases[i].err, cases[i].err != EINTR);
        CHECK_ERR(send_text(&s, &one, "x"), cases[i].expected);
    }
    refuse_next(NULL, 0, false);
    station_stop(&s);
    loop_end();
}

TEST("refuse-3.5 an error that does not say of whom is nobody's")
{
    loop_begin();
    station a, b;
    station_of(&a, local_d);
    station_of(&b, local_d);
    clu_target to = loopback_target(7, port_of(b.t));
    clu_target self = loopback_target(8, port_of(a.t));
    station_stop(&b);
    for (int bare = 1; bare >= 0; bare--) {
        refuse.bare = bare;
        CHECK_ERR(send_text(&a, &to, "x"), CLU_OK);
        CHECK_ERR(send_text(&a, &self, "y"), CLU_OK);
        RUN_UNTIL(a.count[CLU_ARRIVED_FRAME] == 2u - (unsigned)bare);
        RUN_UNTIL(a.count[CLU_ARRIVED_REFUSED] == (bare ? 0 : 1));
    }
    station_stop(&a);
    loop_end();
}

TEST("refuse-3.6 a connection answered by its own end is none")
{
    loop_begin();
    station a;
    clu_sockaddr at;
    clu_address free_port;
    station_of(&a, local_t);
    clu_sock_close(listener(&at));
    clu_address_of(&at.s, &free_port);
    clu_target to = { .service = 5, .addr = free_port };
    refuse.itself = true;
    CHECK_ERR(send_text(&a, &to, "x"), CLU_OK);
    RUN_UNTIL(a.count[CLU_ARRIVED_CLOSED] == 1);
    refuse.itself = false;
    CHECK_EQ(a.count[CLU_ARRIVED_UNDELIVERED], 1);
    CHECK_EQ(a.count[CLU_ARRIVED_FRAME], 0);
    CHECK_EQ(a.counters.at[CLU_COUNT_connects_failed], 1);
    station_stop(&a);
    loop_end();
}

TEST("refuse-3.7 a listener that cannot go on now goes on later")
{
    loop_begin();
    station a, b;
    station_of(&a, local_t);
    station_of(&b, local_t);
    refuse_next("accept4", EIO, true);
    clu_target to = loopback_target(5, port_of(b.t));
    CHECK_ERR(send_text(&a, &to, "x"), CLU_OK);
    RUN_UNTIL(refuse.calls > 0);
    run_for(1);
    refuse_next("epoll_ctl", ENOMEM, false);
    RUN_UNTIL(refuse.calls > 0);
    refuse_next(NULL, 0, false);
    RUN_UNTIL(b.count[CLU_ARRIVED_FRAME] == 1);
    station_stop(&a);
    station_stop(&b);
    loop_end();
}

/* A system that hands every group's datagrams to whoever has the port. */
TEST("refuse-3.10 another group's datagrams are passed over")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    loop_begin();
    station s, other;
    refuse.option = IP_MULTICAST_ALL;
    station_of(&s, local_c);
    refuse.option = 0;
    station_of(&other, other_c);
    clu_target group = { 0 };
    CHECK_ERR(send_text(&other, &group, "x"), CLU_OK);
    CHECK_ERR(send_text(&s, &group, "y"), CLU_OK);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    RUN_UNTIL(other.count[CLU_ARRIVED_FRAME] == 1);
    run_for(20);
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], 1);
    CHECK_EQ(s.t->bytes_in, other.t->bytes_in);
    station_stop(&s);
    station_stop(&other);
    loop_end();
}

TEST("refuse-3.11 what another card brings much later is another message")
{
    if (!netns_enter()) {
        SKIP("no network of our own");
    }
    static const char *const setup[] = {
        "link add eth0 type veth peer name far0", "link set far0 up",
        "address add 10.99.0.1/24 dev eth0", "link set eth0 up",
        "link add eth1 type veth peer name far1", "link set far1 up",
        "address add 10.98.0.1/24 dev eth1", "link set eth1 up",
    };
    for (size_t i = 0; i < CLU_COUNT_OF(setup); i++) {
        if (!netns_ip(setup[i])) {
            SKIP("no cards of our own");
        }
    }
    loop_begin();
    station s;
    station_of(&s, remote_c);
    clu_address own, group;
    clu_sockaddr to;
    CHECK_ERR(clu_address_parse(clu_slice_str("10.99.0.1"), &own), CLU_OK);
    CHECK_ERR(clu_address_parse(clu_slice_str("230.230.230.230"), &group),
              CLU_OK);
    group.port = 23000;
    clu_sockaddr_of(&group, &to);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    static const struct { const char *card; clu_ms ahead; size_t heard; }
    sent[] = { { "eth0", 0, 1 }, { "eth1", 0, 1 }, { "eth1", 60000, 2 } };
    for (size_t i = 0; i < CLU_COUNT_OF(sent); i++) {
        check_about("case %zu", i);
        refuse.ahead = sent[i].ahead;
        CHECK_ERR(clu_udp_send(fd, &to, clu_slice_of("\xc0\x8d\1x\0", 6),
                               if_nametoindex(sent[i].card), &own), CLU_OK);
        RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == sent[i].heard);
        run_for(10);
        CHECK_EQ(s.count[CLU_ARRIVED_FRAME], sent[i].heard);
    }
    refuse.ahead = 0;
    close(fd);
    station_stop(&s);
    loop_end();
}

TEST("refuse-3.12 who the root directory is of must be known to keep another's")
{
    if (geteuid() != 0) {
        SKIP("only root can be two users");
    }
    CHECK_EQ(seteuid(65533), 0);
    CHECK(clu_path_kept("/", false));
    refuse_next("stat", EACCES, false);
    CHECK(!clu_path_kept("/", false));
    refuse_next(NULL, 0, false);
    CHECK_EQ(seteuid(0), 0);
}
