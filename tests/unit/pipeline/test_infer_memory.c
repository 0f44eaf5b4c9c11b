/* Memory that the device lacks for a while: articles wait for it, and batches shrink and grow again. */
#include "base/clock.h"
#include "infer_cases.h"

static _Atomic int64_t later_us;

int64_t __real_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return __real_wt_clock_us() + atomic_load(&later_us);
}

/* The next record that is finished, which the caller destroys. */
static struct wt_record *take_one(struct stage *stage)
{
    struct wt_record_list list = {0};
    assert_int_equal(wt_queue_pop(stage->finished, 60000, 1, &list), WT_OK);
    assert_int_equal(list.count, 1);
    return wt_record_list_take(&list);
}

/* The device has memory for one long article, then no more for `behaviour`; a second one is under way. */
static struct stage *stage_in_shortage(const char *behaviour, uint32_t memory_wait_ms_max)
{
    struct stage *stage =
        stage_start_waiting(model_create(behaviour), WAIT_US_MAX, memory_wait_ms_max);
    stage_add(stage, record_saying(0, 101, 0));
    struct wt_record *record = take_one(stage);
    assert_labelled(record);
    wt_record_destroy(record);
    stage_add(stage, record_saying(1, 101, 0));
    return stage;
}

static void an_article_waits_for_memory_that_the_device_has_had(void **state)
{
    (void)state;
    struct stage *stage = stage_in_shortage(
        "{\"memory_tokens_max\":100,\"memory_fails_from\":1,\"memory_fails_to\":4}", HOUR_MS);
    wait_for(WT_METRIC_REPLICAS_SICK, 1);
    struct wt_record *record = take_one(stage);
    assert_labelled(record);
    wt_record_destroy(record);
    wait_for(WT_METRIC_REPLICAS_SICK, 0);
    stage_stop(stage);
}

static void it_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct stage *stage =
        stage_in_shortage("{\"memory_tokens_max\":100,\"memory_fails_from\":1}", 300);
    struct wt_record *record = take_one(stage);
    assert_failed(record, "device-memory");
    assert_false(record->abandoned);
    wt_record_destroy(record);
    stage_stop(stage);
}

static void it_waits_no_longer_than_its_partition_is_here(void **state)
{
    (void)state;
    struct stage *stage =
        stage_in_shortage("{\"memory_tokens_max\":100,\"memory_fails_from\":1}", HOUR_MS);
    wait_for(WT_METRIC_REPLICAS_SICK, 1);
    atomic_store(&stage->source.epoch_live, 0);
    struct wt_record *record = take_one(stage);
    assert_true(record->abandoned);
    wt_record_destroy(record);
    wait_for(WT_METRIC_REPLICAS_SICK, 0);
    stage_stop(stage);
}

/* In how many batches that many articles of 32 tokens, which come at once, go through the model. */
static int64_t batches_of(struct stage *stage, uint32_t articles)
{
    int64_t before = wt_metric_get(WT_METRIC_BATCHES);
    struct wt_record_list list = {0};
    for (uint32_t i = 0; i < articles; i++) {
        struct wt_record *record = record_saying(i, 32, 0);
        record->source = &stage->source;
        record->epoch = 1;
        record->labeller = wt_labeller_hold(&stage->labeller);
        wt_record_list_append(&list, &record);
    }
    wt_batch_stage_add(stage->batch_in, &list);
    take_finished(stage, articles);
    return wt_metric_get(WT_METRIC_BATCHES) - before;
}

static void batches_grow_again_when_memory_has_been_there_for_five_minutes(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"memory_tokens_max\":100,\"memory_fails_to\":1}");
    struct stage *stage = stage_start(model, WAIT_US_MAX);
    assert_int_equal(batches_of(stage, 8), 1); /* 256 tokens, in which memory fails once */
    assert_int_equal(batches_of(stage, 8), 2);
    atomic_store(&later_us, INT64_C(300) * 1000000);
    assert_int_equal(batches_of(stage, 4), 1);
    assert_int_equal(batches_of(stage, 8), 1);
    atomic_store(&later_us, 0);
    stage_stop(stage);
}

static void an_article_longer_than_any_that_had_memory_fails_at_once(void **state)
{
    (void)state;
    struct stage *stage = stage_start(model_create("{\"memory_tokens_max\":100}"), WAIT_US_MAX);
    int64_t before = wt_metric_get(WT_METRIC_BATCH_FAILURES);
    stage_add(stage, record_saying(0, 101, 0));
    struct wt_record *record = take_one(stage);
    assert_failed(record, "device-memory");
    assert_false(record->abandoned);
    wt_record_destroy(record);
    assert_int_equal(wt_metric_get(WT_METRIC_BATCH_FAILURES) - before, 1);
    stage_stop(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_article_waits_for_memory_that_the_device_has_had),
        cmocka_unit_test(it_does_not_wait_for_ever),
        cmocka_unit_test(it_waits_no_longer_than_its_partition_is_here),
        cmocka_unit_test(batches_grow_again_when_memory_has_been_there_for_five_minutes),
        cmocka_unit_test(an_article_longer_than_any_that_had_memory_fails_at_once),
    };
    return cmocka_run_group_tests_name("infer memory", tests, NULL, NULL);
}
