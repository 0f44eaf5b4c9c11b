/* The race of kernel sets for the parts of a model, on a clock that the sets themselves move: what wins a
 * kind of part is what computes that kind in the least time, however slow it is elsewhere. */
#include "kernel_cases.h"
#include "model/trial.h"

#include <time.h>

#define SIZE 32u

static const struct wt_trial_shape SHAPES[] = {{16, 16}, {64, 64}};

/* --- the clock ------------------------------------------------------------------------------- */

static uint64_t clock_ns;

int __wrap_clock_gettime(clockid_t id,
                         struct timespec *now); /* NOLINT(bugprone-reserved-identifier) */

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    (void)id;
    now->tv_sec = (time_t)(clock_ns / 1000000000u);
    now->tv_nsec = (long)(clock_ns % 1000000000u);
    return 0;
}

/* --- sets that take a known time ------------------------------------------------------------- */

/* Attention alone takes a softmax, an LSTM alone steps a cell; linear layers and LSTMs finish sums. */
struct pace {
    uint64_t finish_ns;
    uint64_t softmax_ns;
    uint64_t cell_ns;
};

static struct pace paces[3];

#define DEFINE_SET(i)                                                                              \
    static void finish_##i(const float *sums, const float *bias, size_t count,                     \
                           enum wt_activation activation, float *out)                              \
    {                                                                                              \
        clock_ns += paces[i].finish_ns;                                                            \
        wt_kernels_portable.finish_f32(sums, bias, count, activation, out);                        \
    }                                                                                              \
    static float softmax_##i(float *x, size_t count, size_t padded, float scale)                   \
    {                                                                                              \
        clock_ns += paces[i].softmax_ns;                                                           \
        return wt_kernels_portable.softmax(x, count, padded, scale);                               \
    }                                                                                              \
    static void cell_##i(const float *gates, size_t size, float *cell, float *hidden)              \
    {                                                                                              \
        clock_ns += paces[i].cell_ns;                                                              \
        wt_kernels_portable.cell(gates, size, cell, hidden);                                       \
    }

DEFINE_SET(0)
DEFINE_SET(1)
DEFINE_SET(2)

static struct wt_kernels sets[3];

#define MAKE_SET(i, called)                                                                        \
    sets[i] = wt_kernels_portable;                                                                 \
    sets[i].name = (called);                                                                       \
    sets[i].finish_f32 = finish_##i;                                                               \
    sets[i].softmax = softmax_##i;                                                                 \
    sets[i].cell = cell_##i

static void make_sets(void)
{
    MAKE_SET(0, "first");
    MAKE_SET(1, "second");
    MAKE_SET(2, "third");
}

/* --- races ----------------------------------------------------------------------------------- */

static struct wt_candidate candidates[COUNT_OF(sets)];

/* Times a model of one layer of each kind and chooses. `kinds`: what the sets are timed for. */
static struct wt_race_result race(const unsigned kinds[COUNT_OF(sets)])
{
    static float weights[4 * SIZE * SIZE];
    const struct wt_part parts[] = {
        {.kind = WT_PART_LINEAR, .inputs = SIZE, .outputs = SIZE, .times = 2, .weights = weights},
        {.kind = WT_PART_ATTENTION, .inputs = SIZE, .outputs = 2, .times = 1},
        {.kind = WT_PART_LSTM,
         .inputs = SIZE,
         .outputs = SIZE,
         .times = 1,
         .weights = weights,
         .state_weights = weights}};
    struct wt_trial_way ways[COUNT_OF(sets)];
    double ms[COUNT_OF(sets)][WT_PART_KINDS][WT_TRIAL_SHAPES];
    make_sets();
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        ways[i] =
            (struct wt_trial_way){.kernels = &sets[i], .number = WT_NUMBER_F32, .kinds = kinds[i]};
    }
    assert_true(wt_trial_run(parts, COUNT_OF(parts), SHAPES, ways, COUNT_OF(ways), ms));
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        candidates[i] =
            (struct wt_candidate){.precision = WT_FP32, .kernels = sets[i].name, .kinds = kinds[i]};
        memcpy(candidates[i].ms, ms[i], sizeof ms[i]);
    }
    const struct wt_race race = {.candidates = candidates,
                                 .count = COUNT_OF(candidates),
                                 .shapes = SHAPES,
                                 .kinds = WT_PARTS_ALL};
    return wt_precision_choose(&race);
}

static const unsigned ALL[] = {WT_PARTS_ALL, WT_PARTS_ALL, WT_PARTS_ALL};

static void each_kind_is_won_by_the_set_that_is_fastest_there(void **state)
{
    (void)state;
    /* An LSTM of 64 positions steps 32 cells in the trial; each step finishes sums, too. */
    const struct pace slow_softmax = {.finish_ns = 10, .softmax_ns = 9000, .cell_ns = 90000};
    const struct pace slow_finish = {.finish_ns = 500, .softmax_ns = 100, .cell_ns = 90000};
    const struct pace fast_cell = {.finish_ns = 500, .softmax_ns = 9000, .cell_ns = 100};
    paces[0] = slow_softmax;
    paces[1] = slow_finish;
    paces[2] = fast_cell;
    struct wt_race_result result = race(ALL);
    assert_int_equal(result.candidates[WT_PART_LINEAR], 0);
    assert_int_equal(result.candidates[WT_PART_ATTENTION], 1);
    assert_int_equal(result.candidates[WT_PART_LSTM], 2);
    paces[0] = fast_cell;
    paces[2] = slow_softmax;
    result = race(ALL);
    assert_int_equal(result.candidates[WT_PART_LINEAR], 2);
    assert_int_equal(result.candidates[WT_PART_ATTENTION], 1);
    assert_int_equal(result.candidates[WT_PART_LSTM], 0);
}

/* The figures are those of the clock: rows of an article, times the layers of a kind. */
static void the_figures_are_the_time_that_passed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paces); i++) {
        paces[i] = (struct pace){.finish_ns = 1000000, .softmax_ns = 2000000, .cell_ns = 3000000};
    }
    struct wt_race_result result = race(ALL);
    size_t panels = (SIZE + wt_kernels_portable.panel - 1) / wt_kernels_portable.panel;
    size_t gates = (4 * SIZE + wt_kernels_portable.panel - 1) / wt_kernels_portable.panel;
    for (size_t shape = 0; shape < WT_TRIAL_SHAPES; shape++) {
        double rows = (double)SHAPES[shape].rows;
        double(*ms)[WT_TRIAL_SHAPES] = candidates[0].ms;
        assert_true(fabs(ms[WT_PART_LINEAR][shape] - 2 * rows * (double)panels) < 1e-6);
        assert_true(fabs(ms[WT_PART_ATTENTION][shape] - 2 * 2 * rows) < 1e-6);
        assert_true(fabs(ms[WT_PART_LSTM][shape] - rows * (3 + 2 * (double)gates)) < 1e-6);
    }
    /* All alike: the first, which is preferred. */
    for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
        assert_int_equal(result.candidates[kind], 0);
    }
}

/* A set that may not compute a kind, since its bits are others there, does not win it and is not timed. */
static void a_set_does_not_win_what_it_may_not_compute(void **state)
{
    (void)state;
    const unsigned kinds[] = {WT_PARTS_ALL, WT_PARTS_ALL,
                              WT_PARTS(WT_PART_LINEAR) | WT_PARTS(WT_PART_LSTM)};
    for (size_t i = 0; i < COUNT_OF(paces); i++) {
        paces[i] =
            (struct pace){.finish_ns = 900 - 300 * i, .softmax_ns = 900 - 300 * i, .cell_ns = 10};
    }
    struct wt_race_result result = race(kinds);
    assert_int_equal(result.candidates[WT_PART_LINEAR], 2);
    assert_int_equal(result.candidates[WT_PART_ATTENTION], 1);
    assert_true(candidates[2].ms[WT_PART_ATTENTION][0] <= 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_won_by_the_set_that_is_fastest_there),
        cmocka_unit_test(the_figures_are_the_time_that_passed),
        cmocka_unit_test(a_set_does_not_win_what_it_may_not_compute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
