#include "base/metrics.h"

#include "base/alloc.h"
#include "base/process.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>

enum type { COUNTER, GAUGE };

/* Series of one name stand together: the page names and explains each name once. */
static const struct series {
    const char *name;
    const char *labels; /* with braces; "" for none */
    enum type type;
    const char *help;
} table[WT_METRIC_COUNT] = {
    [WT_METRIC_RECORDS_LABELLED] = {"wiretag_records_total", "{outcome=\"labelled\"}", COUNTER,
                                    "Records by what became of them; each is counted once, when "
                                    "its outcome is acknowledged."},
    [WT_METRIC_RECORDS_DEAD_LETTERED] = {"wiretag_records_total", "{outcome=\"dead_lettered\"}",
                                         COUNTER, ""},
    [WT_METRIC_RECORDS_TOMBSTONES] = {"wiretag_records_total", "{outcome=\"tombstone\"}", COUNTER,
                                      ""},
    [WT_METRIC_RECORDS_SKIPPED] = {"wiretag_records_total", "{outcome=\"skipped\"}", COUNTER, ""},
    [WT_METRIC_RECORDS_CONSUMED] = {"wiretag_consumed_records_total", "", COUNTER,
                                    "Records received from the input topics, again after a "
                                    "restart or rebalance."},
    [WT_METRIC_RECORDS_DROPPED] = {"wiretag_dropped_records_total", "", COUNTER,
                                   "Records given back uncommitted because their partition went "
                                   "to another worker."},
    [WT_METRIC_BYTES_CONSUMED] = {"wiretag_consumed_bytes_total", "", COUNTER,
                                  "Bytes of keys and values received."},
    [WT_METRIC_BYTES_PRODUCED] = {"wiretag_produced_bytes_total", "", COUNTER,
                                  "Bytes of values published."},
    [WT_METRIC_TOKENS] = {"wiretag_tokens_total", "", COUNTER,
                          "Tokens of articles given to the model, without padding."},
    [WT_METRIC_TOKENS_UNKNOWN] = {"wiretag_unknown_tokens_total", "", COUNTER,
                                  "Tokens that the vocabulary does not know."},
    [WT_METRIC_TOKENS_COMPUTED] = {"wiretag_computed_tokens_total", "", COUNTER,
                                   "Tokens the model computed, padding included."},
    [WT_METRIC_TRUNCATED] = {"wiretag_truncated_articles_total", "", COUNTER,
                             "Articles cut to the model's longest length."},
    [WT_METRIC_BATCHES] = {"wiretag_batches_total", "", COUNTER, "Batches given to the model."},
    [WT_METRIC_BATCH_FAILURES] = {"wiretag_batch_failures_total", "", COUNTER,
                                  "Batches that failed and were halved or given up."},
    [WT_METRIC_COMMITS] = {"wiretag_commits_total", "{result=\"ok\"}", COUNTER,
                           "Offset commits by result."},
    [WT_METRIC_COMMIT_FAILURES] = {"wiretag_commits_total", "{result=\"failed\"}", COUNTER, ""},
    [WT_METRIC_REBALANCES] = {"wiretag_rebalances_total", "", COUNTER,
                              "Changes of this worker's partitions."},
    [WT_METRIC_PAUSES] = {"wiretag_pauses_total", "", COUNTER,
                          "Times consuming was paused because the in-flight bound was reached."},
    [WT_METRIC_PRODUCE_ERRORS] = {"wiretag_produce_errors_total", "", COUNTER,
                                  "Records the broker or the producer refused."},
    [WT_METRIC_BROKER_ERRORS] = {"wiretag_broker_errors_total", "", COUNTER,
                                 "Errors reported by the Kafka clients."},
    [WT_METRIC_IN_FLIGHT_RECORDS] = {"wiretag_in_flight_records", "", GAUGE,
                                     "Records between consumption and acknowledgement."},
    [WT_METRIC_IN_FLIGHT_BYTES] = {"wiretag_in_flight_bytes", "", GAUGE,
                                   "Bytes those records count for."},
    [WT_METRIC_IN_FLIGHT_RECORDS_MAX] = {"wiretag_in_flight_records_limit", "", GAUGE,
                                         "Records allowed in flight now; follows the model's "
                                         "measured rate."},
    [WT_METRIC_WAITING_RECORDS] = {"wiretag_batch_waiting_records", "", GAUGE,
                                   "Tokenized records waiting for a batch."},
    [WT_METRIC_REPLICAS_SICK] = {"wiretag_sick_replicas", "", GAUGE,
                                 "Model replicas that fail on everything, their own probe too."},
    [WT_METRIC_PARTITIONS] = {"wiretag_assigned_partitions", "", GAUGE,
                              "Input partitions this worker owns."},
};

#define BUCKETS_MAX 16u

static const struct {
    const char *name;
    const char *help;
    double bounds[BUCKETS_MAX]; /* rising; the first 0 ends them; +Inf follows by itself */
} histogram_table[WT_HISTOGRAM_COUNT] = {
    [WT_HISTOGRAM_BATCH_ARTICLES] = {"wiretag_batch_articles",
                                     "Articles in a batch.",
                                     {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}},
    [WT_HISTOGRAM_INFER_SECONDS] = {"wiretag_infer_seconds",
                                    "Time of one call of the model.",
                                    {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                     2.5, 5, 10, 30, 60}},
    [WT_HISTOGRAM_RECORD_SECONDS] = {"wiretag_record_seconds",
                                     "Time from consuming a record to the acknowledgement of what "
                                     "became of it.",
                                     {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
                                      60, 120, 300}},
};

/* A cache line each: threads that count different things do not slow one another down. */
static struct {
    alignas(64) _Atomic int64_t value;
} values[WT_METRIC_COUNT];

static struct {
    alignas(64) _Atomic uint64_t counts[BUCKETS_MAX + 1]; /* each of its own bucket alone */
    _Atomic double sum;
} histograms[WT_HISTOGRAM_COUNT];

void wt_metric_add(enum wt_metric metric, int64_t value)
{
    assert(metric < WT_METRIC_COUNT);
    assert(value >= 0 || table[metric].type == GAUGE);
    atomic_fetch_add_explicit(&values[metric].value, value, memory_order_relaxed);
}

void wt_metric_set(enum wt_metric metric, int64_t value)
{
    assert(metric < WT_METRIC_COUNT && table[metric].type == GAUGE);
    atomic_store_explicit(&values[metric].value, value, memory_order_relaxed);
}

int64_t wt_metric_get(enum wt_metric metric)
{
    assert(metric < WT_METRIC_COUNT);
    return atomic_load_explicit(&values[metric].value, memory_order_relaxed);
}

static size_t bucket_count(enum wt_histogram histogram)
{
    size_t count = 0;
    while (count < BUCKETS_MAX && histogram_table[histogram].bounds[count] > 0) {
        count++;
    }
    return count;
}

void wt_metric_observe(enum wt_histogram histogram, double value)
{
    assert(histogram < WT_HISTOGRAM_COUNT && value >= 0);
    size_t bucket = 0;
    size_t count = bucket_count(histogram);
    while (bucket < count && value > histogram_table[histogram].bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histograms[histogram].counts[bucket], 1, memory_order_relaxed);
    double sum = atomic_load_explicit(&histograms[histogram].sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&histograms[histogram].sum, &sum, sum + value,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void write_head(FILE *page, const char *name, const char *type, const char *help)
{
    (void)fprintf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_series(FILE *page)
{
    for (size_t i = 0; i < WT_METRIC_COUNT; i++) {
        const struct series *series = &table[i];
        if (series->help[0] != '\0') {
            write_head(page, series->name, series->type == COUNTER ? "counter" : "gauge",
                       series->help);
        }
        (void)fprintf(page, "%s%s %lld\n", series->name, series->labels,
                      (long long)wt_metric_get((enum wt_metric)i));
    }
}

static void write_histogram(FILE *page, enum wt_histogram histogram)
{
    const char *name = histogram_table[histogram].name;
    write_head(page, name, "histogram", histogram_table[histogram].help);
    size_t count = bucket_count(histogram);
    unsigned long long total = 0;
    for (size_t i = 0; i < count; i++) {
        total += atomic_load_explicit(&histograms[histogram].counts[i], memory_order_relaxed);
        (void)fprintf(page, "%s_bucket{le=\"%g\"} %llu\n", name,
                      histogram_table[histogram].bounds[i], total);
    }
    total += atomic_load_explicit(&histograms[histogram].counts[count], memory_order_relaxed);
    (void)fprintf(page, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name, total,
                  name, atomic_load_explicit(&histograms[histogram].sum, memory_order_relaxed),
                  name, total);
}

static void write_gauge(FILE *page, const char *name, double value, const char *help)
{
    write_head(page, name, "gauge", help);
    (void)fprintf(page, "%s %.15g\n", name, value);
}

/* `part` of `whole`; 0 before anything was counted. The two are read one after the other, so that
 * a part counted in between may exceed the whole for a moment. */
static double ratio(int64_t part, int64_t whole)
{
    return whole <= 0 || part <= 0 ? 0 : part >= whole ? 1 : (double)part / (double)whole;
}

static void write_derived(FILE *page)
{
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    int64_t unknown = wt_metric_get(WT_METRIC_TOKENS_UNKNOWN);
    write_gauge(page, "wiretag_padding_ratio", ratio(computed - tokens, computed),
                "Share of padding in the computed tokens since the start.");
    write_gauge(page, "wiretag_unknown_token_ratio", ratio(unknown, tokens),
                "Share of unknown tokens in the articles' tokens since the start.");
}

static void write_process(FILE *page)
{
    struct wt_process process = wt_process_read();
    write_head(page, "process_cpu_seconds_total", "counter", "User and system processor time.");
    (void)fprintf(page, "process_cpu_seconds_total %.15g\n", process.cpu_seconds);
    write_gauge(page, "process_resident_memory_bytes", (double)process.resident_bytes,
                "Resident memory.");
    write_gauge(page, "process_virtual_memory_bytes", (double)process.virtual_bytes,
                "Virtual memory.");
    write_gauge(page, "process_threads", process.threads, "Threads.");
    write_gauge(page, "process_open_fds", process.open_fds, "Open file descriptors.");
    write_gauge(page, "process_max_fds", (double)process.open_fds_max, "File descriptors allowed.");
    write_gauge(page, "process_start_time_seconds", process.start_seconds,
                "Start of the process in seconds since 1970-01-01 UTC.");
}

char *wt_metrics_page(size_t *bytes_out)
{
    char *text = NULL;
    FILE *page = open_memstream(&text, bytes_out);
    if (page == NULL) {
        *bytes_out = 0;
        return wt_strdup("");
    }
    write_series(page);
    for (size_t i = 0; i < WT_HISTOGRAM_COUNT; i++) {
        write_histogram(page, (enum wt_histogram)i);
    }
    write_derived(page);
    write_head(page, "wiretag_build_info", "gauge", "The version; the value is always 1.");
    (void)fprintf(page, "wiretag_build_info{version=\"%s\"} 1\n", WIRETAG_VERSION);
    write_process(page);
    (void)fclose(page);
    return text;
}
