/* outcome_metrics.h: counts and logs the outcome of acknowledged records. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H
#define WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_outcome_metrics;

/* Puts a counter for each label of the model and for each topic of labels on the metrics page. The config
 * must outlive it. */
struct wt_outcome_metrics *wt_outcome_metrics_create(const struct wt_config *config,
                                                     const struct wt_model_info *model_info);
void wt_outcome_metrics_destroy(struct wt_outcome_metrics *outcomes);

/* Counts an acknowledged record: outcome, label, times. Logs it if it failed, and
 * shows it to those who watch the live page. */
void wt_outcome_metrics_count(const struct wt_outcome_metrics *outcomes,
                              const struct wt_record *record);

#endif
