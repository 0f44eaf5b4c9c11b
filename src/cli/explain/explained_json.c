/* explained_json.c: prints an explanation as one JSON object, for programs. */
#include "cli/explain/explained.h"

#include "codec/dead_letter.h"
#include "record/partition.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Bytes as a string if they are UTF-8, else {"hex":"…"}; null if there are none. */
static json_t *bytes_json(const void *bytes, size_t count)
{
    if (bytes == NULL) {
        return json_null();
    }
    json_t *text = json_stringn(bytes, count);
    if (text != NULL) {
        return text;
    }
    char *digits = calloc(count * 2 + 1, 1);
    for (size_t i = 0; digits != NULL && i < count; i++) {
        (void)snprintf(digits + i * 2, 3, "%02x", ((const unsigned char *)bytes)[i]);
    }
    json_t *hex = json_pack("{s:s}", "hex", digits != NULL ? digits : "");
    free(digits);
    return hex;
}

static json_t *place_json(const char *topic, int32_t partition, int64_t offset)
{
    return json_pack("{s:s,s:i,s:I}", "topic", topic, "partition", (int)partition, "offset",
                     (json_int_t)offset);
}

static json_t *headers_json(const struct wt_record *record)
{
    json_t *headers = json_array();
    for (size_t i = 0; i < record->header_count; i++) {
        const struct wt_header *header = &record->headers[i];
        json_t *pair = json_array();
        (void)json_array_append_new(pair, bytes_json(header->name, strlen(header->name)));
        (void)json_array_append_new(pair, bytes_json(header->value, header->value_bytes));
        (void)json_array_append_new(headers, pair);
    }
    return headers;
}

static json_t *record_json(const struct explained *explained)
{
    const struct wt_record *record = explained->record;
    json_t *body =
        place_json(explained->place.topic, explained->place.partition, explained->place.offset);
    (void)json_object_set_new(body, "timestamp", json_integer(record->timestamp_ms));
    (void)json_object_set_new(body, "key", bytes_json(record->key, record->key_bytes));
    (void)json_object_set_new(body, "value", bytes_json(record->value, record->value_bytes));
    (void)json_object_set_new(body, "headers", headers_json(record));
    (void)json_object_set_new(body, "trace_id",
                              explained->trace_id[0] != '\0' ? json_string(explained->trace_id)
                                                             : json_null());
    (void)json_object_set_new(body, "committed", json_boolean(!explained->uncommitted));
    (void)json_object_set_new(body, "from_dead_letter", json_boolean(explained->from_dead_letter));
    return body;
}

static json_t *tokens_json(const struct explained *explained)
{
    const struct wt_explanation *steps = &explained->steps;
    const struct wt_vocab *vocab = wt_model_vocab(explained->model);
    json_t *list = json_array();
    for (uint32_t i = 0; i < steps->token_count; i++) {
        const char *text = wt_vocab_token(vocab, (uint32_t)steps->ids[i]);
        (void)json_array_append_new(list,
                                    json_pack("{s:i,s:o}", "id", (int)steps->ids[i], "text",
                                              bytes_json(text, text != NULL ? strlen(text) : 0)));
    }
    return list;
}

/* What was done to the value before it was text. */
static json_t *reading_json(const struct wt_article *article)
{
    json_t *body = json_object();
    if (article->mark) {
        (void)json_object_set_new(body, "byte_order_mark", json_true());
    }
    if (article->framed) {
        (void)json_object_set_new(body, "schema_id", json_integer(article->schema_id));
    }
    if (article->normalized) {
        (void)json_object_set_new(body, "normalized", json_true());
    }
    if (article->markup_bytes > 0) {
        (void)json_object_set_new(body, "markup_bytes",
                                  json_integer((json_int_t)article->markup_bytes));
    }
    return body;
}

/* All but the id, which keeps its digits only if Jansson does not see it. */
static json_t *article_json(const struct explained *explained)
{
    const struct wt_explanation *steps = &explained->steps;
    json_t *body = json_pack("{s:o}", "text", bytes_json(steps->text, steps->text_bytes));
    (void)json_object_set_new(body, "read", reading_json(&steps->article));
    (void)json_object_set_new(body, "script", json_string(wt_script_name(steps->script)));
    if (steps->ids == NULL) {
        return body;
    }
    (void)json_object_set_new(body, "tokens", tokens_json(explained));
    (void)json_object_set_new(body, "unknown", json_integer(steps->unknown_count));
    (void)json_object_set_new(body, "truncated", json_boolean(steps->truncated));
    (void)json_object_set_new(body, "windows", json_integer(steps->window_count));
    (void)json_object_set_new(body, "tokens_whole", json_integer(steps->token_count_whole));
    (void)json_object_set_new(body, "bytes_read", json_integer((json_int_t)steps->read_bytes));
    return body;
}

static json_t *model_json(const struct explained *explained)
{
    const struct wt_model_info *info = wt_model_info(explained->model);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i}", "name", info->name, "version",
                     info->version, "task", wt_task_name(info->task), "sha256", info->sha256,
                     "device", info->device, "precision", info->precision, "precision_why",
                     info->precision_why, "kernels", info->kernels, "tokens_max",
                     (int)info->tokens_max);
}

static json_t *outcome_json(const struct explained *explained)
{
    const struct wt_record *record = explained->record;
    if (record->failure != NULL) {
        return json_pack("{s:s,s:{s:s,s:s,s:s}}", "outcome", "failed", "error", "code",
                         record->failure->error.code, "message", record->failure->error.message,
                         "stage", record->failure->stage);
    }
    if (record->outcome == WT_OUTCOME_TOMBSTONE) {
        return json_pack("{s:s}", "outcome", "tombstone");
    }
    if (record->outcome == WT_OUTCOME_FILTERED) {
        const char *value = explained->steps.filtered;
        return json_pack("{s:s,s:{s:s,s:o}}", "outcome", "filtered", "filtered", "pointer",
                         explained->steps.article.filtered_by, "value",
                         bytes_json(value, value != NULL ? strlen(value) : 0));
    }
    const struct wt_model_info *info = wt_model_info(explained->model);
    json_t *logits = json_object();
    json_t *probabilities = json_object();
    json_t *thresholds = json_object();
    for (uint32_t i = 0; i < info->label_count; i++) {
        (void)json_object_set_new(logits, info->labels[i], json_real((double)record->logits[i]));
        (void)json_object_set_new(probabilities, info->labels[i],
                                  json_real(explained->probabilities[i]));
        (void)json_object_set_new(thresholds, info->labels[i], json_real(explained->thresholds[i]));
    }
    return json_pack("{s:s,s:o,s:o,s:o}", "outcome", "labelled", "logits", logits, "probabilities",
                     probabilities, "thresholds", thresholds);
}

static json_t *published_json(const struct published *published)
{
    const struct wt_record *record = published->record;
    json_t *body = place_json(record->source->topic, record->source->number, record->offset);
    json_t *value = record->value == NULL ? json_null()
                                          : json_loadb(record->value, record->value_bytes,
                                                       JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    (void)json_object_set_new(body, "timestamp", json_integer(record->timestamp_ms));
    (void)json_object_set_new(body, "dead_letter", json_boolean(published->dead_letter));
    (void)json_object_set_new(
        body, "value", value != NULL ? value : bytes_json(record->value, record->value_bytes));
    (void)json_object_set_new(body, "headers", headers_json(record));
    char words[WT_CUT_WORDS_BYTES_MAX];
    (void)json_object_set_new(body, "cut", json_string(wt_dead_letter_cut(record, words)));
    (void)json_object_set_new(body, "agrees", json_boolean(published->agrees));
    (void)json_object_set_new(body, "why", bytes_json(published->why, strlen(published->why)));
    return body;
}

/* Writes the members of `body`, which is not empty, and frees it. */
static void write_members(json_t *body, FILE *out)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(9));
    (void)fprintf(out, "%.*s", (int)strlen(text) - 2, text + 1);
    free(text);
    json_decref(body);
}

/* Member by member: id and label go out as they are, with every digit. */
void wt_explained_write_json(const struct explained *explained, FILE *out)
{
    const struct wt_record *record = explained->record;
    (void)fputc('{', out);
    write_members(json_pack("{s:o}", "record", record_json(explained)), out);
    if (explained->steps.text == NULL) {
        (void)fputs(",\"article\":null,", out);
    } else {
        (void)fprintf(out, ",\"article\":{\"id\":%s,", record->id_json);
        write_members(article_json(explained), out);
        (void)fputs("},", out);
    }
    write_members(json_pack("{s:o}", "model", model_json(explained)), out);
    (void)fputc(',', out);
    write_members(outcome_json(explained), out);
    if (record->outcome == WT_OUTCOME_LABELLED) {
        (void)fprintf(out, ",\"label\":%.*s", (int)record->output.value_bytes,
                      record->output.value);
        (void)fputc(',', out);
        write_members(
            json_pack("{s:s}", "topic", wt_config_label_topic(explained->config, record->target)),
            out);
    }
    (void)fputc(',', out);
    json_t *body = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < explained->published_count; i++) {
        (void)json_array_append_new(list, published_json(&explained->published[i]));
    }
    (void)json_object_set_new(body, "published", explained->searched ? list : json_null());
    if (!explained->searched) {
        json_decref(list);
        (void)json_object_set_new(
            body, "search_failure",
            bytes_json(explained->search_failure, strlen(explained->search_failure)));
    }
    write_members(body, out);
    (void)fputs("}\n", out);
}
