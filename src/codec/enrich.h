/* enrich.h: finds the place in an article's JSON where its label is put in (output.form: enriched,
 * output.at), and puts it in. No other byte of the JSON changes.
 *
 *   the field exists                its value is replaced
 *   its object exists               it becomes the object's last field
 *   an object around it is missing  that is made, as the last field of the one around it
 *   and null stands in its stead    it replaces the null
 *
 * Of a key that stands twice the last one counts, as for most readers. An index of a list must exist.
 * Pure. Thread: any. */
#ifndef WIRETAG_CODEC_ENRICH_H
#define WIRETAG_CODEC_ENRICH_H

#include "base/buffer.h"
#include "codec/document.h"
#include "config/config.h"
#include "record/record.h"

struct wt_enrich;

/* NULL: output.form is not enriched. Keeps nothing of the config. */
struct wt_enrich *wt_enrich_create(const struct wt_config *config);

/* Accepts NULL. */
void wt_enrich_destroy(struct wt_enrich *enrich);

/* Sets record->place. `json` is what `document`, an object, was read from: the end of the record's value, or
 * other text; of that record->input_json becomes a copy. WT_INVALID (class record), code at-not-object:
 * something other than an object stands where the label should have its place. */
enum wt_status wt_enrich_find(const struct wt_enrich *enrich, const struct wt_document *document,
                              const char *json, size_t bytes, struct wt_record *record,
                              struct wt_error *error);

/* Appends the record's JSON with the label, which is JSON too, in its place. */
void wt_enrich_append(const struct wt_enrich *enrich, const struct wt_record *record,
                      const struct wt_buffer *label, struct wt_buffer *value);

#endif
