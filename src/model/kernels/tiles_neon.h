/* tiles_neon.h: the tile functions of the NEON sets, written once; tiles.h for
 * instructions that take one lane of a register. kernels_neon.c includes it after defining PANEL
 * (columns) and VECTOR_LANES (sums in one register). */
#include "model/kernels/tile_rows.h"

#define VECTORS (PANEL / VECTOR_LANES)
#define TILE_INLINE TILE_TARGET static inline __attribute__((always_inline))

/* One step of all rows: a word of each, in lane `lane` of its register, by the panel's columns. */
#define LANE_STEP(b_vector, load_b, dot, lane)                                                     \
    _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                                   \
    {                                                                                              \
        b_vector right = load_b(b + v * VECTOR_LANES);                                             \
        _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                                  \
        {                                                                                          \
            sums[r][v] = dot(sums[r][v], left[r], right, lane);                                    \
        }                                                                                          \
    }                                                                                              \
    b += PANEL;

/* DEFINE_LANE_TILE(name, type of a sum, of a vector of sums, of a word, of a vector of words; how to
 * load and store sums, clear them, load four words, repeat one, multiply by one lane). Four words of
 * a row are loaded at once.
 * NOLINTBEGIN(bugprone-macro-parentheses): a type in parentheses declares nothing. */
#define DEFINE_LANE_TILE(name, sum_type, sum_vector, word, vector, load_sum, store_sum, zero,      \
                         load_words, load_word, dot)                                               \
    TILE_INLINE void name##_rows(const struct wt_tile *tile, const size_t rows)                    \
    {                                                                                              \
        sum_vector sums[WT_TILE_ROWS][VECTORS];                                                    \
        vector left[WT_TILE_ROWS];                                                                 \
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
        size_t step = 0;                                                                           \
        for (; step + 4 <= tile->steps; step += 4) {                                               \
            _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                              \
            {                                                                                      \
                left[r] = load_words(a[r] + step);                                                 \
            }                                                                                      \
            LANE_STEP(vector, load_words, dot, 0)                                                  \
            LANE_STEP(vector, load_words, dot, 1)                                                  \
            LANE_STEP(vector, load_words, dot, 2)                                                  \
            LANE_STEP(vector, load_words, dot, 3)                                                  \
        }                                                                                          \
        for (; step < tile->steps; step++) {                                                       \
            _Pragma("GCC unroll 6") for (size_t r = 0; r < rows; r++)                              \
            {                                                                                      \
                left[r] = load_word(a[r] + step);                                                  \
            }                                                                                      \
            LANE_STEP(vector, load_words, dot, 0)                                                  \
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
