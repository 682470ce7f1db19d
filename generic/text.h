/*
 * text.h -- Tcl's strings and bytes from and to the wire's.
 *
 * Layer: binding.  The one place that knows how Tcl writes text inside: NUL as
 * C0 80 and, in Tcl 8.6, characters above U+FFFF as two surrogates of three
 * bytes each.  On the wire text is UTF-8 without either (utf8.h).
 */
#ifndef CLU_TEXT_H
#define CLU_TEXT_H

#include "buf.h"

#include <limits.h>
#include <tcl.h>

#ifndef TCL_SIZE_MAX
typedef int Tcl_Size;
#define TCL_SIZE_MAX INT_MAX
#endif

/*
 * A Tcl string from the wire, with reference count 0.  Bytes that are no UTF-8
 * become one character U+0000 to U+00FF each; a surrogate alone, which a Tcl
 * string may hold, comes back as it was sent.  Two that belong together are
 * one character, also in Tcl 9, so that the wire is the same for both.
 */
Tcl_Obj *clu_text_new(clu_slice wire);

/* Appends the text to out as the wire has it.  Fails as out does. */
clu_err clu_text_get(Tcl_Obj *obj, clu_buf *out);

/*
 * The same without a copy where Tcl's bytes are the wire's: *wire points into
 * obj, for as long as its string lives, or into out, which is cleared first.
 */
clu_err clu_text_borrow(Tcl_Obj *obj, clu_buf *out, clu_slice *wire);

Tcl_Obj *clu_bytes_new(clu_slice bytes);

/* Points into obj.  VALUE: it holds a character above U+00FF. */
clu_err clu_bytes_borrow(Tcl_Obj *obj, clu_slice *bytes);

#endif
