/*
 * refuse.h -- system calls that the system refuses when a test says so.
 *
 * Included by one file of a test program: what it defines stands before the C
 * library's own, for the core as for the test.  A definition has a name of its
 * own in C, so that it need not repeat each prototype word for word.
 */
#ifndef CLU_TEST_REFUSE_H
#define CLU_TEST_REFUSE_H

#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

static struct {
    const char *only;           /* this call; NULL: any */
    long at, calls;             /* which of them, from 1 (0: none); so far */
    bool and_on;                /* those behind it as well ... */
    long last;                  /* ... up to this one; 0: all */
    int err;                    /* the errno of a refusal */
    clu_ms ahead;               /* what the clock says beyond the truth */
    bool bare;                  /* notes beside a message are lost */
    bool itself;                /* who connects has the address it goes to */
    bool told;                  /* the interfaces are these and no others */
    struct ifaddrs *rows;
    const char *instead;        /* of any file this one is opened */
    int unfair;                 /* random bytes are all ones so many times */
    int option;                 /* this one alone is not set; 0: none */
} refuse;

static inline void refuse_next(const char *only, int err, bool and_on)
{
    refuse.only = only;
    refuse.err = err;
    refuse.and_on = and_on;
    refuse.calls = 0;
    refuse.at = only ? 1 : 0;   /* NULL: nothing any more */
}

static inline bool refused(const char *name)
{
    if (refuse.at == 0 || (refuse.only && strcmp(refuse.only, name) != 0)) {
        return false;
    }
    refuse.calls++;
    if (refuse.calls != refuse.at
        && !(refuse.and_on && refuse.calls > refuse.at
             && (refuse.last == 0 || refuse.calls <= refuse.last))) {
        return false;
    }
    errno = refuse.err;
    return true;
}

#define REFUSE(type, name, params, arguments, failure) \
    type refuse_##name params __asm__(#name); \
    type refuse_##name params \
    { \
        if (refused(#name)) { \
            return (failure); \
        } \
        return REAL(name) arguments; \
    }

/* A call of the C library's own. */
#define REAL(name) (*(__typeof__(&refuse_##name) *)real_(#name))

static inline void *real_(const char *name)
{
    static void *found;
    found = dlsym(RTLD_NEXT, name);
    return &found;
}

REFUSE(int, socket, (int f, int t, int p), (f, t, p), -1)
REFUSE(int, bind, (int fd, const void *a, socklen_t n), (fd, a, n), -1)
REFUSE(int, listen, (int fd, int n), (fd, n), -1)
REFUSE(int, accept4, (int fd, void *a, socklen_t *n, int f), (fd, a, n, f), -1)
REFUSE(int, getsockname, (int fd, void *a, socklen_t *n), (fd, a, n), -1)
REFUSE(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n),
       (fd, l, o, v, n), -1)
REFUSE(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1)
REFUSE(ssize_t, send, (int fd, const void *p, size_t n, int f),
       (fd, p, n, f), -1)
REFUSE(ssize_t, sendmsg, (int fd, const void *m, int f), (fd, m, f), -1)
REFUSE(int, epoll_create1, (int f), (f), -1)
REFUSE(int, epoll_ctl, (int fd, int op, int of, struct epoll_event *e),
       (fd, op, of, e), -1)
REFUSE(int, timerfd_create, (int c, int f), (c, f), -1)
REFUSE(int, timerfd_settime, (int fd, int f, const struct itimerspec *w,
                              struct itimerspec *o), (fd, f, w, o), -1)
REFUSE(unsigned, if_nametoindex, (const char *name), (name), 0)
REFUSE(int, ioctl, (int fd, unsigned long what, void *p), (fd, what, p), -1)
REFUSE(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
REFUSE(int, chmod, (const char *path, mode_t mode), (path, mode), -1)
REFUSE(int, stat, (const char *path, struct stat *s), (path, s), -1)
REFUSE(int, lstat, (const char *path, struct stat *s), (path, s), -1)

int refuse_setsockopt(int fd, int l, int o, const void *v, socklen_t n)
    __asm__("setsockopt");
int refuse_setsockopt(int fd, int l, int o, const void *v, socklen_t n)
{
    bool passed = refuse.option && l == IPPROTO_IP && o == refuse.option;
    return refused("setsockopt") ? -1
        : passed ? 0 : REAL(setsockopt)(fd, l, o, v, n);
}

int refuse_getifaddrs(struct ifaddrs **rows) __asm__("getifaddrs");
int refuse_getifaddrs(struct ifaddrs **rows)
{
    if (refused("getifaddrs")) {
        return -1;
    }
    *rows = refuse.rows;
    return refuse.told ? 0 : REAL(getifaddrs)(rows);
}

void refuse_freeifaddrs(struct ifaddrs *rows) __asm__("freeifaddrs");
void refuse_freeifaddrs(struct ifaddrs *rows)
{
    if (!refuse.told) {
        REAL(freeifaddrs)(rows);
    }
}

ssize_t refuse_getrandom(void *p, size_t n, unsigned f) __asm__("getrandom");
ssize_t refuse_getrandom(void *p, size_t n, unsigned f)
{
    ssize_t got = refused("getrandom") ? -1 : REAL(getrandom)(p, n, f);
    if (got > 0 && refuse.unfair > 0) {
        refuse.unfair--;
        memset(p, 0xff, (size_t)got);
    }
    return got;
}

FILE *refuse_fopen(const char *path, const char *how) __asm__("fopen");
FILE *refuse_fopen(const char *path, const char *how)
{
    return refused("fopen") ? NULL
        : REAL(fopen)(refuse.instead ? refuse.instead : path, how);
}

int refuse_connect(int fd, const void *a, socklen_t n) __asm__("connect");
int refuse_connect(int fd, const void *a, socklen_t n)
{
    if (refused("connect")) {
        return -1;
    }
    if (refuse.itself) {
        CHECK_EQ(REAL(bind)(fd, a, n), 0);
    }
    return REAL(connect)(fd, a, n);
}

ssize_t refuse_recvmsg(int fd, struct msghdr *m, int f) __asm__("recvmsg");
ssize_t refuse_recvmsg(int fd, struct msghdr *m, int f)
{
    ssize_t n = refused("recvmsg") ? -1 : REAL(recvmsg)(fd, m, f);
    if (refuse.bare) {
        m->msg_controllen = 0;
    }
    return n;
}

int refuse_clock_gettime(clockid_t id, struct timespec *t)
    __asm__("clock_gettime");
int refuse_clock_gettime(clockid_t id, struct timespec *t)
{
    int err = REAL(clock_gettime)(id, t);
    t->tv_sec += refuse.ahead / 1000;
    return err;
}

/*
 * Runs a scenario with its n-th call refused, alone and with all behind it,
 * for each n until it makes no more.  It may fail or get along, but leaves no
 * memory and no descriptor behind; at last it must succeed.  How often it
 * failed.
 */
static inline long refuse_each(const char *only, int err,
                               clu_err (*scenario)(void *ctx), void *ctx)
{
    long failures = 0;
    for (int and_on = 0; and_on < 2; and_on++) {
        for (long n = 1;; n++) {
            long live = clu_alloc_live();
            int open = check_descriptors();
            refuse.only = only;
            refuse.calls = 0;
            refuse.and_on = and_on;
            refuse.err = err;
            refuse.at = n;
            clu_err got = scenario(ctx);
            bool reached = refuse.calls >= n;
            refuse.at = 0;
            check_about("%s %ld%s", only ? only : "call", n,
                        and_on ? " and all behind it" : "");
            CHECK_EQ(clu_alloc_live(), live);
            CHECK_EQ(check_descriptors(), open);
            if (!reached) {
                CHECK_ERR(got, CLU_OK);
                break;
            }
            failures += got != CLU_OK;
        }
    }
    check_about("afterwards");
    return failures;
}

#endif
