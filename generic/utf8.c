/*
 * utf8.c -- is it UTF-8, strictly?
 *
 * Layer: codec.  RFC 3629: the shortest form only, no surrogates, nothing
 * beyond U+10FFFF.
 */
#include "utf8.h"

/* Bytes from p on that are plain ASCII, by words of eight; 0 counts as such. */
static size_t ascii_run(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if (word & 0x8080808080808080u) {
            break;
        }
    }
    while (i < n && p[i] < 0x80) {
        i++;
    }
    return i;
}

/* Bytes the character takes that begins with this one; 0: none does. */
static size_t width(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

bool clu_utf8_next(clu_slice *s, uint32_t *point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s->n ? width(s->p[0]) : 0;
    if (n == 0 || n > s->n) {
        return false;
    }
    uint32_t c = n == 1 ? s->p[0] : s->p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s->p[i] & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | (s->p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return false;
    }
    *s = (clu_slice){ s->p + n, s->n - n };
    *point = c;
    return true;
}

bool clu_utf8_valid(clu_slice s)
{
    while (s.n) {
        size_t run = ascii_run(s.p, s.n);
        s = (clu_slice){ s.p + run, s.n - run };
        uint32_t point;
        if (s.n && !clu_utf8_next(&s, &point)) {
            return false;
        }
    }
    return true;
}

/* From 1 to 7f, eight bytes at once: what is less has its high bit set when
   one is taken away, what is more has it before. */
bool clu_utf8_ascii(clu_slice s)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    size_t i = 0;
    for (; s.n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, sizeof word);
        if (((word - ones) | word) & high) {
            return false;
        }
    }
    while (i < s.n && s.p[i] - 1u < 0x7f) {
        i++;
    }
    return i == s.n;
}

size_t clu_utf8_write(unsigned char out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (unsigned char)point;
        return 1;
    }
    size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, point >>= 6) {
        out[i] = (unsigned char)(0x80 | (point & 0x3f));
    }
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (unsigned char)(lead[n] | (point & (0x7fu >> n)));
    return n;
}
