/*
 * msgpack.c -- the same heartbeat by msgpack-c.
 *
 *     msgpack encode|decode COUNT    prints nanoseconds of one
 *
 * Libraries: -lmsgpackc
 */
#include "bench.h"

#include <msgpack.h>

static volatile size_t sink;

static void text(msgpack_packer *k, const char *s)
{
    msgpack_pack_str_with_body(k, s, strlen(s));
}

static void key(msgpack_packer *k, uint8_t id)
{
    msgpack_pack_uint8(k, id);
}

static void pack(msgpack_sbuffer *out)
{
    msgpack_packer k;
    msgpack_packer_init(&k, out, msgpack_sbuffer_write);
    msgpack_pack_map(&k, 8);
    key(&k, 4); text(&k, "s0000000");
    key(&k, 3); text(&k, "02:fc:00:00:00:01");
    key(&k, 1); msgpack_pack_uint8(&k, 1);
    key(&k, 2); msgpack_pack_uint8(&k, 0);
    key(&k, 7); msgpack_pack_array(&k, 3);
    text(&k, "t"); text(&k, "u"); text(&k, "c");
    key(&k, 10);
    text(&k, "t {port 40447} u {path /run/user/0/cluster/x.sock} caps 2");
    key(&k, 5); msgpack_pack_uint8(&k, 12);
    key(&k, 12); msgpack_pack_array(&k, 2);
    text(&k, "service_one"); text(&k, "web");
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    int decode = strcmp(argv[1], "decode") == 0;
    msgpack_sbuffer out;
    msgpack_sbuffer_init(&out);
    pack(&out);
    msgpack_unpacked got;
    msgpack_unpacked_init(&got);
    uint64_t began = bench_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        if (decode) {
            size_t at = 0;
            sink += (size_t)msgpack_unpack_next(&got, out.data, out.size, &at);
        } else {
            msgpack_sbuffer_clear(&out);
            pack(&out);
        }
    }
    printf("%.2f\n", (double)(bench_ns(CLOCK_PROCESS_CPUTIME_ID) - began)
           / (double)count);
    return 0;
}
