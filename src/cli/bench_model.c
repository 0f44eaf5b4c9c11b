/* bench_model.c: the model alone, in batches as the worker makes them. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/progress.h"
#include "cli/cli.h"
#include "cli/jsonl.h"
#include "pipeline/batch.h"
#include "pipeline/infer.h"
#include "pipeline/partition.h"
#include "wiretag/model.h"
#include "wiretag/tokenizer.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(void)
{
    (void)printf("Runs articles through the model in batches as the worker makes them, without "
                 "Kafka.\n\n"
                 "Usage: wiretag bench model --model BUNDLE --input FILE.jsonl [OPTION]...\n\n"
                 "  --model BUNDLE    the model\n"
                 "  --input FILE      articles, {\"id\",\"text\"} a line\n"
                 "  --device D        auto (default), cpu, cuda or cuda:N\n"
                 "  --precision P     auto (default), fp32, bf16 or fp16\n"
                 "  --replicas N      threads that run the model (default 1)\n"
                 "  --batch-tokens N  tokens of one batch, padding included (default 1024)\n"
                 "  --batch-articles N  articles of one batch at most (default 64)\n"
                 "  --articles N      how many articles to run, repeating the input (default: "
                 "once)\n"
                 "  --help            this text\n\n"
                 "Prints {\"stage\":\"model\",\"articles\",\"tokens\",\"batches\",\"padding\",\n"
                 "\"seconds\",\"articles_per_s\"}. The clock starts when the first batch does.\n\n"
                 "Example:\n"
                 "  wiretag bench model --model models/demo.pt --input data/samples.jsonl\n");
}

struct model_options {
    const char *model;
    const char *input;
    const char *device;
    const char *precision;
    uint32_t replicas;
    uint32_t batch_tokens;
    uint32_t batch_articles;
    uint32_t articles; /* 0: the input once */
};

struct model_bench {
    const struct model_options *options;
    struct wt_model *model;
    struct wt_record_list records;
    struct wt_partition source; /* of all records */
    struct wt_batch_stage *stage;
    struct wt_progress *progress;
    uint32_t article_count;
    pthread_mutex_t mutex; /* guards the sums */
    uint32_t articles;     /* done */
    uint64_t tokens;
    uint64_t computed;
    uint64_t batches;
    uint64_t failures;
};

static struct wt_record *make_record(struct model_bench *bench, const int32_t *ids, uint32_t count)
{
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    record->source = &bench->source;
    record->ids = wt_alloc(count * sizeof(int32_t));
    memcpy(record->ids, ids, count * sizeof(int32_t));
    record->token_count = count;
    return record;
}

/* Repeats what was read until there are as many articles as asked for. */
static void repeat_records(struct model_bench *bench)
{
    const struct wt_record *original = bench->records.first;
    while (original != NULL && bench->records.count < bench->options->articles) {
        struct wt_record *record = make_record(bench, original->ids, original->token_count);
        wt_record_list_append(&bench->records, &record);
        original = original->next;
    }
}

static enum wt_status read_records(struct model_bench *bench, struct wt_error *error)
{
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_jsonl *input = NULL;
    int fd = open(bench->options->input, O_RDONLY | O_CLOEXEC);
    enum wt_status status = WT_OK;
    if (fd < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "input", "%s cannot be read: %s",
                            bench->options->input, strerror(errno));
    }
    status = wt_tokenizer_create(wt_model_vocab(bench->model), &tokenizer, error);
    input = wt_jsonl_create(fd);
    uint32_t articles_max = bench->options->articles > 0 ? bench->options->articles : UINT32_MAX;
    while (status == WT_OK && bench->records.count < articles_max) {
        struct wt_jsonl_item item;
        struct wt_tokens tokens;
        status = wt_jsonl_next(input, &item, error);
        if (status == WT_OK) {
            status = wt_tokenizer_encode(tokenizer, item.text, item.text_bytes,
                                         wt_model_info(bench->model)->tokens_max, &tokens, error);
        }
        if (status == WT_OK) {
            struct wt_record *record = make_record(bench, tokens.ids, tokens.count);
            wt_record_list_append(&bench->records, &record);
        }
    }
    wt_jsonl_destroy(input);
    wt_tokenizer_destroy(tokenizer);
    (void)close(fd);
    if (bench->records.count == 0 && (status == WT_OK || status == WT_CLOSED)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "input", "%s has no articles",
                            bench->options->input);
    }
    repeat_records(bench);
    return status == WT_CLOSED ? WT_OK : status;
}

/* Locks: held. */
static void report(const struct model_bench *bench)
{
    const struct wt_progress_state state = {
        .units = "articles", .done = bench->articles, .total = bench->article_count};
    wt_progress_report(bench->progress, &state);
}

static void *run_replica(void *opaque)
{
    struct model_bench *bench = opaque;
    struct wt_infer_scratch scratch = {0};
    struct wt_batch batch = {
        .records = wt_alloc_zeroed(bench->options->batch_articles, sizeof(struct wt_record *))};
    wt_model_thread_init(bench->model);
    while (wt_batch_stage_pull(bench->stage, &batch) == WT_OK) {
        (void)wt_infer_batch(bench->model, &batch, &scratch);
        (void)pthread_mutex_lock(&bench->mutex);
        bench->tokens += batch.tokens;
        bench->computed += (uint64_t)batch.width * batch.count;
        bench->batches++;
        bench->articles += batch.count;
        report(bench);
        for (uint32_t i = 0; i < batch.count; i++) {
            bench->failures += batch.records[i]->failure != NULL ? 1 : 0;
        }
        (void)pthread_mutex_unlock(&bench->mutex);
        for (uint32_t i = 0; i < batch.count; i++) {
            wt_record_destroy(batch.records[i]);
        }
    }
    wt_infer_scratch_free(&scratch);
    free(batch.records);
    return NULL;
}

/* Runs every article once, unmeasured at first: libraries prepare their code on the first calls. */
static double run_replicas(struct model_bench *bench)
{
    const struct wt_model_info *info = wt_model_info(bench->model);
    struct wt_batcher_limits limits = {.tokens_max = bench->options->batch_tokens,
                                       .articles_max = bench->options->batch_articles,
                                       .length_max = info->tokens_max,
                                       .pad_to = info->pad_to,
                                       .equal_lengths_only = info->equal_lengths_only};
    bench->stage = wt_batch_stage_create(&limits);
    wt_batch_stage_add(bench->stage, &bench->records);
    wt_batch_stage_close(bench->stage);
    pthread_t *threads = wt_alloc_zeroed(bench->options->replicas, sizeof *threads);
    bench->progress = wt_progress_create("bench model", "running the model", false);
    int64_t start_us = wt_clock_us();
    for (uint32_t i = 1; i < bench->options->replicas; i++) {
        (void)pthread_create(&threads[i], NULL, run_replica, bench);
    }
    (void)run_replica(bench);
    for (uint32_t i = 1; i < bench->options->replicas; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    double seconds = (double)(wt_clock_us() - start_us) * 1e-6;
    wt_progress_destroy(bench->progress);
    free(threads);
    wt_batch_stage_destroy(bench->stage);
    return seconds;
}

static int bench_model(const struct model_options *options)
{
    struct model_bench bench = {.options = options};
    struct wt_error error;
    struct wt_model_options model_options = {
        .device = options->device, .precision = options->precision, .threads_per_call = 1};
    (void)pthread_mutex_init(&bench.mutex, NULL);
    enum wt_status status = wt_cli_model_load("bench model", options->model, &model_options, false,
                                              &bench.model, &error);
    if (status == WT_OK) {
        status = read_records(&bench, &error);
    }
    int exit_status = WT_EXIT_DONE;
    if (status != WT_OK) {
        exit_status = wt_cli_fail("bench model", status, &error);
    } else {
        uint32_t articles = bench.records.count;
        bench.article_count = articles;
        double seconds = run_replicas(&bench);
        (void)printf("{\"stage\":\"model\",\"articles\":%" PRIu32 ",\"tokens\":%" PRIu64
                     ",\"batches\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"padding\":%.4f"
                     ",\"seconds\":%.3f,\"articles_per_s\":%.1f}\n",
                     articles, bench.tokens, bench.batches, bench.failures,
                     1.0 - (double)bench.tokens / (double)bench.computed, seconds,
                     (double)articles / seconds);
    }
    struct wt_record *record;
    while ((record = wt_record_list_take(&bench.records)) != NULL) {
        wt_record_destroy(record);
    }
    wt_model_destroy(bench.model);
    (void)pthread_mutex_destroy(&bench.mutex);
    return exit_status;
}

int wt_cli_bench_model(int argc, char **argv)
{
    static const struct option known[] = {{"model", required_argument, NULL, 'm'},
                                          {"input", required_argument, NULL, 'i'},
                                          {"device", required_argument, NULL, 'd'},
                                          {"precision", required_argument, NULL, 'p'},
                                          {"replicas", required_argument, NULL, 'r'},
                                          {"batch-tokens", required_argument, NULL, 'b'},
                                          {"batch-articles", required_argument, NULL, 'n'},
                                          {"articles", required_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct model_options options = {.replicas = 1, .batch_tokens = 1024, .batch_articles = 64};
    bool numbers_good = true;
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'm':
            options.model = optarg;
            break;
        case 'i':
            options.input = optarg;
            break;
        case 'd':
            options.device = optarg;
            break;
        case 'p':
            options.precision = optarg;
            break;
        case 'r':
            numbers_good &= wt_cli_number(optarg, 1, 1024, &options.replicas);
            break;
        case 'b':
            numbers_good &= wt_cli_number(optarg, 1, 1000000000, &options.batch_tokens);
            break;
        case 'n':
            numbers_good &= wt_cli_number(optarg, 1, 65536, &options.batch_articles);
            break;
        case 'a':
            numbers_good &= wt_cli_number(optarg, 1, 100000000, &options.articles);
            break;
        case 'h':
            print_help();
            return WT_EXIT_DONE;
        default:
            return wt_cli_bad_option("bench model", argv, "h");
        }
    }
    if (!numbers_good || optind < argc || options.model == NULL || options.input == NULL) {
        return wt_cli_usage("bench model", "--model BUNDLE and --input FILE are needed; replicas, "
                                           "batch-tokens, batch-articles and articles are whole "
                                           "numbers from 1 on");
    }
    return bench_model(&options);
}
