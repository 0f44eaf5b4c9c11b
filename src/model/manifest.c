#include "model/manifest.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUNDLE_FORMAT_MAX 2
#define PADDED_TOKENS 512u
#define TOKENS_MAX_MAX 1000000
#define TOKENIZER_TYPE "wordpiece" /* of a bundle that names none */

/* The thresholds of labels for which the bundle has none. */
#define SINGLE_LABEL_THRESHOLD 0.0
#define MULTI_LABEL_THRESHOLD 0.5

const char *wt_precision_name(enum wt_precision precision)
{
    static const char *const names[] = {
        [WT_FP32] = "fp32", [WT_BF16] = "bf16", [WT_FP16] = "fp16", [WT_INT8] = "int8"};
    return names[precision];
}

const char *wt_task_name(enum wt_task task)
{
    return task == WT_MULTI_LABEL ? "multi-label" : "single-label";
}

struct parser {
    const char *source; /* the bundle's name, for messages */
    json_int_t format;
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

static enum wt_status out_of_memory(const struct parser *parser)
{
    return wt_error_set(parser->error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
}

static bool is_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0 &&
           strlen(json_string_value(value)) == json_string_length(value);
}

static enum wt_status copy_text(const struct parser *parser, const json_t *value, const char *key,
                                char **text_out)
{
    if (!is_text(value)) {
        return invalid(parser, key, "a text that is not empty");
    }
    *text_out = strdup(json_string_value(value));
    return *text_out != NULL ? WT_OK : out_of_memory(parser);
}

/* Refuses the label `index`, "sport" if it is known to be called that. */
static enum wt_status invalid_label(const struct parser *parser, size_t index, const char *key,
                                    const char *wanted)
{
    const char *name = parser->manifest->labels[index];
    return wt_error_set(parser->error, WT_INVALID, WT_ERROR_FATAL, "bundle-manifest",
                        "the model %s: wiretag.json: \"labels\", number %zu%s%.100s%s: %s must be "
                        "%s; export the model again",
                        parser->source, index + 1, name != NULL ? ", \"" : "",
                        name != NULL ? name : "", name != NULL ? "\"" : "", key, wanted);
}

/* What a label has besides its name. */
static enum wt_status parse_label_keys(const struct parser *parser, const json_t *label,
                                       size_t index)
{
    struct wt_manifest *manifest = parser->manifest;
    const json_t *uri = json_object_get(label, "uri");
    const json_t *threshold = json_object_get(label, "threshold");
    double value = json_number_value(threshold);
    if (uri != NULL && !is_text(uri)) {
        return invalid_label(parser, index, "\"uri\"", "a text that is not empty");
    }
    if (threshold != NULL && (!json_is_number(threshold) || !(value >= 0.0 && value <= 1.0))) {
        return invalid_label(parser, index, "\"threshold\"", "a number from 0 to 1");
    }
    if (threshold != NULL) {
        manifest->thresholds[index] = value;
    }
    manifest->uris[index] = uri != NULL ? strdup(json_string_value(uri)) : NULL;
    return uri != NULL && manifest->uris[index] == NULL ? out_of_memory(parser) : WT_OK;
}

static enum wt_status parse_label(const struct parser *parser, const json_t *label, size_t index)
{
    struct wt_manifest *manifest = parser->manifest;
    bool object = parser->format > 1 && json_is_object(label);
    const json_t *name = object ? json_object_get(label, "name") : label;
    if (json_is_object(label) && !object) {
        return invalid(parser, "bundle_format", "2 where labels are objects");
    }
    if (!is_text(name)) {
        return invalid_label(parser, index, object ? "\"name\"" : "a label",
                             "a text that is not empty");
    }
    manifest->labels[index] = strdup(json_string_value(name));
    if (manifest->labels[index] == NULL) {
        return out_of_memory(parser);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(manifest->labels[i], manifest->labels[index]) == 0) {
            return invalid(parser, "labels", "a list without repeated labels");
        }
    }
    return object ? parse_label_keys(parser, label, index) : WT_OK;
}

static enum wt_status parse_labels(const struct parser *parser)
{
    const json_t *labels = json_object_get(parser->root, "labels");
    struct wt_manifest *manifest = parser->manifest;
    size_t count = json_array_size(labels);
    if (!json_is_array(labels) || count == 0 || count > UINT32_MAX) {
        return invalid(parser, "labels", "a list of one label or more, in id order");
    }
    manifest->labels = calloc(count, sizeof *manifest->labels);
    manifest->uris = calloc(count, sizeof *manifest->uris);
    manifest->thresholds = calloc(count, sizeof *manifest->thresholds);
    if (manifest->labels == NULL || manifest->uris == NULL || manifest->thresholds == NULL) {
        return out_of_memory(parser);
    }
    manifest->label_count = (uint32_t)count;
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        manifest->thresholds[i] =
            manifest->task == WT_MULTI_LABEL ? MULTI_LABEL_THRESHOLD : SINGLE_LABEL_THRESHOLD;
        status = parse_label(parser, json_array_get(labels, i), i);
    }
    return status;
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
    const char *name = type == NULL           ? TOKENIZER_TYPE
                       : json_is_string(type) ? json_string_value(type)
                                              : "";
    const char *file = NULL;
    const char *known = wt_tokenizer_type(name, &file);
    if (!json_is_object(tokenizer) || known == NULL) {
        return invalid(parser, "tokenizer",
                       "an object with \"type\": \"wordpiece\", \"bpe\" or \"unigram\"");
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

static enum wt_status parse_format(struct parser *parser)
{
    const json_t *format = json_object_get(parser->root, "bundle_format");
    parser->format = json_integer_value(format);
    if (!json_is_object(parser->root)) {
        return invalid(parser, "bundle_format", "in an object");
    }
    return json_is_integer(format) && parser->format >= 1 && parser->format <= BUNDLE_FORMAT_MAX
               ? WT_OK
               : invalid(parser, "bundle_format", "1 or 2, the formats this version reads");
}

/* Format 1 has no such key; a worker that does not know it would take softmax for sigmoids. */
static enum wt_status parse_task(const struct parser *parser)
{
    bool multi = false;
    enum wt_status status = WT_OK;
    if (json_object_get(parser->root, "task") != NULL) {
        status = parse_choice(parser, "task", wt_task_name(WT_SINGLE_LABEL),
                              wt_task_name(WT_MULTI_LABEL), &multi);
    }
    if (status == WT_OK && multi && parser->format < 2) {
        return invalid(parser, "bundle_format", "2 for \"task\": \"multi-label\"");
    }
    parser->manifest->task = multi ? WT_MULTI_LABEL : WT_SINGLE_LABEL;
    return status;
}

static enum wt_status parse_all(struct parser *parser)
{
    struct wt_manifest *manifest = parser->manifest;
    enum wt_status status = parse_format(parser);
    if (status != WT_OK) {
        return status;
    }
    status =
        copy_text(parser, json_object_get(parser->root, "runtime"), "runtime", &manifest->runtime);
    if (status == WT_OK) {
        status = copy_text(parser, json_object_get(parser->root, "name"), "name", &manifest->name);
    }
    if (status == WT_OK) {
        status = copy_text(parser, json_object_get(parser->root, "version"), "version",
                           &manifest->version);
    }
    if (status == WT_OK) {
        status = parse_task(parser);
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
        free(manifest->uris[i]);
    }
    free(manifest->labels);
    free(manifest->uris);
    free(manifest->thresholds);
    free(manifest->runtime);
    free(manifest->name);
    free(manifest->version);
    free(manifest);
}
