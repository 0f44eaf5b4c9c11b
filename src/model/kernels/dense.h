/* dense.h: the position-wise part of a transformer layer as one step: a linear layer, or two with
 * an activation between them, optionally with the layer norm of the result plus a residual. */
#ifndef WIRETAG_MODEL_KERNELS_DENSE_H
#define WIRETAG_MODEL_KERNELS_DENSE_H

#include "model/kernels/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wt_dense;

/* Makes a step of one linear layer. Takes *matrix and sets it to NULL. NULL: out of memory. */
struct wt_dense *wt_dense_create(struct wt_matrix **matrix);
void wt_dense_destroy(struct wt_dense *dense);

/* Sets what follows the last linear layer. Only while the step has no second layer and no norm. */
void wt_dense_set_activation(struct wt_dense *dense, enum wt_activation activation);

/* Appends the only layer of `next`, which is destroyed, to the only layer of `dense`. */
void wt_dense_append(struct wt_dense *dense, struct wt_dense **next);

/* Adds the norm. gamma and beta (wt_dense_outputs values each) are copied. False: out of memory. */
bool wt_dense_set_norm(struct wt_dense *dense, const float *gamma, const float *beta,
                       float epsilon);

size_t wt_dense_inputs(const struct wt_dense *dense);
size_t wt_dense_outputs(const struct wt_dense *dense);

/* Computes `rows` rows of x [rows][inputs] into y [rows][outputs]. `residual` [rows][outputs]: what
 * the norm adds, or NULL. `scratch`: wt_dense_scratch_bytes, aligned to 64 bytes. Thread: any,
 * several at once, each with its own scratch. */
void wt_dense_run(const struct wt_dense *dense, const float *x, const float *residual, size_t rows,
                  float *y, void *scratch);
size_t wt_dense_scratch_bytes(const struct wt_dense *dense);

#ifdef __cplusplus
}
#endif

#endif
