/*
 * lookup_test.c -- the address of a host by its name.
 */
#include "check.h"
#include "lookup.h"
#include "netns.h"

#include <string.h>
#include <unistd.h>

/* A bare root of files knows no names at all. */
static bool is_unknown(const char *host)
{
    return strcmp(host, "localhost") == 0 && access("/etc/hosts", R_OK) != 0;
}

TEST("lookup-1.1 an address is itself, of its family; a name is looked up")
{
    static const struct {
        const char *host;
        int family;
        clu_err err;
        const char *text;
    } cases[] = {
        { "127.0.0.1", 4, CLU_OK, "127.0.0.1" },
        { "127.0.0.1", 6, CLU_GONE, NULL },
        { "::1", 6, CLU_OK, "::1" },
        { "::1", 4, CLU_GONE, NULL },
        { "localhost", 4, CLU_OK, "127.0.0.1" },
        { "no-such-host.invalid", 4, CLU_GONE, NULL },
        { "no-such-host.invalid", 6, CLU_GONE, NULL },
    };
    if (!netns_enter()) {
        SKIP("no network of our own");  /* in which nobody can be asked */
    }
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s, %d", cases[i].host, cases[i].family);
        if (is_unknown(cases[i].host)) {
            continue;
        }
        clu_address a = { 0 };
        CHECK_ERR(clu_lookup(cases[i].host, cases[i].family, &a),
                  cases[i].err);
        char text[CLU_ADDRESS_TEXT];
        if (cases[i].text) {
            CHECK_STR(clu_address_text(&a, text), cases[i].text);
        }
    }
}
