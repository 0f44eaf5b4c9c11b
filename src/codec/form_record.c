#include "codec/form.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/scores.h"
#include "codec/format.h"
#include "record/partition.h"

#include <stdlib.h>
#include <string.h>

/* What the value of most records has room in. */
#define VALUE_BYTES 512u

/* The category of a single-label model: the best label, if it reaches its threshold. */
static void append_category(const struct wt_encoder *encoder, struct wt_record *record,
                            const struct wt_scores *scores, struct wt_buffer *value)
{
    uint32_t count = encoder->label_count;
    uint32_t best = wt_logits_best_after(record->logits, count, count);
    double score = wt_scores_score(scores, record->logits[best]);
    bool reached = score >= encoder->thresholds[best];
    record->category = reached ? best : count;
    record->score = score;
    wt_buffer_append_text(value, ",\"category\":");
    wt_buffer_append_text(value, reached ? encoder->labels_json[best] : "null");
    wt_buffer_append_text(value, reached ? encoder->uris_json[best] : "");
    wt_buffer_append_text(value, ",\"score\":");
    wt_buffer_append_number(value, score);
}

/* The labels of a multi-label model; category and score are those of the first. */
static void append_labels(const struct wt_encoder *encoder, struct wt_record *record,
                          const struct wt_scores *scores, struct wt_buffer *value)
{
    uint32_t count = encoder->label_count;
    free(record->labels);
    record->labels = wt_alloc(count * sizeof *record->labels);
    record->reached_count =
        wt_scores_reached(scores, record->logits, count, encoder->thresholds, record->labels);
    bool reached = record->reached_count > 0;
    uint32_t best = reached ? record->labels[0] : 0;
    record->category = reached ? best : count;
    record->score = reached ? wt_scores_score(scores, record->logits[best]) : -1.0;
    wt_buffer_append_text(value, ",\"category\":");
    wt_buffer_append_text(value, reached ? encoder->labels_json[best] : "null");
    wt_buffer_append_text(value, reached ? encoder->uris_json[best] : "");
    wt_buffer_append_text(value, ",\"score\":");
    if (reached) {
        wt_buffer_append_number(value, record->score);
    } else {
        wt_buffer_append_text(value, "null");
    }
    wt_buffer_append_text(value, ",\"labels\":[");
    for (uint32_t i = 0; i < record->reached_count; i++) {
        uint32_t label = record->labels[i];
        wt_buffer_append_text(value, i > 0 ? ",{\"label\":" : "{\"label\":");
        wt_buffer_append_text(value, encoder->labels_json[label]);
        wt_buffer_append_text(value, ",\"score\":");
        wt_buffer_append_number(value, wt_scores_score(scores, record->logits[label]));
        wt_buffer_append_text(value, encoder->uris_json[label]);
        wt_buffer_append(value, "}", 1);
    }
    wt_buffer_append(value, "]", 1);
}

/* The best top_k scores, whatever the thresholds. */
static void append_scores(const struct wt_encoder *encoder, const struct wt_record *record,
                          const struct wt_scores *scores, struct wt_buffer *value)
{
    uint32_t count = encoder->label_count;
    uint32_t label = count;
    wt_buffer_append_text(value, ",\"scores\":{");
    for (uint32_t i = 0; i < encoder->top_k; i++) {
        label = wt_logits_best_after(record->logits, count, label);
        wt_buffer_append(value, ",", i > 0 ? 1 : 0);
        wt_buffer_append_text(value, encoder->labels_json[label]);
        wt_buffer_append(value, ":", 1);
        wt_buffer_append_number(value, wt_scores_score(scores, record->logits[label]));
    }
    wt_buffer_append_text(value, "}");
}

/* The input as JSON on one line: drops the white space between tokens and copies every other byte,
 * so that numbers keep their digits. */
static void append_input(const struct wt_encoder *encoder, const struct wt_record *record,
                         struct wt_buffer *value)
{
    const char *input = record->input_json != NULL ? record->input_json : record->value;
    size_t bytes = record->input_json != NULL ? strlen(input) : record->value_bytes;
    wt_buffer_append_text(value, ",\"input\":");
    if (record->input_json == NULL && !wt_format_of(encoder->config->input.format)->json) {
        wt_buffer_append_json_string(value, input, record->value_bytes);
        return;
    }
    bool in_string = false;
    size_t kept_from = 0;
    for (size_t i = 0; i < bytes; i++) {
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
    wt_buffer_append(value, input + kept_from, bytes - kept_from);
}

void wt_form_append_label(const struct wt_encoder *encoder, struct wt_record *record,
                          struct wt_buffer *value)
{
    bool each = encoder->task == WT_MULTI_LABEL;
    struct wt_scores scores = wt_scores_of(record->logits, encoder->label_count, each);
    wt_buffer_append_text(value, "{\"id\":");
    wt_buffer_append_text(value, record->id_json);
    if (each) {
        append_labels(encoder, record, &scores, value);
    } else {
        append_category(encoder, record, &scores, value);
    }
    append_scores(encoder, record, &scores, value);
    wt_buffer_append_text(value, ",\"model\":");
    wt_buffer_append_text(value, encoder->model_json);
    wt_buffer_append_text(value, ",\"tokens\":");
    wt_buffer_append_integer(value, record->token_count);
    wt_buffer_append_text(value,
                          record->truncated ? ",\"truncated\":true" : ",\"truncated\":false");
    if (record->window_count > 0) {
        wt_buffer_append_text(value, ",\"windows\":");
        wt_buffer_append_integer(value, record->window_count);
    }
}

void wt_form_append_source(const struct wt_record *record, struct wt_buffer *value)
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
    struct wt_buffer value = wt_record_buffer(record);
    wt_buffer_reserve(&value, VALUE_BYTES);
    wt_form_append_label(encoder, record, &value);
    wt_form_append_source(record, &value);
    if (encoder->config->output.include_input) {
        append_input(encoder, record, &value);
    }
    wt_buffer_append_text(&value, "}");
    record->output.value = wt_record_keep(record, &value, &record->output.value_bytes);
}

const struct wt_form wt_form_record = {.write = write};
