/*
 * group.c -- the sockets of a multicast group: who hears it, and the way out.
 *
 * Layer: transport (system).
 */
#include "group.h"
#include "udp.h"

#include <netinet/in.h>

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

enum { V4 = 4, V6 = 6 };
enum { RECEIVE_BUFFER = 4 << 20,        /* bytes: a flood loses nothing */
       SEND_BUFFER = 1 << 20 };

static int domain_of(const clu_address *group)
{
    return group->family == V6 ? AF_INET6 : AF_INET;
}

static int level_of(const clu_address *group)
{
    return group->family == V6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

/* ---- Sockets ------------------------------------------------------------- */

/* What both have in common; port 0: one of its own. */
static clu_err open_bound(const clu_address *group, uint16_t port, bool shared,
                          int *fd)
{
    clu_address any = { .family = group->family, .port = port };
    int s;
    clu_err err = clu_sock_open(domain_of(group), SOCK_DGRAM, &s);
    if (err != CLU_OK) {
        return err;
    }
    if (group->family == V6) {
        err = clu_sock_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (err == CLU_OK && shared) {
        err = clu_sock_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (err == CLU_OK) {
        err = clu_sock_bind(s, &any);
    }
    if (err != CLU_OK) {
        clu_sock_close(s);
        return err;
    }
    clu_udp_prepare(s, group->family, RECEIVE_BUFFER);
    *fd = s;
    return CLU_OK;
}

clu_err clu_group_open(const clu_address *group, int *fd)
{
    clu_err err = open_bound(group, group->port, true, fd);
    if (err == CLU_OK) {        /* else what others joined came here too */
#ifdef IP_MULTICAST_ALL
        (void)clu_sock_option(*fd, level_of(group), group->family == V6
                              ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, 0);
#endif
    }
    return err;
}

clu_err clu_group_sender(const clu_address *group, int ttl, int *fd)
{
    int s, level = level_of(group);
    bool v6 = group->family == V6;
    clu_err err = open_bound(group, 0, false, &s);
    if (err != CLU_OK) {
        return err;
    }
    err = clu_sock_option(s, level, v6 ? IPV6_MULTICAST_HOPS
                          : IP_MULTICAST_TTL, ttl);
    if (err == CLU_OK) {
        err = clu_sock_option(s, level, v6 ? IPV6_MULTICAST_LOOP
                              : IP_MULTICAST_LOOP, 1);
    }
    if (err != CLU_OK) {
        clu_sock_close(s);
        return err;
    }
    (void)clu_sock_option(s, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    *fd = s;
    return CLU_OK;
}

clu_err clu_group_buffer(const clu_address *group, int *asked, int *granted)
{
    int fd, bytes;
    socklen_t n = sizeof bytes;
    clu_err err = open_bound(group, 0, false, &fd);
    if (err != CLU_OK) {
        return err;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &n) != 0) {
        err = CLU_SYSTEM;
    }
    clu_sock_close(fd);
    if (err == CLU_OK) {
        *asked = RECEIVE_BUFFER;
        *granted = bytes;
    }
    return err;
}

/* ---- Membership ---------------------------------------------------------- */

static void join_on(int fd, const clu_address *group, unsigned face)
{
    struct group_req request = { .gr_interface = face };
    clu_sockaddr s;
    clu_sockaddr_of(group, &s);
    memcpy(&request.gr_group, &s.s, sizeof s.s);
    int level = level_of(group);
    /* Leaving first makes the kernel report us anew: switches forget. */
    setsockopt(fd, level, MCAST_LEAVE_GROUP, &request, sizeof request);
    setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof request);
}

static bool can_hear(const clu_interface *face, unsigned only)
{
    return face->up && (face->multicast || face->loopback)
        && (only == 0 || face->index == only);
}

void clu_group_join(int fd, const clu_address *group, const clu_host *host,
                    unsigned only)
{
    const clu_interface *faces;
    size_t n = clu_host_interfaces(host, &faces);
    /* With an address first: the system allows only so many (20). */
    for (int addressed = 1; addressed >= 0; addressed--) {
        for (size_t i = 0; i < n; i++) {
            bool has = (group->family == V6 ? faces[i].v6.family
                                            : faces[i].v4.family) != 0;
            if (has == (addressed == 1) && can_hear(&faces[i], only)) {
                join_on(fd, group, faces[i].index);
            }
        }
    }
}

/* ---- The way out --------------------------------------------------------- */

static bool is_any(const clu_address *a)
{
    static const uint8_t none[16];
    return memcmp(a->ip, none, a->family == V6 ? 16 : 4) == 0;
}

clu_err clu_group_route(const clu_address *group, clu_address *source)
{
    clu_sockaddr to;
    clu_address own = { .family = 0 };
    int fd;
    clu_err err = clu_sock_open(domain_of(group), SOCK_DGRAM, &fd);
    if (err != CLU_OK) {
        return err;
    }
    clu_sockaddr_of(group, &to);
    bool found = clu_sock_connect(fd, &to) == CLU_OK
        && clu_sock_name(fd, &own) == CLU_OK && !is_any(&own);
    clu_sock_close(fd);
    if (!found) {
        return CLU_UNREACHABLE;
    }
    *source = own;
    return CLU_OK;
}

clu_way clu_group_fallback(const clu_address *group, const clu_host *host)
{
    clu_way way = { .face = clu_host_loopback(host) };
    if (way.face != 0) {
        way.source = group->family == V6
            ? (clu_address){ .family = V6, .ip = { [15] = 1 } }
            : (clu_address){ .family = V4, .ip = { 127, 0, 0, 1 } };
    }
    return way;
}

/* An IPv6 group of one link or host needs an interface: the first that can. */
static unsigned some_face(const clu_host *host)
{
    const clu_interface *faces;
    size_t n = clu_host_interfaces(host, &faces);
    for (size_t i = 0; i < n; i++) {
        if (can_hear(&faces[i], 0) && !faces[i].loopback
            && faces[i].v6.family) {
            return faces[i].index;
        }
    }
    return 0;
}

static bool needs_face(const clu_address *group)
{
    return group->family == V6 && (group->ip[1] & 0x0f) <= 2;
}

clu_way clu_group_way(const clu_address *group, const clu_host *host, int ttl,
                      const clu_interface *asked)
{
    clu_way fallback = clu_group_fallback(group, host);
    if (asked) {
        clu_way way = { .face = asked->index };
        if (group->family == V4) {
            way.source = asked->v4;
        }
        return asked->index == fallback.face ? fallback : way;
    }
    if (needs_face(group)) {
        unsigned face = group->scope ? group->scope : some_face(host);
        return face ? (clu_way){ .face = face } : fallback;
    }
    if (group->family == V4 && ttl == 0 && fallback.face != 0) {
        return fallback;        /* IPv6 has no multicast route over lo */
    }
    clu_address source;
    return clu_group_route(group, &source) == CLU_OK ? (clu_way){ .face = 0 }
                                                     : fallback;
}
