/*
 * number.h -- numbers as bpacket writes them: fractions, and whole numbers
 *             beyond 64 bits.
 *
 * Layer: codec.  WIRE-ORIGINAL 3.
 */
#ifndef CLU_NUMBER_H
#define CLU_NUMBER_H

#include "buf.h"
#include "cursor.h"

/*
 * float: a byte 0 and four bytes, or 1 and eight, low byte first.  Four when
 * they hold the value exactly and it lies within +-2147483647.  VALUE when
 * the first byte is neither.
 */
clu_err clu_float_write(clu_buf *out, double value);
clu_err clu_float_read(clu_cursor *c, double *value);

/*
 * vfloat: a byte, the digits before the point as a varint, the digits behind
 * it as another.  The byte is 1, or 0 for a negative number, plus two for each
 * zero right behind the point (the original loses those).  A number that has
 * no such short form is written as 126 or 127 and eight bytes, low byte first.
 */
clu_err clu_vfloat_write(clu_buf *out, double value);
clu_err clu_vfloat_read(clu_cursor *c, double *value);

#define CLU_BIG_BYTES 128       /* of the longest varint we read or write */
#define CLU_BIG_TEXT 280        /* its decimal digits, with NUL */

/* A varint of any size up to CLU_BIG_BYTES as decimal digits; else OVERFLOW. */
clu_err clu_big_read(clu_cursor *c, char text[CLU_BIG_TEXT]);

/* The other way.  VALUE: not digits alone; OVERFLOW: too many. */
clu_err clu_big_write(clu_buf *out, clu_slice digits);

#endif
