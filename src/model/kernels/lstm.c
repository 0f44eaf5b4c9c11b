#include "model/kernels/lstm.h"

#include "model/kernels/memory.h"

#include <stdlib.h>
#include <string.h>

struct wt_lstm {
    struct wt_matrix *input; /* with both biases */
    struct wt_matrix *hidden;
    size_t size;
};

struct wt_lstm *wt_lstm_create(const struct wt_kernels *kernels, enum wt_number number,
                               const float *input_weights, const float *hidden_weights,
                               const float *input_bias, const float *hidden_bias, size_t inputs,
                               size_t size)
{
    struct wt_lstm *lstm = calloc(1, sizeof *lstm);
    float *bias = malloc(4 * size * sizeof *bias);
    if (lstm == NULL || bias == NULL) {
        goto failed;
    }
    for (size_t i = 0; i < 4 * size; i++) {
        bias[i] = input_bias[i] + hidden_bias[i];
    }
    lstm->size = size;
    lstm->input = wt_matrix_create(kernels, number, input_weights, bias, 4 * size, inputs);
    lstm->hidden = wt_matrix_create(kernels, number, hidden_weights, NULL, 4 * size, size);
    if (lstm->input == NULL || lstm->hidden == NULL) {
        goto failed;
    }
    free(bias);
    return lstm;
failed:
    free(bias);
    wt_lstm_destroy(lstm);
    return NULL;
}

void wt_lstm_destroy(struct wt_lstm *lstm)
{
    if (lstm == NULL) {
        return;
    }
    wt_matrix_destroy(lstm->input);
    wt_matrix_destroy(lstm->hidden);
    free(lstm);
}

size_t wt_lstm_inputs(const struct wt_lstm *lstm)
{
    return wt_matrix_inputs(lstm->input);
}

size_t wt_lstm_size(const struct wt_lstm *lstm)
{
    return lstm->size;
}

/* The inputs' part of the gates, for `rows` articles of a tile: 2 MB for an article of 512 tokens
 * in a large model, so only for the articles there are. */
static size_t share_bytes(const struct wt_lstm *lstm, size_t rows, size_t width)
{
    return wt_memory_padded(rows * width * 4 * lstm->size * sizeof(float));
}

size_t wt_lstm_scratch_bytes(const struct wt_lstm *lstm, size_t rows, size_t width)
{
    size_t tile_rows = rows < WT_TILE_ROWS ? rows : WT_TILE_ROWS;
    return share_bytes(lstm, tile_rows, width) +
           wt_matrix_convert_bytes(lstm->input, WT_MATRIX_ROWS_MAX) +
           2 * wt_memory_padded(WT_TILE_ROWS * lstm->size * sizeof(float)) +
           wt_memory_padded(lstm->size * 4 * WT_TILE_ROWS * sizeof(float)) +
           wt_matrix_convert_bytes(lstm->hidden, WT_TILE_ROWS);
}

static void multiply_inputs(const struct wt_lstm *lstm, const float *x, size_t positions,
                            float *share, void *scratch)
{
    size_t inputs = wt_matrix_inputs(lstm->input);
    size_t gates = 4 * lstm->size;
    for (size_t at = 0; at < positions; at += WT_MATRIX_ROWS_MAX) {
        size_t rest = positions - at;
        struct wt_operand operand;
        wt_matrix_convert(lstm->input, x + at * inputs, inputs,
                          rest < WT_MATRIX_ROWS_MAX ? rest : WT_MATRIX_ROWS_MAX, NULL, scratch,
                          &operand);
        struct wt_result result = {.out = share + at * gates, .out_stride = gates};
        wt_matrix_multiply(lstm->input, &operand, &result);
    }
}

/* Runs up to WT_TILE_ROWS articles. */
static void run_tile(const struct wt_lstm *lstm, const float *x, size_t rows, size_t width,
                     float *out, void *scratch)
{
    const struct wt_kernels *kernels = wt_matrix_kernels(lstm->hidden);
    size_t size = lstm->size;
    size_t state_bytes = WT_TILE_ROWS * size * sizeof(float);
    float *share = wt_memory_cut(&scratch, share_bytes(lstm, rows, width));
    float *hidden = wt_memory_cut(&scratch, state_bytes);
    float *cell = wt_memory_cut(&scratch, state_bytes);
    float *gates = wt_memory_cut(&scratch, 4 * state_bytes);
    multiply_inputs(lstm, x, rows * width, share, scratch);
    memset(hidden, 0, state_bytes);
    memset(cell, 0, state_bytes);
    for (size_t position = 0; position < width; position++) {
        struct wt_operand operand;
        wt_matrix_convert(lstm->hidden, hidden, size, rows, NULL, scratch, &operand);
        struct wt_result result = {.bias_rows = share + position * 4 * size,
                                   .bias_stride = width * 4 * size,
                                   .out = gates,
                                   .out_stride = 4 * size};
        wt_matrix_multiply(lstm->hidden, &operand, &result);
        for (size_t row = 0; row < rows; row++) {
            kernels->cell(gates + row * 4 * size, size, cell + row * size, hidden + row * size);
            memcpy(out + (row * width + position) * size, hidden + row * size, size * sizeof *out);
        }
    }
}

void wt_lstm_run(const struct wt_lstm *lstm, const float *x, size_t rows, size_t width, float *out,
                 void *scratch)
{
    size_t inputs = wt_lstm_inputs(lstm);
    for (size_t row = 0; row < rows; row += WT_TILE_ROWS) {
        size_t count = rows - row < WT_TILE_ROWS ? rows - row : WT_TILE_ROWS;
        run_tile(lstm, x + row * width * inputs, count, width, out + row * width * lstm->size,
                 scratch);
    }
}
