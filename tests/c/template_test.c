/*
 * template_test.c -- templates read, and refused with the line that is wrong.
 */
#include "check.h"
#include "template.h"

static const clu_template_field *only(const char *text, clu_template **t)
{
    clu_template_fault fault = { "", "", 0 };
    CHECK_ERR(clu_template_create(clu_slice_str(text), t, &fault), CLU_OK);
    CHECK_STR(fault.what, "");
    return (*t)->fields;
}

TEST("template-1.1 every way to write a field is read")
{
    static const struct {
        const char *text, *type, *name, *args;
        uint64_t id, version;
        bool required;
    } cases[] = {
        { "1 varint n", "varint", "n", "", 1, 0, false },
        { "\r\n1 varint n\r\n", "varint", "n", "", 1, 0, false },
        { "1 flags f | a b\r\n", "flags", "f", "a b", 1, 0, false },
        { "\t12\tstring\tb\n", "string", "b", "", 12, 0, false },
        { "* 3 raw r", "raw", "r", "", 3, 0, true },
        { "*3 raw r", "raw", "r", "", 3, 0, true },
        { "1 varint n = 3", "varint", "n", "", 1, 3, false },
        { "1 dict d | a b c", "dict", "d", "a b c", 1, 0, false },
        { "1 dict d {a b c}", "dict", "d", "a b c", 1, 0, false },
        { "1 dict d | {\n a\n b\n}", "dict", "d", "a\n b", 1, 0, false },
        { "1 dict d {\n a {b c}\n} = 2", "dict", "d", "a {b c}", 1, 2,
          false },
        { "1 dict d | \"a b\"", "dict", "d", "a b", 1, 0, false },
        { "1 flags f | a b = 2", "flags", "f", "a b", 1, 2, false },
        { "1 flags f | a =b", "flags", "f", "a =b", 1, 0, false },
        { "1 flags f | a = 2 b", "flags", "f", "a = 2 b", 1, 0, false },
        { "1 flags f | \1 a", "flags", "f", "\1 a", 1, 0, false },
        { "1 flags f |", "flags", "f", "", 1, 0, false },
        { "# first\n\n 0 varint z # last", "varint", "z", "", 0, 0, false },
        { "1 mine m | x", "mine", "m", "x", 1, 0, false },
        { "18446744073709551615 varint n", "varint", "n", "", UINT64_MAX, 0,
          false },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].text);
        clu_template *t = NULL;
        const clu_template_field *f = only(cases[i].text, &t);
        CHECK_EQ(t->count, 1);
        CHECK(f->id == cases[i].id && f->version == cases[i].version);
        CHECK_EQ(f->required, cases[i].required);
        CHECK_SLICE(f->type, cases[i].type);
        CHECK_SLICE(f->name, cases[i].name);
        CHECK_SLICE(f->args, cases[i].args);
        clu_template_destroy(t);
    }
}

TEST("template-1.2 fields may share a line or take many, and are found")
{
    clu_template *t = NULL;
    only("1 varint a 2 string b\n# c\n* 7 dict c | {\n x\n y } 9 raw d\n"
         "10 flags e | one two\n11 list f", &t);
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    static const uint64_t ids[] = { 1, 2, 7, 9, 10, 11 };
    static const size_t lines[] = { 1, 1, 3, 5, 6, 7 };
    CHECK_EQ(t->count, 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK(clu_template_by_id(t, ids[i]) == &t->fields[i]);
        CHECK(clu_template_by_name(t, clu_slice_str(names[i]))
              == &t->fields[i]);
        CHECK_EQ(t->fields[i].line, lines[i]);
    }
    CHECK(clu_template_by_id(t, 3) == NULL);
    CHECK(clu_template_by_id(t, 0) == NULL);
    CHECK(clu_template_by_name(t, clu_slice_str("x")) == NULL);
    clu_template_destroy(t);
    only("", &t);
    CHECK_EQ(t->count, 0);
    clu_template_destroy(t);
}

TEST("template-1.3 a bad template names what is wrong and its line")
{
    static const struct { const char *text, *what; size_t line; } cases[] = {
        { "varint n", "BAD_ID", 1 },
        { "1 varint a\nstring b", "BAD_ID", 2 },
        { "-1 varint a", "BAD_ID", 1 },
        { "18446744073709551616 varint n", "BAD_ID", 1 },
        { "1", "INCOMPLETE", 1 }, { "\n1 varint", "INCOMPLETE", 2 },
        { "1 varint a\n1 string b", "DUPLICATE_ID", 2 },
        { "1 varint a\n\n2 string a", "DUPLICATE_NAME", 3 },
        { "1 dict d", "NO_KEYS", 1 }, { "1 dict d |\n", "NO_KEYS", 1 },
        { "1 varint a\n2 dict d {\na", "UNCLOSED", 2 },
        { "1 dict d | \"a", "UNCLOSED", 1 },
        { "1 varint a =", "BAD_VERSION", 1 },
        { "1 varint a = x", "BAD_VERSION", 1 },
        { "1 varint a }", "BAD_ID", 1 },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].text);
        clu_template *t = NULL;
        clu_template_fault fault = { "", "", 0 };
        CHECK_ERR(clu_template_create(clu_slice_str(cases[i].text), &t,
                                      &fault), CLU_VALUE);
        CHECK(t == NULL);
        CHECK_STR(fault.what, cases[i].what);
        CHECK_EQ(fault.line, cases[i].line);
        CHECK(strlen(fault.text) > 0);
    }
}

TEST("template-1.4 types have their names")
{
    CHECK_STR(clu_wire_name(CLU_WIRE_varint), "varint");
    CHECK_STR(clu_wire_name(CLU_WIRE_numlist), "numlist");
    CHECK(clu_wire_name(CLU_WIRE_OWN) == NULL);
    clu_template *t = NULL;
    CHECK_EQ(only("1 vfloat x", &t)->wire, CLU_WIRE_vfloat);
    clu_template_destroy(t);
    CHECK_EQ(only("1 vfloa x", &t)->wire, CLU_WIRE_OWN);
    clu_template_destroy(t);
}

static clu_err create(void *ctx)
{
    (void)ctx;
    clu_template *t = NULL;
    clu_template_fault fault;
    clu_err err = clu_template_create(
        clu_slice_str("1 raw a 2 raw b 3 raw c 4 raw d 5 raw e"), &t, &fault);
    CHECK((err == CLU_OK) == (t != NULL));
    clu_template_destroy(t);
    return err;
}

TEST("template-2.1 without memory there is no template")
{
    CHECK_NOMEM(create, NULL);
}
