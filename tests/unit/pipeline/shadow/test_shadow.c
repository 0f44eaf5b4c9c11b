/* The shadow's thread: it labels what is offered, gives way to the live path, and ends when it is told. */
#include "pipeline/shadow/shadow.h"

#include "base/clock.h"
#include "config/config_load.h"
#include "pipeline/infer_cases.h"

#include <math.h>

/* On a busy machine the thread of lowest priority waits for a second before each of its many steps. */
#define WAIT_US (INT64_C(600) * 1000000)

struct lab {
    struct wt_config *config;
    struct wt_model *model;
    struct wt_model *live_model;
    struct wt_labeller live;
    struct wt_partition source;
    struct wt_shadow *shadow;
    int64_t before[3]; /* the counters, which are the process's */
};

static const enum wt_metric counters[3] = {WT_METRIC_SHADOW_COMPARED, WT_METRIC_SHADOW_FAILED,
                                           WT_METRIC_SHADOW_DROPPED};
enum { COMPARED, FAILED, DROPPED };

static struct lab *lab_begin(const char *behaviour, const char *set)
{
    static const char text[] = "input: {text: [/text]}\nmodel: {shadow: {path: shadow.json}}\n"
                               "kafka: {common: {bootstrap.servers: x}, consumer: {group.id: g}}\n";
    struct wt_error error;
    const struct wt_config_override override = {.text = set};
    struct lab *lab = calloc(1, sizeof *lab);
    if (wt_config_parse(text, sizeof text - 1, "test.yaml", &override, set != NULL ? 1 : 0,
                        &lab->config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    lab->model = model_create(behaviour);
    lab->live_model = model_create("{}");
    lab->live = (struct wt_labeller){
        .number = 1, .model = lab->live_model, .info = wt_model_info(lab->live_model)};
    lab->source = (struct wt_partition){.topic = "news", .number = 3};
    assert_int_equal(wt_shadow_create(lab->config, lab->model, &lab->shadow, &error), WT_OK);
    wt_shadow_attach(lab->shadow, &lab->live);
    for (int i = 0; i < 3; i++) {
        lab->before[i] = wt_metric_get(counters[i]);
    }
    return lab;
}

static void lab_end(struct lab *lab)
{
    wt_shadow_stop(lab->shadow);
    wt_shadow_destroy(lab->shadow);
    wt_model_destroy(lab->model);
    wt_model_destroy(lab->live_model);
    wt_config_destroy(lab->config);
    free(lab);
}

static void offer(struct lab *lab, int64_t offset, const char *text)
{
    char value[200];
    (void)snprintf(value, sizeof value, "{\"text\":\"%s\"}", text);
    struct wt_record *record = record_of(value);
    record->source = &lab->source;
    record->offset = offset;
    record->outcome = WT_OUTCOME_LABELLED;
    record->category = (uint32_t)offset % 4; /* 3: none */
    record->labeller = &lab->live;
    (void)wt_labeller_hold(&lab->live);
    wt_shadow_offer(lab->shadow, record);
    wt_record_destroy(record);
}

static int64_t counted(const struct lab *lab, int which)
{
    return wt_metric_get(counters[which]) - lab->before[which];
}

static void await(const struct lab *lab, int which, int64_t articles)
{
    int64_t until_us = wt_clock_us() + WAIT_US;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (counted(lab, which) < articles) {
        assert_true(wt_clock_us() < until_us);
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(counted(lab, which), articles);
}

static void start(struct lab *lab)
{
    struct wt_error error;
    assert_int_equal(wt_shadow_start(lab->shadow, &error), WT_OK);
}

static void what_is_offered_is_compared_and_what_fails_is_counted(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{\"fail_on_token\":\"poison\",\"nan_on_token\":\"nan\"}", NULL);
    start(lab);
    for (int64_t i = 0; i < 200; i++) {
        offer(lab, i, i % 50 == 7 ? "7 poison" : i % 50 == 9 ? "nan 8" : "7 8 9");
    }
    await(lab, COMPARED, 192);
    await(lab, FAILED, 8);
    assert_int_equal(counted(lab, DROPPED), 0);
    char *json = wt_shadow_json(lab->shadow);
    assert_non_null(strstr(json, "\"compared\":192"));
    free(json);
    lab_end(lab);
}

static void other_outcomes_and_articles_outside_the_share_are_not_taken(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", "model.shadow.share=0.5");
    struct wt_record *tombstone = record_of("");
    tombstone->outcome = WT_OUTCOME_TOMBSTONE;
    wt_shadow_offer(lab->shadow, tombstone);
    wt_record_destroy(tombstone);
    wt_shadow_offer(NULL, NULL);
    for (int64_t i = 0; i < 400; i++) {
        offer(lab, i, "7");
    }
    assert_in_range(wt_metric_get(WT_METRIC_SHADOW_WAITING), 150, 250);
    lab_end(lab);
}

/* Not started, so that nothing is taken out. */
static void what_does_not_fit_is_dropped(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", NULL);
    for (int64_t i = 0; i < 1500; i++) {
        offer(lab, i, "7");
    }
    assert_int_equal(counted(lab, DROPPED), 1500 - 1024);
    assert_int_equal(wt_metric_get(WT_METRIC_SHADOW_WAITING), 1024);
    lab_end(lab);
}

/* False: this thread slept for so long that the article of 200 ms may have ended meanwhile. */
static bool gives_way_to(enum wt_metric busy)
{
    struct lab *lab = lab_begin("{\"sleep_us_per_call\":200000}", NULL);
    const struct timespec moment = {.tv_nsec = 20000000};
    const struct timespec longer = {.tv_nsec = 500000000};
    start(lab);
    int64_t since_us = wt_clock_us();
    offer(lab, 1, "7");
    (void)nanosleep(&moment, NULL);
    wt_metric_set(busy, 1);
    bool in_the_middle = wt_clock_us() - since_us < 150000;
    if (in_the_middle) {
        (void)nanosleep(&longer, NULL);
        assert_int_equal(counted(lab, COMPARED), 0);
    }
    wt_metric_set(busy, 0);
    await(lab, COMPARED, 1);
    lab_end(lab);
    return in_the_middle;
}

static void it_gives_way_in_the_middle_of_an_article(void **state)
{
    (void)state;
    static const enum wt_metric busy[] = {WT_METRIC_BATCHES_RUNNING, WT_METRIC_WAITING_RECORDS};
    int64_t until_us = wt_clock_us() + WAIT_US;
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        while (!gives_way_to(busy[i])) { /* on a busy machine */
            assert_true(wt_clock_us() < until_us);
        }
    }
}

/* How long an article of 200 ms takes while others are under way, of which so many linger. */
static int64_t duration_us(int64_t in_flight, int64_t lingering)
{
    struct lab *lab = lab_begin("{\"sleep_us_per_call\":200000}", NULL);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, in_flight);
    wt_metric_set(WT_METRIC_LINGERING_RECORDS, lingering);
    start(lab);
    int64_t since_us = wt_clock_us();
    offer(lab, 1, "7");
    await(lab, COMPARED, 1);
    int64_t took_us = wt_clock_us() - since_us;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    wt_metric_set(WT_METRIC_LINGERING_RECORDS, 0);
    lab_end(lab);
    return took_us;
}

/* Turns of 50 ms: no part of the 200 ms begins in those of the live path. */
static void it_takes_turns_with_articles_that_are_read_published_or_committed(void **state)
{
    (void)state;
    assert_true(duration_us(3, 2) >= 350000);
}

/* While the model is busy for 160 ms no turn of the live path passes: behind that it still has its 50 ms. */
static void time_in_the_live_model_is_no_part_of_a_turn(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", NULL);
    const struct timespec in_the_model = {.tv_nsec = 160000000};
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 1);
    wt_metric_set(WT_METRIC_BATCHES_RUNNING, 1);
    start(lab);
    offer(lab, 1, "7");
    (void)nanosleep(&in_the_model, NULL);
    int64_t since_us = wt_clock_us();
    wt_metric_set(WT_METRIC_BATCHES_RUNNING, 0);
    await(lab, COMPARED, 1);
    assert_true(wt_clock_us() - since_us >= 45000);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    lab_end(lab);
}

static void articles_that_wait_for_the_interval_of_their_commit_do_not_hold_it_up(void **state)
{
    (void)state;
    int64_t until_us = wt_clock_us() + WAIT_US;
    while (duration_us(3, 3) >= 350000) { /* on a busy machine */
        assert_true(wt_clock_us() < until_us);
    }
}

static void a_stop_does_not_wait_for_the_live_path(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", NULL);
    wt_metric_set(WT_METRIC_BATCHES_RUNNING, 1);
    start(lab);
    for (int64_t i = 0; i < 100; i++) {
        offer(lab, i, "7");
    }
    lab_end(lab); /* returns */
    wt_metric_set(WT_METRIC_BATCHES_RUNNING, 0);
}

static void an_earlier_model_is_passed_over_and_another_pipeline_goes_on(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", NULL);
    start(lab);
    offer(lab, 1, "7");
    await(lab, COMPARED, 1);
    struct wt_labeller next = lab->live;
    struct wt_labeller first = lab->live;
    atomic_store(&next.holders, 0);
    next.number = 2;
    lab->live = next;
    offer(lab, 2, "7");
    await(lab, COMPARED, 2);
    lab->live = first; /* a straggler */
    offer(lab, 3, "7");
    assert_int_equal(counted(lab, DROPPED), 1);
    char *json = wt_shadow_json(lab->shadow);
    assert_non_null(strstr(json, "\"compared\":1,")); /* anew with the second */
    free(json);
    /* A pipeline in its place numbers from 1, and has the same model. */
    wt_shadow_attach(lab->shadow, &lab->live);
    offer(lab, 4, "7");
    await(lab, COMPARED, 3);
    json = wt_shadow_json(lab->shadow);
    assert_non_null(strstr(json, "\"compared\":2,"));
    free(json);
    lab_end(lab);
}

/* While a group goes over, the model before may have been loaded last, and be the one that goes. */
static void the_model_that_is_left_is_compared_whatever_its_number(void **state)
{
    (void)state;
    struct lab *lab = lab_begin("{}", NULL);
    struct wt_model *other = model_create("{\"version\":\"2\"}");
    struct wt_model_info info = *wt_model_info(other);
    char sha256[65] = {0};
    memset(sha256, 'e', sizeof sha256 - 1);
    info.sha256 = sha256;
    struct wt_labeller left = lab->live;
    struct wt_labeller before = {.number = 2, .model = other, .info = &info};
    struct wt_labellers *all = wt_labellers_create(&left);
    wt_labellers_add(all, &before);
    start(lab);
    lab->live = before;
    offer(lab, 1, "7");
    await(lab, COMPARED, 1);
    lab->live = left;
    offer(lab, 2, "7");
    assert_int_equal(counted(lab, DROPPED), 1);
    struct wt_model_name name = {0};
    memcpy(name.sha256, left.info->sha256, sizeof name.sha256);
    wt_labellers_want(all, &name, 1);
    assert_ptr_equal(wt_labellers_drop(all, NULL), &before);
    lab->live = left;
    offer(lab, 3, "7");
    await(lab, COMPARED, 2);
    assert_int_equal(counted(lab, DROPPED), 1);
    lab_end(lab);
    assert_ptr_equal(wt_labellers_destroy(all), &left);
    wt_model_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_that_is_left_is_compared_whatever_its_number),
        cmocka_unit_test(what_is_offered_is_compared_and_what_fails_is_counted),
        cmocka_unit_test(other_outcomes_and_articles_outside_the_share_are_not_taken),
        cmocka_unit_test(what_does_not_fit_is_dropped),
        cmocka_unit_test(it_gives_way_in_the_middle_of_an_article),
        cmocka_unit_test(it_takes_turns_with_articles_that_are_read_published_or_committed),
        cmocka_unit_test(time_in_the_live_model_is_no_part_of_a_turn),
        cmocka_unit_test(articles_that_wait_for_the_interval_of_their_commit_do_not_hold_it_up),
        cmocka_unit_test(a_stop_does_not_wait_for_the_live_path),
        cmocka_unit_test(an_earlier_model_is_passed_over_and_another_pipeline_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
