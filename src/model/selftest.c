#include "model/selftest.h"

#include "model/bundle.h"

#include <jansson.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The lengths of the rows in the trial: long enough for every layer to read past the shorter one,
 * short enough to be fast. */
#define TRIAL_TOKENS_MAX 40u
#define TRIAL_PADDING 8u

/* Used if no bound was measured. Logits that differ from fp32 by more than this share of the range
 * of all texts' logits are not caused by rounding: the model or a kernel is wrong. */
#define UNMEASURED_RANGE_SHARE 0.25

/* A bound must also hold for articles that were not measured. The export uses a factor of three,
 * but measures many more texts. */
#define SAFETY 5.0
#define LEAST_BOUND 1e-4

struct selftest {
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_tokenizer *tokenizer;
    const char *source;
    double bound;        /* negative: none was measured */
    double largest;      /* largest difference so far */
    size_t largest_line; /* its line */
    double low;          /* smallest of all expected logits */
    double high;
    float *logits; /* label_count each */
    float *expected;
    int64_t *ids; /* tokens_max */
    struct wt_error *error;
};

/* `line` 0: about the whole self-test. */
static enum wt_status failed(const struct selftest *selftest, size_t line, const char *what)
{
    bool fp32 = strcmp(selftest->info->precision, "fp32") == 0;
    char place[32] = "";
    if (line > 0) {
        (void)snprintf(place, sizeof place, " at line %zu", line);
    }
    return wt_error_set(selftest->error, WT_INVALID, WT_ERROR_FATAL, "selftest",
                        "the model %s fails its self-test%s on %s in %s: %s. Export it again with "
                        "this version%s",
                        selftest->source, place, selftest->info->device, selftest->info->precision,
                        what, fp32 ? "" : ", or try precision fp32");
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

/* The largest difference of two rows of logits; NaN if there is one. */
static double largest_difference(const float *left, const float *right, uint32_t count)
{
    double largest = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double difference = fabs((double)left[i] - (double)right[i]);
        if (isnan(difference)) {
            return difference;
        }
        largest = fmax(largest, difference);
    }
    return largest;
}

static enum wt_status too_far(const struct selftest *selftest, size_t line, double difference,
                              double allowed)
{
    char what[160];
    (void)snprintf(what, sizeof what, "logits differ by %.3g, %.3g is allowed", difference,
                   allowed);
    return failed(selftest, line, what);
}

static void remember(struct selftest *selftest, size_t line, double difference)
{
    if (difference > selftest->largest) {
        selftest->largest = difference;
        selftest->largest_line = line;
    }
    for (uint32_t i = 0; i < selftest->info->label_count; i++) {
        selftest->low = fmin(selftest->low, (double)selftest->expected[i]);
        selftest->high = fmax(selftest->high, (double)selftest->expected[i]);
    }
}

/* Called after the last line, if no bound was measured. */
static enum wt_status compare_with_range(const struct selftest *selftest)
{
    /* With a single label, zero counts as a logit too. */
    bool lone = selftest->info->label_count == 1;
    double low = lone ? fmin(selftest->low, 0.0) : selftest->low;
    double high = lone ? fmax(selftest->high, 0.0) : selftest->high;
    double allowed = fmax(UNMEASURED_RANGE_SHARE * (high - low), LEAST_BOUND);
    return selftest->largest <= allowed
               ? WT_OK
               : too_far(selftest, selftest->largest_line, selftest->largest, allowed);
}

static enum wt_status compare(struct selftest *selftest, size_t line)
{
    uint32_t count = selftest->info->label_count;
    double difference = largest_difference(selftest->logits, selftest->expected, count);
    double bound = selftest->bound;
    if (!isfinite(difference)) {
        return failed(selftest, line, "it gives NaN or infinity");
    }
    remember(selftest, line, difference);
    if (bound < 0.0) {
        return WT_OK;
    }
    if (difference > bound) {
        return too_far(selftest, line, difference, bound);
    }
    uint32_t got = best_of(selftest->logits, count);
    uint32_t wanted = best_of(selftest->expected, count);
    char what[160];
    if (got != wanted && margin_of(selftest->expected, count) > 2.0 * bound) {
        (void)snprintf(what, sizeof what, "the label is %.50s instead of %.50s",
                       selftest->info->labels[got], selftest->info->labels[wanted]);
        return failed(selftest, line, what);
    }
    return WT_OK;
}

/* Parses {"text","logits"} of one line into `expected`. */
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

static enum wt_status run_line(struct selftest *selftest, const json_t *root, size_t line)
{
    const json_t *text = json_object_get(root, "text");
    struct wt_tokens tokens;
    enum wt_status status = read_expected(selftest, root, line);
    if (status == WT_OK) {
        status = wt_tokenizer_encode(selftest->tokenizer, json_string_value(text),
                                     json_string_length(text), selftest->info->tokens_max, &tokens,
                                     selftest->error);
    }
    if (status != WT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < tokens.count; i++) {
        selftest->ids[i] = tokens.ids[i];
    }
    int64_t length = tokens.count;
    struct wt_error cause;
    status = wt_model_forward(selftest->model, selftest->ids, &length, 1, tokens.count,
                              selftest->logits, &cause);
    if (status == WT_OK) {
        return compare(selftest, line);
    }
    if (status == WT_MEMORY || status == WT_IO) {
        return wt_error_set(selftest->error, status, cause.error_class, cause.code, "%s",
                            cause.message);
    }
    char what[400];
    (void)snprintf(what, sizeof what, "%u tokens: %.300s", tokens.count, cause.message);
    return failed(selftest, line, what);
}

static enum wt_status run_lines(struct selftest *selftest, const char *bytes, size_t count,
                                const struct wt_model_progress *progress)
{
    size_t line = 0;
    size_t texts = 0;
    for (size_t start = 0; start < count;) {
        const char *newline = memchr(bytes + start, '\n', count - start);
        size_t line_bytes = (newline != NULL ? (size_t)(newline - bytes) : count) - start;
        line++;
        if (line_bytes > 0) {
            json_t *root = json_loadb(bytes + start, line_bytes, JSON_ALLOW_NUL, NULL);
            enum wt_status status = run_line(selftest, root, line);
            json_decref(root);
            if (status != WT_OK) {
                return status;
            }
            texts++;
        }
        start += line_bytes + 1;
        wt_model_progress_tell(progress, "self-test", start, count);
    }
    if (texts == 0) {
        return failed(selftest, 0, "selftest.jsonl has no text");
    }
    return selftest->bound < 0.0 ? compare_with_range(selftest) : WT_OK;
}

enum wt_status wt_selftest_run(struct wt_model *model, const char *bytes, size_t count,
                               double *logits_bound, const char *source,
                               const struct wt_model_progress *progress, struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct selftest selftest = {.model = model,
                                .info = info,
                                .source = source,
                                .bound = *logits_bound,
                                .low = INFINITY,
                                .high = -INFINITY,
                                .error = error};
    selftest.logits = calloc(info->label_count, sizeof(float));
    selftest.expected = calloc(info->label_count, sizeof(float));
    selftest.ids = calloc(info->tokens_max, sizeof(int64_t));
    enum wt_status status;
    if (selftest.logits == NULL || selftest.expected == NULL || selftest.ids == NULL) {
        status = wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
    } else {
        status = wt_tokenizer_create(wt_model_vocab(model), &selftest.tokenizer, error);
    }
    if (status == WT_OK) {
        status = run_lines(&selftest, bytes, count, progress);
    }
    if (status == WT_OK && *logits_bound < 0.0) {
        *logits_bound = fmax(SAFETY * selftest.largest, LEAST_BOUND);
    }
    wt_tokenizer_destroy(selftest.tokenizer);
    free(selftest.logits);
    free(selftest.expected);
    free(selftest.ids);
    /* Returns freed memory to the system: the threads that run the model from now on have their own
     * heaps. */
    (void)malloc_trim(0);
    return status;
}

/* --- batch invariance ------------------------------------------------------------------------- */

/* Fills two rows of ids with the given lengths, `width` apart. The ids are spread over the
 * vocabulary. */
static void fill_trial(const struct wt_model *model, int64_t *ids, const int64_t lengths[2],
                       uint32_t width)
{
    uint32_t vocab_size = wt_vocab_size(wt_model_vocab(model));
    memset(ids, 0, 2 * (size_t)width * sizeof *ids);
    for (uint32_t row = 0; row < 2; row++) {
        for (uint32_t i = 0; i < lengths[row]; i++) {
            ids[(size_t)row * width + i] = (7919u * (i + 1) + 104729u * row) % vocab_size;
        }
    }
}

enum wt_status wt_selftest_invariance(struct wt_model *model, double tolerance, bool *invariant_out,
                                      struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    uint32_t tokens_max = info->tokens_max;
    int64_t longer = tokens_max < TRIAL_TOKENS_MAX ? tokens_max : TRIAL_TOKENS_MAX;
    int64_t lengths[2] = {longer / 4 + 1, longer};
    uint32_t width = (uint32_t)longer + TRIAL_PADDING;
    width = width < tokens_max ? width : tokens_max;
    int64_t *ids = calloc(2 * (size_t)width, sizeof *ids);
    float *logits = calloc(4 * (size_t)info->label_count, sizeof *logits);
    enum wt_status status = WT_OK;
    if (ids == NULL || logits == NULL) {
        status = wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
        goto done;
    }
    float *together = logits + 2 * (size_t)info->label_count;
    fill_trial(model, ids, lengths, width);
    for (uint32_t row = 0; row < 2 && status == WT_OK; row++) {
        status = wt_model_forward(model, ids + (size_t)row * width, &lengths[row], 1,
                                  (uint32_t)lengths[row], logits + (size_t)row * info->label_count,
                                  error);
    }
    if (status == WT_OK) {
        /* A model that cannot run two rows of different lengths is not an error either. */
        *invariant_out = wt_model_forward(model, ids, lengths, 2, width, together, NULL) == WT_OK &&
                         largest_difference(logits, together, 2 * info->label_count) <= tolerance;
    }
done:
    free(ids);
    free(logits);
    return status;
}
