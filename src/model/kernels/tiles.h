/* tiles.h: the tile functions of a set with vectors, written once. kernels_*.c include it after
 * defining PANEL (columns), VECTOR_LANES (sums in one register) and INLINE. The sums stay in
 * registers, because every loop over them is unrolled. */
#include "model/kernels/tile_rows.h"

#define VECTORS (PANEL / VECTOR_LANES)

/* DEFINE_TILE(name, type of a sum, of a vector of sums, of a word, of a vector of words; how to
 * load and store sums, clear them, load weights, broadcast a word, multiply).
 * NOLINTBEGIN(bugprone-macro-parentheses): a type in parentheses declares nothing. */
#define DEFINE_TILE(name, sum_type, sum_vector, word, vector, load_sum, store_sum, zero, load_b,   \
                    broadcast, dot)                                                                \
    INLINE void name##_rows(const struct wt_tile *tile, const size_t rows)                         \
    {                                                                                              \
        sum_vector sums[WT_TILE_ROWS][VECTORS];                                                    \
        const word *a[WT_TILE_ROWS];                                                               \
        const word *b = tile->b;                                                                   \
        const sum_type *start = tile->start;                                                       \
        sum_type *out = tile->out;                                                                 \
        _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                                  \
        {                                                                                          \
            a[r] = (const word *)tile->a + r * tile->a_stride;                                     \
            _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                           \
            {                                                                                      \
                sums[r][v] = start == NULL                                                         \
                                 ? zero                                                            \
                                 : load_sum(start + r * tile->start_stride + v * VECTOR_LANES);    \
            }                                                                                      \
        }                                                                                          \
        for (size_t step = 0; step < tile->steps; step++) {                                        \
            vector right[VECTORS];                                                                 \
            _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                           \
            {                                                                                      \
                right[v] = load_b(b + v * VECTOR_LANES);                                           \
            }                                                                                      \
            b += PANEL;                                                                            \
            _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                              \
            {                                                                                      \
                vector left = broadcast(a[r][step]);                                               \
                _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                       \
                {                                                                                  \
                    sums[r][v] = dot(sums[r][v], left, right[v]);                                  \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                                  \
        {                                                                                          \
            _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                           \
            {                                                                                      \
                store_sum(out + r * tile->out_stride + v * VECTOR_LANES, sums[r][v]);              \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    DEFINE_TILE_BY_ROWS(name)

/* NOLINTEND(bugprone-macro-parentheses) */
