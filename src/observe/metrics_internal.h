/* metrics_internal.h: the values behind metrics.h, as the page reads them. For metrics*.c alone. */
#ifndef WIRETAG_OBSERVE_METRICS_INTERNAL_H
#define WIRETAG_OBSERVE_METRICS_INTERNAL_H

#include "observe/metrics.h"

#include <stdbool.h>

struct wt_histogram_values {
    uint64_t totals[WT_BUCKETS_MAX + 1]; /* cumulative; the last one is +Inf */
    double sum;
};

/* A traced record whose time was counted in a bucket. */
struct wt_exemplar {
    char trace_id[33]; /* "": the bucket has none */
    char span_id[17];
    double value;
    int64_t wall_ms; /* when it was noted */
};

void wt_histogram_read(enum wt_histogram histogram, struct wt_histogram_values *values_out);

/* The bucket that counts `value`: the first whose bound is not below it. */
size_t wt_histogram_bucket(enum wt_histogram histogram, double value);

/* The latest exemplar of a bucket; false: it has none. Thread: any. */
bool wt_exemplar_read(enum wt_histogram histogram, size_t bucket, struct wt_exemplar *exemplar_out);

/* Thread: any. */
void wt_atomic_add(_Atomic double *sum, double value);

/* Calls `visit` for every series of the family, oldest first. `labels` is as on the page, with
 * braces; "" without labels. Locks: holds the metrics' during the calls. */
void wt_series_visit(enum wt_family family,
                     void (*visit)(void *opaque, const char *labels, double value), void *opaque);

#endif
