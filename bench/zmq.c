/*
 * zmq.c -- ZeroMQ's request and reply between two processes.
 *
 * Libraries: -lzmq
 */
#include "bench.h"

#include <signal.h>
#include <sys/prctl.h>
#include <zmq.h>

static void one(void *socket)
{
    char answer[64];
    zmq_send(socket, "ping", 4, 0);
    zmq_recv(socket, answer, sizeof answer, 0);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "tcp://127.0.0.1:5999";
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        void *rep = zmq_socket(zmq_ctx_new(), ZMQ_REP);
        char question[64];
        if (zmq_bind(rep, url) != 0) {
            bench_fail("zmq_bind");
        }
        for (;;) {
            zmq_recv(rep, question, sizeof question, 0);
            zmq_send(rep, "pong", 4, 0);
        }
    }
    void *req = zmq_socket(zmq_ctx_new(), ZMQ_REQ);
    if (zmq_connect(req, url) != 0) {
        bench_fail("zmq_connect");
    }
    bench_serve(one, req);
    return 0;
}
