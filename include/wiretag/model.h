/* model.h: a classification bundle, loaded and ready to run. Usable without Kafka.
 *
 * Rules of the boundary, for every function below:
 *  1. Plain C: no exception, C++ type or framework word crosses it. Nothing aborts on bad input, and
 *     nothing is written to stdout, stderr or a log.
 *  2. Whatever the caller passes in stays the caller's; it is read during the call only.
 *  3. Whatever comes back through a `_out` belongs to the caller and is given back with the
 *     matching `_destroy`, which accepts NULL; every `const` pointer returned lives as long as the
 *     object it came from.
 *  4. A failure leaves `_out` untouched and fills `error` (see status.h); no memory is WT_MEMORY.
 *  5. A loaded model is immutable: wt_model_forward may be called from several threads at once.
 *     The caller joins those threads before wt_model_destroy.
 *  6. A bundle contains code. Loading one runs that code, so pin it by its SHA-256 in production:
 *     the hash is taken over the very bytes that are then loaded.
 *  7. Lengths and widths are in tokens, [CLS] and [SEP] included; batches are row-major. */
#ifndef WIRETAG_MODEL_H
#define WIRETAG_MODEL_H

#include "wiretag/status.h"
#include "wiretag/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_model;

/* Who is told how far loading is: its step, and `done` of `total` of it (0: unknown), on the thread
 * that loads. `step` is a static string. All zero: nobody. */
struct wt_model_progress {
    void (*tell)(void *opaque, const char *step, uint64_t done, uint64_t total);
    void *opaque;
};

/* See status.h, "Options". */
struct wt_model_options {
    size_t size;               /* sizeof(struct wt_model_options) */
    const char *device;        /* "auto", "cpu", "cuda" or "cuda:N"; NULL is "auto" */
    const char *precision;     /* "auto", "fp32", "bf16", "fp16", "int8"; NULL is "auto" */
    const char *sha256;        /* 64 hex digits the bundle must have; NULL: any */
    uint32_t threads_per_call; /* CPU threads of one forward; 0 is 1 */
    bool skip_selftest;        /* only for tools that inspect a bundle */
    const char *named_by; /* what the path was given by, for messages: "--model"; may be NULL */
    struct wt_model_progress progress;
};

/* Everything zero but the size. `size`: sizeof *options. Thread: any. */
WT_API void wt_model_options_defaults(struct wt_model_options *options, size_t size);

/* The same for C, as a value. */
static inline struct wt_model_options wt_model_options_default(void)
{
    struct wt_model_options options;
    wt_model_options_defaults(&options, sizeof options);
    return options;
}

/* How long each step of loading took. */
struct wt_model_load_seconds {
    double reading; /* and hashing */
    double loading;
    double preparing; /* for the device and the precision; what can be wrong with it is tried */
    double selftest;
};

/* What the bundle says of itself and what was picked for it. */
struct wt_model_info {
    const char *name;
    const char *version;
    const char *sha256;        /* of the bundle's bytes, 64 lower-case hex digits */
    const char *device;        /* picked: "cpu", "cuda:0" */
    const char *precision;     /* picked: "fp32", "bf16", "fp16", "int8" */
    const char *precision_why; /* one clause: why it was picked */
    const char *operators;     /* what computes it, such as "avx2: 9 linear layers, 2 attentions" */
    const char *const *labels; /* in id order */
    uint32_t label_count;
    uint32_t tokens_max;     /* the longest article, [CLS] and [SEP] included */
    uint32_t pad_to;         /* 0: policy exact; 512: policy padded-512 */
    bool equal_lengths_only; /* the model keeps its promise only in batches of one length */
    double logits_bound;     /* largest logit difference to expect of the precision; negative: int8
                                without a self-test, which would have measured it */
    double
        logits_bound_any; /* the largest of all precisions that the bundle has one for, and of this: what
                                the same bundle elsewhere, or at another start, may differ by */
    struct wt_model_load_seconds load_seconds;
};

/* Reads the bundle at `path`, hashes it, loads it onto the device and runs its self-test. `options`
 * NULL: the defaults.
 * WT_IO: not readable. WT_INVALID: wrong hash, not a bundle, self-test failed, device or precision
 * not available; the message says which and what to do. WT_MEMORY; but where Jansson, which reads
 * the manifest, has no memory, it may call the manifest wrong: WT_INVALID. Thread: any; takes seconds
 * for a large bundle. */
WT_API enum wt_status wt_model_load(const char *path, const struct wt_model_options *options,
                                    struct wt_model **model_out, struct wt_error *error);

WT_API void wt_model_destroy(struct wt_model *model);

WT_API const struct wt_model_info *wt_model_info(const struct wt_model *model);

/* The bundle's vocabulary with its tokenizer options. */
WT_API const struct wt_vocab *wt_model_vocab(const struct wt_model *model);

/* Prepares the calling thread (CPU thread count, device); call it once in each thread before its
 * first wt_model_forward. */
WT_API void wt_model_thread_init(struct wt_model *model);

/* Labels a batch. `ids`: batch_size x width token ids, row-major, padded with any valid id past a
 * row's length; `lengths`: batch_size values in 1..width; width <= tokens_max. Writes batch_size x
 * label_count finite or non-finite floats to `logits_out`: the caller looks at them.
 * WT_INVALID (class record): ids or lengths out of range. WT_MEMORY (class retriable): the batch
 * does not fit the device, halve it. WT_FAILED (class record): the model failed on this batch.
 * Thread: any, several at once, each after wt_model_thread_init. */
WT_API enum wt_status wt_model_forward(struct wt_model *model, const int64_t *ids,
                                       const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                       float *logits_out, struct wt_error *error);

/* Runs a short article of the model's own through it: whether a failure is the model's or the
 * article's. WT_OK, or as wt_model_forward, and WT_FAILED when the logits are not finite. Thread:
 * as wt_model_forward. */
WT_API enum wt_status wt_model_probe(struct wt_model *model, struct wt_error *error);

/* The runtime behind this build and its version, such as "libtorch 2.15.0" or "fake". */
WT_API const char *wt_model_runtime(void);

#ifdef __cplusplus
}
#endif

#endif
