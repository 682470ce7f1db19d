/*
 * sock_test.c -- addresses of the system, and calls made safe.
 */
#include "check.h"
#include "loopInt.h"
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

TEST("sock-1.1 an address survives the way to the system and back")
{
    static const char *const texts[] = {
        "127.0.0.1", "0.0.0.0", "10.99.0.1", "255.255.255.255", "::1", "::",
        "fe80::1%3", "ff02::1%2", "2001:db8::7"
    };
    for (size_t i = 0; i < CLU_COUNT_OF(texts); i++) {
        check_about("%s", texts[i]);
        clu_address a, b;
        CHECK_ERR(clu_address_parse(clu_slice_str(texts[i]), &a), CLU_OK);
        a.port = 4711;
        clu_sockaddr s;
        clu_sockaddr_of(&a, &s);
        clu_address_of(&s.s, &b);
        CHECK(clu_address_eq(&a, &b));
        clu_sockaddr_mapped(&a, &s);
        CHECK_EQ(s.s.ss_family, AF_INET6);
        clu_address_of(&s.s, &b);
        CHECK(clu_address_eq(&a, &b));
    }
}

TEST("sock-1.2 a path has 1 to 107 bytes")
{
    char path[200];
    memset(path, 'p', sizeof path);
    clu_sockaddr s;
    static const struct { size_t n; clu_err err; } cases[] = {
        { 0, CLU_VALUE }, { 1, CLU_OK }, { 107, CLU_OK }, { 108, CLU_VALUE }
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        path[cases[i].n] = '\0';
        CHECK_ERR(clu_sockaddr_path(path, &s), cases[i].err);
        path[cases[i].n] = 'p';
    }
    clu_address a;
    clu_address_of(&s.s, &a);
    CHECK_EQ(a.family, 1);
}

TEST("sock-2.1 a descriptor is high, non-blocking and closed on exec")
{
    int fd;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
#ifdef CLU_POLLER_POLL
    CHECK(fd < 1024);
#else
    CHECK(limit.rlim_cur <= 1024 || fd >= 1024);
#endif
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    clu_sock_close(fd);
    clu_sock_close(-1);
}

TEST("sock-2.2 where few are allowed a descriptor stays low")
{
    struct rlimit was, few;
    getrlimit(RLIMIT_NOFILE, &was);
    few = was;
    few.rlim_cur = 512;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd = -1;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    CHECK(fd >= 0 && fd < 512);
    clu_sock_close(fd);
    setrlimit(RLIMIT_NOFILE, &was);
}

TEST("sock-2.3 what the system refuses leaves errno")
{
    int fd;
    clu_address far = { .family = 4, .ip = { 192, 0, 2, 1 } };
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_sock_bind(fd, &far), CLU_SYSTEM);
    CHECK_EQ(errno, EADDRNOTAVAIL);
    clu_sock_close(fd);
    CHECK_EQ(errno, EADDRNOTAVAIL);
}

static int listener(clu_address *at)
{
    int fd = -1;
    *at = (clu_address){ .family = 4, .ip = { 127, 0, 0, 1 } };
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_sock_bind(fd, at), CLU_OK);
    CHECK_EQ(listen(fd, 8), 0);
    CHECK_ERR(clu_sock_name(fd, at), CLU_OK);
    return fd;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = { fd, events, 0 };
    CHECK_EQ(poll(&p, 1, 2000), 1);
}

TEST("sock-3.1 connect, accept, write, read, end")
{
    clu_address at, from, own;
    int l = listener(&at), a = -1, b = -1;
    CHECK_ERR(clu_sock_accept(l, &b, &from), CLU_MORE);
    clu_sock_open(AF_INET, SOCK_STREAM, &a);
    clu_sockaddr to;
    clu_sockaddr_of(&at, &to);
    clu_err err = clu_sock_connect(a, &to);
    CHECK(err == CLU_OK || err == CLU_MORE);
    wait_for(a, POLLOUT);
    CHECK_ERR(clu_sock_error(a), CLU_OK);
    wait_for(l, POLLIN);
    CHECK_ERR(clu_sock_accept(l, &b, &from), CLU_OK);
    clu_sock_name(a, &own);
    CHECK(clu_address_eq(&from, &own));

    char buf[8];
    size_t n = 99;
    CHECK_ERR(clu_sock_read(b, buf, sizeof buf, &n), CLU_MORE);
    CHECK_EQ(n, 99);
    CHECK_ERR(clu_sock_write(a, "hello", 5, &n), CLU_OK);
    CHECK_EQ(n, 5);
    clu_sock_farewell(a);
    wait_for(b, POLLIN);
    CHECK_ERR(clu_sock_read(b, buf, sizeof buf, &n), CLU_OK);
    CHECK_BYTES(clu_slice_of(buf, n), clu_slice_str("hello"));
    CHECK_ERR(clu_sock_read(b, buf, sizeof buf, &n), CLU_CLOSED);
    clu_sock_close(b);
    clu_sock_close(l);
}

TEST("sock-3.2 nobody there is a system error")
{
    clu_address at;
    int l = listener(&at), a = -1;
    clu_sock_close(l);
    clu_sock_open(AF_INET, SOCK_STREAM, &a);
    clu_sockaddr to;
    clu_sockaddr_of(&at, &to);
    if (clu_sock_connect(a, &to) == CLU_MORE) {
        wait_for(a, POLLOUT);
        CHECK_ERR(clu_sock_error(a), CLU_SYSTEM);
    }
    CHECK_EQ(errno, ECONNREFUSED);
    clu_sock_close(a);
}

TEST("sock-3.3 a full pipe says MORE, a broken one SYSTEM, no signal")
{
    int fd[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    static char block[65536];
    size_t n;
    clu_err err;
    int writes = 0;
    do {
        err = clu_sock_write(fd[0], block, sizeof block, &n);
    } while (err == CLU_OK && ++writes < 1000);
    CHECK_ERR(err, CLU_MORE);
    close(fd[1]);
    CHECK_ERR(clu_sock_write(fd[0], block, 1, &n), CLU_SYSTEM);
    CHECK(errno == EPIPE || errno == ECONNRESET);
    close(fd[0]);
}

/* Of what a connection took, how much the other end gets when it is closed
   before that reads; *written: how much it took. */
static size_t arrives(bool abandon, size_t *written)
{
    static char block[65536];
    clu_address at, from;
    int l = listener(&at), a = -1, b = -1;
    clu_sock_open(AF_INET, SOCK_STREAM, &a);
    clu_sockaddr to;
    clu_sockaddr_of(&at, &to);
    clu_sock_connect(a, &to);
    wait_for(l, POLLIN);
    CHECK_ERR(clu_sock_accept(l, &b, &from), CLU_OK);
    size_t n, got = 0;
    for (*written = 0; clu_sock_write(a, block, sizeof block, &n) == CLU_OK;) {
        *written += n;
    }
    if (abandon) {
        clu_sock_abandon(a);
    }
    clu_sock_farewell(a);
    clu_err err = CLU_MORE;
    while (err == CLU_OK || err == CLU_MORE) {
        wait_for(b, POLLIN);
        err = clu_sock_read(b, block, sizeof block, &n);
        got += err == CLU_OK ? n : 0;
    }
    clu_sock_close(b);
    clu_sock_close(l);
    return got;
}

TEST("sock-3.4 of an abandoned connection the system sends no more")
{
    size_t written;
    CHECK_EQ(arrives(false, &written), written);
    CHECK(arrives(true, &written) < written);
}

TEST("sock-1.3 an address of a family that we do not know has none")
{
    struct sockaddr_storage s = { .ss_family = AF_UNSPEC };
    clu_address a = { .family = 4 };
    clu_address_of(&s, &a);
    CHECK_EQ(a.family, 0);
}

TEST("sock-2.4 an orphan opens no sockets, and what it had leads nowhere")
{
    int fd[2], none;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    clu_sock_orphan(fd[0]);
    CHECK(clu_sock_orphaned());
    errno = 0;
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &none), CLU_SYSTEM);
    CHECK_EQ(errno, EPERM);
    char c;
    CHECK_EQ(write(fd[0], "x", 1), 1);
    CHECK_EQ(read(fd[1], &c, 1), 0);    /* nobody has the other end */
    clu_sock_adopt();
    CHECK(!clu_sock_orphaned());
    CHECK_ERR(clu_sock_open(AF_INET, SOCK_STREAM, &none), CLU_OK);
    clu_sock_close(none);
    close(fd[0]);
    close(fd[1]);
}

TEST("sock-2.5 only a low descriptor is lifted, only one there is replaced")
{
    CHECK_EQ(clu_sock_lift(-1), -1);
    int low = dup(0), high = clu_sock_lift(low);
    CHECK_EQ(clu_sock_lift(high), high);
    clu_sock_replace(high, -1);         /* by none: it is closed */
    CHECK(fcntl(high, F_GETFD) < 0);
    clu_sock_farewell(-1);
}

TEST("sock-3.5 so many pieces are written at once, the rest is not")
{
    clu_slice pieces[CLU_SOCK_PIECES + 1];
    for (size_t i = 0; i < CLU_COUNT_OF(pieces); i++) {
        pieces[i] = clu_slice_str("x");
    }
    int fd[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    size_t n = 0;
    CHECK_ERR(clu_sock_write_all(fd[0], pieces, CLU_COUNT_OF(pieces), &n),
              CLU_OK);
    CHECK_EQ(n, CLU_SOCK_PIECES);
    close(fd[0]);
    close(fd[1]);
}

TEST("sock-3.6 a farewell reads what came, but not for ever")
{
    static char block[65536];
    int fd[2], room = 4 << 20;
    size_t n, written = 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    (void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    while (clu_sock_write(fd[1], block, sizeof block, &n) == CLU_OK) {
        written += n;
    }
    CHECK(written > 0);
    clu_sock_farewell(fd[0]);
    CHECK(fcntl(fd[0], F_GETFD) < 0);
    CHECK_ERR(clu_sock_write(fd[1], block, 1, &n), CLU_SYSTEM);
    close(fd[1]);
}
