/*
 * protobuf.c -- the same heartbeat by protobuf-c.
 *
 *     protobuf encode|decode COUNT    prints nanoseconds of one
 *
 * Libraries: -lprotobuf-c
 */
#include "bench.h"

#include "heartbeat.pb-c.c"

static volatile size_t sink;

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    int decode = strcmp(argv[1], "decode") == 0;
    char *protocols[] = { "t", "u", "c" }, *tags[] = { "service_one", "web" };
    Heartbeat h = HEARTBEAT__INIT;
    h.type = 1;
    h.hid = "02:fc:00:00:00:01";
    h.sid = "s0000000";
    h.known = 12;
    h.protocols = protocols;
    h.n_protocols = 3;
    h.data = "t {port 40447} u {path /run/user/0/cluster/x.sock} caps 2";
    h.tags = tags;
    h.n_tags = 2;
    uint8_t bytes[1000];
    size_t n = heartbeat__pack(&h, bytes);
    uint64_t began = bench_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        if (decode) {
            Heartbeat *got = heartbeat__unpack(NULL, n, bytes);
            sink += got->n_tags;
            heartbeat__free_unpacked(got, NULL);
        } else {
            sink += heartbeat__get_packed_size(&h);
            sink += heartbeat__pack(&h, bytes);
        }
    }
    printf("%.2f\n", (double)(bench_ns(CLOCK_PROCESS_CPUTIME_ID) - began)
           / (double)count);
    return 0;
}
