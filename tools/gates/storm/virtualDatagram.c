/*
 * virtualDatagram.c -- the transports "c" and "d" in virtual time.
 */
#include "virtualInt.h"

#include "frame.h"

enum { INBOX = 65536 };         /* bytes that wait for a process */

typedef struct datagram {
    clu_list at;
    clu_ms due;
    unsigned from_host, to_host;
    uint16_t from, to;          /* ports; to 0: the group */
    uint64_t service;           /* whom the sender meant */
    bool refused;               /* nobody is there: from's own comes back */
    size_t n;
    unsigned char bytes[];
} datagram;

typedef struct vdatagram {
    clu_transport t;
    clu_loop *loop;
    uint16_t port;
    struct vdatagram *next;
} vdatagram;

static clu_list air;            /* datagrams under way, in no order */
static vdatagram *endpoints;

void virtual_datagram_init(void)
{
    clu_list_init(&air);
}

static vdatagram *endpoint_at(uint16_t port)
{
    vdatagram *d = endpoints;
    while (d != NULL && d->port != port) {
        d = d->next;
    }
    return d;
}

static void fly(const vdatagram *from, unsigned host, uint16_t port,
                uint64_t service, clu_slice bytes)
{
    int64_t due[2];
    int copies = weather_fate(virtual_sky, from->loop->host, host, false,
                              virtual_now, due);
    for (int i = 0; i < copies; i++) {
        datagram *d = clu_alloc(sizeof *d + bytes.n);
        *d = (datagram){ .due = due[i], .from_host = from->loop->host,
                         .to_host = host, .from = from->port, .to = port,
                         .service = service, .n = bytes.n };
        memcpy(d->bytes, bytes.p, bytes.n);
        clu_list_append(&air, &d->at);
    }
}

static clu_err datagram_send(clu_transport *t, const clu_target *to,
                             clu_slice frame, const clu_ticket *ticket,
                             clu_ms now)
{
    vdatagram *d = (vdatagram *)t;
    (void)now;
    if (frame.n > (size_t)t->limits->at[CLU_LIMIT_DATAGRAM]) {
        return CLU_LIMIT;
    }
    if (to->addr.port == 0 && !t->multicast) {
        return CLU_UNREACHABLE;
    }
    unsigned hosts = d->loop->dead ? 0 : virtual_sky->hosts;
    for (unsigned host = 1; host <= hosts; host++) {
        bool meant = to->addr.port == 0 || to->addr.ip[3] == host;
        if (host != d->loop->host && meant) {
            fly(d, host, to->addr.port, ticket->service, frame);
        }
    }
    return CLU_OK;
}

static clu_err datagram_props(clu_transport *t, clu_buf *out)
{
    char text[16];
    snprintf(text, sizeof text, "port %u", ((vdatagram *)t)->port);
    return t->multicast ? CLU_OK : clu_buf_bytes(out, clu_slice_str(text));
}

static clu_err datagram_refresh(clu_transport *t, clu_ms now)
{
    (void)t;
    (void)now;
    return CLU_OK;
}

static void datagram_stop(clu_transport *t)
{
    vdatagram **at = &endpoints;
    while (*at != (vdatagram *)t) {
        at = &(*at)->next;
    }
    *at = (*at)->next;
    clu_free(t);
}

static const clu_transport_ops datagram_ops = {
    .send = datagram_send, .props = datagram_props,
    .refresh = datagram_refresh, .stop = datagram_stop
};

clu_err virtual_datagram(clu_loop *loop, bool group, clu_transport **t)
{
    vdatagram *d = clu_alloc(sizeof *d);
    d->t.ops = &datagram_ops;
    d->t.name = group ? "c" : "d";
    d->t.multicast = group;
    d->t.datagram = true;
    d->loop = loop;
    d->port = virtual_port();
    d->next = endpoints;
    endpoints = d;
    *t = &d->t;
    return CLU_OK;
}

/* Into the inbox of whoever is there; the system refuses for nobody. */
static void put_in(datagram *g)
{
    for (clu_loop *l = virtual_loops; l != NULL; l = l->next) {
        vdatagram *d = g->to ? endpoint_at(g->to) : NULL;
        if (l->host == g->to_host && !l->dead && l->held + g->n < INBOX
            && (g->to == 0 || (d && d->loop == l))) {
            clu_list_append(&l->inbox, &g->at);
            l->held += g->n;
            return;
        }
    }
    vdatagram *from = endpoint_at(g->from);
    if (g->to && from && !from->t.multicast && !endpoint_at(g->to)
        && !weather_blocks(virtual_sky, g->to_host, g->from_host, false)) {
        g->refused = true;
        clu_list_append(&from->loop->inbox, &g->at);
        return;
    }
    clu_free(g);
}

static void hand_up(clu_loop *loop, vdatagram *d, const datagram *g)
{
    clu_arrival a = { .what = CLU_ARRIVED_REFUSED, .via = &d->t,
                      .service = g->service };
    clu_slice bytes = clu_slice_of(g->bytes, g->n);
    size_t need;
    clu_frame_loss loss = { 0 };
    if (!g->refused) {
        a.what = CLU_ARRIVED_FRAME;
        a.service = 0;
        a.from.addr = virtual_address(g->from_host, g->from);
        a.from.group = g->to == 0;
        if (clu_frame_next(&bytes, 1 << 20, &a.bytes, &need, &loss)
            != CLU_OK) {
            return;
        }
        d->t.packets_in++;
    }
    (void)loop;
    d->t.up(d->t.owner, &a, virtual_now);
}

/* By number: whoever is told may leave. */
static void open_one(clu_loop *loop)
{
    datagram *g = CLU_CONTAINER(loop->inbox.next, datagram, at);
    clu_list_unlink(&g->at);
    loop->held -= g->refused ? 0 : g->n;
    vdatagram *d = endpoints;
    while (d != NULL && !(g->refused ? d->port == g->from
                          : g->to ? d->port == g->to
                          : d->loop == loop && d->t.multicast)) {
        d = d->next;
    }
    if (d != NULL && d->loop == loop) {
        hand_up(loop, d, g);
    }
    clu_free(g);
}

bool virtual_datagram_serve(clu_loop *loop)
{
    bool any = !clu_list_empty(&loop->inbox);
    while (!clu_list_empty(&loop->inbox)) {
        open_one(loop);
    }
    return any;
}

/* ---- time ---------------------------------------------------------------- */

void virtual_datagram_run(void)
{
    datagram *first;
    do {
        first = NULL;
        for (clu_list *l = air.next; l != &air; l = l->next) {
            datagram *g = CLU_CONTAINER(l, datagram, at);
            if (g->due <= virtual_now && (!first || g->due < first->due)) {
                first = g;
            }
        }
        if (first) {
            clu_list_unlink(&first->at);
            put_in(first);
        }
    } while (first);
}

clu_ms virtual_datagram_due(void)
{
    clu_ms due = CLU_NEVER;
    for (clu_list *l = air.next; l != &air; l = l->next) {
        clu_ms at = CLU_CONTAINER(l, datagram, at)->due;
        due = at < due ? at : due;
    }
    return due;
}

void virtual_datagram_drop(clu_list *list)
{
    while (!clu_list_empty(list)) {
        datagram *g = CLU_CONTAINER(list->next, datagram, at);
        clu_list_unlink(&g->at);
        clu_free(g);
    }
}

void virtual_datagram_fini(void)
{
    virtual_datagram_drop(&air);
}
