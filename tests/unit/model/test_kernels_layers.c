/* The kernels' layers: dense steps, LSTM directions and attention are what plain formulas in double
 * precision give, in every number and instruction set; and a row has the same bits alone, among
 * others and in front of padding. */
#include "kernel_cases.h"

#include "base/pages.h"
#include "model/kernels/attention.h"
#include "model/kernels/dense.h"
#include "model/kernels/lstm.h"

/* How far products in a number may be from exact ones, for deviates of size 1. */
static double tolerance_of(enum wt_number number)
{
    return number == WT_NUMBER_F32 ? 1e-4 : number == WT_NUMBER_BF16 ? 0.03 : 0.15;
}

static void for_each_set_and_number(void (*check)(const struct wt_kernels *kernels,
                                                  enum wt_number number))
{
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (int number = WT_NUMBER_F32; number <= WT_NUMBER_S8; number++) {
            check(*set, (enum wt_number)number);
        }
    }
}

static double gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* out[i] = x * weights[i] + bias[i]. */
static void linear(const double *x, const float *weights, const float *bias, size_t outputs,
                   size_t inputs, double *out)
{
    for (size_t i = 0; i < outputs; i++) {
        out[i] = bias != NULL ? (double)bias[i] : 0.0;
        for (size_t j = 0; j < inputs; j++) {
            out[i] += x[j] * (double)weights[i * inputs + j];
        }
    }
}

/* --- dense ----------------------------------------------------------------------------------- */

enum { WIDE = 40, INNER = 150, ROWS = 2 * WT_MATRIX_ROWS_MAX + 7 };

struct weights {
    float up[INNER * WIDE], up_bias[INNER];
    float down[WIDE * INNER], down_bias[WIDE];
    float gamma[WIDE], beta[WIDE];
};

static struct weights *random_weights(struct dice *dice)
{
    struct weights *weights = malloc(sizeof *weights);
    assert_non_null(weights);
    fill_normal(dice, weights->up, INNER * WIDE, 1.0 / sqrt(WIDE));
    fill_normal(dice, weights->up_bias, INNER, 0.1);
    fill_normal(dice, weights->down, WIDE * INNER, 1.0 / sqrt(INNER));
    fill_normal(dice, weights->down_bias, WIDE, 0.1);
    fill_normal(dice, weights->gamma, WIDE, 1.0);
    fill_normal(dice, weights->beta, WIDE, 1.0);
    return weights;
}

static struct wt_dense *feed_forward(const struct wt_kernels *kernels, enum wt_number first,
                                     enum wt_number second, const struct weights *weights)
{
    struct wt_matrix *up =
        wt_matrix_create(kernels, first, weights->up, weights->up_bias, INNER, WIDE);
    struct wt_matrix *down =
        wt_matrix_create(kernels, second, weights->down, weights->down_bias, WIDE, INNER);
    struct wt_dense *dense = wt_dense_create(&up);
    struct wt_dense *behind = wt_dense_create(&down);
    assert_non_null(dense);
    assert_non_null(behind);
    wt_dense_set_activation(dense, WT_ACTIVATION_GELU);
    wt_dense_append(dense, &behind);
    assert_null(behind);
    assert_true(wt_dense_set_norm(dense, weights->gamma, weights->beta, 1e-6f));
    assert_int_equal(wt_dense_inputs(dense), WIDE);
    assert_int_equal(wt_dense_outputs(dense), WIDE);
    return dense;
}

static void run_dense(const struct wt_dense *dense, const float *x, const float *residual,
                      size_t rows, float *out)
{
    void *scratch = wt_pages_alloc(wt_dense_scratch_bytes(dense));
    assert_non_null(scratch);
    wt_dense_run(dense, x, residual, rows, out, scratch);
    wt_pages_free(scratch);
}

/* norm(residual + down(gelu(up(x)))) of one row. */
static void feed_forward_of(const struct weights *weights, const float *x, const float *residual,
                            double *out)
{
    double wide[WIDE];
    double inner[INNER];
    double mean = 0.0;
    double variance = 0.0;
    for (size_t i = 0; i < WIDE; i++) {
        wide[i] = (double)x[i];
    }
    linear(wide, weights->up, weights->up_bias, INNER, WIDE, inner);
    for (size_t i = 0; i < INNER; i++) {
        inner[i] = gelu(inner[i]);
    }
    linear(inner, weights->down, weights->down_bias, WIDE, INNER, out);
    for (size_t i = 0; i < WIDE; i++) {
        out[i] += (double)residual[i];
        mean += out[i] / WIDE;
    }
    for (size_t i = 0; i < WIDE; i++) {
        variance += (out[i] - mean) * (out[i] - mean) / WIDE;
    }
    for (size_t i = 0; i < WIDE; i++) {
        out[i] = (out[i] - mean) / sqrt(variance + 1e-6) * (double)weights->gamma[i] +
                 (double)weights->beta[i];
    }
}

static void check_feed_forward(const struct wt_kernels *kernels, enum wt_number number)
{
    struct dice dice = {.state = 21};
    struct weights *weights = random_weights(&dice);
    float *x = new_normal(&dice, (size_t)ROWS * WIDE, 1.0);
    float *residual = new_normal(&dice, (size_t)ROWS * WIDE, 1.0);
    float *out = malloc((size_t)ROWS * WIDE * sizeof *out);
    float alone[WIDE];
    double wanted[WIDE];
    assert_non_null(out);
    /* The layers may be of different numbers. */
    for (int other = WT_NUMBER_F32; other <= WT_NUMBER_S8; other++) {
        struct wt_dense *dense = feed_forward(kernels, number, (enum wt_number)other, weights);
        double tolerance = 2.0 * fmax(tolerance_of(number), tolerance_of((enum wt_number)other));
        run_dense(dense, x, residual, ROWS, out);
        for (size_t row = 0; row < ROWS; row += 11) {
            feed_forward_of(weights, x + row * WIDE, residual + row * WIDE, wanted);
            assert_close(kernels->name, out + row * WIDE, wanted, WIDE, tolerance);
            run_dense(dense, x + row * WIDE, residual + row * WIDE, 1, alone);
            assert_same_bits(kernels->name, alone, out + row * WIDE, WIDE);
        }
        wt_dense_destroy(dense);
    }
    free(out);
    free(residual);
    free(x);
    free(weights);
}

static void a_feed_forward_step_is_that_of_the_textbook_in_any_batch(void **state)
{
    (void)state;
    for_each_set_and_number(check_feed_forward);
}

/* --- LSTM ------------------------------------------------------------------------------------ */

enum { INPUTS = 20, SIZE = 24, ARTICLES = WT_TILE_ROWS + 3, WIDTH = 19 };

struct lstm_weights {
    float input[4 * SIZE * INPUTS], hidden[4 * SIZE * SIZE];
    float input_bias[4 * SIZE], hidden_bias[4 * SIZE];
};

static void lstm_of(const struct lstm_weights *weights, const float *x, double *out)
{
    double hidden[SIZE] = {0};
    double cell[SIZE] = {0};
    for (size_t position = 0; position < WIDTH; position++) {
        double in[INPUTS];
        double gates[4 * SIZE];
        double recurrent[4 * SIZE];
        for (size_t i = 0; i < INPUTS; i++) {
            in[i] = (double)x[position * INPUTS + i];
        }
        linear(in, weights->input, weights->input_bias, 4 * SIZE, INPUTS, gates);
        linear(hidden, weights->hidden, weights->hidden_bias, 4 * SIZE, SIZE, recurrent);
        for (size_t i = 0; i < SIZE; i++) {
            double input_gate = sigmoid(gates[i] + recurrent[i]);
            double forget_gate = sigmoid(gates[SIZE + i] + recurrent[SIZE + i]);
            double fresh = tanh(gates[2 * SIZE + i] + recurrent[2 * SIZE + i]);
            double out_gate = sigmoid(gates[3 * SIZE + i] + recurrent[3 * SIZE + i]);
            cell[i] = forget_gate * cell[i] + input_gate * fresh;
            hidden[i] = out_gate * tanh(cell[i]);
            out[position * SIZE + i] = hidden[i];
        }
    }
}

static void run_lstm(const struct wt_lstm *lstm, const float *x, size_t rows, size_t width,
                     float *out)
{
    void *scratch = wt_pages_alloc(wt_lstm_scratch_bytes(lstm, rows, width));
    assert_non_null(scratch);
    wt_lstm_run(lstm, x, rows, width, out, scratch);
    wt_pages_free(scratch);
}

static void check_lstm(const struct wt_kernels *kernels, enum wt_number number)
{
    struct dice dice = {.state = 22};
    static struct lstm_weights weights;
    fill_normal(&dice, weights.input, 4 * SIZE * INPUTS, 0.2);
    fill_normal(&dice, weights.hidden, 4 * SIZE * SIZE, 0.2);
    fill_normal(&dice, weights.input_bias, 4 * SIZE, 0.2);
    fill_normal(&dice, weights.hidden_bias, 4 * SIZE, 0.2);
    struct wt_lstm *lstm = wt_lstm_create(kernels, number, weights.input, weights.hidden,
                                          weights.input_bias, weights.hidden_bias, INPUTS, SIZE);
    assert_non_null(lstm);
    float *x = new_normal(&dice, (size_t)ARTICLES * WIDTH * INPUTS, 1.0);
    float *out = malloc((size_t)ARTICLES * WIDTH * SIZE * sizeof *out);
    float alone[WIDTH * SIZE];
    double wanted[WIDTH * SIZE];
    assert_non_null(out);
    run_lstm(lstm, x, ARTICLES, WIDTH, out);
    for (size_t row = 0; row < ARTICLES; row++) {
        lstm_of(&weights, x + row * WIDTH * INPUTS, wanted);
        assert_close(kernels->name, out + row * WIDTH * SIZE, wanted, (size_t)WIDTH * SIZE,
                     tolerance_of(number));
        /* Alone, and cut: what comes later changes nothing before it. */
        size_t width = WIDTH - row;
        run_lstm(lstm, x + row * WIDTH * INPUTS, 1, width, alone);
        assert_same_bits(kernels->name, alone, out + row * WIDTH * SIZE, width * SIZE);
    }
    free(out);
    free(x);
    wt_lstm_destroy(lstm);
}

static void an_lstm_reads_each_article_as_if_it_were_alone(void **state)
{
    (void)state;
    for_each_set_and_number(check_lstm);
}

static void an_lstm_takes_working_memory_for_the_articles_that_are_there(void **state)
{
    (void)state;
    static const struct lstm_weights weights;
    struct wt_lstm *lstm =
        wt_lstm_create(wt_kernels_all()[0], WT_NUMBER_F32, weights.input, weights.hidden,
                       weights.input_bias, weights.hidden_bias, INPUTS, SIZE);
    assert_non_null(lstm);
    size_t article_bytes = sizeof(float) * 4 * SIZE * 512;
    size_t one = wt_lstm_scratch_bytes(lstm, 1, 512);
    size_t tile = wt_lstm_scratch_bytes(lstm, WT_TILE_ROWS, 512);
    assert_int_equal(tile - one, (WT_TILE_ROWS - 1) * article_bytes);
    assert_int_equal(wt_lstm_scratch_bytes(lstm, 10 * WT_TILE_ROWS, 512), tile);
    wt_lstm_destroy(lstm);
}

/* --- attention ------------------------------------------------------------------------------- */

static const struct {
    size_t queries, keys, size;
} attentions[] = {{1, 1, 1},    {5, 5, 24},   {16, 16, 64}, {70, 64, 64},
                  {33, 65, 32}, {40, 40, 80}, {7, 200, 7},  {130, 129, 64}};

static void run_attention(const struct wt_attention *attention)
{
    void *scratch = wt_pages_alloc(
        wt_attention_scratch_bytes(attention->kernels, attention->keys, attention->size));
    assert_non_null(scratch);
    wt_attention_run(attention, scratch);
    wt_pages_free(scratch);
}

static void attention_of(const struct wt_attention *attention, size_t query, double *out)
{
    double *shares = malloc(attention->keys * sizeof *shares);
    double largest = -INFINITY;
    double sum = 0.0;
    assert_non_null(shares);
    for (size_t key = 0; key < attention->keys; key++) {
        shares[key] = 0.0;
        for (size_t i = 0; i < attention->size; i++) {
            shares[key] += (double)attention->query[query * attention->query_stride + i] *
                           (double)attention->key[key * attention->key_stride + i];
        }
        shares[key] /= sqrt((double)attention->size);
        if (attention->bias != NULL) {
            shares[key] +=
                (double)attention->bias[(ptrdiff_t)query * attention->bias_stride + (ptrdiff_t)key];
        }
        largest = fmax(largest, shares[key]);
    }
    for (size_t key = 0; key < attention->keys; key++) {
        shares[key] = exp(shares[key] - largest);
        sum += shares[key];
    }
    for (size_t i = 0; i < attention->size; i++) {
        out[i] = 0.0;
        for (size_t key = 0; key < attention->keys; key++) {
            out[i] +=
                shares[key] / sum * (double)attention->value[key * attention->value_stride + i];
        }
    }
    free(shares);
}

/* How a bias lies in memory. */
enum rows { NO_BIAS, IN_ORDER, LAST_ROW_FIRST, ROWS_COUNT };

static void check_attention(const struct wt_kernels *kernels, bool bf16, enum rows rows,
                            size_t which)
{
    struct dice dice = {.state = 23 + which};
    size_t size = attentions[which].size;
    size_t queries = attentions[which].queries;
    size_t keys = attentions[which].keys;
    size_t stride = size + 3;
    float *query = new_normal(&dice, queries * stride, 1.0);
    float *key = new_normal(&dice, keys * stride, 1.0);
    float *value = new_normal(&dice, keys * stride, 1.0);
    float *bias = new_normal(&dice, queries * (keys + 2), 2.0);
    ptrdiff_t bias_stride = (ptrdiff_t)keys + 2;
    const float *first = rows == NO_BIAS ? NULL : bias;
    if (rows == LAST_ROW_FIRST) {
        first = bias + (queries - 1) * (keys + 2);
        bias_stride = -bias_stride;
    }
    float *out = malloc(queries * stride * sizeof *out);
    float alone[80];
    double wanted[80];
    assert_non_null(out);
    struct wt_attention attention = {.kernels = kernels,
                                     .bf16 = bf16,
                                     .query = query,
                                     .key = key,
                                     .value = value,
                                     .bias = first,
                                     .bias_stride = bias_stride,
                                     .query_stride = stride,
                                     .key_stride = stride,
                                     .value_stride = stride,
                                     .queries = queries,
                                     .keys = keys,
                                     .size = size,
                                     .out = out,
                                     .out_stride = stride};
    run_attention(&attention);
    for (size_t i = 0; i < queries; i++) {
        attention_of(&attention, i, wanted);
        assert_close(kernels->name, out + i * stride, wanted, size, bf16 ? 0.05 : 1e-5);
    }
    for (size_t i = 0; i < queries; i++) {
        struct wt_attention one = attention;
        one.query = query + i * stride;
        one.bias = first != NULL ? first + (ptrdiff_t)i * bias_stride : NULL;
        one.queries = 1;
        one.out = alone;
        run_attention(&one);
        assert_same_bits(kernels->name, alone, out + i * stride, size);
    }
    free(out);
    free(bias);
    free(value);
    free(key);
    free(query);
}

static void attention_is_that_of_the_textbook_for_each_query_alone(void **state)
{
    (void)state;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (size_t i = 0; i < COUNT_OF(attentions); i++) {
            for (enum rows rows = NO_BIAS; rows < ROWS_COUNT; rows++) {
                check_attention(*set, false, rows, i);
                check_attention(*set, true, rows, i);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_forward_step_is_that_of_the_textbook_in_any_batch),
        cmocka_unit_test(an_lstm_reads_each_article_as_if_it_were_alone),
        cmocka_unit_test(an_lstm_takes_working_memory_for_the_articles_that_are_there),
        cmocka_unit_test(attention_is_that_of_the_textbook_for_each_query_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
