/*
 * loopback.c -- a transport without a network: members in one process, in
 *               given time.
 *
 * Layer: engine.
 */
#include "loopback.h"

#include "frame.h"
#include "hash.h"

#include <stdio.h>

typedef struct clu_peer {       /* one end of a connection */
    uint16_t port;              /* the other end */
    uint64_t service;           /* whom it speaks for; 0: not known */
} clu_peer;

#define PEERS_MAX 256

typedef struct clu_loopback {
    clu_transport head;
    clu_net *net;
    clu_list link;              /* in the net */
    uint16_t port;
    bool local, cut;
    clu_net_fault fault;
    char name[16];
    clu_peer peers[PEERS_MAX];  /* in no order */
    unsigned peer_count;
} clu_loopback;

typedef struct clu_crossing {   /* one frame in the air */
    clu_list link;
    clu_ms due;
    uint16_t from, to;          /* to 0: the group */
    char name[16];
    clu_ticket ticket;
    size_t n;
    unsigned char frame[];
} clu_crossing;

struct clu_net {
    clu_list members, air;
    clu_ms delay, now;
    unsigned loss;              /* of 1000 datagrams */
    uint64_t random, frames;
    clu_net_tap *tap;
    void *tap_ctx;
};

clu_err clu_net_create(clu_net **net)
{
    clu_net *n = clu_alloc(sizeof *n);
    if (n == NULL) {
        return CLU_NOMEM;
    }
    clu_list_init(&n->members);
    clu_list_init(&n->air);
    *net = n;
    return CLU_OK;
}

void clu_net_destroy(clu_net *net)
{
    while (!clu_list_empty(&net->air)) {
        clu_list *first = net->air.next;
        clu_list_unlink(first);
        clu_free(CLU_CONTAINER(first, clu_crossing, link));
    }
    clu_free(net);
}

void clu_net_delay(clu_net *net, clu_ms delay)
{
    net->delay = delay;
}

void clu_net_loss(clu_net *net, unsigned per_mille, uint64_t seed)
{
    net->loss = per_mille;
    net->random = seed;
}

void clu_net_watch(clu_net *net, clu_net_tap *tap, void *ctx)
{
    net->tap = tap;
    net->tap_ctx = ctx;
}

uint64_t clu_net_frames(const clu_net *net)
{
    return net->frames;
}

#define MEMBER_OF(node) CLU_CONTAINER(node, clu_loopback, link)
#define CROSSING_OF(node) CLU_CONTAINER(node, clu_crossing, link)

static clu_loopback *member_at(clu_net *net, uint16_t port, const char *name)
{
    for (clu_list *l = net->members.next; l != &net->members; l = l->next) {
        clu_loopback *m = MEMBER_OF(l);
        if (m->port == port && strcmp(m->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}

void clu_net_cut(clu_net *net, uint16_t port, bool cut)
{
    for (clu_list *l = net->members.next; l != &net->members; l = l->next) {
        if (MEMBER_OF(l)->port == port) {
            MEMBER_OF(l)->cut = cut;
        }
    }
}

void clu_net_spoil(clu_net *net, uint16_t port, const char *name,
                   clu_net_fault fault)
{
    clu_loopback *m = member_at(net, port, name);
    if (m != NULL) {
        m->fault = fault;
    }
}

/* ---- connections --------------------------------------------------------- */

static clu_peer *peer_at(clu_loopback *m, uint16_t port)
{
    for (unsigned i = 0; i < m->peer_count; i++) {
        if (m->peers[i].port == port) {
            return &m->peers[i];
        }
    }
    return NULL;
}

static void connect_to(clu_loopback *m, uint16_t port, uint64_t service)
{
    clu_peer *peer = peer_at(m, port);
    if (peer == NULL && m->peer_count < PEERS_MAX) {
        peer = &m->peers[m->peer_count++];
        peer->port = port;
    }
    if (peer != NULL) {
        peer->service = service;
    }
}

static void hang_up(clu_loopback *m, clu_peer *peer)
{
    *peer = m->peers[--m->peer_count];
}

/* ---- the operations ------------------------------------------------------ */

static clu_err send(clu_transport *t, const clu_target *to, clu_slice frame,
                    const clu_ticket *ticket, clu_ms now)
{
    clu_loopback *self = (clu_loopback *)t;
    if (!t->multicast && to->addr.port == 0) {
        return CLU_UNREACHABLE;
    }
    switch (self->fault) {
    case CLU_NET_FULL:
        return CLU_LIMIT;
    case CLU_NET_BROKEN:
        return CLU_SYSTEM;
    case CLU_NET_AWAY:
        return CLU_UNREACHABLE;
    case CLU_NET_SOUND:
    case CLU_NET_DEAF:
        break;
    }
    if (!t->datagram && to->service != 0) {
        connect_to(self, to->addr.port, to->service);
    }
    clu_crossing *c = clu_alloc(sizeof *c + frame.n);
    if (c == NULL) {
        return CLU_NOMEM;
    }
    c->due = now + self->net->delay;
    c->from = self->port;
    c->to = to->addr.family != 0 ? to->addr.port : 0;
    c->ticket = *ticket;
    snprintf(c->name, sizeof c->name, "%s", self->name);
    c->n = frame.n;
    memcpy(c->frame, frame.p, frame.n);
    clu_list_append(&self->net->air, &c->link);
    t->packets_out++;
    t->bytes_out += frame.n;
    return CLU_OK;
}

static void bind(clu_transport *t, uint64_t link, uint64_t service)
{
    connect_to((clu_loopback *)t, (uint16_t)link, service);
}

static void forget(clu_transport *t, uint64_t service)
{
    clu_loopback *self = (clu_loopback *)t;
    for (unsigned i = self->peer_count; i-- > 0;) {
        if (self->peers[i].service == service) {
            hang_up(self, &self->peers[i]);
        }
    }
}

static clu_err props(clu_transport *t, clu_buf *out)
{
    clu_loopback *self = (clu_loopback *)t;
    if (t->multicast) {
        return CLU_OK;
    }
    char text[32];
    snprintf(text, sizeof text, "port %u", (unsigned)self->port);
    return clu_buf_bytes(out, clu_slice_str(text));
}

static clu_err refresh(clu_transport *t, clu_ms now)
{
    clu_arrival a = { .what = CLU_ARRIVED_MOVED, .via = t };
    t->up(t->owner, &a, now);
    return CLU_OK;
}

static void stop(clu_transport *t)
{
    clu_loopback *self = (clu_loopback *)t;
    clu_list_unlink(&self->link);
    clu_free(self);
}

static const clu_transport_ops loopback_ops = {
    .send = send,
    .bind = bind,
    .forget = forget,
    .props = props,
    .refresh = refresh,
    .stop = stop,
};

clu_err clu_loopback_create(clu_net *net, const char *name, uint16_t port,
                            bool local, clu_transport **t)
{
    clu_loopback *m = clu_alloc(sizeof *m);
    if (m == NULL) {
        return CLU_NOMEM;
    }
    m->net = net;
    m->port = port;
    m->local = local;
    snprintf(m->name, sizeof m->name, "%s", name);
    m->head.ops = &loopback_ops;
    m->head.name = m->name;
    m->head.multicast = strcmp(name, "c") == 0;
    m->head.datagram = m->head.multicast || strcmp(name, "d") == 0;
    clu_list_append(&net->members, &m->link);
    *t = &m->head;
    return CLU_OK;
}

/* ---- delivery ------------------------------------------------------------ */

static clu_from source_of(const clu_crossing *c, clu_loopback *to, bool group)
{
    bool stream = !to->head.datagram;
    const clu_peer *peer = stream ? peer_at(to, c->from) : NULL;
    return (clu_from){
        .addr = { .family = 4, .ip = { 127, 0, 0, 1 }, .port = c->from },
        .local = to->local, .group = group, .link = stream ? c->from : 0,
        .service = peer ? peer->service : 0,
    };
}

static void hand_in(clu_loopback *to, const clu_crossing *c, bool group,
                    clu_ms now)
{
    clu_slice bytes = clu_slice_of(c->frame, c->n), body;
    size_t need;
    clu_frame_loss loss = { 0 };
    while (clu_frame_next(&bytes, 1 << 20, &body, &need, &loss) == CLU_OK) {
        clu_arrival a = { .what = CLU_ARRIVED_FRAME, .via = &to->head,
                          .from = source_of(c, to, group), .bytes = body };
        to->head.packets_in++;
        to->head.bytes_in += body.n;
        to->head.up(to->head.owner, &a, now);
    }
}

static void come_back(clu_net *net, const clu_crossing *c, clu_ms now)
{
    clu_loopback *from = member_at(net, c->from, c->name);
    if (from == NULL || from->head.datagram) {
        return;
    }
    clu_arrival a = { .what = CLU_ARRIVED_UNDELIVERED, .via = &from->head,
                      .bytes = clu_slice_of(c->frame, c->n),
                      .ticket = c->ticket, .service = c->ticket.service,
                      .why = CLU_SYSTEM };
    from->head.up(from->head.owner, &a, now);
}

static bool is_lost(clu_net *net)
{
    return net->loss > 0 && clu_random_below(&net->random, 1000) < net->loss;
}

/* Everybody, the sender as well, by port: one may join meanwhile. */
static void to_group(clu_net *net, const clu_crossing *c, clu_ms now)
{
    uint16_t ports[256];
    size_t count = 0;
    for (clu_list *l = net->members.next; l != &net->members; l = l->next) {
        clu_loopback *m = MEMBER_OF(l);
        if (m->head.multicast && count < CLU_COUNT_OF(ports)) {
            ports[count++] = m->port;
        }
    }
    for (size_t i = 0; i < count; i++) {
        clu_loopback *m = member_at(net, ports[i], c->name);
        if (m != NULL && !m->cut && (m->port == c->from || !is_lost(net))) {
            hand_in(m, c, true, now);
        }
    }
}

static void deliver(clu_net *net, const clu_crossing *c, clu_ms now)
{
    clu_loopback *from = member_at(net, c->from, c->name);
    if (from != NULL && from->cut) {
        return;
    }
    net->frames++;
    if (net->tap != NULL) {
        net->tap(net->tap_ctx, c->from, c->to, c->name,
                 clu_slice_of(c->frame, c->n));
    }
    if (c->to == 0) {
        to_group(net, c, now);
        return;
    }
    clu_loopback *to = member_at(net, c->to, c->name);
    if (to == NULL || to->cut || to->fault == CLU_NET_DEAF) {
        come_back(net, c, now);
    } else if (!to->head.datagram || !is_lost(net)) {
        hand_in(to, c, false, now);
    }
}

void clu_net_run(clu_net *net, clu_ms now)
{
    net->now = now;
    clu_list *l = net->air.next;
    while (l != &net->air) {
        clu_crossing *c = CROSSING_OF(l);
        if (c->due > now) {
            l = l->next;
            continue;
        }
        clu_list_unlink(l);
        deliver(net, c, now);
        clu_free(c);
        l = net->air.next;      /* what came meanwhile stands behind */
    }
}

clu_ms clu_net_due(const clu_net *net)
{
    clu_ms due = CLU_NEVER;
    for (clu_list *l = net->air.next; l != &net->air; l = l->next) {
        if (CROSSING_OF(l)->due < due) {
            due = CROSSING_OF(l)->due;
        }
    }
    return due;
}

void clu_net_break(clu_net *net, uint16_t port, clu_ms now)
{
    for (clu_list *l = net->members.next; l != &net->members; l = l->next) {
        clu_loopback *m = MEMBER_OF(l);
        clu_peer *peer = m->port == port || m->cut ? NULL : peer_at(m, port);
        if (peer == NULL) {
            continue;
        }
        clu_arrival a = { .what = CLU_ARRIVED_CLOSED, .via = &m->head,
                          .service = peer->service, .last = true,
                          .why = CLU_CLOSED };
        hang_up(m, peer);
        m->head.up(m->head.owner, &a, now);
    }
}
