/*
 * notifier.c -- our loop in Tcl's event loop: one descriptor, two phases.
 *
 * Layer: binding (system).
 */
#include "notifier.h"

#include <tcl.h>

#define ROUNDS   4              /* waits of the system an I/O phase takes */
#define BUDGET   2              /* ms a dispatch phase takes */

typedef struct clu_notifier {
    clu_loop *loop;             /* NULL: not open */
    clu_host *host;
    unsigned users;
    clu_list servers;
    bool more;                  /* a dispatch is to come */
    bool queued;                /* it is in Tcl's queue */
    Tcl_TimerToken clock;       /* where the loop has no descriptor: poll */
} clu_notifier;

static Tcl_ThreadDataKey key;

static clu_notifier *mine(void)
{
    clu_notifier *n = Tcl_GetThreadData(&key, sizeof *n);
    if (n->servers.next == NULL) {
        clu_list_init(&n->servers);
    }
    return n;
}

#define SERVER_OF(node) CLU_CONTAINER(node, clu_server, link)

static bool behind(clu_notifier *n)
{
    for (clu_list *l = n->servers.next; l != &n->servers; l = l->next) {
        if (SERVER_OF(l)->behind(SERVER_OF(l))) {
            return true;
        }
    }
    return false;
}

/*
 * Every server gets its turn, the first one another next time.  Tricky: a
 * script may remove servers and close the loop, so after each turn the walk
 * begins anew from the head, with the one just served moved to the end.
 */
static bool dispatch(clu_notifier *n)
{
    clu_ms until = clu_loop_clock() + BUDGET;
    bool more = false;
    size_t turns = 0;
    for (clu_list *l = n->servers.next; l != &n->servers; l = l->next) {
        turns++;
    }
    while (turns-- > 0 && !clu_list_empty(&n->servers)) {
        clu_server *server = SERVER_OF(n->servers.next);
        clu_list_unlink(&server->link);
        clu_list_append(&n->servers, &server->link);
        more = server->serve(server, until) || more;
    }
    return more;
}

static void rearm(clu_notifier *n);

static void serve(clu_notifier *n)
{
    if (dispatch(n)) {
        clu_notifier_wake();
    }
    rearm(n);
}

/*
 * The dispatch to come is a source of events of its own.  A Tcl timer of 0 ms
 * would have the same turns, but those go by the clock on the wall: put back
 * by an hour just then, it comes an hour late.
 */
static int on_more(Tcl_Event *event, int flags)
{
    (void)event;
    clu_notifier *n = mine();
    if (!(flags & TCL_TIMER_EVENTS)) {
        return 0;
    }
    n->queued = false;
    if (n->more) {
        n->more = false;
        serve(n);
    }
    return 1;
}

static void before_wait(ClientData cd, int flags)
{
    clu_notifier *n = cd;
    if (n->more && (flags & TCL_TIMER_EVENTS)) {
        Tcl_SetMaxBlockTime(&(Tcl_Time){ 0, 0 });
    }
}

static void after_wait(ClientData cd, int flags)
{
    clu_notifier *n = cd;
    if (n->more && !n->queued && (flags & TCL_TIMER_EVENTS)) {
        Tcl_Event *event = (Tcl_Event *)(void *)Tcl_Alloc(sizeof *event);
        event->proc = on_more;
        n->queued = true;
        Tcl_QueueEvent(event, TCL_QUEUE_TAIL);
    }
}

static int is_ours(Tcl_Event *event, ClientData cd)
{
    (void)cd;
    return event->proc == on_more;
}

static void on_readable(ClientData cd, int mask)
{
    clu_notifier *n = cd;
    (void)mask;
    if (n->loop != NULL && !behind(n)) {
        clu_loop_run(n->loop, 0, ROUNDS);
    }
    serve(n);
}

/* ---- without a descriptor of its own (poll) -------------------------------- */

static void on_clock(ClientData cd)
{
    clu_notifier *n = cd;
    n->clock = NULL;
    on_readable(n, 0);
}

/* The loop's timers as one of Tcl's, where no timerfd wakes us. */
static void rearm(clu_notifier *n)
{
    if (n->loop == NULL || clu_loop_descriptor(n->loop) >= 0) {
        return;
    }
    if (n->clock != NULL) {
        Tcl_DeleteTimerHandler(n->clock);
        n->clock = NULL;
    }
    clu_ms due = clu_loop_due(n->loop);
    if (due != CLU_NEVER) {
        clu_ms wait = due - clu_loop_clock();
        wait = wait < 0 ? 0 : wait > 3600000 ? 3600000 : wait;
        n->clock = Tcl_CreateTimerHandler((int)wait, on_clock, n);
    }
}

static void on_watch(void *ctx, int fd, unsigned events)
{
    int mask = ((events & CLU_READABLE) ? TCL_READABLE : 0)
        | ((events & CLU_WRITABLE) ? TCL_WRITABLE : 0);
    if (mask == 0) {
        Tcl_DeleteFileHandler(fd);
    } else {
        Tcl_CreateFileHandler(fd, mask, on_readable, ctx);
    }
}

/* ---- life ---------------------------------------------------------------------- */

clu_err clu_notifier_open(clu_loop **loop, clu_host **host)
{
    clu_notifier *n = mine();
    if (n->users == 0) {
        clu_err err = clu_loop_create(&n->loop);
        if (err != CLU_OK) {
            return err;
        }
        err = clu_host_create(n->loop, &n->host);
        if (err != CLU_OK) {
            clu_loop_destroy(n->loop);
            n->loop = NULL;
            return err;
        }
        int fd = clu_loop_descriptor(n->loop);
        if (fd >= 0) {
            Tcl_CreateFileHandler(fd, TCL_READABLE, on_readable, n);
        } else {
            clu_loop_observe(n->loop, on_watch, n);
        }
        Tcl_CreateEventSource(before_wait, after_wait, n);
    }
    n->users++;
    *loop = n->loop;
    *host = n->host;
    return CLU_OK;
}

void clu_notifier_close(void)
{
    clu_notifier *n = mine();
    if (n->users == 0 || --n->users > 0) {
        return;
    }
    Tcl_DeleteEventSource(before_wait, after_wait, n);
    Tcl_DeleteEvents(is_ours, NULL);
    n->more = n->queued = false;
    if (n->clock != NULL) {
        Tcl_DeleteTimerHandler(n->clock);
        n->clock = NULL;
    }
    int fd = clu_loop_descriptor(n->loop);
    if (fd >= 0) {
        Tcl_DeleteFileHandler(fd);      /* before close: Tcl 9 insists */
    }
    clu_host_destroy(n->host);
    clu_loop_destroy(n->loop);
    n->loop = NULL;
    n->host = NULL;
}

void clu_notifier_add(clu_server *server)
{
    clu_list_append(&mine()->servers, &server->link);
}

void clu_notifier_remove(clu_server *server)
{
    clu_list_unlink(&server->link);
}

void clu_notifier_wake(void)
{
    clu_notifier *n = mine();
    n->more = n->users > 0;
}

void clu_notifier_stir(void)
{
    clu_notifier *n = mine();
    for (clu_list *l = n->servers.next; l != &n->servers; l = l->next) {
        if (SERVER_OF(l)->waits(SERVER_OF(l))) {
            clu_notifier_wake();
            return;
        }
    }
}

void clu_notifier_io(int wait)
{
    clu_notifier *n = mine();
    if (n->loop != NULL) {
        clu_loop_run(n->loop, wait, ROUNDS);
    }
}
