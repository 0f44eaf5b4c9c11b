/* pipeline_log.h: what a pipeline logs when it runs and when it has stopped. Thread: main. */
#ifndef WIRETAG_PIPELINE_PIPELINE_LOG_H
#define WIRETAG_PIPELINE_PIPELINE_LOG_H

#include "config/config.h"
#include "record/in_flight.h"
#include "wiretag/model.h"

#include <stdint.h>

/* The stages run. */
void wt_pipeline_log_running(const struct wt_config *config, const struct wt_model_info *info,
                             uint32_t replicas);

/* What became of the records. Those still in flight after the drain count as left uncommitted. */
void wt_pipeline_log_totals(const struct wt_in_flight *in_flight);

#endif
