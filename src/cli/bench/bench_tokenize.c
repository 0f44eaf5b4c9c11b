/* bench_tokenize.c: measures the tokenizer alone, on texts in memory. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/errno_text.h"
#include "cli/cli.h"
#include "cli/jsonl.h"
#include "cli/options.h"
#include "observe/progress.h"
#include "wiretag/tokenizer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSES_DEFAULT 5u
#define TEXTS_AT_ONCE 16u

struct options {
    const char *vocab;
    const char *input;
    bool lowercase;
    uint32_t threads;
    uint32_t passes;
};

struct text {
    char *bytes;
    size_t count;
};

struct bench {
    const struct options *options;
    struct wt_vocab *vocab;
    struct text *texts;
    size_t text_count;
    uint64_t text_bytes;
};

/* What the threads of one pass share. */
struct pass {
    const struct bench *bench;
    atomic_size_t next; /* index of the first text that no thread has taken */
};

struct worker {
    struct pass *pass;
    struct wt_tokenizer *tokenizer;
    pthread_t thread;
    uint64_t tokens;
    enum wt_status status;
    struct wt_error error;
};

static void print_help(void)
{
    (void)printf(
        "Tokenizes articles that are in memory already, and measures that alone.\n\n"
        "Usage: wiretag bench tokenize --vocab FILE --input FILE.jsonl [OPTION]...\n\n"
        "  --vocab FILE    a BERT vocabulary (vocab.txt) or a tokenizer.json\n"
        "  --input FILE    articles, {\"id\",\"text\"} a line\n"
        "  --lowercase     for an uncased vocab.txt\n"
        "  --threads N     threads that share the vocabulary (default 1)\n"
        "  --passes N      how often all articles are tokenized (default 5); each pass\n"
        "                  starts with nothing remembered, and the fastest counts\n"
        "  --help          this text\n\n"
        "Prints {\"stage\":\"tokenize\",\"texts\",\"threads\",\"mb_per_s\",\n"
        "\"mtokens_per_s\",\"vocab_ms\"}: megabytes of UTF-8 text and millions of tokens a\n"
        "second, and the time in which the vocabulary was loaded.\n\n"
        "Example:\n"
        "  wiretag bench tokenize --vocab vocab.txt --input data/samples.jsonl\n");
}

static enum wt_status read_texts(struct bench *bench, struct wt_error *error)
{
    int fd = open(bench->options->input, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "input", "%s cannot be read: %s",
                            bench->options->input, wt_errno_text(errno));
    }
    struct wt_jsonl *input = wt_jsonl_create(fd);
    size_t capacity = 0;
    enum wt_status status = WT_OK;
    while (status == WT_OK) {
        struct wt_jsonl_item item;
        struct wt_error cause;
        status = wt_jsonl_next(input, &item, &cause);
        if (status == WT_INVALID) {
            (void)wt_error_set(error, status, WT_ERROR_FATAL, cause.code, "%s:%" PRIu64 ": %s",
                               bench->options->input, item.line, cause.message);
        } else if (status == WT_IO) {
            *error = cause;
        }
        if (status != WT_OK) {
            break;
        }
        if (bench->text_count == capacity) {
            capacity = capacity * 2 + 1024;
            bench->texts = wt_realloc(bench->texts, capacity * sizeof *bench->texts);
        }
        struct text *text = &bench->texts[bench->text_count++];
        *text = (struct text){.bytes = wt_alloc(item.text_bytes + 1), .count = item.text_bytes};
        memcpy(text->bytes, item.text, item.text_bytes);
        bench->text_bytes += item.text_bytes;
    }
    wt_jsonl_destroy(input);
    (void)close(fd);
    if (status == WT_CLOSED && bench->text_count == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "input", "%s has no articles",
                            bench->options->input);
    }
    return status == WT_CLOSED ? WT_OK : status;
}

static void *run_worker(void *opaque)
{
    struct worker *worker = opaque;
    const struct bench *bench = worker->pass->bench;
    size_t first;
    while ((first = atomic_fetch_add(&worker->pass->next, TEXTS_AT_ONCE)) < bench->text_count) {
        for (size_t i = first; i < first + TEXTS_AT_ONCE && i < bench->text_count; i++) {
            struct wt_tokens tokens;
            worker->status = wt_tokenizer_encode(worker->tokenizer, bench->texts[i].bytes,
                                                 bench->texts[i].count, 0, &tokens, &worker->error);
            if (worker->status != WT_OK) {
                return NULL;
            }
            worker->tokens += tokens.count;
        }
    }
    return NULL;
}

/* Runs the workers, the first on this thread. Returns how many could be started. */
static uint32_t run_workers(struct worker *workers, uint32_t count)
{
    uint32_t started = 1;
    while (started < count &&
           pthread_create(&workers[started].thread, NULL, run_worker, &workers[started]) == 0) {
        started++;
    }
    (void)run_worker(&workers[0]);
    for (uint32_t i = 1; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    return started;
}

/* Tokenizes all texts once, with new tokenizers, whose caches are empty. */
static enum wt_status run_pass(const struct bench *bench, struct worker *workers, int64_t *us_out,
                               uint64_t *tokens_out, struct wt_error *error)
{
    uint32_t threads = bench->options->threads;
    struct pass pass = {.bench = bench};
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){.pass = &pass};
    }
    for (uint32_t i = 0; i < threads && status == WT_OK; i++) {
        status = wt_tokenizer_create(bench->vocab, &workers[i].tokenizer, error);
    }
    if (status == WT_OK) {
        int64_t start_us = wt_clock_us();
        uint32_t started = run_workers(workers, threads);
        *us_out = wt_clock_us() - start_us;
        if (started < threads) {
            status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "threads",
                                  "only %u of %u threads could be started", started, threads);
        }
    }
    *tokens_out = 0;
    for (uint32_t i = 0; i < threads; i++) {
        *tokens_out += workers[i].tokens;
        if (status == WT_OK && workers[i].status != WT_OK) {
            status = workers[i].status;
            *error = workers[i].error;
        }
        wt_tokenizer_destroy(workers[i].tokenizer);
        workers[i] = (struct worker){.pass = NULL};
    }
    return status;
}

static enum wt_status run_passes(const struct bench *bench, double vocab_ms, struct wt_error *error)
{
    struct worker *workers = wt_alloc_zeroed(bench->options->threads, sizeof *workers);
    struct wt_progress *progress = wt_progress_create("bench tokenize", "tokenizing", false);
    int64_t best_us = INT64_MAX;
    uint64_t tokens = 0;
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < bench->options->passes && status == WT_OK; i++) {
        int64_t us = 0;
        status = run_pass(bench, workers, &us, &tokens, error);
        best_us = us < best_us ? us : best_us;
        const struct wt_progress_state state = {.units = "texts",
                                                .done = (uint64_t)(i + 1) * bench->text_count,
                                                .total = (uint64_t)bench->options->passes *
                                                         bench->text_count};
        wt_progress_report(progress, &state);
    }
    wt_progress_destroy(progress);
    free(workers);
    if (status == WT_OK) {
        double us = best_us > 0 ? (double)best_us : 1.0;
        (void)printf("{\"stage\":\"tokenize\",\"texts\":%zu,\"threads\":%u,\"mb_per_s\":%.2f,"
                     "\"mtokens_per_s\":%.3f,\"vocab_ms\":%.1f}\n",
                     bench->text_count, bench->options->threads, (double)bench->text_bytes / us,
                     (double)tokens / us, vocab_ms);
        wt_cli_print_table("%8s %8s %10s %12s %14s\n%8zu %8u %10.2f %12.3f %14.1f\n", "texts",
                           "threads", "MB/s", "M tokens/s", "vocabulary ms", bench->text_count,
                           bench->options->threads, (double)bench->text_bytes / us,
                           (double)tokens / us, vocab_ms);
    }
    return status;
}

static int bench_tokenize(const struct options *options)
{
    struct bench bench = {.options = options};
    struct wt_error error;
    struct wt_tokenizer_options tokenizer_options = wt_tokenizer_options_default();
    tokenizer_options.lowercase = options->lowercase;
    int64_t start_us = wt_clock_us();
    enum wt_status status = wt_vocab_load(options->vocab, &tokenizer_options, &bench.vocab, &error);
    double vocab_ms = (double)(wt_clock_us() - start_us) * 1e-3;
    if (status == WT_OK) {
        status = read_texts(&bench, &error);
    }
    if (status == WT_OK) {
        status = run_passes(&bench, vocab_ms, &error);
    }
    for (size_t i = 0; i < bench.text_count; i++) {
        free(bench.texts[i].bytes);
    }
    free(bench.texts);
    wt_vocab_destroy(bench.vocab);
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("bench tokenize", status, &error);
}

int wt_cli_bench_tokenize(int argc, char **argv)
{
    struct options options = {.threads = 1, .passes = PASSES_DEFAULT};
    const struct wt_cli_option own[] = {
        {"vocab", .text = &options.vocab},
        {"input", .text = &options.input},
        {"lowercase", .flag = &options.lowercase},
        {"threads", .number = &options.threads, .low = 1, .high = 1024},
        {"passes", .number = &options.passes, .low = 1, .high = 1000000}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("bench tokenize", print_help, own)};
    int exit_status;
    if (!wt_cli_options_read(&line, argc, argv, &exit_status)) {
        return exit_status;
    }
    return options.vocab != NULL && options.input != NULL
               ? bench_tokenize(&options)
               : wt_cli_usage("bench tokenize", "--vocab FILE and --input FILE are needed");
}
