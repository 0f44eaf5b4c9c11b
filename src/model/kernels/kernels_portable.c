/* kernels_portable.c: the set for every processor, in plain C. */
#include "model/kernels/lanes_portable.h"

#include "model/kernels/rows.h"

#define PANEL 16u

static float start_of(const struct wt_tile *tile, size_t row, size_t column)
{
    const float *start = tile->start;
    return start == NULL ? 0.0f : start[row * tile->start_stride + column];
}

static void tile_f32(const struct wt_tile *tile)
{
    const float *a = tile->a;
    const float *b = tile->b;
    float *out = tile->out;
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < PANEL; column++) {
            float sum = start_of(tile, row, column);
            for (size_t step = 0; step < tile->steps; step++) {
                sum = fmaf(a[row * tile->a_stride + step], b[step * PANEL + column], sum);
            }
            out[row * tile->out_stride + column] = sum;
        }
    }
}

static float from_bf16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void tile_bf16(const struct wt_tile *tile)
{
    const uint16_t *a = tile->a;
    const uint16_t *b = tile->b;
    float *out = tile->out;
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < PANEL; column++) {
            float sum = start_of(tile, row, column);
            for (size_t step = 0; step < tile->steps; step++) {
                const uint16_t *left = a + 2 * (row * tile->a_stride + step);
                const uint16_t *right = b + 2 * (step * PANEL + column);
                sum = fmaf(from_bf16(left[0]), from_bf16(right[0]), sum);
                sum = fmaf(from_bf16(left[1]), from_bf16(right[1]), sum);
            }
            out[row * tile->out_stride + column] = sum;
        }
    }
}

static void tile_s8(const struct wt_tile *tile)
{
    const int8_t *a = tile->a;
    const int8_t *b = tile->b;
    const int32_t *start = tile->start;
    int32_t *out = tile->out;
    for (size_t row = 0; row < tile->rows; row++) {
        for (size_t column = 0; column < PANEL; column++) {
            int32_t sum = start == NULL ? 0 : start[row * tile->start_stride + column];
            for (size_t step = 0; step < tile->steps; step++) {
                const int8_t *left = a + 4 * (row * tile->a_stride + step);
                const int8_t *right = b + 4 * (step * PANEL + column);
                for (size_t i = 0; i < 4; i++) {
                    sum += left[i] * right[i];
                }
            }
            out[row * tile->out_stride + column] = sum;
        }
    }
}

/* With a function call of fmaf for every product, this is slower than libtorch. Where fmaf is an
 * instruction, as on ARM, libtorch's own products are as fast. */
const struct wt_kernels wt_kernels_portable = {
    .name = "portable",
    .panel = PANEL,
    .tile_f32 = tile_f32,
    .tile_bf16 = tile_bf16,
    .tile_s8 = tile_s8,
    .magnitude = row_magnitude,
    .quantize = row_quantize,
    .to_bf16 = row_to_bf16,
    .finish_s8 = row_finish_s8,
    .finish_f32 = row_finish_f32,
    .norm = row_norm,
    .softmax = row_softmax,
    .scale = row_scale,
    .softmax_biased = row_softmax_biased,
    .cell = row_cell,
};
