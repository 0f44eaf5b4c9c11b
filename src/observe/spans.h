/* spans.h: sends the spans of traced records to an OTLP collector, over HTTP, by a thread of its own.
 *
 * Export never waits for anybody and nobody waits for it: a span that finds the queue full is dropped
 * and counted, and so is one that the collector does not take (wiretag_spans_total). While the
 * collector fails it is tried again after one second, two, and so on up to 30. There is one exporter in
 * the process. */
#ifndef WIRETAG_OBSERVE_SPANS_H
#define WIRETAG_OBSERVE_SPANS_H

#include "observe/otlp.h"
#include "wiretag/status.h"

#include <stdbool.h>

#define WT_SPANS_WAITING_MAX 2048u

/* How long the last spans may take when the process ends. */
#define WT_SPANS_END_MS_MAX 1000

/* Starts to export to `endpoint`, the URL of a collector; /v1/traces is appended unless it ends so.
 * Texts are copied. WT_FAILED: there is no thread for it. Thread: main. */
enum wt_status wt_spans_start(const char *endpoint, const char *group, struct wt_error *error);

/* Hands a span over. False: it is dropped, or nothing is exported. Thread: any. Locks: takes its own. */
bool wt_spans_put(const struct wt_span *span);

/* Sends what is waiting, within WT_SPANS_END_MS_MAX, and ends. Thread: main. */
void wt_spans_stop(void);

#endif
