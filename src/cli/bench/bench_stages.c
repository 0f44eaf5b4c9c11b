#include "cli/bench/bench_stages.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/errno_text.h"
#include "cli/bench/bench_loop.h"
#include "cli/cli.h"
#include "codec/encode.h"
#include "pipeline/auto_limits.h"
#include "record/partition.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of articles timed to find out how many to measure with. */
#define TRIAL_ARTICLES 64u

struct wt_bench_stages {
    const char *path;
    const struct wt_config *config;
    struct wt_model *model;
    struct wt_bench_topics *topics;
    struct wt_partition source; /* the source of the records made here */
    char **lines;
    size_t line_count;
    struct wt_record_list records;
    double model_rate;
};

/* --- input ----------------------------------------------------------------------------------- */

static enum wt_status read_lines(struct wt_bench_stages *stages, struct wt_error *error)
{
    FILE *file = fopen(stages->path, "re");
    if (file == NULL) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "input", "%s cannot be read: %s",
                            stages->path, wt_errno_text(errno));
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    size_t lines_max = 0;
    while ((length = getline(&line, &capacity, file)) >= 0) {
        if (length > 0 && line[length - 1] == '\n') {
            line[--length] = '\0';
        }
        if (length == 0) {
            continue;
        }
        if (stages->line_count == lines_max) {
            lines_max = lines_max * 2 + 256;
            stages->lines = wt_realloc(stages->lines, lines_max * sizeof *stages->lines);
        }
        stages->lines[stages->line_count++] = wt_strdup(line);
    }
    free(line);
    (void)fclose(file);
    return stages->line_count > 0 ? WT_OK
                                  : wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "input",
                                                 "%s has no records", stages->path);
}

/* Makes records as Kafka would deliver them: the lines in order, then again from the first. */
static void make_records(struct wt_bench_stages *stages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *line = stages->lines[i % stages->line_count];
        struct wt_record *record = wt_record_create(NULL, 0, line, strlen(line), NULL, 0);
        record->source = &stages->source;
        record->offset = i;
        wt_record_list_append(&stages->records, &record);
    }
}

/* --- single stages --------------------------------------------------------------------------- */

void wt_bench_stages_print(const char *stage, uint64_t articles, double seconds, const char *more)
{
    double rate = (double)articles / (seconds > 1e-6 ? seconds : 1e-6);
    (void)printf("{\"stage\":\"%s\",\"articles\":%" PRIu64 ",\"seconds\":%.3f,"
                 "\"articles_per_s\":%.1f%s}\n",
                 stage, articles, seconds, rate, more);
    (void)fflush(stdout);
    wt_cli_print_table("%-10s %10" PRIu64 " %10.2f %14.1f\n", stage, articles, seconds, rate);
}

static double since(int64_t start_us)
{
    return (double)(wt_clock_us() - start_us) * 1e-6;
}

static enum wt_status prepare(struct wt_bench_stages *stages, bool print, struct wt_error *error)
{
    struct wt_bench_prepared spent;
    uint32_t count = stages->records.count;
    enum wt_status status =
        wt_bench_prepare(stages->config, stages->model, &stages->records, &spent, error);
    if (status == WT_OK && stages->records.count == 0) {
        status = wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "input",
                              "%s holds no record with an article, as the section input of the "
                              "configuration says",
                              stages->path);
    }
    if (status == WT_OK && print) {
        wt_bench_stages_print("decode", count, spent.decode_seconds, "");
        wt_bench_stages_print("tokenize", stages->records.count, spent.tokenize_seconds, "");
    }
    return status;
}

static enum wt_status run_model(struct wt_bench_stages *stages, struct wt_bench_rate *rate,
                                struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(stages->model);
    struct wt_bench_loop loop = {.model = stages->model,
                                 .replicas = wt_auto_replicas(stages->config, info),
                                 .limits = wt_auto_batch_limits(stages->config, info)};
    return wt_bench_loop_run(&loop, &stages->records, rate, error);
}

enum wt_status wt_bench_stages_count(struct wt_bench_stages *stages, uint32_t seconds,
                                     uint32_t *count_out, struct wt_error *error)
{
    struct wt_bench_rate rate;
    make_records(stages, TRIAL_ARTICLES);
    enum wt_status status = prepare(stages, false, error);
    if (status == WT_OK) {
        status = run_model(stages, &rate, error);
    }
    wt_record_list_clear(&stages->records);
    if (status == WT_OK) {
        double wanted = rate.articles_per_s * seconds;
        *count_out = wanted > WT_BENCH_RECORDS_MAX ? WT_BENCH_RECORDS_MAX
                     : wanted < TRIAL_ARTICLES     ? TRIAL_ARTICLES
                                                   : (uint32_t)wanted;
    }
    return status;
}

static enum wt_status bench_model_stage(struct wt_bench_stages *stages, struct wt_error *error)
{
    struct wt_bench_rate rate;
    char more[1200];
    enum wt_status status = run_model(stages, &rate, error);
    if (status == WT_OK) {
        const struct wt_model_info *info = wt_model_info(stages->model);
        stages->model_rate = rate.articles_per_s;
        (void)snprintf(more, sizeof more,
                       ",\"padding\":%.4f,\"device\":\"%s\",\"precision\":\"%s\",\"kernels\":\"%s\""
                       ",\"precision_why\":\"%s\",\"replicas\":%" PRIu32,
                       wt_bench_padding(&rate), info->device, info->precision, info->kernels,
                       info->precision_why, wt_auto_replicas(stages->config, info));
        wt_bench_stages_print("model", rate.articles, rate.seconds, more);
    }
    return status;
}

static void bench_encode(struct wt_bench_stages *stages)
{
    struct wt_encoder *encoder = wt_encoder_create(stages->config, wt_model_info(stages->model));
    int64_t start_us = wt_clock_us();
    for (struct wt_record *record = stages->records.first; record != NULL; record = record->next) {
        if (record->outcome == WT_OUTCOME_LABELLED) {
            wt_encode(encoder, record);
        }
    }
    wt_bench_stages_print("encode", stages->records.count, since(start_us), "");
    wt_encoder_destroy(encoder);
}

static enum wt_status run_all(struct wt_bench_stages *stages, uint32_t count,
                              struct wt_error *error)
{
    make_records(stages, count);
    enum wt_status status = wt_bench_topics_fill(stages->topics, false, &stages->records, error);
    double seconds = 0.0;
    if (status == WT_OK) {
        status = wt_bench_topics_drain(stages->topics, count, &seconds, error);
    }
    if (status == WT_OK) {
        wt_bench_stages_print("consume", count, seconds, "");
        status = prepare(stages, true, error);
    }
    if (status == WT_OK) {
        status = bench_model_stage(stages, error);
    }
    if (status != WT_OK) {
        return status;
    }
    bench_encode(stages);
    int64_t start_us = wt_clock_us();
    status = wt_bench_topics_fill(stages->topics, true, &stages->records, error);
    if (status == WT_OK) {
        wt_bench_stages_print("publish", stages->records.count, since(start_us), "");
    }
    return status;
}

enum wt_status wt_bench_stages_run(struct wt_bench_stages *stages, uint32_t count,
                                   double *model_rate_out, struct wt_error *error)
{
    wt_cli_print_table("%-10s %10s %10s %14s\n", "stage", "articles", "seconds", "articles/s");
    enum wt_status status = run_all(stages, count, error);
    wt_record_list_clear(&stages->records);
    *model_rate_out = stages->model_rate;
    return status;
}

/* --- life ------------------------------------------------------------------------------------ */

enum wt_status wt_bench_stages_create(const char *path, const struct wt_config *config,
                                      struct wt_model *model, struct wt_bench_topics *topics,
                                      struct wt_bench_stages **stages_out, struct wt_error *error)
{
    struct wt_bench_stages *stages = wt_alloc_zeroed(1, sizeof *stages);
    stages->path = path;
    stages->config = config;
    stages->model = model;
    stages->topics = topics;
    stages->source.topic = "bench";
    enum wt_status status = read_lines(stages, error);
    if (status != WT_OK) {
        wt_bench_stages_destroy(stages);
        return status;
    }
    *stages_out = stages;
    return WT_OK;
}

void wt_bench_stages_destroy(struct wt_bench_stages *stages)
{
    if (stages == NULL) {
        return;
    }
    wt_record_list_clear(&stages->records);
    for (size_t i = 0; i < stages->line_count; i++) {
        free(stages->lines[i]);
    }
    free(stages->lines);
    free(stages);
}
