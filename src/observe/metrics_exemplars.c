#include "base/clock.h"
#include "base/mutex.h"
#include "observe/metrics_internal.h"

#include <assert.h>
#include <string.h>

static struct wt_mutex mutex = WT_MUTEX_INIT;
static struct wt_exemplar exemplars[WT_HISTOGRAM_COUNT][WT_BUCKETS_MAX + 1]; /* guarded by it */

void wt_metric_exemplar(enum wt_histogram histogram, double value, const char *trace_id,
                        const char *span_id)
{
    assert(value >= 0 && strlen(trace_id) == 32 && strlen(span_id) == 16);
    struct wt_exemplar exemplar = {.value = value, .wall_ms = wt_clock_wall_ms()};
    memcpy(exemplar.trace_id, trace_id, sizeof exemplar.trace_id);
    memcpy(exemplar.span_id, span_id, sizeof exemplar.span_id);
    size_t bucket = wt_histogram_bucket(histogram, value);
    wt_mutex_lock(&mutex);
    exemplars[histogram][bucket] = exemplar;
    wt_mutex_unlock(&mutex);
}

bool wt_exemplar_read(enum wt_histogram histogram, size_t bucket, struct wt_exemplar *exemplar_out)
{
    assert(histogram < WT_HISTOGRAM_COUNT && bucket <= WT_BUCKETS_MAX);
    wt_mutex_lock(&mutex);
    *exemplar_out = exemplars[histogram][bucket];
    wt_mutex_unlock(&mutex);
    return exemplar_out->trace_id[0] != '\0';
}
