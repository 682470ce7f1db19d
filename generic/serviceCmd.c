/*
 * serviceCmd.c -- the command of a service.
 *
 * Layer: binding.  Made when a script first sees its name, so that what
 * nobody looks at costs nothing; named ::cluster::clusters::<n>::services::
 * <sid>@<hid> as ever.  It holds its service, which may have left meanwhile.
 */
#include "node.h"

#include <stdio.h>

typedef struct clu_service_cmd {
    clu_list link;              /* in the node's services */
    clu_node *node;             /* NULL: it finished before the command */
    clu_service *service;       /* held; its face is this, its name is a value
                                   that is held, NULL after a rename */
    Tcl_Command token;
} clu_service_cmd;

static const clu_sub service_subs[];

static int run_nr(ClientData cd, Tcl_Interp *interp, int objc,
                  Tcl_Obj *const objv[])
{
    clu_service_cmd *cmd = cd;
    clu_node *node = cmd->node;
    if (node == NULL) {
        return clu_tcl_error(interp, CLU_GONE, "the cluster is gone");
    }
    clu_node_hold(node);
    clu_service_hold(cmd->service);
    clu_service *s = cmd->service;
    int code = clu_sub_run(service_subs, cmd, cmd->token, interp, objc, objv);
    clu_service_release(s);
    clu_node_release(node);
    return code;
}

static int run(ClientData cd, Tcl_Interp *interp, int objc,
               Tcl_Obj *const objv[])
{
    return Tcl_NRCallObjProc(interp, run_nr, cd, objc, objv);
}

/* ---- life ---------------------------------------------------------------- */

/* What has parted from its node has no name. */
static void name_it(clu_service_cmd *cmd, Tcl_Obj *name)
{
    if (cmd->node == NULL) {
        return;
    }
    clu_service *s = cmd->service;
    Tcl_Obj *before = s->name;
    if (name != NULL) {
        Tcl_IncrRefCount(name);
    }
    clu_table_name(clu_engine_table(cmd->node->engine), s, name);
    if (!cmd->node->dead) {
        clu_recall_renamed(cmd->node, s, before);
    }
    if (before != NULL) {
        Tcl_DecrRefCount(before);
    }
}

/* The command may outlive the node, and its table. */
static void part(clu_service_cmd *cmd)
{
    name_it(cmd, NULL);
    cmd->node = NULL;
}

static void show(clu_service_cmd *cmd, clu_service *s, Tcl_Obj *name)
{
    clu_service_hold(s);
    s->face = cmd;
    cmd->service = s;
    name_it(cmd, name);
}

static void hide(clu_service_cmd *cmd)
{
    name_it(cmd, NULL);
    cmd->service->face = NULL;
    clu_service_release(cmd->service);
}

static void deleted(ClientData cd)
{
    clu_service_cmd *cmd = cd;
    clu_list_unlink(&cmd->link);
    hide(cmd);
    clu_free(cmd);
}

static void traced(ClientData cd, Tcl_Interp *interp, const char *from,
                   const char *to, int flags)
{
    (void)interp, (void)from, (void)to, (void)flags;
    name_it(cd, NULL);
}

/* A value of just these bytes: there may be ten thousand of them. */
static Tcl_Obj *full_name(clu_node *node, const clu_service *s)
{
    char text[CLU_SERVICE_UUID_MAX + 100];
    int n = snprintf(text, sizeof text, "%sservices::%.*s",
                     Tcl_GetString(node->spaces), (int)s->uuid_size,
                     (const char *)s->uuid);
    return Tcl_NewStringObj(text, n);
}

static clu_service_cmd *take_over(clu_node *node, clu_service *s,
                                  Tcl_Obj *name, const Tcl_CmdInfo *info)
{
    clu_service_cmd *cmd = info->objClientData;
    if (info->objProc != run || cmd->node != node) {
        return NULL;
    }
    if (s->state != CLU_SERVICE_GONE) {
        hide(cmd);
        show(cmd, s, name);
    }
    return cmd;
}

/*
 * Its name may be in use still by one of the same sid and hid that went, or,
 * for one that went, by one that came since.  The one command then speaks
 * for whom is there; with a command of somebody else's it gets a longer name.
 * To replace either would run traces in the middle of here.
 */
static clu_service_cmd *find_name(clu_node *node, clu_service *s,
                                  Tcl_Obj *name)
{
    Tcl_CmdInfo info;
    clu_service_cmd *cmd = NULL;
    while (cmd == NULL && Tcl_GetCommandInfo(node->state->interp,
                                             Tcl_GetString(name), &info)) {
        cmd = take_over(node, s, name, &info);
        if (cmd == NULL) {
            Tcl_AppendToObj(name, "_", 1);
        }
    }
    return cmd;
}

static clu_service_cmd *create(clu_node *node, clu_service *s, Tcl_Obj *name)
{
    Tcl_Interp *interp = node->state->interp;
    if (Tcl_InterpDeleted(interp)) {
        return NULL;            /* it is still in use, but takes no commands */
    }
    clu_service_cmd *cmd = clu_alloc(sizeof *cmd);
    if (cmd == NULL) {
        return NULL;
    }
    cmd->node = node;
    show(cmd, s, name);
    cmd->token = Tcl_NRCreateCommand(interp, Tcl_GetString(name), run, run_nr,
                                     cmd, deleted);
    Tcl_TraceCommand(interp, Tcl_GetString(name), TCL_TRACE_RENAME, traced,
                     cmd);
    clu_list_append(&node->services, &cmd->link);
    return cmd;
}

/* After a rename: as Tcl calls it now. */
static Tcl_Obj *name_of(clu_service_cmd *cmd)
{
    if (cmd->service->name == NULL) {
        Tcl_Obj *name = Tcl_NewObj();
        Tcl_GetCommandFullName(cmd->node->state->interp, cmd->token, name);
        name_it(cmd, name);
    }
    return cmd->service->name;
}

Tcl_Obj *clu_service_name(clu_node *node, clu_service *s)
{
    if (s == NULL || node->dead) {
        return Tcl_NewObj();
    }
    clu_service_cmd *cmd = s->face;
    if (cmd == NULL) {
        Tcl_Obj *name = full_name(node, s);
        Tcl_IncrRefCount(name);
        cmd = find_name(node, s, name);
        if (cmd == NULL) {
            cmd = create(node, s, name);
        }
        Tcl_DecrRefCount(name);
    }
    return cmd ? name_of(cmd) : Tcl_NewObj();
}

Tcl_Obj *clu_service_known(clu_service *s)
{
    return s->name == NULL && s->face != NULL ? name_of(s->face) : s->name;
}

void clu_service_clear(clu_node *node)
{
    while (!clu_list_empty(&node->services)) {
        clu_service_cmd *cmd = CLU_CONTAINER(node->services.next,
                                             clu_service_cmd, link);
        clu_list_unlink(&cmd->link);
        part(cmd);
        Tcl_DeleteCommandFromToken(node->state->interp, cmd->token);
    }
}

void clu_service_vanish(clu_node *node, clu_service *s)
{
    clu_service_cmd *cmd = node->dead ? NULL : s->face;
    if (cmd != NULL) {
        Tcl_DeleteCommandFromToken(node->state->interp, cmd->token);
    }
}

/* Each deletion may run a trace that deletes others: begin anew. */
void clu_service_sweep(clu_node *node)
{
    clu_list *l = node->services.next;
    while (!node->dead && l != &node->services) {
        clu_service_cmd *cmd = CLU_CONTAINER(l, clu_service_cmd, link);
        l = l->next;
        if (cmd->service->state == CLU_SERVICE_GONE) {
            Tcl_DeleteCommandFromToken(node->state->interp, cmd->token);
            l = node->services.next;
        }
    }
}

uint64_t clu_service_id_of(clu_node *node, Tcl_Obj *name)
{
    Tcl_CmdInfo info;
    Tcl_Command token = Tcl_GetCommandFromObj(node->state->interp, name);
    if (!Tcl_GetCommandInfoFromToken(token, &info)      /* also of NULL */
        || info.objProc != run) {
        return 0;
    }
    clu_service_cmd *cmd = info.objClientData;
    return cmd->node == node ? cmd->service->id : 0;
}

int clu_service_ids_of(clu_node *node, Tcl_Interp *interp, Tcl_Obj *list,
                       clu_found *found)
{
    Tcl_Size count;
    Tcl_Obj **names;
    if (Tcl_ListObjGetElements(interp, list, &count, &names) != TCL_OK) {
        return TCL_ERROR;
    }
    for (Tcl_Size i = 0; i < count; i++) {
        uint64_t id = clu_service_id_of(node, names[i]);
        if (id == 0) {
            clu_tcl_error(interp, CLU_GONE, "\"%s\" is no service of this "
                          "cluster", Tcl_GetString(names[i]));
            Tcl_SetErrorCode(interp, "CLUSTER", "NOSERVICE",
                             Tcl_GetString(names[i]), (char *)NULL);
            return TCL_ERROR;
        }
        if (clu_found_add(found, id) != CLU_OK) {
            return clu_tcl_error(interp, CLU_NOMEM, "out of memory");
        }
    }
    return TCL_OK;
}

/* ---- what it says -------------------------------------------------------- */

static Tcl_Obj *ip_of(const clu_service *s)
{
    char text[CLU_ADDRESS_TEXT];
    return Tcl_NewStringObj(clu_address_text(&s->addr, text), -1);
}

static Tcl_Obj *seconds_ago(const clu_service *s)
{
    return Tcl_NewWideIntObj((clu_loop_clock() - s->last_seen) / 1000);
}

static const char *state_name(const clu_service *s)
{
    static const char *const names[] = {
        [CLU_SERVICE_ALIVE] = "alive", [CLU_SERVICE_DOUBTED] = "doubted",
        [CLU_SERVICE_SUSPECT] = "suspect", [CLU_SERVICE_PINGED] = "pinged",
        [CLU_SERVICE_LEAVING] = "leaving", [CLU_SERVICE_GONE] = "gone",
    };
    return names[s->state];
}

static void put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

#define SERVICE(self) (((clu_service_cmd *)(self))->service)

static int info(CLU_ARGS)
{
    CLU_UNUSED;
    clu_service *s = SERVICE(self);
    Tcl_Obj *dict = Tcl_NewDictObj();
    put(dict, "last_seen", seconds_ago(s));
    put(dict, "address", ip_of(s));
    put(dict, "props", clu_text_new(s->props));
    put(dict, "system_id", clu_text_new(clu_service_hid(s)));
    put(dict, "service_id", clu_text_new(clu_service_sid(s)));
    put(dict, "tags", clu_items_new(s->tags));
    put(dict, "protocols", clu_items_new(s->protocols));
    put(dict, "uuid", clu_text_new(clu_service_uuid(s)));
    put(dict, "local", Tcl_NewBooleanObj(s->local));
    put(dict, "state", Tcl_NewStringObj(state_name(s), -1));
    put(dict, "age", Tcl_NewWideIntObj(
            (clu_loop_clock() - s->first_seen) / 1000));
    return clu_answer(interp, dict);
}

static int ip(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, ip_of(SERVICE(self)));
}

static int props(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_text_new(SERVICE(self)->props));
}

static int tags(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_items_new(SERVICE(self)->tags));
}

static int local(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, Tcl_NewBooleanObj(SERVICE(self)->local));
}

static int hid(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_text_new(clu_service_hid(SERVICE(self))));
}

static int sid(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_text_new(clu_service_sid(SERVICE(self))));
}

static int uuid(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_text_new(clu_service_uuid(SERVICE(self))));
}

static int last_seen(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, seconds_ago(SERVICE(self)));
}

static int protocols(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_items_new(SERVICE(self)->protocols));
}

static int cluster(CLU_ARGS)
{
    CLU_UNUSED;
    return clu_answer(interp, clu_node_name(((clu_service_cmd *)self)->node));
}

static int proto_props(CLU_ARGS)
{
    (void)objc;
    Tcl_Obj *dict = clu_text_new(SERVICE(self)->props), *value = NULL;
    Tcl_IncrRefCount(dict);
    int code = Tcl_DictObjGet(interp, dict, objv[1], &value);
    if (code == TCL_OK) {
        Tcl_SetObjResult(interp, value ? value : Tcl_NewObj());
    }
    Tcl_DecrRefCount(dict);
    return code;
}

static int resolver_tags(CLU_ARGS)
{
    CLU_UNUSED;
    clu_service *s = SERVICE(self);
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < s->word_count; i++) {
        Tcl_ListObjAppendElement(NULL, list,
                                 clu_text_new(clu_word_text(s->words[i])));
    }
    return clu_answer(interp, list);
}

static int meets(void *self, Tcl_Interp *interp, bool resolver, int objc,
                 Tcl_Obj *const objv[])
{
    clu_service_cmd *cmd = self;
    bool yes = false;
    int code = clu_resolve_one(cmd->node, interp, resolver, objc - 1, objv + 1,
                               cmd->service, &yes);
    return code == TCL_OK ? clu_answer(interp, Tcl_NewBooleanObj(yes)) : code;
}

static int resolve(CLU_ARGS)
{
    return meets(self, interp, false, objc, objv);
}

static int resolver(CLU_ARGS)
{
    return meets(self, interp, true, objc, objv);
}

/* The name it joined with: behind its generation in the caps key. */
static int name(CLU_ARGS)
{
    CLU_UNUSED;
    clu_service *s = SERVICE(self);
    clu_buf scratch;
    clu_buf_init(&scratch, s->props.n);
    clu_slice found = clu_slice_str("");
    clu_service_named(s, &scratch, &found);
    Tcl_SetObjResult(interp, clu_text_new(found));
    clu_buf_fini(&scratch);
    return TCL_OK;
}

/* Forgets it: as lost for our side, until it is heard again. */
static int destroy(CLU_ARGS)
{
    (void)interp;
    CLU_UNUSED;
    clu_service_cmd *cmd = self;
    clu_engine_forget(cmd->node->engine, cmd->service->id);
    return TCL_OK;
}

static int query(CLU_ARGS)
{
    clu_service_cmd *cmd = self;
    return clu_query_ask(cmd->node, interp, cmd->service->id, objc - 1,
                         objv + 1);
}

static int send(CLU_ARGS)
{
    clu_service_cmd *cmd = self;
    return clu_send_cmd(cmd->node, interp, cmd->service->id, objc - 1,
                        objv + 1);
}

static int socket_of(CLU_ARGS)
{
    (void)objc;
    clu_service_cmd *cmd = self;
    return clu_socket_cmd(cmd->node, interp, cmd->service->id, objv[1]);
}

static const clu_sub service_subs[] = {
    { "cluster", cluster, "", 0, 0, NULL },
    { "destroy", destroy, "", 0, 0, NULL },
    { "hid", hid, "", 0, 0, NULL },
    { "info", info, "", 0, 0, NULL },
    { "ip", ip, "", 0, 0, NULL },
    { "last_seen", last_seen, "", 0, 0, NULL },
    { "local", local, "", 0, 0, NULL },
    { "name", name, "", 0, 0, NULL },
    { "props", props, "", 0, 0, NULL },
    { "proto_props", proto_props, "protocol", 1, 1, NULL },
    { "protocols", protocols, "", 0, 0, NULL },
    { "query", query, "?-option value ...? ?ruid? script", 1, -1, NULL },
    { "resolve", resolve, "filter ?filter ...?", 1, -1, NULL },
    { "resolver", resolver, "?modifier? ?operator? list ...", 1, -1, NULL },
    { "resolver_tags", resolver_tags, "", 0, 0, NULL },
    { "send", send, "payload | ?-option value ...?", 1, -1, NULL },
    { "sid", sid, "", 0, 0, NULL },
    { "socket", socket_of, "protocol", 1, 1, NULL },
    { "tags", tags, "", 0, 0, NULL },
    { "uuid", uuid, "", 0, 0, NULL },
    { NULL, NULL, NULL, 0, 0, NULL }
};
