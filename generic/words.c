/*
 * words.c -- Tcl's list syntax without Tcl: words out of text, text of words.
 *
 * Layer: codec.  Rules: Tcl's lindex(n) and Tcl(n) [6], [7], [9].
 */
#include "words.h"
#include "hash.h"
#include "utf8.h"

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static clu_slice skip_space(clu_slice s)
{
    while (s.n && is_space(*s.p)) {
        s = (clu_slice){ s.p + 1, s.n - 1 };
    }
    return s;
}

/* ---- Backslashes --------------------------------------------------------- */

static int digit_of(unsigned char c, int base)
{
    int value = c >= '0' && c <= '9' ? c - '0'
        : c >= 'a' && c <= 'f' ? c - 'a' + 10
        : c >= 'A' && c <= 'F' ? c - 'A' + 10 : base;
    return value < base ? value : -1;
}

/* Up to max digits; as many as keep the point a character. */
static size_t get_digits(clu_slice s, int base, size_t max, uint32_t *point)
{
    uint32_t value = 0, top = base == 16 ? 0x10fff : 0x1f;
    size_t n = 0;
    for (; n < max && n < s.n && value <= top; n++) {
        int digit = digit_of(s.p[n], base);
        if (digit < 0) {
            break;
        }
        value = value * (uint32_t)base + (uint32_t)digit;
    }
    *point = value;
    return n;
}

/* Two halves that were written apart are one character (\ud83d\ude00). */
static clu_err add_point(clu_buf *out, uint32_t point)
{
    if (point >= 0xdc00 && point <= 0xdfff && out->n >= 3) {
        const unsigned char *p = out->p + out->n - 3;
        if (p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xaf) {
            uint32_t high = (p[1] & 0x0fu) << 6 | (p[2] & 0x3fu);
            point = 0x10000 + (high << 10) + (point - 0xdc00);
            out->n -= 3;
        }
    }
    unsigned char bytes[4];
    return clu_buf_bytes(out, (clu_slice){ bytes,
                                           clu_utf8_write(bytes, point) });
}

/* \x41, \u00e9, \U1F600, \101: bytes used behind the backslash; 0: none. */
static size_t get_number(clu_slice s, uint32_t *point)
{
    if (digit_of(s.p[0], 8) >= 0) {
        return get_digits(s, 8, 3, point);
    }
    size_t max = s.p[0] == 'x' ? 2 : s.p[0] == 'u' ? 4
        : s.p[0] == 'U' ? 8 : 0;
    size_t n = get_digits((clu_slice){ s.p + 1, s.n - 1 }, 16, max, point);
    return n ? n + 1 : 0;
}

static unsigned char get_letter(unsigned char c)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? (unsigned char)to[at - from] : c;
}

/* s begins behind a backslash; *used is how much of it that one takes. */
static clu_err unfold_one(clu_slice s, clu_buf *out, size_t *used)
{
    if (s.n == 0) {
        *used = 0;
        return clu_buf_byte(out, '\\');
    }
    uint32_t point;
    *used = get_number(s, &point);
    if (*used) {
        return add_point(out, point);
    }
    *used = 1;
    if (s.p[0] == '\n') {
        while (*used < s.n && (s.p[*used] == ' ' || s.p[*used] == '\t')) {
            ++*used;
        }
        return clu_buf_byte(out, ' ');
    }
    return clu_buf_byte(out, get_letter(s.p[0]));
}

static clu_err unfold(clu_slice raw, clu_buf *out)
{
    while (raw.n) {
        const unsigned char *at = memchr(raw.p, '\\', raw.n);
        size_t plain = at ? (size_t)(at - raw.p) : raw.n;
        clu_err err = clu_buf_bytes(out, (clu_slice){ raw.p, plain });
        raw = (clu_slice){ raw.p + plain, raw.n - plain };
        size_t used = 0;
        if (err == CLU_OK && raw.n) {
            raw = (clu_slice){ raw.p + 1, raw.n - 1 };
            err = unfold_one(raw, out, &used);
        }
        if (err != CLU_OK) {
            return err;
        }
        raw = (clu_slice){ raw.p + used, raw.n - used };
    }
    return CLU_OK;
}

/* ---- Words out of text --------------------------------------------------- */

/* One word as it stands in the text. */
typedef struct raw_word {
    clu_slice text;             /* without braces or quotes */
    bool folded;                /* has backslashes that mean something */
    size_t used;                /* bytes of the word, braces and all */
} raw_word;

/* Bytes that a backslash and what it protects take: a newline protects the
   blanks behind it as well. */
static size_t protected(clu_slice s, size_t at)
{
    size_t end = at + 1;
    if (end < s.n && s.p[end++] == '\n') {
        while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t')) {
            end++;
        }
    }
    return end - at;
}

static bool find_brace(clu_slice s, raw_word *word)
{
    size_t depth = 1;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\') {
            i += protected(s, i) - 1;
        } else if (s.p[i] == '{') {
            depth++;
        } else if (s.p[i] == '}' && --depth == 0) {
            *word = (raw_word){ { s.p + 1, i - 1 }, false, i + 1 };
            return true;
        }
    }
    return false;
}

static bool find_quote(clu_slice s, raw_word *word)
{
    bool folded = false;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\') {
            folded = true;
            i += protected(s, i) - 1;
        } else if (s.p[i] == '"') {
            *word = (raw_word){ { s.p + 1, i - 1 }, folded, i + 1 };
            return true;
        }
    }
    return false;
}

/* A space behind a backslash belongs to the word. */
static bool find_bare(clu_slice s, raw_word *word)
{
    bool folded = false;
    size_t i = 0;
    while (i < s.n && !is_space(s.p[i])) {
        folded = folded || s.p[i] == '\\';
        i += s.p[i] == '\\' ? protected(s, i) : 1;
    }
    *word = (raw_word){ { s.p, i }, folded, i };
    return true;
}

/* OK: *word, and *text moved behind it; GONE; VALUE. */
static clu_err next_raw(clu_slice *text, raw_word *word)
{
    clu_slice s = skip_space(*text);
    if (s.n == 0) {
        *text = s;
        return CLU_GONE;
    }
    bool found = *s.p == '{' ? find_brace(s, word)
        : *s.p == '"' ? find_quote(s, word) : find_bare(s, word);
    if (!found || (word->used < s.n && !is_space(s.p[word->used]))) {
        return CLU_VALUE;
    }
    *text = (clu_slice){ s.p + word->used, s.n - word->used };
    return CLU_OK;
}

clu_err clu_words_next(clu_slice *text, clu_buf *scratch, clu_slice *word)
{
    clu_slice rest = *text;
    raw_word raw;
    clu_err err = next_raw(&rest, &raw);
    if (err == CLU_OK && raw.folded) {
        clu_buf_clear(scratch);
        err = unfold(raw.text, scratch);
        raw.text = clu_buf_slice(scratch);
    }
    if (err == CLU_OK) {
        *word = raw.text;
        *text = rest;
    }
    return err;
}

/* ---- Text of words ------------------------------------------------------- */

typedef enum { BARE, BRACES, BACKSLASHES } quoting;

static bool is_special(unsigned char c)
{
    return is_space(c) || (c && strchr("{}[]$;\"\\", c));
}

/* How a word must be written so that it is read back as it is. */
static quoting choose(clu_slice word)
{
    if (word.n == 0) {
        return BRACES;
    }
    quoting how = *word.p == '#' ? BRACES : BARE;
    size_t depth = 0;
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = word.p[i];
        if (is_special(c)) {
            how = BRACES;
        }
        if (c == '\\') {
            if (++i == word.n || word.p[i] == '\n') {
                return BACKSLASHES;
            }
        } else if (c == '{') {
            depth++;
        } else if (c == '}' && depth-- == 0) {
            return BACKSLASHES;
        }
    }
    return depth ? BACKSLASHES : how;
}

static clu_err add_folded(clu_buf *text, clu_slice word)
{
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = word.p[i];
        if (is_special(c) || (c == '#' && i == 0)) {
            const char *at = c <= '\r'
                ? &"tnvfr"[c - '\t'] : (const char *)&word.p[i];
            clu_buf_byte(text, '\\');
            c = (unsigned char)*at;
        }
        clu_buf_byte(text, c);
    }
    return text->err;
}

static clu_err add_braced(clu_buf *text, clu_slice word)
{
    clu_buf_byte(text, '{');
    clu_buf_bytes(text, word);
    clu_buf_byte(text, '}');
    return text->err;
}

clu_err clu_words_add(clu_buf *text, clu_slice word)
{
    size_t before = text->n;
    clu_err earlier = text->err;
    text->err = CLU_OK;
    if (before) {
        clu_buf_byte(text, ' ');
    }
    quoting how = choose(word);
    clu_err err = how == BRACES ? add_braced(text, word)
        : how == BACKSLASHES ? add_folded(text, word)
        : clu_buf_bytes(text, word);
    if (text->err != CLU_OK) {
        err = text->err;
        text->n = before;
    }
    text->err = earlier ? earlier : err;
    return err;
}

/* ---- Dicts --------------------------------------------------------------- */

clu_err clu_words_get(clu_slice dict, clu_slice key, clu_buf *scratch,
                      clu_slice *value)
{
    clu_slice at = { NULL, 0 };             /* where the value begins */
    bool found = false;
    for (;;) {
        clu_slice word;
        raw_word raw;
        clu_err err = clu_words_next(&dict, scratch, &word);
        if (err == CLU_GONE) {
            break;
        }
        bool same = err == CLU_OK && clu_slice_eq(word, key);
        clu_slice here = dict;
        if (err == CLU_OK) {
            err = next_raw(&dict, &raw);
        }
        if (err != CLU_OK) {
            return err == CLU_GONE ? CLU_VALUE : err;
        }
        if (same) {                         /* the last one counts */
            at = here;
            found = true;
        }
    }
    return found ? clu_words_next(&at, scratch, value) : CLU_GONE;
}

/* Words of a dict; VALUE when it is none, LIMIT beyond max entries. */
static clu_err count_entries(clu_slice dict, size_t max, size_t *entries)
{
    size_t words = 0;
    raw_word raw;
    clu_err err;
    while ((err = next_raw(&dict, &raw)) == CLU_OK) {
        if (++words / 2 > max) {
            return CLU_LIMIT;
        }
    }
    if (err != CLU_GONE || words % 2) {
        return CLU_VALUE;
    }
    *entries = words / 2;
    return CLU_OK;
}

/* Key and value stand in the arena: places, for the arena may move. */
typedef struct entry {
    size_t key, key_n;
    size_t value, value_n;
} entry;

typedef struct merger {
    entry *at;
    size_t count;
    uint32_t *slots;            /* by hash: an entry's number from 1, or 0 */
    size_t mask;                /* slots less one; they are a power of two */
    clu_buf arena;              /* words, unfolded */
    clu_buf scratch;
} merger;

/* The next word into the arena. */
static clu_err keep_word(merger *m, clu_slice *dict, size_t *place, size_t *n)
{
    clu_slice word;
    clu_err err = clu_words_next(dict, &m->scratch, &word);
    if (err == CLU_OK) {
        *place = m->arena.n;
        *n = word.n;
        err = clu_buf_bytes(&m->arena, word);
    }
    return err;
}

static clu_slice kept(const merger *m, size_t place, size_t n)
{
    return (clu_slice){ n ? m->arena.p + place : NULL, n };
}

/* The slot of the entry with the same key, or the free one where it goes. */
static uint32_t *find_slot(const merger *m, const entry *wanted)
{
    clu_slice key = kept(m, wanted->key, wanted->key_n);
    size_t i = (size_t)clu_hash(key) & m->mask;
    for (; m->slots[i] != 0; i = (i + 1) & m->mask) {
        const entry *e = &m->at[m->slots[i] - 1];
        if (clu_slice_eq(kept(m, e->key, e->key_n), key)) {
            break;
        }
    }
    return &m->slots[i];
}

static void put_entry(merger *m, const entry *next)
{
    uint32_t *slot = find_slot(m, next);
    if (*slot == 0) {
        *slot = (uint32_t)++m->count;
    }
    m->at[*slot - 1] = *next;
}

static clu_err merge_dict(merger *m, clu_slice dict)
{
    for (;;) {
        entry next = { 0 };
        clu_err err = keep_word(m, &dict, &next.key, &next.key_n);
        if (err != CLU_OK) {
            return err == CLU_GONE ? CLU_OK : err;
        }
        err = keep_word(m, &dict, &next.value, &next.value_n);
        if (err != CLU_OK) {
            return err;
        }
        put_entry(m, &next);
    }
}

static clu_err write_entries(const merger *m, clu_buf *out)
{
    clu_err err = CLU_OK;
    for (size_t i = 0; i < m->count && err == CLU_OK; i++) {
        const entry *e = &m->at[i];
        err = clu_words_add(out, kept(m, e->key, e->key_n));
        if (err == CLU_OK) {
            err = clu_words_add(out, kept(m, e->value, e->value_n));
        }
    }
    return err;
}

clu_err clu_words_merge(clu_slice first, clu_slice second, size_t max,
                        clu_buf *out)
{
    size_t a, b;
    clu_buf_clear(out);
    clu_err err = count_entries(first, max, &a);
    if (err == CLU_OK) {
        err = count_entries(second, max, &b);
    }
    if (err != CLU_OK || a + b == 0) {
        return err;
    }
    merger m = { .mask = 1 };
    while (m.mask < 2 * (a + b)) {
        m.mask *= 2;
    }
    m.at = clu_alloc((a + b) * sizeof *m.at + m.mask * sizeof *m.slots);
    m.slots = m.at ? (uint32_t *)(m.at + a + b) : NULL;
    m.mask--;
    clu_buf_init(&m.arena, SIZE_MAX);
    clu_buf_init(&m.scratch, SIZE_MAX);
    err = m.at ? merge_dict(&m, first) : CLU_NOMEM;
    if (err == CLU_OK) {
        err = merge_dict(&m, second);
    }
    if (err == CLU_OK) {
        err = m.count > max ? CLU_LIMIT : write_entries(&m, out);
    }
    if (err != CLU_OK) {
        out->n = 0;
    }
    clu_buf_fini(&m.scratch);
    clu_buf_fini(&m.arena);
    clu_free(m.at);
    return err;
}
