/* classify.h: texts to labels in one call. It needs only a bundle.
 *
 *   1. wt_classifier_open       once: model and vocabulary of a bundle
 *   2. wt_classify              any number of texts, from any number of threads
 *   3. wt_results_get           the label of each text
 *
 * examples/library/classify.c shows all three, examples/library/classify.py the same in Python.
 *
 * The tokens, logits and scores of a text are those of a worker and of `wiretag classify`. Texts of
 * similar length are batched internally. A result does not depend on the other texts: its bits are
 * the same if the model promises that (int8, and all operators are the project's own), otherwise
 * its logits stay within the model's logits_bound.
 *
 * Rules for every function below:
 *  1. Plain C: no exceptions, no C++ types and no names of the framework. Bad input never aborts,
 *     and nothing is written to stdout, stderr or a log.
 *  2. The caller keeps ownership of its arguments; they are read only during the call. The one
 *     exception is the model of wt_classifier_create, which must live longer.
 *  3. The caller owns what a `_out` parameter returns, and frees it with the matching `_destroy`,
 *     which accepts NULL. A returned `const` pointer is valid as long as the object from which it
 *     came.
 *  4. If the call fails, `_out` is unchanged and `error` is filled (see status.h). A problem with
 *     one text is in that text's result and does not fail the call.
 *  5. Several threads may use one classifier at once. The caller joins them before
 *     wt_classifier_destroy.
 *  6. Loading a bundle runs the code in it. Pin it by its SHA-256 (model.h).
 *  7. Lengths of texts are in bytes; token counts include [CLS] and [SEP].
 *
 * Memory: 4 MiB and one batch for each thread that calls at the same time, kept for the next call.
 * Each text takes some 120 bytes, and 16 for each label, until wt_results_destroy. On a GPU each
 * calling thread has its own memory there, so call from few threads that live long. */
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

/* See status.h, "Options". The batches change the speed, not the labels. */
struct wt_classifier_options {
    size_t size;           /* sizeof(struct wt_classifier_options) */
    uint32_t batch_tokens; /* tokens in a batch, padding included; 0: chosen for the device */
    uint32_t batch_texts;  /* texts in a batch; 0: 64 */
    /* What becomes of texts that are longer than the model accepts. 0 or 1: they are cut off there.
     * 2 to 256: they are read in so many overlapping windows at most, and their logits are the mean
     * of the windows' (docs/models.md, "Long articles"; a worker's input.windows_max). */
    uint32_t windows_max;
    uint32_t window_overlap; /* tokens that neighbouring windows share */
};

/* Zeroes everything but `size`, and window_overlap, which is 64. `size`: sizeof *options. Thread:
 * any. */
WT_API void wt_classifier_options_defaults(struct wt_classifier_options *options, size_t size);

/* The same as a value. */
static inline struct wt_classifier_options wt_classifier_options_default(void)
{
    struct wt_classifier_options options;
    wt_classifier_options_defaults(&options, sizeof options);
    return options;
}

/* Loads the bundle at `path` like wt_model_load, with the same errors. `model_options` and
 * `options` may be NULL for the defaults. If only one thread calls the classifier, set the model's
 * threads_per_call to the number of processors; if several do, leave it at 1. Thread: any. */
WT_API enum wt_status wt_classifier_open(const char *path,
                                         const struct wt_model_options *model_options,
                                         const struct wt_classifier_options *options,
                                         struct wt_classifier **classifier_out,
                                         struct wt_error *error);

/* The same with a loaded model. The caller keeps the model, which must outlive the classifier.
 * WT_INVALID: options-size; windows-max: more than 256; window-overlap: windows of this model are
 * not longer. WT_MEMORY. Thread: any. */
WT_API enum wt_status wt_classifier_create(struct wt_model *model,
                                           const struct wt_classifier_options *options,
                                           struct wt_classifier **classifier_out,
                                           struct wt_error *error);

WT_API void wt_classifier_destroy(struct wt_classifier *classifier);

/* The model. wt_model_info of it has the labels. */
WT_API const struct wt_model *wt_classifier_model(const struct wt_classifier *classifier);

/* A text: `count` bytes of UTF-8. It needs no NUL at the end and may contain NULs. */
struct wt_text {
    const char *bytes; /* NULL only if count is 0 */
    size_t count;
};

/* The result for one text. */
struct wt_result {
    enum wt_status status;        /* WT_OK, or why it has no label */
    const struct wt_error *error; /* NULL if status is WT_OK */
    uint32_t label;               /* id of the label with the largest logit; the lowest of equals */
    const char *name;             /* the label's name; NULL without a label */
    double score;                 /* the label's score, whatever its threshold */
    const float *logits;          /* one for each label, in id order; NULL without a label */
    const double *scores; /* of all labels: their softmax or a sigmoid each (task), 0..1; NULL
                           * without a label */
    uint32_t token_count; /* how many tokens the model read; those of overlaps count once */
    bool truncated;       /* the text had more tokens than the model accepts, or its windows */
    enum wt_task task;    /* the model's */
    const char *uri;      /* of `label`, such as "medtop:15000000"; NULL: it has none */
    /* The labels whose score reaches the model's threshold (wt_model_info), best first: their ids.
     * None or one of a single-label model. NULL without a label. */
    const uint32_t *labels;
    uint32_t label_count;
    uint32_t window_count; /* in how many windows the text was read; 1: whole, or cut off */
};

/* Labels `count` texts (0 is allowed). The status of each text's result is WT_OK, or
 *   WT_INVALID (class record), code: text-blank (nothing visible); text-not-utf8; text-too-large;
 *     text-missing: NULL with a count above 0; logits-not-finite
 *   WT_FAILED (class record): the model fails on this text
 *   WT_MEMORY (class retriable): the device has too little memory for this text alone.
 * A batch that fails is halved until the text that makes it fail is alone; the message names the
 * window, if the text has several.
 * The call itself fails with WT_MEMORY: the host is out of memory; WT_IO: the device failed for
 * good. Sets the number of OpenMP threads of the calling thread to the model's threads_per_call.
 * Thread: any, several at once. */
WT_API enum wt_status wt_classify(struct wt_classifier *classifier, const struct wt_text *texts,
                                  size_t count, struct wt_results **results_out,
                                  struct wt_error *error);

/* The number of texts. */
WT_API size_t wt_results_count(const struct wt_results *results);

/* The result of text `index`; NULL if there is no such text. */
WT_API const struct wt_result *wt_results_get(const struct wt_results *results, size_t index);

WT_API void wt_results_destroy(struct wt_results *results);

#ifdef __cplusplus
}
#endif

#endif
