/*
 * bpacket.h -- what the files of the bpacket commands share.
 *
 * Layer: binding.  API 7.
 *
 *     bpacketCmd     ::bpacket itself, and the package
 *     bpacketForm    a template with Tcl's values beside it; own types
 *     bpacketValue   one value of a type, in and out
 *     bpacketIo      what `bpacket create io` makes
 *     bpacketStream  what `bpacket create stream` makes
 *
 * Errors carry {BINARY_PACKET ENCODE|DECODE|TEMPLATE|... WHAT detail}.
 */
#ifndef CLU_BPACKET_H
#define CLU_BPACKET_H

#include "cursor.h"
#include "frame.h"
#include "template.h"
#include "text.h"

/* Sets message (reference count 0) and errorCode; its value is TCL_ERROR. */
#define CLU_BPACKET_FAIL(interp, message, ...) \
    (Tcl_SetObjResult((interp), (message)), \
     Tcl_SetErrorCode((interp), "BINARY_PACKET", __VA_ARGS__, (char *)NULL), \
     TCL_ERROR)

/* A field of a template as Tcl sees it. */
typedef struct clu_bpacket_field {
    const clu_template_field *field;
    Tcl_Obj *name;
    Tcl_Obj *keys;              /* a list, or NULL */
    Tcl_Obj *about;             /* dict: type name version ?args? id */
    Tcl_Obj *own;               /* the command that reads and writes, or NULL */
} clu_bpacket_field;

typedef struct clu_bpacket_form {
    int refs;                   /* scripts may replace it while it is used */
    clu_template *plan;
    clu_bpacket_field *fields;  /* as many as the plan has */
    bool has_required;
    bool runs_scripts;          /* has own types */
} clu_bpacket_form;

/* A template of which every type is known; refs is 1.  Sets the result when
   it fails. */
int clu_bpacket_form_create(Tcl_Interp *interp, Tcl_Obj *text,
                            clu_bpacket_form **form);
clu_bpacket_form *clu_bpacket_form_hold(clu_bpacket_form *form);
void clu_bpacket_form_release(clu_bpacket_form *form);

/* What `bpacket template` returns. */
int clu_bpacket_form_describe(Tcl_Interp *interp, Tcl_Obj *text);

/*
 * One value.  write: whether it fitted is left in out->err.  read: *value has
 * reference count 0; the cursor is somewhere in the value when it fails.
 */
int clu_bpacket_write(Tcl_Interp *interp, const clu_bpacket_field *field,
                      Tcl_Obj *value, clu_buf *out);
int clu_bpacket_read(Tcl_Interp *interp, const clu_bpacket_field *field,
                     clu_cursor *c, Tcl_Obj **value);

/* An error about bytes that were read; name may be NULL. */
int clu_bpacket_malformed(Tcl_Interp *interp, clu_err err, const char *name);
/* An error about bytes that found no room. */
int clu_bpacket_unwritten(Tcl_Interp *interp, clu_err err);

/* ::bpacket::HEADER and ::bpacket::EOF; release gives them back. */
typedef struct clu_bpacket_marks {
    clu_marks marks;
    Tcl_Obj *header, *footer;   /* held; NULL: the usual one */
} clu_bpacket_marks;

void clu_bpacket_marks_get(Tcl_Interp *interp, clu_bpacket_marks *m);
void clu_bpacket_marks_release(clu_bpacket_marks *m);

/* A packet with header, length and end mark around its body. */
Tcl_Obj *clu_bpacket_wrap(const clu_marks *marks, clu_slice body);

/* The constructors of `bpacket create`; objv is what follows the name. */
int clu_bpacket_io_create(Tcl_Interp *interp, Tcl_Obj *name,
                          Tcl_Size objc, Tcl_Obj *const objv[]);
int clu_bpacket_stream_create(Tcl_Interp *interp, Tcl_Obj *name,
                              Tcl_Size objc, Tcl_Obj *const objv[]);

/* Creates a command of that name, seen from the current namespace; its full
   name is the result. */
int clu_bpacket_command(Tcl_Interp *interp, Tcl_Obj *name,
                        Tcl_ObjCmdProc *proc, void *ctx,
                        Tcl_CmdDeleteProc *gone, Tcl_Command *token);

#endif
