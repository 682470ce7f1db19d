/*
 * node.h -- what the files of the binding share: one membership of an
 *           interpreter, its hooks, its queues, its commands.
 *
 * Layer: binding.  Tcl_Obj and Tcl_Interp begin here.
 *
 *     interpreter --- clu_state --- clu_node --- clu_engine --- transports
 *                                      |  told:    news that wait for scripts
 *                                      |  arrived: frames that wait for hooks
 *                                      +- services, queries: their commands
 *
 * A script may do anything at any time: destroy its cluster, its service, its
 * interpreter.  So a node is held while it is worked on, and everything else
 * is named by its id and looked up again behind every evaluation.
 */
#ifndef CLU_NODE_H
#define CLU_NODE_H

#include "engine.h"
#include "match.h"
#include "text.h"
#include "utf8.h"
#include "../unix/notifier.h"

/* Where a hook stands on a packet's way; the Tcl side knows the spellings. */
#define CLU_HOOKS(X) \
    X(EVALUATE_RECEIVE,   "evaluate receive",   false) \
    X(CHANNEL_RECEIVE,    "channel receive",    true) \
    X(OP_RECEIVE,         "op receive",         true) \
    X(SERVICE_EVALUATE,   "service evaluate",   false) \
    X(SERVICE_VALIDATE,   "service validate",   false) \
    X(TAGS_CHANGED,       "tags changed",       false) \
    X(SERVICE_DISCOVERED, "service discovered", false) \
    X(SERVICE_LOST,       "service lost",       false) \
    X(QUERY,              "query",              false) \
    X(EVENT,              "event",              false) \
    X(EVALUATE_SEND,      "evaluate send",      false) \
    X(CHANNEL_SEND,       "channel send",       true) \
    X(OP_SEND,            "op send",            true) \
    X(BROADCAST,          "broadcast",          false) \
    X(PROTOCOL_RECEIVE,   "protocol receive",   true) \
    X(PROTOCOL_SEND,      "protocol send",      true)

typedef enum {
#define X(id, name, keyed) CLU_HOOK_##id,
    CLU_HOOKS(X)
#undef X
    CLU_HOOK_COUNT
} clu_hook;

/* What the callback of a query is told. */
#define CLU_EVENTS(X) \
    X(START, "start") X(RESPONSE, "response") X(ERROR, "error") \
    X(TIMEOUT, "timeout") X(LOST, "lost") X(DONE, "done")

typedef enum {
    CLU_EVENT_NONE,             /* nothing yet */
#define X(id, name) CLU_EVENT_##id,
    CLU_EVENTS(X)
#undef X
    CLU_EVENT_COUNT
} clu_event;

typedef struct clu_state {              /* of one interpreter */
    Tcl_Interp *interp;
    clu_loop *loop;                     /* the thread's */
    clu_host *host;                     /* the thread's */
    clu_list nodes;
    bool ending;                        /* the thread, and with it all of it */
    Tcl_Obj *fields[CLU_FIELD_MAX + 1]; /* names, shared by all payloads */
    Tcl_Obj *events[CLU_EVENT_COUNT];   /* names, shared by all queries */
    Tcl_Obj *apply, *ask, *failed;      /* command words */
    Tcl_Obj *nothing;                   /* an empty value for all */
} clu_state;

/* Where the frame in hand came from, as a script's protocol has it. */
typedef struct clu_origin {
    Tcl_Obj *channel, *descriptor;      /* NULL: no script's */
} clu_origin;

/* Whom a script asks for: everybody, by filters, by the resolver's language. */
typedef enum { CLU_ASKED_ALL, CLU_ASKED_FILTERS, CLU_ASKED_RESOLVER }
    clu_asked;

/* A question of late and the list that answers it. */
typedef struct clu_recall {
    Tcl_Obj **words;                    /* held, in a block of their own */
    Tcl_Size count;
    clu_asked how;
    bool by_name;                       /* a word may be a command's name */
    Tcl_Obj *names;                     /* held, nobody else's; NULL: free */
    uint64_t changes, renames;          /* as of these */
    uint64_t used;                      /* greater: later */
} clu_recall;

#define CLU_RECALLS 8                   /* so many of a membership */

/* A service's command lost the name it had: deleted, or renamed. */
typedef struct clu_rename {
    clu_service *service;               /* held */
    Tcl_Obj *before;                    /* held; NULL: it got its first one */
} clu_rename;

typedef struct clu_node {
    clu_list link;                      /* in the state */
    clu_state *state;                   /* NULL once the interpreter is gone */
    clu_engine *engine;
    unsigned holds;
    bool closing;                       /* left; what was told is drained */
    bool dead;                          /* nothing is told any more */
    bool lingers;                       /* dead, but transports are on the
                                           stack: they keep the loop */
    Tcl_Command token;
    Tcl_Obj *name;                      /* of the cluster command */
    Tcl_Obj *spaces;                    /* "::cluster::clusters::<n>::" */
    Tcl_Obj *config;                    /* what it was joined with */
    Tcl_Obj *via;                       /* the last protocol's name; or NULL */
    Tcl_Obj *hooks[CLU_HOOK_COUNT];     /* a lambda, or dict of lambdas by
                                           key; NULL: none */
    uint32_t reads[CLU_HOOK_COUNT];     /* of one that is told: what its body
                                           names, bit 1 << field, or ... */
#define CLU_READS_PAYLOAD 1u            /* ... the payload itself */
    int nesting;                        /* hooks within hooks */
    bool guarded;                       /* the interpreter is preserved */
    bool scripted;                      /* a protocol is a script: the engine
                                           runs when scripts may */
    clu_origin origin;

    clu_list told, arrived;             /* queues, oldest first */
    size_t backlog;                     /* bytes in both */
    bool tick_due;                      /* a deadline waits for the dispatch */
    bool swept;                         /* no service went without being told */
    clu_timer timer;                    /* engine and transports */
    clu_server server;                  /* the notifier's way to us */

    clu_list services;                  /* their commands */
    uint64_t renames;                   /* of them, so far ... */
    clu_rename renamed[CLU_CHANGES];    /* ... n stands at n % CLU_CHANGES */
    clu_recall recalls[CLU_RECALLS];    /* what was found lately */
    uint64_t recalled;                  /* how often, so far */
    Tcl_HashTable queries;              /* by handle: struct clu_query_cmd */
} clu_node;

/* ---- init.c -------------------------------------------------------------- */

clu_state *clu_state_of(Tcl_Interp *interp);

/* ---- joinCmd.c ----------------------------------------------------------- */

Tcl_ObjCmdProc clu_join_cmd;        /* ::cluster::core::join number config */
Tcl_ObjCmdProc clu_limits_cmd;      /* ::cluster::core::limits */

/* ---- hostCmd.c ----------------------------------------------------------- */

Tcl_ObjCmdProc clu_host_cmd;        /* ::cluster::core::host */
Tcl_ObjCmdProc clu_interfaces_cmd;  /* ::cluster::core::interfaces */
Tcl_ObjCmdProc clu_way_cmd;         /* ::cluster::core::way group hops face */
Tcl_ObjCmdProc clu_lookup_cmd;      /* ::cluster::core::lookup name family */
Tcl_ObjCmdProc clu_clock_cmd;       /* ::cluster::core::clock */
Tcl_ObjCmdProc clu_kept_cmd;        /* ::cluster::core::kept directory ours */

/* ---- decodeCmd.c --------------------------------------------------------- */

Tcl_ObjCmdProc clu_packets_cmd;     /* ::cluster::core::packets bytes */
Tcl_ObjCmdProc clu_fields_cmd;      /* ::cluster::core::fields */

/* ---- tclSignal.c --------------------------------------------------------- */

Tcl_ObjCmdProc clu_signals_cmd;     /* ::cluster::core::signals prefix */

/* ---- node.c -------------------------------------------------------------- */

Tcl_Obj *clu_node_name(clu_node *node); /* its command's, as of now */
void clu_node_hold(clu_node *node);
void clu_node_release(clu_node *node);
void clu_node_close(clu_node *node);    /* leaves; tells what is to be told */
void clu_node_finish(clu_node *node);   /* it is told: the commands go */
void clu_node_abandon(clu_node *node);  /* the interpreter is going: silently */
/* The name of a command as of now: a script may have renamed it.  *name, which
   is held, is changed with it. */
Tcl_Obj *clu_command_name(Tcl_Interp *interp, Tcl_Command token,
                          Tcl_Obj **name);
/* NULL when the interpreter is going.  What had the name is deleted, and a
   trace on that may do anything. */
Tcl_Command clu_command_create(Tcl_Interp *interp, const char *name,
                               Tcl_ObjCmdProc *run, Tcl_ObjCmdProc *run_nr,
                               void *ctx, Tcl_CmdDeleteProc *deleted);
void clu_node_rearm(clu_node *node);    /* the timer, after anything happened */

/* ---- nodeCmd.c ----------------------------------------------------------- */

int clu_node_publish(clu_node *node);   /* its command */

/* ---- notify.c ------------------------------------------------------------ */

extern const clu_patron clu_notify_patron;
clu_up clu_notify_up;
void clu_notify_timer(clu_timer *timer, clu_ms now);
/* Room for one piece of news: clu_free. */
typedef struct clu_told clu_told;
clu_told *clu_notify_spare(void);
void clu_notify_serve(clu_server *server);
bool clu_notify_behind(clu_server *server);
bool clu_notify_waits(clu_server *server);
void clu_notify_discard(clu_node *node);        /* empties both queues */
/*
 * Serves cluster I/O, and nothing else of Tcl, until done says so, or the node
 * died.  What is told meanwhile waits in its queue, unless it is for this
 * query.
 */
void clu_notify_wait(clu_node *node, uint64_t query, bool (*done)(void *ctx),
                     void *ctx);
/* Evaluates with the node held; false when the node died of it. */
bool clu_notify_eval(clu_node *node, Tcl_Size objc, Tcl_Obj *const objv[],
                     int *code);
/* What a script said that ended with this code.  A bare break or continue in a
   procedure, of which Tcl makes an error, is TCL_BREAK or TCL_CONTINUE. */
int clu_notify_said(Tcl_Interp *interp, int code);

/* ---- serviceCmd.c -------------------------------------------------------- */

/* The command of a service, made when first asked for; reference count 0 or
   more.  NULL when out of memory or when the interpreter is going. */
Tcl_Obj *clu_service_name(clu_node *node, clu_service *s);
/* The same where there is a command; runs no script.  Held by the command;
   NULL: there is none. */
Tcl_Obj *clu_service_known(clu_service *s);
/* Its command is the last thing that goes. */
void clu_service_vanish(clu_node *node, clu_service *s);
/* Those whose service went unheard, for want of memory. */
void clu_service_sweep(clu_node *node);
void clu_service_clear(clu_node *node);         /* all of them */
/* The id behind a service command's name; 0: there is none (no error set).  The
   node lives. */
uint64_t clu_service_id_of(clu_node *node, Tcl_Obj *name);

/* ---- protocolCmd.c ------------------------------------------------------- */

/* $cluster protocol id, $service socket id: nothing when it is no script's. */
int clu_protocol_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *id);
int clu_socket_cmd(clu_node *node, Tcl_Interp *interp, uint64_t service,
                   Tcl_Obj *id);
/* objv: id chanID packet */
int clu_receive_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *const objv[]);
/* objv: open|close|moved id ?chanID? ?service? */
int clu_protocol_event(clu_node *node, Tcl_Interp *interp, int objc,
                       Tcl_Obj *const objv[]);

/* ---- found.c ------------------------------------------------------------- */

typedef struct clu_found {              /* ids in a block of their own */
    uint64_t *ids;
    size_t count, room;
} clu_found;

clu_err clu_found_add(clu_found *found, uint64_t id);   /* once each */
clu_err clu_found_append(clu_found *found, uint64_t id);
clu_err clu_found_seats(clu_found *found, clu_node *node, const clu_set *seats);
void clu_found_free(clu_found *found);
/* A list of their commands; NULL when out of memory. */
Tcl_Obj *clu_service_names(clu_node *node, const clu_found *found);
/* The commands of those who are asked for, as the result. */
int clu_names_found(clu_node *node, Tcl_Interp *interp, clu_asked how,
                    Tcl_Size objc, Tcl_Obj *const objv[]);

/* ---- recall.c ------------------------------------------------------------ */

/* The list that answers a question, reference count 0, when it was given before
   and what has changed since is known; NULL: it has to be looked for. */
Tcl_Obj *clu_recall_find(clu_node *node, clu_asked how, Tcl_Size objc,
                         Tcl_Obj *const objv[]);
/* This is the answer as of now. */
void clu_recall_keep(clu_node *node, clu_asked how, Tcl_Size objc,
                     Tcl_Obj *const objv[], Tcl_Obj *names);
/* A service has another name now, or none. */
void clu_recall_renamed(clu_node *node, clu_service *s, Tcl_Obj *before);
void clu_recall_clear(clu_node *node);

/* ---- resolveCmd.c -------------------------------------------------------- */

/* The filters of `resolve`, or the language of `resolver`. */
int clu_resolve(clu_node *node, Tcl_Interp *interp, bool resolver,
                Tcl_Size objc, Tcl_Obj *const objv[], clu_found *found);
/* The same as seats, good until the table changes: scratch, which is the
   caller's and empty before, or the table's own.  NULL: an error. */
const clu_set *clu_resolve_seats(clu_node *node, Tcl_Interp *interp,
                                 bool resolver, Tcl_Size objc,
                                 Tcl_Obj *const objv[], clu_set *scratch);
/* Which of some services meet it: the others are taken out. */
int clu_resolve_some(clu_node *node, clu_asked how, Tcl_Size objc,
                     Tcl_Obj *const objv[], clu_service **some, size_t *count);
/* The same of one service, or of ourselves (s NULL): 1 or 0 into *meets. */
int clu_resolve_one(clu_node *node, Tcl_Interp *interp, bool resolver,
                    Tcl_Size objc, Tcl_Obj *const objv[], clu_service *s,
                    bool *meets);
/* Ids of a list of service commands; an unknown one is an error. */
int clu_service_ids_of(clu_node *node, Tcl_Interp *interp, Tcl_Obj *list,
                       clu_found *found);

/* ---- askCmd.c ------------------------------------------------------------ */

/* $cluster query ... (service 0) and $service query ... */
int clu_query_ask(clu_node *node, Tcl_Interp *interp, uint64_t service,
                  int objc, Tcl_Obj *const objv[]);

/* ---- queryCmd.c ---------------------------------------------------------- */

typedef struct clu_query_object clu_query_object;

typedef struct clu_query_words {        /* what its methods say */
    Tcl_Obj *command, *query, *channel, *props, *services;
    size_t count;               /* of the services */
    Tcl_WideInt timeout;
    bool collect;
} clu_query_words;

/* The object before it is asked; freed by hand, or published with its
   command, whose name becomes the result. */
clu_query_object *clu_query_make(clu_node *node, const clu_query_words *words);
void clu_query_free(clu_query_object *q);
void clu_query_publish(clu_query_object *q, uint64_t handle, clu_slice id);
/* One piece of news for a query: its callback.  true: the query keeps block, of
   clu_alloc, in which the news' packet lies. */
bool clu_query_news(clu_node *node, const clu_news *news, void *block);
/* What it kept for DONE to be told; the caller's, NULL when it is gone. */
clu_told *clu_query_spare(clu_node *node, uint64_t handle);
/* The command of the one with this id goes now, "done" is still told: another
   takes its name. */
void clu_query_yield(clu_node *node, clu_slice id);
void clu_query_clear(clu_node *node);           /* all of them, untold */

/* ---- sendCmd.c ----------------------------------------------------------- */

int clu_send_cmd(clu_node *node, Tcl_Interp *interp, uint64_t service,
                 int objc, Tcl_Obj *const objv[]);

int clu_broadcast_cmd(clu_node *node, Tcl_Interp *interp, Tcl_Obj *payload);

/* The services that -services, -resolve and -resolver mean together; each may
   be NULL. */
int clu_targets(clu_node *node, Tcl_Interp *interp, Tcl_Obj *services,
                Tcl_Obj *resolve, Tcl_Obj *resolver, clu_found *found);
/* A payload dict as a packet; what it lacks of our heading is added. */
int clu_payload_headed(clu_node *node, Tcl_Interp *interp, Tcl_Obj *payload,
                       clu_packet **packet);
/* -protocols as bits of transports; unknown words are an error. */
int clu_allowed(clu_node *node, Tcl_Interp *interp, Tcl_Obj *list,
                uint32_t *allowed);

/* ---- values.c ------------------------------------------------------------ */

/* Puts a value that is held into the place of another; either may be NULL. */
void clu_value_set(Tcl_Obj **slot, Tcl_Obj *value);
/* Puts into a dict that is held, or NULL, and may be shared. */
void clu_value_put(Tcl_Obj **dict, Tcl_Obj *key, Tcl_Obj *value);
Tcl_Obj *clu_value_or_nothing(Tcl_Obj *value);  /* an empty one for NULL */

/* A payload dict from a packet: its fields in their order. */
Tcl_Obj *clu_payload_new(clu_state *state, const clu_packet *p);
/* The same of those fields alone: bit 1 << field. */
Tcl_Obj *clu_payload_some(clu_state *state, const clu_packet *p,
                          uint32_t fields);
/*
 * A payload for a script that most likely does not look: held, its text made
 * when it does, so long as the packet is lent.  Taking it back ends that and
 * our hold; whoever kept it has its text.
 */
Tcl_Obj *clu_payload_lend(const clu_packet *p);
void clu_payload_take_back(Tcl_Obj *payload);
/* A packet from a payload dict, in one clu_alloc block of its own. */
int clu_payload_get(clu_state *state, Tcl_Obj *dict, clu_packet **packet);
/* The number that is the field's value; a flag may be any boolean. */
int clu_number_get(Tcl_Interp *interp, clu_field field, Tcl_Obj *obj,
                   uint64_t *number);
Tcl_Obj *clu_items_new(clu_items list);
/* A list in wire form; the bytes are in out. */
int clu_items_get(Tcl_Interp *interp, Tcl_Obj *list, clu_buf *out,
                  clu_items *items);

/*
 * One function speaks to scripts: the message as result, {CLUSTER WORD
 * detail} as errorCode.  Returns TCL_ERROR.
 */
int clu_tcl_error(Tcl_Interp *interp, clu_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the first words of errorCode given: old, documented codes. */
int clu_tcl_fail(Tcl_Interp *interp, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- options.c ----------------------------------------------------------- */

typedef struct clu_option {
    const char *name;           /* "-timeout" */
    bool flag;                  /* takes no value unless a boolean follows */
} clu_option;

/*
 * table: count of them, and one with no name behind.
 * Reads option-value pairs into values, by the table's index (NULL: not
 * given; a flag alone gives 1).  Unknown and incomplete ones are errors that
 * name what is accepted.  The values are held, in any case until freed.
 */
int clu_options_get(Tcl_Interp *interp, const clu_option *table, size_t count,
                    int objc, Tcl_Obj *const objv[], Tcl_Obj **values);

/* How many words at the front are options and their values. */
int clu_options_span(const clu_option *table, int objc,
                     Tcl_Obj *const objv[]);
void clu_options_free(Tcl_Obj **values, size_t count);

#define CLU_ARGS void *self, Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]
#define CLU_UNUSED (void)objc, (void)objv

typedef int clu_sub_proc(CLU_ARGS);     /* objv[0] is the subcommand's */

/* A subcommand and who does it; the table is also what a test compares with
   the manual. */
typedef struct clu_sub {
    const char *name;
    clu_sub_proc *run;
    const char *usage;          /* words behind the subcommand */
    int least, most;            /* of them; most -1: any number */
    const char *script;         /* run NULL: this command, with the object's
                                   name and the words, does it in Tcl */
} clu_sub;

/* token: the object's command, whose name of now its scripts are given. */
int clu_sub_run(const clu_sub *table, void *self, Tcl_Command token,
                Tcl_Interp *interp, int objc, Tcl_Obj *const objv[]);

int clu_answer(Tcl_Interp *interp, Tcl_Obj *value);     /* the result; TCL_OK */
/* A number from 0 to INT32_MAX. */
int clu_number_arg(Tcl_Interp *interp, Tcl_Obj *obj, const char *what,
                   Tcl_WideInt *value);

/* ---- ownCmd.c: of the cluster's subcommands, those that tell of it ------- */

clu_sub_proc clu_own_alter, clu_own_channel, clu_own_config, clu_own_hid,
    clu_own_is_local, clu_own_name, clu_own_props, clu_own_protocols,
    clu_own_sid, clu_own_stats, clu_own_tags, clu_own_ttl, clu_own_uuid;

#endif
