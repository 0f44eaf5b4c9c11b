/* backend.h: the runtime that executes a bundle, as load.c and model.c use it.
 *
 * Each build has one implementation: torch_backend.cpp, or fake_backend.c for work on everything
 * else. The rules of include/wiretag/model.h hold here too. Order of calls: load; file; set_inputs
 * (from here on forward works, on the CPU in fp32); prepare; then thread_init and forward from any
 * number of threads; destroy. */
#ifndef WIRETAG_MODEL_BACKEND_H
#define WIRETAG_MODEL_BACKEND_H

#include "model/bundle.h"
#include "model/kernels/kernels.h"
#include "model/manifest.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C is compiled with hidden symbols. C++ is not, because libtorch's types must be the same on both
 * sides. */
#pragma GCC visibility push(hidden)

struct wt_backend;

/* The runtime with its version, and the word that a manifest must have in "runtime" to run on
 * it. */
const char *wt_backend_version(void);
const char *wt_backend_runtime(void);

/* Sets the function that receives the runtime's warnings, one line each, on the thread that caused
 * them. NULL, the initial value: warnings are dropped. Process-wide. */
void wt_backend_on_warning(void (*tell)(const char *text));

/* Writes the device for the request `asked` ("auto", "cpu", "cuda", "cuda:N") to `device_out` (16
 * bytes). WT_INVALID: this machine has no such device; the message says why. */
enum wt_status wt_backend_device(const char *asked, char device_out[16], struct wt_error *error);

/* True if bf16 is fast on the GPU. If not, fp16 or fp32 is the better choice. */
bool wt_backend_has_bf16(const char *device);

/* Loads a bundle from memory. Pages are returned to the system as they are read, so the bytes are
 * undefined afterwards. WT_INVALID: not a bundle of this runtime, or damaged. */
enum wt_status wt_backend_load(struct wt_bundle *bundle, const char *source,
                               struct wt_backend **backend_out, struct wt_error *error);

/* A file inside the bundle: `*bytes_out` and `*count_out`, owned by the backend. False: no such
 * file. */
bool wt_backend_file(const struct wt_backend *backend, const char *name, const char **bytes_out,
                     size_t *count_out);

/* Frees a file that is not read any more: a tokenizer.json may have tens of megabytes. */
void wt_backend_drop_file(struct wt_backend *backend, const char *name);

/* `takes_mask`: the model's second input is a mask int64 [B,S], not lengths int64 [B]. WT_INVALID:
 * the model has another signature. */
enum wt_status wt_backend_set_inputs(struct wt_backend *backend, bool takes_mask,
                                     struct wt_error *error);

/* The request to wt_backend_prepare. */
struct wt_backend_request {
    const char *device;
    bool precisions[WT_PRECISION_COUNT]; /* one or more; the best of them by measurement is taken */
    /* On a CPU: the set that computes; NULL: the best by measurement. */
    const struct wt_kernels *kernels;
    bool libtorch;       /* its own operators compute instead */
    uint32_t tokens_max; /* for the lengths to measure; as in wt_model_info */
    uint32_t pad_to;
};

/* The result of wt_backend_prepare. */
struct wt_backend_prepared {
    enum wt_precision precision;
    char kernels[100];   /* text: as in wt_model_info */
    char operators[200]; /* text: the same, with what they compute */
    /* Text: the figures on which the choice is based; "": there was no choice. */
    char measured[600];
    bool row_by_row; /* as far as known, a row's bits do not depend on its neighbours */
};

/* Moves the model to its device and precision and optimizes it. On a CPU it is timed for that.
 * WT_INVALID: the device or the model does not support the precision. */
enum wt_status wt_backend_prepare(struct wt_backend *backend,
                                  const struct wt_backend_request *request,
                                  struct wt_backend_prepared *prepared_out, struct wt_error *error);

/* Sets the CPU threads of one forward (1 or more) for the calling thread. */
void wt_backend_thread_init(struct wt_backend *backend, uint32_t threads);

/* Like wt_model_forward, with ids and lengths that were checked against the width, and padded rows.
 * WT_IO (class fatal): the device failed for good, so the record is not the cause. */
enum wt_status wt_backend_forward(struct wt_backend *backend, const int64_t *ids,
                                  const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                  uint32_t label_count, float *logits_out, struct wt_error *error);

void wt_backend_destroy(struct wt_backend *backend);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
