/*
 * sender.c -- what a stranger sends, at full speed and by a seed.
 *
 *     sender beacons PORT COUNT IDS SEED HID [FIRST-ADDRESS SOURCES]
 *     sender random|mutated|cut PORT COUNT SEED HID
 *     sender streams t|u PORT|PATH COUNT SEED HID
 *     sender half PORT COUNT SECONDS [SOURCES]
 *     sender replay PORT FILE TIMES [ADDRESS]     frames in hex, one a line
 *
 * Datagrams go to the group 230.230.230.230, by the loopback interface or from
 * as many addresses as are given.  At its end it prints what it sent:
 * datagrams (or connections) and bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GROUP "230.230.230.230"

static uint64_t seed;
static unsigned long long sent, sent_bytes;

static uint64_t draw(uint64_t below)
{
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- packets ------------------------------------------------------------- */

typedef struct bytes {
    unsigned char at[8192];
    size_t n;
} bytes;

static void put(bytes *b, const void *p, size_t n)
{
    if (b->n + n <= sizeof b->at) {
        memcpy(b->at + b->n, p, n);
        b->n += n;
    }
}

static void put_text(bytes *b, unsigned char field, const char *text)
{
    size_t n = strlen(text);
    put(b, &field, 1);
    unsigned char length[2] = { (unsigned char)(n % 128 + (n > 127 ? 128 : 0)),
                                (unsigned char)(n / 128) };
    put(b, length, n > 127 ? 2 : 1);
    put(b, text, n);
}

/* Its body is behind two bytes of header and two of length. */
static bytes packet(const char *sid, const char *hid, unsigned char type)
{
    bytes body = { .n = 0 };
    put(&body, (unsigned char[]){ 1, type, 2, 0 }, 4);
    put(&body, "\7\2\1t\1c", 6);
    put(&body, "\14\2\3web\3one", 10);
    put_text(&body, 8, "f2a6bd11-1");
    put_text(&body, 10, "t {port 9} caps 2");
    put_text(&body, 4, sid);
    put_text(&body, 3, hid);
    bytes whole = { .n = 0 };
    unsigned char head[4] = { 0xc0, 0x8d, (unsigned char)(body.n % 128 + 128),
                              (unsigned char)(body.n / 128) };
    put(&whole, head, 4);
    put(&whole, body.at, body.n);
    put(&whole, "\0\0", 2);
    return whole;
}

static bytes random_bytes(size_t most)
{
    bytes b = { .n = 1 + draw(most) };
    for (size_t i = 0; i < b.n; i++) {
        b.at[i] = (unsigned char)draw(256);
    }
    if (b.n > 2 && draw(2)) {
        memcpy(b.at, "\xc0\x8d", 2);
    }
    return b;
}

/* Everything but the last field, the hid of another host. */
static void mutate(bytes *b, const char *hid)
{
    size_t most = b->n - strlen(hid) - 4;
    for (uint64_t k = 1 + draw(4); k > 0; k--) {
        b->at[draw(most)] = (unsigned char)draw(256);
    }
}

static bytes bad_packet(const char *how, const char *hid)
{
    char sid[16];
    snprintf(sid, sizeof sid, "s%05d", (int)draw(100000));
    bytes b = packet(sid, hid, (unsigned char)draw(9));
    if (strcmp(how, "random") == 0) {
        b = random_bytes(200);
    } else if (strcmp(how, "mutated") == 0) {
        mutate(&b, hid);
    } else {
        b.n = 1 + draw(b.n - 1);
    }
    return b;
}

/* ---- datagrams ----------------------------------------------------------- */

#define BATCH 32
#define SOURCES 250

static int group_socket(const char *source, int nth)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in from = { .sin_family = AF_INET };
    inet_pton(AF_INET, source, &from.sin_addr);
    from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr)
                                 + (uint32_t)nth);
    if (fd < 0 || bind(fd, (void *)&from, sizeof from) < 0
        || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from.sin_addr,
                      sizeof from.sin_addr) < 0) {
        fail(source);
    }
    return fd;
}

static void send_batch(int fd, int port, bytes *batch, size_t count)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    inet_pton(AF_INET, GROUP, &to.sin_addr);
    struct iovec parts[BATCH];
    struct mmsghdr mail[BATCH];
    memset(mail, 0, sizeof mail);
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){ batch[i].at, batch[i].n };
        mail[i].msg_hdr.msg_name = &to;
        mail[i].msg_hdr.msg_namelen = sizeof to;
        mail[i].msg_hdr.msg_iov = &parts[i];
        mail[i].msg_hdr.msg_iovlen = 1;
        sent_bytes += batch[i].n;
    }
    for (size_t done = 0; done < count;) {
        int n = sendmmsg(fd, mail + done, (unsigned)(count - done), 0);
        if (n < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN) {
            fail("sendmmsg");
        }
        done += n > 0 ? (size_t)n : 0;
    }
    sent += count;
}

static void beacons(int port, unsigned count, unsigned ids, const char *hid,
                    const char *first, int count_of_sources)
{
    int fds[SOURCES];
    for (int i = 0; i < count_of_sources; i++) {
        fds[i] = group_socket(first, i);
    }
    static bytes batch[BATCH];
    for (unsigned i = 0; i < count; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            char sid[16];
            snprintf(sid, sizeof sid, "f%u", (unsigned)draw(ids));
            batch[k] = packet(sid, hid, (unsigned char)(1 + draw(2)));
        }
        send_batch(fds[draw((uint64_t)count_of_sources)], port, batch, BATCH);
    }
}

static void datagrams(const char *how, int port, unsigned count,
                      const char *hid)
{
    int fd = group_socket("127.0.0.1", 0);
    static bytes batch[BATCH];
    for (unsigned i = 0; i < count; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            batch[k] = bad_packet(how, hid);
        }
        send_batch(fd, port, batch, BATCH);
    }
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The next line of the file; one that is too long is cut. */
static bool read_frame(FILE *f, bytes *b)
{
    char line[2 * sizeof b->at + 2];
    if (!fgets(line, sizeof line, f)) {
        return false;
    }
    b->n = strspn(line, "0123456789abcdef") / 2;
    for (size_t i = 0; i < b->n; i++) {
        b->at[i] = (unsigned char)(nibble(line[2 * i]) << 4
                                   | nibble(line[2 * i + 1]));
    }
    return true;
}

static void replay(int port, const char *path, unsigned times,
                   const char *source)
{
    int fd = group_socket(source, 0);
    static bytes batch[BATCH];
    while (times-- > 0) {
        FILE *f = fopen(path, "r");
        if (!f) {
            fail(path);
        }
        for (size_t n = BATCH; n == BATCH;) {
            for (n = 0; n < BATCH && read_frame(f, &batch[n]);) {
                n++;
            }
            send_batch(fd, port, batch, n);
        }
        fclose(f);
    }
}

/* ---- streams ------------------------------------------------------------- */

static int sources = 50;

static int connect_tcp(int port, int nth, bool wait)
{
    int fd = socket(AF_INET, SOCK_STREAM | (wait ? 0 : SOCK_NONBLOCK), 0);
    struct sockaddr_in from = { .sin_family = AF_INET };
    from.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(nth % sources));
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (void *)&from, sizeof from) < 0
        || (connect(fd, (void *)&to, sizeof to) < 0
            && errno != EINPROGRESS)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_unix(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    for (int i = 0; connect(fd, (void *)&to, sizeof to) < 0; i++) {
        if (i > 1000) {
            close(fd);
            return -1;
        }
        usleep(1000);
    }
    return fd;
}

static bool pour(int fd, const bytes *b, size_t piece)
{
    for (size_t at = 0; at < b->n; at += piece) {
        size_t n = b->n - at < piece ? b->n - at : piece;
        if (send(fd, b->at + at, n, MSG_NOSIGNAL) != (ssize_t)n) {
            return false;
        }
        sent_bytes += n;
    }
    return true;
}

/* Random, mutated, a valid session cut at every byte, a byte a segment. */
static void one_stream(int fd, unsigned nth, const char *hid)
{
    bytes b;
    switch (nth % 4) {
    case 0:
        b = random_bytes(2000);
        break;
    case 1:
        b = bad_packet("mutated", hid);
        break;
    default:
        b = packet("s00001", hid, 4);
        break;
    }
    if (nth % 4 == 2) {
        b.n = nth / 4 % b.n;
    }
    pour(fd, &b, nth % 4 == 3 ? 1 : sizeof b.at);
}

static void streams(const char *family, const char *where, unsigned count,
                    const char *hid)
{
    int open_ones[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    for (unsigned i = 0; i < count; i++) {
        int fd = *family == 't' ? connect_tcp(atoi(where), (int)i, true)
                                : connect_unix(where);
        if (fd < 0) {
            fail("connect");
        }
        one_stream(fd, i, hid);
        close(open_ones[i % 8]);
        open_ones[i % 8] = fd;
        sent++;
    }
}

/* So many connections that are held open, each with a byte a second. */
static void half(int port, int count, int seconds)
{
    struct rlimit most = { 20000, 20000 };
    setrlimit(RLIMIT_NOFILE, &most);
    int *fds = calloc((size_t)count, sizeof *fds);
    for (int i = 0; fds && i < count; i++) {
        fds[i] = -1;
    }
    for (time_t end = time(NULL) + seconds; fds && time(NULL) < end;) {
        for (int i = 0; i < count; i++) {
            if (fds[i] < 0) {
                fds[i] = connect_tcp(port, i, false);
                sent += fds[i] >= 0;
            } else if (send(fds[i], "\xc0", 1, MSG_NOSIGNAL) < 0
                       && errno != EAGAIN) {
                close(fds[i]);
                fds[i] = -1;
            } else {
                sent_bytes++;
            }
        }
        sleep(1);
    }
    free(fds);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "sender: see the head of sender.c\n");
        return 2;
    }
    const char *how = argv[1];
    int number = atoi(argv[2]);
    unsigned count = (unsigned)atoi(argv[3]);
    if (strcmp(how, "beacons") == 0) {
        seed = strtoull(argv[5], NULL, 10);
        beacons(number, count, (unsigned)atoi(argv[4]), argv[6],
                argc > 8 ? argv[7] : "127.0.0.1",
                argc > 8 ? atoi(argv[8]) : 1);
    } else if (strcmp(how, "streams") == 0) {
        seed = strtoull(argv[5], NULL, 10);
        streams(argv[2], argv[3], (unsigned)atoi(argv[4]), argv[6]);
    } else if (strcmp(how, "replay") == 0) {
        replay(number, argv[3], (unsigned)atoi(argv[4]),
               argc > 5 ? argv[5] : "127.0.0.1");
    } else if (strcmp(how, "half") == 0) {
        sources = argc > 5 ? atoi(argv[5]) : sources;
        half(number, (int)count, atoi(argv[4]));
    } else {
        seed = strtoull(argv[4], NULL, 10);
        datagrams(how, number, count, argv[5]);
    }
    printf("%llu %llu\n", sent, sent_bytes);
    return 0;
}
