/*
 * tclSignal.c -- that a program shall end: by a signal, or as nobody reads its
 *                output any more.
 *
 * Layer: binding (system).  For the shell command, which leaves in order: plain
 * Tcl has no signals, and who only waits does not notice that its reader went.
 *
 *     signal -> handler: one byte -> pipe -> Tcl's event loop -> prefix NAME
 *
 * The first signal of a kind is told; the second one ends the process as ever,
 * should the first have found it stuck.
 */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define KEY "cluster signals"
#define LOOK_EVERY 500          /* ms; whether stdout is read */

static const struct {
    int number;
    const char *name;
} signals[] = {
    { SIGHUP, "HUP" }, { SIGINT, "INT" }, { SIGTERM, "TERM" },
};

typedef struct clu_signals {
    Tcl_Interp *interp;
    Tcl_Obj *prefix;            /* held */
    Tcl_TimerToken look;
} clu_signals;

/* Signals are the process's, so there is one of each. */
static clu_signals told;
static int wake[2] = { -1, -1 };        /* the pipe; its first end is read */

static void caught(int number)
{
    int before = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t n = write(wake[1], &byte, 1);
    (void)n;                    /* a full pipe: one is on its way already */
    errno = before;
}

static void tell(clu_signals *w, const char *name)
{
    Tcl_Interp *interp = w->interp;
    Tcl_Obj *script = Tcl_DuplicateObj(w->prefix);
    Tcl_IncrRefCount(script);
    Tcl_ListObjAppendElement(NULL, script, Tcl_NewStringObj(name, -1));
    Tcl_Preserve(interp);
    int code = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL);
    if (code != TCL_OK) {
        Tcl_BackgroundException(interp, code);
    }
    Tcl_Release(interp);
    Tcl_DecrRefCount(script);
}

static void on_byte(ClientData cd, int mask)
{
    (void)mask;
    unsigned char byte;
    if (read(wake[0], &byte, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < CLU_COUNT_OF(signals); i++) {
        if (signals[i].number == byte) {
            tell(cd, signals[i].name);
            return;
        }
    }
}

static void look(ClientData cd)
{
    clu_signals *w = cd;
    struct pollfd out = { .fd = STDOUT_FILENO };
    bool gone = poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
    w->look = gone ? NULL : Tcl_CreateTimerHandler(LOOK_EVERY, look, w);
    if (gone) {
        tell(w, "PIPE");
    }
}

/* One that was ignored from the beginning, as by nohup, stays ignored. */
static void handle(int number, void (*handler)(int))
{
    struct sigaction old, act = { .sa_handler = handler };
    act.sa_flags = (int)(handler == caught ? SA_RESTART | SA_RESETHAND : 0u);
    sigemptyset(&act.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
        sigaction(number, &act, NULL);
    }
}

static void handle_all(void (*handler)(int))
{
    for (size_t i = 0; i < CLU_COUNT_OF(signals); i++) {
        handle(signals[i].number, handler);
    }
}

static void on_exit(ClientData cd);

/* With the interpreter, or at the thread's end, whichever comes first. */
static void stop(ClientData cd, Tcl_Interp *interp)
{
    clu_signals *w = cd;
    (void)interp;
    handle_all(SIG_DFL);
    Tcl_DeleteThreadExitHandler(on_exit, w);
    Tcl_DeleteFileHandler(wake[0]);
    Tcl_DeleteTimerHandler(w->look);
    close(wake[0]);
    close(wake[1]);
    wake[0] = wake[1] = -1;
    Tcl_DecrRefCount(w->prefix);
}

static void on_exit(ClientData cd)
{
    Tcl_DeleteAssocData(((clu_signals *)cd)->interp, KEY);
}

static bool open_pipe(void)
{
    if (pipe(wake) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* ::cluster::core::signals prefix: called with HUP, INT, TERM or PIPE. */
int clu_signals_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                    Tcl_Obj *const objv[])
{
    (void)cd;
    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "prefix");
        return TCL_ERROR;
    }
    Tcl_DeleteAssocData(interp, KEY);
    if (wake[0] >= 0) {
        return clu_tcl_error(interp, CLU_EXISTS, "the signals of this process "
                             "are told to another interpreter");
    }
    if (!open_pipe()) {
        return clu_tcl_error(interp, CLU_SYSTEM, "no pipe for signals");
    }
    clu_signals *w = &told;
    w->interp = interp;
    w->prefix = objv[1];
    Tcl_IncrRefCount(w->prefix);
    Tcl_SetAssocData(interp, KEY, stop, w);
    Tcl_CreateThreadExitHandler(on_exit, w);
    Tcl_CreateFileHandler(wake[0], TCL_READABLE, on_byte, w);
    w->look = Tcl_CreateTimerHandler(LOOK_EVERY, look, w);
    handle_all(caught);
    return TCL_OK;
}
