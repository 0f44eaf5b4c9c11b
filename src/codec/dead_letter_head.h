/* dead_letter_head.h: what a dead letter says of itself, and the codes it may have. Pure. Thread: any. */
#ifndef WIRETAG_CODEC_DEAD_LETTER_HEAD_H
#define WIRETAG_CODEC_DEAD_LETTER_HEAD_H

#include "record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a dead letter says of itself. */
struct wt_dead_letter_head {
    const struct wt_header *code;
    const struct wt_header *topic; /* of its origin, as the next two */
    int32_t partition;
    int64_t offset;
    int64_t tries;
};

/* False: it is no dead letter of wiretag. */
bool wt_dead_letter_read(const struct wt_record *record, struct wt_dead_letter_head *head_out);

/* Every code that a dead letter can have, in order of the alphabet. */
const char *const *wt_dead_letter_codes(size_t *count_out);

/* Reads codes as a person lists them, joined by commas, blanks around them; each once, in order of
 * the alphabet, in *codes_out, the caller's to free. WT_INVALID: one is unknown, and the message
 * has those that are known. */
enum wt_status wt_dead_letter_codes_parse(const char *text, char **codes_out,
                                          struct wt_error *error);

#endif
