/* bench_pipeline.c: measures every stage of the worker alone, then all of them from Kafka to
 * Kafka. */
#include "base/alloc.h"
#include "base/clock.h"
#include "check/preflight.h"
#include "cli/bench/bench_stages.h"
#include "cli/bench/bench_topics.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "config/config_load.h"
#include "observe/exit_limit.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARTITIONS_DEFAULT 6u

/* The measurement fails if nothing is labelled for this long. Starting the worker may take as
 * long. */
#define STALL_US (INT64_C(180) * 1000000)
#define POLL_MS 5

static void print_help(void)
{
    (void)printf(
        "Measures each stage of the worker alone, then all together from Kafka to Kafka, on two\n"
        "topics that it creates on your brokers and deletes afterwards.\n"
        "\n"
        "Usage: wiretag bench pipeline -c FILE --input FILE.jsonl [OPTION]...\n"
        "\n"
        "  -c, --config FILE  the worker's configuration; topics, group and dead letters are\n"
        "                     replaced, everything else applies\n"
        "  --set KEY=VALUE    overrides one key, as in wiretag run\n"
        "  --input FILE       input records, one a line; repeated as needed\n"
        "  --seconds S        how long the model and the worker run, about (default 10)\n"
        "  --articles N       this many records instead\n"
        "  --partitions N     of the topics (default 6)\n"
        "  --help             this text\n"
        "\n"
        "Prints a JSON line for each stage, "
        "{\"stage\",\"articles\",\"seconds\",\"articles_per_s\"}; the\n"
        "line of the stage pipeline has over_model too: its rate over that of the model in a bare\n"
        "loop over the same articles. It counts from the first labelled records to the last.\n"
        "\n"
        "Example:\n"
        "  wiretag bench pipeline -c config/wiretag.yaml --input data/samples.jsonl \\\n"
        "    --set kafka.common.bootstrap.servers=127.0.0.1:9092\n");
}

struct options {
    struct wt_cli_config given;
    const char *input;
    uint32_t seconds;
    uint32_t articles; /* 0: limited by `seconds` */
    uint32_t partitions;
};

struct bench {
    const struct options *options;
    struct wt_config *config;
    struct wt_model *model;
    struct wt_bench_topics *topics;
    struct wt_bench_stages *stages;
    double model_rate;
};

/* --- configuration and input ----------------------------------------------------------------- */

/* The user's configuration with topics and a group made for this run. */
static enum wt_status load_config(struct bench *bench, struct wt_error *error)
{
    const struct options *options = bench->options;
    char own[9][128];
    /* The uptime in microseconds: a name that no other run on these brokers uses. */
    unsigned long long number = (unsigned long long)wt_clock_us();
    size_t count = 0;
    (void)snprintf(own[count++], sizeof own[0], "input.topics=[wiretag-bench-%llx-in]", number);
    (void)snprintf(own[count++], sizeof own[0], "output.topic=wiretag-bench-%llx-out", number);
    (void)snprintf(own[count++], sizeof own[0], "output.routes=[]");
    (void)snprintf(own[count++], sizeof own[0], "kafka.consumer.group.id=wiretag-bench-%llx",
                   number);
    (void)snprintf(own[count++], sizeof own[0], "kafka.consumer.auto.offset.reset=earliest");
    (void)snprintf(own[count++], sizeof own[0], "delivery.transactional_id=auto");
    (void)snprintf(own[count++], sizeof own[0], "output.timestamp=now");
    (void)snprintf(own[count++], sizeof own[0], "dead_letter=null");
    (void)snprintf(own[count++], sizeof own[0], "on_error=skip");
    struct wt_config_override *all = wt_alloc_zeroed(options->given.set_count + count, sizeof *all);
    memcpy(all, options->given.sets, options->given.set_count * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[options->given.set_count + i].text = own[i];
    }
    enum wt_status status = wt_config_load(options->given.path, all,
                                           options->given.set_count + count, &bench->config, error);
    free(all);
    return status;
}

/* --- the whole ------------------------------------------------------------------------------- */

struct worker {
    struct wt_pipeline *pipeline;
    pthread_t thread;
    atomic_bool ended;
    enum wt_status status;
    struct wt_error error;
};

static void *run_worker(void *opaque)
{
    struct worker *worker = opaque;
    worker->status = wt_pipeline_run(worker->pipeline, &worker->error);
    atomic_store(&worker->ended, true);
    return NULL;
}

/* Waits until the worker has labelled all records. False: it ended, or made no progress. */
static bool watch(const struct worker *worker, uint32_t count, uint64_t *measured_out,
                  double *seconds_out)
{
    uint64_t first = 0;
    uint64_t seen = 0;
    int64_t first_us = 0;
    int64_t seen_us = wt_clock_us();
    while (seen < count && !atomic_load(&worker->ended)) {
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        uint64_t done = (uint64_t)wt_metric_ended_records();
        int64_t now_us = wt_clock_us();
        if (done > seen) {
            seen = done;
            seen_us = now_us;
        } else if (now_us - seen_us > STALL_US) {
            return false;
        }
        if (first == 0 && done > 0) {
            first = done;
            first_us = now_us;
        }
    }
    *measured_out = seen - first;
    *seconds_out = (double)(seen_us - first_us) * 1e-6;
    return seen >= count;
}

static void print_pipeline(const struct bench *bench, uint64_t measured, double seconds)
{
    char more[160];
    int64_t tokens = wt_metric_get(WT_METRIC_TOKENS);
    int64_t computed = wt_metric_get(WT_METRIC_TOKENS_COMPUTED);
    double over_model = (double)measured / (seconds > 1e-6 ? seconds : 1e-6) / bench->model_rate;
    (void)snprintf(more, sizeof more, ",\"padding\":%.4f,\"guarantee\":\"%s\",\"over_model\":%.3f",
                   computed > 0 ? 1.0 - (double)tokens / (double)computed : 0.0,
                   bench->config->delivery.guarantee == WT_EXACTLY_ONCE ? "exactly-once"
                                                                        : "at-least-once",
                   over_model);
    wt_bench_stages_print("pipeline", measured, seconds, more);
    wt_cli_print_table("from Kafka to Kafka: %.3f of the model in a bare loop\n", over_model);
}

static enum wt_status bench_whole(struct bench *bench, uint32_t count, struct wt_error *error)
{
    const struct wt_pipeline_source everything = {0};
    struct worker worker = {0};
    uint64_t measured = 0;
    double seconds = 0.0;
    enum wt_status status =
        wt_pipeline_create(bench->config, bench->model, &everything, &worker.pipeline, error);
    if (status != WT_OK) {
        return status;
    }
    if (pthread_create(&worker.thread, NULL, run_worker, &worker) != 0) {
        wt_pipeline_destroy(worker.pipeline);
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "a thread for the worker cannot be started");
    }
    bool all = watch(&worker, count, &measured, &seconds);
    wt_pipeline_stop(worker.pipeline);
    (void)pthread_join(worker.thread, NULL);
    wt_pipeline_destroy(worker.pipeline);
    if (worker.status != WT_OK) {
        *error = worker.error;
        return worker.status;
    }
    if (!all) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "stalled",
                            "the worker labelled %" PRId64 " of %" PRIu32
                            " records, then none for %d s",
                            wt_metric_ended_records(), count, (int)(STALL_US / 1000000));
    }
    if (measured == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "articles",
                            "all %" PRIu32 " records came out at once: too few to measure a rate; "
                            "raise --articles or --seconds",
                            count);
    }
    print_pipeline(bench, measured, seconds);
    return WT_OK;
}

/* --- the command ----------------------------------------------------------------------------- */

static enum wt_status bench_all(struct bench *bench, struct wt_error *error)
{
    const struct wt_config *config = bench->config;
    uint32_t count = bench->options->articles;
    enum wt_status status = wt_preflight(config, error);
    if (status == WT_OK) {
        status = wt_bench_topics_create(config, bench->options->partitions, &bench->topics, error);
    }
    if (status == WT_OK) {
        status = wt_cli_configured_model("bench pipeline", config, false, &bench->model, error);
    }
    if (status == WT_OK) {
        status = wt_bench_stages_create(bench->options->input, config, bench->model, bench->topics,
                                        &bench->stages, error);
    }
    if (status == WT_OK && count == 0) {
        status = wt_bench_stages_count(bench->stages, bench->options->seconds, &count, error);
    }
    if (status == WT_OK) {
        status = wt_bench_stages_run(bench->stages, count, &bench->model_rate, error);
    }
    wt_bench_stages_destroy(bench->stages);
    if (status == WT_OK) {
        status = bench_whole(bench, count, error);
    }
    wt_model_destroy(bench->model);
    wt_bench_topics_destroy(bench->topics);
    return status;
}

/* A signal arrived: delete the topics, so that nothing is left on the brokers. */
static void leave(void *opaque)
{
    (void)opaque;
    wt_exit_limit_set(WT_EXIT_MS_MAX, WT_EXIT_FAILED, "deleting the topics wiretag-bench-*");
    wt_bench_topics_leave();
    wt_exit_now();
}

static int bench_pipeline(const struct options *options)
{
    struct bench bench = {.options = options};
    struct wt_error error;
    enum wt_status status = load_config(&bench, &error);
    if (status != WT_OK) {
        (void)wt_cli_fail("bench pipeline", WT_INVALID, &error);
        return WT_EXIT_USAGE;
    }
    wt_log_init(WT_LOG_WARN, bench.config->log.format);
    wt_signals_block();
    status = wt_signals_start("bench pipeline", leave, NULL, &error);
    if (status == WT_OK) {
        status = bench_all(&bench, &error);
    }
    wt_log_flush();
    wt_config_destroy(bench.config);
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("bench pipeline", status, &error);
}

int wt_cli_bench_pipeline(int argc, char **argv)
{
    struct options options = {
        .given = wt_cli_config_begin(argc), .seconds = 10, .partitions = PARTITIONS_DEFAULT};
    const struct wt_cli_option own[] = {
        {"input", .text = &options.input},
        {"seconds", .number = &options.seconds, .low = 1, .high = 86400},
        {"articles", .number = &options.articles, .low = 1, .high = WT_BENCH_RECORDS_MAX},
        {"partitions", .number = &options.partitions, .low = 1, .high = 10000}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("bench pipeline", print_help, own),
                                        .config = &options.given};
    int exit_status;
    if (wt_cli_options_read(&line, argc, argv, &exit_status)) {
        exit_status = options.given.path != NULL && options.input != NULL
                          ? bench_pipeline(&options)
                          : wt_cli_usage("bench pipeline", "-c FILE and --input FILE are needed");
    }
    wt_cli_config_free(&options.given);
    return exit_status;
}
