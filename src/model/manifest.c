#include "model/manifest.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUNDLE_FORMAT 1
#define PADDED_TOKENS 512u
#define TOKENS_MAX_MAX 1000000

const char *wt_precision_name(enum wt_precision precision)
{
    static const char *const names[] = {
        [WT_FP32] = "fp32", [WT_BF16] = "bf16", [WT_FP16] = "fp16", [WT_INT8] = "int8"};
    return names[precision];
}

/* The bundle's name, for the messages of this file. */
struct parser {
    const char *source;
    json_t *root;
    struct wt_manifest *manifest;
    struct wt_error *error;
};

static enum wt_status invalid(const struct parser *parser, const char *key, const char *wanted)
{
    return wt_error_set(parser->error, WT_INVALID, WT_ERROR_FATAL, "bundle-manifest",
                        "the model %s: wiretag.json: \"%s\" must be %s; export the model again",
                        parser->source, key, wanted);
}

static enum wt_status copy_text(const struct parser *parser, const json_t *value, const char *key,
                                char **text_out)
{
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        strlen(json_string_value(value)) != json_string_length(value)) {
        return invalid(parser, key, "a text that is not empty");
    }
    *text_out = strdup(json_string_value(value));
    return *text_out != NULL
               ? WT_OK
               : wt_error_set(parser->error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
}

static enum wt_status parse_labels(const struct parser *parser)
{
    const json_t *labels = json_object_get(parser->root, "labels");
    struct wt_manifest *manifest = parser->manifest;
    if (!json_is_array(labels) || json_array_size(labels) == 0) {
        return invalid(parser, "labels", "a list of one label or more, in id order");
    }
    manifest->labels = calloc(json_array_size(labels), sizeof(char *));
    if (manifest->labels == NULL) {
        return wt_error_set(parser->error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
    }
    for (size_t i = 0; i < json_array_size(labels); i++) {
        enum wt_status status =
            copy_text(parser, json_array_get(labels, i), "labels", &manifest->labels[i]);
        if (status != WT_OK) {
            return status;
        }
        manifest->label_count++;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(manifest->labels[i], manifest->labels[j]) == 0) {
                return invalid(parser, "labels", "a list without repeated labels");
            }
        }
    }
    return WT_OK;
}

static enum wt_status parse_flag(const struct parser *parser, const json_t *tokenizer,
                                 const char *key, bool *flag)
{
    const json_t *value = json_object_get(tokenizer, key);
    if (value == NULL) {
        return WT_OK;
    }
    if (!json_is_boolean(value)) {
        return invalid(parser, key, "true or false");
    }
    *flag = json_is_true(value);
    return WT_OK;
}

static enum wt_status parse_tokenizer(const struct parser *parser)
{
    struct wt_tokenizer_options *options = &parser->manifest->tokenizer;
    const json_t *tokenizer = json_object_get(parser->root, "tokenizer");
    const json_t *type = json_object_get(tokenizer, "type");
    const json_t *strip_accents = json_object_get(tokenizer, "strip_accents");
    *options = wt_tokenizer_options_default();
    const char *name = type == NULL           ? options->type
                       : json_is_string(type) ? json_string_value(type)
                                              : "";
    const char *file = NULL;
    const char *known = wt_tokenizer_type(name, &file);
    if (!json_is_object(tokenizer) || known == NULL) {
        return invalid(parser, "tokenizer", "an object with \"type\": \"wordpiece\"");
    }
    options->type = known;
    enum wt_status status = parse_flag(parser, tokenizer, "lowercase", &options->lowercase);
    if (status == WT_OK) {
        status = parse_flag(parser, tokenizer, "clean_text", &options->clean_text);
    }
    if (status == WT_OK) {
        status =
            parse_flag(parser, tokenizer, "handle_chinese_chars", &options->handle_chinese_chars);
    }
    if (status == WT_OK && strip_accents != NULL && !json_is_null(strip_accents)) {
        bool strip = false;
        status = parse_flag(parser, tokenizer, "strip_accents", &strip);
        options->strip_accents = strip ? WT_STRIP_ACCENTS_YES : WT_STRIP_ACCENTS_NO;
    }
    return status;
}

/* Reads a key with two possible words; sets `second` if it has the second one. */
static enum wt_status parse_choice(const struct parser *parser, const char *key, const char *first,
                                   const char *second, bool *is_second)
{
    const json_t *value = json_object_get(parser->root, key);
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0) {
        return wt_error_set(parser->error, WT_INVALID, WT_ERROR_FATAL, "bundle-manifest",
                            "the model %s: wiretag.json: \"%s\" must be \"%s\" or \"%s\"; export "
                            "the model again",
                            parser->source, key, first, second);
    }
    *is_second = strcmp(text, second) == 0;
    return WT_OK;
}

static enum wt_status parse_sizes(const struct parser *parser)
{
    struct wt_manifest *manifest = parser->manifest;
    const json_t *tokens_max = json_object_get(parser->root, "max_tokens");
    json_int_t count = json_integer_value(tokens_max);
    bool padded = false;
    if (!json_is_integer(tokens_max) || count < 3 || count > TOKENS_MAX_MAX) {
        return invalid(parser, "max_tokens", "a whole number from 3 to 1000000");
    }
    manifest->tokens_max = (uint32_t)count;
    enum wt_status status = parse_choice(parser, "padding", "exact", "padded-512", &padded);
    if (status == WT_OK) {
        manifest->pad_to = padded ? PADDED_TOKENS : 0;
        status = parse_choice(parser, "inputs", "ids+lengths", "ids+mask", &manifest->takes_mask);
    }
    if (status == WT_OK && manifest->pad_to > 0 && manifest->tokens_max > manifest->pad_to) {
        return invalid(parser, "max_tokens", "512 at most with padding padded-512");
    }
    return status;
}

static enum wt_status parse_precisions(const struct parser *parser)
{
    const json_t *precisions = json_object_get(parser->root, "precisions");
    for (int i = 0; i < WT_PRECISION_COUNT; i++) {
        const json_t *entry = json_object_get(precisions, wt_precision_name((enum wt_precision)i));
        const json_t *bound = json_object_get(entry, "logits_bound");
        double value = json_number_value(bound);
        parser->manifest->logits_bound[i] = -1.0;
        if (entry != NULL) {
            if (!json_is_number(bound) || !(value >= 0.0) || !isfinite(value)) {
                return invalid(parser, "precisions",
                               "an object of precisions with a \"logits_bound\" each");
            }
            parser->manifest->logits_bound[i] = value;
        }
    }
    return parser->manifest->logits_bound[WT_FP32] < 0.0
               ? invalid(parser, "precisions", "an object with fp32 at least")
               : WT_OK;
}

static enum wt_status parse_all(const struct parser *parser)
{
    const json_t *format = json_object_get(parser->root, "bundle_format");
    struct wt_manifest *manifest = parser->manifest;
    if (!json_is_object(parser->root)) {
        return invalid(parser, "bundle_format", "in an object");
    }
    if (!json_is_integer(format) || json_integer_value(format) != BUNDLE_FORMAT) {
        return invalid(parser, "bundle_format", "1, the only format this version reads");
    }
    enum wt_status status =
        copy_text(parser, json_object_get(parser->root, "runtime"), "runtime", &manifest->runtime);
    if (status == WT_OK) {
        status = copy_text(parser, json_object_get(parser->root, "name"), "name", &manifest->name);
    }
    if (status == WT_OK) {
        status = copy_text(parser, json_object_get(parser->root, "version"), "version",
                           &manifest->version);
    }
    if (status == WT_OK) {
        status = parse_labels(parser);
    }
    if (status == WT_OK) {
        status = parse_tokenizer(parser);
    }
    if (status == WT_OK) {
        status = parse_sizes(parser);
    }
    return status == WT_OK ? parse_precisions(parser) : status;
}

enum wt_status wt_manifest_parse(const char *bytes, size_t count, const char *source,
                                 struct wt_manifest **manifest_out, struct wt_error *error)
{
    json_error_t cause;
    struct parser parser = {.source = source, .error = error};
    parser.root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &cause);
    if (parser.root == NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-manifest",
                            "the model %s: wiretag.json is not valid JSON: %s (line %d); export "
                            "the model again",
                            source, cause.text, cause.line);
    }
    parser.manifest = calloc(1, sizeof *parser.manifest);
    enum wt_status status = parser.manifest != NULL ? parse_all(&parser)
                                                    : wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL,
                                                                   "memory", "out of memory");
    json_decref(parser.root);
    if (status != WT_OK) {
        wt_manifest_destroy(parser.manifest);
        return status;
    }
    *manifest_out = parser.manifest;
    return WT_OK;
}

void wt_manifest_destroy(struct wt_manifest *manifest)
{
    if (manifest == NULL) {
        return;
    }
    for (uint32_t i = 0; i < manifest->label_count; i++) {
        free(manifest->labels[i]);
    }
    free(manifest->labels);
    free(manifest->runtime);
    free(manifest->name);
    free(manifest->version);
    free(manifest);
}
