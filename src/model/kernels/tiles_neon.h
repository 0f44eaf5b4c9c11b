/* tiles_neon.h: the tile functions of the NEON sets, written once; tiles.h for instructions that take
 * one lane of a register, or two rows and two columns. kernels_neon.c includes it after defining
 * PANEL (columns) and VECTOR_LANES (sums in one register). */
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

/* Two steps of all rows, which lie side by side in the panel. `left` has both words of two rows,
 * `right` both words of two columns, and the sums are those of two rows by two columns. */
#define PAIR_STEP(vector, load_words, dot, left)                                                   \
    _Pragma("GCC unroll 8") for (size_t v = 0; v < 2 * VECTORS; v++)                               \
    {                                                                                              \
        vector right = load_words(b + v * VECTOR_LANES);                                           \
        _Pragma("GCC unroll 3") for (size_t p = 0; p < pairs; p++)                                 \
        {                                                                                          \
            sums[p][v] = dot(sums[p][v], left[p], right);                                          \
        }                                                                                          \
    }                                                                                              \
    b += 2 * PANEL;

/* DEFINE_PAIR_TILE(name, like DEFINE_LANE_TILE; how to join the first and the second halves of two
 * vectors of sums; load four words, two words of two rows each, join halves, multiply). A row without
 * a neighbour is multiplied twice. */
#define DEFINE_PAIR_TILE(name, sum_type, sum_vector, word, vector, load_sum, store_sum, zero,      \
                         zip_low, zip_high, load_words, load_two, join_low, join_high, dot)        \
    TILE_INLINE void name##_rows(const struct wt_tile *tile, const size_t rows)                    \
    {                                                                                              \
        const size_t pairs = (rows + 1) / 2;                                                       \
        sum_vector sums[WT_TILE_ROWS / 2][2 * VECTORS];                                            \
        const word *a[WT_TILE_ROWS + 1];                                                           \
        const word *b = tile->b;                                                                   \
        const sum_type *start = tile->start;                                                       \
        sum_type *out = tile->out;                                                                 \
        _Pragma("GCC unroll 6") for (size_t r = 0; r < 2 * pairs; r++)                             \
        {                                                                                          \
            a[r] = (const word *)tile->a + (r < rows ? r : rows - 1) * tile->a_stride;             \
        }                                                                                          \
        _Pragma("GCC unroll 3") for (size_t p = 0; p < pairs; p++)                                 \
        {                                                                                          \
            _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                           \
            {                                                                                      \
                const size_t second = 2 * p + 1 < rows ? 2 * p + 1 : rows - 1;                     \
                sum_vector upper =                                                                 \
                    start == NULL                                                                  \
                        ? zero                                                                     \
                        : load_sum(start + 2 * p * tile->start_stride + v * VECTOR_LANES);         \
                sum_vector lower =                                                                 \
                    start == NULL                                                                  \
                        ? zero                                                                     \
                        : load_sum(start + second * tile->start_stride + v * VECTOR_LANES);        \
                sums[p][2 * v] = zip_low(upper, lower);                                            \
                sums[p][2 * v + 1] = zip_high(upper, lower);                                       \
            }                                                                                      \
        }                                                                                          \
        size_t step = 0;                                                                           \
        for (; step + 4 <= tile->steps; step += 4) {                                               \
            vector near[WT_TILE_ROWS / 2];                                                         \
            vector far[WT_TILE_ROWS / 2];                                                          \
            _Pragma("GCC unroll 3") for (size_t p = 0; p < pairs; p++)                             \
            {                                                                                      \
                vector upper = load_words(a[2 * p] + step);                                        \
                vector lower = load_words(a[2 * p + 1] + step);                                    \
                near[p] = join_low(upper, lower);                                                  \
                far[p] = join_high(upper, lower);                                                  \
            }                                                                                      \
            PAIR_STEP(vector, load_words, dot, near)                                               \
            PAIR_STEP(vector, load_words, dot, far)                                                \
        }                                                                                          \
        if (step < tile->steps) {                                                                  \
            vector near[WT_TILE_ROWS / 2];                                                         \
            _Pragma("GCC unroll 3") for (size_t p = 0; p < pairs; p++)                             \
            {                                                                                      \
                near[p] = load_two(a[2 * p] + step, a[2 * p + 1] + step);                          \
            }                                                                                      \
            PAIR_STEP(vector, load_words, dot, near)                                               \
        }                                                                                          \
        _Pragma("GCC unroll 3") for (size_t p = 0; p < pairs; p++)                                 \
        {                                                                                          \
            _Pragma("GCC unroll 4") for (size_t v = 0; v < VECTORS; v++)                           \
            {                                                                                      \
                sum_type *to = out + 2 * p * tile->out_stride + v * VECTOR_LANES;                  \
                store_sum(to, zip_low(sums[p][2 * v], sums[p][2 * v + 1]));                        \
                if (2 * p + 1 < rows) {                                                            \
                    store_sum(to + tile->out_stride,                                               \
                              zip_high(sums[p][2 * v], sums[p][2 * v + 1]));                       \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    DEFINE_TILE_BY_ROWS(name)

/* NOLINTEND(bugprone-macro-parentheses) */
