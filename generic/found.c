/*
 * found.c -- who was found: ids for those who send, a list of commands for
 *            scripts, which is kept as long as nothing changes.
 *
 * Layer: binding.  A list that was given once is given again while the table
 * has the same changes behind it and no service's command was made, renamed or
 * deleted: then the same words find the same commands.  Nothing is held back
 * by that but names: what is kept is thrown away, all of it, by the first
 * question after a change.
 */
#include "node.h"

#define WORDS_MAX 8             /* longer questions are not kept */
#define BYTES_MAX 4096          /* of their words */

/* ---- ids ----------------------------------------------------------------------- */

clu_err clu_found_add(clu_found *found, uint64_t id)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->ids[i] == id) {
            return CLU_OK;
        }
    }
    return clu_found_append(found, id);
}

clu_err clu_found_append(clu_found *found, uint64_t id)
{
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : 16;
        uint64_t *grown = clu_realloc(found->ids, room * sizeof *grown);
        if (grown == NULL) {
            return CLU_NOMEM;
        }
        found->ids = grown;
        found->room = room;
    }
    found->ids[found->count++] = id;
    return CLU_OK;
}

void clu_found_free(clu_found *found)
{
    clu_free(found->ids);
    *found = (clu_found){ 0 };
}

Tcl_Obj *clu_service_names(clu_node *node, const clu_found *found)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < found->count; i++) {
        clu_service *s = clu_table_find_id(clu_engine_table(node->engine),
                                           found->ids[i]);
        if (s == NULL) {
            continue;
        }
        clu_service_hold(s);    /* a trace may forget it */
        Tcl_ListObjAppendElement(NULL, list, clu_service_name(node, s));
        bool unnamed = s->face == NULL && s->state != CLU_SERVICE_GONE;
        clu_service_release(s);
        if (unnamed && !node->dead) {
            Tcl_DecrRefCount(list);
            return NULL;
        }
    }
    return list;
}

/* ---- lists of commands ----------------------------------------------------------- */

clu_err clu_crowd_add(clu_crowd *crowd, clu_service *s)
{
    if (crowd->count == crowd->room) {
        size_t room = crowd->room ? crowd->room * 2 : 64;
        clu_service **grown = clu_realloc(crowd->at, room * sizeof *grown);
        if (grown == NULL) {
            return CLU_NOMEM;
        }
        crowd->at = grown;
        crowd->room = room;
    }
    crowd->at[crowd->count++] = s;
    return CLU_OK;
}

void clu_crowd_free(clu_crowd *crowd)
{
    clu_free(crowd->at);
    *crowd = (clu_crowd){ 0 };
}

/* NULL: one of them has no command yet, or no name that is known. */
static Tcl_Obj *list_known(const clu_crowd *crowd)
{
    Tcl_Obj **names = clu_realloc(NULL, (crowd->count + 1) * sizeof *names);
    size_t n = 0;
    while (names != NULL && n < crowd->count
           && (names[n] = clu_service_known(crowd->at[n])) != NULL) {
        n++;
    }
    Tcl_Obj *list = names != NULL && n == crowd->count
        ? Tcl_NewListObj((Tcl_Size)n, names) : NULL;
    clu_free(names);
    return list;
}

/* Making a command may run a script, a trace on what had its name, after which
   no pointer holds. */
static Tcl_Obj *list_made(clu_node *node, const clu_crowd *crowd)
{
    clu_found found = { 0 };
    clu_err err = CLU_OK;
    for (size_t i = 0; err == CLU_OK && i < crowd->count; i++) {
        err = clu_found_append(&found, crowd->at[i]->id);
    }
    Tcl_Obj *list = err == CLU_OK ? clu_service_names(node, &found) : NULL;
    clu_found_free(&found);
    return list;
}

/* ---- what is kept ------------------------------------------------------------------ */

static void forget(clu_kept *kept)
{
    for (Tcl_Size i = 0; i < kept->count; i++) {
        Tcl_DecrRefCount(kept->words[i]);
    }
    clu_free(kept->words);
    if (kept->names != NULL) {
        Tcl_DecrRefCount(kept->names);
    }
    *kept = (clu_kept){ 0 };
}

void clu_kept_clear(clu_node *node)
{
    for (size_t i = 0; i < CLU_KEPT; i++) {
        forget(&node->kept[i]);
    }
}

/* Whether what is kept holds still; if not it goes. */
static void renew(clu_node *node)
{
    uint64_t changes = clu_engine_table(node->engine)->changes;
    if (node->kept_changes != changes || node->kept_names != node->names) {
        clu_kept_clear(node);
        node->kept_changes = changes;
        node->kept_names = node->names;
    }
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

static bool same_question(const clu_kept *kept, clu_asked how, Tcl_Size objc,
                          Tcl_Obj *const objv[])
{
    if (kept->names == NULL || kept->how != how || kept->count != objc) {
        return false;
    }
    Tcl_Size i = 0;
    while (i < objc && same_word(kept->words[i], objv[i])) {
        i++;
    }
    return i == objc;
}

static clu_kept *find_kept(clu_node *node, clu_asked how, Tcl_Size objc,
                           Tcl_Obj *const objv[])
{
    renew(node);
    for (size_t i = 0; objc <= WORDS_MAX && i < CLU_KEPT; i++) {
        if (same_question(&node->kept[i], how, objc, objv)) {
            node->kept[i].used = ++node->kept_used;
            return &node->kept[i];
        }
    }
    return NULL;
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

/* In the place of what was not asked for the longest time. */
static void keep(clu_node *node, clu_asked how, Tcl_Size objc,
                 Tcl_Obj *const objv[], Tcl_Obj *names)
{
    Tcl_Obj **words = node->dead || !is_short(objc, objv) ? NULL
        : clu_realloc(NULL, ((size_t)objc + 1) * sizeof *words);
    if (words == NULL) {
        return;
    }
    clu_kept *kept = &node->kept[0];
    for (size_t i = 1; i < CLU_KEPT; i++) {
        kept = node->kept[i].used < kept->used ? &node->kept[i] : kept;
    }
    forget(kept);
    for (Tcl_Size i = 0; i < objc; i++) {
        words[i] = objv[i];
        Tcl_IncrRefCount(words[i]);
    }
    Tcl_IncrRefCount(names);
    *kept = (clu_kept){ .words = words, .count = objc, .how = how,
                        .names = names, .used = ++node->kept_used };
}

int clu_names_found(clu_node *node, Tcl_Interp *interp, clu_asked how,
                    Tcl_Size objc, Tcl_Obj *const objv[])
{
    const clu_kept *kept = find_kept(node, how, objc, objv);
    if (kept != NULL) {
        Tcl_SetObjResult(interp, kept->names);
        return TCL_OK;
    }
    clu_crowd crowd = { 0 };
    int code = clu_resolve_crowd(node, interp, how, objc, objv, &crowd);
    if (code == TCL_OK) {
        Tcl_Obj *names = list_known(&crowd);
        if (names != NULL) {
            keep(node, how, objc, objv, names);
        } else {
            names = list_made(node, &crowd);
        }
        if (names != NULL) {
            Tcl_SetObjResult(interp, names);
        } else {
            code = clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    clu_crowd_free(&crowd);
    return code;
}
