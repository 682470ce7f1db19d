/*
 * forge.c -- a sender that costs little: beacons of members that are not
 *            there, and events as fast as a socket takes them.
 *
 *     forge crowd PORT HID FROM TO        heartbeats of services FROM .. TO-1
 *     forge burst PORT HID COUNT          events of service 0 to the group
 *     forge unix PATH HID COUNT           the same over a connection
 *     forge tcp PORT HID COUNT
 *     forge idle PORT HID FROM TO         connections that say who they are
 *
 * Libraries: CORE
 */
#include "bench.h"

#include "packet.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static clu_buf frame, lists[2];

static void list(clu_packet *p, clu_field f, int room, char *words)
{
    clu_items items = { 0 };
    clu_buf_clear(&lists[room]);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
        clu_items_add(&lists[room], &items, clu_slice_str(w));
    }
    clu_packet_list(p, f, items);
}

/* Service i: half of all have "even", a tenth has "tenth". */
static void head(clu_packet *p, const char *hid, unsigned i, clu_type type)
{
    static char sid[16], protocols[8];
    snprintf(sid, sizeof sid, "s%07u", i);
    snprintf(protocols, sizeof protocols, "t c");
    *p = (clu_packet){ .has = 0 };
    clu_packet_text(p, CLU_FIELD_sid, clu_slice_str(sid));
    clu_packet_text(p, CLU_FIELD_hid, clu_slice_str(hid));
    clu_packet_number(p, CLU_FIELD_type, type);
    clu_packet_number(p, CLU_FIELD_channel, 0);
    list(p, CLU_FIELD_protocols, 0, protocols);
}

static void encode(const clu_packet *p)
{
    clu_buf_clear(&frame);
    if (clu_packet_encode(p, &frame) != CLU_OK) {
        bench_fail("encode");
    }
}

static void beacon(const char *hid, unsigned i)
{
    char tags[100];
    clu_packet p;
    head(&p, hid, i, CLU_TYPE_HEARTBEAT);
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_str("t {port 9} caps 2"));
    snprintf(tags, sizeof tags, "every %s %s node%u", i % 2 ? "odd" : "even",
             i % 10 ? "others" : "tenth", i);
    list(&p, CLU_FIELD_tags, 1, tags);
    encode(&p);
}

static void event(const char *hid)
{
    static const char data[65] = "sixty-four bytes of an event that says "
        "nothing and means no harm.";
    clu_packet p;
    head(&p, hid, 0, CLU_TYPE_EVENT);
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(data, 64));
    encode(&p);
}

/* ---- to the group -------------------------------------------------------- */

static int group(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
    inet_pton(AF_INET, "230.230.230.230", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned char ttl = 0;
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, 1);
    if (connect(fd, (void *)&to, sizeof to)) {
        bench_fail("connect");
    }
    return fd;
}

/* So many at once do not overflow the receivers' buffers. */
static void crowd(int fd, const char *hid, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        beacon(hid, i);
        send(fd, frame.p, frame.n, 0);
        if (i % 500 == 499) {
            usleep(2000);
        }
    }
}

static void burst(int fd, const char *hid, unsigned count)
{
    crowd(fd, hid, 0, 1);
    event(hid);
    for (unsigned i = 0; i < count; i++) {
        send(fd, frame.p, frame.n, 0);
    }
}

/* ---- over connections ---------------------------------------------------- */

static int dial(const char *kind, const char *where)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(where)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s", where);
    int is_unix = strcmp(kind, "unix") == 0;
    int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    if (is_unix ? connect(fd, (void *)&un, sizeof un)
        : connect(fd, (void *)&in, sizeof in)) {
        bench_fail(where);
    }
    return fd;
}

static void put(int fd, const void *p, size_t n)
{
    for (const char *at = p; n > 0;) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            bench_fail("send");
        }
        at += sent;
        n -= (size_t)sent;
    }
}

/* Waits, at most a second, until the other side has read all of it. */
static void pour(int fd, const char *hid, unsigned count)
{
    beacon(hid, 0);
    put(fd, frame.p, frame.n);
    event(hid);
    size_t batch = 64 * 1024 / frame.n;
    char *bytes = malloc(batch * frame.n);
    for (size_t i = 0; i < batch; i++) {
        memcpy(bytes + i * frame.n, frame.p, frame.n);
    }
    for (size_t left = count; left > 0;) {
        size_t now = left < batch ? left : batch;
        put(fd, bytes, now * frame.n);
        left -= now;
    }
    getchar();
}

static void idle(const char *port, const char *hid, unsigned from,
                 unsigned to)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 });
    for (unsigned i = from; i < to; i++) {
        beacon(hid, i);
        put(dial("tcp", port), frame.p, frame.n);
        if (i % 20 == 19) {
            usleep(10000);
        }
    }
    puts("ready");
    fflush(stdout);
    getchar();
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        return 2;
    }
    const char *what = argv[1], *hid = argv[3];
    unsigned count = (unsigned)atoi(argv[4]);
    clu_buf_init(&frame, 4096);
    clu_buf_init(&lists[0], 4096);
    clu_buf_init(&lists[1], 4096);
    if (strcmp(what, "crowd") == 0 && argc > 5) {
        crowd(group((unsigned)atoi(argv[2])), hid, count,
              (unsigned)atoi(argv[5]));
    } else if (strcmp(what, "burst") == 0) {
        burst(group((unsigned)atoi(argv[2])), hid, count);
    } else if (strcmp(what, "idle") == 0 && argc > 5) {
        idle(argv[2], hid, count, (unsigned)atoi(argv[5]));
    } else {
        pour(dial(what, argv[2]), hid, count);
    }
    return 0;
}
