/*
 * sock.c -- one system call each, made safe.
 *
 * Layer: transport (system).
 */
#include "sock.h"

#include "loopInt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

enum { V4 = 4, V6 = 6, LOCAL = 1 };     /* clu_address.family */
enum { LOW = 1024 };                    /* descriptors left to others */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* ---- Addresses as the system has them ------------------------------------ */

static void set_v6(const clu_address *a, const uint8_t ip[16],
                   clu_sockaddr *out)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(a->port),
                                .sin6_scope_id = a->scope };
    memcpy(&in6.sin6_addr, ip, 16);
    memcpy(&out->s, &in6, sizeof in6);
    out->n = sizeof in6;
}

void clu_sockaddr_of(const clu_address *a, clu_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == V6) {
        set_v6(a, a->ip, out);
        return;
    }
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(a->port) };
    memcpy(&in.sin_addr, a->ip, 4);
    memcpy(&out->s, &in, sizeof in);
    out->n = sizeof in;
}

void clu_sockaddr_mapped(const clu_address *a, clu_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    uint8_t ip[16];
    memcpy(ip, a->ip, 16);
    if (a->family != V6) {
        memcpy(ip, mapped, sizeof mapped);
        memcpy(ip + sizeof mapped, a->ip, 4);
    }
    set_v6(a, ip, out);
}

clu_err clu_sockaddr_path(const char *path, clu_sockaddr *out)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof un.sun_path) {
        return CLU_VALUE;
    }
    memcpy(un.sun_path, path, n);
    memset(out, 0, sizeof *out);
    memcpy(&out->s, &un, sizeof un);
    out->n = sizeof un;
    return CLU_OK;
}

static void get_v6(const struct sockaddr_in6 *in6, clu_address *out)
{
    out->port = ntohs(in6->sin6_port);
    if (memcmp(&in6->sin6_addr, mapped, sizeof mapped) == 0) {
        out->family = V4;
        memcpy(out->ip, (const uint8_t *)&in6->sin6_addr + sizeof mapped, 4);
        return;
    }
    out->family = V6;
    memcpy(out->ip, &in6->sin6_addr, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)
        || IN6_IS_ADDR_MC_LINKLOCAL(&in6->sin6_addr)) {
        out->scope = in6->sin6_scope_id;
    }
}

void clu_address_of(const void *sockaddr, clu_address *out)
{
    memset(out, 0, sizeof *out);
    sa_family_t family;
    memcpy(&family, (const char *)sockaddr + offsetof(struct sockaddr,
                                                      sa_family),
           sizeof family);
    if (family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof in);
        out->family = V4;
        out->port = ntohs(in.sin_port);
        memcpy(out->ip, &in.sin_addr, 4);
    } else if (family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof in6);
        get_v6(&in6, out);
    } else if (family == AF_UNIX) {
        out->family = LOCAL;
    }
}

/* ---- Descriptors --------------------------------------------------------- */

int clu_sock_lift(int fd)
{
#ifdef CLU_POLLER_POLL
    return fd;                  /* Tcl itself watches it: it must stay low */
#endif
    if (fd < 0 || fd >= LOW) {
        return fd;
    }
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOW);
    if (high < 0) {
        return fd;              /* not so many are allowed: stay */
    }
    close(fd);
    return high;
}

static _Thread_local bool orphaned;     /* see the header */

void clu_sock_replace(int fd, int by)
{
    if (by < 0) {
        close(fd);
        return;
    }
    dup2(by, fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    close(by);
}

void clu_sock_orphan(int fd)
{
    orphaned = true;
    if (fd >= 0) {
        clu_sock_replace(fd, open("/dev/null", O_RDWR | O_CLOEXEC));
    }
}

void clu_sock_adopt(void)
{
    orphaned = false;
}

bool clu_sock_orphaned(void)
{
    return orphaned;
}

clu_err clu_sock_open(int family, int type, int *fd)
{
    if (orphaned) {
        errno = EPERM;
        return CLU_SYSTEM;
    }
    int s = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) {
        return CLU_SYSTEM;
    }
    *fd = clu_sock_lift(s);
    return CLU_OK;
}

void clu_sock_close(int fd)
{
    if (fd >= 0) {
        int kept = errno;
        close(fd);              /* EINTR: Linux has closed it all the same */
        errno = kept;
    }
}

clu_err clu_sock_bind(int fd, const clu_address *a)
{
    clu_sockaddr to;
    clu_sockaddr_of(a, &to);
    return bind(fd, (struct sockaddr *)&to.s, to.n) == 0 ? CLU_OK : CLU_SYSTEM;
}

clu_err clu_sock_name(int fd, clu_address *a)
{
    clu_sockaddr name = { .n = sizeof name.s };
    if (getsockname(fd, (struct sockaddr *)&name.s, &name.n) != 0) {
        return CLU_SYSTEM;
    }
    clu_address_of(&name.s, a);
    return CLU_OK;
}

clu_err clu_sock_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0
        ? CLU_OK : CLU_SYSTEM;
}

/* ---- Connections --------------------------------------------------------- */

/* One that broke while it waited is no reason to stop looking. */
static bool broke_early(int err)
{
    return err == EINTR || err == ECONNABORTED || err == EPROTO
        || err == EPERM || err == ENETDOWN || err == EHOSTDOWN
        || err == EHOSTUNREACH || err == ENETUNREACH || err == ENOPROTOOPT;
}

clu_err clu_sock_accept(int fd, int *link, clu_address *from)
{
    for (int tries = 0; tries < 16; tries++) {
        clu_sockaddr name = { .n = sizeof name.s };
        int s = accept4(fd, (struct sockaddr *)&name.s, &name.n,
                        SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (s >= 0) {
            clu_address_of(&name.s, from);
            *link = clu_sock_lift(s);
            return CLU_OK;
        }
        if (errno == EAGAIN) {
            return CLU_MORE;
        }
        if (!broke_early(errno)) {
            return CLU_SYSTEM;
        }
    }
    return CLU_MORE;
}

clu_err clu_sock_connect(int fd, const clu_sockaddr *to)
{
    if (connect(fd, (const struct sockaddr *)&to->s, to->n) == 0) {
        return CLU_OK;
    }
    return errno == EINPROGRESS || errno == EINTR ? CLU_MORE : CLU_SYSTEM;
}

clu_err clu_sock_error(int fd)
{
    int err = 0;
    socklen_t n = sizeof err;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0) {
        return CLU_SYSTEM;
    }
    errno = err;
    return err == 0 ? CLU_OK : CLU_SYSTEM;
}

/* ---- Bytes --------------------------------------------------------------- */

clu_err clu_sock_read(int fd, void *p, size_t room, size_t *n)
{
    ssize_t got;
    do {
        got = recv(fd, p, room, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        *n = (size_t)got;
        return CLU_OK;
    }
    if (got == 0) {
        return CLU_CLOSED;
    }
    return errno == EAGAIN ? CLU_MORE : CLU_SYSTEM;
}

static clu_err written(ssize_t put, size_t *n)
{
    if (put >= 0) {
        *n = (size_t)put;
        return CLU_OK;
    }
    return errno == EAGAIN || errno == ENOBUFS ? CLU_MORE : CLU_SYSTEM;
}

clu_err clu_sock_write(int fd, const void *p, size_t size, size_t *n)
{
    ssize_t put;
    do {
        put = send(fd, p, size, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return written(put, n);
}

clu_err clu_sock_write_all(int fd, const clu_slice *pieces, size_t count,
                           size_t *n)
{
    struct iovec of[CLU_SOCK_PIECES];
    struct msghdr message = { .msg_iov = of };
    for (size_t i = 0; i < count && i < CLU_SOCK_PIECES; i++) {
        of[i].iov_base = (void *)(uintptr_t)pieces[i].p;
        of[i].iov_len = pieces[i].n;
        message.msg_iovlen++;
    }
    ssize_t put;
    do {
        put = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return written(put, n);
}

void clu_sock_abandon(int fd)
{
    struct linger at_once = { .l_onoff = 1 };
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void clu_sock_farewell(int fd)
{
    if (fd < 0) {
        return;
    }
    shutdown(fd, SHUT_WR);
    char waste[4096];
    size_t n;
    for (int rounds = 0; rounds < 64; rounds++) {
        if (clu_sock_read(fd, waste, sizeof waste, &n) != CLU_OK) {
            break;
        }
    }
    clu_sock_close(fd);
}
