/* avro_json.h: writes a value in Avro's binary encoding as JSON, so that what reads JSON articles reads
 * Avro too.
 *
 * What the bytes say about lengths must not cost memory or depth. A union is the value in it, an enum its
 * symbol, bytes and fixed the text that they are in UTF-8 (else one character a byte, as Avro's own JSON has
 * them), NaN is NaN. Logical types are the types under them. Pure. Thread: any. */
#ifndef WIRETAG_CODEC_AVRO_JSON_H
#define WIRETAG_CODEC_AVRO_JSON_H

#include "codec/avro_schema.h"

/* Appends the value as JSON. NULL: done. Else what is wrong with the bytes. */
const char *wt_avro_to_json(const struct wt_avro_schema *schema, const void *value, size_t bytes,
                            struct wt_buffer *json);

#endif
