/*
 * nng.c -- nng's request and reply between two processes.
 *
 * Libraries: -lnng
 */
#include "bench.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <signal.h>
#include <sys/prctl.h>

static void one(void *ctx)
{
    char answer[64];
    size_t n = sizeof answer;
    nng_send(*(nng_socket *)ctx, (char[]){ "ping" }, 4, 0);
    nng_recv(*(nng_socket *)ctx, answer, &n, 0);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "tcp://127.0.0.1:5998";
    nng_socket s;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (nng_rep0_open(&s) || nng_listen(s, url, NULL, 0)) {
            bench_fail("nng_listen");
        }
        for (;;) {
            char question[64];
            size_t n = sizeof question;
            nng_recv(s, question, &n, 0);
            nng_send(s, (char[]){ "pong" }, 4, 0);
        }
    }
    usleep(200000);
    if (nng_req0_open(&s) || nng_dial(s, url, NULL, 0)) {
        bench_fail("nng_dial");
    }
    bench_serve(one, &s);
    return 0;
}
