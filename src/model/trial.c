#include "model/trial.h"

#include "base/pages.h"
#include "model/kernels/attention.h"
#include "model/kernels/dense.h"
#include "model/kernels/lstm.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Each part is timed this many times, and the least time counts. Very short parts are repeated more
 * often; a candidate that is far behind the best is not repeated. */
#define ROUNDS_MIN 6
#define ROUNDS_MAX 10
#define PART_MS_MAX 1.5
#define HOPELESS 1.5

/* Of a large layer only a piece is timed and scaled up: a layer with one output for each token of a
 * vocabulary would need as much memory as the model. An LSTM takes the same time at every
 * position. */
#define INPUTS_MAX 8192u
#define WEIGHTS_MAX ((size_t)5 << 19)
#define STATE_MAX 1024u
#define LSTM_POSITIONS_MAX 32u
#define HEADS_MAX 16u

#define SIDES 3u /* query, key and value */

/* A part as it is timed, and its weight in the sum. */
struct piece {
    const struct wt_part *part;
    size_t inputs;
    size_t outputs;
    double share; /* of the whole part */
};

/* A piece, packed for one candidate. */
struct packed {
    struct wt_dense *dense;
    struct wt_lstm *lstm;
    void *scratch;
};

struct bench {
    const struct wt_trial_shape *shapes;
    const struct wt_trial_way *ways;
    size_t way_count;
    float *x;
    float *y;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The calling thread's processor time, so that other load on the machine does not count. */
static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double product(size_t a, size_t b)
{
    return (double)a * (double)b;
}

static struct piece piece_of(const struct wt_part *part)
{
    struct piece piece = {.part = part, .inputs = part->inputs, .outputs = part->outputs};
    switch (part->kind) {
    case WT_PART_LINEAR:
        piece.inputs = least(part->inputs, INPUTS_MAX);
        piece.outputs = least(part->outputs, most(WEIGHTS_MAX / piece.inputs, 1));
        piece.share = product(piece.inputs, piece.outputs) / product(part->inputs, part->outputs);
        break;
    case WT_PART_LSTM:
        piece.inputs = least(part->inputs, STATE_MAX);
        piece.outputs = least(part->outputs, STATE_MAX);
        piece.share = product(piece.outputs, piece.inputs + piece.outputs) /
                      product(part->outputs, part->inputs + part->outputs);
        break;
    default:
        piece.outputs = least(part->outputs, HEADS_MAX);
        piece.share = 1.0 / (double)part->outputs; /* one head */
    }
    return piece;
}

/* As many rows of an article as pass through a layer together. */
static size_t rows_of(const struct piece *piece, const struct wt_trial_shape *shape)
{
    switch (piece->part->kind) {
    case WT_PART_LINEAR:
        return least(shape->rows, WT_MATRIX_ROWS_MAX);
    case WT_PART_LSTM:
        return least(shape->rows, LSTM_POSITIONS_MAX);
    default:
        return shape->rows;
    }
}

/* --- packing ---------------------------------------------------------------------------------- */

static bool pack_linear(const struct piece *piece, const struct wt_trial_way *way,
                        struct packed *packed)
{
    enum wt_number number = piece->part->in_float ? WT_NUMBER_F32 : way->number;
    struct wt_matrix *matrix = wt_matrix_create(way->kernels, number, piece->part->weights, NULL,
                                                piece->outputs, piece->inputs);
    packed->dense = matrix != NULL ? wt_dense_create(&matrix) : NULL;
    if (packed->dense == NULL) {
        wt_matrix_destroy(matrix);
        return false;
    }
    wt_dense_set_activation(packed->dense, piece->part->activation);
    packed->scratch = wt_pages_alloc(wt_dense_scratch_bytes(packed->dense));
    return packed->scratch != NULL;
}

static bool pack_lstm(const struct piece *piece, const struct wt_trial_way *way,
                      struct packed *packed)
{
    float *biases = calloc(4 * piece->outputs, sizeof *biases);
    if (biases != NULL) {
        packed->lstm = wt_lstm_create(way->kernels, way->number, piece->part->weights,
                                      piece->part->state_weights, biases, biases, piece->inputs,
                                      piece->outputs);
    }
    free(biases);
    if (packed->lstm == NULL) {
        return false;
    }
    packed->scratch = wt_pages_alloc(wt_lstm_scratch_bytes(packed->lstm, 1, LSTM_POSITIONS_MAX));
    return packed->scratch != NULL;
}

static bool pack(const struct bench *bench, const struct piece *piece,
                 const struct wt_trial_way *way, struct packed *packed)
{
    size_t keys = most(bench->shapes[0].keys, bench->shapes[1].keys);
    switch (piece->part->kind) {
    case WT_PART_LINEAR:
        return pack_linear(piece, way, packed);
    case WT_PART_LSTM:
        return pack_lstm(piece, way, packed);
    default:
        packed->scratch =
            wt_pages_alloc(wt_attention_scratch_bytes(way->kernels, keys, piece->inputs));
        return packed->scratch != NULL;
    }
}

static void unpack(struct packed *packed)
{
    wt_dense_destroy(packed->dense);
    wt_lstm_destroy(packed->lstm);
    wt_pages_free(packed->scratch);
}

/* --- timing ----------------------------------------------------------------------------------- */

/* Runs one head. Its rows lie between those of the other heads, as in a model. */
static void attend(const struct bench *bench, const struct piece *piece,
                   const struct wt_trial_way *way, const struct wt_trial_shape *shape,
                   void *scratch)
{
    size_t stride = piece->outputs * piece->inputs;
    const struct wt_attention call = {.kernels = way->kernels,
                                      .bf16 = wt_kernels_attends_in_bf16(way->kernels, way->number),
                                      .query = bench->x,
                                      .key = bench->x + shape->rows * stride,
                                      .value = bench->x + 2 * shape->rows * stride,
                                      .query_stride = stride,
                                      .key_stride = stride,
                                      .value_stride = stride,
                                      .queries = shape->rows,
                                      .keys = shape->keys,
                                      .size = piece->inputs,
                                      .out = bench->y,
                                      .out_stride = stride};
    wt_attention_run(&call, scratch);
}

/* Milliseconds for all parts of this kind in the model, for one article. */
static double time_once(const struct bench *bench, const struct piece *piece,
                        const struct wt_trial_way *way, const struct wt_trial_shape *shape,
                        const struct packed *packed)
{
    size_t rows = rows_of(piece, shape);
    double start_ms = now_ms();
    if (packed->dense != NULL) {
        wt_dense_run(packed->dense, bench->x, NULL, rows, bench->y, packed->scratch);
    } else if (packed->lstm != NULL) {
        wt_lstm_run(packed->lstm, bench->x, 1, rows, bench->y, packed->scratch);
    } else {
        attend(bench, piece, way, shape, packed->scratch);
    }
    double took_ms = now_ms() - start_ms;
    return took_ms / piece->share * (double)piece->part->times * (double)shape->rows / (double)rows;
}

static double sum_of(const double ms[WT_TRIAL_SHAPES])
{
    return ms[0] + ms[1];
}

static bool times(const struct wt_trial_way *way, const struct wt_part *part)
{
    return (way->kinds & WT_PARTS(part->kind)) != 0;
}

/* The candidates take turns, so that a slow moment of the processor affects all of them. */
static void time_in_turns(const struct bench *bench, const struct piece *piece,
                          const struct packed *packed, double (*ms)[WT_TRIAL_SHAPES])
{
    double start_ms = now_ms();
    double best_ms = INFINITY;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (round >= ROUNDS_MIN && now_ms() - start_ms > PART_MS_MAX) {
            return;
        }
        for (size_t way = 0; way < bench->way_count; way++) {
            bool hopeless = round > 1 && sum_of(ms[way]) > HOPELESS * best_ms;
            if (hopeless || !times(&bench->ways[way], piece->part)) {
                continue;
            }
            for (size_t shape = 0; shape < WT_TRIAL_SHAPES; shape++) {
                double took_ms =
                    time_once(bench, piece, &bench->ways[way], &bench->shapes[shape], &packed[way]);
                if (round == 0 || took_ms < ms[way][shape]) {
                    ms[way][shape] = took_ms;
                }
            }
        }
        best_ms = INFINITY;
        for (size_t way = 0; way < bench->way_count; way++) {
            bool timed = times(&bench->ways[way], piece->part);
            best_ms = timed ? fmin(best_ms, sum_of(ms[way])) : best_ms;
        }
    }
}

static bool time_part(const struct bench *bench, const struct wt_part *part,
                      double (*ms_out)[WT_PART_KINDS][WT_TRIAL_SHAPES])
{
    struct piece piece = piece_of(part);
    struct packed *packed = calloc(bench->way_count, sizeof *packed);
    double(*ms)[WT_TRIAL_SHAPES] = calloc(bench->way_count, sizeof *ms);
    bool done = packed != NULL && ms != NULL;
    for (size_t way = 0; way < bench->way_count && done; way++) {
        done =
            !times(&bench->ways[way], part) || pack(bench, &piece, &bench->ways[way], &packed[way]);
    }
    if (done) {
        time_in_turns(bench, &piece, packed, ms);
    }
    for (size_t way = 0; way < bench->way_count && packed != NULL; way++) {
        unpack(&packed[way]);
        for (size_t shape = 0; shape < WT_TRIAL_SHAPES && done; shape++) {
            ms_out[way][part->kind][shape] += ms[way][shape];
        }
    }
    free(ms);
    free(packed);
    return done;
}

/* The number of floats that enter and leave the largest part. */
static size_t floats_of(const struct bench *bench, const struct wt_part *parts, size_t count)
{
    size_t floats = 1;
    for (size_t i = 0; i < count; i++) {
        struct piece piece = piece_of(&parts[i]);
        size_t rows = most(rows_of(&piece, &bench->shapes[0]), rows_of(&piece, &bench->shapes[1]));
        size_t width = piece.part->kind == WT_PART_ATTENTION ? SIDES * piece.inputs * piece.outputs
                                                             : most(piece.inputs, piece.outputs);
        floats = most(floats, rows * width);
    }
    return floats;
}

/* Distinct numbers between -1 and 1: processors may be faster or slower with zeros and with tiny
 * numbers. */
static void fill(float *x, size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)(state | 0x10000u) / 2147483648.0f;
    }
}

bool wt_trial_run(const struct wt_part *parts, size_t part_count,
                  const struct wt_trial_shape shapes[WT_TRIAL_SHAPES],
                  const struct wt_trial_way *ways, size_t way_count,
                  double (*ms_out)[WT_PART_KINDS][WT_TRIAL_SHAPES])
{
    struct bench bench = {.shapes = shapes, .ways = ways, .way_count = way_count};
    size_t floats = floats_of(&bench, parts, part_count);
    bench.x = wt_pages_alloc(floats * sizeof(float));
    bench.y = wt_pages_alloc(floats * sizeof(float));
    bool done = bench.x != NULL && bench.y != NULL;
    if (done) {
        fill(bench.x, floats);
    }
    memset(ms_out, 0, way_count * sizeof *ms_out);
    for (size_t i = 0; i < part_count && done; i++) {
        done = time_part(&bench, &parts[i], ms_out);
    }
    wt_pages_free(bench.x);
    wt_pages_free(bench.y);
    return done;
}
