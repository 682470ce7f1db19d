/*
 * pingpong.c -- the physical limit of a round trip: two processes, epoll, one
 *               read and one write each.
 *
 *     pingpong tcp|unix|udp BYTES [REPLY-BYTES]
 */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static size_t asked, answered;
static char *room;

typedef struct end {
    int fd, epoll;
} end;

static void watch(end *e, int fd)
{
    e->fd = fd;
    e->epoll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        bench_fail("epoll_ctl");
    }
}

/* Waits for so many bytes. */
static void take(end *e, size_t n)
{
    for (size_t have = 0; have < n;) {
        struct epoll_event event;
        if (epoll_wait(e->epoll, &event, 1, -1) < 1) {
            continue;
        }
        ssize_t got = recv(e->fd, room, n, MSG_DONTWAIT);
        if (got <= 0) {
            exit(0);
        }
        have += (size_t)got;
    }
}

static void give(end *e, size_t n)
{
    for (size_t sent = 0; sent < n;) {
        ssize_t got = send(e->fd, room, n - sent, MSG_NOSIGNAL);
        if (got <= 0) {
            exit(0);
        }
        sent += (size_t)got;
    }
}

static void one(void *ctx)
{
    give(ctx, asked);
    take(ctx, answered);
}

static void pair_inet(int type, int fds[2])
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in b = a;
    socklen_t n = sizeof a;
    int listener = socket(AF_INET, type, 0), other = socket(AF_INET, type, 0);
    if (bind(listener, (void *)&a, n) || bind(other, (void *)&b, n)
        || getsockname(listener, (void *)&a, &n)
        || getsockname(other, (void *)&b, &n)) {
        bench_fail("bind");
    }
    if (type == SOCK_STREAM && listen(listener, 1)) {
        bench_fail("listen");
    }
    if (connect(other, (void *)&a, n)
        || (type == SOCK_DGRAM && connect(listener, (void *)&b, n))) {
        bench_fail("connect");
    }
    fds[0] = other;
    fds[1] = type == SOCK_DGRAM ? listener : accept(listener, NULL, NULL);
    if (type == SOCK_STREAM) {
        int on = 1;
        setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

int main(int argc, char **argv)
{
    int fds[2];
    asked = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    answered = argc > 3 ? strtoul(argv[3], NULL, 10) : asked;
    room = calloc(1, asked + answered);
    const char *kind = argc > 1 ? argv[1] : "tcp";
    if (strcmp(kind, "unix") == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) {
            bench_fail("socketpair");
        }
    } else {
        pair_inet(strcmp(kind, "udp") ? SOCK_STREAM : SOCK_DGRAM, fds);
    }
    end e;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        close(fds[0]);
        watch(&e, fds[1]);
        for (;;) {
            take(&e, asked);
            give(&e, answered);
        }
    }
    close(fds[1]);
    watch(&e, fds[0]);
    bench_serve(one, &e);
    return 0;
}
