/* metrics_table.h: the table of all metric families.
 *
 * A family has a name, a type, label names and a help text. The table also says to which family
 * each counter, gauge and histogram of the code belongs. The page and docs/metrics.md are made from
 * it, so they cannot disagree. */
#ifndef WIRETAG_OBSERVE_METRICS_TABLE_H
#define WIRETAG_OBSERVE_METRICS_TABLE_H

#include <stddef.h>

/* In the order of the page and of docs/metrics.md. */
enum wt_family {
    /* outcomes of records */
    WT_FAMILY_RECORDS,
    WT_FAMILY_FAILURES,
    WT_FAMILY_CONSUMED_RECORDS,
    WT_FAMILY_DROPPED_RECORDS,
    WT_FAMILY_LOST_OFFSETS,
    WT_FAMILY_MISDATED,
    WT_FAMILY_CONSUMED_BYTES,
    WT_FAMILY_PRODUCED_BYTES,
    WT_FAMILY_RECORD_SECONDS,
    WT_FAMILY_STAGE_SECONDS,
    /* articles and labels */
    WT_FAMILY_LABELS,
    WT_FAMILY_LABELLED_BY_TOPIC,
    WT_FAMILY_BELOW_THRESHOLD,
    WT_FAMILY_TOKENS,
    WT_FAMILY_UNKNOWN_TOKENS,
    WT_FAMILY_UNKNOWN_TOKEN_RATIO,
    WT_FAMILY_TRUNCATED,
    WT_FAMILY_SCRIPTS,
    WT_FAMILY_WINDOWS,
    /* the model and its batches */
    WT_FAMILY_MODEL_INFO,
    WT_FAMILY_REPLICAS,
    WT_FAMILY_REPLICAS_SICK,
    WT_FAMILY_BATCHES,
    WT_FAMILY_BATCH_FAILURES,
    WT_FAMILY_BATCH_ARTICLES,
    WT_FAMILY_BATCH_FILL,
    WT_FAMILY_INFER_SECONDS,
    WT_FAMILY_COMPUTED_TOKENS,
    WT_FAMILY_PADDING_RATIO,
    /* in flight */
    WT_FAMILY_QUEUE_RECORDS,
    WT_FAMILY_IN_FLIGHT_RECORDS,
    WT_FAMILY_IN_FLIGHT_RECORDS_LIMIT,
    WT_FAMILY_IN_FLIGHT_BYTES,
    WT_FAMILY_IN_FLIGHT_BYTES_LIMIT,
    WT_FAMILY_PAUSES,
    /* the consumer group */
    WT_FAMILY_PARTITIONS,
    WT_FAMILY_PARTITIONS_DAMAGED,
    WT_FAMILY_REBALANCES,
    WT_FAMILY_LAG_RECORDS,
    WT_FAMILY_LAG_SECONDS,
    WT_FAMILY_DRAIN_SECONDS,
    /* the brokers */
    WT_FAMILY_COMMITS,
    WT_FAMILY_TRANSACTIONS,
    WT_FAMILY_PRODUCE_ERRORS,
    WT_FAMILY_PRODUCERS_REPLACED,
    WT_FAMILY_BROKER_ERRORS,
    WT_FAMILY_BROKER_REACHABLE,
    WT_FAMILY_BROKER_UP,
    /* the process */
    WT_FAMILY_READY,
    WT_FAMILY_STALLED,
    WT_FAMILY_BEAT_AGE,
    WT_FAMILY_BUILD_INFO,
    WT_FAMILY_CPU_SECONDS,
    WT_FAMILY_RESIDENT_BYTES,
    WT_FAMILY_VIRTUAL_BYTES,
    WT_FAMILY_THREADS,
    WT_FAMILY_OPEN_FDS,
    WT_FAMILY_MAX_FDS,
    WT_FAMILY_START_SECONDS,
    WT_FAMILY_COUNT
};

enum wt_metric_type { WT_COUNTER, WT_GAUGE, WT_HISTOGRAM };

#define WT_FAMILY_LABELS_MAX 5u

struct wt_family_entry {
    const char *name;
    enum wt_metric_type type;
    const char *labels[WT_FAMILY_LABELS_MAX]; /* names; the first NULL ends them */
    const char *help;
    const char *section; /* heading in docs/metrics.md; NULL: the one before */
};

/* The table. Thread: any. */
const struct wt_family_entry *wt_family_entry(enum wt_family family);

/* Counters and gauges that code uses by name. */
enum wt_metric {
    /* every record ends in exactly one of these four */
    WT_METRIC_RECORDS_LABELLED,
    WT_METRIC_RECORDS_DEAD_LETTERED,
    WT_METRIC_RECORDS_TOMBSTONES,
    WT_METRIC_RECORDS_SKIPPED,
    WT_METRIC_RECORDS_FILTERED,
    WT_METRIC_RECORDS_CONSUMED,
    WT_METRIC_RECORDS_DROPPED,
    WT_METRIC_OFFSETS_LOST,
    WT_METRIC_OFFSETS_DAMAGED,
    WT_METRIC_MISDATED_UNIT,
    WT_METRIC_MISDATED_OLD,
    WT_METRIC_MISDATED_AHEAD,
    WT_METRIC_BYTES_CONSUMED,
    WT_METRIC_BYTES_PRODUCED,
    WT_METRIC_BELOW_THRESHOLD,
    WT_METRIC_TOKENS,
    WT_METRIC_TOKENS_UNKNOWN,
    WT_METRIC_TRUNCATED,
    /* In the order of text/script.h. */
    WT_METRIC_SCRIPT_LATIN,
    WT_METRIC_SCRIPT_CYRILLIC,
    WT_METRIC_SCRIPT_GREEK,
    WT_METRIC_SCRIPT_ARMENIAN,
    WT_METRIC_SCRIPT_GEORGIAN,
    WT_METRIC_SCRIPT_HEBREW,
    WT_METRIC_SCRIPT_ARABIC,
    WT_METRIC_SCRIPT_DEVANAGARI,
    WT_METRIC_SCRIPT_THAI,
    WT_METRIC_SCRIPT_HANGUL,
    WT_METRIC_SCRIPT_KANA,
    WT_METRIC_SCRIPT_HAN,
    WT_METRIC_SCRIPT_OTHER,
    WT_METRIC_SCRIPT_NONE,
    WT_METRIC_REPLICAS,
    WT_METRIC_REPLICAS_SICK,
    WT_METRIC_BATCHES,
    WT_METRIC_BATCH_FAILURES,
    WT_METRIC_TOKENS_COMPUTED,
    WT_METRIC_QUEUE_PREPARE,
    WT_METRIC_WAITING_RECORDS, /* wiretag_queue_records{queue="batch"} */
    WT_METRIC_QUEUE_PUBLISH,
    WT_METRIC_IN_FLIGHT_RECORDS,
    WT_METRIC_IN_FLIGHT_RECORDS_MAX,
    WT_METRIC_IN_FLIGHT_BYTES,
    WT_METRIC_IN_FLIGHT_BYTES_MAX,
    WT_METRIC_PAUSES,
    WT_METRIC_PARTITIONS,
    WT_METRIC_PARTITIONS_DAMAGED,
    WT_METRIC_REBALANCES,
    WT_METRIC_COMMITS,
    WT_METRIC_COMMIT_FAILURES,
    WT_METRIC_TRANSACTIONS_COMMITTED,
    WT_METRIC_TRANSACTIONS_ABORTED,
    WT_METRIC_TRANSACTIONS_UNKNOWN,
    WT_METRIC_PRODUCE_ERRORS,
    WT_METRIC_PRODUCERS_REPLACED,
    WT_METRIC_BROKER_ERRORS,
    WT_METRIC_BROKER_REACHABLE,
    WT_METRIC_READY,
    /* one for each reason in stall.h, in that order */
    WT_METRIC_STALLED_SECURITY,
    WT_METRIC_STALLED_BROKERS,
    WT_METRIC_STALLED_RIGHTS,
    WT_METRIC_STALLED_STRATEGY,
    WT_METRIC_STALLED_GROUP,
    WT_METRIC_STALLED_INPUT_TOPIC,
    WT_METRIC_STALLED_DAMAGED,
    WT_METRIC_STALLED_REGISTRY,
    WT_METRIC_STALLED_MODEL,
    WT_METRIC_STALLED_OUTPUT_TOPIC,
    WT_METRIC_STALLED_DEAD_LETTER_TOPIC,
    WT_METRIC_STALLED_TRANSACTIONS,
    WT_METRIC_STALLED_UNKNOWN,
    WT_METRIC_COUNT,
    WT_METRIC_STALLED_FIRST = WT_METRIC_STALLED_SECURITY,
    WT_METRIC_STALLED_LAST = WT_METRIC_STALLED_UNKNOWN
};

/* A record passes the stages of wiretag_stage_seconds one after the other. */
enum wt_histogram {
    WT_HISTOGRAM_RECORD_SECONDS,
    WT_HISTOGRAM_STAGE_QUEUE,
    WT_HISTOGRAM_STAGE_DECODE,
    WT_HISTOGRAM_STAGE_TOKENIZE,
    WT_HISTOGRAM_STAGE_BATCH,
    WT_HISTOGRAM_STAGE_INFER,
    WT_HISTOGRAM_STAGE_PUBLISH,
    WT_HISTOGRAM_WINDOWS,
    WT_HISTOGRAM_BATCH_ARTICLES,
    WT_HISTOGRAM_BATCH_FILL,
    WT_HISTOGRAM_INFER_SECONDS,
    WT_HISTOGRAM_COUNT
};

#define WT_BUCKETS_MAX 15u

/* Which series of its family a metric or histogram is. */
struct wt_metric_entry {
    enum wt_family family;
    const char *label_value; /* of the family's only label; NULL: it has no label */
};

struct wt_histogram_entry {
    enum wt_family family;
    const char *label_value;
    double bounds[WT_BUCKETS_MAX]; /* rising; the first 0 ends them; +Inf is implied */
};

const struct wt_metric_entry *wt_metric_entry(enum wt_metric metric);
const struct wt_histogram_entry *wt_histogram_entry(enum wt_histogram histogram);

#endif
