/* The kernels' results are the same bits on every processor, of whatever make: their checksums are
 * written here. (bf16 products are left out: each processor rounds them in its own way.) */
#include "kernel_cases.h"

#include "base/pages.h"
#include "model/kernels/attention.h"
#include "model/kernels/dense.h"
#include "model/kernels/lstm.h"

/* Numbers that are exact on every processor, unlike normal deviates, which take a logarithm. */
static float *new_exact(struct dice *dice, size_t count, float scale)
{
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++) {
        x[i] = ((float)dice_below(dice, 4001) - 2000.0f) * (scale * 0x1p-11f);
    }
    return x;
}

/* FNV-1a over the bits. */
static uint64_t checksum_of(const float *x, size_t count)
{
    uint64_t sum = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        assert_true(isfinite(x[i]));
        memcpy(&bits, &x[i], sizeof bits);
        sum = (sum ^ bits) * 0x100000001B3u;
    }
    return sum;
}

static void expect(const struct wt_kernels *kernels, const char *what, const float *x, size_t count,
                   uint64_t wanted)
{
    uint64_t got = checksum_of(x, count);
    if (got != wanted) {
        fail_msg("%s: %s has the checksum 0x%016llXu, it should be 0x%016llXu", kernels->name, what,
                 (unsigned long long)got, (unsigned long long)wanted);
    }
}

static void *scratch_of(size_t bytes)
{
    void *scratch = wt_pages_alloc(bytes);
    assert_non_null(scratch);
    return scratch;
}

/* norm(residual + down(activation(up(x)))) in one number. */
static void check_dense(const struct wt_kernels *kernels, enum wt_number number,
                        enum wt_activation activation, uint64_t wanted)
{
    enum { WIDE = 83, INNER = 301, ROWS = 11 };
    struct dice dice = {.state = 41};
    float *x = new_exact(&dice, (size_t)ROWS * WIDE, 3.0f);
    float *up = new_exact(&dice, (size_t)INNER * WIDE, 0.25f);
    float *down = new_exact(&dice, (size_t)WIDE * INNER, 0.25f);
    float *bias = new_exact(&dice, INNER, 1.0f);
    float *gamma = new_exact(&dice, WIDE, 2.0f);
    float out[ROWS * WIDE];
    struct wt_matrix *first = wt_matrix_create(kernels, number, up, bias, INNER, WIDE);
    struct wt_matrix *second = wt_matrix_create(kernels, number, down, bias, WIDE, INNER);
    struct wt_dense *dense = wt_dense_create(&first);
    struct wt_dense *behind = wt_dense_create(&second);
    assert_non_null(dense);
    assert_non_null(behind);
    wt_dense_set_activation(dense, activation);
    wt_dense_append(dense, &behind);
    assert_true(wt_dense_set_norm(dense, gamma, bias, 1e-6f));
    void *scratch = scratch_of(wt_dense_scratch_bytes(dense));
    wt_dense_run(dense, x, x, ROWS, out, scratch);
    expect(kernels, number == WT_NUMBER_S8 ? "a layer in int8" : "a layer in fp32", out,
           COUNT_OF(out), wanted);
    wt_pages_free(scratch);
    wt_dense_destroy(dense);
    free(gamma);
    free(bias);
    free(down);
    free(up);
    free(x);
}

static void check_lstm(const struct wt_kernels *kernels, enum wt_number number, uint64_t wanted)
{
    enum { INPUTS = 21, SIZE = 37, ROWS = 3, WIDTH = 9 };
    struct dice dice = {.state = 42};
    float *x = new_exact(&dice, (size_t)ROWS * WIDTH * INPUTS, 3.0f);
    float *input = new_exact(&dice, (size_t)4 * SIZE * INPUTS, 1.0f);
    float *hidden = new_exact(&dice, (size_t)4 * SIZE * SIZE, 1.0f);
    float *bias = new_exact(&dice, (size_t)4 * SIZE, 1.0f);
    float out[ROWS * WIDTH * SIZE];
    struct wt_lstm *lstm = wt_lstm_create(kernels, number, input, hidden, bias, bias, INPUTS, SIZE);
    assert_non_null(lstm);
    void *scratch = scratch_of(wt_lstm_scratch_bytes(lstm, ROWS, WIDTH));
    wt_lstm_run(lstm, x, ROWS, WIDTH, out, scratch);
    expect(kernels, number == WT_NUMBER_S8 ? "an LSTM in int8" : "an LSTM in fp32", out,
           COUNT_OF(out), wanted);
    wt_pages_free(scratch);
    wt_lstm_destroy(lstm);
    free(bias);
    free(hidden);
    free(input);
    free(x);
}

static void check_attention(const struct wt_kernels *kernels, uint64_t wanted)
{
    enum { SIZE = 35, KEYS = 53 };
    struct dice dice = {.state = 43};
    float *x = new_exact(&dice, (size_t)3 * KEYS * SIZE, 2.0f);
    float out[KEYS * SIZE];
    struct wt_attention attention = {.kernels = kernels,
                                     .query = x,
                                     .key = x + (size_t)KEYS * SIZE,
                                     .value = x + (size_t)2 * KEYS * SIZE,
                                     .query_stride = SIZE,
                                     .key_stride = SIZE,
                                     .value_stride = SIZE,
                                     .queries = KEYS,
                                     .keys = KEYS,
                                     .size = SIZE,
                                     .out = out,
                                     .out_stride = SIZE};
    void *scratch = scratch_of(wt_attention_scratch_bytes(kernels, KEYS, SIZE));
    wt_attention_run(&attention, scratch);
    expect(kernels, "attention", out, COUNT_OF(out), wanted);
    wt_pages_free(scratch);
    free(x);
}

static void every_set_gives_the_bits_of_every_processor(void **state)
{
    (void)state;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        check_dense(*set, WT_NUMBER_S8, WT_ACTIVATION_GELU, 0x9E570D5C2041625Au);
        check_dense(*set, WT_NUMBER_S8, WT_ACTIVATION_GELU_TANH, 0x8B56461E07A4E393u);
        check_dense(*set, WT_NUMBER_F32, WT_ACTIVATION_GELU, 0x08E885EA48539F3Du);
        check_dense(*set, WT_NUMBER_F32, WT_ACTIVATION_RELU, 0x645DFC0BC08B8B4Au);
        check_lstm(*set, WT_NUMBER_S8, 0xA8D797649D032A5Bu);
        check_lstm(*set, WT_NUMBER_F32, 0xDDCF4C1634D0B483u);
        check_attention(*set, 0x9BDCA2150D11901Fu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_gives_the_bits_of_every_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
