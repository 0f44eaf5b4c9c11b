/* wordpiece_reference.h: tokenization as it is defined, stage by stage.
 *
 * It is slow and written to be read. Tests and a fuzz target compare the fast tokenizer
 * (wordpiece.c) with it. The two share only the Unicode tables and the list of tokens. Out of memory
 * ends the process; no product code uses this. */
#ifndef WIRETAG_TESTS_WORDPIECE_REFERENCE_H
#define WIRETAG_TESTS_WORDPIECE_REFERENCE_H

#include "wiretag/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

struct wt_reference;

/* Borrows `vocab`. Never fails. */
struct wt_reference *wt_reference_create(const struct wt_vocab *vocab);

void wt_reference_destroy(struct wt_reference *reference);

/* Like wt_tokenizer_encode, but examines all of the text whatever the limit is: malformed UTF-8
 * behind the limit is WT_INVALID too. The ids are valid until the next call. */
enum wt_status wt_reference_encode(struct wt_reference *reference, const char *text,
                                   size_t text_bytes, uint32_t tokens_max,
                                   struct wt_tokens *tokens_out, struct wt_error *error);

#endif
