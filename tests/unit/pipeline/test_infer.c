/* Running batches: halving finds the poison, memory teaches the budget, a sick model loses nothing. */
#include "base/clock.h"
#include "infer_cases.h"

/* A batch of RUNNING records; the caller ends it with batch_end. */
static struct wt_batch batch_of(struct wt_record *const *records, uint32_t count)
{
    struct wt_batch batch = {.records = calloc(ROWS_MAX, sizeof(struct wt_record *)),
                             .count = count};
    for (uint32_t i = 0; i < count; i++) {
        batch.records[i] = records[i];
        wt_record_advance(records[i], WT_RECORD_WAITING);
        wt_record_advance(records[i], WT_RECORD_RUNNING);
        batch.tokens += records[i]->token_count;
        batch.width = records[i]->token_count > batch.width ? records[i]->token_count : batch.width;
    }
    return batch;
}

static void batch_end(struct wt_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        wt_record_destroy(batch->records[i]);
    }
    free(batch->records);
}

/* --- one batch ------------------------------------------------------------------------------- */

static void every_record_gets_the_logits_of_its_own_tokens_whatever_its_neighbours(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct wt_infer_scratch scratch = {0};
    struct wt_record *records[20];
    float alone[COUNT_OF(records)][3];
    for (uint32_t i = 0; i < COUNT_OF(records); i++) {
        struct wt_record *record = record_saying(i, 3 + 5 * i, 0);
        struct wt_batch batch = batch_of(&record, 1);
        assert_int_equal(wt_infer_batch(model, &batch, &scratch), 0);
        assert_labelled(record);
        memcpy(alone[i], record->logits, sizeof alone[i]);
        batch_end(&batch);
        records[i] = record_saying(i, 3 + 5 * i, 0);
    }
    struct wt_batch batch = batch_of(records, COUNT_OF(records));
    assert_int_equal(wt_infer_batch(model, &batch, &scratch), 0);
    for (uint32_t i = 0; i < COUNT_OF(records); i++) {
        assert_labelled(records[i]);
        assert_memory_equal(records[i]->logits, alone[i], sizeof alone[i]);
        assert_true(i == 0 || memcmp(alone[i], alone[i - 1], sizeof alone[i]) != 0);
    }
    batch_end(&batch);
    wt_infer_scratch_free(&scratch);
    wt_model_destroy(model);
}

/* Runs 16 records of which those in `odd_bits` have the id `odd`; only these may fail. */
static void assert_only_odd_fail(struct wt_model *model, uint32_t odd_bits, int32_t odd,
                                 const char *code)
{
    struct wt_infer_scratch scratch = {0};
    struct wt_record *records[16];
    for (uint32_t i = 0; i < 16; i++) {
        records[i] = record_saying(i, 8, (odd_bits & 1u << i) != 0 ? odd : 0);
    }
    struct wt_batch batch = batch_of(records, 16);
    assert_int_equal(wt_infer_batch(model, &batch, &scratch), 0);
    for (uint32_t i = 0; i < 16; i++) {
        if ((odd_bits & 1u << i) != 0) {
            assert_failed(records[i], code);
        } else {
            assert_labelled(records[i]);
        }
    }
    batch_end(&batch);
    wt_infer_scratch_free(&scratch);
}

static void poison_is_found_wherever_it_stands_and_its_neighbours_are_labelled(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"fail_on_token\":\"poison\"}");
    for (uint32_t i = 0; i < 16; i++) {
        int64_t before = wt_metric_get(WT_METRIC_BATCH_FAILURES);
        assert_only_odd_fail(model, 1u << i, ID_POISON, "model-failed");
        /* 16, 8, 4, 2, 1: halving, not one by one. */
        assert_int_equal(wt_metric_get(WT_METRIC_BATCH_FAILURES) - before, 5);
    }
    assert_only_odd_fail(model, 0x8001, ID_POISON, "model-failed");
    assert_only_odd_fail(model, 0x5a5a, ID_POISON, "model-failed");
    assert_only_odd_fail(model, 0xffff, ID_POISON, "model-failed");
    wt_model_destroy(model);
}

static void logits_that_are_not_finite_fail_their_own_record_only(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"nan_on_token\":\"nan\"}");
    assert_only_odd_fail(model, 0x0001, ID_NAN, "logits-not-finite");
    assert_only_odd_fail(model, 0x8421, ID_NAN, "logits-not-finite");
    wt_model_destroy(model);
}

static void a_batch_too_large_for_the_device_is_halved_and_the_size_is_told(void **state)
{
    (void)state;
    static const struct {
        uint32_t rows;
        uint32_t too_large; /* the smallest of 8 tokens a row that had no room of 100 tokens */
    } cases[] = {{1, 0}, {12, 0}, {13, 104}, {16, 128}, {32, 128}, {64, 128}, {50, 104}};
    struct wt_model *model = model_create("{\"memory_tokens_max\":100}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_infer_scratch scratch = {0};
        struct wt_record *records[ROWS_MAX];
        for (uint32_t row = 0; row < cases[i].rows; row++) {
            records[row] = record_saying(row, 8, 0);
        }
        struct wt_batch batch = batch_of(records, cases[i].rows);
        assert_int_equal(wt_infer_batch(model, &batch, &scratch), cases[i].too_large);
        for (uint32_t row = 0; row < cases[i].rows; row++) {
            assert_labelled(records[row]);
        }
        batch_end(&batch);
        wt_infer_scratch_free(&scratch);
    }
    wt_model_destroy(model);
}

static void an_article_that_alone_has_no_room_fails_and_its_neighbour_does_not(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"memory_tokens_max\":100}");
    struct wt_infer_scratch scratch = {0};
    struct wt_record *records[] = {record_saying(1, 8, 0), record_saying(2, 101, 0)};
    struct wt_batch batch = batch_of(records, 2);
    assert_int_equal(wt_infer_batch(model, &batch, &scratch), 202);
    assert_labelled(records[0]);
    assert_failed(records[1], "device-memory");
    batch_end(&batch);
    wt_infer_scratch_free(&scratch);
    wt_model_destroy(model);
}

/* --- threads --------------------------------------------------------------------------------- */

static void among_threads_every_record_comes_out_once_with_its_outcome(void **state)
{
    (void)state;
    enum { RECORDS = 2000 };
    struct stage *stage = stage_start(
        model_create(
            "{\"fail_on_token\":\"poison\",\"nan_on_token\":\"nan\",\"memory_tokens_max\":200}"),
        WAIT_US_MAX);
    for (uint32_t i = 0; i < RECORDS; i++) {
        int32_t odd = i % 50 == 7 ? ID_POISON : i % 50 == 9 ? ID_NAN : 0;
        stage_add(stage, record_saying(i, 3 + i % 100, odd));
    }
    bool seen[RECORDS] = {false};
    for (uint32_t count = 0; count < RECORDS;) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(stage->finished, 10000, 100, &list), WT_OK);
        assert_true(list.count > 0);
        for (struct wt_record *record; (record = wt_record_list_take(&list)) != NULL; count++) {
            assert_false(seen[record->offset]);
            seen[record->offset] = true;
            assert_true(record->ran);
            assert_false(record->abandoned);
            if (record->offset % 50 == 7) {
                assert_failed(record, "model-failed");
            } else if (record->offset % 50 == 9) {
                assert_failed(record, "logits-not-finite");
            } else {
                assert_labelled(record);
            }
            wt_record_destroy(record);
        }
    }
    assert_int_equal(wt_metric_get(WT_METRIC_REPLICAS_SICK), 0);
    stage_stop(stage);
}

static void an_article_waits_for_neighbours_no_longer_than_the_model_takes(void **state)
{
    (void)state;
    struct stage *stage = stage_start(model_create("{}"), INT64_C(3600000000));
    for (uint32_t i = 0; i < ROWS_MAX; i++) { /* enough for a batch */
        stage_add(stage, record_saying(i, 8, 0));
    }
    take_finished(stage, ROWS_MAX);
    stage_add(stage, record_saying(0, 8, 0));
    take_finished(stage, 1);
    stage_stop(stage);
}

static void a_sick_model_keeps_its_records_until_their_partition_is_given_back(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"fail_after_calls\":100}");
    while (wt_model_probe(model, NULL) == WT_OK) {
    }
    struct stage *stage = stage_start(model, WAIT_US_MAX);
    for (uint32_t i = 0; i < 5; i++) {
        stage_add(stage, record_saying(i, 8, 0));
    }
    /* Both replicas, if the records came in two batches. */
    wait_between(WT_METRIC_REPLICAS_SICK, 1, 2);
    struct wt_record_list list = {0};
    assert_int_equal(wt_queue_pop(stage->finished, 300, 100, &list), WT_OK);
    assert_int_equal(list.count, 0);
    /* Given back: they come out without an outcome that could be published. */
    atomic_store(&stage->source.epoch_live, 0);
    for (uint32_t count = 0; count < 5;) {
        assert_int_equal(wt_queue_pop(stage->finished, 10000, 100, &list), WT_OK);
        assert_true(list.count > 0);
        for (struct wt_record *record; (record = wt_record_list_take(&list)) != NULL; count++) {
            assert_int_equal(record->state, WT_RECORD_FINISHED);
            assert_true(record->abandoned);
            wt_record_destroy(record);
        }
    }
    wait_for(WT_METRIC_REPLICAS_SICK, 0);
    stage_stop(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_gets_the_logits_of_its_own_tokens_whatever_its_neighbours),
        cmocka_unit_test(poison_is_found_wherever_it_stands_and_its_neighbours_are_labelled),
        cmocka_unit_test(logits_that_are_not_finite_fail_their_own_record_only),
        cmocka_unit_test(a_batch_too_large_for_the_device_is_halved_and_the_size_is_told),
        cmocka_unit_test(an_article_that_alone_has_no_room_fails_and_its_neighbour_does_not),
        cmocka_unit_test(among_threads_every_record_comes_out_once_with_its_outcome),
        cmocka_unit_test(an_article_waits_for_neighbours_no_longer_than_the_model_takes),
        cmocka_unit_test(a_sick_model_keeps_its_records_until_their_partition_is_given_back),
    };
    return cmocka_run_group_tests_name("infer", tests, NULL, NULL);
}
