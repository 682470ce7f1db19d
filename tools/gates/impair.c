/*
 * impair.c -- a switch between hosts of one machine that loses, doubles,
 *             delays, reorders and cuts, by a seed; see tools/impair.
 *
 *     impair HOSTS SEED
 *
 * Each host is a network namespace with a TAP, eth0, 10.99.0.N.  One process
 * reads all TAPs, asks weather.h what becomes of a frame on each link, keeps
 * it until it is due and writes it.  Lines on stdin change the weather; the
 * end of stdin ends the hosts, and the counters are printed.
 */
#include "weather.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 2048, HEAD = 14 };

typedef struct frame {
    struct frame *next;
    int64_t due;                /* ms */
    unsigned to;
    size_t n;
    unsigned char bytes[];
} frame;

static weather sky;
static int tap[WEATHER_HOSTS + 1], net[WEATHER_HOSTS + 1];
static frame *waiting;          /* by due, then by arrival */

static void die(const char *what)
{
    fprintf(stderr, "impair: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- hosts --------------------------------------------------------------- */

/* The device, made where the system has it but no file for it. */
static int open_device(void)
{
    const char *path = "/dev/net/tun";
    const int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, flags);
    if (fd < 0 && errno == ENOENT) {
        mkdir("/dev/net", 0755);
        mknod(path, S_IFCHR | 0600, makedev(10, 200));
        fd = open(path, flags);
    }
    return fd;
}

static int open_tap(void)
{
    struct ifreq wish = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    strcpy(wish.ifr_name, "eth0");
    int fd = open_device();
    if (fd < 0 || ioctl(fd, TUNSETIFF, &wish) != 0) {
        die("/dev/net/tun");
    }
    return fd;
}

/* We enter a namespace of its own, and keep it by its descriptor. */
static void make_host(unsigned n)
{
    char command[400];
    if (unshare(CLONE_NEWNET) != 0) {
        die("unshare");
    }
    net[n] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    tap[n] = open_tap();
    snprintf(command, sizeof command,
             "ip link set lo up multicast on && "
             "ip link set eth0 address 02:00:00:00:00:%02x up multicast on && "
             "ip address add 10.99.0.%u/24 dev eth0 && "
             "ip route add 224.0.0.0/4 dev eth0", n, n);
    if (net[n] < 0 || system(command) != 0) {
        die("ip");
    }
    printf("host %u /proc/%d/fd/%d 10.99.0.%u\n", n, (int)getpid(), net[n], n);
}

/* ---- frames -------------------------------------------------------------- */

static void keep(unsigned to, const unsigned char *bytes, size_t n,
                 int64_t due)
{
    frame *f = malloc(sizeof *f + n);
    if (f == NULL) {
        die("memory");
    }
    f->due = due;
    f->to = to;
    f->n = n;
    memcpy(f->bytes, bytes, n);
    frame **at = &waiting;
    while (*at != NULL && (*at)->due <= due) {
        at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
}

static bool is_tcp(const unsigned char *bytes, size_t n)
{
    return n > HEAD + 9 && bytes[12] == 0x08 && bytes[13] == 0x00
        && bytes[HEAD + 9] == 6;
}

/* To the host its address names, or to all others. */
static void forward(unsigned from, const unsigned char *bytes, size_t n,
                    int64_t now)
{
    bool many = bytes[0] & 1;
    for (unsigned to = 1; to <= sky.hosts; to++) {
        int64_t due[2];
        if (to == from || (!many && bytes[5] != to)) {
            continue;
        }
        int copies = weather_fate(&sky, from, to, is_tcp(bytes, n), now, due);
        for (int i = 0; i < copies; i++) {
            keep(to, bytes, n, due[i]);
        }
    }
}

static void take_from(unsigned host)
{
    unsigned char bytes[FRAME];
    ssize_t n;
    for (int i = 0; i < 64; i++) {
        n = read(tap[host], bytes, sizeof bytes);
        if (n <= 0) {
            return;
        }
        if (n > HEAD) {
            forward(host, bytes, (size_t)n, clock_ms());
        }
    }
}

static void deliver(int64_t now)
{
    while (waiting != NULL && waiting->due <= now) {
        frame *f = waiting;
        waiting = f->next;
        if (write(tap[f->to], f->bytes, f->n) < 0 && errno != EAGAIN
            && errno != EIO) {
            die("write");
        }
        free(f);
    }
}

/* ---- lines --------------------------------------------------------------- */

static void tell(const char *line)
{
    const char *why = weather_tell(&sky, line);
    if (why != NULL) {
        fprintf(stderr, "impair: \"%s\": %s\n", line, why);
    }
}

/* Whole lines of what stdin has; false at its end. */
static bool take_lines(void)
{
    static char text[4096];
    static size_t held;
    ssize_t n = read(0, text + held, sizeof text - 1 - held);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    held += (size_t)n;
    text[held] = '\0';
    char *line = text, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        tell(line);
        line = end + 1;
    }
    held = strlen(line);
    memmove(text, line, held);
    if (held == sizeof text - 1) {
        held = 0;               /* a line that long is none of ours */
    }
    return true;
}

static void run(void)
{
    struct pollfd fds[WEATHER_HOSTS + 1] = { { .fd = 0, .events = POLLIN } };
    for (unsigned i = 1; i <= sky.hosts; i++) {
        fds[i] = (struct pollfd){ .fd = tap[i], .events = POLLIN };
    }
    for (bool open = true; open;) {
        int64_t now = clock_ms();
        deliver(now);
        int wait = waiting != NULL ? (int)(waiting->due - now) : -1;
        if (poll(fds, sky.hosts + 1, wait) < 0 && errno != EINTR) {
            die("poll");
        }
        for (unsigned i = 1; i <= sky.hosts; i++) {
            if (fds[i].revents) {
                take_from(i);
            }
        }
        if (fds[0].revents) {
            open = take_lines();
        }
    }
}

static void print_counters(void)
{
    for (unsigned i = 1; i <= sky.hosts; i++) {
        for (unsigned k = 1; k <= sky.hosts; k++) {
            const weather_link *l = &sky.at[i][k];
            if (i != k) {
                printf("link %u %u passed %lu lost %lu doubled %lu"
                       " swapped %lu blocked %lu\n", i, k, l->passed, l->lost,
                       l->doubled, l->swapped, l->blocked);
            }
        }
    }
}

int main(int argc, char **argv)
{
    unsigned hosts = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    if (argc != 3 || hosts < 2 || hosts > WEATHER_HOSTS) {
        fprintf(stderr, "usage: impair HOSTS SEED (2 to %d hosts)\n",
                WEATHER_HOSTS);
        return 2;
    }
    weather_init(&sky, hosts, strtoull(argv[2], NULL, 0));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 1; i <= hosts; i++) {
        make_host(i);
    }
    puts("ready");
    run();
    print_counters();
    return 0;
}
