/* bench_model.c: measures the model alone, in the batches that the worker would make. */
#include "base/alloc.h"
#include "cli/bench/bench_articles.h"
#include "cli/bench/bench_loop.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "observe/progress.h"
#include "wiretag/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(void)
{
    (void)printf(
        "Runs articles through the model in batches as the worker makes them, without Kafka.\n\n"
        "Usage: wiretag bench model --model BUNDLE (--input FILE.jsonl | --shapes RxT,...)\n\n"
        "  --model BUNDLE    the model\n"
        "  --input FILE      articles, {\"id\",\"text\"} a line\n"
        "  --shapes RxT,...  instead: made-up batches of R articles of T tokens, one shape\n"
        "                    after the other, such as 1x64,8x128; -: from stdin, a line\n"
        "                    at a time\n"
        "  --seconds S       how long each shape is measured (default 1)\n"
        "  --device D        auto (default), cpu, cuda or cuda:N\n"
        "  --precision P     auto (default), or as model.precision\n"
        "  --kernels K       auto (default), or as model.kernels\n"
        "  --replicas N      threads that run the model side by side (default 1)\n"
        "  --threads N       CPU threads of each of them (default 1)\n"
        "  --batch-tokens N  tokens of one batch, padding included (default 1024)\n"
        "  --batch-articles N  articles of one batch at most (default 64)\n"
        "  --articles N      how many to run: spread over the input, or repeating it\n"
        "                    (default: once)\n"
        "  --help            this text\n\n"
        "Prints a JSON line: {\"stage\":\"model\",\"load_seconds\",\"articles\",\"padding\",\n"
        "\"seconds\",\"articles_per_s\",...}, for each shape with \"shape\" and\n"
        "\"ms_per_batch\". The clock starts when every replica is warm.\n\n"
        "Example:\n"
        "  wiretag bench model --model models/demo.pt --input data/samples.jsonl\n");
}

struct model_options {
    const char *model;
    const char *input;
    const char *shapes;
    const char *device;
    const char *precision;
    const char *kernels;
    uint32_t seconds;
    uint32_t replicas;
    uint32_t threads;
    uint32_t batch_tokens;
    uint32_t batch_articles;
    uint32_t articles; /* 0: the input once */
};

/* Prints the beginning of every result line. */
static void print_setting(const struct model_options *options, const struct wt_model *model)
{
    const struct wt_model_info *info = wt_model_info(model);
    const struct wt_model_load_seconds *took = &info->load_seconds;
    (void)printf("{\"stage\":\"model\",\"device\":\"%s\",\"precision\":\"%s\",\"kernels\":\"%s\""
                 ",\"precision_why\":\"%s\",\"operators\":\"%s\",\"replicas\":%" PRIu32
                 ",\"threads\":%" PRIu32 ",\"load_seconds\":{\"reading\":%.3f,\"loading\":%.3f"
                 ",\"preparing\":%.3f,\"selftest\":%.3f}",
                 info->device, info->precision, info->kernels, info->precision_why, info->operators,
                 options->replicas, options->threads, took->reading, took->loading, took->preparing,
                 took->selftest);
}

/* --- articles -------------------------------------------------------------------------------- */

static enum wt_status bench_articles(const struct model_options *options, struct wt_model *model,
                                     struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct wt_bench_loop loop = {.model = model,
                                 .replicas = options->replicas,
                                 .limits = {.tokens_max = options->batch_tokens,
                                            .articles_max = options->batch_articles,
                                            .length_max = info->tokens_max,
                                            .pad_to = info->pad_to,
                                            .equal_lengths_only = info->equal_lengths_only}};
    struct wt_bench_articles *articles = NULL;
    struct wt_record_list records = {0};
    struct wt_bench_rate rate;
    enum wt_status status =
        wt_bench_articles_read(options->input, model, UINT32_MAX, &articles, error);
    if (status != WT_OK) {
        return status;
    }
    uint32_t count = options->articles > 0 ? options->articles : wt_bench_articles_count(articles);
    wt_bench_articles_take(articles, count, &records);
    loop.progress = wt_progress_create("bench model", "running the model", false);
    status = wt_bench_loop_run(&loop, &records, &rate, error);
    wt_progress_destroy(loop.progress);
    if (status == WT_OK) {
        print_setting(options, model);
        (void)printf(",\"batch_tokens\":%" PRIu32 ",\"articles\":%" PRIu64 ",\"tokens\":%" PRIu64
                     ",\"batches\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"padding\":%.4f"
                     ",\"seconds\":%.3f,\"articles_per_s\":%.1f}\n",
                     options->batch_tokens, rate.articles, rate.tokens, rate.batches, rate.failures,
                     wt_bench_padding(&rate), rate.seconds, rate.articles_per_s);
        wt_cli_print_table("%8s %8s %9s %9s\n%8.1f %8" PRIu64 " %8.1f%% %9.1f\n", "seconds",
                           "batches", "padding", "articles/s", rate.seconds, rate.batches,
                           100.0 * wt_bench_padding(&rate), rate.articles_per_s);
    }
    wt_record_list_clear(&records);
    wt_bench_articles_destroy(articles);
    return status;
}

/* --- shapes ---------------------------------------------------------------------------------- */

#define SHAPES_MAX 64u

struct shape {
    uint32_t rows;
    uint32_t width;
};

/* Parses the next "RxT" from `*text` and moves on. False: it is not a shape that the model can
 * run. */
static bool next_shape(char **text, uint32_t width_max, struct shape *shape_out)
{
    char *rows = strsep(text, ",");
    char *width = strchr(rows, 'x');
    if (width == NULL) {
        return false;
    }
    *width++ = '\0';
    return wt_cli_number(rows, 1, 65536, &shape_out->rows) &&
           wt_cli_number(width, 1, width_max, &shape_out->width);
}

static enum wt_status bench_shape(const struct model_options *options, struct wt_model *model,
                                  const struct shape *shape, struct wt_error *error)
{
    struct wt_bench_loop loop = {.model = model, .replicas = options->replicas};
    struct wt_bench_rate rate;
    enum wt_status status = wt_bench_loop_shape(&loop, shape->rows, shape->width,
                                                (double)options->seconds, &rate, error);
    if (status != WT_OK) {
        return status;
    }
    double ms_per_batch =
        1e3 * options->replicas * (double)shape->rows / (rate.articles_per_s + 1e-9);
    print_setting(options, model);
    (void)printf(",\"shape\":\"%" PRIu32 "x%" PRIu32 "\",\"batches\":%" PRIu64
                 ",\"seconds\":%.3f,\"ms_per_batch\":%.3f,\"articles_per_s\":%.2f}\n",
                 shape->rows, shape->width, rate.batches, rate.seconds, ms_per_batch,
                 rate.articles_per_s);
    (void)fflush(stdout);
    wt_cli_print_table("%5" PRIu32 "x%-5" PRIu32 " %12.2f %10.1f\n", shape->rows, shape->width,
                       ms_per_batch, rate.articles_per_s);
    return WT_OK;
}

static enum wt_status bad_shapes(const char *given, uint32_t width_max, struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "shapes",
                        "--shapes %s: a shape is ARTICLESxTOKENS, such as 8x128, of at most "
                        "%" PRIu32 " tokens for this model, and there are %u at most",
                        given, width_max, SHAPES_MAX);
}

/* All shapes are checked before the first is measured. */
static enum wt_status bench_shapes(const struct model_options *options, struct wt_model *model,
                                   const char *given, struct wt_error *error)
{
    uint32_t width_max = wt_model_info(model)->tokens_max;
    char *copy = wt_strdup(given);
    char *rest = copy;
    struct shape shapes[SHAPES_MAX];
    uint32_t count = 0;
    bool good = true;
    while (good && rest != NULL) {
        good = count < SHAPES_MAX && next_shape(&rest, width_max, &shapes[count]);
        count++;
    }
    free(copy);
    enum wt_status status = good ? WT_OK : bad_shapes(given, width_max, error);
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        status = bench_shape(options, model, &shapes[i], error);
    }
    return status;
}

/* "-" reads shapes from stdin, one at a time, so that a program that compares engines can run them
 * in turns. */
static enum wt_status bench_shapes_from_stdin(const struct model_options *options,
                                              struct wt_model *model, struct wt_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    enum wt_status status = WT_OK;
    while (status == WT_OK && getline(&line, &capacity, stdin) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        status = bench_shapes(options, model, line, error);
    }
    free(line);
    return status;
}

static enum wt_status bench_all_shapes(const struct model_options *options, struct wt_model *model,
                                       struct wt_error *error)
{
    wt_cli_print_table("%11s %12s %10s\n", "shape", "ms a batch", "articles/s");
    return strcmp(options->shapes, "-") == 0 ? bench_shapes_from_stdin(options, model, error)
                                             : bench_shapes(options, model, options->shapes, error);
}

/* --- the command ----------------------------------------------------------------------------- */

static int bench_model(const struct model_options *options)
{
    struct wt_model *model = NULL;
    struct wt_error error;
    struct wt_model_options model_options = {.size = sizeof(struct wt_model_options),
                                             .device = options->device,
                                             .precision = options->precision,
                                             .kernels = options->kernels,
                                             .threads_per_call = options->threads,
                                             .named_by = "--model"};
    enum wt_status status =
        wt_cli_model_load("bench model", options->model, &model_options, false, &model, &error);
    if (status == WT_OK) {
        status = options->shapes != NULL ? bench_all_shapes(options, model, &error)
                                         : bench_articles(options, model, &error);
    }
    wt_model_destroy(model);
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("bench model", status, &error);
}

int wt_cli_bench_model(int argc, char **argv)
{
    struct model_options options = {
        .seconds = 1, .replicas = 1, .threads = 1, .batch_tokens = 1024, .batch_articles = 64};
    const struct wt_cli_option own[] = {
        {"model", .text = &options.model},
        {"input", .text = &options.input},
        {"shapes", .text = &options.shapes},
        {"device", .text = &options.device},
        {"precision", .text = &options.precision},
        {"kernels", .text = &options.kernels},
        {"seconds", .number = &options.seconds, .low = 1, .high = 3600},
        {"replicas", .number = &options.replicas, .low = 1, .high = 1024},
        {"threads", .number = &options.threads, .low = 1, .high = 1024},
        {"batch-tokens", .number = &options.batch_tokens, .low = 1, .high = 1000000000},
        {"batch-articles", .number = &options.batch_articles, .low = 1, .high = 65536},
        {"articles", .number = &options.articles, .low = 1, .high = 100000000}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("bench model", print_help, own)};
    int exit_status;
    if (!wt_cli_options_read(&line, argc, argv, &exit_status)) {
        return exit_status;
    }
    bool one_source = (options.input != NULL) != (options.shapes != NULL);
    return options.model != NULL && one_source
               ? bench_model(&options)
               : wt_cli_usage("bench model", "--model BUNDLE and one of --input FILE and --shapes "
                                             "RxT,... are needed");
}
