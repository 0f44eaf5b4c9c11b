/* json_article.h: finds id and text of an article in its JSON, for every format that is JSON or
 * becomes it. Pure. Thread: one for each reader. */
#ifndef WIRETAG_CODEC_JSON_ARTICLE_H
#define WIRETAG_CODEC_JSON_ARTICLE_H

#include "codec/article.h"
#include "config/config.h"
#include "record/record.h"

struct wt_json_article;

/* Reads only `config->input` and, of `config->output`, include_input, form and at. */
struct wt_json_article *wt_json_article_create(const struct wt_config *config);
void wt_json_article_destroy(struct wt_json_article *reader);

/* As wt_decode. `json` is what the record's value says, from behind a byte-order mark on; the text of the
 * article may point into it. Sets record->input_json where the value itself is not what
 * output.include_input may publish, and record->place where output.form is enriched. */
enum wt_status wt_json_article_read(struct wt_json_article *reader, const char *json, size_t bytes,
                                    struct wt_record *record, struct wt_article *article_out,
                                    struct wt_error *error);

/* The JSON text of the first value at `pointer` that is not null in the JSON read last; NULL: there is
 * none, or it was not an object. Not terminated. *twice_out (may be NULL): a key stands twice in an object
 * on the way, so that there may be another. */
const char *wt_json_article_find(struct wt_json_article *reader, const char *pointer,
                                 size_t *bytes_out, bool *twice_out);

#endif
