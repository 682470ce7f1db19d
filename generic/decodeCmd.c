/*
 * decodeCmd.c -- packets as values, for those who only look at them.
 *
 * Layer: binding.  For the shell command: what the wire says, without a
 * membership that would judge, count or answer it.
 */
#include "node.h"

#include "frame.h"

#define BODY_MAX (1u << 30)     /* bytes of a packet, when nobody bounds it */

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* A dict of what was read up to its end, or up to what is wrong with it. */
static Tcl_Obj *packet_new(clu_state *state, clu_slice body, size_t size)
{
    clu_limits limits;
    clu_limits_init(&limits);
    clu_packet packet = { 0 };
    clu_err err = clu_packet_decode(body, &limits, NULL, NULL, &packet);
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "size", Tcl_NewWideIntObj((Tcl_WideInt)size));
    put(dict, "fields", clu_payload_new(state, &packet));
    put(dict, "error", Tcl_NewStringObj(err == CLU_OK ? "" : clu_err_text(err),
                                        -1));
    return dict;
}

/*
 * ::cluster::core::packets bytes -> {packets junk rest}: a list of dicts, how
 * many bytes belong to none, and how many begin one that does not end.
 */
int clu_packets_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                    Tcl_Obj *const objv[])
{
    clu_slice bytes;
    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "bytes");
        return TCL_ERROR;
    }
    if (clu_bytes_borrow(objv[1], &bytes) != CLU_OK) {
        return clu_tcl_error(interp, CLU_VALUE, "these are no bytes");
    }
    clu_frame_loss loss = { 0 };
    clu_slice body;
    size_t need, before = bytes.n;
    uint64_t junk = 0;
    Tcl_Obj *packets = Tcl_NewListObj(0, NULL);
    while (clu_frame_next(&bytes, BODY_MAX, &body, &need, &loss) == CLU_OK) {
        size_t size = before - bytes.n - (size_t)(loss.junk - junk);
        Tcl_ListObjAppendElement(NULL, packets, packet_new(cd, body, size));
        before = bytes.n;
        junk = loss.junk;
    }
    Tcl_Obj *all[] = { packets, Tcl_NewWideIntObj((Tcl_WideInt)loss.junk),
                       Tcl_NewWideIntObj((Tcl_WideInt)bytes.n) };
    Tcl_SetObjResult(interp, Tcl_NewListObj(3, all));
    return TCL_OK;
}

/* ::cluster::core::fields -> a dict of a packet's fields and their kinds. */
int clu_fields_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    static const char *const kinds[] = {
        [CLU_KIND_NUMBER] = "number", [CLU_KIND_TEXT] = "text",
        [CLU_KIND_BYTES] = "bytes", [CLU_KIND_LIST] = "list",
        [CLU_KIND_FLAG] = "flag",
    };
    (void)cd, (void)objc, (void)objv;
    Tcl_Obj *dict = Tcl_NewDictObj();
    for (int i = 1; i <= CLU_FIELD_MAX; i++) {
        put(dict, clu_field_name((clu_field)i),
            Tcl_NewStringObj(kinds[clu_field_kind((clu_field)i)], -1));
    }
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}
