/* metrics.h: counters, gauges and histograms of the process, written by any thread.
 *
 * One table (metrics.c) names each series once; the HTTP page, the documents and the summary line
 * all come from it. Values are atomics, so writing takes no lock. */
#ifndef WIRETAG_BASE_METRICS_H
#define WIRETAG_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

enum wt_metric {
    /* wiretag_records_total{outcome=...}: every record ends in exactly one of these */
    WT_METRIC_RECORDS_LABELLED,
    WT_METRIC_RECORDS_DEAD_LETTERED,
    WT_METRIC_RECORDS_TOMBSTONES,
    WT_METRIC_RECORDS_SKIPPED,
    WT_METRIC_RECORDS_CONSUMED, /* wiretag_consumed_records_total */
    WT_METRIC_RECORDS_DROPPED,  /* wiretag_dropped_records_total: given back uncommitted */
    WT_METRIC_BYTES_CONSUMED,   /* wiretag_consumed_bytes_total: keys and values */
    WT_METRIC_BYTES_PRODUCED,   /* wiretag_produced_bytes_total */
    WT_METRIC_TOKENS,           /* wiretag_tokens_total: tokens of articles given to the model */
    WT_METRIC_TOKENS_UNKNOWN,   /* wiretag_unknown_tokens_total */
    WT_METRIC_TOKENS_COMPUTED,  /* wiretag_computed_tokens_total: padding included */
    WT_METRIC_TRUNCATED,        /* wiretag_truncated_articles_total */
    WT_METRIC_BATCHES,          /* wiretag_batches_total */
    WT_METRIC_BATCH_FAILURES,   /* wiretag_batch_failures_total */
    WT_METRIC_COMMITS,          /* wiretag_commits_total{result="ok"} */
    WT_METRIC_COMMIT_FAILURES,  /* wiretag_commits_total{result="failed"} */
    WT_METRIC_REBALANCES,       /* wiretag_rebalances_total */
    WT_METRIC_PAUSES,           /* wiretag_pauses_total */
    WT_METRIC_PRODUCE_ERRORS,   /* wiretag_produce_errors_total */
    WT_METRIC_BROKER_ERRORS,    /* wiretag_broker_errors_total */
    /* gauges */
    WT_METRIC_IN_FLIGHT_RECORDS,     /* wiretag_in_flight_records */
    WT_METRIC_IN_FLIGHT_BYTES,       /* wiretag_in_flight_bytes */
    WT_METRIC_IN_FLIGHT_RECORDS_MAX, /* wiretag_in_flight_records_limit */
    WT_METRIC_WAITING_RECORDS,       /* wiretag_batch_waiting_records */
    WT_METRIC_PARTITIONS,            /* wiretag_assigned_partitions */
    WT_METRIC_REPLICAS_SICK,         /* wiretag_sick_replicas: their model fails on everything */
    WT_METRIC_COUNT
};

enum wt_histogram {
    WT_HISTOGRAM_BATCH_ARTICLES, /* wiretag_batch_articles */
    WT_HISTOGRAM_INFER_SECONDS,  /* wiretag_infer_seconds: one forward call */
    WT_HISTOGRAM_RECORD_SECONDS, /* wiretag_record_seconds: consumed to acknowledged */
    WT_HISTOGRAM_COUNT
};

/* Adds to a counter or a gauge (gauges accept negative values). Thread: any. */
void wt_metric_add(enum wt_metric metric, int64_t value);

/* Sets a gauge. Thread: any. */
void wt_metric_set(enum wt_metric metric, int64_t value);

int64_t wt_metric_get(enum wt_metric metric);

/* Counts one observation, in the histogram's unit. Thread: any. */
void wt_metric_observe(enum wt_histogram histogram, double value);

/* The Prometheus text page (exposition format 0.0.4): a new NUL-terminated string, the caller
 * frees it; *bytes_out is its length. Derived series, such as wiretag_padding_ratio, are computed
 * here. Thread: any. */
char *wt_metrics_page(size_t *bytes_out);

#endif
