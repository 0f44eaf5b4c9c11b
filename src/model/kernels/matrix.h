/* matrix.h: the weights of a linear layer, packed for one kernel set and one kind of number.
 *
 * s8: one scale for each output, and one for each row of activations (the largest magnitude becomes
 * 127); sums are exact. bf16 and f32: products are summed as floats, in the order of the inputs.
 * The bits of a row's result do not depend on the other rows. */
#ifndef WIRETAG_MODEL_KERNELS_MATRIX_H
#define WIRETAG_MODEL_KERNELS_MATRIX_H

#include "model/kernels/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most rows of activations that pass through a matrix together: enough that the weights are
 * rarely read from memory, and few enough that the activations stay in the second-level cache. */
#define WT_MATRIX_ROWS_MAX 96u /* whole tiles of any set */

struct wt_matrix;

/* Packs `weights` [outputs][inputs] and `bias` [outputs] (NULL: zeros); both are copied. NULL: out
 * of memory. */
struct wt_matrix *wt_matrix_create(const struct wt_kernels *kernels, enum wt_number number,
                                   const float *weights, const float *bias, size_t outputs,
                                   size_t inputs);
void wt_matrix_destroy(struct wt_matrix *matrix);

size_t wt_matrix_outputs(const struct wt_matrix *matrix);
size_t wt_matrix_inputs(const struct wt_matrix *matrix);
enum wt_number wt_matrix_number(const struct wt_matrix *matrix);
const struct wt_kernels *wt_matrix_kernels(const struct wt_matrix *matrix);

/* Rows of activations in the matrix's kind of number. */
struct wt_operand {
    const void *words;
    size_t stride;       /* words from one row to the next */
    const float *scales; /* s8: one for each row */
    size_t rows;         /* at most WT_MATRIX_ROWS_MAX */
};

/* Converts `rows` rows of x, `x_stride` floats apart, into `scratch`, and points the operand there.
 * Floats need no scratch: the operand points to x. `tops`: WT_LANES maxima for each row, as from
 * wt_matrix_multiply; NULL: not known. */
void wt_matrix_convert(const struct wt_matrix *matrix, const float *x, size_t x_stride, size_t rows,
                       const int32_t *tops, void *scratch, struct wt_operand *operand_out);
size_t wt_matrix_convert_bytes(const struct wt_matrix *matrix, size_t rows);

/* Where the results go: out = activation(operand * weights + bias). */
struct wt_result {
    const float *bias_rows; /* NULL: the matrix's own bias; else a bias row for each row */
    size_t bias_stride;
    enum wt_activation activation;
    float *out;
    size_t out_stride;
    /* s8: NULL, or WT_LANES maxima for each row, 0 at first, for the next conversion. */
    int32_t *tops;
};

void wt_matrix_multiply(const struct wt_matrix *matrix, const struct wt_operand *operand,
                        const struct wt_result *result);

#ifdef __cplusplus
}
#endif

#endif
