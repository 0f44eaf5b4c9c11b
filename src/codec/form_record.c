#include "codec/form.h"

#include "base/buffer.h"
#include "base/scores.h"
#include "codec/format.h"
#include "record/partition.h"

#include <string.h>

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
    if (!wt_format_of(encoder->config->input.format)->json) {
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

uint32_t wt_form_append_label(const struct wt_encoder *encoder, const struct wt_record *record,
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

static void write(const struct wt_encoder *encoder, struct wt_record *record)
{
    struct wt_buffer value = {0};
    record->category = wt_form_append_label(encoder, record, &value);
    append_source(record, &value);
    if (encoder->config->output.include_input) {
        append_input(encoder, record, &value);
    }
    wt_buffer_append_text(&value, "}");
    record->output.value = wt_buffer_take(&value, &record->output.value_bytes);
}

const struct wt_form wt_form_record = {.write = write};
