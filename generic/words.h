/*
 * words.h -- Tcl's list syntax without Tcl: words out of text, text of words.
 *
 * Layer: codec.  The wire carries protocol properties, pinged services and
 * failed protocols as the text of a Tcl list (WIRE-ORIGINAL 4); the core
 * reads and writes it by itself, so that it needs no interpreter.
 */
#ifndef CLU_WORDS_H
#define CLU_WORDS_H

#include "buf.h"

/*
 * The next word of a list.  Returns GONE at the end and VALUE where the text
 * is no list.  A word that holds backslashes is unfolded into scratch, which
 * the word then points to until the next call; other words point into text.
 */
clu_err clu_words_next(clu_slice *text, clu_buf *scratch, clu_slice *word);

/* Appends a word, quoted so that Tcl reads it back the same. */
clu_err clu_words_add(clu_buf *text, clu_slice word);

/* The value of a key in the text of a dict; GONE when it has none. */
clu_err clu_words_get(clu_slice dict, clu_slice key, clu_buf *scratch,
                      clu_slice *value);

/*
 * A dict that has the entries of both; the later wins and keys keep their
 * first place, as `dict merge` does.  LIMIT beyond max entries, VALUE when
 * one is no dict.  out is cleared first.
 */
clu_err clu_words_merge(clu_slice first, clu_slice second, size_t max,
                        clu_buf *out);

#endif
