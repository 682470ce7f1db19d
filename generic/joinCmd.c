/*
 * joinCmd.c -- makes a membership: engine, transports, and the cluster command.
 *
 * Layer: binding.  ::cluster::core::join number config: the library has
 * checked the options' words; what only the system can refuse (a group, an
 * interface, a port, a path) is refused here, and nothing half-made is left.
 */
#include "hooks.h"
#include "tclTransport.h"

#include "../unix/datagram.h"
#include "../unix/lookup.h"
#include "../unix/multicast.h"
#include "../unix/stream.h"

#include <errno.h>
#include <stdio.h>

typedef struct clu_joining {
    clu_state *state;
    Tcl_Interp *interp;
    Tcl_Obj *number;            /* of the cluster, in its names */
    Tcl_Obj *config;            /* a dict: option without dash -> value */
    clu_node *node;
    char sid[9], hid[18];
    clu_address group;
    int ttl;                    /* 0: this host only */
    const char *warning;        /* what a person should know, or NULL */
} clu_joining;

/* ---- the config's values ------------------------------------------------- */

static Tcl_Obj *value_of(const clu_joining *j, const char *key)
{
    Tcl_Obj *name = Tcl_NewStringObj(key, -1), *value = NULL;
    Tcl_IncrRefCount(name);
    Tcl_DictObjGet(NULL, j->config, name, &value);
    Tcl_DecrRefCount(name);
    return value;
}

static const char *text_of(const clu_joining *j, const char *key)
{
    Tcl_Obj *value = value_of(j, key);
    return value != NULL && Tcl_GetString(value)[0] != '\0'
        ? Tcl_GetString(value) : NULL;
}

/* The words of a list; none where the config has no such key. */
static int words_of(const clu_joining *j, const char *key, Tcl_Size *count,
                    Tcl_Obj ***words)
{
    Tcl_Obj *list = value_of(j, key);
    *count = 0;
    *words = NULL;
    return list == NULL ? TCL_OK
        : Tcl_ListObjGetElements(j->interp, list, count, words);
}

static Tcl_WideInt number_of(const clu_joining *j, const char *key)
{
    Tcl_Obj *value = value_of(j, key);
    Tcl_WideInt number = 0;
    if (value != NULL) {
        Tcl_GetWideIntFromObj(NULL, value, &number);
    }
    return number;
}

/* A POSIX error keeps its code; the words say what was tried. */
static int system_error(Tcl_Interp *interp, const char *what)
{
    Tcl_SetErrno(errno);
    const char *text = Tcl_PosixError(interp);
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s: %s", what, text));
    return TCL_ERROR;
}

static int failed(clu_joining *j, clu_err err, const char *what)
{
    return err == CLU_SYSTEM ? system_error(j->interp, what)
        : clu_tcl_error(j->interp, err, "%s: %s", what, clu_err_text(err));
}

static int read_group(clu_joining *j)
{
    const char *text = text_of(j, "address");
    if (text == NULL
        || clu_address_parse(clu_slice_str(text), &j->group) != CLU_OK
        || !clu_address_is_multicast(&j->group)) {
        return clu_tcl_error(j->interp, CLU_VALUE, "-address must be an IPv4 "
                             "or IPv6 multicast group, not \"%s\"",
                             text ? text : "");
    }
    Tcl_WideInt port = number_of(j, "port");
    if (port < 1 || port > 65535) {
        return clu_tcl_error(j->interp, CLU_VALUE, "-port must be a number "
                             "from 1 to 65535");
    }
    j->group.port = (uint16_t)port;
    j->ttl = (int)number_of(j, "remote");
    return TCL_OK;
}

#define SEEDS_MAX 64

/* A host, or a host and a port; the library has looked it up. */
static int read_seed(clu_joining *j, Tcl_Obj *seed, clu_address *a)
{
    Tcl_Size count;
    Tcl_Obj **words;
    Tcl_WideInt number = j->group.port;
    if (Tcl_ListObjGetElements(j->interp, seed, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    const char *host = count > 0 ? Tcl_GetString(words[0]) : "";
    if (clu_lookup(host, j->group.family, a) != CLU_OK) {
        return clu_tcl_error(j->interp, CLU_VALUE, "-seeds: \"%s\" does not "
                             "resolve to an IPv%d address", host,
                             (int)j->group.family);
    }
    if (count > 1
        && (Tcl_GetWideIntFromObj(NULL, words[1], &number) != TCL_OK
            || number < 1 || number > 65535)) {
        return clu_tcl_error(j->interp, CLU_VALUE, "-seeds: \"%s\" is no "
                             "port", Tcl_GetString(words[1]));
    }
    if (j->ttl == 0 && !clu_host_is_local(j->state->host, a)) {
        return clu_tcl_error(j->interp, CLU_VALUE, "-seeds: \"%s\" is "
                             "another host's, which needs -remote above 0",
                             host);
    }
    a->port = (uint16_t)number;
    return TCL_OK;
}

static int read_seeds(clu_joining *j, clu_address *seeds, size_t *count)
{
    Tcl_Size n;
    Tcl_Obj **at;
    *count = 0;
    if (words_of(j, "seeds", &n, &at) != TCL_OK) {
        return TCL_ERROR;
    }
    if (n > SEEDS_MAX) {
        return clu_tcl_error(j->interp, CLU_LIMIT, "-seeds: at most %d are "
                             "possible", SEEDS_MAX);
    }
    while (*count < (size_t)n) {
        if (read_seed(j, at[*count], &seeds[*count]) != TCL_OK) {
            return TCL_ERROR;
        }
        (*count)++;
    }
    return TCL_OK;
}

/* ---- transports ---------------------------------------------------------- */

static int make_c(clu_joining *j, clu_transport **t)
{
    clu_address seeds[SEEDS_MAX];
    clu_multicast_config config = { .group = j->group, .ttl = j->ttl,
                                    .interface = text_of(j, "interface"),
                                    .seeds = seeds };
    if (read_seeds(j, seeds, &config.seed_count) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_multicast_create(j->state->loop, j->state->host, &config,
                                       t);
    if (err == CLU_OK) {
        return TCL_OK;
    }
    if (err == CLU_VALUE) {
        return clu_tcl_error(j->interp, err, "-interface: there is no "
                             "interface \"%s\"", config.interface);
    }
    char what[160];
    snprintf(what, sizeof what, "could not use UDP port %u%s",
             (unsigned)j->group.port, err == CLU_SYSTEM && errno == EADDRINUSE
             ? " (another program or user has it without sharing)" : "");
    return failed(j, err, what);
}

static int make_t(clu_joining *j, clu_transport **t)
{
    clu_err err = clu_tcp_create(j->state->loop, j->state->host, j->ttl == 0,
                                 j->group.family == 6, t);
    return err == CLU_OK ? TCL_OK : failed(j, err, "could not listen by TCP");
}

static int make_d(clu_joining *j, clu_transport **t)
{
    clu_err err = clu_datagram_create(j->state->loop, j->state->host,
                                      j->ttl == 0, j->group.family == 6, t);
    return err == CLU_OK ? TCL_OK
        : failed(j, err, "could not open a UDP socket");
}

static int make_u(clu_joining *j, clu_transport **t)
{
    const char *path = text_of(j, "u");
    clu_err err = clu_unix_create(j->state->loop, j->state->host, path, j->sid,
                                  t);
    if (err == CLU_VALUE) {
        return clu_tcl_error(j->interp, err, "-u: the path \"%s\" is too long "
                             "or its directory is not ours",
                             path ? path : "");
    }
    return err == CLU_OK ? TCL_OK
        : failed(j, err, "could not listen on a Unix socket");
}

static const struct {
    const char *name;
    int (*make)(clu_joining *j, clu_transport **t);
} makers[] = {
    { "c", make_c }, { "t", make_t }, { "u", make_u }, { "d", make_d },
};

static int attach(clu_joining *j, const char *name)
{
    for (size_t i = 0; i < CLU_COUNT_OF(makers); i++) {
        if (strcmp(makers[i].name, name) != 0) {
            continue;
        }
        clu_transport *t;
        if (makers[i].make(j, &t) != TCL_OK) {
            return TCL_ERROR;
        }
        clu_err err = clu_engine_attach(j->node->engine, t, clu_notify_up,
                                        j->node);
        if (err != CLU_OK) {
            t->ops->stop(t);
            return failed(j, err, "could not add a protocol");
        }
        return TCL_OK;
    }
    /* The library knows that it is registered, or a class. */
    return clu_script_attach(j->node, name, j->number, j->config);
}

static int attach_all(clu_joining *j)
{
    Tcl_Size count;
    Tcl_Obj **names;
    if (words_of(j, "protocols", &count, &names) != TCL_OK) {
        return TCL_ERROR;
    }
    for (Tcl_Size i = 0; i < count; i++) {
        if (attach(j, Tcl_GetString(names[i])) != TCL_OK) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

/* ---- the membership ------------------------------------------------------ */

static int read_limits(clu_joining *j, clu_limits *limits)
{
    clu_limits_init(limits);
    for (int i = 0; i < CLU_LIMIT_COUNT; i++) {
        const char *option = clu_limit_option((clu_limit)i);
        Tcl_Obj *value = value_of(j, option);
        Tcl_WideInt number;
        if (value == NULL) {
            continue;
        }
        if (Tcl_GetWideIntFromObj(NULL, value, &number) != TCL_OK
            || number < 1) {
            return clu_tcl_error(j->interp, CLU_VALUE, "-%s must be a number "
                                 "above 0, not \"%s\"", option,
                                 Tcl_GetString(value));
        }
        limits->at[i] = number;
    }
    return TCL_OK;
}

static int make_engine(clu_joining *j)
{
    clu_config config = { .ttl = number_of(j, "ttl") * 1000,
                          .heartbeat = number_of(j, "heartbeat"),
                          .remote = j->ttl > 0 };
    if (read_limits(j, &config.limits) != TCL_OK) {
        return TCL_ERROR;
    }
    if (text_of(j, "name") != NULL) {
        config.name = clu_slice_str(text_of(j, "name"));
    }
    clu_err err = clu_host_sid(j->sid);
    if (err == CLU_OK) {
        err = clu_host_random(&config.seed, sizeof config.seed);
    }
    if (err != CLU_OK) {
        return failed(j, err, "no random numbers");
    }
    clu_host_hid(j->state->host, j->hid);
    config.sid = clu_slice_str(j->sid);
    config.hid = clu_slice_str(j->hid);
    clu_patron patron = clu_notify_patron;
    patron.ctx = j->node;
    err = clu_engine_create(&config, &patron, &j->node->engine);
    return err == CLU_OK ? TCL_OK : failed(j, err, "could not join");
}

static int make_names(clu_joining *j)
{
    clu_node *node = j->node;
    const char *n = Tcl_GetString(j->number);
    node->name = Tcl_ObjPrintf("::cluster::clusters::cluster_%s", n);
    node->spaces = Tcl_ObjPrintf("::cluster::clusters::%s::", n);
    node->config = Tcl_DuplicateObj(j->config);
    Tcl_IncrRefCount(node->name);
    Tcl_IncrRefCount(node->spaces);
    Tcl_IncrRefCount(node->config);
    Tcl_Obj *script = Tcl_ObjPrintf("namespace eval %sservices {}\n"
                                    "namespace eval %squeries {}\n"
                                    "namespace eval %sprotocols {}",
                                    Tcl_GetString(node->spaces),
                                    Tcl_GetString(node->spaces),
                                    Tcl_GetString(node->spaces));
    return Tcl_EvalObjEx(j->interp, script, TCL_EVAL_GLOBAL);
}

static int set_up(clu_joining *j)
{
    clu_engine *e = j->node->engine;
    Tcl_Size count;
    Tcl_Obj **at;
    if (words_of(j, "channels", &count, &at) != TCL_OK) {
        return TCL_ERROR;
    }
    for (Tcl_Size i = 0; i < count; i++) {
        Tcl_WideInt channel;
        if (Tcl_GetWideIntFromObj(j->interp, at[i], &channel) != TCL_OK
            || clu_engine_channel(e, (uint64_t)channel, true) != CLU_OK) {
            return clu_tcl_error(j->interp, CLU_LIMIT, "too many channels");
        }
    }
    Tcl_Obj *line[] = { j->node->name, Tcl_NewStringObj("Tags", -1),
                        clu_value_or_nothing(value_of(j, "tags")) };
    int code;
    return clu_notify_eval(j->node, CLU_COUNT_OF(line), line, &code)
        ? code : TCL_ERROR;
}

/* The command comes before the protocols, which may be scripts: they speak to
   it from their first line on. */
static int build(clu_joining *j)
{
    if (read_group(j) != TCL_OK || make_engine(j) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_node *node = j->node;
    clu_hook_wishes(node);
    clu_list_append(&j->state->nodes, &node->link);
    clu_notifier_add(&node->server);
    if (make_names(j) != TCL_OK || clu_node_publish(node) != TCL_OK
        || attach_all(j) != TCL_OK || set_up(j) != TCL_OK) {
        return TCL_ERROR;
    }
    clu_err err = clu_engine_join(node->engine, clu_loop_clock());
    if (err == CLU_UNREACHABLE) {
        j->warning = "there is no way to the group: no network, or not yet; "
            "it is tried again each second";
    } else if (err != CLU_OK && err != CLU_VETO) {
        return failed(j, err, "the first beacon did not leave");
    }
    clu_node_rearm(node);
    return TCL_OK;
}

static clu_node *new_node(clu_state *state)
{
    clu_node *node = clu_alloc(sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->state = state;
    node->holds = 1;            /* the interpreter's */
    clu_list_init(&node->link);
    clu_list_init(&node->services);
    clu_list_init(&node->told);
    node->swept = true;
    clu_list_init(&node->arrived);
    clu_list_init(&node->server.link);
    node->server.serve = clu_notify_serve;
    node->server.behind = clu_notify_behind;
    node->server.waits = clu_notify_waits;
    node->timer.due = clu_notify_timer;
    Tcl_InitHashTable(&node->queries, TCL_ONE_WORD_KEYS);
    return node;
}

/* Takes a membership apart that did not come about; the error stays. */
static void undo(clu_joining *j)
{
    Tcl_InterpState saved = Tcl_SaveInterpState(j->interp, TCL_ERROR);
    clu_node *node = j->node;
    if (node->engine == NULL) {
        Tcl_DeleteHashTable(&node->queries);
        clu_free(node);
        clu_notifier_close();
    } else {
        if (node->token != NULL) {
            Tcl_DeleteCommandFromToken(j->interp, node->token);
        }
        clu_node_abandon(node);
        clu_node_release(node);
    }
    Tcl_RestoreInterpState(j->interp, saved);
}

int clu_join_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                 Tcl_Obj *const objv[])
{
    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "number config");
        return TCL_ERROR;
    }
    clu_joining j = { .state = cd, .interp = interp, .number = objv[1],
                      .config = objv[2] };
    clu_err err = clu_notifier_open(&j.state->loop, &j.state->host);
    if (err != CLU_OK) {
        return failed(&j, err, "could not start the event loop");
    }
    j.node = new_node(j.state);
    if (j.node == NULL) {
        clu_notifier_close();
        return clu_tcl_error(interp, CLU_NOMEM, "out of memory");
    }
    clu_node_hold(j.node);      /* a protocol's script may destroy it */
    if (build(&j) != TCL_OK) {
        undo(&j);
        return TCL_ERROR;
    }
    Tcl_Obj *pair[] = { j.node->name,
                        Tcl_NewStringObj(j.warning ? j.warning : "", -1) };
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, pair));
    clu_node_release(j.node);
    return TCL_OK;
}

/* {default counter what} */
static Tcl_Obj *about_limit(clu_limit which, Tcl_Obj *value)
{
    Tcl_Obj *about[] = {
        value,
        Tcl_NewStringObj(clu_counter_name(clu_limit_counter(which)), -1),
        Tcl_NewStringObj(clu_limit_what(which), -1)
    };
    return Tcl_NewListObj(CLU_COUNT_OF(about), about);
}

/* A dict of every limit's option and default; with a word behind the command,
   of its option and what is known about it. */
int clu_limits_cmd(ClientData cd, Tcl_Interp *interp, int objc,
                   Tcl_Obj *const objv[])
{
    (void)cd, (void)objv;
    clu_limits limits;
    clu_limits_init(&limits);
    Tcl_Obj *dict = Tcl_NewDictObj();
    for (int i = 0; i < CLU_LIMIT_COUNT; i++) {
        clu_limit which = (clu_limit)i;
        Tcl_Obj *value = Tcl_NewWideIntObj(limits.at[i]);
        Tcl_DictObjPut(NULL, dict,
                       Tcl_NewStringObj(clu_limit_option(which), -1),
                       objc > 1 ? about_limit(which, value) : value);
    }
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}
