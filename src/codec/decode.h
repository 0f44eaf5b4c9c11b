/* decode.h: extracts text and id of an article from a record's bytes.
 *
 * Pure but for format avro, which asks a schema registry. Every defect of the input is an error of class
 * record, with one of the codes below. Such a record becomes a dead letter with its bytes unchanged. */
#ifndef WIRETAG_CODEC_DECODE_H
#define WIRETAG_CODEC_DECODE_H

#include "codec/article.h"
#include "config/config.h"
#include "record/record.h"

struct wt_decoder;

/* Reads only `config->input` and the keys of `config->output` in json_article.h. The config must
 * outlive the decoder. */
struct wt_decoder *wt_decoder_create(const struct wt_config *config);
void wt_decoder_destroy(struct wt_decoder *decoder);

/* Decodes a record that has a value (not a tombstone). If input.where passes over it, sets its outcome
 * to FILTERED and article_out->filtered_by; then there is no text and no id. Else fills `article_out`
 * and sets record->id_json to the id in the input if that is a string or a number, else to the key,
 * else to topic-partition-offset. WT_INVALID (class record), with a code:
 *   value-empty     zero bytes
 *   json-invalid    not JSON (document.h), a key twice where a pointer passes, NaN as id or text,
 *                   or nested deeper than 2048
 *   format-avro     format json: Avro or Protobuf in the frame of a schema registry, or an Avro file
 *   avro-unframed   format avro: no frame of a schema registry
 *   avro-invalid    format avro: not what its schema says
 *   schema-unknown  format avro: the registry has no such schema
 *   schema-unusable format avro: its schema is not Avro, or cannot be read
 *   json-not-object a JSON value other than an object
 *   text-type       a text field is neither a string nor a list of strings
 *   text-missing    no text field is present
 *   text-blank      nothing visible: white space, control and format characters
 *   text-not-utf8   format text: the bytes are not UTF-8
 *   at-not-object   form enriched: output.at leads through something that is no object
 * WT_IO (class fatal): format avro: the schema registry does not answer; trying again may help.
 * Thread: one at a time for each decoder. */
enum wt_status wt_decode(struct wt_decoder *decoder, struct wt_record *record,
                         struct wt_article *article_out, struct wt_error *error);

/* The JSON text of the value at `pointer` in the record that was decoded last, also one that was
 * refused; not terminated, valid as the article is. NULL: there is none, it is null, or the value was not
 * a JSON object. `pointer` "" is the object itself. *twice_out (may be NULL): a key stands twice in an
 * object on the way. */
const char *wt_decoder_find(struct wt_decoder *decoder, const char *pointer, size_t *bytes_out,
                            bool *twice_out);

#endif
