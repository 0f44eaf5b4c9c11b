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

/* A candidate of a model with linear layers alone. */
#define PRODUCTS(in, set, bits, short_ms, long_ms)                                                 \
    {                                                                                              \
        .precision = (in), .kernels = (set), .output = (bits), .kinds = WT_PARTS_ALL, .ms = {      \
            [WT_PART_LINEAR] = {short_ms, long_ms}                                                 \
        }                                                                                          \
    }
#define FP32(short_ms, long_ms) PRODUCTS(WT_FP32, "avx512-bf16", 0, short_ms, long_ms)
#define BF16(short_ms, long_ms) PRODUCTS(WT_BF16, "avx512-bf16", 1, short_ms, long_ms)

/* The same with another set. */
#define SET(in, set, short_ms, long_ms) PRODUCTS(in, set, 0, short_ms, long_ms)

static struct wt_race race_of(const struct wt_candidate *candidates, size_t count)
{
    return (struct wt_race){.candidates = candidates,
                            .count = count,
                            .shapes = SHAPES,
                            .kinds = WT_PARTS(WT_PART_LINEAR)};
}

static size_t choose(const struct wt_candidate *candidates, size_t count)
{
    struct wt_race race = race_of(candidates, count);
    struct wt_race_result result = wt_precision_choose(&race);
    /* What the model lacks is computed by what computes the rest. */
    assert_int_equal(result.candidates[WT_PART_ATTENTION], result.candidates[WT_PART_LINEAR]);
    assert_int_equal(result.candidates[WT_PART_LSTM], result.candidates[WT_PART_LINEAR]);
    return result.candidates[WT_PART_LINEAR];
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

static double a_number(uint32_t *dice)
{
    *dice = *dice * 1664525u + 1013904223u;
    return 100.0 + (*dice >> 24) / 8.0;
}

static double cost_of(const struct wt_candidate *candidate, size_t kind)
{
    return candidate->ms[kind][0] / 64 + candidate->ms[kind][1] / 512;
}

/* For any figures: for each kind the first set within the margin of the best one of its precision, and the
 * first precision within the margin of the fastest. */
static void the_choice_is_within_the_margin_of_the_best_for_each_kind(void **state)
{
    (void)state;
    uint32_t dice = 7;
    for (int i = 0; i < 20000; i++) {
        struct wt_candidate candidates[4] = {FP32(1, 1), SET(WT_FP32, "avx2", 1, 1), BF16(1, 1),
                                             SET(WT_BF16, "other", 1, 1)};
        struct wt_race race = race_of(candidates, 4);
        race.kinds = WT_PARTS_ALL;
        for (size_t j = 0; j < 4 * WT_PART_KINDS * WT_TRIAL_SHAPES; j++) {
            candidates[j / 6].ms[j / 2 % 3][j % 2] = a_number(&dice);
        }
        struct wt_race_result result = wt_precision_choose(&race);
        double sums[2] = {0};
        for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
            size_t first = result.candidates[kind] / 2 * 2;
            assert_int_equal(first, result.candidates[0] / 2 * 2);
            for (size_t group = 0; group < 2; group++) {
                double a = cost_of(&candidates[2 * group], kind);
                double b = cost_of(&candidates[2 * group + 1], kind);
                size_t best = a <= 1.05 * b ? 0 : 1;
                sums[group] += best == 0 ? a : b;
                if (first == 2 * group) {
                    assert_int_equal(result.candidates[kind], first + best);
                }
            }
        }
        assert_int_equal(result.candidates[0] / 2, sums[0] <= 1.05 * sums[1] ? 0 : 1);
    }
}

/* int8: what may compute attention is decided before, and no figure changes that. */
static void a_candidate_computes_only_the_kinds_that_it_may(void **state)
{
    (void)state;
    struct wt_candidate candidates[2] = {SET(WT_INT8, "avx512-bf16", 50, 400),
                                         SET(WT_INT8, "avx512-vnni", 10, 80)};
    struct wt_race race = race_of(candidates, 2);
    race.kinds = WT_PARTS(WT_PART_LINEAR) | WT_PARTS(WT_PART_ATTENTION);
    candidates[1].kinds = WT_PARTS(WT_PART_LINEAR) | WT_PARTS(WT_PART_LSTM);
    for (size_t i = 0; i < 2; i++) {
        candidates[0].ms[WT_PART_ATTENTION][i] = 1000;
        candidates[1].ms[WT_PART_ATTENTION][i] = 1;
    }
    struct wt_race_result result = wt_precision_choose(&race);
    assert_int_equal(result.candidates[WT_PART_LINEAR], 1);
    assert_int_equal(result.candidates[WT_PART_ATTENTION], 0);
    /* Not even where nothing could be measured. */
    memset(candidates[0].ms, 0, sizeof candidates[0].ms);
    memset(candidates[1].ms, 0, sizeof candidates[1].ms);
    assert_int_equal(wt_precision_choose(&race).candidates[WT_PART_ATTENTION], 0);
}

/* libtorch computes the rest of the model, too, which is not measured. */
static void a_candidate_for_the_whole_must_be_faster_by_a_quarter(void **state)
{
    (void)state;
    for (int percent = 60; percent <= 110; percent++) {
        struct wt_candidate candidates[] = {BF16(100, 800),
                                            SET(WT_BF16, "libtorch", percent, 8.0 * percent)};
        candidates[1].whole = true;
        assert_int_equal(choose(candidates, 2), percent * 1.25 * 1.05 < 100 ? 1 : 0);
    }
    /* It takes no part from the kernels. */
    struct wt_candidate mixed[] = {BF16(100, 800), SET(WT_BF16, "libtorch", 100, 800)};
    struct wt_race race = race_of(mixed, 2);
    race.kinds = WT_PARTS(WT_PART_LINEAR) | WT_PARTS(WT_PART_LSTM);
    mixed[1].whole = true;
    for (size_t i = 0; i < 2; i++) {
        mixed[0].ms[WT_PART_LSTM][i] = 20;
        mixed[1].ms[WT_PART_LSTM][i] = 1;
    }
    assert_int_equal(wt_precision_choose(&race).candidates[WT_PART_LSTM], 0);
}

static void short_and_long_articles_count_by_their_tokens(void **state)
{
    (void)state;
    const struct wt_candidate candidates[] = {SET(WT_INT8, "avx512-vnni", 42, 149),
                                              SET(WT_INT8, "avx512-bf16", 41, 217)};
    assert_int_equal(choose(candidates, 2), 0);
    const struct wt_candidate other[] = {SET(WT_INT8, "avx512-vnni", 42, 217),
                                         SET(WT_INT8, "avx512-bf16", 41, 149)};
    assert_int_equal(choose(other, 2), 1);
    /* Where all are padded, a short article costs as much as a long one. */
    const struct wt_trial_shape padded[] = {{512, 64}, {512, 512}};
    const struct wt_candidate even[] = {FP32(300, 100), BF16(100, 200)};
    struct wt_race race = race_of(even, 2);
    race.shapes = padded;
    assert_int_equal(wt_precision_choose(&race).candidates[0], 1);
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
    struct wt_race race = race_of(candidates, count);
    wt_precision_describe(&race, text, sizeof text);
    assert_string_equal(text, words);
}

static void the_figures_are_said(void **state)
{
    (void)state;
    const struct wt_candidate candidates[] = {FP32(122.4, 1050), BF16(6.12, 0.53)};
    describes(candidates, 2,
              "measured at 64/512 tokens: fp32 122/1050 ms (products avx512-bf16 122/1050), bf16 "
              "6.1/0.53 ms (products avx512-bf16 6.1/0.53)");
    char little[20];
    struct wt_race race = race_of(candidates, 2);
    wt_precision_describe(&race, little, sizeof little);
    assert_string_equal(little, "measured at 64/512 ");
}

/* The winner of each kind comes first, and the sum is that of the winners. */
static void the_winner_of_each_kind_is_said_first(void **state)
{
    (void)state;
    struct wt_candidate candidates[] = {SET(WT_FP32, "avx512", 10, 100),
                                        SET(WT_FP32, "avx2", 20, 200),
                                        SET(WT_BF16, "libtorch", 8, 90)};
    struct wt_race race = race_of(candidates, 3);
    race.kinds = WT_PARTS(WT_PART_LINEAR) | WT_PARTS(WT_PART_LSTM);
    candidates[2].whole = true;
    for (size_t i = 0; i < 2; i++) {
        candidates[0].ms[WT_PART_LSTM][i] = 7;
        candidates[1].ms[WT_PART_LSTM][i] = 3;
        candidates[2].ms[WT_PART_LSTM][i] = 2;
    }
    char text[400];
    wt_precision_describe(&race, text, sizeof text);
    assert_string_equal(text, "measured at 64/512 tokens: fp32 13/103 ms (products avx512 10/100, "
                              "avx2 20/200; LSTM avx2 3.0/3.0, avx512 7.0/7.0), bf16 10/92 ms "
                              "(libtorch)");
}

/* Whether it is said that another start may choose otherwise, and what keeps it from that. */
static void warns(const struct wt_candidate *candidates, size_t count, const char *pin)
{
    char text[400];
    char words[100];
    struct wt_race race = race_of(candidates, count);
    wt_precision_describe(&race, text, sizeof text);
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
        struct wt_candidate sets[] = {SET(WT_BF16, "avx512-bf16", percent, 8.0 * percent),
                                      SET(WT_BF16, "other", 100, 800)};
        sets[1].output = 1;
        warns(sets, 2, percent > 100 && percent <= 115 ? "model.kernels" : NULL);
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
        cmocka_unit_test(the_choice_is_within_the_margin_of_the_best_for_each_kind),
        cmocka_unit_test(a_candidate_computes_only_the_kinds_that_it_may),
        cmocka_unit_test(a_candidate_for_the_whole_must_be_faster_by_a_quarter),
        cmocka_unit_test(short_and_long_articles_count_by_their_tokens),
        cmocka_unit_test(what_could_not_be_measured_is_not_taken),
        cmocka_unit_test(the_figures_are_said),
        cmocka_unit_test(the_winner_of_each_kind_is_said_first),
        cmocka_unit_test(it_is_said_where_another_start_may_choose_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
