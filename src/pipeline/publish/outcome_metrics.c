#include "pipeline/publish/outcome_metrics.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "codec/dead_letter.h"
#include "codec/trace_context.h"
#include "observe/live.h"
#include "observe/metrics.h"
#include "observe/spans.h"
#include "record/labellers.h"
#include "record/partition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum wt_metric outcome_metrics[] = {
    [WT_OUTCOME_NONE] = WT_METRIC_RECORDS_DROPPED,
    [WT_OUTCOME_LABELLED] = WT_METRIC_RECORDS_LABELLED,
    [WT_OUTCOME_DEAD_LETTERED] = WT_METRIC_RECORDS_DEAD_LETTERED,
    [WT_OUTCOME_TOMBSTONE] = WT_METRIC_RECORDS_TOMBSTONES,
    [WT_OUTCOME_SKIPPED] = WT_METRIC_RECORDS_SKIPPED,
    [WT_OUTCOME_FILTERED] = WT_METRIC_RECORDS_FILTERED,
    [WT_OUTCOME_COMPARED] = WT_METRIC_RECORDS_COMPARED,
};

static double seconds_since(int64_t then_us, int64_t now_us)
{
    return now_us > then_us ? (double)(now_us - then_us) * 1e-6 : 0.0;
}

/* An article of a multi-label model counts for each of its labels. */
static void count_label(const struct wt_record *record)
{
    const struct wt_labeller *labeller = record->labeller;
    if (record->category == labeller->info->label_count) {
        wt_metric_add(WT_METRIC_BELOW_THRESHOLD, 1);
    } else if (record->labels == NULL) {
        wt_series_add(labeller->label_series[record->category], 1);
    }
    for (uint32_t i = 0; record->labels != NULL && i < record->reached_count; i++) {
        wt_series_add(labeller->label_series[record->labels[i]], 1);
    }
}

/* For the live page. */
static void show_label(const struct wt_record *record, double seconds)
{
    const struct wt_model_info *info = record->labeller->info;
    assert(record->category <= info->label_count);
    const struct wt_live_item item = {
        .id_json = record->id_json,
        .category = record->category < info->label_count ? info->labels[record->category] : NULL,
        .score = record->score,
        .text = record->beginning,
        .seconds = seconds};
    wt_live_offer(&item);
}

static void show_failure(const struct wt_config *config, const struct wt_record *record)
{
    const struct wt_failure *failure = record->failure;
    struct wt_origin origin = wt_record_origin(record);
    const struct wt_live_failure shown = {.topic = origin.topic,
                                          .partition = origin.partition,
                                          .offset = origin.offset,
                                          .stage = failure->stage,
                                          .code = failure->error.code,
                                          .message =
                                              config->http.texts ? failure->error.message : NULL};
    wt_live_fail(&shown);
}

static_assert(WT_HISTOGRAM_STAGE_PUBLISH - WT_HISTOGRAM_STAGE_QUEUE + 1 == WT_SPAN_STAGES,
              "a histogram for each stage");

/* Names the span in the histograms that count its record: only for stages whose beginning and end are known,
 * as the histogram counts no other. */
static void note_exemplars(const struct wt_span *span)
{
    const int64_t *times_us = span->times_us;
    wt_metric_exemplar(WT_HISTOGRAM_RECORD_SECONDS,
                       seconds_since(times_us[0], times_us[WT_SPAN_STAGES]), span->trace_id,
                       span->span_id);
    for (size_t stage = 0; stage < WT_SPAN_STAGES; stage++) {
        if (times_us[stage] > 0 && times_us[stage + 1] > 0) {
            wt_metric_exemplar((enum wt_histogram)(WT_HISTOGRAM_STAGE_QUEUE + stage),
                               seconds_since(times_us[stage], times_us[stage + 1]), span->trace_id,
                               span->span_id);
        }
    }
}

/* For the collector of traces. */
static void export_span(const struct wt_record *record, int64_t now_us)
{
    const struct wt_trace *trace = record->trace;
    struct wt_origin origin = wt_record_origin(record);
    bool labelled = record->outcome == WT_OUTCOME_LABELLED;
    struct wt_span span = {.partition = origin.partition,
                           .offset = origin.offset,
                           .score = labelled ? record->score : -1,
                           .tokens = record->token_count,
                           .times_us = {record->consumed_us, trace->queued_us, trace->decoded_us,
                                        trace->tokenized_us, trace->running_us,
                                        trace->tokenized_us > 0 ? record->finished_us : 0, now_us}};
    memcpy(span.trace_id, trace->trace_id, sizeof span.trace_id);
    memcpy(span.span_id, trace->span_id, sizeof span.span_id);
    memcpy(span.parent_id, trace->parent_id, sizeof span.parent_id);
    (void)snprintf(span.topic, sizeof span.topic, "%s", origin.topic);
    (void)snprintf(span.outcome, sizeof span.outcome, "%s",
                   wt_metric_entry(outcome_metrics[record->outcome])->label_value);
    if (labelled && record->category < record->labeller->info->label_count) {
        const char *name = record->labeller->info->labels[record->category];
        size_t bytes = strlen(name);
        bytes = bytes < sizeof span.category ? bytes : wt_utf8_cut(name, sizeof span.category - 1);
        memcpy(span.category, name, bytes);
    }
    if (record->failure != NULL) {
        (void)snprintf(span.code, sizeof span.code, "%s", record->failure->error.code);
    }
    if (wt_spans_put(&span)) {
        note_exemplars(&span);
    }
}

static void count_failure(const struct wt_config *config, const struct wt_record *record)
{
    assert(record->failure != NULL);
    const struct wt_failure *failure = record->failure;
    const char *const stage_and_code[] = {failure->stage, failure->error.code};
    wt_series_add(wt_series_get(WT_FAMILY_FAILURES, stage_and_code), 1);
    char words[WT_CUT_WORDS_BYTES_MAX];
    char became[WT_CUT_WORDS_BYTES_MAX + 32];
    bool published = record->outcome != WT_OUTCOME_SKIPPED;
    const char *cut = published ? wt_output_cut(&record->output, words) : "";
    (void)snprintf(became, sizeof became, "%s%s%s", published ? "dead letter" : "skipped",
                   cut[0] != '\0' ? ", cut in " : "", cut);
    wt_trace_log_failure(config, record, became);
    show_failure(config, record);
}

void wt_outcome_metrics_count(const struct wt_config *config, const struct wt_record *record)
{
    assert(record->state == WT_RECORD_ACKNOWLEDGED);
    if (record->outcome == WT_OUTCOME_HOLE) {
        return;
    }
    int64_t now_us = wt_clock_us();
    wt_metric_add(outcome_metrics[record->outcome], 1);
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS, seconds_since(record->consumed_us, now_us), 1);
    wt_metric_observe(WT_HISTOGRAM_STAGE_PUBLISH, seconds_since(record->finished_us, now_us), 1);
    if (record->outcome == WT_OUTCOME_LABELLED) {
        count_label(record);
        wt_series_add(record->labeller->topic_series[record->target], 1);
        if (wt_live_watched()) {
            show_label(record, seconds_since(record->consumed_us, now_us));
        }
    }
    if (record->failure != NULL) {
        count_failure(config, record);
    }
    if (record->trace != NULL && record->outcome != WT_OUTCOME_NONE) {
        export_span(record, now_us);
    }
}
