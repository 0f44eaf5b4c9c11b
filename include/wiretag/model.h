/* model.h: a loaded classification bundle. Usable without Kafka.
 *
 * Rules for every function below:
 *  1. Plain C: no exceptions, no C++ types and no names of the framework. Bad input never aborts,
 *     and nothing is written to stdout, stderr or a log.
 *  2. The caller keeps ownership of its arguments; they are read only during the call.
 *  3. The caller owns what a `_out` parameter returns, and frees it with the matching `_destroy`,
 *     which accepts NULL. A returned `const` pointer is valid as long as the object from which it
 *     came.
 *  4. A failure leaves `_out` unchanged and fills `error` (see status.h). Out of memory is
 *     WT_MEMORY.
 *  5. A loaded model is immutable: several threads may call wt_model_forward at once. The caller
 *     joins those threads before wt_model_destroy.
 *  6. Loading a bundle runs the code in it. Pin it by its SHA-256 in production: the hash is that
 *     of the same bytes that are loaded.
 *  7. Lengths and widths are in tokens, with [CLS] and [SEP]. Batches are row-major. */
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

/* What a model's logits say. */
enum wt_task {
    WT_SINGLE_LABEL, /* one label an article: the scores are the softmax of the logits */
    WT_MULTI_LABEL   /* any number: each label's score is the sigmoid of its logit */
};

/* A callback for the progress of loading: `done` of `total` (0: unknown) of the current step. It
 * runs on the thread that loads. `step` is a static string. All zero: no callback. */
struct wt_model_progress {
    void (*tell)(void *opaque, const char *step, uint64_t done, uint64_t total);
    void *opaque;
};

/* See status.h, "Options". */
struct wt_model_options {
    size_t size;               /* sizeof(struct wt_model_options) */
    const char *device;        /* "auto", "cpu", "cuda" or "cuda:N"; NULL is "auto" */
    const char *precision;     /* "auto", "fp32", "bf16", "fp16", "int8"; NULL is "auto" */
    const char *sha256;        /* 64 hex digits that the bundle's hash must equal; NULL: any */
    uint32_t threads_per_call; /* CPU threads of one forward; 0 is 1, and so is any in a child of
                                  fork whose parent had loaded a model */
    bool skip_selftest;        /* for tools that only inspect a bundle */
    const char *named_by; /* for messages: what named the path, such as "--model"; may be NULL */
    struct wt_model_progress progress;
    /* What computes on a CPU: "auto", a kernel set such as "avx2", or "libtorch"; NULL is "auto". */
    const char *kernels;
};

/* Zeroes everything but `size`. `size`: sizeof *options. Thread: any. */
WT_API void wt_model_options_defaults(struct wt_model_options *options, size_t size);

/* The same as a value. */
static inline struct wt_model_options wt_model_options_default(void)
{
    struct wt_model_options options;
    wt_model_options_defaults(&options, sizeof options);
    return options;
}

/* How long each step of loading took. */
struct wt_model_load_seconds {
    double reading; /* with hashing */
    double loading;
    double preparing; /* for device and precision, with the checks of the model */
    double selftest;
};

/* What the bundle contains, and what was chosen for it. */
struct wt_model_info {
    const char *name;
    const char *version;
    const char *sha256;        /* of the bundle's bytes, 64 lower-case hex digits */
    const char *device;        /* chosen: "cpu", "cuda:0" */
    const char *precision;     /* chosen: "fp32", "bf16", "fp16", "int8" */
    const char *precision_why; /* one clause: why it was chosen */
    const char *operators;     /* what computes it, such as "avx2: 9 linear layers, 2 attentions" */
    const char *const *labels; /* in id order */
    uint32_t label_count;
    uint32_t tokens_max;     /* the longest article, with [CLS] and [SEP] */
    uint32_t pad_to;         /* 0: policy exact; 512: policy padded-512 */
    bool equal_lengths_only; /* batch invariance holds only in batches of one length */
    /* The largest difference of logits to expect in this precision; negative: not known, for int8
     * without a self-test. */
    double logits_bound;
    /* The largest bound of this and of all precisions that the bundle has one for: how far the same
     * bundle may differ on another machine, or at another start. */
    double logits_bound_any;
    struct wt_model_load_seconds load_seconds;
    enum wt_task task;
    const char *const *label_uris; /* in id order, such as "medtop:15000000"; NULL: it has none */
    /* In id order, 0 to 1: the score from which an article has the label. From the bundle, else 0
     * (single-label: the best label always counts) or 0.5 (multi-label). */
    const double *thresholds;
    /* What computes it: the kernel set of the products, and those of attention and LSTM where they are
     * others, such as "avx512-vnni, attention avx512-bf16"; "libtorch": its own operators. */
    const char *kernels;
};

/* "single-label" or "multi-label". Thread: any. */
WT_API const char *wt_task_name(enum wt_task task);

/* Reads and hashes the bundle at `path`, loads it on the device and runs its self-test. `options`
 * NULL: the defaults.
 * WT_IO: not readable. WT_INVALID: wrong hash, not a bundle, damaged, self-test failed, device, precision or
 * kernels not available; the message says which and what to do. WT_MEMORY. If Jansson, which parses the
 * manifest, runs out of memory, the result may be WT_INVALID. Thread: any; takes seconds for a
 * large bundle. */
WT_API enum wt_status wt_model_load(const char *path, const struct wt_model_options *options,
                                    struct wt_model **model_out, struct wt_error *error);

WT_API void wt_model_destroy(struct wt_model *model);

#ifdef __cplusplus /* -Wshadow: a struct of the same name, which nobody constructs in C++ */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
WT_API const struct wt_model_info *wt_model_info(const struct wt_model *model);
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* The bundle's vocabulary with its tokenizer options. */
WT_API const struct wt_vocab *wt_model_vocab(const struct wt_model *model);

/* Prepares the calling thread (CPU thread count, device). Call it once in each thread before its
 * first wt_model_forward. */
WT_API void wt_model_thread_init(struct wt_model *model);

/* Computes the logits of a batch. `ids`: batch_size x width token ids, row-major, padded with any
 * valid id after a row's length. `lengths`: batch_size values in 1..width; width <= tokens_max.
 * Writes batch_size x label_count floats to `logits_out`; they may be NaN or infinite, which the
 * caller must check.
 * WT_INVALID (class record): ids or lengths out of range. WT_MEMORY (class retriable): the batch
 * does not fit the device; halve it. WT_FAILED (class record): the model failed on this batch.
 * Thread: any, several at once, each after wt_model_thread_init. */
WT_API enum wt_status wt_model_forward(struct wt_model *model, const int64_t *ids,
                                       const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                       float *logits_out, struct wt_error *error);

/* Runs a short article of the model's own. It tells a failing model from a bad article. WT_OK, an
 * error of wt_model_forward, or WT_FAILED if the logits are not finite. Thread: as
 * wt_model_forward. */
WT_API enum wt_status wt_model_probe(struct wt_model *model, struct wt_error *error);

/* The runtime of this build and its version, such as "libtorch 2.15.0" or "fake". */
WT_API const char *wt_model_runtime(void);

#ifdef __cplusplus
}
#endif

#endif
