/*
 * host.c -- this host: its interfaces, its own addresses, its name for itself.
 *
 * Layer: transport (system).
 */
#include "host.h"
#include "sock.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netpacket/packet.h>
#endif

enum { V4 = 4, V6 = 6 };
enum { COALESCE = 100,          /* ms from a change to its announcement */
       DRAIN = 32 };            /* messages of the kernel read at once */

/* What the system said last; one block, so that it is replaced as a whole. */
typedef struct view {
    clu_interface *faces;       /* in the system's order */
    clu_address *addresses;
    size_t *owner;              /* the place of each address's interface */
    unsigned char (*hardware)[6];       /* of each interface */
    size_t face_count, address_count;
} view;

struct clu_host {
    clu_loop *loop;             /* NULL: does not follow changes */
    view now;
    clu_watch watch;            /* rtnetlink */
    clu_timer settle;
    bool changed;               /* since the observers were told */
    clu_list observers;
};

/* ---- Asking the system --------------------------------------------------- */

static void view_fini(view *v)
{
    clu_free(v->faces);
    clu_free(v->addresses);
    clu_free(v->owner);
    clu_free(v->hardware);
    *v = (view){ 0 };
}

static clu_err view_init(view *v, size_t rows)
{
    *v = (view){ 0 };
    v->faces = clu_alloc(rows * sizeof *v->faces);
    v->addresses = clu_alloc(rows * sizeof *v->addresses);
    v->owner = clu_alloc(rows * sizeof *v->owner);
    v->hardware = clu_alloc(rows * sizeof *v->hardware);
    if (!v->faces || !v->addresses || !v->owner || !v->hardware) {
        view_fini(v);
        return CLU_NOMEM;
    }
    return CLU_OK;
}

static clu_interface *find_name(const view *v, const char *name)
{
    for (size_t i = 0; i < v->face_count; i++) {
        if (strncmp(v->faces[i].name, name, sizeof v->faces[i].name) == 0) {
            return &v->faces[i];
        }
    }
    return NULL;
}

static clu_interface *add_face(view *v, const struct ifaddrs *row)
{
    clu_interface *face = find_name(v, row->ifa_name);
    if (face) {
        return face;
    }
    unsigned index = if_nametoindex(row->ifa_name);
    if (index == 0) {
        return NULL;            /* an alias, or gone meanwhile */
    }
    face = &v->faces[v->face_count++];
    snprintf(face->name, sizeof face->name, "%s", row->ifa_name);
    face->index = index;
    face->up = row->ifa_flags & IFF_UP;
    face->multicast = row->ifa_flags & IFF_MULTICAST;
    face->loopback = row->ifa_flags & IFF_LOOPBACK;
    return face;
}

static bool link_local(const clu_address *v6)
{
    return v6->ip[0] == 0xfe && (v6->ip[1] & 0xc0) == 0x80;
}

static void add_address(view *v, clu_interface *face,
                        const struct sockaddr *sockaddr)
{
    clu_address a;
    clu_address_of(sockaddr, &a);
    if (a.family == V4 && face->v4.family == 0) {
        face->v4 = a;
    } else if (a.family == V6
               && (face->v6.family == 0
                   || (link_local(&a) && !link_local(&face->v6)))) {
        face->v6 = a;
    }
    v->owner[v->address_count] = (size_t)(face - v->faces);
    v->addresses[v->address_count++] = a;
}

static void add_hardware(view *v, const clu_interface *face,
                         const struct sockaddr *sockaddr)
{
#ifdef __linux__
    struct sockaddr_ll ll;
    memcpy(&ll, sockaddr, sizeof ll);
    if (ll.sll_halen == 6) {
        memcpy(v->hardware[face - v->faces], ll.sll_addr, 6);
    }
#else
    (void)v;
    (void)face;
    (void)sockaddr;
#endif
}

static void add_row(view *v, const struct ifaddrs *row)
{
    clu_interface *face = add_face(v, row);
    if (!face || !row->ifa_addr) {
        return;
    }
    int family = row->ifa_addr->sa_family;
    if (family == AF_INET || family == AF_INET6) {
        add_address(v, face, row->ifa_addr);
#ifdef __linux__
    } else if (family == AF_PACKET) {
        add_hardware(v, face, row->ifa_addr);
#endif
    }
}

static clu_err look(view *out)
{
    struct ifaddrs *rows;
    if (getifaddrs(&rows) != 0) {
        return CLU_SYSTEM;
    }
    size_t n = 1;
    for (struct ifaddrs *row = rows; row; row = row->ifa_next) {
        n++;
    }
    clu_err err = view_init(out, n);
    for (struct ifaddrs *row = rows; row && err == CLU_OK;
         row = row->ifa_next) {
        add_row(out, row);
    }
    freeifaddrs(rows);
    return err;
}

static bool same(const view *a, const view *b)
{
    return a->face_count == b->face_count
        && a->address_count == b->address_count
        && a->faces             /* before the first look: none */
        && memcmp(a->faces, b->faces, a->face_count * sizeof *a->faces) == 0
        && memcmp(a->addresses, b->addresses,
                  a->address_count * sizeof *a->addresses) == 0;
}

clu_err clu_host_reload(clu_host *host)
{
    view next;
    clu_err err = look(&next);
    if (err != CLU_OK) {
        return err;             /* what was known stays */
    }
    host->changed |= !same(&host->now, &next);
    view_fini(&host->now);
    host->now = next;
    return CLU_OK;
}

/* ---- Following changes --------------------------------------------------- */

void clu_host_observe(clu_host *host, clu_host_observer *o)
{
    clu_list_init(&o->link);
    clu_list_append(&host->observers, &o->link);
}

void clu_host_unobserve(clu_host *host, clu_host_observer *o)
{
    (void)host;
    if (o->link.next) {
        clu_list_unlink(&o->link);
    }
}

/* Each observer moves back before it is called: it may leave, or others. */
static void tell_all(clu_host *host, clu_ms now)
{
    clu_list todo;
    clu_list_init(&todo);
    while (!clu_list_empty(&host->observers)) {
        clu_list *first = host->observers.next;
        clu_list_unlink(first);
        clu_list_append(&todo, first);
    }
    while (!clu_list_empty(&todo)) {
        clu_host_observer *o = CLU_CONTAINER(todo.next, clu_host_observer,
                                             link);
        clu_list_unlink(&o->link);
        clu_list_append(&host->observers, &o->link);
        o->changed(o, now);
    }
}

static void settled(clu_timer *timer, clu_ms now)
{
    clu_host *host = CLU_CONTAINER(timer, clu_host, settle);
    if (clu_host_reload(host) != CLU_OK) {
        clu_loop_set(host->loop, timer, now + COALESCE);
    } else if (host->changed) {
        host->changed = false;
        tell_all(host, now);
    }
}

static void heard(clu_watch *watch, unsigned events, clu_ms now)
{
    (void)events;
    clu_host *host = CLU_CONTAINER(watch, clu_host, watch);
    char message[4096];
    size_t n;
    for (int i = 0; i < DRAIN; i++) {
        if (clu_sock_read(watch->fd, message, sizeof message, &n) == CLU_MORE) {
            break;              /* an overrun is news as well */
        }
    }
    if (host->settle.when.index == 0) {
        clu_loop_set(host->loop, &host->settle, now + COALESCE);
    }
}

/* Without netlink nothing is followed: the 120 s renewal looks again. */
static void follow(clu_host *host)
{
#ifdef __linux__
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    NETLINK_ROUTE);
    fd = clu_sock_lift(fd);
    struct sockaddr_nl groups = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
    };
    if (fd < 0
        || bind(fd, (struct sockaddr *)&groups, sizeof groups) != 0
        || clu_loop_watch(host->loop, &host->watch, fd, CLU_READABLE)
           != CLU_OK) {
        clu_sock_close(fd);
    }
#else
    (void)host;
#endif
}

clu_err clu_host_create(clu_loop *loop, clu_host **host)
{
    clu_host *h = clu_alloc(sizeof *h);
    if (!h) {
        return CLU_NOMEM;
    }
    h->loop = loop;
    h->watch = (clu_watch){ .ready = heard, .fd = -1 };
    h->settle.due = settled;
    clu_list_init(&h->observers);
    if (loop) {
        follow(h);              /* before looking: nothing is missed */
    }
    clu_err err = clu_host_reload(h);
    h->changed = false;
    if (err != CLU_OK) {
        clu_host_destroy(h);
        return err;
    }
    *host = h;
    return CLU_OK;
}

void clu_host_destroy(clu_host *host)
{
    if (!host) {
        return;
    }
    if (host->loop) {
        int fd = host->watch.fd;
        clu_loop_cancel(host->loop, &host->settle);
        clu_loop_unwatch(host->loop, &host->watch);
        clu_sock_close(fd);
    }
    view_fini(&host->now);
    clu_free(host);
}

/* ---- Answers ------------------------------------------------------------- */

size_t clu_host_interfaces(const clu_host *host, const clu_interface **list)
{
    *list = host->now.faces;
    return host->now.face_count;
}

size_t clu_host_addresses(const clu_host *host, const clu_address **list)
{
    *list = host->now.addresses;
    return host->now.address_count;
}

bool clu_host_is_local(const clu_host *host, const clu_address *a)
{
    if (clu_address_is_loopback(a)) {
        return true;
    }
    for (size_t i = 0; i < host->now.address_count; i++) {
        const clu_address *own = &host->now.addresses[i];
        if (own->family == a->family
            && memcmp(own->ip, a->ip, a->family == V6 ? 16 : 4) == 0) {
            return a->family == V4 || own->scope == a->scope;
        }
    }
    return false;
}

const clu_interface *clu_host_interface(const clu_host *host, const char *text)
{
    const view *v = &host->now;
    clu_interface *face = find_name(v, text);
    clu_address a;
    if (face || clu_address_parse(clu_slice_str(text), &a) != CLU_OK) {
        return face;
    }
    for (size_t i = 0; i < v->address_count; i++) {
        if (v->addresses[i].family == a.family
            && memcmp(v->addresses[i].ip, a.ip, sizeof a.ip) == 0) {
            return &v->faces[v->owner[i]];
        }
    }
    return NULL;
}

clu_err clu_host_mtu(const clu_interface *face, int *bytes)
{
    struct ifreq request = { .ifr_mtu = 0 };
    int fd;
    clu_err err = clu_sock_open(AF_INET, SOCK_DGRAM, &fd);
    if (err != CLU_OK) {
        return err;
    }
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", face->name);
    if (ioctl(fd, SIOCGIFMTU, &request) != 0) {
        err = CLU_SYSTEM;
    }
    clu_sock_close(fd);
    if (err == CLU_OK) {
        *bytes = request.ifr_mtu;
    }
    return err;
}

unsigned clu_host_loopback(const clu_host *host)
{
    for (size_t i = 0; i < host->now.face_count; i++) {
        if (host->now.faces[i].loopback && host->now.faces[i].up) {
            return host->now.faces[i].index;
        }
    }
    return 0;
}

/* ---- Names --------------------------------------------------------------- */

/* The first line of a small file, without its end; false when unreadable. */
static bool first_line(const char *path, char *out, size_t room)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    bool got = fgets(out, (int)room, file) != NULL;
    fclose(file);
    if (got) {
        out[strcspn(out, "\r\n")] = '\0';
    }
    return got && out[0] != '\0';
}

static void print_hardware(const unsigned char m[6], char out[18])
{
    snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
             m[4], m[5]);
}

/* FNV-1a: the same in every process, which the keyed hash is not. */
static uint64_t plain_hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return h;
}

static void hid_of_machine(char out[18])
{
    char id[256] = "";
    if (!first_line("/etc/machine-id", id, sizeof id)
        && !first_line("/var/lib/dbus/machine-id", id, sizeof id)
        && !first_line("/proc/sys/kernel/random/boot_id", id, sizeof id)) {
        gethostname(id, sizeof id - 1);
    }
    uint64_t h = plain_hash(id);
    unsigned char m[6] = { 2 };
    memcpy(m + 1, &h, 5);
    print_hardware(m, out);
}

void clu_host_hid(const clu_host *host, char out[18])
{
    static const unsigned char none[6];
    char text[18];
    if (first_line("/sys/class/net/eth0/address", text, sizeof text)
        && strlen(text) == 17) {
        memcpy(out, text, sizeof text);
        return;
    }
    for (size_t i = 0; i < host->now.face_count; i++) {
        if (!host->now.faces[i].loopback
            && memcmp(host->now.hardware[i], none, sizeof none) != 0) {
            print_hardware(host->now.hardware[i], out);
            return;
        }
    }
    hid_of_machine(out);
}

clu_err clu_host_random(void *out, size_t n)
{
    unsigned char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            return CLU_SYSTEM;
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return CLU_OK;
}

clu_err clu_host_sid(char out[9])
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";
    enum { LETTERS = sizeof letters - 1, FAIR = 256 - 256 % LETTERS };
    char sid[9] = "";
    for (size_t n = 0; n < 8;) {
        unsigned char chance[16];
        clu_err err = clu_host_random(chance, sizeof chance);
        if (err != CLU_OK) {
            return err;
        }
        for (size_t i = 0; i < sizeof chance && n < 8; i++) {
            if (chance[i] < FAIR) {     /* above: some would come oftener */
                sid[n++] = letters[chance[i] % LETTERS];
            }
        }
    }
    memcpy(out, sid, sizeof sid);
    return CLU_OK;
}
