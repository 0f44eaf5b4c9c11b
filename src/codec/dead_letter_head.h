/* dead_letter_head.h: reads from a dead letter's headers what failed and where it came from; lists
 * the error codes. Pure. Thread: any. */
#ifndef WIRETAG_CODEC_DEAD_LETTER_HEAD_H
#define WIRETAG_CODEC_DEAD_LETTER_HEAD_H

#include "record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the headers of a dead letter say. */
struct wt_dead_letter_head {
    const struct wt_header *code;
    const struct wt_header *topic; /* topic of the input record, like partition and offset */
    int32_t partition;
    int64_t offset;
    int64_t tries;
};

/* False: the record is not a dead letter of wiretag. */
bool wt_dead_letter_read(const struct wt_record *record, struct wt_dead_letter_head *head_out);

/* Every code a dead letter can have, in alphabetical order. */
const char *const *wt_dead_letter_codes(size_t *count_out);

/* Parses a comma-separated list of codes; spaces around them are ignored. *codes_out has each code
 * once, in alphabetical order; the caller frees it. WT_INVALID: a code is unknown; the message
 * lists the known ones. */
enum wt_status wt_dead_letter_codes_parse(const char *text, char **codes_out,
                                          struct wt_error *error);

#endif
