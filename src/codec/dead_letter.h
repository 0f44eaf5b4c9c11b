/* dead_letter.h: encodes a failed record as a dead letter, cut to what the dead-letter topic
 * accepts.
 *
 * A dead letter has the key, value and headers of the input record and, in headers of its own, the
 * error. If it is larger than record->dead_letter_bytes_max, wiretag cuts the value first, then drops
 * headers, then cuts the key. Headers give the original size and hash of each part that was cut:
 *
 *   wiretag.error.value_truncated, .value_bytes, .value_sha256
 *   wiretag.error.headers_truncated, .headers_bytes, .headers_sha256 (over all names and values,
 *                          concatenated), .headers_cut (names of the removed headers)
 *   wiretag.error.key_truncated, .key_bytes, .key_sha256
 *
 * With record->dead_letter_connector the headers of Kafka Connect's dead letters follow.
 *
 * If that is still too large, the error message and Connect's headers are dropped, then sizes and
 * hashes, then all content. The smallest form has only code, tries, source and what was cut. Pure.
 * Thread: any.
 */
#ifndef WIRETAG_CODEC_DEAD_LETTER_H
#define WIRETAG_CODEC_DEAD_LETTER_H

#include "record/record.h"

/* Fills record->output. Reads record->dead_letter_bytes_max and dead_letter_keyed, sets
 * dead_letter_minimal. */
void wt_dead_letter_encode(struct wt_record *record);

/* An upper limit for the size of this record as a batch of its own, which the broker compares with
 * max.message.bytes. */
size_t wt_output_bytes(const struct wt_output *output);

/* The parts of a dead letter that were cut, in words: "value", "value and headers", "key" …; "" if
 * it is whole or if the record is no dead letter. `words` has room for WT_CUT_WORDS_BYTES_MAX.
 * Returns `words`. */
#define WT_CUT_WORDS_BYTES_MAX 32u
const char *wt_dead_letter_cut(const struct wt_record *record, char *words);

/* The same for a dead letter that is about to be published. */
const char *wt_output_cut(const struct wt_output *output, char *words);

/* The input record had no key; wiretag made one from its topic, partition and offset because the
 * dead-letter topic requires keys. */
bool wt_dead_letter_keyed(const struct wt_record *record);

#endif
