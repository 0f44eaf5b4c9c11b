/* The timing of a model's parts: every way gets its figures, they grow with what there is to do, and the
 * ways that do more take longer. How much longer is not asked: that is for the machine to say. */
#include "kernel_cases.h"
#include "model/trial.h"

#define INPUTS 96u
#define OUTPUTS 200u
#define SIZE 40u
#define WAYS_MAX 16u

static const struct wt_trial_shape SHAPES[] = {{16, 16}, {128, 128}};

/* Weights of exactly the sizes that the parts say, so that a sanitizer sees what reads past them. */
struct model {
    float *linear;
    float *input;
    float *state;
    struct wt_part parts[3];
};

static void make(struct model *model)
{
    struct dice dice = {.state = 5};
    model->linear = new_normal(&dice, (size_t)OUTPUTS * INPUTS, 0.1);
    model->input = new_normal(&dice, (size_t)4 * SIZE * INPUTS, 0.1);
    model->state = new_normal(&dice, (size_t)4 * SIZE * SIZE, 0.1);
    const struct wt_part parts[] = {{.kind = WT_PART_LINEAR,
                                     .inputs = INPUTS,
                                     .outputs = OUTPUTS,
                                     .times = 3,
                                     .activation = WT_ACTIVATION_GELU,
                                     .weights = model->linear},
                                    {.kind = WT_PART_ATTENTION,
                                     .inputs = 24, /* not whole groups of lanes */
                                     .outputs = 5,
                                     .times = 2},
                                    {.kind = WT_PART_LSTM,
                                     .inputs = INPUTS,
                                     .outputs = SIZE,
                                     .times = 1,
                                     .weights = model->input,
                                     .state_weights = model->state}};
    memcpy(model->parts, parts, sizeof parts);
}

static void destroy(struct model *model)
{
    free(model->linear);
    free(model->input);
    free(model->state);
}

static size_t all_ways(struct wt_trial_way ways[WAYS_MAX])
{
    static const enum wt_number numbers[] = {WT_NUMBER_F32, WT_NUMBER_BF16, WT_NUMBER_S8};
    size_t count = 0;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        for (size_t i = 0; i < COUNT_OF(numbers); i++) {
            assert_true(count < WAYS_MAX);
            ways[count++] =
                (struct wt_trial_way){.kernels = *set, .number = numbers[i], .kinds = WT_PARTS_ALL};
        }
    }
    return count;
}

static void every_way_of_this_processor_is_timed(void **state)
{
    (void)state;
    struct model model;
    struct wt_trial_way ways[WAYS_MAX];
    double ms[WAYS_MAX][WT_PART_KINDS][WT_TRIAL_SHAPES];
    size_t count = all_ways(ways);
    make(&model);
    assert_true(wt_trial_run(model.parts, 3, SHAPES, ways, count, ms));
    for (size_t way = 0; way < count; way++) {
        for (size_t i = 0; i < WT_PART_KINDS * WT_TRIAL_SHAPES; i++) {
            assert_true(isfinite(ms[way][i / 2][i % 2]) && ms[way][i / 2][i % 2] > 0.0);
        }
    }
    destroy(&model);
}

/* Padding is computed, but attention looks at what there is. */
static void padded_articles_have_more_rows_than_keys(void **state)
{
    (void)state;
    const struct wt_trial_shape padded[] = {{128, 16}, {128, 128}};
    struct model model;
    struct wt_trial_way way = {
        .kernels = wt_kernels_all()[0], .number = WT_NUMBER_F32, .kinds = WT_PARTS_ALL};
    double ms[1][WT_PART_KINDS][WT_TRIAL_SHAPES];
    make(&model);
    assert_true(wt_trial_run(model.parts, 3, padded, &way, 1, ms));
    for (size_t i = 0; i < WT_PART_KINDS * WT_TRIAL_SHAPES; i++) {
        assert_true(ms[0][i / 2][i % 2] > 0.0);
    }
    destroy(&model);
}

/* More weights than are worth packing: only as many are read as there are. */
static void a_part_of_a_large_layer_stands_for_all_of_it(void **state)
{
    (void)state;
    struct dice dice = {.state = 9};
    const struct {
        size_t outputs;
        size_t inputs;
    } sizes[] = {{40000, 96}, {96, 40000}, {1, 1}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        float *weights = new_normal(&dice, sizes[i].outputs * sizes[i].inputs, 0.1);
        const struct wt_part part = {.kind = WT_PART_LINEAR,
                                     .inputs = sizes[i].inputs,
                                     .outputs = sizes[i].outputs,
                                     .times = 1,
                                     .weights = weights};
        const struct wt_kernels *const *last = wt_kernels_all();
        while (last[1] != NULL) {
            last++;
        }
        struct wt_trial_way way = {
            .kernels = *last, .number = WT_NUMBER_F32, .kinds = WT_PARTS_ALL};
        double ms[1][WT_PART_KINDS][WT_TRIAL_SHAPES];
        assert_true(wt_trial_run(&part, 1, SHAPES, &way, 1, ms));
        assert_true(isfinite(ms[0][WT_PART_LINEAR][1]) && ms[0][WT_PART_LINEAR][1] > 0.0);
        free(weights);
    }
}

static uint64_t calls;

static void count_call(const struct wt_tile *tile)
{
    calls++;
    wt_kernels_portable.tile_f32(tile);
}

/* The figures are of the set's own functions, and of all numbers that a part is in. */
static void parts_are_run_by_the_kernels_of_their_way(void **state)
{
    (void)state;
    struct model model;
    struct wt_kernels counted = wt_kernels_portable;
    counted.tile_f32 = count_call;
    struct wt_trial_way ways[] = {
        {.kernels = &counted, .number = WT_NUMBER_F32, .kinds = WT_PARTS_ALL},
        {.kernels = &counted, .number = WT_NUMBER_S8, .kinds = WT_PARTS_ALL}};
    double ms[2][WT_PART_KINDS][WT_TRIAL_SHAPES];
    make(&model);
    calls = 0;
    assert_true(wt_trial_run(model.parts, 1, SHAPES, &ways[1], 1, ms));
    assert_int_equal(calls, 0);
    assert_true(wt_trial_run(model.parts, 1, SHAPES, ways, 1, ms));
    assert_true(calls > 0);
    /* The last layer stays in fp32. */
    calls = 0;
    model.parts[0].in_float = true;
    assert_true(wt_trial_run(model.parts, 1, SHAPES, &ways[1], 1, ms));
    assert_true(calls > 0);
    destroy(&model);
}

static void a_model_without_such_parts_takes_no_time(void **state)
{
    (void)state;
    struct wt_trial_way way = {
        .kernels = wt_kernels_all()[0], .number = WT_NUMBER_F32, .kinds = WT_PARTS_ALL};
    double ms[1][WT_PART_KINDS][WT_TRIAL_SHAPES] = {{{1.0, 1.0}}};
    assert_true(wt_trial_run(NULL, 0, SHAPES, &way, 1, ms));
    assert_true(ms[0][0][0] <= 0.0 && ms[0][0][1] <= 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_this_processor_is_timed),
        cmocka_unit_test(padded_articles_have_more_rows_than_keys),
        cmocka_unit_test(a_part_of_a_large_layer_stands_for_all_of_it),
        cmocka_unit_test(parts_are_run_by_the_kernels_of_their_way),
        cmocka_unit_test(a_model_without_such_parts_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
