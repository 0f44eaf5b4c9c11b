/* metrics.h: counters, gauges and histograms of the process, written by any thread.
 *
 * One table (metrics_table.c) names each family once: the page, docs/metrics.md and the tests of
 * alert rules and dashboard all come from it. Values are atomics, so writing takes no lock. */
#ifndef WIRETAG_OBSERVE_METRICS_H
#define WIRETAG_OBSERVE_METRICS_H

#include "observe/metrics_table.h"

#include <stddef.h>
#include <stdint.h>

/* Adds to a counter or a gauge (gauges accept negative values). Thread: any. */
void wt_metric_add(enum wt_metric metric, int64_t value);

/* Sets a gauge. Thread: any. */
void wt_metric_set(enum wt_metric metric, int64_t value);

int64_t wt_metric_get(enum wt_metric metric);

/* Counts `times` observations of `value`, in the histogram's unit. Thread: any. */
void wt_metric_observe(enum wt_histogram histogram, double value, uint64_t times);

/* --- series whose labels are known only at run time ------------------------------------------- */

/* One series of a WT_SERIES family: a partition's lag, a category's count. It stays on the page
 * until it is removed or the process ends. */
struct wt_series;

/* The series with these label values, one for each of the family's label names in their order; made
 * with value 0 on first sight. Thread: any. Locks: the metrics'. */
struct wt_series *wt_series_get(enum wt_family family, const char *const *label_values);

void wt_series_add(struct wt_series *series, double value);
void wt_series_set(struct wt_series *series, double value);

/* Takes a series off the page; no one may hold a pointer to it. Thread: any. Locks: the metrics'. */
void wt_series_remove(enum wt_family family, const char *const *label_values);

/* --- the page --------------------------------------------------------------------------------- */

/* The Prometheus text page (exposition format 0.0.4): a new NUL-terminated string, the caller
 * frees it; *bytes_out is its length. Families without a series are left out; those derived from
 * others, such as wiretag_padding_ratio, and the process's figures are computed here. Thread: any. */
char *wt_metrics_page(size_t *bytes_out);

#endif
