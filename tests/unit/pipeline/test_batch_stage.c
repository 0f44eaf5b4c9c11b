/* The monitor between prepare and infer: batches when they are due, for threads that sleep. */
#include "pipeline/batch_stage.h"

#include "base/clock.h"
#include "dice.h"
#include "record/labellers.h"
#include "support.h"

#include <pthread.h>
#include <sched.h>

static const struct wt_batcher_limits LIMITS = {
    .tokens_max = 1024, .articles_max = 16, .wait_us_max = 20000, .length_max = 512};

static struct wt_batch batch_create(void)
{
    return (struct wt_batch){.records = calloc(LIMITS.articles_max, sizeof(struct wt_record *))};
}

/* As infer and publish do it: the records are seen, so no longer running. */
static void batch_end(struct wt_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wt_record *record = batch->records[i];
        atomic_fetch_sub(wt_partition_running(record->source, record->epoch), 1);
        wt_record_destroy(batch->records[i]);
    }
    batch->count = 0;
}

static struct wt_record *record_for(struct wt_partition *source, uint32_t epoch,
                                    uint32_t token_count)
{
    struct wt_record *record = record_of_tokens(token_count);
    record->source = source;
    record->epoch = epoch;
    return record;
}

static void add(struct wt_batch_stage *stage, struct wt_partition *source, uint32_t epoch,
                uint32_t count)
{
    struct wt_record_list list = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct wt_record *record = record_for(source, epoch, 32);
        wt_record_list_append(&list, &record);
    }
    wt_batch_stage_add(stage, &list);
    assert_int_equal(list.count, 0);
}

/* --- one thread ------------------------------------------------------------------------------ */

static void a_full_batch_is_handed_out_at_once_and_counts_as_running(void **state)
{
    (void)state;
    struct wt_partition source = {.topic = "t"};
    atomic_store(&source.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &LIMITS);
    struct wt_batch batch = batch_create();
    add(stage, &source, 1, 16);
    int64_t start_us = wt_clock_us();
    assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_OK);
    assert_true(wt_clock_us() - start_us < 1000000);
    assert_int_equal(batch.count, 16);
    assert_int_equal(atomic_load(wt_partition_running(&source, 1)), 16);
    for (uint32_t i = 0; i < batch.count; i++) {
        assert_true(batch.records[i]->ran);
        assert_int_equal(batch.records[i]->state, WT_RECORD_RUNNING);
    }
    batch_end(&batch);
    free(batch.records);
    wt_batch_stage_destroy(stage);
    wt_batch_stage_destroy(NULL);
}

static void records_are_handed_out_when_their_wait_is_over(void **state)
{
    (void)state;
    struct wt_partition source = {.topic = "t"};
    atomic_store(&source.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &LIMITS);
    struct wt_batch batch = batch_create();
    int64_t start_us = wt_clock_us();
    add(stage, &source, 1, 2);
    assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_OK);
    assert_in_range(wt_clock_us() - start_us, LIMITS.wait_us_max / 4, 60000000);
    assert_int_equal(batch.count, 2);
    batch_end(&batch);
    free(batch.records);
    wt_batch_stage_destroy(stage);
}

/* A stage that would let records wait for an hour hands `count` out, after a batch that took
 * `batch_us`; 0: there was none. */
static void assert_impatient(uint32_t count, int64_t batch_us)
{
    struct wt_partition source = {.topic = "t"};
    struct wt_batcher_limits patient = LIMITS;
    patient.wait_us_max = INT64_C(3600000000);
    atomic_store(&source.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &patient);
    struct wt_batch batch = batch_create();
    if (batch_us > 0) {
        wt_batch_stage_took(stage, NULL, batch_us);
    }
    add(stage, &source, 1, count);
    assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_OK);
    assert_int_equal(batch.count, count);
    batch_end(&batch);
    free(batch.records);
    wt_batch_stage_destroy(stage);
}

static void records_wait_no_longer_than_batches_take(void **state)
{
    (void)state;
    assert_impatient(2, 10000);
}

static void a_lonely_record_waits_a_moment(void **state)
{
    (void)state;
    assert_impatient(1, 0);
}

static void a_record_whose_assignment_has_ended_is_not_taken_in(void **state)
{
    (void)state;
    struct wt_partition gone = {.topic = "t"};
    struct wt_partition live = {.topic = "t", .number = 1};
    atomic_store(&live.epoch_live, 4);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &LIMITS);
    struct wt_record_list list = {0};
    struct wt_record *records[] = {record_for(&gone, 1, 8), record_for(&live, 4, 8),
                                   record_for(&live, 3, 8)};
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct wt_record *record = records[i];
        wt_record_list_append(&list, &record);
    }
    wt_batch_stage_add(stage, &list);
    assert_int_equal(list.count, 2);
    assert_ptr_equal(list.first, records[0]);
    assert_ptr_equal(list.last, records[2]);
    list_end(&list);
    wt_batch_stage_destroy(stage);
}

static void records_whose_assignment_ends_while_they_wait_are_given_back(void **state)
{
    (void)state;
    struct wt_partition gone = {.topic = "t"};
    struct wt_partition live = {.topic = "t", .number = 1};
    atomic_store(&gone.epoch_live, 1);
    atomic_store(&live.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &LIMITS);
    add(stage, &gone, 1, 3);
    add(stage, &live, 1, 2);
    atomic_store(&gone.epoch_live, 0);
    struct wt_record_list stale = {0};
    wt_batch_stage_remove_stale(stage, &stale);
    assert_int_equal(stale.count, 3);
    list_end(&stale);
    wt_batch_stage_close(stage);
    struct wt_batch batch = batch_create();
    assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_OK);
    assert_int_equal(batch.count, 2);
    batch_end(&batch);
    assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_CLOSED);
    free(batch.records);
    wt_batch_stage_destroy(stage);
}

static void a_lowered_budget_reaches_the_next_batch(void **state)
{
    (void)state;
    struct wt_partition source = {.topic = "t"};
    atomic_store(&source.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(NULL, &LIMITS);
    struct wt_batch batch = batch_create();
    add(stage, &source, 1, 4);
    wt_batch_stage_tokens_lower(stage, NULL, 64);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wt_batch_stage_pull(stage, &batch), WT_OK);
        assert_int_equal(batch.count, 2);
        batch_end(&batch);
    }
    free(batch.records);
    wt_batch_stage_destroy(stage);
}

/* A batch has records of one labeller, and those of the older one go first. */
static void labellers_do_not_mix_and_the_older_one_goes_first(void **state)
{
    (void)state;
    struct wt_partition source = {.topic = "t"};
    struct wt_labeller labellers[2] = {{.number = 1}, {.number = 2}};
    struct wt_batcher_limits other = LIMITS;
    other.articles_max = 4;
    other.length_max = 2048;
    atomic_store(&source.epoch_live, 1);
    struct wt_batch_stage *stage = wt_batch_stage_create(&labellers[0], &LIMITS);
    struct wt_batch batch = batch_create();
    wt_batch_stage_open(stage, &labellers[1], &other);
    struct wt_record_list list = {0};
    for (uint32_t i = 0; i < 40; i++) {
        /* Articles of the second are longer than the first one takes. */
        struct wt_record *record = record_for(&source, 1, i % 2 == 0 ? 32 : 1500);
        record->labeller = wt_labeller_hold(&labellers[i % 2]);
        wt_record_list_append(&list, &record);
    }
    wt_batch_stage_add(stage, &list);
    wt_batch_stage_close(stage);
    uint32_t counts[2] = {0, 0};
    while (wt_batch_stage_pull(stage, &batch) == WT_OK) {
        const struct wt_labeller *own = batch.records[0]->labeller;
        for (uint32_t i = 0; i < batch.count; i++) {
            assert_ptr_equal(batch.records[i]->labeller, own);
        }
        assert_in_range(batch.count, 1, own->number == 1 ? 16 : 4);
        assert_true(own->number == 1 || counts[0] == 20);
        counts[own->number - 1] += batch.count;
        batch_end(&batch);
    }
    assert_int_equal(counts[1], 20);
    wt_batch_stage_shut(stage, &labellers[0]);
    free(batch.records);
    wt_batch_stage_destroy(stage);
}

/* --- threads --------------------------------------------------------------------------------- */

#define PARTITIONS 4
#define ADDERS 2
#define PULLERS 2
#define ROUNDS 400

struct shared {
    struct wt_batch_stage *stage;
    struct wt_partition sources[PARTITIONS];
    atomic_uint added, stale, pulled, seeds;
};

static void *adder(void *opaque)
{
    struct shared *shared = opaque;
    struct dice dice = {.state = atomic_fetch_add(&shared->seeds, 1)};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct wt_record_list list = {0};
        for (uint32_t i = dice_between(&dice, 1, 20); i > 0; i--) {
            struct wt_partition *source = &shared->sources[dice_below(&dice, PARTITIONS)];
            uint32_t epoch = atomic_load(&source->epoch_live);
            struct wt_record *record =
                record_for(source, epoch > 0 ? epoch : 1, dice_article_tokens(&dice));
            wt_record_list_append(&list, &record);
        }
        atomic_fetch_add(&shared->added, list.count);
        wt_batch_stage_add(shared->stage, &list);
        atomic_fetch_add(&shared->stale, list.count);
        list_end(&list);
    }
    return NULL;
}

static void *puller(void *opaque)
{
    struct shared *shared = opaque;
    struct wt_batch batch = batch_create();
    while (wt_batch_stage_pull(shared->stage, &batch) == WT_OK) {
        atomic_fetch_add(&shared->pulled, batch.count);
        batch_end(&batch);
    }
    free(batch.records);
    return NULL;
}

/* What consume does in a rebalance: once the stale are removed, none of the old epoch can come to
 * run any more. */
static void rebalance(struct shared *shared, uint32_t round)
{
    struct wt_partition *source = &shared->sources[round % PARTITIONS];
    const atomic_uint *running = wt_partition_running(source, atomic_load(&source->epoch_live));
    atomic_store(&source->epoch_live, 0);
    struct wt_record_list stale = {0};
    wt_batch_stage_remove_stale(shared->stage, &stale);
    atomic_fetch_add(&shared->stale, stale.count);
    list_end(&stale);
    while (atomic_load(running) > 0) {
        (void)sched_yield();
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(atomic_load(running), 0);
        (void)sched_yield();
    }
    atomic_store(&source->epoch_live, round + 2);
}

static void among_threads_and_rebalances_every_record_goes_exactly_one_way(void **state)
{
    (void)state;
    struct shared *shared = calloc(1, sizeof *shared);
    shared->stage = wt_batch_stage_create(NULL, &LIMITS);
    for (int i = 0; i < PARTITIONS; i++) {
        shared->sources[i].number = i;
        atomic_store(&shared->sources[i].epoch_live, 1);
    }
    pthread_t adders[ADDERS];
    pthread_t pullers[PULLERS];
    for (int i = 0; i < PULLERS; i++) {
        assert_int_equal(pthread_create(&pullers[i], NULL, puller, shared), 0);
    }
    for (int i = 0; i < ADDERS; i++) {
        assert_int_equal(pthread_create(&adders[i], NULL, adder, shared), 0);
    }
    for (uint32_t round = 0; round < 100; round++) {
        rebalance(shared, round);
    }
    for (int i = 0; i < ADDERS; i++) {
        (void)pthread_join(adders[i], NULL);
    }
    wt_batch_stage_close(shared->stage);
    for (int i = 0; i < PULLERS; i++) {
        (void)pthread_join(pullers[i], NULL);
    }
    assert_true(atomic_load(&shared->pulled) > 0);
    assert_int_equal(atomic_load(&shared->pulled) + atomic_load(&shared->stale),
                     atomic_load(&shared->added));
    wt_batch_stage_destroy(shared->stage);
    free(shared);
}

static void closing_wakes_waiting_threads_and_hands_out_what_waits(void **state)
{
    (void)state;
    struct shared *shared = calloc(1, sizeof *shared);
    struct wt_batcher_limits patient = LIMITS;
    patient.wait_us_max = INT64_C(3600000000);
    shared->stage = wt_batch_stage_create(NULL, &patient);
    atomic_store(&shared->sources[0].epoch_live, 1);
    pthread_t pullers[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&pullers[i], NULL, puller, shared), 0);
    }
    add(shared->stage, &shared->sources[0], 1, 3);
    wt_batch_stage_close(shared->stage);
    for (int i = 0; i < 3; i++) {
        (void)pthread_join(pullers[i], NULL);
    }
    assert_int_equal(atomic_load(&shared->pulled), 3);
    wt_batch_stage_destroy(shared->stage);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_batch_is_handed_out_at_once_and_counts_as_running),
        cmocka_unit_test(records_are_handed_out_when_their_wait_is_over),
        cmocka_unit_test(records_wait_no_longer_than_batches_take),
        cmocka_unit_test(a_lonely_record_waits_a_moment),
        cmocka_unit_test(a_record_whose_assignment_has_ended_is_not_taken_in),
        cmocka_unit_test(records_whose_assignment_ends_while_they_wait_are_given_back),
        cmocka_unit_test(a_lowered_budget_reaches_the_next_batch),
        cmocka_unit_test(labellers_do_not_mix_and_the_older_one_goes_first),
        cmocka_unit_test(among_threads_and_rebalances_every_record_goes_exactly_one_way),
        cmocka_unit_test(closing_wakes_waiting_threads_and_hands_out_what_waits),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
