/*
 * hooks.c -- which lambdas hooks are, and running them on a packet's way.
 *
 * Layer: binding.
 */
#include "hooks.h"

static const struct {
    const char *name;
    bool keyed;
} hook_table[CLU_HOOK_COUNT] = {
#define X(id, name, keyed) { name, keyed },
    CLU_HOOKS(X)
#undef X
};

bool clu_hook_find(const char *name, clu_hook *hook, bool *keyed)
{
    for (int i = 0; i < CLU_HOOK_COUNT; i++) {
        if (strcmp(hook_table[i].name, name) == 0) {
            *hook = (clu_hook)i;
            *keyed = hook_table[i].keyed;
            return true;
        }
    }
    return false;
}

/* What the engine need not ask or tell it is not told to. */
void clu_hook_wishes(clu_node *node)
{
    static const clu_hook receive[] = { CLU_HOOK_EVALUATE_RECEIVE,
        CLU_HOOK_CHANNEL_RECEIVE, CLU_HOOK_OP_RECEIVE };
    static const clu_hook sending[] = { CLU_HOOK_EVALUATE_SEND,
        CLU_HOOK_CHANNEL_SEND, CLU_HOOK_OP_SEND, CLU_HOOK_BROADCAST };
    static const clu_hook told[] = { CLU_HOOK_SERVICE_DISCOVERED,
        CLU_HOOK_TAGS_CHANGED, CLU_HOOK_QUERY, CLU_HOOK_EVENT };
    static const clu_news_kind news[] = { CLU_NEWS_DISCOVERED, CLU_NEWS_TAGS,
        CLU_NEWS_QUERY, CLU_NEWS_EVENT };
    uint32_t asks = 0;
    uint32_t tells = 1u << CLU_NEWS_LOST | 1u << CLU_NEWS_ANSWER
        | 1u << CLU_NEWS_ASKED_LOST | 1u << CLU_NEWS_ASKED_FAILED
        | 1u << CLU_NEWS_TIMEOUT | 1u << CLU_NEWS_DONE
        | 1u << CLU_NEWS_STARTED;
    for (size_t i = 0; i < CLU_COUNT_OF(receive); i++) {
        asks |= node->hooks[receive[i]] ? 1u << CLU_ASK_RECEIVE : 0;
    }
    for (size_t i = 0; i < CLU_COUNT_OF(sending); i++) {
        asks |= node->hooks[sending[i]] ? 1u << CLU_ASK_SEND : 0;
    }
    asks |= node->hooks[CLU_HOOK_SERVICE_EVALUATE] ? 1u << CLU_ASK_ADMIT : 0;
    asks |= node->hooks[CLU_HOOK_SERVICE_VALIDATE] ? 1u << CLU_ASK_VALIDATE : 0;
    asks |= node->hooks[CLU_HOOK_PROTOCOL_RECEIVE] ? 1u << CLU_ASK_ARRIVED : 0;
    asks |= node->hooks[CLU_HOOK_PROTOCOL_SEND] ? 1u << CLU_ASK_DEPART : 0;
    for (size_t i = 0; i < CLU_COUNT_OF(told); i++) {
        tells |= node->hooks[told[i]] ? 1u << news[i] : 0;
    }
    clu_patron *patron = clu_engine_patron(node->engine);
    patron->asks = asks;
    patron->tells = tells;
}

static bool empty(Tcl_Obj *obj)
{
    return Tcl_GetString(obj)[0] == '\0';
}

/* A new dict of lambdas with this key changed; NULL when it has none left. */
static Tcl_Obj *with_key(Tcl_Obj *dict, Tcl_Obj *key, Tcl_Obj *lambda)
{
    Tcl_Obj *fresh = dict ? Tcl_DuplicateObj(dict) : Tcl_NewDictObj();
    Tcl_Size size = 0;
    if (empty(lambda)) {
        Tcl_DictObjRemove(NULL, fresh, key);
    } else {
        Tcl_DictObjPut(NULL, fresh, key, lambda);
    }
    Tcl_DictObjSize(NULL, fresh, &size);
    if (size == 0) {
        Tcl_DecrRefCount(fresh);
        return NULL;
    }
    return fresh;
}

/* The words are the payload's fields, or "payload" for all of it. */
static int reads_of(Tcl_Interp *interp, Tcl_Obj *words, uint32_t *reads)
{
    Tcl_Size count;
    Tcl_Obj **at;
    if (Tcl_ListObjGetElements(interp, words, &count, &at) != TCL_OK) {
        return TCL_ERROR;
    }
    *reads = 0;
    for (Tcl_Size i = 0; i < count; i++) {
        clu_field field = clu_field_find(clu_slice_str(Tcl_GetString(at[i])));
        *reads |= field != 0 ? 1u << field : CLU_READS_PAYLOAD;
    }
    return TCL_OK;
}

int clu_hook_set(clu_node *node, clu_hook hook, Tcl_Obj *key, Tcl_Obj *lambda,
                 Tcl_Obj *reads)
{
    if (reads_of(node->state->interp, reads, &node->reads[hook]) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_Obj **slot = &node->hooks[hook];
    if (hook_table[hook].keyed) {
        clu_value_set(slot, with_key(*slot, key, lambda));
    } else {
        clu_value_set(slot, empty(lambda) ? NULL : lambda);
    }
    clu_hook_wishes(node);
    return TCL_OK;
}

void clu_hook_clear(clu_node *node)
{
    for (int i = 0; i < CLU_HOOK_COUNT; i++) {
        clu_value_set(&node->hooks[i], NULL);
    }
    clu_hook_wishes(node);
}

/* The lambda that applies to this packet, or NULL. */
static Tcl_Obj *lambda_for(clu_node *node, clu_hook hook, const clu_packet *p)
{
    Tcl_Obj *slot = node->hooks[hook];
    if (slot == NULL || !hook_table[hook].keyed) {
        return slot;
    }
    Tcl_Obj *key, *lambda = NULL;
    if (hook == CLU_HOOK_OP_RECEIVE || hook == CLU_HOOK_OP_SEND) {
        if (!clu_packet_has(p, CLU_FIELD_op)) {
            return NULL;
        }
        key = clu_text_new(p->at[CLU_FIELD_op].text);
    } else {
        key = Tcl_NewWideIntObj((Tcl_WideInt)p->at[CLU_FIELD_channel].number);
    }
    Tcl_IncrRefCount(key);
    Tcl_DictObjGet(NULL, slot, key, &lambda);
    Tcl_DecrRefCount(key);
    return lambda;
}

/* ---- asking -------------------------------------------------------------- */

typedef struct clu_asking {     /* one question on its way through its hooks */
    clu_node *node;
    clu_question *q;
    Tcl_Obj *payload;           /* held: as the last hook left it */
    bool changed;
} clu_asking;

static Tcl_Obj *descriptor(clu_node *node, const clu_question *q)
{
    if (node->origin.descriptor != NULL && q->from != NULL) {
        return node->origin.descriptor;         /* a script's own */
    }
    Tcl_Obj *dict = Tcl_NewDictObj();
    if (q->from != NULL) {
        char text[CLU_ADDRESS_TEXT];
        clu_address_text(&q->from->addr, text);
        Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("address", -1),
                       Tcl_NewStringObj(text, -1));
        Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("port", -1),
                       Tcl_NewIntObj(q->from->addr.port));
        Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("local", -1),
                       Tcl_NewBooleanObj(q->from->local));
    }
    return dict;
}

static Tcl_Obj *audience(clu_node *node, const clu_question *q)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < q->audience_count; i++) {
        clu_service *s = clu_table_find_id(clu_engine_table(node->engine),
                                           q->audience[i]);
        if (s != NULL) {
            Tcl_ListObjAppendElement(NULL, list, clu_service_name(node, s));
        }
    }
    return list;
}

static Tcl_Obj *asked_service(clu_node *node, const clu_question *q)
{
    clu_service *s = q->service;
    if (q->what == CLU_ASK_SEND && q->audience_count == 1) {
        s = clu_table_find_id(clu_engine_table(node->engine), q->audience[0]);
    } else if (q->what == CLU_ASK_RECEIVE) {
        s = clu_table_find(clu_engine_table(node->engine),
                           q->packet->at[CLU_FIELD_sid].text,
                           q->packet->at[CLU_FIELD_hid].text);
    }
    return s ? clu_service_name(node, s) : Tcl_NewObj();
}

/*
 * Calls ::cluster::hooks::Ask, which runs the lambda where it can write to
 * the payload and returns {verdict payload}: 0 go on, 1 refused, 2 failed.
 */
clu_err clu_hook_run(clu_node *node, clu_hook hook, Tcl_Obj *lambda,
                     const clu_question *q, Tcl_Obj *service, Tcl_Obj *with,
                     Tcl_Obj **left)
{
    Tcl_Interp *interp = node->state->interp;
    Tcl_Obj *line[] = { node->state->ask,
        Tcl_NewStringObj(hook_table[hook].name, -1), lambda,
        clu_node_name(node), service, *left,
        Tcl_NewStringObj(q->via ? q->via->name : "", -1),
        descriptor(node, q), with };
    int code;
    if (!clu_notify_eval(node, CLU_COUNT_OF(line), line, &code)) {
        return CLU_GONE;
    }
    Tcl_Size count;
    Tcl_Obj **pair;
    int said = 2;
    if (code != TCL_OK
        || Tcl_ListObjGetElements(interp, Tcl_GetObjResult(interp), &count,
                                  &pair) != TCL_OK || count != 2
        || Tcl_GetIntFromObj(NULL, pair[0], &said) != TCL_OK || said != 0) {
        clu_counters *counters = clu_engine_counters(node->engine);
        counters->at[said == 1 ? CLU_COUNT_hook_vetoes
                     : CLU_COUNT_hook_errors]++;
        Tcl_ResetResult(interp);
        return CLU_VETO;
    }
    if (pair[1] != *left) {
        Tcl_IncrRefCount(pair[1]);
        Tcl_DecrRefCount(*left);
        *left = pair[1];
    }
    Tcl_ResetResult(interp);
    return CLU_OK;
}

static clu_err run_one(clu_asking *asking, clu_hook hook, Tcl_Obj *lambda)
{
    clu_node *node = asking->node;
    Tcl_Obj *before = asking->payload;
    clu_err err = clu_hook_run(node, hook, lambda, asking->q,
                               asked_service(node, asking->q),
                               audience(node, asking->q), &asking->payload);
    asking->changed = asking->payload != before;
    return err;
}

/* The packet that the hooks left. */
static clu_err take_changes(clu_asking *asking)
{
    clu_node *node = asking->node;
    clu_packet *packet;
    if (clu_payload_get(node->state, asking->payload, &packet) != TCL_OK) {
        clu_engine_counters(node->engine)->at[CLU_COUNT_hook_errors]++;
        Tcl_BackgroundException(node->state->interp, TCL_ERROR);
        return CLU_VETO;
    }
    clu_free(asking->q->owned);
    asking->q->packet = asking->q->owned = packet;
    asking->changed = false;
    return CLU_OK;
}

static size_t stations(const clu_question *q, clu_hook out[4])
{
    size_t n = 0;
    switch (q->what) {
    case CLU_ASK_RECEIVE:
        out[n++] = CLU_HOOK_EVALUATE_RECEIVE;
        out[n++] = CLU_HOOK_CHANNEL_RECEIVE;
        out[n++] = CLU_HOOK_OP_RECEIVE;
        break;
    case CLU_ASK_ADMIT:
        out[n++] = CLU_HOOK_SERVICE_EVALUATE;
        break;
    case CLU_ASK_VALIDATE:
        out[n++] = CLU_HOOK_SERVICE_VALIDATE;
        break;
    case CLU_ASK_SEND:
        out[n++] = CLU_HOOK_EVALUATE_SEND;
        out[n++] = CLU_HOOK_CHANNEL_SEND;
        out[n++] = CLU_HOOK_OP_SEND;
        if (q->group) {
            out[n++] = CLU_HOOK_BROADCAST;
        }
        break;
    case CLU_ASK_ARRIVED:
    case CLU_ASK_DEPART:
        break;                  /* clu_hook_frame's */
    }
    return n;
}

clu_err clu_hook_ask(void *ctx, clu_question *q)
{
    clu_node *node = ctx;       /* lives: an engine that left asks nobody */
    if (node->nesting >= clu_engine_config(node->engine)
        ->limits.at[CLU_LIMIT_NESTING]) {
        clu_engine_counters(node->engine)->at[CLU_COUNT_hooks_nested]++;
        return CLU_VETO;
    }
    clu_hook hooks[4];
    size_t count = stations(q, hooks);
    clu_asking asking = { .node = node, .q = q };
    clu_err err = CLU_OK;
    clu_node_hold(node);
    if (q->packet == NULL) {
        err = clu_hook_frame(node, q);
    }
    for (size_t i = 0; err == CLU_OK && i < count; i++) {
        Tcl_Obj *lambda = lambda_for(node, hooks[i], q->packet);
        if (lambda == NULL) {
            continue;
        }
        if (asking.payload == NULL) {
            asking.payload = clu_payload_new(node->state, q->packet);
            Tcl_IncrRefCount(asking.payload);
        }
        err = run_one(&asking, hooks[i], lambda);
        if (err == CLU_OK && asking.changed) {
            err = take_changes(&asking);
        }
    }
    if (asking.payload != NULL) {
        Tcl_DecrRefCount(asking.payload);
    }
    clu_node_release(node);
    return err;
}

/* ---- telling ------------------------------------------------------------- */

/* The name of a protocol; the last one is kept: it is likely the next, too. */
static Tcl_Obj *via_name(clu_node *node, const char *via)
{
    if (via == NULL) {
        return node->state->nothing;
    }
    if (node->via == NULL || strcmp(Tcl_GetString(node->via), via) != 0) {
        clu_value_set(&node->via, Tcl_NewStringObj(via, -1));
    }
    return node->via;
}

/* apply lambda cluster service payload proto descriptor services named */
static bool apply(clu_node *node, clu_hook hook, const clu_news *news,
                  int *code)
{
    static const clu_packet none;
    const clu_packet *packet = news->packet ? news->packet : &none;
    Tcl_Obj *nothing = node->state->nothing, *named = nothing, *payload;
    uint32_t reads = node->reads[hook];
    if (reads & CLU_READS_PAYLOAD) {
        named = payload = clu_payload_new(node->state, packet);
        Tcl_IncrRefCount(payload);
    } else {
        payload = clu_payload_lend(packet);
        if (reads != 0) {
            named = clu_payload_some(node->state, packet, reads);
        }
    }
    Tcl_Obj *line[] = { node->state->apply, node->hooks[hook],
        clu_node_name(node), clu_service_name(node, news->service), payload,
        via_name(node, news->via), nothing, nothing, named };
    bool alive = clu_notify_eval(node, CLU_COUNT_OF(line), line, code);
    clu_payload_take_back(payload);
    return alive;
}

/* ::cluster::hooks::Failed says so, once for each body. */
static void report(clu_node *node, clu_hook hook, int code)
{
    Tcl_Interp *interp = node->state->interp;
    clu_engine_counters(node->engine)->at[CLU_COUNT_hook_errors]++;
    Tcl_Obj *options = Tcl_GetReturnOptions(interp, code);
    Tcl_Obj *line[] = { node->state->failed, clu_node_name(node),
        Tcl_NewStringObj(hook_table[hook].name, -1), Tcl_GetObjResult(interp),
        options };
    if (clu_notify_eval(node, CLU_COUNT_OF(line), line, &code)
        && code == TCL_ERROR) {
        Tcl_BackgroundException(node->state->interp, code);
    }
}

void clu_hook_tell(clu_node *node, clu_hook hook, const clu_news *news)
{
    int code;
    if (node->hooks[hook] != NULL && apply(node, hook, news, &code)
        && code == TCL_ERROR
        && clu_notify_said(node->state->interp, code) == TCL_ERROR) {
        report(node, hook, code);
    }
}

bool clu_hook_query(clu_node *node, const clu_news *news, Tcl_Obj **result,
                    bool *failed)
{
    *result = NULL;
    *failed = false;
    if (node->hooks[CLU_HOOK_QUERY] == NULL) {
        *result = node->state->nothing; /* it was removed meanwhile */
        Tcl_IncrRefCount(*result);
        return true;
    }
    int code;
    Tcl_Interp *interp = node->state->interp;
    if (!apply(node, CLU_HOOK_QUERY, news, &code)) {
        return false;
    }
    *failed = code != TCL_OK && code != TCL_RETURN;
    int said = clu_notify_said(interp, code);
    *result = said == TCL_BREAK || said == TCL_CONTINUE
        ? Tcl_NewStringObj("the query was refused", -1)
        : Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(*result);
    Tcl_ResetResult(interp);
    return true;
}
