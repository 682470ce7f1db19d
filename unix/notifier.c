/*
 * notifier.c -- our loop in Tcl's event loop: one descriptor, two phases.
 *
 * Layer: binding (system).
 */
#include "notifier.h"

#include "cork.h"
#include "linger.h"
#include "waking.h"

#define ROUNDS   4              /* waits of the system an I/O phase takes */
#define BUDGET   2000           /* us a dispatch phase takes */
#define STRETCH  2              /* ms we wait ourselves, at most */

typedef struct clu_turn {       /* of all servers: a dispatch phase */
    int64_t until;              /* us */
    clu_cork cork;              /* of the server whose turn it is */
} clu_turn;

typedef struct clu_notifier {
    clu_loop *loop;             /* NULL: not open */
    clu_host *host;
    unsigned users;
    clu_list servers;
    bool more;                  /* a dispatch is to come */
    bool queued;                /* it is in Tcl's queue */
    clu_turn *turn;             /* the innermost; NULL: none runs */
    clu_linger linger;
    bool lingers;               /* our own wait is in Tcl's queue */
    clu_ms until;               /* the stretch's end */
    unsigned waits;             /* Tcl's, since we last had a turn */
    int64_t since;              /* when the first of them began, us */
    int64_t heard;              /* when something came last, in a stretch */
    clu_waking waking;
} clu_notifier;

static clu_notifier *mine(void)
{
    static _Thread_local clu_notifier n;
    if (n.servers.next == NULL) {
        clu_list_init(&n.servers);
    }
    return &n;
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

static bool anybody_waits(clu_notifier *n)
{
    for (clu_list *l = n->servers.next; l != &n->servers; l = l->next) {
        if (SERVER_OF(l)->waits(SERVER_OF(l))) {
            return true;
        }
    }
    return false;
}

/* Nothing is to wait while others have their turn, or we wait. */
static void draw_cork(clu_notifier *n)
{
    if (n->loop != NULL) {
        clu_loop_cork(n->loop, false);
    }
}

bool clu_notifier_goes_on(void)
{
    clu_notifier *n = mine();
    int64_t now = clu_loop_micros();
    clu_cork_say say = clu_cork_told(&n->turn->cork, now);
    if (say != CLU_CORK_IN) {
        draw_cork(n);
    }
    if (say != CLU_CORK_OUT) {
        clu_loop_cork(n->loop, true);
    }
    return now < n->turn->until;
}

/*
 * Every server gets its turn, the first one another next time.  Tricky: a
 * script may remove servers and close the loop, so after each turn the walk
 * begins anew from the head, with the one just served moved to the end.
 */
static void dispatch(clu_notifier *n)
{
    int64_t now = clu_loop_micros();
    clu_turn turn = { .until = now + BUDGET }, *outer = n->turn;
    n->turn = &turn;
    size_t turns = 0;
    for (clu_list *l = n->servers.next; l != &n->servers; l = l->next) {
        turns++;
    }
    while (turns-- > 0 && !clu_list_empty(&n->servers)) {
        clu_server *server = SERVER_OF(n->servers.next);
        clu_list_unlink(&server->link);
        clu_list_append(&n->servers, &server->link);
        clu_cork_begin(&turn.cork, now);
        server->serve(server);
        draw_cork(n);
    }
    n->turn = outer;
}

static void serve(clu_notifier *n)
{
    dispatch(n);
    n->more = anybody_waits(n); /* what woke us meanwhile is done by now */
    n->waits = 0;
    clu_waking_again(&n->waking);
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
        serve(n);
    }
    return 1;
}

static void queue(Tcl_EventProc *proc)
{
    Tcl_Event *event = (Tcl_Event *)(void *)Tcl_Alloc(sizeof *event);
    event->proc = proc;
    Tcl_QueueEvent(event, TCL_QUEUE_TAIL);
}

static void before_wait(ClientData cd, int flags)
{
    clu_notifier *n = cd;
    draw_cork(n);
    if (n->waits++ == 0) {
        n->since = clu_loop_micros();
    }
    if (n->more && (flags & TCL_TIMER_EVENTS)) {
        Tcl_SetMaxBlockTime(&(Tcl_Time){ 0, 0 });
    }
}

static void after_wait(ClientData cd, int flags)
{
    clu_notifier *n = cd;
    if (n->more && !n->queued && (flags & TCL_TIMER_EVENTS)) {
        n->queued = true;
        queue(on_more);
    }
}

/* ---- waiting ourselves (linger.h) ---------------------------------------- */

static int on_linger(Tcl_Event *event, int flags);

static int is_ours(Tcl_Event *event, ClientData cd)
{
    (void)cd;
    return event->proc == on_more || event->proc == on_linger;
}

static int is_foreign(Tcl_Event *event, ClientData cd)
{
    bool *found = cd;
    /* One that is being served just now has no procedure. */
    *found = *found || (event->proc != NULL && !is_ours(event, NULL));
    return 0;                   /* deletes nothing */
}

/* Does anybody else's event wait in Tcl's queue?  Tcl shows it to those who
   delete only. */
static bool others_wait(void)
{
    bool found = false;
    Tcl_DeleteEvents(is_foreign, &found);
    return found;
}

static void linger(clu_notifier *n)
{
    if (!n->lingers) {
        n->lingers = true;
        queue(on_linger);
    }
}

/*
 * Waits for the next message where Tcl would.  An event of its own, so that
 * what was served before has its effect: a vwait that it ended returns first.
 */
static int on_linger(Tcl_Event *event, int flags)
{
    (void)event;
    clu_notifier *n = mine();
    if (!(flags & TCL_FILE_EVENTS)) {
        return 0;
    }
    n->lingers = false;
    bool came = false;
    /* By the time of the last round: its end is armed, so it is no later.  The
       loop is there: who closes it takes our events out of the queue. */
    clu_ms left = n->until - clu_loop_served(n->loop) / 1000;
    if (left > 0 && !behind(n) && !n->more && !others_wait()) {
        came = clu_loop_run(n->loop, flags & TCL_DONT_WAIT ? 0 : (int)left, 1);
        if (came) {
            n->heard = clu_loop_served(n->loop);
        }
        serve(n);
    }
    if (came && n->loop != NULL) {
        linger(n);
    } else {
        clu_linger_over(&n->linger, clu_loop_micros() - n->heard);
    }
    return 1;
}

static void on_readable(ClientData cd, int mask)
{
    clu_notifier *n = cd;
    (void)mask;
    bool alone = n->waits == 1 && !others_wait();
    int64_t now = clu_loop_micros();
    bool lingers = clu_linger_woken(&n->linger, alone, now - n->since);
    if (!behind(n)) {
        clu_loop_run(n->loop, 0, ROUNDS);
    }
    serve(n);
    if (CLU_WAKING_ONE && lingers && n->loop != NULL) {
        n->heard = now;
        n->until = now / 1000 + STRETCH;
        linger(n);
    }
}

/* ---- life ---------------------------------------------------------------- */

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
        clu_waking_start(&n->waking, n->loop, on_readable, n);
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
    if (--n->users > 0) {
        return;
    }
    Tcl_DeleteEventSource(before_wait, after_wait, n);
    Tcl_DeleteEvents(is_ours, NULL);
    n->more = n->queued = n->lingers = false;
    clu_waking_stop(&n->waking);
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
    if (!n->more && anybody_waits(n)) {
        clu_notifier_wake();
    }
}

void clu_notifier_io(int wait)
{
    clu_loop_run(mine()->loop, wait, ROUNDS);
}
