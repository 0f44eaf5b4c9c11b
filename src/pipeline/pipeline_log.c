#include "pipeline/pipeline_log.h"

#include "base/processors.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/auto_limits.h"

#include <inttypes.h>
#include <stdio.h>

void wt_pipeline_log_running(const struct wt_config *config, const struct wt_model_info *info,
                             uint32_t replicas)
{
    struct wt_batcher_limits limits = wt_auto_batch_limits(config, info);
    struct wt_processors processors = wt_processors_read();
    char here[64];
    wt_log_info("pipeline",
                "running: model %s %s on %s in %s (%s; %s), %" PRIu32 " replicas, %s, batches of "
                "%" PRIu32 " tokens and %" PRIu32 " articles at most",
                info->name, info->version, info->device, info->precision, info->precision_why,
                info->operators, replicas, wt_processors_describe(&processors, here, sizeof here),
                limits.tokens_max, limits.articles_max);
}

void wt_pipeline_log_totals(const struct wt_in_flight *in_flight)
{
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    int64_t filtered = wt_metric_get(WT_METRIC_RECORDS_FILTERED);
    int64_t compared = wt_metric_get(WT_METRIC_RECORDS_COMPARED);
    char passed_over[96] = "";
    int length = 0;
    if (filtered > 0) {
        length = snprintf(passed_over, sizeof passed_over, " %" PRId64 " filtered,", filtered);
    }
    if (compared > 0) {
        (void)snprintf(passed_over + length, sizeof passed_over - (size_t)length,
                       " %" PRId64 " compared,", compared);
    }
    wt_log_info(
        "pipeline",
        "stopped: %" PRId64 " consumed, %" PRId64 " labelled, %" PRId64 " dead-lettered, "
        "%" PRId64 " tombstones, %" PRId64 " skipped,%s %" PRId64 " left uncommitted; "
        "padding %.1f %% of %" PRId64 " computed tokens in %" PRId64 " batches",
        wt_metric_get(WT_METRIC_RECORDS_CONSUMED), wt_metric_get(WT_METRIC_RECORDS_LABELLED),
        wt_metric_get(WT_METRIC_RECORDS_DEAD_LETTERED), wt_metric_get(WT_METRIC_RECORDS_TOMBSTONES),
        wt_metric_get(WT_METRIC_RECORDS_SKIPPED), passed_over,
        wt_metric_get(WT_METRIC_RECORDS_DROPPED) + (int64_t)wt_in_flight_records(in_flight),
        computed > 0 ? 100.0 * (double)(computed - tokens) / (double)computed : 0.0, computed,
        wt_metric_get(WT_METRIC_BATCHES));
}
