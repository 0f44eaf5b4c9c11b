/* dead_letter.h: from a failed record to its dead letter, cut to what its topic takes.
 *
 * A dead letter is the input's own bytes, key and headers, with the reason in headers of its own. Where
 * that is more than record->dead_letter_bytes_max, it loses first a part of its value, then headers, then a
 * part of its key; each of the three is named with its size and hash:
 *
 *   wiretag.error.value_truncated, .value_bytes, .value_sha256
 *   wiretag.error.headers_truncated, .headers_bytes, .headers_sha256 (of all names and values, one behind
 *   the other), .headers_cut (which ones are missing)
 *   wiretag.error.key_truncated, .key_bytes, .key_sha256
 *
 * Where even that is too much, its message, then sizes and hashes, then the rest of its content go, down to
 * the least form: code, tries, source, and what was cut. Pure. Thread: any. */
#ifndef WIRETAG_CODEC_DEAD_LETTER_H
#define WIRETAG_CODEC_DEAD_LETTER_H

#include "record/record.h"

/* Fills record->output. Reads record->dead_letter_bytes_max and dead_letter_keyed, sets
 * dead_letter_minimal. */
void wt_dead_letter_encode(struct wt_record *record);

/* What the encoded record takes of a topic's max.message.bytes when it is alone in its batch, or a little
 * more. */
size_t wt_output_bytes(const struct wt_output *output);

/* Whether a record is a dead letter that was cut, in words: "value", "value and headers", "key" …; "" where
 * it is whole or no dead letter. `words` has room for WT_CUT_WORDS_BYTES_MAX. Returns `words`. */
#define WT_CUT_WORDS_BYTES_MAX 32u
const char *wt_dead_letter_cut(const struct wt_record *record, char *words);

/* Likewise of a dead letter that is about to be published. */
const char *wt_output_cut(const struct wt_output *output, char *words);

/* The dead letter's key was made of its place, because its topic takes none without: the record had none. */
bool wt_dead_letter_keyed(const struct wt_record *record);

#endif
