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

/* ---- All of them, one after the other -------------------------------------- */

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

static clu_err group_of(clu_loop *l, clu_host *h, const char *text,
                        clu_transport **t)
{
    clu_multicast_config config = { .ttl = 0 };
    CHECK_ERR(clu_address_parse(clu_slice_str(text), &config.group), CLU_OK);
    config.group.port = 23000;
    return clu_multicast_create(l, h, &config, t);
}

static clu_err local_c(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "230.230.230.230", t);
}

static clu_err local_c6(clu_loop *l, clu_host *h, clu_transport **t)
{
    return group_of(l, h, "ff15::e6e6", t);
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
