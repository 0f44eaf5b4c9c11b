/* The set for AMX on a processor that has AVX-512 alone: its source, built with the tile instructions
 * in plain C (tile_instructions.h, tests/CMakeLists.txt). So the sanitizers see what its tiles read and
 * write.
 *
 * With arguments, `PRECISION INPUTS OUTPUTS ROWS`, it prints the tile instructions of such a layer
 * instead, and with `attention TOKENS SIZE` those of a head, as loads, stores, zeros, products
 * (tests/speed/test_amx_bound.py). */
#include "kernel_cases.h"
#include "tile_instructions.h"

#include "base/pages.h"
#include "model/kernels/attention.h"
#include "model/kernels/matrix.h"

#include <stdio.h>

/* wt_kernels_amx with those instructions. */
extern const struct wt_kernels test_kernels_amx;

/* Working memory as it may be left by others: no number counts that is not written anew. */
static void *new_scratch(size_t bytes)
{
    void *scratch = wt_pages_alloc(bytes);
    assert_non_null(scratch);
    return memset(scratch, 0xFF, bytes);
}

/* Rows through a layer; new memory of exactly that size. */
static float *multiply(const struct wt_kernels *kernels, enum wt_number number, const float *x,
                       const float *weights, size_t rows, size_t outputs, size_t inputs)
{
    struct wt_matrix *matrix = wt_matrix_create(kernels, number, weights, NULL, outputs, inputs);
    assert_non_null(matrix);
    void *scratch = new_scratch(wt_matrix_convert_bytes(matrix, rows));
    float *out = malloc(rows * outputs * sizeof *out);
    assert_non_null(out);
    struct wt_operand operand;
    wt_matrix_convert(matrix, x, inputs, rows, NULL, scratch, &operand);
    struct wt_result result = {.out = out, .out_stride = outputs};
    wt_matrix_multiply(matrix, &operand, &result);
    wt_pages_free(scratch);
    wt_matrix_destroy(matrix);
    return out;
}

static const struct {
    size_t outputs, inputs, rows;
} shapes[] = {{1, 1, 1},    {17, 33, 7},    {64, 64, 16},   {64, 64, 17},
              {65, 63, 32}, {130, 257, 33}, {70, 5000, 49}, {3, 2100, 96}};

static bool runs_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static void its_int8_has_the_bits_of_portable_c(void **state)
{
    (void)state;
    if (!runs_here()) {
        skip();
    }
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        size_t rows = shapes[i].rows;
        size_t outputs = shapes[i].outputs;
        size_t inputs = shapes[i].inputs;
        struct dice dice = {.state = i};
        float *x = new_normal(&dice, rows * inputs, 1.0);
        float *weights = new_normal(&dice, outputs * inputs, 1.0);
        float *got = multiply(&test_kernels_amx, WT_NUMBER_S8, x, weights, rows, outputs, inputs);
        float *wanted =
            multiply(&wt_kernels_portable, WT_NUMBER_S8, x, weights, rows, outputs, inputs);
        assert_same_bits("amx", got, wanted, rows * outputs);
        free(wanted);
        free(got);
        free(weights);
        free(x);
    }
}

/* Of portable C it differs by the rounding of sums, not more. */
static void its_bf16_is_that_of_portable_c_but_for_the_last_bits(void **state)
{
    (void)state;
    if (!runs_here()) {
        skip();
    }
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        size_t rows = shapes[i].rows;
        size_t outputs = shapes[i].outputs;
        size_t inputs = shapes[i].inputs;
        struct dice dice = {.state = i};
        float *x = new_normal(&dice, rows * inputs, 1.0);
        float *weights = new_normal(&dice, outputs * inputs, 1.0);
        float *got = multiply(&test_kernels_amx, WT_NUMBER_BF16, x, weights, rows, outputs, inputs);
        float *wanted =
            multiply(&wt_kernels_portable, WT_NUMBER_BF16, x, weights, rows, outputs, inputs);
        for (size_t j = 0; j < rows * outputs; j++) {
            double exact = (double)wanted[j];
            assert_close("amx", &got[j], &exact, 1, 1e-6 * (double)inputs);
        }
        size_t last = rows - 1;
        float *alone = multiply(&test_kernels_amx, WT_NUMBER_BF16, x + last * inputs, weights, 1,
                                outputs, inputs);
        assert_same_bits("amx", alone, got + last * outputs, outputs);
        free(alone);
        free(wanted);
        free(got);
        free(weights);
        free(x);
    }
}

static void attend(const struct wt_kernels *kernels, const float *x, size_t tokens, size_t size,
                   float *out)
{
    const struct wt_attention attention = {.kernels = kernels,
                                           .bf16 = true,
                                           .query = x,
                                           .key = x + tokens * size,
                                           .value = x + 2 * tokens * size,
                                           .query_stride = size,
                                           .key_stride = size,
                                           .value_stride = size,
                                           .queries = tokens,
                                           .keys = tokens,
                                           .size = size,
                                           .out = out,
                                           .out_stride = size};
    void *scratch = new_scratch(wt_attention_scratch_bytes(kernels, tokens, size));
    wt_attention_run(&attention, scratch);
    wt_pages_free(scratch);
}

static void its_attention_is_that_of_portable_c_but_for_the_last_bits(void **state)
{
    (void)state;
    static const struct {
        size_t tokens, size;
    } heads[] = {{1, 1}, {5, 24}, {33, 64}, {65, 80}, {129, 64}};
    if (!runs_here()) {
        skip();
    }
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        size_t count = heads[i].tokens * heads[i].size;
        struct dice dice = {.state = i};
        float *x = new_normal(&dice, 3 * count, 1.0);
        float *got = malloc(count * sizeof *got);
        float *wanted = malloc(count * sizeof *wanted);
        assert_non_null(got);
        assert_non_null(wanted);
        attend(&test_kernels_amx, x, heads[i].tokens, heads[i].size, got);
        attend(&wt_kernels_portable, x, heads[i].tokens, heads[i].size, wanted);
        for (size_t j = 0; j < count; j++) {
            double exact = (double)wanted[j];
            assert_close("amx", &got[j], &exact, 1, 2e-3);
        }
        free(wanted);
        free(got);
        free(x);
    }
}

static void tiles_are_configured_once_a_layer_and_released(void **state)
{
    (void)state;
    if (!runs_here()) {
        skip();
    }
    struct dice dice = {.state = 1};
    float *x = new_normal(&dice, (size_t)70 * 40, 1.0);
    static const enum wt_number numbers[] = {WT_NUMBER_F32, WT_NUMBER_BF16, WT_NUMBER_S8};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        memset(&tile_counts, 0, sizeof tile_counts);
        free(multiply(&test_kernels_amx, numbers[i], x, x, 70, 70, 40));
        assert_int_equal(tile_counts.configured, numbers[i] == WT_NUMBER_F32 ? 0 : 1);
        assert_int_equal(tile_counts.released, tile_counts.configured);
    }
    free(x);
}

/* --- counting --------------------------------------------------------------------------------- */

static size_t number_in(const char *text)
{
    return strtoul(text, NULL, 10);
}

static int count(int argc, char **argv)
{
    bool attention = argc == 4 && strcmp(argv[1], "attention") == 0;
    if (!attention && argc != 5) {
        (void)fprintf(stderr, "usage: PRECISION INPUTS OUTPUTS ROWS | attention TOKENS SIZE\n");
        return 2;
    }
    if (!runs_here()) {
        return 77;
    }
    size_t inputs = number_in(argv[2]);
    size_t outputs = number_in(argv[3]);
    size_t rows = attention ? 0 : number_in(argv[4]);
    size_t most = inputs > outputs ? inputs : outputs;
    float *x = calloc(4 * most * most, sizeof *x);
    float *y = calloc(4 * most * most, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    if (attention) {
        attend(&test_kernels_amx, x, inputs, outputs, y);
    } else {
        enum wt_number number = strcmp(argv[1], "int8") == 0 ? WT_NUMBER_S8 : WT_NUMBER_BF16;
        free(multiply(&test_kernels_amx, number, x, x, rows, outputs, inputs));
    }
    printf("%zu %zu %zu %zu\n", tile_counts.loads, tile_counts.stores, tile_counts.zeros,
           tile_counts.dots);
    free(y);
    free(x);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_int8_has_the_bits_of_portable_c),
        cmocka_unit_test(its_bf16_is_that_of_portable_c_but_for_the_last_bits),
        cmocka_unit_test(its_attention_is_that_of_portable_c_but_for_the_last_bits),
        cmocka_unit_test(tiles_are_configured_once_a_layer_and_released),
    };
    return argc > 1 ? count(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}
