/* tiles_amx.h: the tile functions for AMX, which kernels_avx512.c includes.
 *
 * A tile register holds 16 rows of 64 bytes. Four of them are sums of 32 rows and 32 columns; two have 16
 * steps of the rows, two 16 steps of the columns, so that each is multiplied twice. A panel of 64 columns is
 * taken in two halves. The weights lie in a panel as for the other sets: a row of a tile is a step of 16
 * columns, and the next step is `panel` words away.
 *
 * tdpbssd adds exact products of signed bytes. tdpbf16ps sums a square's even and odd products apart, adds
 * both and then what was there, and takes numbers below the normal ones as zero: other bits than
 * vdpbf16ps, in an order that depends on the steps alone.
 *
 * The registers have one configuration, in which all are full; loading another takes as long as a dozen
 * products. So a tile of fewer rows reads and computes the whole square, and a second one only if it has
 * rows. Inline assembly, because the compiler's functions do not say which memory they read. */
#ifndef WIRETAG_MODEL_KERNELS_TILES_AMX_H
#define WIRETAG_MODEL_KERNELS_TILES_AMX_H

#include "model/kernels/kernels.h"

#define TILE_BYTES 64
#define SQUARE ((size_t)16)

/* A test has instructions of its own, in C. */
#ifdef TILE_INSTRUCTIONS
#include TILE_INSTRUCTIONS
#else
#define TILES_CONFIGURE(from) __asm__ volatile("ldtilecfg %0" : : "m"(*(from)))
#define TILES_RELEASE() __asm__ volatile("tilerelease")
#define TILE_LOAD(number, from, bytes)                                                             \
    __asm__ volatile("tileloadd (%0,%1), %%tmm" #number : : "r"(from), "r"(bytes) : "memory")
#define TILE_STORE(number, to, bytes)                                                              \
    __asm__ volatile("tilestored %%tmm" #number ", (%0,%1)" : : "r"(to), "r"(bytes) : "memory")
#define TILE_CLEAR(number) __asm__ volatile("tilezero %%tmm" #number : :)
#define TILE_DOT(instruction, sum, a, b)                                                           \
    __asm__ volatile(instruction " %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : :)
#endif

/* What ldtilecfg reads. */
struct tile_configuration {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static void amx_begin(void)
{
    static const struct tile_configuration full = {
        .palette = 1,
        .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES,
                      TILE_BYTES, TILE_BYTES},
        .rows = {SQUARE, SQUARE, SQUARE, SQUARE, SQUARE, SQUARE, SQUARE, SQUARE}};
    TILES_CONFIGURE(&full);
}

/* Otherwise Linux would save 8 KB at every switch to another thread. */
static void amx_end(void)
{
    TILES_RELEASE();
}

/* Sums are in tiles 0 and 1, of the second square of rows in 2 and 3; rows in 4 and 5, columns in 6 and 7. */
#define DEFINE_AMX_TILE(name, instruction)                                                         \
    INLINE void name##_half(const struct wt_tile *tile, size_t column, const bool two)             \
    {                                                                                              \
        const int32_t *a = tile->a;                                                                \
        const int32_t *b = (const int32_t *)tile->b + column;                                      \
        const int32_t *a_second = a + SQUARE * tile->a_stride;                                     \
        const size_t a_bytes = tile->a_stride * sizeof *a;                                         \
        const size_t b_bytes = PANEL * sizeof *b;                                                  \
        const size_t start_bytes = tile->start_stride * sizeof(int32_t);                           \
        const size_t out_bytes = tile->out_stride * sizeof(int32_t);                               \
        const size_t steps = tile->steps;                                                          \
        int32_t *out = (int32_t *)tile->out + column;                                              \
        if (tile->start == NULL) {                                                                 \
            TILE_CLEAR(0);                                                                         \
            TILE_CLEAR(1);                                                                         \
            TILE_CLEAR(2);                                                                         \
            TILE_CLEAR(3);                                                                         \
        } else {                                                                                   \
            const int32_t *start = (const int32_t *)tile->start + column;                          \
            TILE_LOAD(0, start, start_bytes);                                                      \
            TILE_LOAD(1, start + SQUARE, start_bytes);                                             \
            if (two) {                                                                             \
                TILE_LOAD(2, start + SQUARE * tile->start_stride, start_bytes);                    \
                TILE_LOAD(3, start + SQUARE * tile->start_stride + SQUARE, start_bytes);           \
            }                                                                                      \
        }                                                                                          \
        for (size_t step = 0; step < steps; step += SQUARE) {                                      \
            TILE_LOAD(6, b + step * PANEL, b_bytes);                                               \
            TILE_LOAD(4, a + step, a_bytes);                                                       \
            TILE_DOT(instruction, 0, 4, 6);                                                        \
            TILE_LOAD(7, b + step * PANEL + SQUARE, b_bytes);                                      \
            TILE_DOT(instruction, 1, 4, 7);                                                        \
            if (two) {                                                                             \
                TILE_LOAD(5, a_second + step, a_bytes);                                            \
                TILE_DOT(instruction, 2, 5, 6);                                                    \
                TILE_DOT(instruction, 3, 5, 7);                                                    \
            }                                                                                      \
        }                                                                                          \
        TILE_STORE(0, out, out_bytes);                                                             \
        TILE_STORE(1, out + SQUARE, out_bytes);                                                    \
        if (two) {                                                                                 \
            TILE_STORE(2, out + SQUARE * tile->out_stride, out_bytes);                             \
            TILE_STORE(3, out + SQUARE * tile->out_stride + SQUARE, out_bytes);                    \
        }                                                                                          \
    }                                                                                              \
    static void name(const struct wt_tile *tile)                                                   \
    {                                                                                              \
        const size_t rows = tile->rows;                                                            \
        for (size_t column = 0; column < PANEL; column += 2 * SQUARE) {                            \
            if (rows > SQUARE) {                                                                   \
                name##_half(tile, column, true);                                                   \
            } else {                                                                               \
                name##_half(tile, column, false);                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_AMX_TILE(amx_tile_s8, "tdpbssd")
DEFINE_AMX_TILE(amx_tile_bf16, "tdpbf16ps")

#endif
