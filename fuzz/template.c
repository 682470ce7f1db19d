/*
 * template.c -- fuzz: text that may be a template, while memory fails.
 *
 * Each field of one that was read is found by its id and by its name, and
 * points into the template's own text.
 */
#include "template.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

static void walk(const clu_template *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const clu_template_field *f = &t->fields[i];
        check(clu_template_by_id(t, f->id) == f);
        check(clu_template_by_name(t, f->name) == f);
        check(f->line >= 1);
        check(f->wire == CLU_WIRE_OWN || clu_wire_name(f->wire) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    clu_slice text = clu_slice_of(data + 1, size - 1);
    clu_template *t;
    clu_template_fault fault;
    clu_alloc_fail_at(data[0] % 16, data[0] & 0x80);
    clu_err err = clu_template_create(text, &t, &fault);
    clu_alloc_fail_at(0, false);
    if (err == CLU_OK) {
        walk(t);
        clu_template_destroy(t);
    } else if (err == CLU_VALUE) {
        check(fault.line >= 1 && fault.line <= text.n + 1);
    }
    check(clu_alloc_live() == 0);
    return 0;
}
