#include "codec/format.h"

#include "base/foreign.h"
#include "codec/frame.h"
#include "codec/json_article.h"

#include <string.h>

static void *create(const struct wt_config *config)
{
    return wt_json_article_create(config);
}

static void destroy(void *state)
{
    wt_json_article_destroy(state);
}

/* True if an object or a list may begin here. */
static bool begins_json(const char *json, size_t bytes)
{
    size_t at = 0;
    while (at < bytes && (json[at] == ' ' || (json[at] >= '\t' && json[at] <= '\r'))) {
        at++;
    }
    return at < bytes && (json[at] == '{' || json[at] == '[');
}

/* Avro and Protobuf come in the same frame as JSON, and in theirs '{' or '[' at the start, a length of 61
 * or 45 bytes, is rare: then it is still no JSON. */
static enum wt_status refuse_binary(const struct wt_article *article, struct wt_error *error)
{
    return article->framed
               ? wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "format-avro",
                              "the value is not JSON but Avro or Protobuf, framed for a schema "
                              "registry (schema %u); have it written as JSON, or set input.format "
                              "avro and input.schema_registry",
                              article->schema_id)
               : wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "format-avro",
                              "the value is not JSON but an Avro file; have it written as JSON");
}

static enum wt_status decode_json(void *state, struct wt_record *record,
                                  struct wt_article *article_out, struct wt_error *error)
{
    const char *json = record->value;
    size_t bytes = record->value_bytes;
    if (wt_frame_read(json, bytes, &article_out->schema_id)) {
        bool is_long = wt_frame_is_long(json, bytes) &&
                       begins_json(json + WT_FRAME_LONG_BYTES, bytes - WT_FRAME_LONG_BYTES);
        size_t frame = is_long ? WT_FRAME_LONG_BYTES : WT_FRAME_BYTES;
        if (is_long) {
            (void)wt_frame_read(json + 4, bytes - 4, &article_out->schema_id);
        }
        article_out->framed = true;
        json += frame;
        bytes -= frame;
    }
    article_out->mark = wt_format_trim(&json, &bytes);
    bool file = bytes >= 4 && memcmp(json, "Obj\x01", 4) == 0;
    if (file || (article_out->framed && !begins_json(json, bytes))) {
        return refuse_binary(article_out, error);
    }
    return wt_json_article_read(state, json, bytes, record, article_out, error);
}

/* What is no JSON is named by its first bytes, where they tell. */
static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    enum wt_status status = decode_json(state, record, article_out, error);
    if (status != WT_INVALID) {
        return status;
    }
    bool compressed;
    const char *name = wt_foreign_json(record->value, record->value_bytes, &compressed);
    return wt_format_name_foreign(name, compressed, "JSON", error);
}

static const char *find(void *state, const char *pointer, size_t *bytes_out, bool *twice_out)
{
    return wt_json_article_find(state, pointer, bytes_out, twice_out);
}

const struct wt_format wt_format_json = {
    .create = create, .destroy = destroy, .decode = decode, .find = find, .json = true};
