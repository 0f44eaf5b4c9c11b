#include "model/kernels/dense.h"

#include "model/kernels/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wt_dense {
    struct wt_matrix *first;
    struct wt_matrix *second; /* NULL: one layer */
    enum wt_activation activation;
    float *gamma; /* NULL: no norm */
    float *beta;
    float epsilon;
};

struct wt_dense *wt_dense_create(struct wt_matrix **matrix)
{
    struct wt_dense *dense = calloc(1, sizeof *dense);
    if (dense != NULL) {
        dense->first = *matrix;
        *matrix = NULL;
    }
    return dense;
}

void wt_dense_destroy(struct wt_dense *dense)
{
    if (dense == NULL) {
        return;
    }
    wt_matrix_destroy(dense->first);
    wt_matrix_destroy(dense->second);
    free(dense->gamma);
    free(dense->beta);
    free(dense);
}

void wt_dense_set_activation(struct wt_dense *dense, enum wt_activation activation)
{
    assert(dense->second == NULL && dense->gamma == NULL);
    dense->activation = activation;
}

void wt_dense_append(struct wt_dense *dense, struct wt_dense **next)
{
    assert(dense->second == NULL && dense->gamma == NULL);
    assert((*next)->second == NULL && (*next)->gamma == NULL);
    assert((*next)->activation == WT_ACTIVATION_NONE);
    assert(wt_matrix_inputs((*next)->first) == wt_matrix_outputs(dense->first));
    dense->second = (*next)->first;
    (*next)->first = NULL;
    wt_dense_destroy(*next);
    *next = NULL;
}

bool wt_dense_set_norm(struct wt_dense *dense, const float *gamma, const float *beta, float epsilon)
{
    size_t bytes = wt_dense_outputs(dense) * sizeof(float);
    assert(dense->gamma == NULL);
    dense->gamma = malloc(bytes);
    dense->beta = malloc(bytes);
    if (dense->gamma == NULL || dense->beta == NULL) {
        return false;
    }
    memcpy(dense->gamma, gamma, bytes);
    memcpy(dense->beta, beta, bytes);
    dense->epsilon = epsilon;
    return true;
}

size_t wt_dense_inputs(const struct wt_dense *dense)
{
    return wt_matrix_inputs(dense->first);
}

size_t wt_dense_outputs(const struct wt_dense *dense)
{
    return wt_matrix_outputs(dense->second != NULL ? dense->second : dense->first);
}

#define ROWS ((size_t)WT_MATRIX_ROWS_MAX)

size_t wt_dense_scratch_bytes(const struct wt_dense *dense)
{
    size_t bytes = wt_matrix_convert_bytes(dense->first, ROWS);
    if (dense->second != NULL) {
        bytes += wt_memory_padded(ROWS * wt_matrix_outputs(dense->first) * sizeof(float)) +
                 wt_memory_padded(ROWS * WT_LANES * sizeof(int32_t)) +
                 wt_matrix_convert_bytes(dense->second, ROWS);
    }
    return bytes;
}

/* Computes both layers of one chunk; the values between them stay in the cache. */
static void run_both(const struct wt_dense *dense, const struct wt_operand *operand, float *y,
                     void *scratch)
{
    size_t between = wt_matrix_outputs(dense->first);
    float *inner = wt_memory_cut(&scratch, ROWS * between * sizeof *inner);
    int32_t *tops = wt_memory_cut(&scratch, ROWS * WT_LANES * sizeof *tops);
    bool counted = wt_matrix_number(dense->first) == WT_NUMBER_S8;
    memset(tops, 0, operand->rows * WT_LANES * sizeof *tops);
    struct wt_result first = {
        .activation = dense->activation, .out = inner, .out_stride = between, .tops = tops};
    wt_matrix_multiply(dense->first, operand, &first);
    struct wt_operand second;
    wt_matrix_convert(dense->second, inner, between, operand->rows, counted ? tops : NULL, scratch,
                      &second);
    struct wt_result result = {.out = y, .out_stride = wt_matrix_outputs(dense->second)};
    wt_matrix_multiply(dense->second, &second, &result);
}

void wt_dense_run(const struct wt_dense *dense, const float *x, const float *residual, size_t rows,
                  float *y, void *scratch)
{
    const struct wt_kernels *kernels = wt_matrix_kernels(dense->first);
    size_t inputs = wt_dense_inputs(dense);
    size_t outputs = wt_dense_outputs(dense);
    for (size_t row = 0; row < rows; row += ROWS) {
        size_t count = rows - row < ROWS ? rows - row : ROWS;
        float *out = y + row * outputs;
        void *rest = scratch;
        struct wt_operand operand;
        void *converted = wt_memory_cut(&rest, wt_matrix_convert_bytes(dense->first, ROWS));
        wt_matrix_convert(dense->first, x + row * inputs, inputs, count, NULL, converted, &operand);
        if (dense->second != NULL) {
            run_both(dense, &operand, out, rest);
        } else {
            struct wt_result result = {
                .activation = dense->activation, .out = out, .out_stride = outputs};
            wt_matrix_multiply(dense->first, &operand, &result);
        }
        for (size_t i = 0; i < count && dense->gamma != NULL; i++) {
            const float *add = residual != NULL ? residual + (row + i) * outputs : NULL;
            kernels->norm(out + i * outputs, add, outputs, dense->gamma, dense->beta,
                          dense->epsilon, out + i * outputs);
        }
    }
}
