/* Source partitions keep their place for good; an epoch that ends makes its records stale. */
#include "record/partition.h"

#include "support.h"

#include <pthread.h>

static void a_partition_is_one_struct_for_good(void **state)
{
    (void)state;
    struct wt_partitions *partitions = wt_partitions_create();
    struct wt_partition *seen[300];
    for (int32_t i = 0; i < 300; i++) {
        seen[i] = wt_partitions_get(partitions, i % 2 == 0 ? "even" : "odd", i / 2);
        assert_string_equal(seen[i]->topic, i % 2 == 0 ? "even" : "odd");
        assert_int_equal(seen[i]->number, i / 2);
    }
    for (int32_t i = 299; i >= 0; i--) {
        char topic[8]; /* another copy of the name */
        (void)snprintf(topic, sizeof topic, "%s", i % 2 == 0 ? "even" : "odd");
        assert_ptr_equal(wt_partitions_get(partitions, topic, i / 2), seen[i]);
        assert_ptr_equal(wt_partitions_at(partitions, (size_t)i), seen[i]);
    }
    assert_null(wt_partitions_at(partitions, 300));
    wt_partitions_destroy(partitions);
    wt_partitions_destroy(NULL);
}

static void a_new_partition_is_not_assigned(void **state)
{
    (void)state;
    struct wt_partitions *partitions = wt_partitions_create();
    assert_null(wt_partitions_at(partitions, 0));
    struct wt_partition *partition = wt_partitions_get(partitions, "t", 0);
    assert_false(partition->assigned);
    assert_int_equal(atomic_load(&partition->epoch_live), 0);
    assert_int_equal(atomic_load(wt_partition_running(partition, 1)), 0);
    assert_int_equal(partition->epoch_last, 0);
    assert_null(partition->order);
    wt_partitions_destroy(partitions);
}

static void what_a_topic_has_beyond_its_first_count_was_added(void **state)
{
    (void)state;
    struct wt_partitions *partitions = wt_partitions_create();
    wt_partitions_note_count(partitions, "two", 2);
    wt_partitions_note_count(partitions, "three", 3);
    assert_false(wt_partitions_get(partitions, "two", 1)->added);
    assert_true(wt_partitions_get(partitions, "two", 2)->added);
    assert_false(wt_partitions_get(partitions, "three", 2)->added);
    assert_true(wt_partitions_get(partitions, "three", 3)->added);
    assert_false(wt_partitions_get(partitions, "unknown", 9)->added);
    wt_partitions_destroy(partitions);
}

static void a_record_is_stale_unless_its_own_epoch_lives(void **state)
{
    (void)state;
    struct wt_partition source = {.topic = "t"};
    struct wt_record *record = record_of("{}");
    record->source = &source;
    record->epoch = 2;
    static const struct {
        unsigned live;
        bool stale;
    } cases[] = {{0, true}, {1, true}, {2, false}, {3, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        atomic_store(&source.epoch_live, cases[i].live);
        assert_int_equal(wt_record_stale(record), cases[i].stale);
    }
    wt_record_destroy(record);
}

/* One thread lives through epochs and writes `epoch_last` and the data of each before it publishes
 * the epoch; another must see that data wherever it finds a record of the live epoch. */
struct shared {
    struct wt_partition source;
    uint64_t data[2000];
};

static void *live(void *opaque)
{
    struct shared *shared = opaque;
    for (uint32_t epoch = 1; epoch < COUNT_OF(shared->data); epoch++) {
        shared->data[epoch] = epoch * UINT64_C(3);
        atomic_store_explicit(&shared->source.epoch_live, epoch, memory_order_release);
    }
    return NULL;
}

static void what_was_written_before_an_epoch_began_is_seen_with_it(void **state)
{
    (void)state;
    struct shared *shared = calloc(1, sizeof *shared);
    struct wt_record *record = record_of("{}");
    record->source = &shared->source;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, live, shared), 0);
    for (uint32_t epoch = 0; epoch + 1 < COUNT_OF(shared->data);) {
        epoch = atomic_load_explicit(&shared->source.epoch_live, memory_order_relaxed);
        record->epoch = epoch;
        if (epoch > 0 && !wt_record_stale(record)) {
            assert_int_equal(shared->data[epoch], epoch * UINT64_C(3));
        }
    }
    (void)pthread_join(thread, NULL);
    wt_record_destroy(record);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_is_one_struct_for_good),
        cmocka_unit_test(a_new_partition_is_not_assigned),
        cmocka_unit_test(what_a_topic_has_beyond_its_first_count_was_added),
        cmocka_unit_test(a_record_is_stale_unless_its_own_epoch_lives),
        cmocka_unit_test(what_was_written_before_an_epoch_began_is_seen_with_it),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
