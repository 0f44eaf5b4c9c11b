/* backend.h: what load.c and model.c ask of the runtime that executes a bundle.
 *
 * One implementation a build: torch_backend.cpp, or fake_backend.c for work on everything else. The
 * rules of include/wiretag/model.h hold here too. The order of calls: load, file, set_inputs (from
 * here on forward works, on the CPU in fp32), prepare, then thread_init and forward from any number
 * of threads, destroy last. */
#ifndef WIRETAG_MODEL_BACKEND_H
#define WIRETAG_MODEL_BACKEND_H

#include "model/bundle.h"
#include "model/manifest.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C is compiled hidden; C++ is not, since libtorch's types must be the same on both sides. */
#pragma GCC visibility push(hidden)

struct wt_backend;

/* The runtime and its version, and the word a manifest must have in "runtime" to run on it. */
const char *wt_backend_version(void);
const char *wt_backend_runtime(void);

/* Who is told what the runtime warns of, one line each, on the thread that met it; NULL, as at first:
 * nobody. For the whole process. */
void wt_backend_on_warning(void (*tell)(const char *text));

/* Writes the device for `asked` ("auto", "cpu", "cuda", "cuda:N") to `device_out` (16 bytes).
 * WT_INVALID: there is no such device here; the message says why. */
enum wt_status wt_backend_device(const char *asked, char device_out[16], struct wt_error *error);

/* Whether bf16 is fast on the GPU; otherwise fp16 or fp32 is the better choice. */
bool wt_backend_has_bf16(const char *device);

/* Loads a bundle from memory; its pages are given back to the system while they are read, after
 * which the bytes are undefined. WT_INVALID: not a bundle of this runtime, or damaged. */
enum wt_status wt_backend_load(struct wt_bundle *bundle, const char *source,
                               struct wt_backend **backend_out, struct wt_error *error);

/* A file inside the bundle: `*bytes_out` and `*count_out`, the backend's. False: there is none. */
bool wt_backend_file(const struct wt_backend *backend, const char *name, const char **bytes_out,
                     size_t *count_out);

/* `takes_mask`: the model wants a mask int64 [B,S] instead of lengths int64 [B]. WT_INVALID: its
 * signature is another. */
enum wt_status wt_backend_set_inputs(struct wt_backend *backend, bool takes_mask,
                                     struct wt_error *error);

/* What a model is wanted for. */
struct wt_backend_wish {
    const char *device;
    bool precisions[WT_PRECISION_COUNT]; /* one or more; of several that which is measured best */
    uint32_t tokens_max;                 /* the lengths to measure with: as in wt_model_info */
    uint32_t pad_to;
};

/* What became of the model. */
struct wt_backend_prepared {
    enum wt_precision precision;
    char operators[120]; /* what computes it, in words */
    char measured[400];  /* what the choice is based on, in words; empty: there was none to make */
    bool row_by_row;     /* as far as is known, a row's bits do not depend on its neighbours */
};

/* Moves the model to its device and precision and makes it as fast as it gets, for which it is timed
 * on a processor. WT_INVALID: the device or the model cannot have that precision. */
enum wt_status wt_backend_prepare(struct wt_backend *backend, const struct wt_backend_wish *wish,
                                  struct wt_backend_prepared *prepared_out, struct wt_error *error);

/* For the calling thread: how many CPU threads one forward may use (1 or more). */
void wt_backend_thread_init(struct wt_backend *backend, uint32_t threads);

/* As wt_model_forward, with ids and lengths already checked against the width; rows are padded.
 * A device that failed for good is WT_IO (class fatal): the record is not to blame. */
enum wt_status wt_backend_forward(struct wt_backend *backend, const int64_t *ids,
                                  const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                  uint32_t label_count, float *logits_out, struct wt_error *error);

void wt_backend_destroy(struct wt_backend *backend);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
