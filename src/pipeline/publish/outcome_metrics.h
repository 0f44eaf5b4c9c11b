/* outcome_metrics.h: what is counted and logged when a record's outcome is acknowledged.
 *
 * Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H
#define WIRETAG_PIPELINE_PUBLISH_OUTCOME_METRICS_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

struct wt_outcomes;

/* Puts a counter for each of the model's labels on the metrics page. The config must outlive it. */
struct wt_outcomes *wt_outcomes_create(const struct wt_config *config,
                                       const struct wt_model_info *model_info);
void wt_outcomes_destroy(struct wt_outcomes *outcomes);

/* Counts a record that is done with: outcome, category, times; logs it when it failed. */
void wt_outcomes_count(const struct wt_outcomes *outcomes, const struct wt_record *record);

#endif
