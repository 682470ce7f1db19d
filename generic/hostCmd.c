/*
 * hostCmd.c -- what this host is and allows, as Tcl values.
 *
 * Layer: binding.  ::cluster::core::host, interfaces, way, clock and kept: what
 * the transports know of the system, for the library and for cluster doctor.
 */
#include "node.h"

#include "../unix/group.h"
#include "../unix/lookup.h"
#include "../unix/path.h"

#ifdef __linux__
#include <sys/timex.h>
#endif

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

static Tcl_Obj *address_new(const clu_address *a)
{
    char text[CLU_ADDRESS_TEXT];
    return Tcl_NewStringObj(clu_address_text(a, text), -1);
}

static int open_host(Tcl_Interp *interp, clu_host **host)
{
    clu_loop *loop;
    clu_err err = clu_notifier_open(&loop, host);
    return err == CLU_OK ? TCL_OK
        : clu_tcl_error(interp, err, "this host cannot be asked");
}

/* A dict of what this host is: hid and addresses. */
int clu_host_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                 Tcl_Obj *const objv[])
{
    (void)cd, (void)objc, (void)objv;
    clu_host *host;
    if (open_host(interp, &host) != TCL_OK) {
        return TCL_ERROR;
    }
    char hid[18];
    clu_host_hid(host, hid);
    const clu_address *list;
    size_t count = clu_host_addresses(host, &list);
    Tcl_Obj *addresses = Tcl_NewListObj(0, NULL), *dict = Tcl_NewDictObj();
    for (size_t i = 0; i < count; i++) {
        Tcl_ListObjAppendElement(NULL, addresses, address_new(&list[i]));
    }
    put(dict, "hid", Tcl_NewStringObj(hid, -1));
    put(dict, "addresses", addresses);
    clu_notifier_close();
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

/* ---- interfaces ---------------------------------------------------------- */

/* The MTU is 0 where the system does not say it. */
static Tcl_Obj *interface_new(const clu_interface *face)
{
    int mtu = 0;
    (void)clu_host_mtu(face, &mtu);
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "name", Tcl_NewStringObj(face->name, -1));
    put(dict, "up", Tcl_NewBooleanObj(face->up));
    put(dict, "multicast", Tcl_NewBooleanObj(face->multicast));
    put(dict, "loopback", Tcl_NewBooleanObj(face->loopback));
    put(dict, "mtu", Tcl_NewIntObj(mtu));
    put(dict, "v4", address_new(&face->v4));
    put(dict, "v6", address_new(&face->v6));
    return dict;
}

/* A list of dicts, one for each interface. */
int clu_interfaces_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                       Tcl_Obj *const objv[])
{
    (void)cd, (void)objc, (void)objv;
    clu_host *host;
    if (open_host(interp, &host) != TCL_OK) {
        return TCL_ERROR;
    }
    const clu_interface *faces;
    size_t count = clu_host_interfaces(host, &faces);
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < count; i++) {
        Tcl_ListObjAppendElement(NULL, list, interface_new(&faces[i]));
    }
    clu_notifier_close();
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* ---- the way to a group -------------------------------------------------- */

static const clu_interface *face_by_index(const clu_host *host, unsigned index)
{
    const clu_interface *faces;
    size_t count = clu_host_interfaces(host, &faces);
    for (size_t i = 0; i < count; i++) {
        if (faces[i].index == index) {
            return &faces[i];
        }
    }
    return NULL;
}

/* The interface a datagram to the group would leave by, and why that one. */
static Tcl_Obj *way_new(const clu_host *host, const clu_address *group,
                        int ttl, const clu_interface *asked)
{
    char text[CLU_ADDRESS_TEXT];
    clu_address source = { .family = 0 };
    bool routed = clu_group_route(group, &source) == CLU_OK;
    clu_way way = clu_group_way(group, host, ttl, asked);
    const clu_interface *face = way.face ? face_by_index(host, way.face)
        : routed ? clu_host_interface(host, clu_address_text(&source, text))
        : NULL;
    int wanted, granted;
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "interface", Tcl_NewStringObj(face ? face->name : "", -1));
    put(dict, "routed", Tcl_NewBooleanObj(routed));
    put(dict, "source", address_new(way.face ? &way.source : &source));
    if (clu_group_buffer(group, &wanted, &granted) == CLU_OK) {
        put(dict, "asked", Tcl_NewIntObj(wanted));
        put(dict, "granted", Tcl_NewIntObj(granted));
    }
    return dict;
}

/* way GROUP HOPS INTERFACE -> interface, routed, source, and the bytes of the
   receive buffer that are asked for and granted, where a socket can be had. */
int clu_way_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                Tcl_Obj *const objv[])
{
    (void)cd;
    clu_address group;
    clu_host *host;
    int ttl;
    if (objc != 4) {
        Tcl_WrongNumArgs(interp, 1, objv, "group hops interface");
        return TCL_ERROR;
    }
    const char *name = Tcl_GetString(objv[3]);
    if (Tcl_GetIntFromObj(interp, objv[2], &ttl) != TCL_OK) {
        return TCL_ERROR;
    }
    if (clu_address_parse(clu_slice_str(Tcl_GetString(objv[1])), &group)
        != CLU_OK || !clu_address_is_multicast(&group)) {
        return clu_tcl_error(interp, CLU_VALUE, "\"%s\" is no multicast group",
                             Tcl_GetString(objv[1]));
    }
    if (open_host(interp, &host) != TCL_OK) {
        return TCL_ERROR;
    }
    group.port = 1;             /* connect wants one; nothing is sent */
    const clu_interface *asked = *name ? clu_host_interface(host, name) : NULL;
    int code = TCL_OK;
    if (*name && asked == NULL) {
        code = clu_tcl_error(interp, CLU_VALUE, "there is no interface \"%s\"",
                             name);
    } else {
        Tcl_SetObjResult(interp, way_new(host, &group, ttl, asked));
    }
    clu_notifier_close();
    return code;
}

/* lookup NAME FAMILY -> the address that a seed of this name would be. */
int clu_lookup_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    (void)cd;
    clu_address found;
    int family;
    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "name family");
        return TCL_ERROR;
    }
    if (Tcl_GetIntFromObj(interp, objv[2], &family) != TCL_OK) {
        return TCL_ERROR;
    }
    if (clu_lookup(Tcl_GetString(objv[1]), family, &found) != CLU_OK) {
        return clu_tcl_error(interp, CLU_GONE, "\"%s\" has no IPv%d address",
                             Tcl_GetString(objv[1]), family);
    }
    Tcl_SetObjResult(interp, address_new(&found));
    return TCL_OK;
}

/* ---- time and files ------------------------------------------------------ */

/* A dict: monotonic, the clock all deadlines go by, in milliseconds; and
   synchronised, where the system tells whether wall time is. */
int clu_clock_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    (void)cd, (void)objc, (void)objv;
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "monotonic", Tcl_NewWideIntObj(clu_loop_clock()));
#ifdef __linux__
    struct timex told = { .modes = 0 };
    int state = adjtimex(&told);
    if (state >= 0) {
        put(dict, "synchronised", Tcl_NewBooleanObj(state != TIME_ERROR));
    }
#endif
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

/* kept DIRECTORY OURS -> can none but us and root put something else there? */
int clu_kept_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                 Tcl_Obj *const objv[])
{
    (void)cd;
    int ours;
    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "directory ours");
        return TCL_ERROR;
    }
    if (Tcl_GetBooleanFromObj(interp, objv[2], &ours) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(
            clu_path_kept(Tcl_GetString(objv[1]), ours)));
    return TCL_OK;
}
