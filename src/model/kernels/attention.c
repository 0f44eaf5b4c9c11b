#include "model/kernels/attention.h"

#include "model/kernels/memory.h"

#include <math.h>
#include <string.h>

static size_t round_up(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

/* In 32-bit words, for floats; bf16 needs half. */
struct sizes {
    size_t key_columns;   /* keys, rounded up to whole panels */
    size_t value_columns; /* the head's size, rounded up to whole panels */
    size_t row;           /* the head's size, rounded up to whole groups of lanes */
};

static struct sizes sizes_of(const struct wt_kernels *kernels, size_t keys, size_t size)
{
    return (struct sizes){.key_columns = round_up(keys, kernels->panel),
                          .value_columns = round_up(size, kernels->panel),
                          .row = round_up(size, WT_LANES)};
}

size_t wt_attention_scratch_bytes(const struct wt_kernels *kernels, size_t keys, size_t size)
{
    struct sizes sizes = sizes_of(kernels, keys, size);
    size_t rows = wt_kernels_tile_rows(kernels, WT_NUMBER_BF16);
    size_t words = sizes.key_columns * sizes.row +           /* keys */
                   sizes.key_columns * sizes.value_columns + /* values */
                   rows * sizes.row +                        /* queries */
                   sizes.key_columns * 2 * rows +            /* scores, and in bf16 */
                   rows * sizes.value_columns +              /* context */
                   2 * sizes.row;                            /* a row in conversion */
    return words * sizeof(uint32_t) + (size_t)8 * 64;
}

static enum wt_number number_of(const struct wt_attention *attention)
{
    return attention->bf16 ? WT_NUMBER_BF16 : WT_NUMBER_F32;
}

static size_t together_of(const struct wt_attention *attention)
{
    return wt_kernels_together(attention->kernels, number_of(attention));
}

/* The steps of `count` numbers, which fill whole words. */
static size_t steps_of(const struct wt_attention *attention, size_t count)
{
    return wt_kernels_steps(attention->kernels, number_of(attention),
                            attention->bf16 ? round_up(count, 2) / 2 : count);
}

/* Writes a head's row in bf16, with zeros up to `words`. */
static void convert_row(const struct wt_attention *attention, const float *from, size_t words,
                        uint32_t *to)
{
    size_t written = round_up(attention->size, WT_LANES) / 2;
    attention->kernels->to_bf16(from, attention->size, (uint16_t *)to);
    for (size_t i = written; i < words; i++) {
        to[i] = 0;
    }
}

/* Packs the keys as columns of panels: each word of a key is a step. */
static void pack_keys(const struct wt_attention *attention, size_t steps, uint32_t *row,
                      uint32_t *packed)
{
    size_t panel = attention->kernels->panel;
    size_t together = together_of(attention);
    size_t columns = round_up(attention->keys, panel);
    for (size_t key = 0; key < columns; key++) {
        uint32_t *to = packed + key / panel * panel * steps;
        const float *from = attention->key + key * attention->key_stride;
        if (key >= attention->keys) {
            memset(row, 0, steps * sizeof *row);
        } else if (attention->bf16) {
            convert_row(attention, from, steps, row);
        } else {
            memcpy(row, from, steps * sizeof *row);
        }
        for (size_t step = 0; step < steps; step++) {
            to[wt_kernels_place(panel, together, step, key % panel)] = row[step];
        }
    }
}

/* Writes `count` words of two bf16 each, then zeros up to `panel`, `together` words apart. */
static inline void join(const uint16_t *lower, const uint16_t *upper, size_t count, size_t panel,
                        const size_t together, uint32_t *to)
{
    for (size_t i = 0; i < count; i++) {
        to[i * together] = (uint32_t)upper[i] << 16 | lower[i];
    }
    for (size_t i = count; i < panel; i++) {
        to[i * together] = 0;
    }
}

/* Packs the values as they are: each key is a step; in bf16, two keys. */
static void pack_values(const struct wt_attention *attention, size_t steps, uint16_t *pair,
                        uint32_t *packed)
{
    size_t panel = attention->kernels->panel;
    size_t size = attention->size;
    size_t pair_stride = round_up(size, WT_LANES);
    size_t together = together_of(attention);
    for (size_t step = 0; step < steps; step++) {
        const float *from = attention->value;
        if (attention->bf16) {
            for (size_t i = 0; i < 2; i++) {
                size_t key = 2 * step + i;
                if (key < attention->keys) {
                    attention->kernels->to_bf16(from + key * attention->value_stride, size,
                                                pair + i * pair_stride);
                } else {
                    memset(pair + i * pair_stride, 0, pair_stride * sizeof *pair);
                }
            }
        }
        for (size_t first = 0; first < size; first += panel) {
            size_t count = size - first < panel ? size - first : panel;
            uint32_t *to = packed + first * steps + wt_kernels_place(panel, together, step, 0);
            if (attention->bf16 && together == 2) {
                join(pair + first, pair + pair_stride + first, count, panel, 2, to);
            } else if (attention->bf16) {
                join(pair + first, pair + pair_stride + first, count, panel, 1, to);
            } else {
                memcpy(to, from + step * attention->value_stride + first, count * sizeof *to);
                memset(to + count, 0, (panel - count) * sizeof *to);
            }
        }
    }
}

struct packed {
    uint32_t *keys;
    uint32_t *values;
    uint32_t *queries;
    float *scores;
    uint32_t *shares; /* the weights of the values: the softmax of the scores */
    float *context;
    size_t key_steps;
    size_t value_steps;
    size_t score_stride;
};

/* Multiplies the rows at `a` with each panel of `b`. The results are side by side in `out`. */
static void multiply(const struct wt_attention *attention, const void *a, size_t a_stride,
                     uint32_t rows, const uint32_t *b, size_t steps, size_t columns, float *out)
{
    const struct wt_kernels *kernels = attention->kernels;
    for (size_t first = 0; first < columns; first += kernels->panel) {
        struct wt_tile tile = {.a = a,
                               .a_stride = a_stride,
                               .b = b + first * steps,
                               .steps = steps,
                               .rows = rows,
                               .out = out + first,
                               .out_stride = columns};
        (attention->bf16 ? kernels->tile_bf16 : kernels->tile_f32)(&tile);
    }
}

static void run_tile(const struct wt_attention *attention, const struct packed *packed,
                     size_t first, uint32_t rows)
{
    const struct wt_kernels *kernels = attention->kernels;
    const float *query = attention->query + first * attention->query_stride;
    size_t columns = packed->score_stride;
    size_t context_columns = round_up(attention->size, kernels->panel);
    const void *a = query;
    size_t a_stride = attention->query_stride;
    if (attention->bf16) {
        a = packed->queries;
        a_stride = steps_of(attention, round_up(attention->size, WT_LANES));
        for (uint32_t i = 0; i < rows; i++) {
            convert_row(attention, query + i * attention->query_stride, a_stride,
                        packed->queries + i * a_stride);
        }
    }
    multiply(attention, a, a_stride, rows, packed->keys, packed->key_steps, columns,
             packed->scores);
    float inverse[WT_TILE_ROWS_MAX];
    float factor = 1.0f / sqrtf((float)attention->size);
    const void *shares = packed->scores;
    for (uint32_t i = 0; i < rows; i++) {
        float *scores = packed->scores + i * columns;
        const float *bias = attention->bias;
        if (bias != NULL) {
            bias += (ptrdiff_t)(first + i) * attention->bias_stride;
            inverse[i] = kernels->softmax_biased(scores, bias, attention->keys, columns, factor);
        } else {
            inverse[i] = kernels->softmax(scores, attention->keys, columns, factor);
        }
        if (attention->bf16) {
            kernels->to_bf16(scores, columns, (uint16_t *)(packed->shares + i * columns / 2));
        }
    }
    if (attention->bf16) {
        shares = packed->shares;
    }
    multiply(attention, shares, attention->bf16 ? columns / 2 : columns, rows, packed->values,
             packed->value_steps, context_columns, packed->context);
    for (uint32_t i = 0; i < rows; i++) {
        kernels->scale(packed->context + i * context_columns, attention->size, inverse[i],
                       attention->out + (first + i) * attention->out_stride);
    }
}

void wt_attention_run(const struct wt_attention *attention, void *scratch)
{
    struct sizes sizes = sizes_of(attention->kernels, attention->keys, attention->size);
    size_t rows = wt_kernels_tile_rows(attention->kernels, number_of(attention));
    bool around = attention->bf16 && attention->kernels->begin != NULL;
    struct packed packed = {.key_steps = steps_of(attention, attention->size),
                            .value_steps = steps_of(attention, attention->keys),
                            .score_stride = sizes.key_columns};
    size_t word = sizeof(uint32_t);
    packed.keys = wt_memory_cut(&scratch, sizes.key_columns * sizes.row * word);
    packed.values = wt_memory_cut(&scratch, sizes.key_columns * sizes.value_columns * word);
    packed.queries = wt_memory_cut(&scratch, rows * sizes.row * word);
    packed.scores = wt_memory_cut(&scratch, rows * sizes.key_columns * word);
    packed.shares = wt_memory_cut(&scratch, rows * sizes.key_columns * word);
    packed.context = wt_memory_cut(&scratch, rows * sizes.value_columns * word);
    pack_keys(attention, packed.key_steps, scratch, packed.keys);
    pack_values(attention, packed.value_steps, scratch, packed.values);
    if (around) {
        attention->kernels->begin();
    }
    for (size_t first = 0; first < attention->queries; first += rows) {
        size_t rest = attention->queries - first;
        run_tile(attention, &packed, first, (uint32_t)(rest < rows ? rest : rows));
    }
    if (around) {
        attention->kernels->end();
    }
}
