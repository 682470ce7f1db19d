/*
 * number.c -- numbers as bpacket writes them: fractions, and whole numbers
 *             beyond 64 bits.
 *
 * Layer: codec.
 */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Bits ---------------------------------------------------------------- */

static clu_err write_low_first(clu_buf *out, unsigned char kind, uint64_t bits,
                               size_t n)
{
    unsigned char bytes[9] = { kind };
    for (size_t i = 0; i < n; i++) {
        bytes[1 + i] = (unsigned char)(bits >> 8 * i);
    }
    return clu_buf_bytes(out, (clu_slice){ bytes, 1 + n });
}

static clu_err write_double(clu_buf *out, unsigned char kind, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return write_low_first(out, kind, bits, sizeof bits);
}

static clu_err read_low_first(clu_cursor *c, size_t n, uint64_t *bits)
{
    clu_slice bytes;
    clu_err err = clu_cursor_bytes(c, n, &bytes);
    if (err == CLU_OK) {
        *bits = 0;
        for (size_t i = 0; i < n; i++) {
            *bits |= (uint64_t)bytes.p[i] << 8 * i;
        }
    }
    return err;
}

static clu_err read_double(clu_cursor *c, double *value)
{
    uint64_t bits;
    clu_err err = read_low_first(c, sizeof bits, &bits);
    if (err == CLU_OK) {
        memcpy(value, &bits, sizeof bits);
    }
    return err;
}

static clu_err read_float(clu_cursor *c, double *value)
{
    uint64_t bits;
    clu_err err = read_low_first(c, sizeof(uint32_t), &bits);
    if (err == CLU_OK) {
        uint32_t half = (uint32_t)bits;
        float f;
        memcpy(&f, &half, sizeof f);
        *value = (double)f;
    }
    return err;
}

/* ---- float --------------------------------------------------------------- */

clu_err clu_float_write(clu_buf *out, double value)
{
    float f = (float)value;
    double back = (double)f;
    if (!(fabs(value) <= 2147483647.0) || back < value || back > value) {
        return write_double(out, 1, value);
    }
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return write_low_first(out, 0, bits, sizeof bits);
}

clu_err clu_float_read(clu_cursor *c, double *value)
{
    clu_cursor at = *c;
    unsigned char kind;
    clu_err err = clu_cursor_byte(&at, &kind);
    if (err == CLU_OK) {
        err = kind == 0 ? read_float(&at, value)
            : kind == 1 ? read_double(&at, value) : CLU_VALUE;
    }
    if (err == CLU_OK) {
        *c = at;
    }
    return err;
}

/* ---- vfloat -------------------------------------------------------------- */

#define SIGN 1u                 /* in the first byte: not negative */
#define WHOLE 126u              /* from here on: eight bytes follow */

/* The shortest digits that give the value back; false: with an exponent. */
static bool print_plain(double value, char text[40])
{
    for (int digits = 15;; digits++) {      /* 17 give every value back */
        snprintf(text, 40, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    return strspn(text, "0123456789.") == strlen(text);
}

clu_err clu_vfloat_write(clu_buf *out, double value)
{
    char text[40];
    unsigned kind = signbit(value) ? 0 : SIGN;
    if (!print_plain(fabs(value), text)) {
        return write_double(out, (unsigned char)(WHOLE + kind), value);
    }
    const char *point = strchr(text, '.');
    const char *behind = point ? point + 1 : "0";
    size_t zeros = strspn(behind, "0");
    if (zeros < strlen(behind)) {
        kind += 2 * (unsigned)zeros;
    }
    clu_err err = clu_buf_reserve(out, 1 + 2 * CLU_VARINT_MAX);
    if (err == CLU_OK) {
        clu_buf_byte(out, (unsigned char)kind);
        clu_buf_varint(out, strtoull(text, NULL, 10));
        clu_buf_varint(out, strtoull(behind, NULL, 10));
    }
    return err;
}

clu_err clu_vfloat_read(clu_cursor *c, double *value)
{
    clu_cursor at = *c;
    unsigned char kind;
    clu_err err = clu_cursor_byte(&at, &kind);
    if (err == CLU_OK && kind > WHOLE + SIGN) {
        return CLU_VALUE;
    }
    if (err == CLU_OK && kind >= WHOLE) {
        err = read_double(&at, value);
    } else if (err == CLU_OK) {
        uint64_t before, behind;
        err = clu_cursor_varint(&at, &before);
        if (err == CLU_OK) {
            err = clu_cursor_varint(&at, &behind);
        }
        if (err == CLU_OK) {
            char text[120];
            snprintf(text, sizeof text, "%s%llu.%.*s%llu",
                     kind & SIGN ? "" : "-", (unsigned long long)before,
                     kind / 2, "0000000000000000000000000000000000000000"
                     "000000000000000000000000", (unsigned long long)behind);
            *value = strtod(text, NULL);
        }
    }
    if (err == CLU_OK) {
        *c = at;
    }
    return err;
}

/* ---- Numbers beyond 64 bits ---------------------------------------------- */

#define LIMB 1000000000u        /* nine decimal digits each */
#define LIMBS 31

/* big = big * factor + more */
static void grow(uint32_t big[LIMBS], uint32_t factor, uint32_t more)
{
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t sum = (uint64_t)big[i] * factor + more;
        big[i] = (uint32_t)(sum % LIMB);
        more = (uint32_t)(sum / LIMB);
    }
}

/* big = big / 128; returns what is left over. */
static unsigned char shrink(uint32_t big[LIMBS])
{
    uint64_t left = 0;
    for (size_t i = LIMBS; i-- > 0;) {
        uint64_t sum = left * LIMB + big[i];
        big[i] = (uint32_t)(sum / 128);
        left = sum % 128;
    }
    return (unsigned char)left;
}

static bool is_zero(const uint32_t big[LIMBS])
{
    for (size_t i = 0; i < LIMBS; i++) {
        if (big[i]) {
            return false;
        }
    }
    return true;
}

clu_err clu_big_read(clu_cursor *c, char text[CLU_BIG_TEXT])
{
    size_t left = clu_cursor_left(c), n = 0;
    while (n < left && n < CLU_BIG_BYTES && (c->p[n] & 0x80)) {
        n++;
    }
    if (n == left) {
        return CLU_TRUNCATED;
    }
    if (n == CLU_BIG_BYTES) {
        return CLU_OVERFLOW;
    }
    uint32_t big[LIMBS] = { 0 };
    for (size_t i = n + 1; i-- > 0;) {
        grow(big, 128, c->p[i] & 0x7f);
    }
    char *at = text;
    for (size_t i = LIMBS; i-- > 0;) {
        at += snprintf(at, 10, "%09u", (unsigned)big[i]);
    }
    size_t zeros = strspn(text, "0");
    zeros -= zeros == LIMBS * 9;
    memmove(text, text + zeros, LIMBS * 9 + 1 - zeros);
    c->p += n + 1;
    return CLU_OK;
}

clu_err clu_big_write(clu_buf *out, clu_slice digits)
{
    uint32_t big[LIMBS] = { 0 };
    if (digits.n > LIMBS * 9) {
        return CLU_OVERFLOW;
    }
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9') {
            return CLU_VALUE;
        }
        grow(big, 10, digits.p[i] - (uint32_t)'0');
    }
    unsigned char bytes[CLU_BIG_BYTES];
    size_t n = 0;
    do {
        bytes[n] = shrink(big) | 0x80;
    } while (++n < sizeof bytes && !is_zero(big));
    bytes[n - 1] &= 0x7f;
    if (digits.n == 0 || !is_zero(big)) {
        return digits.n == 0 ? CLU_VALUE : CLU_OVERFLOW;
    }
    return clu_buf_bytes(out, (clu_slice){ bytes, n });
}
