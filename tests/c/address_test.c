/*
 * address_test.c -- addresses as text and back.
 */
#include "check.h"
#include "address.h"

static clu_address parsed(const char *text)
{
    clu_address a = { 0 };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &a), CLU_OK);
    return a;
}

TEST("address-1.1 an address and its text are one another's")
{
    static const struct { const char *in, *out; int family; } cases[] = {
        { "127.0.0.1", "127.0.0.1", 4 }, { "0.0.0.0", "0.0.0.0", 4 },
        { "255.255.255.255", "255.255.255.255", 4 },
        { "::", "::", 6 }, { "::1", "::1", 6 },
        { "FE80::1%2", "fe80::1%2", 6 },
        { "ff02::1%4294967295", "ff02::1%4294967295", 6 },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", 6 },
        { "::ffff:10.1.2.3", "10.1.2.3", 4 },
        { "::ffff:0a01:0203", "10.1.2.3", 4 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].in);
        clu_address a = parsed(cases[i].in);
        char text[CLU_ADDRESS_TEXT];
        CHECK_EQ(a.family, cases[i].family);
        CHECK_STR(clu_address_text(&a, text), cases[i].out);
    }
}

TEST("address-1.2 what is no numeric address is refused and changes nothing")
{
    static const char *const cases[] = {
        "", " ", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ",
        "1.2.3.4%1", "fe80::1%", "fe80::1%eth0", "fe80::1%4294967296",
        "fe80::1%-1", "fe80::1%1%2", ":::", "12345::", "[::1]", "1.2.3.4:80",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i]);
        clu_address a = { .family = 1, .port = 7 };
        CHECK_ERR(clu_address_parse(clu_slice_str(cases[i]), &a), CLU_VALUE);
        CHECK(a.family == 1 && a.port == 7);
    }
    clu_address a;
    CHECK_ERR(clu_address_parse(clu_slice_of("1.2.3.4\0x", 9), &a),
              CLU_VALUE);
}

TEST("address-1.3 no address and a Unix socket's have their words")
{
    char text[CLU_ADDRESS_TEXT];
    CHECK_STR(clu_address_text(&(clu_address){ 0 }, text), "");
    CHECK_STR(clu_address_text(&(clu_address){ .family = 1 }, text), "local");
}

TEST("address-2.1 the host is the same whatever the port")
{
    clu_address a = parsed("10.0.0.1"), b = a;
    b.port = 80;
    memset(b.ip + 4, 0xee, 12);         /* not part of an IPv4 address */
    CHECK(clu_address_same_host(&a, &b));
    CHECK(!clu_address_eq(&a, &b));
    b.port = 0;
    CHECK(clu_address_eq(&a, &b));
    b.ip[3] = 2;
    CHECK(!clu_address_same_host(&a, &b));
    clu_address c = parsed("fe80::1%1"), d = parsed("fe80::1%2");
    CHECK(!clu_address_same_host(&c, &d));
    d.scope = 1;
    CHECK(clu_address_eq(&c, &d));
    CHECK(!clu_address_same_host(&a, &c));
    clu_address u = { .family = 1 }, v = { .family = 1 };
    CHECK(clu_address_eq(&u, &v));
}

TEST("address-2.2 multicast and loopback are told apart from the rest")
{
    static const struct { const char *text; bool group, loop; } cases[] = {
        { "223.255.255.255", false, false }, { "224.0.0.0", true, false },
        { "230.230.230.230", true, false }, { "239.255.255.255", true, false },
        { "240.0.0.0", false, false }, { "ff02::1", true, false },
        { "fe80::1", false, false }, { "127.0.0.1", false, true },
        { "127.255.0.9", false, true }, { "126.0.0.1", false, false },
        { "::1", false, true }, { "::2", false, false },
        { "::ffff:127.0.0.1", false, true },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].text);
        clu_address a = parsed(cases[i].text);
        CHECK_EQ(clu_address_is_multicast(&a), cases[i].group);
        CHECK_EQ(clu_address_is_loopback(&a), cases[i].loop);
    }
    CHECK(!clu_address_is_loopback(&(clu_address){ .family = 1 }));
}
