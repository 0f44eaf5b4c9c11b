/* classify.c: labels articles from stdin, batched and in input order, without Kafka. */
#include "base/alloc.h"
#include "base/processors.h"
#include "cli/cli.h"
#include "cli/jsonl.h"
#include "cli/options.h"
#include "codec/decode.h"
#include "codec/encode.h"
#include "config/config.h"
#include "config/config_load.h"
#include "pipeline/batcher.h"
#include "pipeline/infer.h"
#include "text/blank.h"
#include "wiretag/model.h"
#include "wiretag/tokenizer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Articles read before they are labelled together: enough neighbours in length for tight batches.
 * Fewer when the input pauses, so that an interactive user gets answers at once. */
#define WINDOW_ARTICLES_MAX 1024u
#define WINDOW_BYTES_MAX (16u << 20)

#define BATCH_TOKENS_DEFAULT 1024u
#define BATCH_ARTICLES_MAX 64u

struct options {
    const char *model;
    const char *device;
    const char *precision;
    uint32_t batch_tokens;
    bool logits;
};

/* A line of the window: an article on its way, or a line that is not one. */
struct line {
    uint64_t number;
    struct wt_record *record; /* NULL: `error` says why */
    struct wt_error error;
};

struct classify {
    const struct options *options;
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_config *defaults; /* top_k and the like, as the worker has them */
    struct wt_encoder *encoder;
    struct wt_tokenizer *tokenizer;
    struct wt_jsonl *input;
    struct wt_batcher *batcher;
    struct wt_infer_scratch scratch;
    struct line *lines;
    uint32_t line_count;
    size_t window_bytes;
    bool bad_lines;
};

static void print_help(void)
{
    (void)printf(
        "Labels articles from stdin: a JSON object {\"id\",\"text\"} a line in, one out, in "
        "order.\n\n"
        "Usage: wiretag classify --model BUNDLE [OPTION]...\n\n"
        "  --model BUNDLE     the model, such as models/demo.pt\n"
        "  --device D         auto (default), cpu, cuda or cuda:N\n"
        "  --precision P      auto (default), fp32, bf16, fp16 or int8\n"
        "  --batch-tokens N   tokens of one batch, padding included (default 1024); changes the\n"
        "                     speed, not the labels\n"
        "  --logits           adds \"logits\": an array in label order\n"
        "  --help             this text\n\n"
        "A bad line gives {\"line\":n,\"error\":{\"code\",\"message\"}} in its place, and exit "
        "1.\n\n"
        "Example:\n"
        "  echo '{\"id\":1,\"text\":\"Сборная выиграла матч\"}' |\n"
        "    wiretag classify --model models/demo.pt\n");
}

/* --- one window ------------------------------------------------------------------------------ */

static enum wt_status tokenize(struct classify *classify, const struct wt_jsonl_item *item,
                               struct line *line)
{
    if (wt_text_blank(item->text, item->text_bytes)) {
        return wt_error_set(&line->error, WT_INVALID, WT_ERROR_RECORD, "text-blank",
                            "the text is empty or only white space");
    }
    struct wt_tokens tokens;
    enum wt_status status = wt_tokenizer_encode(classify->tokenizer, item->text, item->text_bytes,
                                                classify->info->tokens_max, &tokens, &line->error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    record->id_json = wt_strdup(item->id_json);
    record->ids = wt_alloc(tokens.count * sizeof(int32_t));
    memcpy(record->ids, tokens.ids, tokens.count * sizeof(int32_t));
    record->token_count = tokens.count;
    record->truncated = tokens.truncated;
    line->record = record;
    return WT_OK;
}

/* Reads lines until the window is full or the input pauses. WT_CLOSED: the input ended. */
static enum wt_status read_window(struct classify *classify, struct wt_error *error)
{
    classify->line_count = 0;
    classify->window_bytes = 0;
    do {
        struct line *line = &classify->lines[classify->line_count];
        struct wt_jsonl_item item;
        *line = (struct line){0};
        enum wt_status status = wt_jsonl_next(classify->input, &item, &line->error);
        if (status == WT_IO) {
            *error = line->error;
        }
        if (status == WT_IO || status == WT_CLOSED) {
            return status;
        }
        line->number = item.line;
        if (status == WT_OK) {
            classify->window_bytes += item.text_bytes;
            (void)tokenize(classify, &item, line);
        }
        classify->line_count++;
    } while (classify->line_count < WINDOW_ARTICLES_MAX &&
             classify->window_bytes < WINDOW_BYTES_MAX && wt_jsonl_ready(classify->input));
    return WT_OK;
}

static void run_model(struct classify *classify)
{
    struct wt_record *rows[BATCH_ARTICLES_MAX];
    struct wt_batch batch = {.records = rows};
    for (uint32_t i = 0; i < classify->line_count; i++) {
        struct wt_record *record = classify->lines[i].record;
        if (record != NULL) {
            wt_batcher_add(classify->batcher, &record, i);
        }
    }
    while (wt_batcher_take(classify->batcher, 0, true, &batch)) {
        (void)wt_infer_batch(classify->model, &batch, &classify->scratch);
    }
}

static void write_label(const struct classify *classify, const struct wt_record *record)
{
    struct wt_buffer value = {0};
    (void)wt_encode_label(classify->encoder, record, &value);
    if (classify->options->logits) {
        wt_buffer_append_text(&value, ",\"logits\":[");
        for (uint32_t i = 0; i < classify->info->label_count; i++) {
            wt_buffer_append(&value, ",", i > 0 ? 1 : 0);
            wt_buffer_append_float(&value, record->logits[i]);
        }
        wt_buffer_append_text(&value, "]");
    }
    wt_buffer_append_text(&value, "}\n");
    (void)fwrite(value.bytes, 1, value.count, stdout);
    wt_buffer_free(&value);
}

static void write_window(struct classify *classify)
{
    for (uint32_t i = 0; i < classify->line_count; i++) {
        struct line *line = &classify->lines[i];
        bool failed = line->record != NULL && line->record->failure != NULL;
        const struct wt_error *error = failed ? &line->record->failure->error : &line->error;
        bool good = line->record != NULL && !failed;
        if (good) {
            write_label(classify, line->record);
        } else {
            wt_jsonl_write_error(stdout, line->number, error);
            classify->bad_lines = true;
        }
        wt_record_destroy(line->record);
        line->record = NULL;
    }
    (void)fflush(stdout);
}

/* --- the command ----------------------------------------------------------------------------- */

static enum wt_status open_model(struct classify *classify, struct wt_error *error)
{
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = classify->options->device,
                                       .precision = classify->options->precision,
                                       .threads_per_call = wt_processors_read().count,
                                       .named_by = "--model"};
    enum wt_status status = wt_cli_model_load("classify", classify->options->model, &options, false,
                                              &classify->model, error);
    if (status != WT_OK) {
        return status;
    }
    wt_model_thread_init(classify->model);
    classify->info = wt_model_info(classify->model);
    classify->encoder = wt_encoder_create(classify->defaults, classify->info);
    struct wt_batcher_limits limits = {.tokens_max = classify->options->batch_tokens,
                                       .articles_max = BATCH_ARTICLES_MAX,
                                       .length_max = classify->info->tokens_max,
                                       .pad_to = classify->info->pad_to,
                                       .equal_lengths_only = classify->info->equal_lengths_only};
    classify->batcher = wt_batcher_create(&limits);
    return wt_tokenizer_create(wt_model_vocab(classify->model), &classify->tokenizer, error);
}

static int classify_all(const struct options *options)
{
    struct classify classify = {.options = options};
    struct wt_error error;
    classify.defaults = wt_config_defaults();
    classify.lines = wt_alloc_zeroed(WINDOW_ARTICLES_MAX, sizeof(struct line));
    classify.input = wt_jsonl_create(STDIN_FILENO);
    enum wt_status status = open_model(&classify, &error);
    int exit_status = WT_EXIT_DONE;
    if (status != WT_OK) {
        exit_status = wt_cli_fail("classify", status, &error);
        goto done;
    }
    do {
        status = read_window(&classify, &error);
        run_model(&classify);
        write_window(&classify);
    } while (status == WT_OK && !ferror(stdout));
    if (status == WT_IO) {
        exit_status = wt_cli_fail("classify", status, &error);
    } else if (ferror(stdout)) {
        (void)fprintf(stderr, "wiretag classify: writing to stdout failed\n");
        exit_status = WT_EXIT_FAILED;
    } else if (classify.bad_lines) {
        exit_status = WT_EXIT_FAILED;
    }
done:
    wt_infer_scratch_free(&classify.scratch);
    wt_batcher_destroy(classify.batcher);
    wt_jsonl_destroy(classify.input);
    wt_tokenizer_destroy(classify.tokenizer);
    wt_encoder_destroy(classify.encoder);
    wt_model_destroy(classify.model);
    wt_config_destroy(classify.defaults);
    free(classify.lines);
    return exit_status;
}

int wt_cli_classify(int argc, char **argv)
{
    struct options options = {.batch_tokens = BATCH_TOKENS_DEFAULT};
    const struct wt_cli_option own[] = {
        {"model", .text = &options.model},
        {"device", .text = &options.device},
        {"precision", .text = &options.precision},
        {"batch-tokens", .number = &options.batch_tokens, .low = 1, .high = 1000000000},
        {"logits", .flag = &options.logits}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("classify", print_help, own)};
    int exit_status;
    if (!wt_cli_options_read(&line, argc, argv, &exit_status)) {
        return exit_status;
    }
    return options.model != NULL ? classify_all(&options)
                                 : wt_cli_usage("classify", "no model given: --model BUNDLE");
}
