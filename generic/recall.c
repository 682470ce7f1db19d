/*
 * recall.c -- the lists of commands that were given lately, and what has to be
 *             changed in them to give them again.
 *
 * Layer: binding.  The table knows who has changed of late, and here stands
 * whose command was renamed or deleted.  The same words find the same services
 * but for these, so only they are looked at again: a list of a thousand is
 * copied, with one put in or left out, and no service is searched for.  After
 * more changes than are known the question is asked anew.
 */
#include "node.h"

#define WORDS_MAX 8             /* longer questions are not kept */
#define BYTES_MAX 4096          /* of their words */

/* ---- what was asked ------------------------------------------------------ */

static void forget(clu_recall *r)
{
    for (Tcl_Size i = 0; i < r->count; i++) {
        Tcl_DecrRefCount(r->words[i]);
    }
    clu_free(r->words);
    if (r->names != NULL) {
        Tcl_DecrRefCount(r->names);
    }
    *r = (clu_recall){ 0 };
}

static bool same_word(Tcl_Obj *a, Tcl_Obj *b)
{
    if (a == b) {
        return true;
    }
    Tcl_Size n, m;
    const char *p = Tcl_GetStringFromObj(a, &n);
    const char *q = Tcl_GetStringFromObj(b, &m);
    return n == m && memcmp(p, q, (size_t)n) == 0;
}

static bool same_question(const clu_recall *r, clu_asked how, Tcl_Size objc,
                          Tcl_Obj *const objv[])
{
    if (r->names == NULL || r->how != how || r->count != objc) {
        return false;
    }
    Tcl_Size i = 0;
    while (i < objc && same_word(r->words[i], objv[i])) {
        i++;
    }
    return i == objc;
}

static bool is_short(Tcl_Size objc, Tcl_Obj *const objv[])
{
    size_t bytes = 0;
    for (Tcl_Size i = 0; objc <= WORDS_MAX && i < objc; i++) {
        Tcl_Size n;
        Tcl_GetStringFromObj(objv[i], &n);
        bytes += (size_t)n;
    }
    return objc <= WORDS_MAX && bytes <= BYTES_MAX;
}

/* What a name stands for may change with any change. */
static bool has_name(Tcl_Size objc, Tcl_Obj *const objv[])
{
    Tcl_Size i = 0;
    while (i < objc && strstr(Tcl_GetString(objv[i]), "::") == NULL) {
        i++;
    }
    return i < objc;
}

/* In the place of what was not asked for the longest time. */
void clu_recall_keep(clu_node *node, clu_asked how, Tcl_Size objc,
                     Tcl_Obj *const objv[], Tcl_Obj *names)
{
    Tcl_Obj **words = node->dead || !is_short(objc, objv) ? NULL
        : clu_realloc(NULL, ((size_t)objc + 1) * sizeof *words);
    if (words == NULL) {
        return;
    }
    clu_recall *r = &node->recalls[0];
    for (size_t i = 1; i < CLU_RECALLS; i++) {
        r = node->recalls[i].used < r->used ? &node->recalls[i] : r;
    }
    forget(r);
    for (Tcl_Size i = 0; i < objc; i++) {
        words[i] = objv[i];
        Tcl_IncrRefCount(words[i]);
    }
    *r = (clu_recall){ .words = words, .count = objc, .how = how,
                       .by_name = has_name(objc, objv),
                       .names = Tcl_DuplicateObj(names),
                       .changes = clu_engine_table(node->engine)->changes,
                       .renames = node->renames, .used = ++node->recalled };
    Tcl_IncrRefCount(r->names);
}

/* ---- what has changed ---------------------------------------------------- */

void clu_recall_renamed(clu_node *node, clu_service *s, Tcl_Obj *before)
{
    clu_rename *place = &node->renamed[node->renames++ % CLU_CHANGES];
    clu_rename old = *place;
    *place = (clu_rename){ s, before };
    clu_service_hold(s);
    if (before != NULL) {
        Tcl_IncrRefCount(before);
    }
    if (old.before != NULL) {
        Tcl_DecrRefCount(old.before);
    }
    if (old.service != NULL) {
        clu_service_release(old.service);
    }
}

void clu_recall_clear(clu_node *node)
{
    for (size_t i = 0; i < CLU_RECALLS; i++) {
        forget(&node->recalls[i]);
    }
    for (size_t i = 0; i < CLU_CHANGES; i++) {
        clu_rename *r = &node->renamed[i];
        if (r->before != NULL) {
            Tcl_DecrRefCount(r->before);
        }
        if (r->service != NULL) {
            clu_service_release(r->service);
        }
        *r = (clu_rename){ 0 };
    }
}

/* Those to look at again, each once, and the names they had or have. */
typedef struct clu_touched {
    clu_service *at[2 * CLU_CHANGES];
    size_t count;                       /* in the end: of those who meet it */
    struct {
        Tcl_Obj *name;
        clu_service *service;           /* whose it is, or was */
    } names[3 * CLU_CHANGES];
    size_t name_count;
} clu_touched;

static void touch_name(clu_touched *t, Tcl_Obj *name, clu_service *s)
{
    if (name != NULL) {
        t->names[t->name_count].name = name;
        t->names[t->name_count++].service = s;
    }
}

static size_t touched_at(const clu_touched *t, const clu_service *s)
{
    size_t i = 0;
    while (i < t->count && t->at[i] != s) {
        i++;
    }
    return i;
}

static void touch(clu_touched *t, clu_service *s, Tcl_Obj *before)
{
    touch_name(t, before, s);
    if (touched_at(t, s) == t->count) {
        t->at[t->count++] = s;
        touch_name(t, s->name, s);
    }
}

/* False: there were too many, or they may have changed what is asked for. */
static bool collect(const clu_node *node, const clu_recall *r, clu_touched *t)
{
    const clu_table *table = clu_engine_table(node->engine);
    if (r->by_name || table->changes - r->changes > CLU_CHANGES
        || node->renames - r->renames > CLU_CHANGES) {
        return false;
    }
    for (uint64_t n = r->changes; n < table->changes; n++) {
        touch(t, table->changed[n % CLU_CHANGES], NULL);
    }
    for (uint64_t n = r->renames; n < node->renames; n++) {
        const clu_rename *rename = &node->renamed[n % CLU_CHANGES];
        touch(t, rename->service, rename->before);
    }
    return true;
}

/* Whose name it is; NULL: of nobody who was touched. */
static clu_service *touched_by(const clu_touched *t, const Tcl_Obj *name)
{
    size_t i = 0;
    while (i < t->name_count && t->names[i].name != name) {
        i++;
    }
    return i < t->name_count ? t->names[i].service : NULL;
}

/* The name that takes the place of this one; NULL: none does. */
static Tcl_Obj *successor(clu_touched *t, Tcl_Obj *name)
{
    clu_service *s = touched_by(t, name);
    if (s == NULL) {
        return name;
    }
    size_t i = touched_at(t, s);
    if (i == t->count || s->name == NULL) {
        return NULL;
    }
    t->at[i] = NULL;            /* it has its place */
    return s->name;
}

/* ---- the list once more -------------------------------------------------- */

/* Who was in it and still meets it stays in its place, new ones come behind. */
static bool amend(clu_recall *r, clu_touched *t)
{
    Tcl_Size count = 0;
    Tcl_Obj **names, **fresh;
    Tcl_ListObjGetElements(NULL, r->names, &count, &names);
    fresh = clu_realloc(NULL, ((size_t)count + t->count + 1)
                        * sizeof *fresh);
    if (fresh == NULL) {
        return false;
    }
    size_t n = 0;
    for (Tcl_Size i = 0; i < count; i++) {
        fresh[n] = successor(t, names[i]);
        n += fresh[n] != NULL;
    }
    bool known = true;
    for (size_t i = 0; known && i < t->count; i++) {
        if (t->at[i] != NULL) {
            fresh[n] = t->at[i]->name;
            known = fresh[n++] != NULL;
        }
    }
    if (known && (n != (size_t)count || t->count > 0)) {
        Tcl_Obj *list = Tcl_NewListObj((Tcl_Size)n, fresh);
        Tcl_IncrRefCount(list);
        Tcl_DecrRefCount(r->names);
        r->names = list;
    }
    clu_free(fresh);
    return known;
}

static bool renew(clu_node *node, clu_recall *r)
{
    uint64_t changes = clu_engine_table(node->engine)->changes;
    if (r->changes == changes && r->renames == node->renames) {
        return true;
    }
    clu_touched t = { .name_count = 0 };
    if (!collect(node, r, &t)
        || clu_resolve_some(node, r->how, r->count, r->words, t.at, &t.count)
            != TCL_OK
        || !amend(r, &t)) {
        return false;
    }
    r->changes = changes;
    r->renames = node->renames;
    return true;
}

/* A copy shares the elements: what a script makes of it does not touch ours. */
Tcl_Obj *clu_recall_find(clu_node *node, clu_asked how, Tcl_Size objc,
                         Tcl_Obj *const objv[])
{
    for (size_t i = 0; objc <= WORDS_MAX && i < CLU_RECALLS; i++) {
        clu_recall *r = &node->recalls[i];
        if (same_question(r, how, objc, objv)) {
            if (renew(node, r)) {
                r->used = ++node->recalled;
                return Tcl_DuplicateObj(r->names);
            }
            forget(r);
            break;
        }
    }
    return NULL;
}
