#include "observe/metrics.h"

#include "observe/metrics_internal.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>

/* One cache line each, so that threads that count different things do not slow each other down. */
static struct {
    alignas(64) _Atomic int64_t value;
} values[WT_METRIC_COUNT];

static struct {
    alignas(
        64) _Atomic uint64_t counts[WT_BUCKETS_MAX + 1]; /* of one bucket alone, not cumulative */
    _Atomic double sum;
} histograms[WT_HISTOGRAM_COUNT];

void wt_metric_add(enum wt_metric metric, int64_t value)
{
    assert(metric < WT_METRIC_COUNT);
    assert(value >= 0 || wt_family_entry(wt_metric_entry(metric)->family)->type == WT_GAUGE);
    atomic_fetch_add_explicit(&values[metric].value, value, memory_order_relaxed);
}

void wt_metric_set(enum wt_metric metric, int64_t value)
{
    assert(wt_family_entry(wt_metric_entry(metric)->family)->type == WT_GAUGE);
    atomic_store_explicit(&values[metric].value, value, memory_order_relaxed);
}

int64_t wt_metric_get(enum wt_metric metric)
{
    assert(metric < WT_METRIC_COUNT);
    return atomic_load_explicit(&values[metric].value, memory_order_relaxed);
}

int64_t wt_metric_ended_records(void)
{
    int64_t ended = 0;
    for (int metric = WT_METRIC_OUTCOMES_FIRST; metric <= WT_METRIC_OUTCOMES_LAST; metric++) {
        ended += wt_metric_get((enum wt_metric)metric);
    }
    return ended;
}

void wt_atomic_add(_Atomic double *sum, double value)
{
    double before = atomic_load_explicit(sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(sum, &before, before + value,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

size_t wt_histogram_bucket(enum wt_histogram histogram, double value)
{
    const double *bounds = wt_histogram_entry(histogram)->bounds;
    assert(value >= 0);
    size_t bucket = 0;
    while (bucket < WT_BUCKETS_MAX && bounds[bucket] > 0 && value > bounds[bucket]) {
        bucket++;
    }
    return bucket;
}

void wt_metric_observe(enum wt_histogram histogram, double value, uint64_t times)
{
    size_t bucket = wt_histogram_bucket(histogram, value);
    atomic_fetch_add_explicit(&histograms[histogram].counts[bucket], times, memory_order_relaxed);
    wt_atomic_add(&histograms[histogram].sum, value * (double)times);
}

void wt_histogram_read(enum wt_histogram histogram, struct wt_histogram_values *values_out)
{
    const double *bounds = wt_histogram_entry(histogram)->bounds;
    size_t count = 0;
    uint64_t total = 0;
    do {
        total += atomic_load_explicit(&histograms[histogram].counts[count], memory_order_relaxed);
        values_out->totals[count] = total;
    } while (count < WT_BUCKETS_MAX && bounds[count++] > 0);
    values_out->sum = atomic_load_explicit(&histograms[histogram].sum, memory_order_relaxed);
}
