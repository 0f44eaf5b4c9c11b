/* encode.h: encodes what is published for a finished record.
 *
 * Pure: no thread, no Kafka. Fills record->output once. The output is kept until the record is
 * acknowledged, so a repeated transaction does not encode again. */
#ifndef WIRETAG_CODEC_ENCODE_H
#define WIRETAG_CODEC_ENCODE_H

#include "base/buffer.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_encoder;

/* Copies what it needs from `model_info`; reads `config->output`, `dead_letter` and `input.format`, so the
 * config must outlive the encoder. Thresholds of labels that the model does not have are ignored
 * (thresholds.h checks them). */
struct wt_encoder *wt_encoder_create(const struct wt_config *config,
                                     const struct wt_model_info *model_info);
void wt_encoder_destroy(struct wt_encoder *encoder);

/* Appends the label's JSON from {"id" to "truncated", without source and closing brace. Sets
 * record->category, and of a multi-label model record->labels. Thread: any. */
void wt_encode_label(const struct wt_encoder *encoder, struct wt_record *record,
                     struct wt_buffer *value);

/* Fills record->output according to record->outcome:
 *   LABELLED       the label as compact JSON, or the article with it (docs/output.md); sets category,
 *                  labels and target
 *   TOMBSTONE      a null value
 *   DEAD_LETTERED  the input's bytes with the headers wiretag.error.* and wiretag.tries
 *                  (dead_letter.h)
 * All three keep the input's headers, repeated and null ones included, except those that wiretag
 * sets itself and, but for dead letters, output.headers.drop, and carry the source headers. Thread: any. */
void wt_encode(const struct wt_encoder *encoder, struct wt_record *record);

#endif
