/* lstm.h: one direction of one LSTM layer. The inputs' part of the gates is one product over all
 * positions. The recurrent part is computed position by position, for WT_TILE_ROWS articles at a
 * time, so that its weights stay in the second-level cache. */
#ifndef WIRETAG_MODEL_KERNELS_LSTM_H
#define WIRETAG_MODEL_KERNELS_LSTM_H

#include "model/kernels/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wt_lstm;

/* Weights have libtorch's order of gates: in, forget, cell, out. `input_weights` [4 size][inputs],
 * `hidden_weights` [4 size][size], biases [4 size]; all are copied. NULL: out of memory. */
struct wt_lstm *wt_lstm_create(const struct wt_kernels *kernels, enum wt_number number,
                               const float *input_weights, const float *hidden_weights,
                               const float *input_bias, const float *hidden_bias, size_t inputs,
                               size_t size);
void wt_lstm_destroy(struct wt_lstm *lstm);

size_t wt_lstm_inputs(const struct wt_lstm *lstm);
size_t wt_lstm_size(const struct wt_lstm *lstm);

/* Reads x [rows][width][inputs] from the first position to the last, starting from a state of
 * zeros, into out [rows][width][size]. `scratch`: wt_lstm_scratch_bytes for at least as many rows
 * and positions, aligned to 64 bytes. Thread: any, several at once, each with its own scratch. */
void wt_lstm_run(const struct wt_lstm *lstm, const float *x, size_t rows, size_t width, float *out,
                 void *scratch);
size_t wt_lstm_scratch_bytes(const struct wt_lstm *lstm, size_t rows, size_t width);

#ifdef __cplusplus
}
#endif

#endif
