/* tokenize.c: prints the token ids of articles from stdin, one line at a time. */
#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/jsonl.h"
#include "cli/options.h"
#include "wiretag/model.h"
#include "wiretag/tokenizer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    const struct wt_config *feed; /* of -c; NULL: not given */
    const char *vocab;
    const char *model;
    bool lowercase;
    uint32_t tokens_max;
};

static void print_help(void)
{
    (void)printf(
        "Shows the token ids of articles from stdin: {\"id\",\"text\"} a line in,\n"
        "{\"id\",\"ids\":[...],\"truncated\"} out, in order and in constant memory.\n\n"
        "Usage: wiretag tokenize (--vocab FILE | --model BUNDLE | -c FILE) [OPTION]...\n\n"
        "  --vocab FILE     a BERT vocabulary (vocab.txt) or a tokenizer.json\n"
        "  --lowercase      for an uncased vocab.txt: lowercases and strips accents\n"
        "  --model BUNDLE   the vocabulary and the options of a model\n"
        "  -c FILE          reads lines as a worker with this configuration does, by\n"
        "                   its model if no other is given; --set KEY=VALUE too\n"
        "  --max-tokens N   cuts articles to N ids, special ones included:\n"
        "                   2 at least; 0, the default, cuts none\n"
        "  --help           this text\n\n"
        "A line without an id gets \"id\":null. A bad line gives\n"
        "{\"line\":n,\"error\":{\"code\",\"message\"}} in its place, and exit 1 at the end.\n\n"
        "Example:\n"
        "  echo '{\"id\":1,\"text\":\"Сборная выиграла матч\"}' |\n"
        "    wiretag tokenize --model models/demo.pt\n");
}

static void write_tokens(const struct wt_jsonl_item *item, const struct wt_tokens *tokens,
                         struct wt_buffer *line)
{
    line->count = 0;
    wt_buffer_append_text(line, "{\"id\":");
    wt_buffer_append_text(line, item->id_json);
    wt_buffer_append_text(line, ",\"ids\":[");
    for (uint32_t i = 0; i < tokens->count; i++) {
        wt_buffer_append(line, ",", i > 0 ? 1 : 0);
        wt_buffer_append_integer(line, tokens->ids[i]);
    }
    wt_buffer_append_text(line, "],\"truncated\":");
    wt_buffer_append_text(line, tokens->truncated ? "true}\n" : "false}\n");
    (void)fwrite(line->bytes, 1, line->count, stdout);
}

/* Tokenizes every line of stdin. WT_CLOSED: all lines were good. WT_INVALID: some were bad, and
 * `error` is not set. */
static enum wt_status tokenize_lines(struct wt_tokenizer *tokenizer, const struct options *options,
                                     struct wt_error *error)
{
    struct wt_jsonl *input = wt_jsonl_create(STDIN_FILENO);
    if (options->feed != NULL) {
        wt_jsonl_feed(input, options->feed);
    }
    struct wt_buffer line = {0};
    bool bad_lines = false;
    enum wt_status status = WT_OK;
    while (status != WT_CLOSED && status != WT_IO && status != WT_MEMORY && !ferror(stdout)) {
        struct wt_jsonl_item item;
        struct wt_tokens tokens;
        if (!wt_jsonl_ready(input)) {
            (void)fflush(stdout);
        }
        status = wt_jsonl_next(input, &item, error);
        if (status == WT_OK) {
            status = wt_tokenizer_encode(tokenizer, item.text, item.text_bytes, options->tokens_max,
                                         &tokens, error);
        }
        if (status == WT_OK) {
            write_tokens(&item, &tokens, &line);
        } else if (status == WT_INVALID) {
            wt_jsonl_write_error(stdout, item.line, error);
            bad_lines = true;
        }
    }
    wt_buffer_free(&line);
    wt_jsonl_tell_filtered(input, "tokenize");
    wt_jsonl_destroy(input);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "output", "writing the output failed");
    }
    return status == WT_CLOSED && bad_lines ? WT_INVALID : status;
}

/* Loads the vocabulary that the options name. If it comes from a bundle, *model_out owns it. */
static enum wt_status open_vocab(const struct options *options, struct wt_vocab **vocab_out,
                                 struct wt_model **model_out, struct wt_error *error)
{
    bool own = options->model != NULL;
    if (options->vocab == NULL) {
        struct wt_model_options model_options = {.size = sizeof(struct wt_model_options),
                                                 .device = "cpu",
                                                 .skip_selftest = true,
                                                 .sha256 = own ? NULL : options->feed->model.sha256,
                                                 .named_by = own ? "--model" : "model.path"};
        return wt_cli_model_load("tokenize", own ? options->model : options->feed->model.path,
                                 &model_options, false, model_out, error);
    }
    struct wt_tokenizer_options tokenizer_options = wt_tokenizer_options_default();
    tokenizer_options.lowercase = options->lowercase;
    return wt_vocab_load(options->vocab, &tokenizer_options, vocab_out, error);
}

static int tokenize(const struct options *options)
{
    struct wt_error error;
    struct wt_vocab *own_vocab = NULL;
    struct wt_model *model = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    int exit_status = WT_EXIT_DONE;
    enum wt_status status = open_vocab(options, &own_vocab, &model, &error);
    if (status == WT_OK) {
        const struct wt_vocab *vocab = model != NULL ? wt_model_vocab(model) : own_vocab;
        status = wt_tokenizer_create(vocab, &tokenizer, &error);
    }
    if (status != WT_OK) {
        exit_status = wt_cli_fail("tokenize", status, &error);
    } else {
        status = tokenize_lines(tokenizer, options, &error);
        if (status == WT_INVALID) {
            exit_status = WT_EXIT_FAILED;
        } else if (status != WT_CLOSED) {
            exit_status = wt_cli_fail("tokenize", status, &error);
        }
    }
    wt_tokenizer_destroy(tokenizer);
    wt_model_destroy(model);
    wt_vocab_destroy(own_vocab);
    return exit_status;
}

static int tokenize_given(struct options *options, const struct wt_cli_config *given)
{
    struct wt_config *feed = NULL;
    bool configured = given->path != NULL || given->set_count > 0;
    if (options->tokens_max == 1) {
        return wt_cli_usage("tokenize", "--max-tokens 1: must be at least 2, or 0 for no limit");
    }
    if ((options->vocab != NULL && options->model != NULL) ||
        (options->vocab == NULL && options->model == NULL && !configured)) {
        return wt_cli_usage("tokenize",
                            "one of --vocab FILE and --model BUNDLE is required, or -c FILE");
    }
    if (options->lowercase && options->vocab == NULL) {
        return wt_cli_usage(
            "tokenize",
            "--lowercase works with --vocab only; a bundle has its own tokenizer options");
    }
    int exit_status = configured ? wt_cli_config_load(given, "tokenize", &feed) : WT_EXIT_DONE;
    if (exit_status == WT_EXIT_DONE) {
        options->feed = feed;
        exit_status =
            feed == NULL || feed->input.format != WT_INPUT_AVRO
                ? tokenize(options)
                : wt_cli_usage("tokenize", "input.format avro: records of Avro are not lines; "
                                           "wiretag explain shows one of the topic");
    }
    wt_config_destroy(feed);
    return exit_status;
}

int wt_cli_tokenize(int argc, char **argv)
{
    struct options options = {0};
    struct wt_cli_config given = wt_cli_config_begin(argc);
    const struct wt_cli_option own[] = {
        {"vocab", .text = &options.vocab},
        {"model", .text = &options.model},
        {"lowercase", .flag = &options.lowercase},
        {"max-tokens", .number = &options.tokens_max, .low = 0, .high = UINT32_MAX}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("tokenize", print_help, own),
                                        .config = &given};
    int exit_status;
    if (wt_cli_options_read(&line, argc, argv, &exit_status)) {
        exit_status = tokenize_given(&options, &given);
    }
    wt_cli_config_free(&given);
    return exit_status;
}
