/*
 * bpacketStream.c -- what `bpacket create stream` makes: packets out of bytes
 *                    as they come, for each of several senders.
 *
 * Layer: binding.  API 7.
 *
 *     stream --ids--> inbox: bytes of one sender that are no packet yet
 *        +---dirty--> inboxes with new bytes, flushed by a timer of 0 ms
 *
 * A callback may append, flush, reset or destroy: an inbox is marked gone
 * first and freed when nobody works on it any more.
 */
#include "bpacket.h"
#include "hash.h"

typedef struct stream {
    int refs;                   /* the command, and whoever works on it */
    Tcl_Interp *interp;
    Tcl_Command token;
    Tcl_Obj *event;             /* command prefix, or NULL */
    Tcl_HashTable ids;          /* id -> inbox */
    clu_list dirty;
    Tcl_TimerToken timer;       /* NULL: nothing to flush */
    size_t limit;               /* bytes of a body */
    clu_bpacket_marks marks;    /* as they were when it was created */
} stream;

typedef struct inbox {
    int refs;                   /* the table, and a flush at work */
    stream *owner;
    Tcl_HashEntry *entry;       /* NULL once it is out of the table */
    Tcl_Obj *id;
    clu_reader reader;
    clu_list link;              /* in dirty */
    bool busy;                  /* a flush is at work */
} inbox;

/* ---- Life ---------------------------------------------------------------- */

static void release_stream(stream *s)
{
    if (--s->refs == 0) {
        Tcl_DeleteHashTable(&s->ids);
        clu_bpacket_marks_release(&s->marks);
        clu_free(s);
    }
}

static void release_inbox(inbox *box)
{
    if (--box->refs == 0) {
        clu_reader_fini(&box->reader);
        Tcl_DecrRefCount(box->id);
        clu_free(box);
    }
}

/* Out of the table and every list; whoever works on it sees that entry is
   NULL. */
static void drop_inbox(inbox *box)
{
    Tcl_DeleteHashEntry(box->entry);
    box->entry = NULL;
    clu_list_unlink(&box->link);
    release_inbox(box);
}

static inbox *find_inbox(stream *s, Tcl_Obj *id)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&s->ids, Tcl_GetString(id));
    return entry ? Tcl_GetHashValue(entry) : NULL;
}

static inbox *make_inbox(stream *s, Tcl_Obj *id)
{
    inbox *box = clu_alloc(sizeof *box);
    if (!box) {
        return NULL;
    }
    int is_new;
    *box = (inbox){ .refs = 1, .owner = s, .id = id };
    Tcl_IncrRefCount(id);
    clu_reader_init(&box->reader, s->limit);
    box->reader.marks = &s->marks.marks;
    clu_list_init(&box->link);
    box->entry = Tcl_CreateHashEntry(&s->ids, Tcl_GetString(id), &is_new);
    Tcl_SetHashValue(box->entry, box);
    return box;
}

/* ---- Delivery ------------------------------------------------------------ */

static void deliver(stream *s, inbox *box, clu_slice body)
{
    Tcl_Interp *interp = s->interp;
    Tcl_Obj *words = Tcl_DuplicateObj(s->event);
    Tcl_IncrRefCount(words);
    Tcl_Obj *packet = clu_bpacket_wrap(&s->marks.marks, body);
    Tcl_ListObjAppendElement(NULL, words, packet);
    Tcl_ListObjAppendElement(NULL, words, box->id);
    int code = Tcl_EvalObjEx(interp, words, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    Tcl_DecrRefCount(words);
    if (code != TCL_OK && code != TCL_RETURN) {
        Tcl_BackgroundException(interp, code);
    }
}

/*
 * Hands over what is whole.  A flush inside a callback does nothing: the one
 * at work goes on with what came, so that packets keep their order.
 */
static void flush_inbox(inbox *box)
{
    stream *s = box->owner;
    clu_slice body;
    if (box->busy) {
        return;
    }
    box->busy = true;
    box->refs++;
    s->refs++;
    Tcl_Preserve(s->interp);
    while (box->entry && s->event && !Tcl_InterpDeleted(s->interp)
           && clu_reader_take(&box->reader, &body) == CLU_OK) {
        deliver(s, box, body);
    }
    box->busy = false;
    if (box->entry && clu_reader_held(&box->reader) == 0) {
        drop_inbox(box);
    }
    Tcl_Release(s->interp);
    release_inbox(box);
    release_stream(s);
}

/* All that came until now; what a callback appends has its own turn. */
static void flush_dirty(void *ctx)
{
    stream *s = ctx;
    clu_list ready;
    s->timer = NULL;
    s->refs++;
    clu_list_init(&ready);
    while (!clu_list_empty(&s->dirty)) {
        clu_list *first = s->dirty.next;
        clu_list_unlink(first);
        clu_list_append(&ready, first);
    }
    while (!clu_list_empty(&ready)) {
        inbox *box = CLU_CONTAINER(ready.next, inbox, link);
        clu_list_unlink(&box->link);
        flush_inbox(box);
    }
    release_stream(s);
}

static void mark_dirty(stream *s, inbox *box)
{
    if (clu_list_empty(&box->link)) {
        clu_list_append(&s->dirty, &box->link);
    }
    if (!s->timer) {
        s->timer = Tcl_CreateTimerHandler(0, flush_dirty, s);
    }
}

/* ---- Subcommands --------------------------------------------------------- */

static int append(stream *s, Tcl_Obj *data, Tcl_Obj *id)
{
    clu_slice bytes;
    if (clu_bytes_borrow(data, &bytes) != CLU_OK) {
        return CLU_BPACKET_FAIL(
            s->interp, Tcl_NewStringObj("a stream has no characters above "
                                        "U+00FF", -1),
            "STREAM", "NOT_BYTES");
    }
    if (bytes.n == 0) {
        return TCL_OK;
    }
    inbox *box = find_inbox(s, id);
    if (!box) {
        box = make_inbox(s, id);
    }
    if (!box || clu_reader_feed(&box->reader, bytes) != CLU_OK) {
        return CLU_BPACKET_FAIL(
            s->interp, Tcl_NewStringObj("out of memory", -1), "STREAM",
            "NOMEM");
    }
    mark_dirty(s, box);
    return TCL_OK;
}

static void each_inbox(stream *s, void (*act)(stream *s, inbox *box))
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry = Tcl_FirstHashEntry(&s->ids, &search);
    while (entry) {
        inbox *box = Tcl_GetHashValue(entry);
        entry = Tcl_NextHashEntry(&search);
        act(s, box);
    }
}

static void drop_one(stream *s, inbox *box)
{
    (void)s;
    drop_inbox(box);
}

static int event(stream *s, Tcl_Obj *prefix)
{
    Tcl_Size n;
    if (Tcl_ListObjLength(s->interp, prefix, &n) != TCL_OK) {
        return TCL_ERROR;
    }
    if (s->event) {
        Tcl_DecrRefCount(s->event);
        s->event = NULL;
    }
    if (n > 0) {
        s->event = prefix;
        Tcl_IncrRefCount(prefix);
        each_inbox(s, mark_dirty);      /* packets may wait for it */
    }
    return TCL_OK;
}

static void flush(stream *s, Tcl_Obj *id)
{
    inbox *box = find_inbox(s, id);
    if (box) {
        clu_list_unlink(&box->link);
        flush_inbox(box);
        Tcl_ResetResult(s->interp);
    }
}

static void reset(stream *s, Tcl_Obj *id)
{
    if (!id) {
        each_inbox(s, drop_one);
        return;
    }
    inbox *box = find_inbox(s, id);
    if (box) {
        drop_inbox(box);
    }
}

/* ---- The command --------------------------------------------------------- */

static const struct {
    const char *name;
    const char *args;
    int least, most;            /* words behind the name */
} subcommands[] = {
    { "append", "append bytes ?id?", 1, 2 },
    { "destroy", "destroy", 0, 0 },
    { "event", "event prefix", 1, 1 },
    { "flush", "flush ?id?", 0, 1 },
    { "reset", "reset ?id?", 0, 1 },
    { NULL, NULL, 0, 0 }
};
enum { APPEND, DESTROY, EVENT, FLUSH, RESET };

static int run(stream *s, int which, int objc, Tcl_Obj *const objv[])
{
    Tcl_Obj *id = which == APPEND ? (objc > 1 ? objv[1] : NULL)
        : objc > 0 ? objv[0] : NULL;
    if (which == DESTROY) {
        Tcl_DeleteCommandFromToken(s->interp, s->token);
    } else if (which == EVENT) {
        return event(s, objv[0]);
    } else if (which == RESET) {
        reset(s, id);
    } else {
        Tcl_Obj *name = id ? id : Tcl_NewStringObj("default", -1);
        int code = TCL_OK;
        Tcl_IncrRefCount(name);
        if (which == APPEND) {
            code = append(s, objv[0], name);
        } else {
            flush(s, name);
        }
        Tcl_DecrRefCount(name);
        return code;
    }
    return TCL_OK;
}

static int command(void *ctx, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    stream *s = ctx;
    int which;
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "subcommand ?arg ...?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcommands,
                                  sizeof *subcommands, "subcommand",
                                  TCL_EXACT, &which) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc - 2 < subcommands[which].least
        || objc - 2 > subcommands[which].most) {
        Tcl_WrongNumArgs(interp, 1, objv, subcommands[which].args);
        return TCL_ERROR;
    }
    s->refs++;
    int code = run(s, which, objc - 2, objv + 2);
    release_stream(s);
    return code;
}

static void gone(void *ctx)
{
    stream *s = ctx;
    if (s->timer) {
        Tcl_DeleteTimerHandler(s->timer);
        s->timer = NULL;
    }
    if (s->event) {
        Tcl_DecrRefCount(s->event);
        s->event = NULL;
    }
    each_inbox(s, drop_one);
    release_stream(s);
}

/* -limit bytes, and nothing else. */
static int get_options(Tcl_Interp *interp, Tcl_Size objc,
                       Tcl_Obj *const objv[], size_t *limit)
{
    clu_limits limits;
    clu_limits_init(&limits);
    Tcl_WideInt bytes = limits.at[CLU_LIMIT_MESSAGE];
    if (objc != 0 && (objc != 2
                      || strcmp(Tcl_GetString(objv[0]), "-limit") != 0)) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(
            "wrong # args: should be \"bpacket create stream name "
            "?-limit bytes?\"", -1));
        Tcl_SetErrorCode(interp, "TCL", "WRONGARGS", (char *)NULL);
        return TCL_ERROR;
    }
    if (objc == 2 && Tcl_GetWideIntFromObj(interp, objv[1], &bytes)
        != TCL_OK) {
        return TCL_ERROR;
    }
    if (bytes < 1 || bytes > INT_MAX / 2) {
        return CLU_BPACKET_FAIL(
            interp, Tcl_ObjPrintf("-limit is \"%s\" but must lie between 1 "
                                  "and %d", Tcl_GetString(objv[1]),
                                  INT_MAX / 2),
            "STREAM", "BAD_LIMIT");
    }
    *limit = (size_t)bytes;
    return TCL_OK;
}

int clu_bpacket_stream_create(Tcl_Interp *interp, Tcl_Obj *name,
                              Tcl_Size objc, Tcl_Obj *const objv[])
{
    size_t limit;
    if (get_options(interp, objc, objv, &limit) != TCL_OK) {
        return TCL_ERROR;
    }
    stream *s = clu_alloc(sizeof *s);
    if (!s) {
        return clu_bpacket_unwritten(interp, CLU_NOMEM);
    }
    *s = (stream){ .refs = 1, .interp = interp, .limit = limit };
    Tcl_InitHashTable(&s->ids, TCL_STRING_KEYS);
    clu_list_init(&s->dirty);
    clu_bpacket_marks_get(interp, &s->marks);
    if (s->marks.marks.header.n == 0) {
        release_stream(s);
        return CLU_BPACKET_FAIL(
            interp, Tcl_NewStringObj("::bpacket::HEADER is empty: a stream "
                                     "cannot find its packets", -1),
            "STREAM", "NO_HEADER");
    }
    if (clu_bpacket_command(interp, name, command, s, gone, &s->token)
        != TCL_OK) {
        release_stream(s);
        return TCL_ERROR;
    }
    return TCL_OK;
}
