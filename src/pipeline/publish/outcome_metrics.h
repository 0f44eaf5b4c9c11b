/* outcome_metrics.h: counts and logs the outcome of acknowledged records. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H
#define WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H

#include "config/config.h"
#include "record/record.h"

/* Counts an acknowledged record: outcome, label, times. Logs it if it failed, and
 * shows it to those who watch the live page. */
void wt_outcome_metrics_count(const struct wt_config *config, const struct wt_record *record);

#endif
