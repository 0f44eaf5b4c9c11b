/* live_history.h: the last ten minutes of the metrics, a sample every five seconds, for the live page.
 *
 * A sample copies counters; rates, shares and percentiles are differences of two samples. It takes
 * some microseconds and allocates nothing. Thread: one. */
#ifndef WIRETAG_OBSERVE_LIVE_HISTORY_H
#define WIRETAG_OBSERVE_LIVE_HISTORY_H

#include "observe/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_HISTORY_EVERY_US INT64_C(5000000)
#define WT_HISTORY_SAMPLES_MAX 121u

/* Labels that are followed one by one: the first of the model; all others count as one. */
#define WT_HISTORY_LABELS_MAX 256u

/* The stages of wiretag_stage_seconds. */
#define WT_HISTORY_STAGES 6u

/* The counters at one moment. */
struct wt_sample {
    int64_t at_us; /* wt_clock_us; 0: no sample */
    uint64_t labelled;
    uint64_t dead;                        /* dead-lettered and skipped */
    uint64_t passed;                      /* tombstones and filtered */
    uint64_t latency[WT_BUCKETS_MAX + 1]; /* wiretag_record_seconds, cumulative */
    double stage_seconds[WT_HISTORY_STAGES];
    uint64_t stage_records[WT_HISTORY_STAGES];
    double lag_records;                         /* of all owned partitions together */
    double lag_seconds;                         /* of the one that is furthest behind */
    uint64_t labels[WT_HISTORY_LABELS_MAX + 1]; /* the last: all others */
};

struct wt_history;

struct wt_history *wt_history_create(void);
void wt_history_destroy(struct wt_history *history);

/* Reads the metrics as they are now. */
void wt_sample_read(int64_t now_us, struct wt_sample *sample_out);

/* Takes a sample if one is due. Call it once a second or more often. True: it was taken. */
bool wt_history_tick(struct wt_history *history, int64_t now_us);

/* Samples that are kept, and number `index` of them, the oldest first. */
size_t wt_history_count(const struct wt_history *history);
const struct wt_sample *wt_history_at(const struct wt_history *history, size_t index);

/* The newest sample that is at least `age_us` older than `now_us`; else the oldest. NULL: there is none. */
const struct wt_sample *wt_history_before(const struct wt_history *history, int64_t now_us,
                                          int64_t age_us);

/* The latency that `share` (0 to 1) of the records between two samples stayed below, in seconds,
 * interpolated within a bucket as Prometheus does; negative: there were none. */
double wt_history_latency(const struct wt_sample *from, const struct wt_sample *to, double share);

/* Events a second between two samples of a counter. */
double wt_history_rate(const struct wt_sample *from, const struct wt_sample *to, uint64_t before,
                       uint64_t after);

#endif
