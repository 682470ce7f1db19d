/*
 * utf8.h -- is it UTF-8, strictly?
 *
 * Layer: codec.  Text on the wire is UTF-8 with NUL as one 00 byte and code
 * points above U+FFFF in four bytes, on every Tcl.  What originals send may be
 * no UTF-8 at all: then each byte stands for a character (WIRE-ORIGINAL 16).
 */
#ifndef CLU_UTF8_H
#define CLU_UTF8_H

#include "clu.h"

bool clu_utf8_valid(clu_slice s);       /* no overlong form, no surrogate */
bool clu_utf8_ascii(clu_slice s);       /* no byte above 7F, no NUL */

/* One character; *c moves behind it.  false: no valid UTF-8 there. */
bool clu_utf8_next(clu_slice *s, uint32_t *point);
size_t clu_utf8_write(unsigned char out[4], uint32_t point);

#endif
