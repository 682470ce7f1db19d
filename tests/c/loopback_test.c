/*
 * loopback_test.c -- the net of the simulator itself.
 */
#include "check.h"
#include "loopback.h"
#include "packet.h"

typedef struct node {
    clu_transport *t;
    uint16_t port;
    char heard[200];            /* "from:letter " for each frame */
    clu_arrived last;
    clu_arrival arrival;
    bool answers;
} node;

static clu_net *net;

static clu_err send_to(node *n, uint16_t port, char letter, clu_ms now)
{
    clu_packet p = { 0 };
    clu_packet_text(&p, CLU_FIELD_data, clu_slice_of(&letter, 1));
    clu_buf frame;
    clu_buf_init(&frame, 100);
    clu_packet_encode(&p, &frame);
    clu_target to = { .service = port };
    if (port != 0) {
        to.addr = (clu_address){ .family = 4, .ip = { 127, 0, 0, 1 },
                                 .port = port };
    }
    clu_ticket ticket = { .service = port, .cookie = (uint64_t)letter };
    clu_err err = n->t->ops->send(n->t, &to, clu_buf_slice(&frame), &ticket,
                                  now);
    clu_buf_fini(&frame);
    return err;
}

static void up(void *owner, const clu_arrival *a, clu_ms now)
{
    node *n = owner;
    n->last = a->what;
    n->arrival = *a;
    if (a->what != CLU_ARRIVED_FRAME) {
        return;
    }
    clu_limits limits;
    clu_limits_init(&limits);
    clu_packet p;
    clu_packet_decode(a->bytes, &limits, NULL, NULL, &p);
    char letter = (char)p.at[CLU_FIELD_data].text.p[0];
    snprintf(n->heard + strlen(n->heard), 20, "%u%c ", a->from.addr.port,
             letter);
    if (n->answers && letter < 'e') {
        send_to(n, a->from.addr.port, (char)(letter + 1), now);
    }
}

static void start(node *nodes, size_t count, const char *name)
{
    CHECK_ERR(clu_net_create(&net), CLU_OK);
    for (size_t i = 0; i < count; i++) {
        nodes[i] = (node){ .port = (uint16_t)(i + 1) };
        CHECK_ERR(clu_loopback_create(net, name, nodes[i].port, true,
                                      &nodes[i].t), CLU_OK);
        nodes[i].t->up = up;
        nodes[i].t->owner = &nodes[i];
    }
}

static void stop(node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nodes[i].t->ops->stop(nodes[i].t);
    }
    clu_net_destroy(net);
}

TEST("loopback-1.1 the group hears all, the sender too; one hears his own")
{
    node n[3];
    start(n, 3, "c");
    send_to(&n[0], 0, 'a', 0);
    send_to(&n[1], 3, 'b', 0);
    CHECK_STR(n[1].heard, "");
    clu_net_run(net, 0);
    CHECK_STR(n[0].heard, "1a ");
    CHECK_STR(n[1].heard, "1a ");
    CHECK_STR(n[2].heard, "1a 2b ");
    CHECK_EQ(clu_net_frames(net), 2);
    stop(n, 3);
}

TEST("loopback-1.2 frames arrive after the delay, in order, answers too")
{
    node n[2];
    start(n, 2, "t");
    n[1].answers = n[0].answers = true;
    clu_net_delay(net, 10);
    send_to(&n[0], 2, 'a', 5);
    CHECK_EQ(clu_net_due(net), 15);
    clu_net_run(net, 14);
    CHECK_STR(n[1].heard, "");
    clu_net_run(net, 15);
    CHECK_STR(n[1].heard, "1a ");
    CHECK_EQ(clu_net_due(net), 25);
    clu_net_delay(net, 0);
    clu_net_run(net, 25);
    CHECK_STR(n[0].heard, "2b 2d ");
    CHECK_STR(n[1].heard, "1a 1c 1e ");
    CHECK_EQ(clu_net_due(net), CLU_NEVER);
    stop(n, 2);
}

TEST("loopback-2.1 what is sent to one who is cut off, deaf or away comes back")
{
    for (int how = 0; how < 3; how++) {
        node n[2];
        start(n, 2, "t");
        if (how == 0) {
            clu_net_cut(net, 2, true);
        } else if (how == 1) {
            clu_net_spoil(net, 2, "t", CLU_NET_DEAF);
        }
        CHECK_ERR(send_to(&n[0], how == 2 ? 9 : 2, 'a', 0), CLU_OK);
        clu_net_run(net, 0);
        CHECK_EQ(n[0].last, CLU_ARRIVED_UNDELIVERED);
        CHECK_EQ(n[0].arrival.ticket.cookie, 'a');
        CHECK_STR(n[1].heard, "");
        stop(n, 2);
    }
}

TEST("loopback-2.2 a transport that is full or broken says so")
{
    node n[2];
    start(n, 2, "t");
    CHECK_ERR(send_to(&n[0], 0, 'a', 0), CLU_UNREACHABLE);
    clu_net_spoil(net, 1, "t", CLU_NET_FULL);
    CHECK_ERR(send_to(&n[0], 2, 'a', 0), CLU_LIMIT);
    clu_net_spoil(net, 1, "t", CLU_NET_BROKEN);
    CHECK_ERR(send_to(&n[0], 2, 'a', 0), CLU_SYSTEM);
    clu_net_spoil(net, 1, "t", CLU_NET_SOUND);
    CHECK_ERR(send_to(&n[0], 2, 'a', 0), CLU_OK);
    stop(n, 2);
}

TEST("loopback-2.3 a broken node ends its own connections and no others")
{
    node n[3];
    start(n, 3, "t");
    send_to(&n[0], 2, 'a', 0);
    send_to(&n[2], 1, 'b', 0);
    clu_net_run(net, 0);
    n[0].last = n[2].last = CLU_ARRIVED_FRAME;
    clu_net_cut(net, 2, true);
    clu_net_break(net, 2, 0);
    CHECK_EQ(n[0].last, CLU_ARRIVED_CLOSED);
    CHECK_EQ(n[0].arrival.service, 2);
    CHECK_EQ(n[2].last, CLU_ARRIVED_FRAME);
    n[0].last = CLU_ARRIVED_FRAME;
    clu_net_break(net, 2, 0);
    CHECK_EQ(n[0].last, CLU_ARRIVED_FRAME);
    stop(n, 3);
}

TEST("loopback-2.4 so many datagrams are lost, and no stream's frame")
{
    for (int stream = 0; stream < 2; stream++) {
        node n[2];
        start(n, 2, stream ? "t" : "d");
        clu_net_loss(net, 300, 7);
        size_t heard = 0;
        for (int i = 0; i < 1000; i++) {
            n[1].heard[0] = '\0';
            send_to(&n[0], 2, 'a', 0);
            clu_net_run(net, 0);
            heard += n[1].heard[0] != '\0';
        }
        CHECK(stream ? heard == 1000 : heard > 650 && heard < 750);
        stop(n, 2);
    }
}

TEST("loopback-3.1 a frame in the air when its net ends is freed")
{
    long live = clu_alloc_live();
    node n[2];
    start(n, 2, "t");
    send_to(&n[0], 2, 'a', 0);
    stop(n, 2);
    CHECK_EQ(clu_alloc_live(), live);
}
