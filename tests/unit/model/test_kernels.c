/* The kernels' row functions and matrices: within rounding of plain formulas in double precision, and
 * the same bits from every instruction set this processor has. */
#include "kernel_cases.h"

#include "base/pages.h"
#include "model/kernels/matrix.h"

static const size_t lengths[] = {1, 2, 15, 16, 17, 31, 48, 63, 64, 65, 100, 255, 768};
#define LENGTH_MAX 768u

/* Calls `check` for every set and length, with deviates of different size. */
static void for_each_set(void (*check)(const struct wt_kernels *kernels, const float *x,
                                       size_t count, struct dice *dice))
{
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        struct dice dice = {.state = 7};
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            float *x = new_normal(&dice, lengths[i], i % 3 == 0 ? 0.02 : i % 3 == 1 ? 1.0 : 6.0);
            check(*set, x, lengths[i], &dice);
            free(x);
        }
    }
}

static double gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1.0 + tanh(sqrt(2.0 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
}

static double activated(double x, enum wt_activation activation)
{
    return activation == WT_ACTIVATION_GELU        ? gelu(x)
           : activation == WT_ACTIVATION_GELU_TANH ? gelu_tanh(x)
           : activation == WT_ACTIVATION_RELU      ? fmax(x, 0.0)
                                                   : x;
}

static void check_activations(const struct wt_kernels *kernels, const float *x, size_t count,
                              struct dice *dice)
{
    float *bias = new_normal(dice, count, 0.1);
    float got[LENGTH_MAX];
    float portable[LENGTH_MAX];
    double wanted[LENGTH_MAX];
    for (int a = WT_ACTIVATION_NONE; a <= WT_ACTIVATION_RELU; a++) {
        enum wt_activation activation = (enum wt_activation)a;
        kernels->finish_f32(x, bias, count, activation, got);
        wt_kernels_portable.finish_f32(x, bias, count, activation, portable);
        for (size_t i = 0; i < count; i++) {
            wanted[i] = activated((double)x[i] + (double)bias[i], activation);
        }
        assert_close("activation", got, wanted, count, 1e-5);
        assert_same_bits(kernels->name, got, portable, count);
    }
    free(bias);
}

static void activations_are_those_of_the_textbook(void **state)
{
    (void)state;
    for_each_set(check_activations);
}

static void check_norm(const struct wt_kernels *kernels, const float *x, size_t count,
                       struct dice *dice)
{
    float *residual = new_normal(dice, count, 1.0);
    float *gamma = new_normal(dice, count, 1.0);
    float *beta = new_normal(dice, count, 1.0);
    float got[LENGTH_MAX];
    float portable[LENGTH_MAX];
    double wanted[LENGTH_MAX];
    double mean = 0.0;
    double variance = 0.0;
    for (size_t i = 0; i < count; i++) {
        mean += ((double)x[i] + (double)residual[i]) / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        variance += pow((double)x[i] + (double)residual[i] - mean, 2.0) / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        double apart = (double)x[i] + (double)residual[i] - mean;
        wanted[i] = apart / sqrt(variance + 1e-6) * (double)gamma[i] + (double)beta[i];
    }
    kernels->norm(x, residual, count, gamma, beta, 1e-6f, got);
    wt_kernels_portable.norm(x, residual, count, gamma, beta, 1e-6f, portable);
    assert_close("norm", got, wanted, count, 2e-5);
    assert_same_bits(kernels->name, got, portable, count);
    free(residual);
    free(gamma);
    free(beta);
}

static void layer_norm_is_that_of_the_textbook(void **state)
{
    (void)state;
    for_each_set(check_norm);
}

static void check_softmax(const struct wt_kernels *kernels, const float *x, size_t count,
                          struct dice *dice)
{
    (void)dice;
    size_t padded = (count + WT_LANES - 1) / WT_LANES * WT_LANES;
    float got[LENGTH_MAX];
    float portable[LENGTH_MAX];
    double wanted[LENGTH_MAX] = {0};
    double largest = -INFINITY;
    double sum = 0.0;
    memset(got, 0x7F, sizeof got);
    memcpy(got, x, count * sizeof *x);
    memcpy(portable, got, sizeof portable);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, 0.125 * (double)x[i]);
    }
    for (size_t i = 0; i < count; i++) {
        wanted[i] = exp(0.125 * (double)x[i] - largest);
        sum += wanted[i];
    }
    float inverse = kernels->softmax(got, count, padded, 0.125f);
    float portable_inverse = wt_kernels_portable.softmax(portable, count, padded, 0.125f);
    assert_close("softmax", got, wanted, padded, 1e-6);
    assert_true(fabs((double)inverse * sum - 1.0) < 1e-5);
    assert_same_bits(kernels->name, got, portable, padded);
    assert_same_bits(kernels->name, &inverse, &portable_inverse, 1);
}

static void softmax_is_that_of_the_textbook(void **state)
{
    (void)state;
    for_each_set(check_softmax);
}

static void check_cell(const struct wt_kernels *kernels, const float *x, size_t count,
                       struct dice *dice)
{
    float *gates = new_normal(dice, 4 * count, 3.0);
    float hidden[LENGTH_MAX];
    float portable_hidden[LENGTH_MAX];
    float cell[LENGTH_MAX];
    float portable_cell[LENGTH_MAX];
    double wanted_cell[LENGTH_MAX];
    double wanted[LENGTH_MAX];
    memcpy(cell, x, count * sizeof *x);
    memcpy(portable_cell, x, count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        double in = 1.0 / (1.0 + exp(-(double)gates[i]));
        double forget = 1.0 / (1.0 + exp(-(double)gates[count + i]));
        double out = 1.0 / (1.0 + exp(-(double)gates[3 * count + i]));
        wanted_cell[i] = forget * (double)x[i] + in * tanh((double)gates[2 * count + i]);
        wanted[i] = out * tanh(wanted_cell[i]);
    }
    kernels->cell(gates, count, cell, hidden);
    wt_kernels_portable.cell(gates, count, portable_cell, portable_hidden);
    assert_close("cell", cell, wanted_cell, count, 5e-6);
    assert_close("hidden", hidden, wanted, count, 5e-6);
    assert_same_bits(kernels->name, cell, portable_cell, count);
    assert_same_bits(kernels->name, hidden, portable_hidden, count);
    free(gates);
}

static void an_lstm_step_is_that_of_the_textbook(void **state)
{
    (void)state;
    for_each_set(check_cell);
}

/* Bytes as signed numbers, whichever way the set stores them. */
static int signed_byte(const struct wt_kernels *kernels, const int8_t *bytes, size_t i)
{
    return kernels->s8_offset ? (uint8_t)bytes[i] - 128 : bytes[i];
}

static void check_quantize(const struct wt_kernels *kernels, const float *x, size_t count,
                           struct dice *dice)
{
    (void)dice;
    int8_t bytes[LENGTH_MAX];
    uint16_t halves[LENGTH_MAX];
    int32_t bits = kernels->magnitude(x, count);
    float largest = 0.0f;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
    }
    assert_memory_equal(&bits, &largest, sizeof bits);
    float scale = kernels->quantize(x, count, bits, bytes);
    assert_true(scale == largest / 127.0f);
    for (size_t i = 0; i < (count + 15) / 16 * 16; i++) {
        float wanted = i < count ? rintf(x[i] * (127.0f / largest)) : 0.0f;
        assert_int_equal(signed_byte(kernels, bytes, i), (int)wanted);
    }
    kernels->to_bf16(x, count, halves);
    for (size_t i = 0; i < (count + 15) / 16 * 16; i++) {
        uint32_t widened = (uint32_t)halves[i] << 16;
        float value;
        memcpy(&value, &widened, sizeof value);
        float from = i < count ? x[i] : 0.0f;
        assert_true(fabsf(value - from) <= 0x1p-8f * fabsf(from));
    }
}

static void rounding_to_8_and_16_bits_is_to_the_nearest(void **state)
{
    (void)state;
    for_each_set(check_quantize);
}

/* --- matrices -------------------------------------------------------------------------------- */

static const struct {
    size_t outputs, inputs, rows;
} shapes[] = {{1, 1, 1},    {3, 5, 2},    {16, 16, 6},   {17, 33, 7},
              {64, 64, 13}, {65, 100, 5}, {130, 257, 9}, {70, 1500, 8}};

/* Rows through a matrix of `kernels`; new memory. */
static float *multiply(const struct wt_kernels *kernels, enum wt_number number, size_t shape,
                       const float *x, const float *weights, const float *bias, size_t first,
                       size_t rows)
{
    size_t outputs = shapes[shape].outputs;
    size_t inputs = shapes[shape].inputs;
    struct wt_matrix *matrix = wt_matrix_create(kernels, number, weights, bias, outputs, inputs);
    float *out = malloc(rows * outputs * sizeof *out);
    assert_non_null(matrix);
    void *scratch = wt_pages_alloc(wt_matrix_convert_bytes(matrix, rows));
    assert_non_null(out);
    assert_non_null(scratch);
    struct wt_operand operand;
    wt_matrix_convert(matrix, x + first * inputs, inputs, rows, NULL, scratch, &operand);
    struct wt_result result = {.out = out, .out_stride = outputs};
    wt_matrix_multiply(matrix, &operand, &result);
    wt_pages_free(scratch);
    wt_matrix_destroy(matrix);
    return out;
}

static double dot(const float *x, const float *y, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)x[i] * (double)y[i];
    }
    return sum;
}

static float largest_of(const float *x, size_t count)
{
    float largest = 0.0f;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
    }
    return largest;
}

/* What int8 is defined as: exact sums of rounded bytes, then one multiplication and the bias. */
static float int8_dot(const float *x, const float *y, size_t count, float bias)
{
    float x_largest = largest_of(x, count);
    float y_largest = largest_of(y, count);
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (int64_t)rintf(x[i] * (127.0f / x_largest)) *
               (int64_t)rintf(y[i] * (127.0f / y_largest));
    }
    return fmaf((float)sum, x_largest / 127.0f * (y_largest / 127.0f), bias);
}

static void check_matrix(const struct wt_kernels *kernels, enum wt_number number, size_t shape)
{
    struct dice dice = {.state = shape + 1};
    size_t outputs = shapes[shape].outputs;
    size_t inputs = shapes[shape].inputs;
    size_t rows = shapes[shape].rows;
    float *x = new_normal(&dice, rows * inputs, 1.0);
    float *weights = new_normal(&dice, outputs * inputs, 1.0);
    float *bias = new_normal(&dice, outputs, 1.0);
    float *got = multiply(kernels, number, shape, x, weights, bias, 0, rows);
    for (size_t row = 0; row < rows; row++) {
        for (size_t output = 0; output < outputs; output++) {
            const float *left = x + row * inputs;
            const float *right = weights + output * inputs;
            float value = got[row * outputs + output];
            double exact = dot(left, right, inputs) + (double)bias[output];
            double loss = number == WT_NUMBER_F32 ? 1e-5 : 2e-2;
            if (number == WT_NUMBER_S8) {
                float defined = int8_dot(left, right, inputs, bias[output]);
                assert_same_bits(kernels->name, &value, &defined, 1);
            } else {
                assert_close(kernels->name, &value, &exact, 1, loss * sqrt((double)inputs) + 1e-5);
            }
        }
    }
    float *portable = multiply(&wt_kernels_portable, number, shape, x, weights, bias, 0, rows);
    if (number != WT_NUMBER_BF16 || !kernels->fast_bf16) {
        assert_same_bits(kernels->name, got, portable, rows * outputs);
    }
    for (size_t row = 0; row < rows; row++) {
        float *alone = multiply(kernels, number, shape, x, weights, bias, row, 1);
        assert_same_bits(kernels->name, alone, got + row * outputs, outputs);
        free(alone);
    }
    free(portable);
    free(got);
    free(bias);
    free(weights);
    free(x);
}

static void products_are_right_and_the_same_bits_alone_and_among_others(void **state)
{
    (void)state;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (size_t shape = 0; shape < COUNT_OF(shapes); shape++) {
            check_matrix(*set, WT_NUMBER_F32, shape);
            check_matrix(*set, WT_NUMBER_BF16, shape);
            check_matrix(*set, WT_NUMBER_S8, shape);
        }
    }
}

/* Pairs of products in 16 bits would overflow here, were they not the right pairs. */
static void int8_sums_are_exact_at_the_ends_of_the_range(void **state)
{
    (void)state;
    enum { INPUTS = 3072 };
    static float x[INPUTS];
    static float weights[INPUTS];
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (int signs = 0; signs < 4; signs++) {
            for (size_t i = 0; i < INPUTS; i++) {
                x[i] = signs & 1 ? -127.0f : 127.0f;
                weights[i] = signs & 2 ? -127.0f : 127.0f;
            }
            struct wt_matrix *matrix =
                wt_matrix_create(*set, WT_NUMBER_S8, weights, NULL, 1, INPUTS);
            void *scratch = wt_pages_alloc(wt_matrix_convert_bytes(matrix, 1));
            struct wt_operand operand;
            float out = 0.0f;
            struct wt_result result = {.out = &out, .out_stride = 1};
            wt_matrix_convert(matrix, x, INPUTS, 1, NULL, scratch, &operand);
            wt_matrix_multiply(matrix, &operand, &result);
            float wanted = (float)(INPUTS * 127 * 127);
            assert_true(out == (signs == 1 || signs == 2 ? -wanted : wanted));
            wt_pages_free(scratch);
            wt_matrix_destroy(matrix);
        }
    }
}

/* A broken weight or activation must show in the logits, not vanish in a rounding. */
static void what_is_not_a_number_stays_visible(void **state)
{
    (void)state;
    const size_t shape = 4; /* 64 x 64 */
    struct dice dice = {.state = 3};
    static const float broken[] = {NAN, INFINITY, -INFINITY};
    float *x = new_normal(&dice, shapes[shape].rows * 64, 1.0);
    float *weights = new_normal(&dice, (size_t)64 * 64, 1.0);
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (int number = WT_NUMBER_F32; number <= WT_NUMBER_S8; number++) {
            for (size_t i = 0; i < COUNT_OF(broken); i++) {
                float kept = x[64 * 3 + 17];
                x[64 * 3 + 17] = broken[i];
                float *out = multiply(*set, (enum wt_number)number, shape, x, weights, NULL, 0, 6);
                x[64 * 3 + 17] = kept;
                assert_true(!isfinite(out[64 * 3 + 5]));
                assert_true(isfinite(out[64 * 2 + 5]));
                free(out);
                kept = weights[64 * 9];
                weights[64 * 9] = broken[i];
                out = multiply(*set, (enum wt_number)number, shape, x, weights, NULL, 0, 6);
                weights[64 * 9] = kept;
                assert_true(!isfinite(out[9]));
                assert_true(isfinite(out[8]));
                free(out);
            }
        }
        float row[32] = {0};
        row[19] = NAN;
        assert_true(isnan((*set)->softmax(row, 20, 32, 1.0f)) || isnan(row[19]));
        float gates[4] = {0, 0, NAN, 0};
        float cell = 0.0f;
        float hidden = 0.0f;
        (*set)->cell(gates, 1, &cell, &hidden);
        assert_true(isnan(hidden));
        float sum = NAN;
        float out = 0.0f;
        float zero = 0.0f;
        for (int a = WT_ACTIVATION_NONE; a <= WT_ACTIVATION_RELU; a++) {
            (*set)->finish_f32(&sum, &zero, 1, (enum wt_activation)a, &out);
            assert_true(isnan(out));
        }
    }
    free(weights);
    free(x);
}

/* Zeros have no scale, and the smallest numbers none that can be divided by. */
static void rows_of_zeros_and_of_the_smallest_numbers_give_the_bias(void **state)
{
    (void)state;
    const size_t shape = 3; /* 17 x 33, 7 rows */
    struct dice dice = {.state = 9};
    float *weights = new_normal(&dice, (size_t)17 * 33, 1.0);
    float *bias = new_normal(&dice, 17, 1.0);
    float x[7 * 33] = {0};
    for (size_t i = 0; i < 33; i++) {
        x[33 + i] = 0x1p-140f;
    }
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        float *out = multiply(*set, WT_NUMBER_S8, shape, x, weights, bias, 0, 7);
        for (size_t row = 0; row < 7; row++) {
            assert_same_bits((*set)->name, out + row * 17, bias, 17);
        }
        free(out);
    }
    free(weights);
    free(bias);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_are_those_of_the_textbook),
        cmocka_unit_test(layer_norm_is_that_of_the_textbook),
        cmocka_unit_test(softmax_is_that_of_the_textbook),
        cmocka_unit_test(an_lstm_step_is_that_of_the_textbook),
        cmocka_unit_test(rounding_to_8_and_16_bits_is_to_the_nearest),
        cmocka_unit_test(products_are_right_and_the_same_bits_alone_and_among_others),
        cmocka_unit_test(int8_sums_are_exact_at_the_ends_of_the_range),
        cmocka_unit_test(what_is_not_a_number_stays_visible),
        cmocka_unit_test(rows_of_zeros_and_of_the_smallest_numbers_give_the_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
