/*
 * template.c -- bpacket templates: which field has which number and type.
 *
 * Layer: codec.
 */
#include "template.h"

const char *clu_wire_name(clu_wire wire)
{
    static const char *const names[] = {
#define X(name, id) [id] = #name,
        CLU_TYPES(X)
#undef X
    };
    return wire < CLU_WIRE_OWN ? names[wire] : NULL;
}

static clu_wire find_wire(clu_slice type)
{
    unsigned wire = 0;
    for (; wire < CLU_WIRE_OWN; wire++) {
        const char *name = clu_wire_name((clu_wire)wire);
        if (clu_slice_eq(type, clu_slice_str(name))) {
            break;
        }
    }
    return (clu_wire)wire;
}

/* ---- The reader of the text ---------------------------------------------- */

typedef struct reader {
    clu_slice left;
    size_t line;
    clu_template_fault *fault;
} reader;

static clu_err fail(reader *r, const char *what, const char *text)
{
    *r->fault = (clu_template_fault){ what, text, r->line };
    return CLU_VALUE;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next byte, or 0 at the end. */
static unsigned char peek(const reader *r)
{
    return r->left.n ? *r->left.p : 0;
}

static void take(reader *r)
{
    r->line += *r->left.p == '\n';
    r->left = (clu_slice){ r->left.p + 1, r->left.n - 1 };
}

static void skip_blanks(reader *r)
{
    while (r->left.n && is_blank(*r->left.p)) {
        take(r);
    }
}

/* All up to the end of the line, which stays. */
static clu_slice take_line(reader *r)
{
    clu_slice from = r->left;
    while (r->left.n && *r->left.p != '\n') {
        take(r);
    }
    return (clu_slice){ from.p, (size_t)(r->left.p - from.p) };
}

static void skip_comments(reader *r)
{
    skip_blanks(r);
    while (peek(r) == '#') {
        take_line(r);
        skip_blanks(r);
    }
}

static clu_slice take_word(reader *r)
{
    skip_blanks(r);
    clu_slice from = r->left;
    while (r->left.n && !is_blank(*r->left.p)) {
        take(r);
    }
    return (clu_slice){ from.p, (size_t)(r->left.p - from.p) };
}

/* false: no digits, or more than 64 bits of them. */
static bool get_number(clu_slice *s, uint64_t *number)
{
    uint64_t value = 0;
    size_t n = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        unsigned digit = (unsigned)(s->p[n] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *s = (clu_slice){ s->p + n, s->n - n };
    *number = value;
    return n > 0;
}

static clu_slice trim(clu_slice s)
{
    while (s.n && is_blank(s.p[0])) {
        s = (clu_slice){ s.p + 1, s.n - 1 };
    }
    while (s.n && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

/* ---- Fields -------------------------------------------------------------- */

/* From an opening brace or quote to the one that closes it. */
static clu_err take_enclosed(reader *r, clu_slice *args)
{
    reader begin = *r;
    unsigned char open = peek(r), close = open == '{' ? '}' : '"';
    take(r);
    clu_slice from = r->left;
    for (size_t depth = 1; r->left.n; take(r)) {
        unsigned char c = peek(r);
        if (c == close && --depth == 0) {
            *args = trim((clu_slice){ from.p,
                                      (size_t)(r->left.p - from.p) });
            take(r);
            return CLU_OK;
        }
        depth += c == open;
    }
    return fail(&begin, "UNCLOSED", "an argument list is not closed");
}

/* Keys to the end of the line; a version may stand behind them. */
static void take_open_args(reader *r, clu_template_field *field)
{
    clu_slice line = take_line(r);
    size_t at = line.n;
    while (at > 0 && line.p[at - 1] != '=') {
        at--;
    }
    clu_slice rest = trim((clu_slice){ line.p + at, line.n - at });
    uint64_t version;
    if (at > 0 && get_number(&rest, &version) && rest.n == 0) {
        field->version = version;
        line.n = at - 1;
    }
    field->args = trim(line);
}

static clu_err take_args(reader *r, clu_template_field *field)
{
    bool pipe = peek(r) == '|';
    if (pipe) {
        take(r);
        while (r->left.n && is_blank(peek(r)) && peek(r) != '\n') {
            take(r);
        }
    }
    if (peek(r) == '{' || (pipe && peek(r) == '"')) {
        return take_enclosed(r, &field->args);
    }
    if (pipe) {
        take_open_args(r, field);
    }
    return CLU_OK;
}

static clu_err take_version(reader *r, clu_template_field *field)
{
    if (peek(r) != '=') {
        return CLU_OK;
    }
    take(r);
    skip_blanks(r);
    if (!get_number(&r->left, &field->version)) {
        return fail(r, "BAD_VERSION", "no number behind =");
    }
    return CLU_OK;
}

/* Behind an optional star: id, type, name, args, version. */
static clu_err take_field(reader *r, clu_template_field *field)
{
    *field = (clu_template_field){ .line = r->line };
    if (peek(r) == '*') {
        field->required = true;
        take(r);
        skip_blanks(r);
    }
    if (!get_number(&r->left, &field->id)) {
        return fail(r, "BAD_ID", "a field begins with its number");
    }
    field->type = take_word(r);
    field->name = take_word(r);
    if (field->name.n == 0) {
        r->line = field->line;
        return fail(r, "INCOMPLETE", "a field has a number, a type and a name");
    }
    field->wire = find_wire(field->type);
    skip_blanks(r);
    clu_err err = take_args(r, field);
    if (err == CLU_OK) {
        skip_blanks(r);
        err = take_version(r, field);
    }
    if (err == CLU_OK && field->wire == CLU_WIRE_dict && field->args.n == 0) {
        r->line = field->line;
        err = fail(r, "NO_KEYS", "a dict has its keys in the template");
    }
    return err;
}

/* ---- Templates ----------------------------------------------------------- */

static clu_err add_field(clu_template *t, reader *r,
                         const clu_template_field *field)
{
    r->line = field->line;
    if (clu_template_by_id(t, field->id)) {
        return fail(r, "DUPLICATE_ID", "two fields have the same number");
    }
    if (clu_template_by_name(t, field->name)) {
        return fail(r, "DUPLICATE_NAME", "two fields have the same name");
    }
    if ((t->count & (t->count - 1)) == 0) {     /* room goes by powers of two */
        size_t room = t->count ? 2 * t->count : 1;
        void *fields = clu_realloc(t->fields, room * sizeof *t->fields);
        if (!fields) {
            return CLU_NOMEM;
        }
        t->fields = fields;
    }
    t->fields[t->count++] = *field;
    return CLU_OK;
}

static clu_err read_fields(clu_template *t, reader *r)
{
    clu_err err = CLU_OK;
    skip_comments(r);
    while (err == CLU_OK && r->left.n) {
        clu_template_field field;
        err = take_field(r, &field);
        if (err == CLU_OK) {
            size_t line = r->line;
            err = add_field(t, r, &field);
            r->line = line;
            skip_comments(r);
        }
    }
    return err;
}

clu_err clu_template_create(clu_slice text, clu_template **t,
                            clu_template_fault *fault)
{
    clu_template *made = clu_alloc(sizeof *made);
    if (!made) {
        return CLU_NOMEM;
    }
    made->text = clu_memdup(text.p, text.n);
    reader r = { { made->text, text.n }, 1, fault };
    clu_err err = made->text ? read_fields(made, &r) : CLU_NOMEM;
    if (err != CLU_OK) {
        clu_template_destroy(made);
        return err;
    }
    *t = made;
    return CLU_OK;
}

void clu_template_destroy(clu_template *t)
{
    if (t) {
        clu_free(t->fields);
        clu_free(t->text);
        clu_free(t);
    }
}

const clu_template_field *clu_template_by_id(const clu_template *t,
                                             uint64_t id)
{
    /* Most templates count from 1. */
    if (id - 1 < t->count && t->fields[id - 1].id == id) {
        return &t->fields[id - 1];
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->fields[i].id == id) {
            return &t->fields[i];
        }
    }
    return NULL;
}

const clu_template_field *clu_template_by_name(const clu_template *t,
                                               clu_slice name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (clu_slice_eq(t->fields[i].name, name)) {
            return &t->fields[i];
        }
    }
    return NULL;
}
