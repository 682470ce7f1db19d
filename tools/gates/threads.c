/*
 * threads.c -- many threads with some interpreters each, all at once, in one
 *              process; what they do stands in threads.tcl.
 *
 *     threads THREADS INTERPRETERS SECONDS SCRIPT
 *
 * Each interpreter evaluates SCRIPT, and when all have, "step" now and again
 * until the time is over; where step says "die" the interpreter goes and
 * another one comes. At the end each says what came of it ("account"); the sums
 * are printed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tcl.h>
#include <time.h>

enum { MOST = 64, FIGURES = 4 };

static int interpreters;
static double seconds;
static const char *script;
static pthread_barrier_t all_born;
static struct timespec began;           /* set in the one that came last */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Tcl_WideInt sums[FIGURES];       /* under the lock */
static int broken;                      /* likewise */

static double elapsed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began.tv_sec)
        + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
}

static void complain(Tcl_Interp *interp, const char *what)
{
    pthread_mutex_lock(&lock);
    fprintf(stderr, "%s: %s\n", what,
            Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY));
    broken++;
    pthread_mutex_unlock(&lock);
}

static Tcl_Interp *born(int thread, int nth)
{
    Tcl_Interp *interp = Tcl_CreateInterp();
    Tcl_SetVar2Ex(interp, "thread", NULL, Tcl_NewIntObj(thread),
                  TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "nth", NULL, Tcl_NewIntObj(nth), TCL_GLOBAL_ONLY);
    if (Tcl_Init(interp) != TCL_OK || Tcl_EvalFile(interp, script) != TCL_OK) {
        complain(interp, "begin");
    }
    return interp;
}

static void buried(Tcl_Interp *interp)
{
    int n;
    Tcl_Obj **figures;
    if (Tcl_Eval(interp, "account") != TCL_OK
        || Tcl_ListObjGetElements(interp, Tcl_GetObjResult(interp), &n,
                                  &figures) != TCL_OK || n != FIGURES) {
        complain(interp, "account");
        n = 0;
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n; i++) {
        Tcl_WideInt figure = 0;
        Tcl_GetWideIntFromObj(NULL, figures[i], &figure);
        sums[i] += figure;
    }
    pthread_mutex_unlock(&lock);
    Tcl_DeleteInterp(interp);
}

/* One step of one of them; in its place perhaps another one. */
static Tcl_Interp *stepped(Tcl_Interp *interp, int thread, int nth)
{
    if (Tcl_Eval(interp, "step") != TCL_OK) {
        complain(interp, "step");
    } else if (strcmp(Tcl_GetStringResult(interp), "die") == 0) {
        buried(interp);
        return born(thread, nth);
    }
    return interp;
}

static void *live(void *number)
{
    int thread = *(int *)number;
    Tcl_Interp *all[MOST];
    for (int i = 0; i < interpreters; i++) {
        all[i] = born(thread, i);
    }
    if (pthread_barrier_wait(&all_born) == PTHREAD_BARRIER_SERIAL_THREAD) {
        clock_gettime(CLOCK_MONOTONIC, &began);
    }
    pthread_barrier_wait(&all_born);
    while (elapsed() < seconds) {
        for (int i = 0; i < interpreters; i++) {
            all[i] = stepped(all[i], thread, i);
        }
        for (int i = 0; i < 100 && Tcl_DoOneEvent(TCL_DONT_WAIT); i++) {
        }
        Tcl_Sleep(1);
    }
    for (int i = 0; i < interpreters; i++) {
        buried(all[i]);
    }
    Tcl_FinalizeThread();
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5 || atoi(argv[1]) > MOST || atoi(argv[2]) > MOST) {
        fprintf(stderr, "threads: see the head of threads.c\n");
        return 2;
    }
    int count = atoi(argv[1]), numbers[MOST];
    pthread_t threads[MOST];
    interpreters = atoi(argv[2]);
    seconds = atof(argv[3]);
    script = argv[4];
    pthread_barrier_init(&all_born, NULL, (unsigned)count);
    Tcl_FindExecutable(argv[0]);
    /* What Tcl and the loader do once in a process is done before. */
    Tcl_Interp *first = born(-1, 0);
    Tcl_Eval(first, "step; after 1 {set once 1}; vwait once");
    buried(first);
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, live, &numbers[i]);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < FIGURES; i++) {
        printf("%lld ", (long long)sums[i]);
    }
    printf("%d\n", broken);
    Tcl_Finalize();
    return 0;
}
