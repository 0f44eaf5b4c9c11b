/* kernels.h: the arithmetic of a transformer's CPU path, once for each instruction set.
 *
 * A set is a table of functions. Each set gives the same bits as the portable one (bf16 products
 * aside: the processor's own rounding), and every row is computed in an order that depends on its
 * own length only, so that a row's result never depends on its neighbours.
 *
 * Products are made in tiles: a few rows of activations (wt_kernels_tile_rows) times one panel of
 * `panel` columns of weights. Both consist of 32-bit words, one a step: a float, two bf16 or four
 * bytes. Activations lie row by row; a weight panel has `panel` words for step 0, then those for
 * step 1 (wt_kernels_place).
 *
 * Thread: all functions are pure; any thread. */
#ifndef WIRETAG_MODEL_KERNELS_KERNELS_H
#define WIRETAG_MODEL_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WT_TILE_ROWS 6u
#define WT_TILE_ROWS_MAX 32u /* of the set for AMX; a multiple of WT_LANES */
#define WT_LANES 16u      /* partial results of one row; vectors are padded to whole groups of it */
#define WT_PANEL_MAX 64u  /* columns */
#define WT_S8_LARGEST 127 /* weights and activations reach from -127 to 127 */

/* The numbers in products. Sums are float, and for s8 int32 (exact). */
enum wt_number { WT_NUMBER_F32, WT_NUMBER_BF16, WT_NUMBER_S8 };

enum wt_activation {
    WT_ACTIVATION_NONE,
    WT_ACTIVATION_GELU,
    WT_ACTIVATION_GELU_TANH,
    WT_ACTIVATION_RELU
};

/* Multiplies one tile. `a`: `rows` rows (1 to wt_kernels_tile_rows) of `steps` words, `a_stride` words
 * apart. `b`: a panel of as many steps, aligned to 64 bytes. Sums start from `start` (NULL: 0),
 * whose rows are `start_stride` values apart (0: one row for all). They go to `out`, whose rows are
 * `out_stride` apart; `start` may be `out`. Sums are int32 for s8, else float. */
struct wt_tile {
    const void *a;
    size_t a_stride;
    const void *b;
    size_t steps;
    uint32_t rows;
    const void *start;
    size_t start_stride;
    void *out;
    size_t out_stride;
};

typedef void wt_tile_function(const struct wt_tile *tile);

struct wt_kernels {
    const char *name;
    uint32_t panel; /* columns in a panel, a multiple of WT_LANES */
    bool fast;      /* faster than libtorch's own operators */
    bool fast_bf16; /* the processor has instructions for bf16 products */
    bool s8_offset; /* s8 activations are stored as unsigned, 128 above their value */
    bool pairs_s8;  /* a panel's steps lie in pairs, see wt_kernels_together */
    bool pairs_bf16;
    bool squares; /* tiles of s8 and bf16 are taken in squares, see wt_kernels_square */

    /* Around all calls of tile_s8 and tile_bf16, on their thread; NULL: nothing is to be done. */
    void (*begin)(void);
    void (*end)(void);
    wt_tile_function *tile_f32;
    wt_tile_function *tile_bf16;
    wt_tile_function *tile_s8;

    /* The largest magnitude of x[0..count) as the bits of a float. As integers they are ordered
     * like the floats, with NaN above all. */
    int32_t (*magnitude)(const float *x, size_t count);

    /* Writes round(x / scale) as bytes, in whole groups of WT_LANES, with zeros past `count`.
     * `bits` is the largest magnitude. Returns the scale, which is not finite if x is not. */
    float (*quantize)(const float *x, size_t count, int32_t bits, void *bytes_out);

    /* Writes x in bf16, rounded to even, in whole groups of WT_LANES, with zeros past `count`. */
    void (*to_bf16)(const float *x, size_t count, uint16_t *out);

    /* out = activation(sum * (row_scale * scales) + bias). `tops`: WT_LANES running maxima of the
     * magnitude's bits; NULL: not needed. */
    void (*finish_s8)(const int32_t *sums, float row_scale, const float *scales, const float *bias,
                      size_t count, enum wt_activation activation, float *out, int32_t *tops);

    /* out = activation(sum + bias). */
    void (*finish_f32)(const float *sums, const float *bias, size_t count,
                       enum wt_activation activation, float *out);

    /* out = layer norm of (x + residual). `residual` may be NULL, `out` may be `x`. */
    void (*norm)(const float *x, const float *residual, size_t count, const float *gamma,
                 const float *beta, float epsilon, float *out);

    /* x = exp(scale * (x - largest)) for `count` values (1 or more), then zeros up to `padded`, a
     * multiple of WT_LANES. Returns the inverse of the sum. `scale` must be above 0. */
    float (*softmax)(float *x, size_t count, size_t padded, float scale);

    /* The same for scale * x + bias. */
    float (*softmax_biased)(float *x, const float *bias, size_t count, size_t padded, float scale);

    /* out = x * factor. */
    void (*scale)(const float *x, size_t count, float factor, float *out);

    /* One step of an LSTM cell. `gates` has the inputs of the in, forget, cell and out gates,
     * `size` values each. Updates `cell` and writes `hidden`. */
    void (*cell)(const float *gates, size_t size, float *cell, float *hidden);
};

extern const struct wt_kernels wt_kernels_portable;
#if defined(__x86_64__)
extern const struct wt_kernels wt_kernels_avx2;        /* AVX2 and FMA */
extern const struct wt_kernels wt_kernels_avx_vnni;    /* and AVX-VNNI */
extern const struct wt_kernels wt_kernels_avx512;      /* AVX-512 as servers have it since 2017 */
extern const struct wt_kernels wt_kernels_avx512_vnni; /* and with VNNI */
extern const struct wt_kernels wt_kernels_avx512_bf16; /* and with bf16 */
extern const struct wt_kernels wt_kernels_amx;         /* and with AMX for bytes and bf16 */
#elif defined(__aarch64__)
extern const struct wt_kernels wt_kernels_neon;
extern const struct wt_kernels wt_kernels_neon_dotprod; /* and sdot */
extern const struct wt_kernels wt_kernels_neon_i8mm;    /* and smmla */
extern const struct wt_kernels wt_kernels_neon_bf16;    /* and bfmmla */
#endif

/* WT_LANES if the set takes products of this number in squares of so many rows and steps, else 1. Then rows
 * that fill the last square are read and written too, whatever they hold, so there must be room for them. */
static inline size_t wt_kernels_square(const struct wt_kernels *kernels, enum wt_number number)
{
    return kernels->squares && number != WT_NUMBER_F32 ? WT_LANES : 1;
}

/* The most rows of a tile. */
static inline uint32_t wt_kernels_tile_rows(const struct wt_kernels *kernels, enum wt_number number)
{
    return wt_kernels_square(kernels, number) > 1 ? WT_TILE_ROWS_MAX : WT_TILE_ROWS;
}

/* How many steps of one column lie side by side in a panel, a power of two. */
static inline size_t wt_kernels_together(const struct wt_kernels *kernels, enum wt_number number)
{
    bool pairs = number == WT_NUMBER_S8     ? kernels->pairs_s8
                 : number == WT_NUMBER_BF16 ? kernels->pairs_bf16
                                            : false;
    return pairs ? 2 : 1;
}

/* `steps`, rounded up to whole groups of those that lie together, and to whole squares. A panel has so many;
 * the numbers that fill it up are zero, in the rows too. */
static inline size_t wt_kernels_steps(const struct wt_kernels *kernels, enum wt_number number,
                                      size_t steps)
{
    size_t together = wt_kernels_together(kernels, number);
    size_t square = wt_kernels_square(kernels, number);
    size_t group = together > square ? together : square;
    return (steps + group - 1) & ~(group - 1);
}

/* Which word of a panel has this step of this column. */
static inline size_t wt_kernels_place(size_t panel, size_t together, size_t step, size_t column)
{
    size_t within = step & (together - 1);
    return (step - within) * panel + column * together + within;
}

/* The functions below are in supported_sets.c.
 *
 * The set of this name; NULL: this processor supports none. */
const struct wt_kernels *wt_kernels_named(const char *name);

/* True if attention next to products of this kind is computed in bf16. Next to s8 that follows from the
 * processor and its kernel, not from a measurement: two workers on one machine must give the same bits. So
 * there at most one set does. */
bool wt_kernels_attends_in_bf16(const struct wt_kernels *kernels, enum wt_number number);

/* All sets that this processor supports, the portable one first; NULL after the last. */
const struct wt_kernels *const *wt_kernels_all(void);

#ifdef __cplusplus
}
#endif

#endif
