/*
 * textpeer.c -- asks servers that speak lines: redis PING, NATS request.
 *
 *     textpeer redis PORT
 *     textpeer nats PORT        (the answering side is a process of its own)
 */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

typedef struct peer {
    int fd, epoll;
    char line[4096];
    size_t n;
} peer;

static void dial(peer *p, const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    *p = (peer){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    if (connect(p->fd, (void *)&a, sizeof a)) {
        bench_fail("connect");
    }
    int on = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->epoll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->fd, &event);
}

static void put(peer *p, const char *text)
{
    if (send(p->fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
        exit(0);
    }
}

/* The NATS server asks now and then, also behind what we wait for. */
static void answer_server(peer *p)
{
    while (p->n >= 6 && memcmp(p->line + p->n - 6, "PING\r\n", 6) == 0) {
        p->n -= 6;
        put(p, "PONG\r\n");
    }
}

/* Reads until what came ends with this; keeps the text in line. */
static void until(peer *p, const char *end)
{
    size_t want = strlen(end);
    p->n = 0;
    while (p->n < want || memcmp(p->line + p->n - want, end, want) != 0) {
        struct epoll_event event;
        if (epoll_wait(p->epoll, &event, 1, -1) < 1) {
            continue;
        }
        ssize_t got = recv(p->fd, p->line + p->n, sizeof p->line - 1 - p->n,
                           MSG_DONTWAIT);
        if (got <= 0) {
            exit(0);
        }
        p->n += (size_t)got;
        answer_server(p);
    }
}

static void ping(void *ctx)
{
    put(ctx, "PING\r\n");
    until(ctx, "\r\n");
}

static void request(void *ctx)
{
    put(ctx, "PUB ask inbox.1 4\r\nping\r\n");
    until(ctx, "pong\r\n");
}

static void greet(peer *p, const char *subject)
{
    until(p, "\r\n");
    char text[200];
    snprintf(text, sizeof text, "CONNECT {\"verbose\":false}\r\n"
             "SUB %s 1\r\nPING\r\n", subject);
    put(p, text);
    until(p, "PONG\r\n");
}

static void answer(const char *port)
{
    peer p;
    dial(&p, port);
    greet(&p, "ask");
    for (;;) {
        until(&p, "ping\r\n");
        put(&p, "PUB inbox.1 4\r\npong\r\n");
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    peer p;
    if (strcmp(argv[1], "redis") == 0) {
        dial(&p, argv[2]);
        bench_serve(ping, &p);
        return 0;
    }
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        answer(argv[2]);
    }
    usleep(200000);
    dial(&p, argv[2]);
    greet(&p, "inbox.1");
    bench_serve(request, &p);
    return 0;
}
