/* classify.c: labels articles from stdin, batched and in input order, without Kafka. */
#include "wiretag/classify.h"
#include "base/alloc.h"
#include "base/processors.h"
#include "cli/cli.h"
#include "cli/jsonl.h"
#include "cli/long_articles.h"
#include "cli/options.h"
#include "codec/encode.h"
#include "codec/thresholds.h"
#include "config/config.h"
#include "config/config_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A chunk is what is read before it is labelled together: enough neighbours in length for tight batches.
 * Fewer when the input pauses, so that an interactive user gets answers at once. */
#define CHUNK_ARTICLES_MAX 1024u
#define CHUNK_BYTES_MAX (16u << 20)

#define BATCH_TOKENS_DEFAULT 1024u

struct options {
    const struct wt_config *feed; /* of -c; NULL: not given */
    const char *model;
    const char *device;
    const char *precision;
    const char *kernels;
    uint32_t batch_tokens;
    struct wt_cli_long long_articles;
    bool logits;
};

/* A line of the chunk: an article, or a line that is not one. */
struct line {
    uint64_t number;
    char *id_json; /* NULL: `error` says why it is no article */
    size_t text_from;
    size_t text_bytes;
    struct wt_error error;
};

struct classify {
    const struct options *options;
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_config *defaults; /* top_k and the like, as the worker has them; without -c */
    struct wt_encoder *encoder;
    struct wt_classifier *classifier;
    struct wt_jsonl *input;
    struct line *lines;
    uint32_t line_count;
    struct wt_buffer texts; /* of the chunk's articles, one behind the other */
    bool bad_lines;
};

static void print_help(void)
{
    (void)printf(
        "Labels articles from stdin: a JSON object {\"id\",\"text\"} a line in, one out, in "
        "order.\n\n"
        "Usage: wiretag classify --model BUNDLE [OPTION]...\n"
        "       wiretag classify -c FILE [--set KEY=VALUE]... [OPTION]...\n\n"
        "  --model BUNDLE     the model, such as models/demo.pt\n"
        "  -c, --config FILE  reads the lines as a worker with this configuration reads records:\n"
        "                     input.text, .id, .where, .markup ...; model: and output: count too\n"
        "  --set KEY=VALUE    overrides one key of FILE\n" WT_CLI_LONG_HELP
        "  --device D         auto (default), cpu, cuda or cuda:N\n"
        "  --precision P      auto (default), fp32, bf16, fp16 or int8\n"
        "  --kernels K        auto (default), or as model.kernels\n"
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

/* The configuration of -c, else the defaults. */
static const struct wt_config *config_of(const struct classify *classify)
{
    return classify->options->feed != NULL ? classify->options->feed : classify->defaults;
}

/* --- one chunk ------------------------------------------------------------------------------ */

static void keep(struct classify *classify, const struct wt_jsonl_item *item, struct line *line)
{
    line->id_json = wt_strdup(item->id_json);
    line->text_from = classify->texts.count;
    line->text_bytes = item->text_bytes;
    wt_buffer_append(&classify->texts, item->text, item->text_bytes);
}

/* Reads lines until the chunk is full or the input pauses. WT_CLOSED: the input ended. */
static enum wt_status read_chunk(struct classify *classify, struct wt_error *error)
{
    classify->line_count = 0;
    classify->texts.count = 0;
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
            keep(classify, &item, line);
        }
        classify->line_count++;
    } while (classify->line_count < CHUNK_ARTICLES_MAX && classify->texts.count < CHUNK_BYTES_MAX &&
             wt_jsonl_ready(classify->input));
    return WT_OK;
}

/* The results of the chunk's articles, in their order. NULL: `error` says why there is none of any. */
static struct wt_results *run_model(struct classify *classify, struct wt_error *error)
{
    struct wt_text texts[CHUNK_ARTICLES_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < classify->line_count; i++) {
        const struct line *line = &classify->lines[i];
        if (line->id_json != NULL) {
            const char *text =
                line->text_bytes > 0 ? classify->texts.bytes + line->text_from : NULL;
            texts[count++] = (struct wt_text){.bytes = text, .count = line->text_bytes};
        }
    }
    struct wt_results *results = NULL;
    (void)wt_classify(classify->classifier, texts, count, &results, error);
    return results;
}

/* What the encoder reads of a record that infer has labelled. */
static struct wt_record *record_of(const struct classify *classify, struct line *line,
                                   const struct wt_result *result)
{
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    size_t bytes = classify->info->label_count * sizeof(float);
    record->id_json = line->id_json;
    line->id_json = NULL;
    record->token_count = result->token_count;
    record->truncated = result->truncated;
    record->window_count =
        wt_cli_long_windows(&classify->options->long_articles, config_of(classify))
            ? result->window_count
            : 0;
    record->logits = memcpy(wt_alloc(bytes), result->logits, bytes);
    return record;
}

static void write_label(const struct classify *classify, struct line *line,
                        const struct wt_result *result)
{
    struct wt_buffer value = {0};
    struct wt_record *record = record_of(classify, line, result);
    (void)wt_encode_label(classify->encoder, record, &value);
    wt_record_destroy(record);
    if (classify->options->logits) {
        wt_buffer_append_text(&value, ",\"logits\":[");
        for (uint32_t i = 0; i < classify->info->label_count; i++) {
            wt_buffer_append(&value, ",", i > 0 ? 1 : 0);
            wt_buffer_append_float(&value, result->logits[i]);
        }
        wt_buffer_append_text(&value, "]");
    }
    wt_buffer_append_text(&value, "}\n");
    (void)fwrite(value.bytes, 1, value.count, stdout);
    wt_buffer_free(&value);
}

static void write_chunk(struct classify *classify, const struct wt_results *results,
                        const struct wt_error *failure)
{
    size_t next = 0;
    for (uint32_t i = 0; i < classify->line_count; i++) {
        struct line *line = &classify->lines[i];
        const struct wt_error *error = &line->error;
        const struct wt_result *result = NULL;
        if (line->id_json != NULL) {
            result = results != NULL ? wt_results_get(results, next++) : NULL;
            error = result != NULL ? result->error : failure;
        }
        if (result != NULL && result->status == WT_OK) {
            write_label(classify, line, result);
        } else {
            wt_jsonl_write_error(stdout, line->number, error);
            classify->bad_lines = true;
        }
        free(line->id_json);
        line->id_json = NULL;
    }
    (void)fflush(stdout);
}

/* --- the command ----------------------------------------------------------------------------- */

static enum wt_status open_model(struct classify *classify, struct wt_error *error)
{
    const struct options *given = classify->options;
    const struct wt_config *feed = given->feed;
    bool configured = given->model == NULL;
    struct wt_model_options options = {
        .size = sizeof(struct wt_model_options),
        .device = given->device != NULL || feed == NULL ? given->device : feed->model.device,
        .precision =
            given->precision != NULL || feed == NULL ? given->precision : feed->model.precision,
        .kernels = given->kernels != NULL || feed == NULL ? given->kernels : feed->model.kernels,
        .sha256 = configured ? feed->model.sha256 : NULL,
        .threads_per_call = wt_processors_read().count,
        .named_by = configured ? "model.path" : "--model"};
    enum wt_status status =
        wt_cli_model_load("classify", configured ? feed->model.path : given->model, &options, false,
                          &classify->model, error);
    if (status == WT_OK && feed != NULL) {
        status = wt_thresholds_check(feed, wt_model_info(classify->model), error);
    }
    if (status != WT_OK) {
        return status;
    }
    classify->info = wt_model_info(classify->model);
    classify->encoder = wt_encoder_create(config_of(classify), classify->info);
    struct wt_classifier_options batches = wt_classifier_options_default();
    batches.batch_tokens = classify->options->batch_tokens;
    wt_cli_long_set(&classify->options->long_articles, config_of(classify), &batches);
    return wt_classifier_create(classify->model, &batches, &classify->classifier, error);
}

static int classify_all(const struct options *options)
{
    struct classify classify = {.options = options};
    struct wt_error error;
    classify.defaults = wt_config_defaults();
    classify.lines = wt_alloc_zeroed(CHUNK_ARTICLES_MAX, sizeof(struct line));
    classify.input = wt_jsonl_create(STDIN_FILENO);
    if (options->feed != NULL) {
        wt_jsonl_feed(classify.input, options->feed);
    }
    enum wt_status status = open_model(&classify, &error);
    int exit_status = WT_EXIT_DONE;
    if (status != WT_OK) {
        exit_status = wt_cli_fail("classify", status, &error);
        goto done;
    }
    do {
        status = read_chunk(&classify, &error);
        struct wt_error failure;
        struct wt_results *results = run_model(&classify, &failure);
        write_chunk(&classify, results, &failure);
        wt_results_destroy(results);
    } while (status == WT_OK && !ferror(stdout));
    if (status == WT_IO) {
        exit_status = wt_cli_fail("classify", status, &error);
    } else if (ferror(stdout)) {
        (void)fprintf(stderr, "wiretag classify: writing to stdout failed\n");
        exit_status = WT_EXIT_FAILED;
    } else if (classify.bad_lines) {
        exit_status = WT_EXIT_FAILED;
    }
    wt_jsonl_tell_filtered(classify.input, "classify");
done:
    wt_jsonl_destroy(classify.input);
    wt_buffer_free(&classify.texts);
    wt_encoder_destroy(classify.encoder);
    wt_classifier_destroy(classify.classifier);
    wt_model_destroy(classify.model);
    wt_config_destroy(classify.defaults);
    free(classify.lines);
    return exit_status;
}

/* Loads the configuration, if one is given. */
static int classify_given(struct options *options, const struct wt_cli_config *given)
{
    struct wt_config *feed = NULL;
    if (given->path == NULL && given->set_count == 0) {
        return options->model != NULL
                   ? classify_all(options)
                   : wt_cli_usage("classify", "no model given: --model BUNDLE or -c FILE");
    }
    int exit_status = wt_cli_config_load(given, "classify", &feed);
    if (exit_status == WT_EXIT_DONE) {
        options->feed = feed;
        exit_status =
            feed->input.format != WT_INPUT_AVRO
                ? classify_all(options)
                : wt_cli_usage("classify", "input.format avro: records of Avro are not lines; "
                                           "wiretag explain shows one of the topic");
    }
    wt_config_destroy(feed);
    return exit_status;
}

int wt_cli_classify(int argc, char **argv)
{
    struct options options = {.batch_tokens = BATCH_TOKENS_DEFAULT,
                              .long_articles = WT_CLI_LONG_NOT_GIVEN};
    struct wt_cli_config given = wt_cli_config_begin(argc);
    const struct wt_cli_option own[] = {
        {"model", .text = &options.model},
        {"device", .text = &options.device},
        {"precision", .text = &options.precision},
        {"kernels", .text = &options.kernels},
        {"batch-tokens", .number = &options.batch_tokens, .low = 1, .high = 1000000000},
        WT_CLI_LONG_OPTIONS(options.long_articles),
        {"logits", .flag = &options.logits}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("classify", print_help, own),
                                        .config = &given};
    int exit_status;
    if (wt_cli_options_read(&line, argc, argv, &exit_status)) {
        exit_status = wt_cli_long_check("classify", &options.long_articles);
        if (exit_status == WT_EXIT_DONE) {
            exit_status = classify_given(&options, &given);
        }
    }
    wt_cli_config_free(&given);
    return exit_status;
}
