#include "codec/encode.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/scores.h"
#include "codec/dead_letter.h"
#include "codec/headers.h"
#include "record/partition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wt_encoder {
    const struct wt_config *config;
    uint32_t label_count;
    char **labels_json; /* each label as a JSON string */
    char *model_json;   /* {"name":…,"version":…,"sha256":…} */
    char *model_header; /* name:version */
    uint32_t top_k;     /* at most label_count */
};

static char *json_string(const char *text)
{
    struct wt_buffer buffer = {0};
    wt_buffer_append_json_string(&buffer, text, strlen(text));
    return wt_buffer_take(&buffer, NULL);
}

struct wt_encoder *wt_encoder_create(const struct wt_config *config,
                                     const struct wt_model_info *model_info)
{
    struct wt_encoder *encoder = wt_alloc_zeroed(1, sizeof *encoder);
    encoder->config = config;
    encoder->label_count = model_info->label_count;
    encoder->top_k = config->output.top_k < model_info->label_count ? config->output.top_k
                                                                    : model_info->label_count;
    encoder->labels_json = wt_alloc_zeroed(model_info->label_count, sizeof(char *));
    for (uint32_t i = 0; i < model_info->label_count; i++) {
        encoder->labels_json[i] = json_string(model_info->labels[i]);
    }
    char *name = json_string(model_info->name);
    char *version = json_string(model_info->version);
    encoder->model_json = wt_format("{\"name\":%s,\"version\":%s,\"sha256\":\"%s\"}", name, version,
                                    model_info->sha256);
    encoder->model_header = wt_format("%s:%s", model_info->name, model_info->version);
    free(name);
    free(version);
    return encoder;
}

void wt_encoder_destroy(struct wt_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < encoder->label_count; i++) {
        free(encoder->labels_json[i]);
    }
    free(encoder->labels_json);
    free(encoder->model_json);
    free(encoder->model_header);
    free(encoder);
}

static uint32_t append_scores(const struct wt_encoder *encoder, const struct wt_record *record,
                              struct wt_buffer *value)
{
    const float *logits = record->logits;
    uint32_t count = encoder->label_count;
    struct wt_softmax softmax = wt_softmax_of(logits, count);
    uint32_t label = wt_logits_best_after(logits, count, count);
    double score = wt_softmax_score(&softmax, logits[label]);
    uint32_t category = score < encoder->config->output.threshold ? count : label;
    wt_buffer_append_text(value, ",\"category\":");
    wt_buffer_append_text(value, category < count ? encoder->labels_json[category] : "null");
    wt_buffer_append_text(value, ",\"score\":");
    wt_buffer_append_number(value, score);
    wt_buffer_append_text(value, ",\"scores\":{");
    for (uint32_t i = 0; i < encoder->top_k; i++) {
        wt_buffer_append(value, ",", i > 0 ? 1 : 0);
        wt_buffer_append_text(value, encoder->labels_json[label]);
        wt_buffer_append(value, ":", 1);
        wt_buffer_append_number(value, wt_softmax_score(&softmax, logits[label]));
        label = wt_logits_best_after(logits, count, label);
    }
    wt_buffer_append_text(value, "}");
    return category;
}

/* The input as JSON on one line: drops the white space between tokens and copies every other byte,
 * so that numbers keep their digits. */
static void append_input(const struct wt_encoder *encoder, const struct wt_record *record,
                         struct wt_buffer *value)
{
    const char *input = record->value;
    wt_buffer_append_text(value, ",\"input\":");
    if (encoder->config->input.format == WT_INPUT_TEXT) {
        wt_buffer_append_json_string(value, input, record->value_bytes);
        return;
    }
    bool in_string = false;
    size_t kept_from = 0;
    for (size_t i = 0; i < record->value_bytes; i++) {
        char byte = input[i];
        if (in_string && byte == '\\') {
            i++;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (!in_string && (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r')) {
            wt_buffer_append(value, input + kept_from, i - kept_from);
            kept_from = i + 1;
        }
    }
    wt_buffer_append(value, input + kept_from, record->value_bytes - kept_from);
}

uint32_t wt_encode_label(const struct wt_encoder *encoder, const struct wt_record *record,
                         struct wt_buffer *value)
{
    wt_buffer_append_text(value, "{\"id\":");
    wt_buffer_append_text(value, record->id_json);
    uint32_t category = append_scores(encoder, record, value);
    wt_buffer_append_text(value, ",\"model\":");
    wt_buffer_append_text(value, encoder->model_json);
    wt_buffer_append_text(value, ",\"tokens\":");
    wt_buffer_append_integer(value, record->token_count);
    wt_buffer_append_text(value,
                          record->truncated ? ",\"truncated\":true" : ",\"truncated\":false");
    return category;
}

static void append_source(const struct wt_record *record, struct wt_buffer *value)
{
    struct wt_origin origin = wt_record_origin(record);
    wt_buffer_append_text(value, ",\"source\":{\"topic\":");
    wt_buffer_append_json_string(value, origin.topic, strlen(origin.topic));
    wt_buffer_append_text(value, ",\"partition\":");
    wt_buffer_append_integer(value, origin.partition);
    wt_buffer_append_text(value, ",\"offset\":");
    wt_buffer_append_integer(value, origin.offset);
    wt_buffer_append_text(value, ",\"timestamp\":");
    if (record->timestamp_ms >= 0) {
        wt_buffer_append_integer(value, record->timestamp_ms);
    } else {
        wt_buffer_append_text(value, "null");
    }
    wt_buffer_append_text(value, "}");
}

static void encode_label(const struct wt_encoder *encoder, struct wt_record *record)
{
    struct wt_buffer value = {0};
    record->category = wt_encode_label(encoder, record, &value);
    append_source(record, &value);
    if (encoder->config->output.include_input) {
        append_input(encoder, record, &value);
    }
    wt_buffer_append_text(&value, "}");
    record->output.value = wt_buffer_take(&value, &record->output.value_bytes);
}

void wt_encode(const struct wt_encoder *encoder, struct wt_record *record)
{
    assert(record->output.headers == NULL);
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        wt_dead_letter_encode(record);
        return;
    }
    struct wt_headers headers = wt_headers_begin(record);
    record->output.key = record->key;
    record->output.key_bytes = record->key_bytes;
    switch (record->outcome) {
    case WT_OUTCOME_LABELLED:
        encode_label(encoder, record);
        wt_headers_add_text(&headers, "wiretag.model", encoder->model_header);
        wt_headers_add_source(&headers);
        break;
    case WT_OUTCOME_TOMBSTONE:
        wt_headers_add_text(&headers, "wiretag.model", encoder->model_header);
        wt_headers_add_source(&headers);
        break;
    case WT_OUTCOME_DEAD_LETTERED:
    case WT_OUTCOME_NONE:
    case WT_OUTCOME_SKIPPED:
    case WT_OUTCOME_HOLE:
        assert(!"only what is published is encoded here");
    }
    wt_headers_end(&headers, &record->output);
}
