/*
 * boundary.c -- what Tcl's own values cost: the limit for whatever hands a
 *               packet to a script, or takes one from it.
 *
 *     boundary read DICT        fetches every value of a heartbeat's keys and
 *                               copies its text into a new byte array
 *     boundary make             a new dict with a heartbeat's fields
 *     boundary list N           a new list of N values that are there already
 *     boundary clock            this process's processor time, microseconds
 */
#include <stdlib.h>
#include <string.h>
#include <tcl.h>
#include <time.h>

#ifndef TCL_SIZE_MAX
typedef int Tcl_Size;
#endif

enum { FIELDS = 8, SOME = 100000 };

static const char *const names[FIELDS] = { "sid", "hid", "type", "channel",
    "protocols", "data", "known", "tags" };
static Tcl_Obj *keys[FIELDS], *some[SOME];

/* The lists are split and the numbers read, as for any codec. */
static int read_one(Tcl_Interp *interp, Tcl_Obj *dict)
{
    char bytes[1000];
    Tcl_Size n = 0;
    for (int i = 0; i < FIELDS; i++) {
        Tcl_Obj *value;
        if (Tcl_DictObjGet(interp, dict, keys[i], &value) != TCL_OK
            || value == NULL) {
            return TCL_ERROR;
        }
        Tcl_Obj **items = &value;
        Tcl_Size count = 1;
        if ((i == 4 || i == 7) && Tcl_ListObjGetElements(interp, value,
                                        &count, &items) != TCL_OK) {
            return TCL_ERROR;
        }
        Tcl_WideInt number;
        if ((i == 2 || i == 3 || i == 6)
            && Tcl_GetWideIntFromObj(interp, value, &number) == TCL_OK) {
            bytes[n++] = (char)number;
            continue;
        }
        for (Tcl_Size k = 0; k < count; k++) {
            Tcl_Size size;
            const char *text = Tcl_GetStringFromObj(items[k], &size);
            memcpy(bytes + n, text, (size_t)size);
            n += size;
        }
    }
    Tcl_SetObjResult(interp, Tcl_NewByteArrayObj((unsigned char *)bytes, n));
    return TCL_OK;
}

static Tcl_Obj *list_of(const char *const *words)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (; *words; words++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(*words, -1));
    }
    return list;
}

static int make_one(Tcl_Interp *interp)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    Tcl_Obj *values[FIELDS] = {
        Tcl_NewStringObj("s0000000", 8),
        Tcl_NewStringObj("02:fc:00:00:00:01", 17),
        Tcl_NewWideIntObj(1), Tcl_NewWideIntObj(0),
        list_of((const char *const []){ "t", "u", "c", NULL }),
        Tcl_NewStringObj(
            "t {port 40447} u {path /run/user/0/cluster/x.sock} caps 2", 57),
        Tcl_NewWideIntObj(12),
        list_of((const char *const []){ "service_one", "web", NULL }) };
    for (int i = 0; i < FIELDS; i++) {
        Tcl_DictObjPut(interp, dict, keys[i], values[i]);
    }
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

static int list_some(Tcl_Interp *interp, int count)
{
    if (count > SOME) {
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i++) {
        if (some[i] != NULL) {
            continue;
        }
        some[i] = Tcl_NewStringObj("::cluster::clusters::1::service", -1);
        Tcl_IncrRefCount(some[i]);
    }
    Tcl_SetObjResult(interp, Tcl_NewListObj(count, some));
    return TCL_OK;
}

static int command(void *ctx, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    (void)ctx;
    const char *what = objc > 1 ? Tcl_GetString(objv[1]) : "";
    int count;
    if (strcmp(what, "clock") == 0) {
        struct timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        Tcl_SetObjResult(interp, Tcl_NewDoubleObj((double)t.tv_sec * 1e6
                                                  + (double)t.tv_nsec / 1e3));
        return TCL_OK;
    }
    if (strcmp(what, "make") == 0) {
        return make_one(interp);
    }
    if (strcmp(what, "read") == 0 && objc > 2) {
        return read_one(interp, objv[2]);
    }
    if (strcmp(what, "list") == 0 && objc > 2
        && Tcl_GetIntFromObj(interp, objv[2], &count) == TCL_OK) {
        return list_some(interp, count);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj("read, make, list or clock", -1));
    return TCL_ERROR;
}

extern DLLEXPORT int Boundary_Init(Tcl_Interp *interp)
{
    if (Tcl_InitStubs(interp, "8.6-", 0) == NULL) {
        return TCL_ERROR;
    }
    for (int i = 0; i < FIELDS; i++) {
        keys[i] = Tcl_NewStringObj(names[i], -1);
        Tcl_IncrRefCount(keys[i]);
    }
    Tcl_CreateObjCommand(interp, "boundary", command, NULL, NULL);
    return TCL_OK;
}
