/*
 * netns.h -- a network of the test's own: lo, and interfaces it makes.
 *
 * Included by tests that need one; without the right to make one they skip.
 */
#ifndef CLU_TEST_NETNS_H
#define CLU_TEST_NETNS_H

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool netns_flags(const char *name, short set, short clear)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = { 0 };
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    bool ok = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags = (short)((request.ifr_flags | set) & ~clear);
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return ok;
}

/* Leaves the host's network for an empty one in which lo is up. */
static inline bool netns_enter(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    return netns_flags("lo", IFF_UP | IFF_MULTICAST, 0);
}

/* ip(8), quietly; false when it is missing or fails. */
static inline bool netns_ip(const char *command)
{
    char line[300] = "ip ";
    strncat(line, command, sizeof line - 30);
    strcat(line, " >/dev/null 2>&1");
    return system(line) == 0;
}

#endif
