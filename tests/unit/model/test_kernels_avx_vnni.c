/* The set for AVX-VNNI on a processor with AVX-512 and VNNI: its source, built with AVX-512's encoding of
 * the same instruction (tests/CMakeLists.txt), gives the bits of portable C. */
#include "kernel_cases.h"

#include "base/pages.h"
#include "model/kernels/matrix.h"

/* wt_kernels_avx_vnni in that encoding. */
extern const struct wt_kernels test_kernels_evex_vnni;

/* Rows through an int8 matrix; new memory. */
static float *multiply(const struct wt_kernels *kernels, const float *x, const float *weights,
                       size_t rows, size_t outputs, size_t inputs)
{
    struct wt_matrix *matrix =
        wt_matrix_create(kernels, WT_NUMBER_S8, weights, NULL, outputs, inputs);
    assert_non_null(matrix);
    void *scratch = wt_pages_alloc(wt_matrix_convert_bytes(matrix, rows));
    float *out = malloc(rows * outputs * sizeof *out);
    assert_non_null(scratch);
    assert_non_null(out);
    struct wt_operand operand;
    wt_matrix_convert(matrix, x, inputs, rows, NULL, scratch, &operand);
    struct wt_result result = {.out = out, .out_stride = outputs};
    wt_matrix_multiply(matrix, &operand, &result);
    wt_pages_free(scratch);
    wt_matrix_destroy(matrix);
    return out;
}

static void its_products_have_the_bits_of_portable_c(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512vl")) {
        skip();
    }
    static const struct {
        size_t outputs, inputs, rows;
    } shapes[] = {{1, 1, 1}, {17, 33, 7}, {64, 64, 13}, {130, 257, 9}, {70, 5000, 5}};
    assert_string_equal(test_kernels_evex_vnni.name, wt_kernels_avx_vnni.name);
    assert_true(test_kernels_evex_vnni.s8_offset);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct dice dice = {.state = i};
        size_t count = shapes[i].rows * shapes[i].outputs;
        float *x = new_normal(&dice, shapes[i].rows * shapes[i].inputs, 1.0);
        float *weights = new_normal(&dice, shapes[i].outputs * shapes[i].inputs, 1.0);
        float *got = multiply(&test_kernels_evex_vnni, x, weights, shapes[i].rows,
                              shapes[i].outputs, shapes[i].inputs);
        float *wanted = multiply(&wt_kernels_portable, x, weights, shapes[i].rows,
                                 shapes[i].outputs, shapes[i].inputs);
        assert_same_bits("avx-vnni", got, wanted, count);
        free(wanted);
        free(got);
        free(weights);
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_products_have_the_bits_of_portable_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
