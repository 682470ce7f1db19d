/*
 * words_test.c -- lists and dicts read and written as Tcl does.
 */
#include "check.h"
#include "words.h"

#include <stdio.h>
#include <time.h>

typedef struct words_case {
    const char *text;
    size_t n;
    int count;                  /* -1: Tcl says it is no list */
    struct { const char *word; size_t n; } words[16];
} words_case;

static const words_case cases[] = {
#include "../vectors/words.inc"
};

static clu_slice text_of(const words_case *c)
{
    return clu_slice_of(c->text, c->n);
}

/* The words of a text as far as they go; what stopped it. */
static clu_err read_all(clu_slice text, clu_slice *out, clu_buf *kept, int *n)
{
    clu_buf scratch;
    clu_buf_init(&scratch, SIZE_MAX);
    clu_err err = CLU_OK;
    *n = 0;
    while (err == CLU_OK && *n < 16) {
        clu_slice word;
        err = clu_words_next(&text, &scratch, &word);
        if (err == CLU_OK) {
            /* The room was reserved, so that nothing moves. */
            out[(*n)++] = (clu_slice){ kept->p + kept->n, word.n };
            CHECK(kept->room - kept->n >= word.n);
            clu_buf_bytes(kept, word);
        }
    }
    clu_buf_fini(&scratch);
    return err;
}

TEST("words-1.1 a list has the words that Tcl finds, or is none")
{
    size_t none = 0;
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        const words_case *c = &cases[i];
        check_about("%s", c->text);
        clu_buf kept;
        clu_buf_init(&kept, SIZE_MAX);
        clu_buf_reserve(&kept, 4 * c->n + 16);
        clu_slice words[16];
        int n;
        unsigned char *exact = clu_memdup(c->text, c->n);
        clu_err err = read_all(clu_slice_of(exact, c->n), words, &kept, &n);
        CHECK_ERR(err, c->count < 0 ? CLU_VALUE : CLU_GONE);
        if (c->count >= 0) {
            CHECK_EQ(n, c->count);
            for (int w = 0; w < n && w < c->count; w++) {
                CHECK_BYTES(words[w], clu_slice_of(c->words[w].word,
                                                   c->words[w].n));
            }
        }
        none += c->count < 0;
        clu_free(exact);
        clu_buf_fini(&kept);
    }
    CHECK(none > 50 && none < CLU_COUNT_OF(cases) / 2);
}

TEST("words-1.2 a word without backslashes is not copied")
{
    clu_slice text = clu_slice_str("{a b} c");
    const unsigned char *begin = text.p;
    clu_slice word;
    CHECK_ERR(clu_words_next(&text, NULL, &word), CLU_OK);
    CHECK(word.p == begin + 1);
    CHECK_ERR(clu_words_next(&text, NULL, &word), CLU_OK);
    CHECK(word.p == begin + 6);
    CHECK_ERR(clu_words_next(&text, NULL, &word), CLU_GONE);
}

TEST("words-1.3 a failed read moves nothing")
{
    clu_slice text = clu_slice_str(" {a"), before = text;
    clu_slice word = clu_slice_str("before");
    CHECK_ERR(clu_words_next(&text, NULL, &word), CLU_VALUE);
    CHECK(text.p == before.p && text.n == before.n);
    CHECK_SLICE(word, "before");
}

/* Tcl 8.6 has no such characters, so they are not in the table. */
TEST("words-1.4 \\U names every character up to U+10FFFF")
{
    static const struct { const char *text, *word; } points[] = {
        { "\\U1F600", "\xf0\x9f\x98\x80" },
        { "\\U0001F6001", "\xf0\x9f\x98\x80" "1" },
        { "\\U10FFFF", "\xf4\x8f\xbf\xbf" },
        { "\\U110000", "\xf0\x91\x80\x80" "0" },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
        { "\\ud83dx", "\xed\xa0\xbdx" },
        { "\\ude00", "\xed\xb8\x80" },
        { "abc\\ude00", "abc\xed\xb8\x80" },
        { "\\ud000\\ude00", "\xed\x80\x80\xed\xb8\x80" },
        { "\\ude00\\ude00", "\xed\xb8\x80\xed\xb8\x80" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(points); i++) {
        clu_buf scratch;
        clu_buf_init(&scratch, SIZE_MAX);
        clu_slice text = clu_slice_str(points[i].text), word;
        CHECK_ERR(clu_words_next(&text, &scratch, &word), CLU_OK);
        CHECK_SLICE(word, points[i].word);
        clu_buf_fini(&scratch);
    }
}

TEST("words-1.5 a backslash before a byte of zero leaves the byte")
{
    clu_slice text = clu_slice_of("\\\0", 2), word;
    clu_buf scratch;
    clu_buf_init(&scratch, SIZE_MAX);
    CHECK_ERR(clu_words_next(&text, &scratch, &word), CLU_OK);
    CHECK_BYTES(word, clu_slice_of("", 1));
    clu_buf_fini(&scratch);
}

/* Writes the words as a list and reads them back. */
static void check_round_trip(const clu_slice *words, int count)
{
    clu_buf text, kept;
    clu_buf_init(&text, SIZE_MAX);
    clu_buf_init(&kept, SIZE_MAX);
    clu_buf_reserve(&kept, 1000);
    for (int i = 0; i < count; i++) {
        CHECK_ERR(clu_words_add(&text, words[i]), CLU_OK);
    }
    clu_slice back[16];
    int n;
    CHECK_ERR(read_all(clu_buf_slice(&text), back, &kept, &n),
              CLU_GONE);
    CHECK_EQ(n, count);
    for (int i = 0; i < n && i < count; i++) {
        CHECK_BYTES(back[i], words[i]);
    }
    clu_buf_fini(&text);
    clu_buf_fini(&kept);
}

TEST("words-2.1 any words are read back as they were added")
{
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        const words_case *c = &cases[i];
        check_about("%s", c->text);
        clu_slice words[16];
        int count = c->count < 0 ? 0 : c->count;
        for (int w = 0; w < count; w++) {
            words[w] = clu_slice_of(c->words[w].word, c->words[w].n);
        }
        if (count < 15) {
            words[count++] = text_of(c);        /* a list is a word as well */
        }
        check_round_trip(words, count);
    }
}

TEST("words-2.2 words are quoted as people write them")
{
    static const struct { const char *word, *text; } quoted[] = {
        { "a", "a" }, { "", "{}" }, { "a b", "{a b}" }, { "{", "\\{" },
        { "}", "\\}" }, { "a\\", "a\\\\" }, { "a;b", "{a;b}" },
        { "#a", "{#a}" }, { "a#", "a#" }, { "$x", "{$x}" },
        { "port 1", "{port 1}" }, { "{a", "\\{a" }, { "}{", "\\}\\{" },
        { "a\n{", "a\\n\\{" }, { "#{", "\\#\\{" }, { "{a}", "{{a}}" },
        { "\\{", "{\\{}" }, { "a\\\nb", "a\\\\\\nb" },
        { "{\t\v\f\r ", "\\{\\t\\v\\f\\r\\ " },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(quoted); i++) {
        clu_buf text;
        clu_buf_init(&text, SIZE_MAX);
        CHECK_ERR(clu_words_add(&text, clu_slice_str(quoted[i].word)),
                  CLU_OK);
        CHECK_SLICE(clu_buf_slice(&text), quoted[i].text);
        clu_buf_fini(&text);
    }
}

TEST("words-2.3 a word that does not fit is not begun")
{
    for (size_t limit = 0; limit < 9; limit++) {
        check_about("limit %zu", limit);
        clu_buf text;
        clu_buf_init(&text, limit);
        clu_err a = clu_words_add(&text, clu_slice_str("a"));
        CHECK_ERR(a, limit < 1 ? CLU_LIMIT : CLU_OK);
        clu_err b = clu_words_add(&text, clu_slice_str("b{"));
        CHECK_ERR(b, limit < (a ? 3 : 5) ? CLU_LIMIT : CLU_OK);
        CHECK_SLICE(clu_buf_slice(&text), a ? "" : b ? "a" : "a b\\{");
        CHECK_ERR(text.err, a ? a : b);
        clu_buf_fini(&text);
    }
}

/* ---- Dicts --------------------------------------------------------------- */

TEST("words-3.1 the value of a key is the last one given")
{
    static const struct {
        const char *dict, *key;
        clu_err err;
        const char *value;
    } gets[] = {
        { "t {port 40447}", "t", CLU_OK, "port 40447" },
        { "u {path /tmp/m.sock} t {port 1}", "t", CLU_OK, "port 1" },
        { "a 1 b 2 a 3", "a", CLU_OK, "3" },
        { "a 1 b 2", "c", CLU_GONE, NULL },
        { "", "a", CLU_GONE, NULL },
        { "a", "a", CLU_VALUE, NULL },
        { "a 1 b", "a", CLU_VALUE, NULL },
        { "a 1 {b", "a", CLU_VALUE, NULL },
        { "{a b} c\\ d x\\x79 \\x41\\x42", "xy", CLU_OK, "AB" },
        { "{a b} c\\ d xy z\\tz", "a b", CLU_OK, "c d" },
        { "\\x61 x\\x20y \\x62 {}", "a", CLU_OK, "x y" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(gets); i++) {
        check_about("%s of %s", gets[i].key, gets[i].dict);
        clu_buf scratch;
        clu_buf_init(&scratch, SIZE_MAX);
        clu_slice value = clu_slice_str("before");
        CHECK_ERR(clu_words_get(clu_slice_str(gets[i].dict),
                                clu_slice_str(gets[i].key), &scratch,
                                &value), gets[i].err);
        CHECK_SLICE(value, gets[i].err ? "before" : gets[i].value);
        clu_buf_fini(&scratch);
    }
}

TEST("words-3.2 a merged dict keeps places and takes the later values")
{
    static const struct {
        const char *a, *b;
        size_t max;
        clu_err err;
        const char *out;
    } merges[] = {
        { "", "", 9, CLU_OK, "" },
        { "a 1", "", 9, CLU_OK, "a 1" },
        { "", "a 1", 9, CLU_OK, "a 1" },
        { "a 1 b 2", "b 3 c 4", 9, CLU_OK, "a 1 b 3 c 4" },
        { "a 1 a 2", "", 9, CLU_OK, "a 2" },
        { "t {port 1}", "u {path /x} t {port 2}", 9, CLU_OK,
          "t {port 2} u {path /x}" },
        { "\\x61 1", "a {}", 9, CLU_OK, "a {}" },
        { "{} x", "{} y\\ z", 9, CLU_OK, "{} {y z}" },
        { "a", "", 9, CLU_VALUE, "" },
        { "a 1", "b", 9, CLU_VALUE, "" },
        { "a 1", "{b", 9, CLU_VALUE, "" },
        { "a 1", "b {c", 9, CLU_VALUE, "" },
        { "a 1 b 2", "c 3", 2, CLU_LIMIT, "" },
        { "a 1 b 2", "a 3", 2, CLU_OK, "a 3 b 2" },
        { "a 1 b 2 c 3", "", 2, CLU_LIMIT, "" },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(merges); i++) {
        check_about("%s + %s", merges[i].a, merges[i].b);
        clu_buf out;
        clu_buf_init(&out, SIZE_MAX);
        clu_buf_byte(&out, 'x');
        CHECK_ERR(clu_words_merge(clu_slice_str(merges[i].a),
                                  clu_slice_str(merges[i].b), merges[i].max,
                                  &out), merges[i].err);
        CHECK_SLICE(clu_buf_slice(&out), merges[i].out);
        clu_buf_fini(&out);
    }
}

TEST("words-3.3 a merge that does not fit leaves nothing")
{
    clu_buf out;
    clu_buf_init(&out, 5);
    CHECK_ERR(clu_words_merge(clu_slice_str("a 1"), clu_slice_str("b 2"), 9,
                              &out), CLU_LIMIT);
    CHECK_EQ(out.n, 0);
    clu_buf_fini(&out);
}

/* With each key compared with all before it this takes minutes. */
TEST("words-3.4 a merge of very many keys takes its time once for each")
{
    enum { MANY = 200000 };
    clu_buf text, out;
    clu_buf_init(&text, SIZE_MAX);
    clu_buf_init(&out, SIZE_MAX);
    for (int i = 0; i < MANY; i++) {
        char entry[32];
        snprintf(entry, sizeof entry, "key%d %d ", i, i);
        CHECK_ERR(clu_buf_bytes(&text, clu_slice_str(entry)), CLU_OK);
    }
    clock_t begin = clock();
    CHECK_ERR(clu_words_merge(clu_buf_slice(&text), clu_buf_slice(&text), MANY,
                              &out), CLU_OK);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    CHECK_EQ(out.n + 1, text.n);
    check_about("%.2f s", seconds);
    CHECK(seconds < 5);
    clu_buf_fini(&text);
    clu_buf_fini(&out);
}

static clu_err merge(void *ctx)
{
    (void)ctx;
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_err err = clu_words_merge(clu_slice_str("a 1 b\\x41 2"),
                                  clu_slice_str("bA {3 4} c 4\\n"), 9, &out);
    CHECK_SLICE(clu_buf_slice(&out), err ? "" : "a 1 bA {3 4} c {4\n}");
    clu_buf_fini(&out);
    return err;
}

/* The value, not the key, is what there is no room for. */
static clu_err merge_long(void *ctx)
{
    char text[400];
    snprintf(text, sizeof text, "a %0*d", *(int *)ctx, 1);
    clu_buf out;
    clu_buf_init(&out, SIZE_MAX);
    clu_err err = clu_words_merge(clu_slice_str(text), clu_slice_str(text), 9,
                                  &out);
    CHECK_SLICE(clu_buf_slice(&out), err ? "" : text);
    clu_buf_fini(&out);
    return err;
}

TEST("words-4.1 without memory nothing is merged")
{
    CHECK_NOMEM(merge, NULL);
    CHECK_NOMEM(merge_long, &(int){ 300 });
}
