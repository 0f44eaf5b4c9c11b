#include "model/kernels/matrix.h"

#include "base/pages.h"
#include "model/kernels/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* This many steps of a panel, an even number, stay in the second-level cache while all rows pass
 * over them. Blocks do not change the order of a sum: each continues where the last one stopped. */
#define STEPS_MAX 1024u

struct wt_matrix {
    const struct wt_kernels *kernels;
    enum wt_number number;
    size_t outputs;
    size_t inputs;
    size_t steps; /* words of a row */
    size_t panels;
    char *packed;   /* panels x steps x kernels->panel words */
    float *bias;    /* for all columns of all panels, like the next two */
    float *scales;  /* s8 */
    int32_t *start; /* s8: the initial values of sums */
};

static size_t numbers_per_word(enum wt_number number)
{
    return number == WT_NUMBER_F32 ? 1 : number == WT_NUMBER_BF16 ? 2 : 4;
}

/* Words of a row that the conversions write: whole groups of lanes. */
static size_t written_words(const struct wt_matrix *matrix)
{
    size_t groups = (matrix->inputs + WT_LANES - 1) / WT_LANES;
    return groups * WT_LANES / numbers_per_word(matrix->number);
}

static size_t row_words(const struct wt_matrix *matrix)
{
    return wt_kernels_steps(matrix->kernels, matrix->number, written_words(matrix));
}

/* Packs the words of one output into its column of its panel. */
static void place_column(struct wt_matrix *matrix, size_t output, const uint32_t *words)
{
    size_t panel = matrix->kernels->panel;
    size_t together = wt_kernels_together(matrix->kernels, matrix->number);
    uint32_t *packed = (uint32_t *)(void *)matrix->packed + output / panel * panel * matrix->steps;
    for (size_t step = 0; step < matrix->steps; step++) {
        packed[wt_kernels_place(panel, together, step, output % panel)] = words[step];
    }
}

static void pack_s8(struct wt_matrix *matrix, size_t output, const float *weights, uint32_t *words)
{
    const struct wt_kernels *kernels = matrix->kernels;
    int8_t *bytes = (int8_t *)words;
    int32_t bits = kernels->magnitude(weights, matrix->inputs);
    matrix->scales[output] = kernels->quantize(weights, matrix->inputs, bits, bytes);
    int32_t sum = 0;
    for (size_t i = 0; i < 4 * matrix->steps; i++) {
        if (kernels->s8_offset) {
            bytes[i] = (int8_t)(bytes[i] ^ INT8_MIN);
        }
        sum += bytes[i];
    }
    matrix->start[output] = kernels->s8_offset ? -128 * sum : 0;
    place_column(matrix, output, words);
}

static void pack(struct wt_matrix *matrix, const float *weights, uint32_t *words)
{
    for (size_t output = 0; output < matrix->outputs; output++) {
        const float *row = weights + output * matrix->inputs;
        switch (matrix->number) {
        case WT_NUMBER_S8:
            pack_s8(matrix, output, row, words);
            break;
        case WT_NUMBER_BF16:
            matrix->kernels->to_bf16(row, matrix->inputs, (uint16_t *)words);
            place_column(matrix, output, words);
            break;
        default:
            memcpy(words, row, matrix->inputs * sizeof *row);
            place_column(matrix, output, words);
        }
    }
}

struct wt_matrix *wt_matrix_create(const struct wt_kernels *kernels, enum wt_number number,
                                   const float *weights, const float *bias, size_t outputs,
                                   size_t inputs)
{
    struct wt_matrix *matrix = calloc(1, sizeof *matrix);
    if (matrix == NULL) {
        return NULL;
    }
    size_t numbers = numbers_per_word(number);
    matrix->kernels = kernels;
    matrix->number = number;
    matrix->outputs = outputs;
    matrix->inputs = inputs;
    matrix->steps = wt_kernels_steps(kernels, number, (inputs + numbers - 1) / numbers);
    matrix->panels = (outputs + kernels->panel - 1) / kernels->panel;
    size_t columns = matrix->panels * kernels->panel;
    matrix->packed = wt_pages_alloc(columns * matrix->steps * sizeof(uint32_t));
    matrix->bias = wt_pages_alloc(columns * sizeof(float));
    matrix->scales = wt_pages_alloc(columns * sizeof(float));
    matrix->start = wt_pages_alloc(columns * sizeof(int32_t));
    uint32_t *words = wt_pages_alloc((row_words(matrix) + WT_LANES) * sizeof(uint32_t));
    bool complete = matrix->packed != NULL && matrix->bias != NULL && matrix->scales != NULL &&
                    matrix->start != NULL && words != NULL;
    if (complete) {
        if (bias != NULL) {
            memcpy(matrix->bias, bias, outputs * sizeof *bias);
        }
        pack(matrix, weights, words);
    } else {
        wt_matrix_destroy(matrix);
        matrix = NULL;
    }
    wt_pages_free(words);
    return matrix;
}

void wt_matrix_destroy(struct wt_matrix *matrix)
{
    if (matrix == NULL) {
        return;
    }
    wt_pages_free(matrix->packed);
    wt_pages_free(matrix->bias);
    wt_pages_free(matrix->scales);
    wt_pages_free(matrix->start);
    free(matrix);
}

size_t wt_matrix_outputs(const struct wt_matrix *matrix)
{
    return matrix->outputs;
}

size_t wt_matrix_inputs(const struct wt_matrix *matrix)
{
    return matrix->inputs;
}

enum wt_number wt_matrix_number(const struct wt_matrix *matrix)
{
    return matrix->number;
}

const struct wt_kernels *wt_matrix_kernels(const struct wt_matrix *matrix)
{
    return matrix->kernels;
}

/* --- running --------------------------------------------------------------------------------- */

/* `rows`, rounded up to those that the tile functions may read. */
static size_t whole_rows(const struct wt_matrix *matrix, size_t rows)
{
    size_t square = wt_kernels_square(matrix->kernels, matrix->number);
    return (rows + square - 1) / square * square;
}

size_t wt_matrix_convert_bytes(const struct wt_matrix *matrix, size_t rows)
{
    if (matrix->number == WT_NUMBER_F32) {
        return 0; /* rows of floats are read in place */
    }
    return wt_memory_padded(whole_rows(matrix, rows) * row_words(matrix) * sizeof(uint32_t)) +
           wt_memory_padded(rows * sizeof(float));
}

static int32_t largest(const int32_t *tops)
{
    int32_t top = tops[0];
    for (size_t i = 1; i < WT_LANES; i++) {
        top = tops[i] > top ? tops[i] : top;
    }
    return top;
}

void wt_matrix_convert(const struct wt_matrix *matrix, const float *x, size_t x_stride, size_t rows,
                       const int32_t *tops, void *scratch, struct wt_operand *operand_out)
{
    const struct wt_kernels *kernels = matrix->kernels;
    size_t stride = row_words(matrix);
    size_t written = written_words(matrix);
    size_t inputs = matrix->inputs;
    assert(rows <= WT_MATRIX_ROWS_MAX);
    if (matrix->number == WT_NUMBER_F32) {
        *operand_out = (struct wt_operand){.words = x, .stride = x_stride, .rows = rows};
        return;
    }
    uint32_t *words = wt_memory_cut(&scratch, whole_rows(matrix, rows) * stride * sizeof *words);
    float *scales = scratch;
    for (size_t row = 0; row < rows; row++) {
        const float *from = x + row * x_stride;
        uint32_t *to = words + row * stride;
        if (matrix->number == WT_NUMBER_BF16) {
            kernels->to_bf16(from, inputs, (uint16_t *)to);
        } else {
            int32_t bits =
                tops != NULL ? largest(tops + row * WT_LANES) : kernels->magnitude(from, inputs);
            scales[row] = kernels->quantize(from, inputs, bits, to);
        }
        memset(to + written, 0, (stride - written) * sizeof *to);
    }
    *operand_out =
        (struct wt_operand){.words = words, .stride = stride, .scales = scales, .rows = rows};
}

/* Converts sums to results, for `rows` rows from `first` on and the columns of one panel. */
static void finish(const struct wt_matrix *matrix, const struct wt_operand *operand,
                   const struct wt_result *result, size_t first, size_t rows, size_t column,
                   const void *sums)
{
    const struct wt_kernels *kernels = matrix->kernels;
    size_t panel = kernels->panel;
    size_t rest = matrix->outputs - column;
    size_t count = rest < panel ? rest : panel;
    for (size_t i = 0; i < rows; i++) {
        size_t row = first + i;
        const float *bias = result->bias_rows == NULL
                                ? matrix->bias + column
                                : result->bias_rows + row * result->bias_stride + column;
        float *out = result->out + row * result->out_stride + column;
        int32_t *tops = result->tops != NULL ? result->tops + row * WT_LANES : NULL;
        if (matrix->number == WT_NUMBER_S8) {
            kernels->finish_s8((const int32_t *)sums + i * panel, operand->scales[row],
                               matrix->scales + column, bias, count, result->activation, out, tops);
        } else {
            kernels->finish_f32((const float *)sums + i * panel, bias, count, result->activation,
                                out);
        }
    }
}

static wt_tile_function *tile_of(const struct wt_matrix *matrix)
{
    return matrix->number == WT_NUMBER_S8     ? matrix->kernels->tile_s8
           : matrix->number == WT_NUMBER_BF16 ? matrix->kernels->tile_bf16
                                              : matrix->kernels->tile_f32;
}

/* Multiplies all rows by one panel. `sums` has room for all rows, which is needed only if the panel
 * is taken in several blocks. */
static void multiply_panel(const struct wt_matrix *matrix, const struct wt_operand *operand,
                           const struct wt_result *result, size_t index, uint32_t *sums)
{
    wt_tile_function *run_tile = tile_of(matrix);
    size_t panel = matrix->kernels->panel;
    const uint32_t *weights =
        (const uint32_t *)(const void *)matrix->packed + index * panel * matrix->steps;
    const int32_t *start = matrix->number == WT_NUMBER_S8 ? matrix->start + index * panel : NULL;
    size_t rows_max = wt_kernels_tile_rows(matrix->kernels, matrix->number);
    bool blocks = matrix->steps > STEPS_MAX;
    for (size_t done = 0; done < matrix->steps; done += STEPS_MAX) {
        size_t rest = matrix->steps - done;
        for (size_t row = 0; row < operand->rows; row += rows_max) {
            size_t rows = operand->rows - row < rows_max ? operand->rows - row : rows_max;
            uint32_t *out = blocks ? sums + row * panel : sums;
            struct wt_tile tile = {.a = (const uint32_t *)operand->words + row * operand->stride +
                                        done,
                                   .a_stride = operand->stride,
                                   .b = weights + done * panel,
                                   .steps = rest < STEPS_MAX ? rest : STEPS_MAX,
                                   .rows = (uint32_t)rows,
                                   .start = done == 0 ? (const void *)start : out,
                                   .start_stride = done == 0 ? 0 : panel,
                                   .out = out,
                                   .out_stride = panel};
            run_tile(&tile);
            if (rest <= STEPS_MAX) {
                finish(matrix, operand, result, row, rows, index * panel, out);
            }
        }
    }
}

void wt_matrix_multiply(const struct wt_matrix *matrix, const struct wt_operand *operand,
                        const struct wt_result *result)
{
    const struct wt_kernels *kernels = matrix->kernels;
    bool around = kernels->begin != NULL && matrix->number != WT_NUMBER_F32;
    _Alignas(64) uint32_t sums[WT_MATRIX_ROWS_MAX * WT_PANEL_MAX];
    if (around) {
        kernels->begin();
    }
    for (size_t index = 0; index < matrix->panels; index++) {
        multiply_panel(matrix, operand, result, index, sums);
    }
    if (around) {
        kernels->end();
    }
}
