/* classify.h: from texts to labels in one call, with a bundle and nothing else.
 *
 *   1. wt_classifier_open       once: model and vocabulary of a bundle
 *   2. wt_classify              any number of texts, from any number of threads
 *   3. wt_results_get           the label of each
 *
 * examples/library/classify.c is all of it, examples/library/classify.py the same from Python.
 *
 * A text gets what a worker and `wiretag classify` give it: the same tokens, logits and scores. Batches
 * are made inside, of texts of similar length. What a text gets does not depend on its neighbours: the
 * same bits where the model is one that promises them (int8; every operator of it is the project's own),
 * else within the model's logits_bound.
 *
 * Rules of the boundary, for every function below:
 *  1. Plain C: no exception, C++ type or framework word crosses it. Nothing aborts on bad input, and
 *     nothing is written to stdout, stderr or a log.
 *  2. Whatever the caller passes in stays the caller's; it is read during the call only. (The one
 *     exception is the model of wt_classifier_create.)
 *  3. Whatever comes back through a `_out` belongs to the caller and is given back with the matching
 *     `_destroy`, which accepts NULL; every `const` pointer returned lives as long as the object it came
 *     from.
 *  4. A failure of the call leaves `_out` untouched and fills `error` (see status.h). What is wrong with
 *     one text is that text's status and no failure of the call.
 *  5. One classifier serves several threads at once. The caller joins them before wt_classifier_destroy.
 *  6. A bundle contains code; loading one runs it. Pin it by its SHA-256 (model.h).
 *  7. Lengths of texts are in bytes, of what the model reads in tokens, [CLS] and [SEP] included.
 *
 * Memory: 4 MiB and the batch for each thread at work at once, kept for the next call; for each text
 * some 80 bytes and 12 for each label, until wt_results_destroy. On a GPU every calling thread has
 * memory of its own there: call from a few that live long. */
#ifndef WIRETAG_CLASSIFY_H
#define WIRETAG_CLASSIFY_H

#include "wiretag/model.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_classifier;
struct wt_results;

/* See status.h, "Options". They change the speed, not the labels. */
struct wt_classifier_options {
    size_t size;           /* sizeof(struct wt_classifier_options) */
    uint32_t batch_tokens; /* of one batch, padding included; 0: what suits the device */
    uint32_t batch_texts;  /* of one batch; 0: 64 */
};

/* Everything zero but the size. `size`: sizeof *options. Thread: any. */
WT_API void wt_classifier_options_defaults(struct wt_classifier_options *options, size_t size);

/* The same for C, as a value. */
static inline struct wt_classifier_options wt_classifier_options_default(void)
{
    struct wt_classifier_options options;
    wt_classifier_options_defaults(&options, sizeof options);
    return options;
}

/* Loads the bundle at `path` as wt_model_load does, which says what can fail. `model_options` and
 * `options` may be NULL: the defaults. A program that calls from one thread sets threads_per_call of
 * the model to its processors; one that calls from several leaves it at 1. Thread: any. */
WT_API enum wt_status wt_classifier_open(const char *path,
                                         const struct wt_model_options *model_options,
                                         const struct wt_classifier_options *options,
                                         struct wt_classifier **classifier_out,
                                         struct wt_error *error);

/* The same with a model that is loaded already. It stays the caller's and must outlive the
 * classifier. WT_INVALID: options-size. WT_MEMORY. Thread: any. */
WT_API enum wt_status wt_classifier_create(struct wt_model *model,
                                           const struct wt_classifier_options *options,
                                           struct wt_classifier **classifier_out,
                                           struct wt_error *error);

WT_API void wt_classifier_destroy(struct wt_classifier *classifier);

/* The model; its wt_model_info has the labels. */
WT_API const struct wt_model *wt_classifier_model(const struct wt_classifier *classifier);

/* One text: `count` bytes of UTF-8, which need no NUL and may have some inside. */
struct wt_text {
    const char *bytes; /* NULL only where count is 0 */
    size_t count;
};

/* What one text got. */
struct wt_result {
    enum wt_status status;        /* WT_OK, or why it has no label */
    const struct wt_error *error; /* NULL where status is WT_OK */
    uint32_t label;       /* id of the best one: that with the largest logit, the first of equals */
    const char *name;     /* its name; NULL without a label */
    double score;         /* its share of 1 */
    const float *logits;  /* as many as there are labels, in id order; NULL without a label */
    const double *scores; /* softmax of the logits: each 0..1, their sum 1; NULL without a label */
    uint32_t token_count; /* how many tokens the model read */
    bool truncated;       /* the text had more than the model takes */
};

/* Labels `count` texts (0 is fine). Of each text's result the status is WT_OK, or
 *   WT_INVALID (class record), code: text-blank (nothing but white space); text-not-utf8;
 *     text-too-large; text-missing: no bytes where there should be some; logits-not-finite
 *   WT_FAILED (class record): the model fails on this very text
 *   WT_MEMORY (class retriable): the device has no memory for this text alone.
 * A batch that fails is halved until the text that it fails on stands alone.
 * The call itself fails with WT_MEMORY: the host has no memory; WT_IO: the device failed for good.
 * Sets the calling thread's number of OpenMP threads to the model's threads_per_call.
 * Thread: any, several at once. */
WT_API enum wt_status wt_classify(struct wt_classifier *classifier, const struct wt_text *texts,
                                  size_t count, struct wt_results **results_out,
                                  struct wt_error *error);

/* As many as there were texts. */
WT_API size_t wt_results_count(const struct wt_results *results);

/* The result of text `index`; NULL for one that there is not. */
WT_API const struct wt_result *wt_results_get(const struct wt_results *results, size_t index);

WT_API void wt_results_destroy(struct wt_results *results);

#ifdef __cplusplus
}
#endif

#endif
