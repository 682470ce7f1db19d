/*
 * words.c -- fuzz: text that may be a Tcl list or dict.
 *
 * Words that were read are written and read again: the same words.  The input
 * is also merged with itself.
 */
#include "hash.h"
#include "words.h"

#include <stdlib.h>

static void check(bool law)
{
    if (!law) {
        abort();
    }
}

/* The words of a text, written again; false: it was no list. */
static bool rewrite(clu_slice text, clu_buf *out)
{
    clu_buf scratch;
    clu_buf_init(&scratch, SIZE_MAX);
    clu_slice word;
    clu_err err;
    while ((err = clu_words_next(&text, &scratch, &word)) == CLU_OK) {
        check(clu_words_add(out, word) == CLU_OK);
    }
    clu_buf_fini(&scratch);
    check(err == CLU_GONE || err == CLU_VALUE);
    return err == CLU_GONE;
}

static void read_list(clu_slice text)
{
    clu_buf once, twice;
    clu_buf_init(&once, SIZE_MAX);
    clu_buf_init(&twice, SIZE_MAX);
    if (rewrite(text, &once)) {
        check(rewrite(clu_buf_slice(&once), &twice));
        check(clu_slice_eq(clu_buf_slice(&once), clu_buf_slice(&twice)));
    }
    clu_buf_fini(&once);
    clu_buf_fini(&twice);
}

/* Merging with itself, and then with that, changes nothing more. */
static void read_dict(clu_slice text)
{
    clu_buf once, twice, scratch;
    clu_slice value;
    clu_buf_init(&once, SIZE_MAX);
    clu_buf_init(&twice, SIZE_MAX);
    clu_buf_init(&scratch, SIZE_MAX);
    if (clu_words_merge(text, text, 64, &once) == CLU_OK) {
        clu_slice merged = clu_buf_slice(&once);
        check(clu_words_merge(merged, text, 64, &twice) == CLU_OK);
        check(clu_slice_eq(merged, clu_buf_slice(&twice)));
    }
    clu_words_get(text, clu_slice_str("t"), &scratch, &value);
    clu_buf_fini(&once);
    clu_buf_fini(&twice);
    clu_buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    clu_hash_key(1, 2);         /* the same runs in every process */
    clu_slice text = clu_slice_of(data, size);
    read_list(text);
    read_dict(text);
    check(clu_alloc_live() == 0);
    return 0;
}
