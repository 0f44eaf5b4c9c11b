#include "codec/encode.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/dead_letter.h"
#include "codec/form.h"
#include "codec/headers.h"
#include "codec/routes.h"
#include "codec/thresholds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *json_string(const char *text)
{
    struct wt_buffer buffer = {0};
    wt_buffer_append_json_string(&buffer, text, strlen(text));
    return wt_buffer_take(&buffer, NULL);
}

static void copy_labels(struct wt_encoder *encoder, const struct wt_model_info *model_info)
{
    encoder->labels = wt_alloc_zeroed(model_info->label_count, sizeof(char *));
    encoder->labels_json = wt_alloc_zeroed(model_info->label_count, sizeof(char *));
    encoder->uris_json = wt_alloc_zeroed(model_info->label_count, sizeof(char *));
    for (uint32_t i = 0; i < model_info->label_count; i++) {
        const char *uri = model_info->label_uris[i];
        char *uri_json = json_string(uri != NULL ? uri : "");
        encoder->labels[i] = wt_strdup(model_info->labels[i]);
        encoder->labels_json[i] = json_string(model_info->labels[i]);
        encoder->uris_json[i] = uri != NULL ? wt_format(",\"uri\":%s", uri_json) : wt_strdup("");
        free(uri_json);
    }
}

struct wt_encoder *wt_encoder_create(const struct wt_config *config,
                                     const struct wt_model_info *model_info)
{
    struct wt_encoder *encoder = wt_alloc_zeroed(1, sizeof *encoder);
    encoder->config = config;
    encoder->form = config->output.form == WT_FORM_ENRICHED ? &wt_form_enriched : &wt_form_record;
    encoder->enrich = wt_enrich_create(config);
    encoder->label_count = model_info->label_count;
    encoder->top_k = config->output.top_k < model_info->label_count ? config->output.top_k
                                                                    : model_info->label_count;
    encoder->task = model_info->task;
    copy_labels(encoder, model_info);
    encoder->thresholds = wt_thresholds_create(config, model_info);
    char *name = json_string(model_info->name);
    char *version = json_string(model_info->version);
    encoder->model_json = wt_format("{\"name\":%s,\"version\":%s,\"sha256\":\"%s\"}", name, version,
                                    model_info->sha256);
    encoder->model_header = wt_format("%s:%s", model_info->name, model_info->version);
    free(name);
    free(version);
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    encoder->connector = !config->dead_letter.connect_headers ? NULL
                         : group != NULL                      ? group->value
                                                              : "wiretag";
    return encoder;
}

void wt_encoder_destroy(struct wt_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < encoder->label_count; i++) {
        free(encoder->labels[i]);
        free(encoder->labels_json[i]);
        free(encoder->uris_json[i]);
    }
    free(encoder->labels);
    free(encoder->labels_json);
    free(encoder->uris_json);
    free(encoder->thresholds);
    wt_enrich_destroy(encoder->enrich);
    free(encoder->model_json);
    free(encoder->model_header);
    free(encoder);
}

void wt_encode_label(const struct wt_encoder *encoder, struct wt_record *record,
                     struct wt_buffer *value)
{
    wt_form_append_label(encoder, record, value);
}

static uint32_t target_of(const struct wt_encoder *encoder, const struct wt_record *record)
{
    bool labelled = record->category < encoder->label_count;
    return wt_routes_choose(&encoder->config->output.routes,
                            labelled ? encoder->labels[record->category] : NULL, record->score);
}

/* What readers route by who do not read the value: its category and score, null where it has null. */
static void add_label(const struct wt_encoder *encoder, const struct wt_record *record,
                      struct wt_headers *headers)
{
    if (record->category < encoder->label_count) {
        wt_headers_add_text(headers, "wiretag.category", encoder->labels[record->category]);
    } else {
        wt_headers_add_null(headers, "wiretag.category");
    }
    if (record->score >= 0) {
        wt_headers_add_number(headers, "wiretag.score", record->score);
    } else {
        wt_headers_add_null(headers, "wiretag.score");
    }
}

void wt_encode(const struct wt_encoder *encoder, struct wt_record *record)
{
    assert(record->output.headers == NULL);
    record->dead_letter_connector = encoder->connector;
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        wt_dead_letter_encode(record);
        return;
    }
    if (record->outcome == WT_OUTCOME_LABELLED) {
        encoder->form->write(encoder, record);
    }
    struct wt_headers headers = wt_headers_begin(record);
    headers.values = wt_record_buffer(record);
    headers.drop = &encoder->config->output.headers.drop;
    record->output.key = record->key;
    record->output.key_bytes = record->key_bytes;
    switch (record->outcome) {
    case WT_OUTCOME_LABELLED:
        record->target = target_of(encoder, record);
        wt_headers_add_text(&headers, "wiretag.model", encoder->model_header);
        if (encoder->config->output.headers.label) {
            add_label(encoder, record, &headers);
        }
        wt_headers_add_source(&headers);
        break;
    case WT_OUTCOME_TOMBSTONE:
        record->target = 0;
        wt_headers_add_text(&headers, "wiretag.model", encoder->model_header);
        wt_headers_add_source(&headers);
        break;
    case WT_OUTCOME_DEAD_LETTERED:
    case WT_OUTCOME_NONE:
    case WT_OUTCOME_SKIPPED:
    case WT_OUTCOME_FILTERED:
    case WT_OUTCOME_COMPARED:
    case WT_OUTCOME_HOLE:
        assert(false && "only what is published is encoded here");
    }
    wt_headers_add_trace(&headers);
    wt_headers_end(&headers, record);
}
