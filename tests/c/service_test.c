/*
 * service_test.c -- one remote service: its words, what it advertises.
 */
#include "check.h"
#include "sim.h"

static clu_limits limits;

static clu_service *make(clu_table *t)
{
    clu_limits_init(&limits);
    clu_table_init(t, &limits);
    clu_address a = { .family = 4, .ip = { 127, 0, 0, 1 } };
    clu_service *s = NULL;
    clu_table_insert(t, clu_slice_str("sid"), clu_slice_str("hid"), &a, true,
                     0, &s);
    return s;
}

TEST("service-1.1 well-formed sids and hids, and others")
{
    static const struct { const char *word; bool good; } cases[] = {
        { "abcd1234", true }, { "0", true }, { "A+b/c=", true },
        { "02:fc:00:00:00:01", true }, { "a_b.c-d", true },
        { "", false }, { ":", false }, { ":a", false }, { "a:", false },
        { "a::b", false }, { "a b", false }, { "a@b", false },
        { "a[b]", false }, { "a$b", false }, { "a;b", false },
        { "a\"b", false }, { "a{b", false }, { "a}b", false },
        { "a\\b", false }, { "a*b", false }, { "a?b", false },
        { "a(b)", false }, { "a\nb", false }, { "a\tb", false },
        { "caf\xc3\xa9", false }, { "a\x7f", false }, { "#a", false },
    };
    clu_limits_init(&limits);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].word);
        CHECK_EQ(clu_service_word(clu_slice_str(cases[i].word), &limits),
                 cases[i].good);
    }
    CHECK(!clu_service_word(clu_slice_of("a\0b", 3), &limits));
}

TEST("service-1.2 a word is as long as the limit, and never above 255")
{
    static char text[400];
    memset(text, 'a', sizeof text);
    static const struct { int64_t limit; size_t n; bool good; } cases[] = {
        { 128, 128, true }, { 128, 129, false }, { 300, 255, true },
        { 300, 256, false },
    };
    clu_limits_init(&limits);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        limits.at[CLU_LIMIT_ID] = cases[i].limit;
        CHECK_EQ(clu_service_word(clu_slice_of(text, cases[i].n), &limits),
                 cases[i].good);
    }
}

TEST("service-2.1 properties merge, or replace")
{
    static const struct { const char *text; bool merge; clu_err err;
                          const char *after; } steps[] = {
        { "t {port 1}", true, CLU_OK, "t {port 1}" },
        { "u {path /a}", true, CLU_OK, "t {port 1} u {path /a}" },
        { "t {port 2}", true, CLU_OK, "t {port 2} u {path /a}" },
        { "", true, CLU_OK, "t {port 2} u {path /a}" },
        { "odd", true, CLU_VALUE, "t {port 2} u {path /a}" },
        { "a {b", true, CLU_VALUE, "t {port 2} u {path /a}" },
        { "t {port 3}", false, CLU_OK, "t {port 3}" },
        { "t {port 3}", true, CLU_OK, "t {port 3}" },
        { "t  {port 3} t {port 3}", true, CLU_OK, "t {port 3}" },
        { "odd", false, CLU_VALUE, "t {port 3}" },
        { "", false, CLU_OK, "" },
    };
    clu_table t;
    clu_service *s = make(&t);
    for (size_t i = 0; i < CLU_COUNT_OF(steps); i++) {
        check_about("%zu: %s", i, steps[i].text);
        CHECK_ERR(clu_service_props(s, clu_slice_str(steps[i].text),
                                    steps[i].merge, &limits), steps[i].err);
        CHECK_SLICE(s->props, steps[i].after);
    }
    clu_table_fini(&t);
}

TEST("service-2.2 our kind is known by its capabilities")
{
    static const struct { const char *text; bool kin; } cases[] = {
        { "t {port 1}", false }, { "t {port 1} caps 2", true },
        { "caps {}", true }, { "t caps", false }, { "{caps} {3 x}", true },
        { "c\\x61ps 2", true },
    };
    clu_table t;
    clu_service *s = make(&t);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].text);
        clu_service_props(s, clu_slice_str(cases[i].text), false, &limits);
        CHECK_EQ(s->kin, cases[i].kin);
    }
    clu_table_fini(&t);
}

TEST("service-2.4 properties that are repeated cost no memory")
{
    clu_table t;
    clu_service *s = make(&t);
    clu_slice text = clu_slice_str("t {port 1} u {path /a} caps 2");
    for (int i = 0; i < 4; i++) {
        clu_alloc_fail_at(0, false);
        CHECK_ERR(clu_service_props(s, text, i % 2, &limits), CLU_OK);
        CHECK_EQ(clu_alloc_calls() > 0, i == 0);
        CHECK_SLICE(s->props, "t {port 1} u {path /a} caps 2");
        CHECK(s->kin);
    }
    clu_table_fini(&t);
}

TEST("service-2.3 properties beyond a limit leave them as they were")
{
    clu_table t;
    clu_service *s = make(&t);
    clu_service_props(s, clu_slice_str("t {port 1}"), true, &limits);
    static char text[8192];
    memset(text, ' ', sizeof text);
    memcpy(text, "a b", 3);
    CHECK_ERR(clu_service_props(s, clu_slice_of(text, 5000), true, &limits),
              CLU_LIMIT);
    limits.at[CLU_LIMIT_MAP_ENTRIES] = 2;
    CHECK_ERR(clu_service_props(s, clu_slice_str("a 1 b 2 c 3"), true,
                                &limits), CLU_LIMIT);
    CHECK_ERR(clu_service_props(s, clu_slice_str("a 1 b 2"), true, &limits),
              CLU_LIMIT);
    limits.at[CLU_LIMIT_PROPS] = 12;
    CHECK_ERR(clu_service_props(s, clu_slice_str("u {a b}"), true, &limits),
              CLU_LIMIT);
    CHECK_SLICE(s->props, "t {port 1}");
    clu_table_fini(&t);
}

TEST("service-3.1 the port it advertises, or none")
{
    static const struct { const char *props; uint16_t port; } cases[] = {
        { "t {port 40447}", 40447 }, { "u {path /x} t {port 1}", 1 },
        { "t {port 65535}", 65535 }, { "t {port 65536}", 0 },
        { "t {port 0}", 0 }, { "t {port -1}", 0 }, { "t {port {}}", 0 },
        { "t {port 100000}", 0 }, { "t {port 12x}", 0 },
        { "t {port 00080}", 80 }, { "t {}", 0 }, { "", 0 }, { "t x", 0 },
        { "t {port \\x34\\x32}", 42 }, { "\\x74 {port 42}", 42 },
        { "t {ports 1 port 2}", 2 }, { "t {port 1 port 2}", 2 },
        { "t port\\ 42", 42 }, { "t \"port 42\"", 42 },
    };
    clu_table t;
    clu_service *s = make(&t);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].props);
        CHECK_ERR(clu_service_props(s, clu_slice_str(cases[i].props), false,
                                    &limits), CLU_OK);
        CHECK_EQ(clu_service_port(s, "t"), cases[i].port);
        for (int again = 0; again < 2; again++) {
            clu_buf scratch;
            clu_buf_init(&scratch, 4096);
            CHECK_EQ(clu_service_spot(s, 1, 3, "t", &scratch).port,
                     cases[i].port);
            clu_buf_fini(&scratch);
        }
    }
    clu_table_fini(&t);
}

TEST("service-3.2 a path comes back whole, whatever quoting it took")
{
    static const struct { const char *props, *path; clu_err err; } cases[] = {
        { "u {path /tmp/m.sock}", "/tmp/m.sock", CLU_OK },
        { "u {path {/tmp/a b}}", "/tmp/a b", CLU_OK },
        { "u {path /tmp/a\\ b}", "/tmp/a b", CLU_OK },
        { "u {path {/tmp/{x}}}", "/tmp/{x}", CLU_OK },
        { "u {path /tmp/\\{}", "/tmp/{", CLU_OK },
        { "u path\\ /tmp/\\\\\\{", "/tmp/{", CLU_OK },
        { "u \"path /x\"", "/x", CLU_OK },
        { "u {path {}}", "", CLU_OK },
        { "u {p\\x61th \\x2fx}", "/x", CLU_OK },
        { "u {other /x}", "", CLU_GONE }, { "t {port 1}", "", CLU_GONE },
        { "u path", "", CLU_VALUE },
    };
    clu_table t;
    clu_service *s = make(&t);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].props);
        CHECK_ERR(clu_service_props(s, clu_slice_str(cases[i].props), false,
                                    &limits), CLU_OK);
        clu_buf scratch;
        clu_buf_init(&scratch, 4096);
        clu_slice path = clu_slice_str("");
        CHECK_ERR(clu_service_prop(s, "u", "path", &scratch, &path),
                  cases[i].err);
        CHECK_SLICE(path, cases[i].path);
        for (int again = 0; again < 2; again++) {
            clu_buf_clear(&scratch);
            CHECK_SLICE(clu_service_spot(s, 0, 2, "u", &scratch).path,
                        cases[i].path);
        }
        clu_buf_fini(&scratch);
    }
    clu_table_fini(&t);
}

TEST("service-3.3 a spot is kept until the properties change, each by itself")
{
    clu_table t;
    clu_service *s = make(&t);
    clu_buf scratch;
    clu_buf_init(&scratch, 4096);
    CHECK_ERR(clu_service_props(s, clu_slice_str("t {port 1} u {path /x}"),
                                false, &limits), CLU_OK);
    long calls = clu_alloc_calls();
    CHECK_EQ(clu_service_spot(s, 0, 2, "t", &scratch).port, 1);
    CHECK_SLICE(clu_service_spot(s, 1, 2, "u", &scratch).path, "/x");
    CHECK_EQ(clu_service_spot(s, 2, 2, "x", &scratch).port, 0);
    CHECK_EQ(clu_alloc_calls(), calls + 1);     /* their place, once */
    CHECK_ERR(clu_service_props(s, clu_slice_str("u {path /y}"), true,
                                &limits), CLU_OK);
    CHECK_EQ(clu_service_spot(s, 0, 2, "t", &scratch).port, 1);
    CHECK_SLICE(clu_service_spot(s, 1, 2, "u", &scratch).path, "/y");
    CHECK_ERR(clu_service_props(s, clu_slice_str("t {port 2}"), false,
                                &limits), CLU_OK);
    CHECK_EQ(clu_service_spot(s, 0, 2, "t", &scratch).port, 2);
    CHECK_SLICE(clu_service_spot(s, 1, 2, "u", &scratch).path, "");
    clu_buf_fini(&scratch);
    clu_table_fini(&t);
}

static clu_err advertise(void *ctx)
{
    (void)ctx;
    clu_table t;
    clu_service *s = make(&t);
    if (s == NULL) {
        clu_table_fini(&t);
        return CLU_NOMEM;
    }
    clu_err err = clu_service_protocols(s, sim_list("u t c"));
    CHECK_EQ(s->protocols.count, err == CLU_OK ? 3 : 0);
    if (err == CLU_OK) {
        err = clu_service_props(s, clu_slice_str("u {path /\\{}"), true,
                                &limits);
    }
    clu_buf scratch;
    clu_buf_init(&scratch, 100);
    clu_slice path;
    if (err == CLU_OK) {
        clu_spot spot = clu_service_spot(s, 0, 1, "u", &scratch);
        CHECK(spot.path.n == 0 || clu_slice_eq(spot.path,
                                              clu_slice_str("/{")));
        err = clu_service_prop(s, "u", "path", &scratch, &path);
    }
    clu_buf_fini(&scratch);
    clu_table_fini(&t);
    return err;
}

TEST("service-4.1 no memory leaves what it advertised, and leaks nothing")
{
    CHECK_NOMEM(advertise, NULL);
    CHECK_EQ(clu_alloc_live(), 0);
}

TEST("service-5.1 its logical name, where it says one as our kind does")
{
    static const struct { const char *props, *name; clu_err err; } cases[] = {
        { "caps {2 name a}", "a", CLU_OK },
        { "caps {2 name {a b}}", "a b", CLU_OK },
        { "caps {2 more x name b}", "b", CLU_OK },
        { "caps 2", "", CLU_GONE }, { "caps {}", "", CLU_GONE },
        { "t {port 1}", "", CLU_GONE }, { "", "", CLU_GONE },
        { "caps {2 name}", "", CLU_VALUE },
        { "caps 2\\ name\\ a", "", CLU_GONE },
    };
    clu_table t;
    clu_service *s = make(&t);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s", cases[i].props);
        /* As it came: a merge would write it anew. */
        s->props = clu_slice_str(cases[i].props);
        clu_buf scratch;
        clu_buf_init(&scratch, 100);
        clu_slice name = clu_slice_str("");
        CHECK_ERR(clu_service_named(s, &scratch, &name), cases[i].err);
        CHECK_SLICE(name, cases[i].name);
        clu_buf_fini(&scratch);
    }
    s->props = (clu_slice){ NULL, 0 };
    clu_buf scratch;
    clu_buf_init(&scratch, 100);
    CHECK_EQ(clu_service_spot(s, 0, 0, "t", &scratch).port, 0);
    clu_buf_fini(&scratch);
    clu_table_fini(&t);
}
