/*
 * template.h -- bpacket templates: which field has which number and type.
 *
 * Layer: codec.  WIRE-ORIGINAL 3, API 7.
 *
 *     template = { field | comment }
 *     field    = [ * ] id type name [ [ | ] args ] [ = version ]
 *     args     = { several lines } | " several lines " | the rest of the line
 *     comment  = # the rest of the line
 *
 * A star says that the field is required.
 */
#ifndef CLU_TEMPLATE_H
#define CLU_TEMPLATE_H

#include "clu.h"

/* name, id in the registry (not on the wire) */
#define CLU_TYPES(X) \
    X(varint, 0) X(boolean, 1) X(float, 2) X(vfloat, 3) X(string, 4) \
    X(raw, 5) X(list, 6) X(dict, 7) X(flags, 8) X(numlist, 9)

typedef enum {
#define X(name, id) CLU_WIRE_##name = id,
    CLU_TYPES(X)
#undef X
    CLU_WIRE_OWN                /* a type that the application brings */
} clu_wire;

const char *clu_wire_name(clu_wire wire);       /* NULL for CLU_WIRE_OWN */

typedef struct clu_template_field {
    uint64_t id;
    clu_wire wire;
    clu_slice type;             /* the word in the template */
    clu_slice name;
    clu_slice args;             /* a Tcl list of keys; empty: none */
    uint64_t version;
    bool required;
    size_t line;                /* from 1, where it begins */
} clu_template_field;

typedef struct clu_template {
    clu_template_field *fields; /* in the order they were written */
    size_t count;
    unsigned char *text;        /* all slices point here */
} clu_template;

/* What is wrong with a template, and where. */
typedef struct clu_template_fault {
    const char *what;           /* a word for errorCode: "DUPLICATE_ID" */
    const char *text;           /* a sentence */
    size_t line;                /* from 1 */
} clu_template_fault;

/* VALUE with *fault, or NOMEM.  Destroy what it made. */
clu_err clu_template_create(clu_slice text, clu_template **t,
                            clu_template_fault *fault);
void clu_template_destroy(clu_template *t);             /* NULL is allowed */

/* NULL when there is none. */
const clu_template_field *clu_template_by_id(const clu_template *t,
                                             uint64_t id);
const clu_template_field *clu_template_by_name(const clu_template *t,
                                               clu_slice name);

#endif
