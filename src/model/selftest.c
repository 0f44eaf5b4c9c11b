#include "model/selftest.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far a padded row is from the same row alone, at most, in a model that masks its padding. */
#define INVARIANCE_TOLERANCE 1e-4

#define PADDING_TRIED 16u

struct selftest {
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_tokenizer *tokenizer;
    const char *source;
    double bound;
    float *logits; /* label_count each */
    float *padded;
    float *expected;
    int64_t *ids; /* tokens_max + PADDING_TRIED */
    struct wt_error *error;
};

static enum wt_status failed(const struct selftest *selftest, size_t line, const char *what)
{
    return wt_error_set(selftest->error, WT_INVALID, WT_ERROR_FATAL, "selftest",
                        "the model %s fails its self-test at line %zu on %s in %s: %s. Export it "
                        "again with this version, or try precision fp32",
                        selftest->source, line, selftest->info->device, selftest->info->precision,
                        what);
}

static uint32_t best_of(const float *logits, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

static double margin_of(const float *logits, uint32_t count)
{
    uint32_t best = best_of(logits, count);
    double margin = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        if (i != best) {
            margin = fmin(margin, (double)logits[best] - (double)logits[i]);
        }
    }
    return margin;
}

static double largest_difference(const float *left, const float *right, uint32_t count)
{
    double largest = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double difference = fabs((double)left[i] - (double)right[i]);
        if (!(difference <= largest)) {
            largest = difference; /* NaN stays */
        }
    }
    return largest;
}

static enum wt_status compare(const struct selftest *selftest, size_t line)
{
    uint32_t count = selftest->info->label_count;
    double difference = largest_difference(selftest->logits, selftest->expected, count);
    char what[160];
    if (!(difference <= selftest->bound)) {
        (void)snprintf(what, sizeof what, "logits differ by %.3g, %.3g is allowed", difference,
                       selftest->bound);
        return failed(selftest, line, what);
    }
    uint32_t got = best_of(selftest->logits, count);
    uint32_t wanted = best_of(selftest->expected, count);
    if (got != wanted && margin_of(selftest->expected, count) > 2.0 * selftest->bound) {
        (void)snprintf(what, sizeof what, "the label is %.50s instead of %.50s",
                       selftest->info->labels[got], selftest->info->labels[wanted]);
        return failed(selftest, line, what);
    }
    return WT_OK;
}

/* Reads {"text","logits"} of one line into `expected`. */
static enum wt_status read_expected(const struct selftest *selftest, const json_t *root,
                                    size_t line)
{
    const json_t *logits = json_object_get(root, "logits");
    if (!json_is_string(json_object_get(root, "text")) || !json_is_array(logits)) {
        return failed(selftest, line, "not an object with \"text\" and \"logits\"");
    }
    if (json_array_size(logits) != selftest->info->label_count) {
        return failed(selftest, line, "it has not one logit for each label");
    }
    for (size_t i = 0; i < json_array_size(logits); i++) {
        const json_t *logit = json_array_get(logits, i);
        if (!json_is_number(logit)) {
            return failed(selftest, line, "a logit is not a number");
        }
        selftest->expected[i] = (float)json_number_value(logit);
    }
    return WT_OK;
}

static enum wt_status run_line(struct selftest *selftest, const json_t *root, size_t line,
                               bool *invariant)
{
    const json_t *text = json_object_get(root, "text");
    const struct wt_model_info *info = selftest->info;
    struct wt_tokens tokens;
    enum wt_status status = read_expected(selftest, root, line);
    if (status == WT_OK) {
        status = wt_tokenizer_encode(selftest->tokenizer, json_string_value(text),
                                     json_string_length(text), info->tokens_max, &tokens,
                                     selftest->error);
    }
    if (status != WT_OK) {
        return status;
    }
    memset(selftest->ids, 0, (info->tokens_max + PADDING_TRIED) * sizeof(int64_t));
    for (uint32_t i = 0; i < tokens.count; i++) {
        selftest->ids[i] = tokens.ids[i];
    }
    int64_t length = tokens.count;
    status = wt_model_forward(selftest->model, selftest->ids, &length, 1, tokens.count,
                              selftest->logits, selftest->error);
    if (status == WT_OK) {
        status = compare(selftest, line);
    }
    uint32_t width = tokens.count + PADDING_TRIED;
    if (status != WT_OK || width > info->tokens_max || !*invariant) {
        return status;
    }
    status = wt_model_forward(selftest->model, selftest->ids, &length, 1, width, selftest->padded,
                              selftest->error);
    double tolerance =
        selftest->bound > INVARIANCE_TOLERANCE && strcmp(info->precision, "fp32") != 0
            ? 2.0 * selftest->bound
            : INVARIANCE_TOLERANCE;
    *invariant =
        largest_difference(selftest->logits, selftest->padded, info->label_count) <= tolerance;
    return status;
}

static enum wt_status run_lines(struct selftest *selftest, const char *bytes, size_t count,
                                bool *invariant)
{
    size_t line = 0;
    size_t texts = 0;
    for (size_t start = 0; start < count;) {
        const char *newline = memchr(bytes + start, '\n', count - start);
        size_t line_bytes = (newline != NULL ? (size_t)(newline - bytes) : count) - start;
        line++;
        if (line_bytes > 0) {
            json_t *root = json_loadb(bytes + start, line_bytes, JSON_ALLOW_NUL, NULL);
            enum wt_status status = run_line(selftest, root, line, invariant);
            json_decref(root);
            if (status != WT_OK) {
                return status;
            }
            texts++;
        }
        start += line_bytes + 1;
    }
    return texts > 0 ? WT_OK : failed(selftest, 0, "selftest.jsonl has no text");
}

enum wt_status wt_selftest_run(struct wt_model *model, const char *bytes, size_t count,
                               double logits_bound, const char *source, bool *invariant_out,
                               struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct selftest selftest = {
        .model = model, .info = info, .source = source, .bound = logits_bound, .error = error};
    bool invariant = true;
    selftest.logits = calloc(info->label_count, sizeof(float));
    selftest.padded = calloc(info->label_count, sizeof(float));
    selftest.expected = calloc(info->label_count, sizeof(float));
    selftest.ids = calloc(info->tokens_max + PADDING_TRIED, sizeof(int64_t));
    enum wt_status status;
    if (selftest.logits == NULL || selftest.padded == NULL || selftest.expected == NULL ||
        selftest.ids == NULL) {
        status = wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
    } else {
        status = wt_tokenizer_create(wt_model_vocab(model), &selftest.tokenizer, error);
    }
    if (status == WT_OK) {
        status = run_lines(&selftest, bytes, count, &invariant);
    }
    if (status == WT_OK) {
        *invariant_out = invariant;
    }
    wt_tokenizer_destroy(selftest.tokenizer);
    free(selftest.logits);
    free(selftest.padded);
    free(selftest.expected);
    free(selftest.ids);
    return status;
}
