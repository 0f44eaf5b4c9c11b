/* encode.h: from a finished record to what is published for it.
 *
 * Pure: no thread, no Kafka. Fills record->output once; it stays until the record is acknowledged,
 * so that a failed transaction never pays for it twice. */
#ifndef WIRETAG_CODEC_ENCODE_H
#define WIRETAG_CODEC_ENCODE_H

#include "base/buffer.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_encoder;

/* Reads `config->output` and `config->input.format`; copies what it needs of `model_info`. The
 * config must outlive the encoder. */
struct wt_encoder *wt_encoder_create(const struct wt_config *config,
                                     const struct wt_model_info *model_info);
void wt_encoder_destroy(struct wt_encoder *encoder);

/* Appends what a label says apart from where its article came from: {"id" to "truncated", without
 * the closing brace. Returns the category's label id; label_count: it is null, below the threshold.
 * Thread: any. */
uint32_t wt_encode_label(const struct wt_encoder *encoder, const struct wt_record *record,
                         struct wt_buffer *value);

/* Fills record->output by its outcome:
 *   LABELLED       the labelled record of design section 3, compact JSON; sets record->category
 *   TOMBSTONE      a null value
 *   DEAD_LETTERED  the input's own bytes, with the headers wiretag.error.* and wiretag.tries
 *                  (dead_letter.h)
 * Every form keeps the input's headers (repeated and null ones too), less those of the names that
 * wiretag sets itself, and names its source. Thread: any. */
void wt_encode(const struct wt_encoder *encoder, struct wt_record *record);

#endif
