/*
 * address.c -- an internet address as a plain value, and as text.
 *
 * Layer: base.
 */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { NONE = 0, UNIX = 1, V4 = 4, V6 = 6 };

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

const char *clu_address_text(const clu_address *a, char out[CLU_ADDRESS_TEXT])
{
    out[0] = '\0';
    switch (a->family) {
    case UNIX:
        memcpy(out, "local", sizeof "local");
        break;
    case V4:
        inet_ntop(AF_INET, a->ip, out, CLU_ADDRESS_TEXT);
        break;
    case V6:
        inet_ntop(AF_INET6, a->ip, out, CLU_ADDRESS_TEXT);
        if (a->scope) {
            size_t n = strlen(out);
            snprintf(out + n, CLU_ADDRESS_TEXT - n, "%%%u",
                     (unsigned)a->scope);
        }
        break;
    default:
        break;
    }
    return out;
}

/* The digits behind a '%'; false when they are no interface index. */
static bool get_scope(const char *digits, uint32_t *scope)
{
    uint64_t value = 0;
    if (*digits == '\0') {
        return false;
    }
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*digits - '0');
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *scope = (uint32_t)value;
    return true;
}

clu_err clu_address_parse(clu_slice text, clu_address *out)
{
    char copy[CLU_ADDRESS_TEXT];
    if (text.n == 0 || text.n >= sizeof copy
        || memchr(text.p, '\0', text.n)) {
        return CLU_VALUE;
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';

    clu_address a = { .family = V4 };
    if (inet_pton(AF_INET, copy, a.ip) == 1) {
        *out = a;
        return CLU_OK;
    }
    char *scope = strchr(copy, '%');
    if (scope) {
        *scope = '\0';
        if (!get_scope(scope + 1, &a.scope)) {
            return CLU_VALUE;
        }
    }
    if (inet_pton(AF_INET6, copy, a.ip) != 1) {
        return CLU_VALUE;
    }
    a.family = V6;
    if (memcmp(a.ip, mapped, sizeof mapped) == 0) {
        a = (clu_address){ .family = V4, .ip = { a.ip[12], a.ip[13],
                                                 a.ip[14], a.ip[15] } };
    }
    *out = a;
    return CLU_OK;
}

bool clu_address_same_host(const clu_address *a, const clu_address *b)
{
    if (a->family != b->family) {
        return false;
    }
    switch (a->family) {
    case V4:
        return memcmp(a->ip, b->ip, 4) == 0;
    case V6:
        return memcmp(a->ip, b->ip, 16) == 0 && a->scope == b->scope;
    default:
        return true;
    }
}

bool clu_address_eq(const clu_address *a, const clu_address *b)
{
    return a->port == b->port && clu_address_same_host(a, b);
}

bool clu_address_is_multicast(const clu_address *a)
{
    return (a->family == V4 && (a->ip[0] & 0xf0) == 0xe0)
        || (a->family == V6 && a->ip[0] == 0xff);
}

bool clu_address_is_loopback(const clu_address *a)
{
    static const uint8_t one[16] = { [15] = 1 };
    return (a->family == V4 && a->ip[0] == 127)
        || (a->family == V6 && memcmp(a->ip, one, sizeof one) == 0);
}
