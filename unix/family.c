/*
 * family.c -- what TCP and Unix sockets do each in their way.
 *
 * Layer: transport.
 */
#include "streamInt.h"
#include "../generic/words.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <time.h>

enum { V4 = 4, V6 = 6, BACKLOG = 4096,          /* the system's own is less */
       STALL_LATER = 1000, STALL_MOST = 1000000000 };           /* ms */

static const clu_address loopback4 = { .family = V4, .ip = { 127, 0, 0, 1 } };
static const clu_address loopback6 = { .family = V6, .ip = { [15] = 1 } };

static clu_err listen_on(int fd)
{
    return listen(fd, BACKLOG) == 0 ? CLU_OK : CLU_SYSTEM;
}

static clu_err add_word(clu_buf *out, const char *word)
{
    return clu_words_add(out, clu_slice_str(word));
}

/* ---- TCP ----------------------------------------------------------------- */

static clu_err tcp_listen_at(const clu_address *at, bool both, int *fd)
{
    int s;
    clu_err err = clu_sock_open(at->family == V6 ? AF_INET6 : AF_INET,
                                SOCK_STREAM, &s);
    if (err != CLU_OK) {
        return err;
    }
    if (at->family == V6) {
        err = clu_sock_option(s, IPPROTO_IPV6, IPV6_V6ONLY, both ? 0 : 1);
    }
    if (err == CLU_OK) {
        err = clu_sock_bind(s, at);
    }
    if (err == CLU_OK) {
        err = listen_on(s);
    }
    if (err != CLU_OK) {
        clu_sock_close(s);
        return err;
    }
    *fd = s;
    return CLU_OK;
}

static clu_err tcp_listen(clu_stream *s, int *fd)
{
    static const clu_address any4 = { .family = V4 }, any6 = { .family = V6 };
    int made;
    clu_err err;
    if (s->local) {
        err = tcp_listen_at(s->v6 ? &loopback6 : &loopback4, false, &made);
    } else {
        err = tcp_listen_at(&any6, true, &made);
        if (err != CLU_OK && !s->v6) {
            err = tcp_listen_at(&any4, false, &made);
        }
    }
    if (err != CLU_OK) {
        return err;
    }
    clu_address name;
    err = clu_sock_name(made, &name);
    if (err != CLU_OK) {
        clu_sock_close(made);
        return err;
    }
    s->port = name.port;
    *fd = made;
    return CLU_OK;
}

static void tcp_unlisten(clu_stream *s)
{
    (void)s;
}

static bool tcp_listens(const clu_stream *s)
{
    (void)s;
    return true;
}

static clu_err tcp_reach(const clu_stream *s, const clu_target *to,
                         clu_sockaddr *addr)
{
    clu_address a = to->addr;
    if ((a.family != V4 && a.family != V6) || a.port == 0
        || clu_address_is_multicast(&a)) {
        return CLU_UNREACHABLE;
    }
    if (s->local) {
        if (!clu_host_is_local(s->host, &a)) {
            return CLU_UNREACHABLE;
        }
        a = a.family == V6 ? loopback6 : loopback4;
        a.port = to->addr.port;
    }
    clu_sockaddr_of(&a, addr);
    return CLU_OK;
}

/* What the system holds of ours is not taken either: without an end to that
   it tries for a quarter of an hour, and after a long cut rests as long as
   that lasted.  Our own deadline, which gives frames back, comes first. */
static void tcp_prepare(const clu_stream *s, int fd)
{
    (void)clu_sock_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef TCP_USER_TIMEOUT
    int64_t ms = s->t.limits->at[CLU_LIMIT_STALL];
    (void)clu_sock_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                          ms < STALL_MOST ? (int)ms + STALL_LATER
                                          : STALL_MOST);
#endif
}

/* Others' hosts, where we are local; and ourselves: a connect to a free port
   of this host may be answered by its own end. */
static bool tcp_admits(const clu_stream *s, int fd, const clu_address *from)
{
    clu_address own;
    if (clu_sock_name(fd, &own) == CLU_OK && clu_address_eq(&own, from)) {
        return false;
    }
    return !s->local || clu_host_is_local(s->host, from);
}

static clu_err tcp_props(const clu_stream *s, clu_buf *out)
{
    char port[8];
    snprintf(port, sizeof port, "%u", s->port);
    clu_err err = add_word(out, "port");
    return err == CLU_OK ? add_word(out, port) : err;
}

/* ---- Unix sockets -------------------------------------------------------- */

static clu_err unix_listen(clu_stream *s, int *fd)
{
    int made;
    clu_err err = clu_sock_open(AF_UNIX, SOCK_STREAM, &made);
    if (err != CLU_OK) {
        return err;
    }
    if (clu_path_there(&s->path)) {
        clu_path_unlink(&s->path);
    }
    err = clu_path_bind(&s->path, made);
    if (err == CLU_OK) {
        err = listen_on(made);
    }
    if (err != CLU_OK) {
        clu_path_unlink(&s->path);      /* or it looked like one that listens */
        clu_sock_close(made);
        return err;
    }
    *fd = made;
    return CLU_OK;
}

static void unix_unlisten(clu_stream *s)
{
    clu_path_remove(&s->path);
}

static bool unix_listens(const clu_stream *s)
{
    return clu_path_there(&s->path);
}

static clu_err unix_reach(const clu_stream *s, const clu_target *to,
                          clu_sockaddr *addr)
{
    (void)s;
    char path[CLU_PATH_ROOM] = "";
    if (to->path.n == 0) {
        return CLU_UNREACHABLE;
    }
    if (to->path.n >= sizeof path || memchr(to->path.p, '\0', to->path.n)) {
        return CLU_VALUE;
    }
    memcpy(path, to->path.p, to->path.n);
    clu_err err = clu_path_trusted(path);
    return err == CLU_OK ? clu_sockaddr_path(path, addr) : err;
}

static void unix_prepare(const clu_stream *s, int fd)
{
    (void)s;
    (void)fd;
}

static bool unix_admits(const clu_stream *s, int fd, const clu_address *from)
{
    (void)s;
    (void)from;
    return clu_path_peer_is_ours(fd);
}

static clu_err unix_props(const clu_stream *s, clu_buf *out)
{
    clu_err err = add_word(out, "path");
    return err == CLU_OK ? add_word(out, s->path.text) : err;
}

/* ---- The two, side by side ----------------------------------------------- */

const clu_family clu_family_tcp = {
    .name = "t", .local_only = false, .by_source = true,
    .listen = tcp_listen, .unlisten = tcp_unlisten, .listens = tcp_listens,
    .reach = tcp_reach, .prepare = tcp_prepare, .admits = tcp_admits,
    .props = tcp_props
};

const clu_family clu_family_unix = {
    .name = "u", .local_only = true, .by_source = false,
    .listen = unix_listen, .unlisten = unix_unlisten, .listens = unix_listens,
    .reach = unix_reach, .prepare = unix_prepare, .admits = unix_admits,
    .props = unix_props
};

clu_err clu_tcp_create(clu_loop *loop, clu_host *host, bool local, bool v6,
                       clu_transport **t)
{
    clu_stream like = { .local = local, .v6 = v6 };
    return clu_stream_create(loop, host, &clu_family_tcp, &like, t);
}

clu_err clu_unix_create(clu_loop *loop, clu_host *host, const char *path,
                        const char *sid, clu_transport **t)
{
    clu_stream like = { .local = true };
    clu_err err = clu_path_choose(path, sid, &like.path);
    if (err == CLU_OK) {
        clu_path_sweep(&like.path, (int64_t)time(NULL));
        err = clu_stream_create(loop, host, &clu_family_unix, &like, t);
        if (err != CLU_OK) {
            clu_path_remove(&like.path);
        }
    }
    return err;
}
