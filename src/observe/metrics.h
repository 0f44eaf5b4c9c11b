/* metrics.h: counters, gauges and histograms of the process, written by any thread.
 *
 * metrics_families.c names each family once. The page, docs/metrics.md and the tests of alert rules
 * and dashboard are all made from it. Values are atomics, so writing takes no lock. */
#ifndef WIRETAG_OBSERVE_METRICS_H
#define WIRETAG_OBSERVE_METRICS_H

#include "observe/metrics_format.h"
#include "observe/metrics_table.h"

#include <stddef.h>
#include <stdint.h>

/* Adds to a counter or a gauge; only gauges accept negative values. Thread: any. */
void wt_metric_add(enum wt_metric metric, int64_t value);

/* Sets a gauge. Thread: any. */
void wt_metric_set(enum wt_metric metric, int64_t value);

int64_t wt_metric_get(enum wt_metric metric);

/* Records that have ended, whatever their outcome. Thread: any. */
int64_t wt_metric_ended_records(void);

/* Counts `times` observations of `value`, in the histogram's unit. Thread: any. */
void wt_metric_observe(enum wt_histogram histogram, double value, uint64_t times);

/* Names the span of a record whose `value` was counted: an exemplar. A bucket keeps its latest. The ids
 * are lower-case hex digits, 32 and 16. Thread: any. */
void wt_metric_exemplar(enum wt_histogram histogram, double value, const char *trace_id,
                        const char *span_id);

/* --- series whose label values are known only at run time ------------------------------------- */

/* One series of a family without fixed series: a partition's lag, a category's count. It stays on
 * the page until it is removed or the process ends. */
struct wt_series;

/* Returns the series with these label values, one for each label name of the family, in order.
 * Creates it with value 0 the first time. Thread: any. Locks: takes the metrics'. */
struct wt_series *wt_series_get(enum wt_family family, const char *const *label_values);

/* The series with these label values if there is one, else NULL. Thread: any. Locks: takes the metrics'. */
struct wt_series *wt_series_find(enum wt_family family, const char *const *label_values);

void wt_series_add(struct wt_series *series, double value);
void wt_series_set(struct wt_series *series, double value);

/* Removes a series from the page and frees it; nobody may hold a pointer to it. Thread: any. Locks:
 * takes the metrics'. */
void wt_series_remove(enum wt_family family, const char *const *label_values);

/* --- the page -------------------------------------------------------------------------------- */

/* Returns the page in that form as a new NUL-terminated string that the caller frees; *bytes_out is
 * its length. Families without a series are left out. Derived families, such as
 * wiretag_padding_ratio, and the figures of the process are computed here. Thread: any. */
char *wt_metrics_page(enum wt_metrics_format format, size_t *bytes_out);

#endif
