/* The precision that `auto` takes: on every kind of GPU by what it has, on a processor by figures. */
#include "model/precision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- on a GPU -------------------------------------------------------------------------------- */

/* A bundle with bounds for fp32 and int8, and for these. */
static void picks(bool has_bf16, bool bf16, bool fp16, enum wt_precision precision, const char *why)
{
    double bounds[WT_PRECISION_COUNT] = {
        [WT_FP32] = 1e-4, [WT_BF16] = bf16 ? 0.07 : -1, [WT_FP16] = fp16 ? 0.0 : -1, [WT_INT8] = 0};
    const char *said = NULL;
    assert_int_equal(wt_precision_pick(bounds, has_bf16, &said), precision);
    assert_string_equal(said, why);
}

static void a_gpu_takes_bf16_then_fp16_then_fp32(void **state)
{
    (void)state;
    picks(true, true, true, WT_BF16, "the device has bf16");
    picks(true, true, false, WT_BF16, "the device has bf16");
    picks(true, false, true, WT_FP16, "the bundle has no bound for bf16");
    picks(true, false, false, WT_FP32, "the bundle has no bound for bf16 or fp16");
}

static void a_gpu_without_bf16_takes_fp16(void **state)
{
    (void)state;
    const char *why = "the device has no bf16, and the bundle no bound for fp16";
    picks(false, true, true, WT_FP16, "the device has no bf16");
    picks(false, false, true, WT_FP16, "the device has no bf16");
    picks(false, true, false, WT_FP32, why);
    picks(false, false, false, WT_FP32, why);
}

/* --- on a processor -------------------------------------------------------------------------- */

static const struct wt_trial_shape SHAPES[] = {{64, 64}, {512, 512}};

#define FP32(short_ms, long_ms)                                                                    \
    {                                                                                              \
        WT_FP32, "avx512-bf16", 0,                                                                 \
        {                                                                                          \
            short_ms, long_ms                                                                      \
        }                                                                                          \
    }
#define BF16(short_ms, long_ms)                                                                    \
    {                                                                                              \
        WT_BF16, "avx512-bf16", 1,                                                                 \
        {                                                                                          \
            short_ms, long_ms                                                                      \
        }                                                                                          \
    }
#define INT8(set, output, short_ms, long_ms)                                                       \
    {                                                                                              \
        WT_INT8, set, output,                                                                      \
        {                                                                                          \
            short_ms, long_ms                                                                      \
        }                                                                                          \
    }

static size_t choose(const struct wt_candidate *candidates, size_t count)
{
    return wt_precision_choose(candidates, count, SHAPES);
}

static void the_fastest_precision_is_taken_whatever_instructions_there_are(void **state)
{
    (void)state;
    const struct wt_candidate slow_bf16[] = {FP32(122, 1050), BF16(312, 2600)};
    const struct wt_candidate fast_bf16[] = {FP32(122, 1050), BF16(61, 530)};
    assert_int_equal(choose(slow_bf16, 2), 0);
    assert_int_equal(choose(fast_bf16, 2), 1);
    assert_int_equal(choose(fast_bf16, 1), 0);
}

static void the_more_exact_one_is_taken_where_it_costs_five_percent_at_most(void **state)
{
    (void)state;
    for (int percent = 80; percent <= 120; percent++) {
        struct wt_candidate candidates[] = {FP32(percent, 8.0 * percent), BF16(100, 800)};
        assert_int_equal(choose(candidates, 2), percent <= 105 ? 0 : 1);
    }
}

/* Never more than the margin slower than the best, for any figures. */
static void the_choice_is_within_the_margin_of_the_best(void **state)
{
    (void)state;
    uint32_t dice = 7;
    for (int i = 0; i < 20000; i++) {
        struct wt_candidate candidates[4] = {FP32(1, 1), BF16(1, 1), INT8("a", 0, 1, 1),
                                             INT8("b", 1, 1, 1)};
        double costs[4];
        double best = 1e9;
        for (size_t j = 0; j < 4; j++) {
            for (size_t shape = 0; shape < 2; shape++) {
                dice = dice * 1664525u + 1013904223u;
                candidates[j].ms[shape] = 100.0 + (dice >> 24) / 8.0;
            }
            costs[j] = candidates[j].ms[0] / 64 + candidates[j].ms[1] / 512;
            best = costs[j] < best ? costs[j] : best;
        }
        size_t chosen = choose(candidates, 4);
        assert_true(costs[chosen] <= 1.05 * best);
        for (size_t j = 0; j < chosen; j++) {
            assert_true(costs[j] > 1.05 * best);
        }
    }
}

/* int8 on a processor whose bf16 is slow: its attention costs a third of the time of a long article. */
static void short_and_long_articles_count_by_their_tokens(void **state)
{
    (void)state;
    const struct wt_candidate candidates[] = {INT8("avx512-vnni", 0, 42, 149),
                                              INT8("avx512-bf16", 1, 41, 217)};
    assert_int_equal(choose(candidates, 2), 0);
    const struct wt_candidate other[] = {INT8("avx512-vnni", 0, 42, 217),
                                         INT8("avx512-bf16", 1, 41, 149)};
    assert_int_equal(choose(other, 2), 1);
    /* Where all are padded, a short article costs as much as a long one. */
    const struct wt_trial_shape padded[] = {{512, 64}, {512, 512}};
    const struct wt_candidate even[] = {FP32(300, 100), BF16(100, 200)};
    assert_int_equal(wt_precision_choose(even, 2, padded), 1);
}

static void what_could_not_be_measured_is_not_taken(void **state)
{
    (void)state;
    const struct wt_candidate first[] = {FP32(0, 1), BF16(1000, 9000)};
    const struct wt_candidate second[] = {FP32(1000, 9000), BF16(1, 0)};
    const struct wt_candidate neither[] = {FP32(0, 0), BF16(0, 0)};
    assert_int_equal(choose(first, 2), 1);
    assert_int_equal(choose(second, 2), 0);
    assert_int_equal(choose(neither, 2), 0);
}

static void describes(const struct wt_candidate *candidates, size_t count, const char *words)
{
    char text[400];
    wt_precision_describe(candidates, count, SHAPES, text, sizeof text);
    assert_string_equal(text, words);
}

static void the_figures_are_said(void **state)
{
    (void)state;
    const struct wt_candidate candidates[] = {FP32(122.4, 1050), BF16(6.12, 0.53)};
    describes(candidates, 2,
              "measured at 64/512 tokens: fp32 122/1050 ms (avx512-bf16), bf16 6.1/0.53 ms "
              "(avx512-bf16)");
    char little[20];
    wt_precision_describe(candidates, 2, SHAPES, little, sizeof little);
    assert_string_equal(little, "measured at 64/512 ");
}

/* Whether it is said that another start may choose otherwise, and what keeps it from that. */
static void warns(const struct wt_candidate *candidates, size_t count, const char *pin)
{
    char text[400];
    char words[100];
    wt_precision_describe(candidates, count, SHAPES, text, sizeof text);
    (void)snprintf(words, sizeof words, "; too close to be sure of at another start: %s pins it",
                   pin != NULL ? pin : "");
    const char *found = strstr(text, "; too close");
    if (pin == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, words);
    }
}

static void it_is_said_where_another_start_may_choose_otherwise(void **state)
{
    (void)state;
    for (int percent = 80; percent <= 140; percent++) {
        struct wt_candidate candidates[] = {FP32(percent, 8.0 * percent), BF16(100, 800)};
        warns(candidates, 2, percent > 100 && percent <= 115 ? "model.precision" : NULL);
        struct wt_candidate sets[] = {INT8("avx512-vnni", 0, percent, 8.0 * percent),
                                      INT8("avx512-bf16", 1, 100, 800)};
        warns(sets, 2, percent > 100 && percent <= 115 ? "WIRETAG_KERNELS" : NULL);
        /* The same bits by other kernels are no other labels. */
        sets[1].output = 0;
        warns(sets, 2, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gpu_takes_bf16_then_fp16_then_fp32),
        cmocka_unit_test(a_gpu_without_bf16_takes_fp16),
        cmocka_unit_test(the_fastest_precision_is_taken_whatever_instructions_there_are),
        cmocka_unit_test(the_more_exact_one_is_taken_where_it_costs_five_percent_at_most),
        cmocka_unit_test(the_choice_is_within_the_margin_of_the_best),
        cmocka_unit_test(short_and_long_articles_count_by_their_tokens),
        cmocka_unit_test(what_could_not_be_measured_is_not_taken),
        cmocka_unit_test(the_figures_are_said),
        cmocka_unit_test(it_is_said_where_another_start_may_choose_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
