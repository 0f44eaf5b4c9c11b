/* metrics_internal.h: the values behind metrics.h, as the page reads them. For metrics*.c alone. */
#ifndef WIRETAG_OBSERVE_METRICS_INTERNAL_H
#define WIRETAG_OBSERVE_METRICS_INTERNAL_H

#include "observe/metrics.h"

struct wt_histogram_values {
    uint64_t totals[WT_BUCKETS_MAX + 1]; /* cumulative; the last one is +Inf */
    double sum;
};

void wt_histogram_read(enum wt_histogram histogram, struct wt_histogram_values *values_out);

/* Thread: any. */
void wt_atomic_add(_Atomic double *sum, double value);

/* Calls `visit` for every series of the family, oldest first. `labels` is as on the page, with
 * braces; "" without labels. Locks: holds the metrics' during the calls. */
void wt_series_visit(enum wt_family family,
                     void (*visit)(void *opaque, const char *labels, double value), void *opaque);

#endif
