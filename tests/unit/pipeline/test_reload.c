/* The thread that takes another model: when it is taken, when not, and when the earlier one goes. */
#include "pipeline/reload.h"

#include "base/clock.h"
#include "config/config_load.h"
#include "infer_cases.h"
#include "pipeline/batch_stage.h"

#include <pthread.h>
#include <stdatomic.h>

#define MODELS_MAX 8

struct lab {
    struct wt_config *config;
    struct wt_model *models[MODELS_MAX]; /* [0] runs first; the others come as they are asked for */
    bool given_back[MODELS_MAX];
    atomic_uint loads;
    atomic_uint unloads;
    atomic_bool fails;     /* the next load */
    atomic_bool unchanged; /* nothing is new */
    atomic_bool holds;     /* loads wait until this is false */
    atomic_bool touched;   /* the watched file */
    uint32_t taken;        /* models handed out; the reload thread's */
    struct wt_labeller *first;
    struct wt_labellers *labellers;
    struct wt_batch_stage *batch;
    struct wt_reload *reload;
};

static enum wt_status load(void *opaque, const struct wt_served_model *now,
                           struct wt_served_model *next_out, struct wt_error *error)
{
    struct lab *lab = opaque;
    (void)atomic_fetch_add(&lab->loads, 1);
    while (atomic_load(&lab->holds)) {
        struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
    }
    assert_ptr_equal(now->model, lab->models[lab->taken]);
    if (atomic_load(&lab->fails)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "unit", "told to fail");
    }
    if (atomic_load(&lab->unchanged)) {
        return WT_OK;
    }
    lab->models[++lab->taken] = model_create("{}");
    *next_out = (struct wt_served_model){.model = lab->models[lab->taken], .config = lab->config};
    return WT_OK;
}

static void unload(void *opaque, const struct wt_served_model *served)
{
    struct lab *lab = opaque;
    uint32_t i = 0;
    /* A later model may lie where one was that is given back. */
    while (lab->given_back[i] || lab->models[i] != served->model) {
        i++;
        assert_in_range(i, 0, MODELS_MAX - 1);
    }
    lab->given_back[i] = true;
    wt_model_destroy(served->model);
    (void)atomic_fetch_add(&lab->unloads, 1);
}

static bool changed(void *opaque)
{
    struct lab *lab = opaque;
    return atomic_exchange(&lab->touched, false);
}

static void begin(struct lab *lab, bool watches)
{
    struct wt_error error = {.message = ""};
    struct wt_batcher_limits limits = {
        .tokens_max = 256, .articles_max = ROWS_MAX, .wait_us_max = 0, .length_max = 128};
    const struct wt_reload_ports ports = {
        .opaque = lab, .load = load, .unload = unload, .changed = watches ? changed : NULL};
    *lab = (struct lab){.config = wt_config_defaults()};
    lab->models[0] = model_create("{}");
    const struct wt_served_model served = {.model = lab->models[0], .config = lab->config};
    assert_int_equal(wt_labeller_create(&served, 1, &lab->first, &error), WT_OK);
    lab->labellers = wt_labellers_create(lab->first);
    lab->batch = wt_batch_stage_create(lab->first, &limits);
    wt_labeller_show(lab->first, NULL);
    lab->reload = wt_reload_create(&ports, lab->labellers, lab->first, lab->batch, NULL);
}

static void start(struct lab *lab)
{
    struct wt_error error = {.message = ""};
    assert_int_equal(wt_reload_start(lab->reload, &error), WT_OK);
}

static void end(struct lab *lab)
{
    wt_reload_stop(lab->reload);
    wt_reload_join(lab->reload);
    wt_batch_stage_destroy(lab->batch);
    wt_reload_destroy(lab->reload);
    wt_labeller_destroy(wt_labellers_destroy(lab->labellers));
    for (uint32_t i = 0; i <= lab->taken; i++) {
        if (!lab->given_back[i]) {
            wt_model_destroy(lab->models[i]);
        }
    }
    wt_config_destroy(lab->config);
}

static void await_count(const atomic_uint *count, unsigned wanted)
{
    int64_t deadline_us = wt_clock_us() + 30000000;
    while (atomic_load(count) < wanted) {
        struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
        assert_true(wt_clock_us() < deadline_us);
    }
    assert_int_equal(atomic_load(count), wanted);
}

static uint64_t current_number(struct lab *lab)
{
    struct wt_labeller *current = wt_labellers_hold(lab->labellers);
    uint64_t number = current->number;
    wt_labeller_release(current);
    return number;
}

/* The second model replaces the first, which the returned record still holds. */
static struct wt_record *replace_under_record(struct lab *lab)
{
    struct wt_record *record = record_of("{}");
    record->labeller = wt_labellers_hold(lab->labellers);
    wt_reload_request(lab->reload);
    while (current_number(lab) == 1) {
        (void)sched_yield();
    }
    return record;
}

static void a_request_takes_the_next_model_and_gives_the_earlier_one_back(void **state)
{
    (void)state;
    struct lab lab;
    int64_t before = wt_metric_get(WT_METRIC_RELOADS_OK);
    begin(&lab, false);
    start(&lab);
    for (unsigned i = 1; i < 4; i++) {
        wt_reload_request(lab.reload);
        await_count(&lab.unloads, i);
        assert_int_equal(current_number(&lab), i + 1);
        assert_true(lab.given_back[i - 1]);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_RELOADS_OK) - before, 3);
    end(&lab);
}

static void a_model_that_a_record_has_stays_until_its_end(void **state)
{
    (void)state;
    struct lab lab;
    begin(&lab, false);
    start(&lab);
    struct wt_record *record = replace_under_record(&lab);
    /* The next one waits, so that there are never three. */
    wt_reload_request(lab.reload);
    struct timespec wait = {.tv_nsec = 50000000};
    (void)nanosleep(&wait, NULL);
    assert_int_equal(atomic_load(&lab.loads), 1);
    assert_int_equal(atomic_load(&lab.unloads), 0);
    assert_string_equal(record->labeller->info->name, "f");
    wt_record_destroy(record);
    await_count(&lab.unloads, 2);
    assert_int_equal(current_number(&lab), 3);
    end(&lab);
}

static void a_failure_leaves_everything_and_is_told_until_a_reload_succeeds(void **state)
{
    (void)state;
    struct lab lab;
    char text[200] = "x";
    begin(&lab, false);
    atomic_store(&lab.fails, true);
    start(&lab);
    wt_reload_describe(lab.reload, text, sizeof text);
    assert_string_equal(text, "");
    int64_t before = wt_metric_get(WT_METRIC_RELOADS_FAILED);
    wt_reload_request(lab.reload);
    wait_for(WT_METRIC_RELOADS_FAILED, before + 1);
    wait_for(WT_METRIC_RELOAD_FAILED, 1);
    while (text[0] == '\0') {
        wt_reload_describe(lab.reload, text, sizeof text);
    }
    assert_string_equal(text, "the last reload failed: told to fail");
    assert_int_equal(current_number(&lab), 1);
    atomic_store(&lab.fails, false);
    atomic_store(&lab.unchanged, true);
    wt_reload_request(lab.reload);
    wait_for(WT_METRIC_RELOAD_FAILED, 0);
    while (text[0] != '\0') {
        wt_reload_describe(lab.reload, text, sizeof text);
    }
    assert_int_equal(current_number(&lab), 1);
    assert_int_equal(atomic_load(&lab.unloads), 0);
    end(&lab);
}

static void requests_before_the_start_and_during_a_load_are_one_more_load(void **state)
{
    (void)state;
    struct lab lab;
    begin(&lab, false);
    atomic_store(&lab.holds, true);
    wt_reload_request(lab.reload);
    wt_reload_request(lab.reload);
    start(&lab);
    await_count(&lab.loads, 1);
    for (int i = 0; i < 5; i++) {
        wt_reload_request(lab.reload);
    }
    atomic_store(&lab.holds, false);
    await_count(&lab.unloads, 2);
    assert_int_equal(atomic_load(&lab.loads), 2);
    assert_int_equal(current_number(&lab), 3);
    end(&lab);
}

static void a_model_that_is_loaded_after_the_stop_is_not_taken_but_still_wanted(void **state)
{
    (void)state;
    struct lab lab;
    begin(&lab, false);
    atomic_store(&lab.holds, true);
    start(&lab);
    wt_reload_request(lab.reload);
    await_count(&lab.loads, 1);
    wt_reload_stop(lab.reload);
    atomic_store(&lab.holds, false);
    wt_reload_join(lab.reload);
    assert_int_equal(current_number(&lab), 1);
    assert_true(lab.given_back[1] && !lab.given_back[0]);
    assert_true(wt_reload_is_wanted(lab.reload));
    end(&lab);
}

static void a_stop_does_not_wait_for_records_of_an_earlier_model(void **state)
{
    (void)state;
    struct lab lab;
    begin(&lab, false);
    start(&lab);
    struct wt_record *record = replace_under_record(&lab);
    wt_reload_stop(lab.reload);
    wt_reload_join(lab.reload);
    assert_false(wt_reload_is_wanted(lab.reload));
    wt_reload_request(lab.reload); /* a signal that comes this late */
    assert_true(wt_reload_is_wanted(lab.reload));
    wt_record_destroy(record);
    end(&lab);
}

static void what_is_watched_is_taken_without_a_request(void **state)
{
    (void)state;
    struct lab lab;
    begin(&lab, true);
    start(&lab);
    atomic_store(&lab.touched, true);
    await_count(&lab.unloads, 1);
    assert_int_equal(current_number(&lab), 2);
    end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_takes_the_next_model_and_gives_the_earlier_one_back),
        cmocka_unit_test(a_model_that_a_record_has_stays_until_its_end),
        cmocka_unit_test(a_failure_leaves_everything_and_is_told_until_a_reload_succeeds),
        cmocka_unit_test(requests_before_the_start_and_during_a_load_are_one_more_load),
        cmocka_unit_test(a_model_that_is_loaded_after_the_stop_is_not_taken_but_still_wanted),
        cmocka_unit_test(a_stop_does_not_wait_for_records_of_an_earlier_model),
        cmocka_unit_test(what_is_watched_is_taken_without_a_request),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
