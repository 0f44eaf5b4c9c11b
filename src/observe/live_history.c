#include "observe/live_history.h"

#include "base/alloc.h"
#include "observe/metrics_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct wt_history {
    struct wt_sample samples[WT_HISTORY_SAMPLES_MAX]; /* a ring */
    size_t first;
    size_t count;
};

struct label_reader {
    uint64_t *labels;
    size_t index;
};

struct lag_reader {
    double sum;
    double most;
};

struct wt_history *wt_history_create(void)
{
    return wt_alloc_zeroed(1, sizeof(struct wt_history));
}

void wt_history_destroy(struct wt_history *history)
{
    free(history);
}

static void read_label(void *opaque, const char *labels, double value)
{
    struct label_reader *reader = opaque;
    (void)labels;
    size_t index = reader->index < WT_HISTORY_LABELS_MAX ? reader->index : WT_HISTORY_LABELS_MAX;
    reader->labels[index] += (uint64_t)value;
    reader->index++;
}

static void read_lag(void *opaque, const char *labels, double value)
{
    struct lag_reader *reader = opaque;
    (void)labels;
    if (isfinite(value)) {
        reader->sum += value;
        reader->most = fmax(reader->most, value);
    }
}

static uint64_t counter(enum wt_metric metric)
{
    return (uint64_t)wt_metric_get(metric);
}

void wt_sample_read(int64_t now_us, struct wt_sample *sample_out)
{
    static_assert(WT_HISTOGRAM_STAGE_PUBLISH - WT_HISTOGRAM_STAGE_QUEUE + 1 == WT_HISTORY_STAGES,
                  "a place for each stage");
    struct wt_histogram_values values;
    struct label_reader labels = {.labels = sample_out->labels};
    struct lag_reader records = {0};
    struct lag_reader seconds = {0};
    *sample_out = (struct wt_sample){
        .at_us = now_us,
        .labelled = counter(WT_METRIC_RECORDS_LABELLED),
        .dead = counter(WT_METRIC_RECORDS_DEAD_LETTERED) + counter(WT_METRIC_RECORDS_SKIPPED),
        .passed = counter(WT_METRIC_RECORDS_TOMBSTONES) + counter(WT_METRIC_RECORDS_FILTERED) +
                  counter(WT_METRIC_RECORDS_COMPARED)};
    wt_histogram_read(WT_HISTOGRAM_RECORD_SECONDS, &values);
    for (size_t i = 0; i <= WT_BUCKETS_MAX; i++) {
        sample_out->latency[i] = values.totals[i];
    }
    for (size_t i = 0; i < WT_HISTORY_STAGES; i++) {
        wt_histogram_read((enum wt_histogram)(WT_HISTOGRAM_STAGE_QUEUE + i), &values);
        sample_out->stage_seconds[i] = values.sum;
        sample_out->stage_records[i] = values.totals[WT_BUCKETS_MAX];
    }
    wt_series_visit(WT_FAMILY_LAG_RECORDS, read_lag, &records);
    wt_series_visit(WT_FAMILY_LAG_SECONDS, read_lag, &seconds);
    sample_out->lag_records = records.sum;
    sample_out->lag_seconds = seconds.most;
    wt_series_visit(WT_FAMILY_LABELS, read_label, &labels);
}

bool wt_history_tick(struct wt_history *history, int64_t now_us)
{
    if (history->count > 0 &&
        now_us - wt_history_at(history, history->count - 1)->at_us < WT_HISTORY_EVERY_US) {
        return false;
    }
    size_t slot = (history->first + history->count) % WT_HISTORY_SAMPLES_MAX;
    if (history->count == WT_HISTORY_SAMPLES_MAX) {
        history->first = (history->first + 1) % WT_HISTORY_SAMPLES_MAX;
    } else {
        history->count++;
    }
    wt_sample_read(now_us, &history->samples[slot]);
    return true;
}

size_t wt_history_count(const struct wt_history *history)
{
    return history->count;
}

const struct wt_sample *wt_history_at(const struct wt_history *history, size_t index)
{
    assert(index < history->count);
    return &history->samples[(history->first + index) % WT_HISTORY_SAMPLES_MAX];
}

const struct wt_sample *wt_history_before(const struct wt_history *history, int64_t now_us,
                                          int64_t age_us)
{
    const struct wt_sample *found = NULL;
    for (size_t i = 0; i < history->count; i++) {
        const struct wt_sample *sample = wt_history_at(history, i);
        if (found == NULL || now_us - sample->at_us >= age_us) {
            found = sample;
        }
    }
    return found;
}

double wt_history_latency(const struct wt_sample *from, const struct wt_sample *to, double share)
{
    const double *bounds = wt_histogram_entry(WT_HISTOGRAM_RECORD_SECONDS)->bounds;
    static_assert(WT_BUCKETS_MAX == 15, "wiretag_record_seconds has a bound for every bucket");
    double all = (double)(to->latency[WT_BUCKETS_MAX] - from->latency[WT_BUCKETS_MAX]);
    double below = 0;
    if (all <= 0) {
        return -1;
    }
    for (size_t i = 0; i < WT_BUCKETS_MAX; i++) {
        double total = (double)(to->latency[i] - from->latency[i]);
        if (total >= share * all) {
            double low = i == 0 ? 0 : bounds[i - 1];
            return low + (bounds[i] - low) * (share * all - below) / fmax(total - below, 1);
        }
        below = total;
    }
    return bounds[WT_BUCKETS_MAX - 1];
}

double wt_history_rate(const struct wt_sample *from, const struct wt_sample *to, uint64_t before,
                       uint64_t after)
{
    double seconds = (double)(to->at_us - from->at_us) * 1e-6;
    return seconds > 0 && after > before ? (double)(after - before) / seconds : 0;
}
