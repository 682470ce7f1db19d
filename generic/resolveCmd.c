/*
 * resolveCmd.c -- the language of resolve and resolver, read from Tcl.
 *
 * Layer: binding.  API 2: modifiers (-equal -match -regexp) hold for what
 * follows; an operator (-has -all -not -exact -some) for the list behind it;
 * a list without one is -has.  Not beginning with "-": as resolve.
 */
#include "node.h"

#define CLAUSES_MAX 64
#define ITEMS_MAX   4096        /* of all clauses together */

typedef struct clu_filter {     /* a match, and what it is made of */
    clu_match match;
    clu_clause clauses[CLAUSES_MAX];
    size_t clause_count;
    clu_item *items;            /* ITEMS_MAX at most */
    size_t item_count, item_room;
    clu_buf text;               /* the items' bytes, by offset until settled */
    Tcl_Interp *interp;
    clu_node *node;
} clu_filter;

/* ---- patterns ------------------------------------------------------------ */

/* The word as a C string that Tcl understands: on the stack when plain. */
typedef struct clu_plain {
    char at_hand[160];
    Tcl_Obj *obj;
} clu_plain;

static const char *plain_text(clu_plain *plain, clu_slice word)
{
    plain->obj = NULL;
    if (word.n < sizeof plain->at_hand && clu_utf8_ascii(word)) {
        memcpy(plain->at_hand, word.p, word.n);
        plain->at_hand[word.n] = '\0';
        return plain->at_hand;
    }
    plain->obj = clu_text_new(word);
    Tcl_IncrRefCount(plain->obj);
    return Tcl_GetString(plain->obj);
}

/* A pattern of stars, question marks and letters only, as most are. */
static bool is_simple(clu_slice pattern)
{
    for (size_t i = 0; i < pattern.n; i++) {
        if (strchr("[]\\", pattern.p[i]) != NULL) {
            return false;       /* or a NUL, which strchr finds */
        }
    }
    return clu_utf8_ascii(pattern);
}

/* What stands behind the last star is compared first: it says no to most. */
static bool match_simple(clu_slice p, clu_slice s)
{
    while (p.n > 0 && s.n > 0 && p.p[p.n - 1] != '*') {
        p.n--;
        s.n--;
        if (p.p[p.n] != '?' && p.p[p.n] != s.p[s.n]) {
            return false;
        }
    }
    size_t i = 0, k = 0, star = SIZE_MAX, from = 0;
    while (k < s.n) {
        if (i < p.n && p.p[i] == '*') {
            star = i++;
            from = k;
        } else if (i < p.n && (p.p[i] == '?' || p.p[i] == s.p[k])) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            i = star + 1;
            k = ++from;
        } else {
            return false;
        }
    }
    while (i < p.n && p.p[i] == '*') {
        i++;
    }
    return i == p.n;
}

static bool test(void *ctx, clu_match_how how, const clu_item *item,
                 clu_slice word)
{
    if (how == CLU_MATCH_GLOB && item->simple && clu_utf8_ascii(word)) {
        return match_simple(item->text, word);
    }
    clu_filter *filter = ctx;
    clu_plain plain;
    const char *text = plain_text(&plain, word);
    Tcl_Obj *pattern = item->pattern;
    bool yes;
    if (how == CLU_MATCH_GLOB) {
        yes = Tcl_StringMatch(text, Tcl_GetString(pattern));
    } else {
        Tcl_RegExp re = Tcl_GetRegExpFromObj(filter->interp, pattern,
                                             TCL_REG_ADVANCED);
        yes = re != NULL && Tcl_RegExpExec(filter->interp, re, text, text) > 0;
    }
    if (plain.obj != NULL) {
        Tcl_DecrRefCount(plain.obj);
    }
    return yes;
}

/* ---- reading ------------------------------------------------------------- */

static void filter_init(clu_filter *f, clu_node *node, Tcl_Interp *interp)
{
    memset(f, 0, sizeof *f);
    f->node = node;
    f->interp = interp;
    clu_buf_init(&f->text, 1 << 20);
}

static void filter_fini(clu_filter *f)
{
    for (size_t i = 0; i < f->item_count; i++) {
        Tcl_DecrRefCount((Tcl_Obj *)f->items[i].pattern);
    }
    clu_free(f->items);
    clu_buf_fini(&f->text);
    clu_free(f->match.memo);
}

static clu_err room_for_item(clu_filter *f)
{
    if (f->item_count == f->item_room) {
        size_t room = f->item_room ? f->item_room * 2 : 16;
        if (room > ITEMS_MAX) {
            return CLU_LIMIT;
        }
        clu_item *grown = clu_realloc(f->items, room * sizeof *grown);
        if (grown == NULL) {
            return CLU_NOMEM;
        }
        f->items = grown;
        f->item_room = room;
    }
    return CLU_OK;
}

/* Its text, by offset; a service's command stands for its uuid. */
static clu_err item_text(clu_filter *f, Tcl_Obj *word, clu_item *item)
{
    size_t from = f->text.n;
    clu_err err;
    const char *name = Tcl_GetString(word);
    uint64_t id = strncmp(name, "::", 2) == 0
        ? clu_service_id_of(f->node, word) : 0;
    clu_service *s = id
        ? clu_table_find_id(clu_engine_table(f->node->engine), id) : NULL;
    if (s != NULL) {
        err = clu_buf_bytes(&f->text, clu_service_uuid(s));
    } else {
        err = clu_text_get(word, &f->text);
    }
    item->text = clu_slice_of((const void *)(uintptr_t)from,
                              f->text.n - from);
    return err;
}

static int add_item(clu_filter *f, clu_match_how how, Tcl_Obj *word)
{
    clu_err err = room_for_item(f);
    if (err == CLU_OK) {
        err = item_text(f, word, &f->items[f->item_count]);
    }
    if (err != CLU_OK) {
        return clu_tcl_error(f->interp, err, err == CLU_NOMEM
                             ? "out of memory" : "the filter is too long");
    }
    f->items[f->item_count++].pattern = word;
    Tcl_IncrRefCount(word);
    if (how == CLU_MATCH_REGEXP
        && Tcl_GetRegExpFromObj(f->interp, word, TCL_REG_ADVANCED) == NULL) {
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int add_clause(clu_filter *f, clu_match_op op, clu_match_how how,
                      Tcl_Obj *list)
{
    Tcl_Size count;
    Tcl_Obj **words;
    if (Tcl_ListObjGetElements(f->interp, list, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    if (f->clause_count == CLAUSES_MAX) {
        return clu_tcl_error(f->interp, CLU_LIMIT, "the filter is too long");
    }
    size_t first = f->item_count;
    for (Tcl_Size i = 0; i < count; i++) {
        if (add_item(f, how, words[i]) != TCL_OK) {
            return TCL_ERROR;
        }
    }
    f->clauses[f->clause_count++] = (clu_clause){
        op, how, NULL, f->item_count - first };
    return TCL_OK;
}

/* Offsets become pointers now that nothing grows any more. */
static void settle(clu_filter *f)
{
    for (size_t i = 0; i < f->item_count; i++) {
        clu_slice *t = &f->items[i].text;
        t->p = f->text.p + (uintptr_t)t->p;
        /* A service's name became its uuid there, which is no pattern. */
        f->items[i].simple = is_simple(*t)
            && strncmp(Tcl_GetString(f->items[i].pattern), "::", 2) != 0;
    }
    size_t first = 0;
    for (size_t i = 0; i < f->clause_count; i++) {
        f->clauses[i].items = f->items + first;
        first += f->clauses[i].count;
    }
    f->match = (clu_match){ f->clauses, f->clause_count, test, f, NULL };
    for (size_t i = 0; i < f->clause_count && f->match.memo == NULL; i++) {
        if (f->clauses[i].how != CLU_MATCH_EQUAL) {
            f->match.memo = clu_alloc(CLU_MEMO * sizeof *f->match.memo);
        }
    }
}

typedef struct clu_reading {
    clu_match_op op;
    clu_match_how how;
    bool waits;                 /* an operator waits for its list */
} clu_reading;

/* A word of the language, or TCL_CONTINUE when it is a list. */
static int read_word(clu_filter *f, Tcl_Obj *word, clu_reading *r)
{
    static const struct {
        const char *name;
        int op, how;            /* -1: leaves it */
    } words[] = {
        { "-equal", -1, CLU_MATCH_EQUAL }, { "-match", -1, CLU_MATCH_GLOB },
        { "-regexp", -1, CLU_MATCH_REGEXP }, { "-regex", -1, CLU_MATCH_REGEXP },
        { "-has", CLU_MATCH_HAS, -1 }, { "-all", CLU_MATCH_HAS, -1 },
        { "-not", CLU_MATCH_NOT, -1 }, { "-exact", CLU_MATCH_EXACT, -1 },
        { "-some", CLU_MATCH_SOME, -1 },
    };
    const char *name = Tcl_GetString(word);
    if (name[0] != '-') {
        return TCL_CONTINUE;
    }
    for (size_t i = 0; i < CLU_COUNT_OF(words); i++) {
        if (strcmp(words[i].name, name) == 0) {
            if (words[i].op >= 0) {
                r->op = (clu_match_op)words[i].op;
                r->waits = true;
            }
            if (words[i].how >= 0) {
                r->how = (clu_match_how)words[i].how;
            }
            return TCL_OK;
        }
    }
    return clu_tcl_fail(f->interp, "CLUSTER_INVALID_ARGS", "unknown word "
                        "\"%s\": must be -equal, -match, -regexp, -has, -all, "
                        "-not, -exact or -some", name);
}

static int read_resolver(clu_filter *f, Tcl_Size objc, Tcl_Obj *const objv[])
{
    clu_reading r = { CLU_MATCH_HAS, CLU_MATCH_EQUAL, false };
    for (Tcl_Size i = 0; i < objc; i++) {
        int code = read_word(f, objv[i], &r);
        if (code == TCL_ERROR) {
            return code;
        }
        if (code == TCL_CONTINUE) {
            if (add_clause(f, r.op, r.how, objv[i]) != TCL_OK) {
                return TCL_ERROR;
            }
            r.op = CLU_MATCH_HAS;
            r.waits = false;
        }
    }
    return !r.waits ? TCL_OK
        : clu_tcl_fail(f->interp, "CLUSTER_INVALID_ARGS",
                       "missing list behind \"%s\"",
                       Tcl_GetString(objv[objc - 1]));
}

static int read_filters(clu_filter *f, Tcl_Size objc, Tcl_Obj *const objv[])
{
    for (Tcl_Size i = 0; i < objc; i++) {
        if (add_clause(f, CLU_MATCH_HAS, CLU_MATCH_EQUAL, objv[i]) != TCL_OK) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int read_all(clu_filter *f, bool resolver, Tcl_Size objc,
                    Tcl_Obj *const objv[])
{
    /* One word may be the whole list of words. */
    if (resolver && objc == 1) {
        Tcl_Size count;
        Tcl_Obj **words;
        if (Tcl_ListObjGetElements(f->interp, objv[0], &count, &words)
            != TCL_OK) {
            return TCL_ERROR;
        }
        if (count > 0 && Tcl_GetString(words[0])[0] == '-') {
            return read_resolver(f, count, words);
        }
    }
    if (resolver && objc > 0 && Tcl_GetString(objv[0])[0] == '-') {
        return read_resolver(f, objc, objv);
    }
    return read_filters(f, objc, objv);
}

/* ---- results ------------------------------------------------------------- */

const clu_set *clu_resolve_seats(clu_node *node, Tcl_Interp *interp,
                                 bool resolver, Tcl_Size objc,
                                 Tcl_Obj *const objv[], clu_set *scratch)
{
    clu_filter f;
    filter_init(&f, node, interp);
    const clu_set *found = NULL;
    if (read_all(&f, resolver, objc, objv) == TCL_OK) {
        settle(&f);
        found = clu_match_find(clu_engine_table(node->engine), &f.match,
                               scratch);
        if (found == NULL) {
            clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    filter_fini(&f);
    return found;
}

int clu_resolve(clu_node *node, Tcl_Interp *interp, bool resolver,
                Tcl_Size objc, Tcl_Obj *const objv[], clu_found *found)
{
    clu_set scratch = { 0 };
    const clu_set *seats = clu_resolve_seats(node, interp, resolver, objc,
                                             objv, &scratch);
    int code = seats != NULL ? TCL_OK : TCL_ERROR;
    if (code == TCL_OK && clu_found_seats(found, node, seats) != CLU_OK) {
        code = clu_tcl_error(interp, CLU_NOMEM, "out of memory");
    }
    clu_set_free(&scratch);
    return code;
}

int clu_resolve_some(clu_node *node, clu_asked how, Tcl_Size objc,
                     Tcl_Obj *const objv[], clu_service **some, size_t *count)
{
    clu_filter f;
    filter_init(&f, node, node->state->interp);
    int code = how == CLU_ASKED_ALL ? TCL_OK
        : read_all(&f, how == CLU_ASKED_RESOLVER, objc, objv);
    if (code == TCL_OK) {
        settle(&f);
        clu_match_aim(&f.match, clu_engine_table(node->engine));
        size_t met = 0;
        for (size_t i = 0; i < *count; i++) {
            if (some[i]->state != CLU_SERVICE_GONE
                && clu_match_service(&f.match, some[i])) {
                some[met++] = some[i];
            }
        }
        *count = met;
    }
    filter_fini(&f);
    return code;
}

/* ---- one service, or ourselves ------------------------------------------- */

/* Our own words: tags, sid, hid, uuid, localhost. */
static clu_err meets_self(const clu_filter *f, bool *meets)
{
    clu_engine *e = f->node->engine;
    clu_items tags = clu_engine_own_tags(e);
    const clu_config *config = clu_engine_config(e);
    clu_slice *at = clu_alloc((tags.count + 4) * sizeof *at);
    clu_buf uuid;
    clu_buf_init(&uuid, 1024);
    clu_buf_bytes(&uuid, config->sid);
    clu_buf_byte(&uuid, '@');
    clu_buf_bytes(&uuid, config->hid);
    clu_err err = at == NULL ? CLU_NOMEM : uuid.err;
    if (err == CLU_OK) {
        size_t n = 0;
        clu_slice wire = tags.wire;
        while (clu_items_next(&wire, &at[n]) == CLU_OK) {
            n++;
        }
        clu_word_list words = { at, n + 4, n };
        at[n++] = config->sid;
        at[n++] = config->hid;
        at[n++] = clu_buf_slice(&uuid);
        at[n++] = clu_slice_str("localhost");
        *meets = clu_match_words(&f->match, &words);
    }
    clu_buf_fini(&uuid);
    clu_free(at);
    return err;
}

int clu_resolve_one(clu_node *node, Tcl_Interp *interp, bool resolver,
                    Tcl_Size objc, Tcl_Obj *const objv[], clu_service *s,
                    bool *meets)
{
    clu_filter f;
    filter_init(&f, node, interp);
    int code = read_all(&f, resolver, objc, objv);
    if (code == TCL_OK) {
        settle(&f);
        clu_match_aim(&f.match, clu_engine_table(node->engine));
        if (s != NULL) {
            *meets = clu_match_service(&f.match, s);
        } else if (meets_self(&f, meets) != CLU_OK) {
            code = clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    filter_fini(&f);
    return code;
}
