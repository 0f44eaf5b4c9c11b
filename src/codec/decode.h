/* decode.h: from a record's bytes to an article's text and id.
 *
 * Pure: no thread, no Kafka. Everything wrong with the bytes is an error of class record, with one
 * of the codes below; the record then becomes a dead letter with its bytes untouched. */
#ifndef WIRETAG_CODEC_DECODE_H
#define WIRETAG_CODEC_DECODE_H

#include "config/config.h"
#include "record/record.h"

struct wt_decoder;

/* The text lives as long as the record's value, and until the next decode with the same decoder. */
struct wt_article {
    const char *text; /* valid UTF-8, may contain NUL */
    size_t text_bytes;
};

/* Reads `config->input` only; the config must outlive the decoder. */
struct wt_decoder *wt_decoder_create(const struct wt_config *config);
void wt_decoder_destroy(struct wt_decoder *decoder);

/* Decodes a record with a value (not a tombstone): fills `article_out` and sets record->id_json to
 * the id of the input, else the key, else topic-partition-offset. WT_INVALID (class record), code:
 *   value-empty     no bytes
 *   json-invalid    not JSON (RFC 8259, UTF-8), a key twice, nested deeper than 2048
 *   json-not-object another JSON value than an object
 *   id-type         the id is neither string nor number
 *   text-type       a text field is there and is not a string
 *   text-missing    no text field is there
 *   text-blank      nothing but white space
 *   text-not-utf8   format text: the bytes are not UTF-8
 * Thread: one at a time for each decoder. */
enum wt_status wt_decode(struct wt_decoder *decoder, struct wt_record *record,
                         struct wt_article *article_out, struct wt_error *error);

#endif
