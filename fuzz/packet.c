/*
 * packet.c -- fuzz: the body of a member packet.
 *
 * What is decoded is encoded, decoded and encoded again: the second time the
 * same bytes.  The first byte makes an allocation fail.
 */
#include "frame.h"
#include "packet.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

static clu_err gate(void *ctx, clu_field field, const clu_value *value)
{
    (void)ctx;
    clu_slice own = clu_slice_str("abcd1234");
    if (field == CLU_FIELD_sid) {
        return clu_slice_eq(value->text, own) ? CLU_IGNORED : CLU_OK;
    }
    if (field == CLU_FIELD_filter) {
        return clu_items_have(value->list, own) ? CLU_OK : CLU_IGNORED;
    }
    return CLU_OK;
}

static void walk(const clu_packet *p)
{
    static const clu_field lists[] = { CLU_FIELD_protocols, CLU_FIELD_tags,
                                       CLU_FIELD_filter };
    for (size_t i = 0; i < CLU_COUNT_OF(lists); i++) {
        if (!clu_packet_has(p, lists[i])) {
            continue;
        }
        clu_slice wire = p->at[lists[i]].list.wire, item;
        uint64_t count = 0;
        while (clu_items_next(&wire, &item) == CLU_OK) {
            check(clu_items_have(p->at[lists[i]].list, item));
            if (++count > 100) {
                break;
            }
        }
    }
    clu_packet_check(p);
}

static void encode_twice(const clu_packet *p, const clu_limits *limits)
{
    clu_buf first, second;
    clu_buf_init(&first, SIZE_MAX);
    clu_buf_init(&second, SIZE_MAX);
    if (clu_packet_encode(p, &first) == CLU_OK) {
        clu_slice rest = clu_buf_slice(&first), body;
        clu_frame_loss loss = { 0, 0 };
        size_t need;
        clu_packet again;
        check(clu_frame_next(&rest, SIZE_MAX / 4, &body, &need, &loss)
              == CLU_OK && rest.n == 0);
        check(clu_packet_decode(body, limits, NULL, NULL, &again) == CLU_OK);
        if (clu_packet_encode(&again, &second) == CLU_OK) {
            check(clu_slice_eq(clu_buf_slice(&first),
                               clu_buf_slice(&second)));
        }
    }
    clu_packet *copy = clu_packet_copy(p);
    if (copy) {
        walk(copy);
    }
    clu_free(copy);
    clu_buf_fini(&first);
    clu_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    clu_limits limits;
    clu_packet p;
    if (size == 0) {
        return 0;
    }
    clu_slice body = clu_slice_of(data + 1, size - 1);
    clu_limits_init(&limits);
    clu_packet_decode(body, &limits, gate, NULL, &p);
    if (clu_packet_decode(body, &limits, NULL, NULL, &p) == CLU_OK) {
        clu_alloc_fail_at(data[0] % 8, data[0] & 0x80);
        walk(&p);
        encode_twice(&p, &limits);
        clu_alloc_fail_at(0, false);
    }
    check(clu_alloc_live() == 0);
    return 0;
}
