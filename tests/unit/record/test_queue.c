/* The hand-off between two stages: every record once, in order, and nobody sleeps too long. */
#include "record/queue.h"

#include "base/clock.h"
#include "support.h"

#include <pthread.h>

#define QUEUE_RECORDS_MAX 100000u

static void push_numbered(struct wt_queue *queue, int64_t from, int64_t to)
{
    struct wt_record_list list = {0};
    for (int64_t offset = from; offset < to; offset++) {
        struct wt_record *record = record_of("{}");
        record->offset = offset;
        wt_record_list_append(&list, &record);
    }
    wt_queue_push(queue, &list);
    assert_int_equal(list.count, 0);
    assert_null(list.first);
}

static void assert_pops(struct wt_queue *queue, uint32_t records_max, int64_t from, int64_t to)
{
    struct wt_record_list list = {0};
    assert_int_equal(wt_queue_pop(queue, 0, records_max, &list), WT_OK);
    assert_int_equal(list.count, to - from);
    for (int64_t offset = from; offset < to; offset++) {
        struct wt_record *record = wt_record_list_take(&list);
        assert_int_equal(record->offset, offset);
        wt_record_destroy(record);
    }
}

/* --- one thread ------------------------------------------------------------------------------ */

static void records_come_out_in_order_and_no_more_than_asked_for(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(10);
    push_numbered(queue, 0, 7);
    push_numbered(queue, 7, 10);
    assert_pops(queue, 4, 0, 4);
    push_numbered(queue, 10, 12);
    assert_pops(queue, 1, 4, 5);
    assert_pops(queue, UINT32_MAX, 5, 12);
    assert_pops(queue, 5, 12, 12);
    wt_queue_destroy(queue);
}

static void a_pop_waits_as_long_as_it_was_told_and_no_longer(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(1);
    struct wt_record_list list = {0};
    assert_int_equal(wt_queue_pop(queue, 0, 1, &list), WT_OK);
    int64_t start_us = wt_clock_us();
    assert_int_equal(wt_queue_pop(queue, 30, 1, &list), WT_OK);
    int64_t waited_us = wt_clock_us() - start_us;
    assert_in_range(waited_us, 29000, 60000000);
    assert_int_equal(list.count, 0);
    wt_queue_destroy(queue);
}

static void a_wake_ends_the_next_wait_once(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(1);
    struct wt_record_list list = {0};
    wt_queue_wake(queue);
    assert_int_equal(wt_queue_pop(queue, -1, 1, &list), WT_OK);
    int64_t start_us = wt_clock_us();
    assert_int_equal(wt_queue_pop(queue, 30, 1, &list), WT_OK);
    assert_true(wt_clock_us() - start_us >= 29000);
    wt_queue_destroy(queue);
}

static void a_closed_queue_gives_what_it_has_and_then_says_so(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(3);
    push_numbered(queue, 0, 3);
    wt_queue_close(queue);
    assert_pops(queue, 2, 0, 2);
    assert_pops(queue, 2, 2, 3);
    struct wt_record_list list = {0};
    assert_int_equal(wt_queue_pop(queue, -1, 1, &list), WT_CLOSED);
    assert_int_equal(wt_queue_pop(queue, 0, 1, &list), WT_CLOSED);
    wt_queue_destroy(queue);
}

static void destroying_ends_what_is_left_inside(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(3);
    push_numbered(queue, 0, 3);
    wt_queue_destroy(queue);
    wt_queue_destroy(NULL);
}

static void push_too_many(void *opaque)
{
    (void)opaque;
    struct wt_queue *queue = wt_queue_create(2);
    push_numbered(queue, 0, 3);
}

static void pushing_beyond_the_bound_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(push_too_many, NULL));
}

/* --- threads --------------------------------------------------------------------------------- */

#define PRODUCERS 3
#define CONSUMERS 3
#define RECORDS_EACH 4000

struct producer {
    pthread_t thread;
    struct wt_queue *queue;
    int number;
};

struct consumer {
    pthread_t thread;
    struct wt_queue *queue;
    uint32_t seen[PRODUCERS][RECORDS_EACH];
    int64_t last[PRODUCERS];
    bool in_order;
};

static void *produce(void *opaque)
{
    struct producer *producer = opaque;
    for (int64_t offset = 0; offset < RECORDS_EACH;) {
        struct wt_record_list list = {0};
        for (int64_t count = offset % 7 + 1; count > 0 && offset < RECORDS_EACH; count--) {
            struct wt_record *record = record_of("{}");
            record->epoch = (uint32_t)producer->number;
            record->offset = offset++;
            wt_record_list_append(&list, &record);
        }
        wt_queue_push(producer->queue, &list);
    }
    return NULL;
}

static void *consume(void *opaque)
{
    struct consumer *consumer = opaque;
    struct wt_record_list list = {0};
    consumer->in_order = true;
    while (wt_queue_pop(consumer->queue, -1, 5, &list) == WT_OK) {
        struct wt_record *record;
        while ((record = wt_record_list_take(&list)) != NULL) {
            consumer->seen[record->epoch][record->offset]++;
            consumer->in_order &= record->offset > consumer->last[record->epoch];
            consumer->last[record->epoch] = record->offset;
            wt_record_destroy(record);
        }
    }
    return NULL;
}

static void among_threads_every_record_arrives_once_and_in_its_producers_order(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(QUEUE_RECORDS_MAX);
    struct producer producers[PRODUCERS];
    struct consumer *consumers = calloc(CONSUMERS, sizeof *consumers);
    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i].queue = queue;
        memset(consumers[i].last, -1, sizeof consumers[i].last);
        assert_int_equal(pthread_create(&consumers[i].thread, NULL, consume, &consumers[i]), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.queue = queue, .number = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        (void)pthread_join(producers[i].thread, NULL);
    }
    wt_queue_close(queue);
    for (int i = 0; i < CONSUMERS; i++) {
        (void)pthread_join(consumers[i].thread, NULL);
        assert_true(consumers[i].in_order);
    }
    for (int producer = 0; producer < PRODUCERS; producer++) {
        for (int offset = 0; offset < RECORDS_EACH; offset++) {
            uint32_t seen = 0;
            for (int i = 0; i < CONSUMERS; i++) {
                seen += consumers[i].seen[producer][offset];
            }
            assert_int_equal(seen, 1);
        }
    }
    free(consumers);
    wt_queue_destroy(queue);
}

static void *pop_one(void *opaque)
{
    struct wt_record_list list = {0};
    enum wt_status status = wt_queue_pop(opaque, -1, 1, &list);
    bool empty = list.count == 0;
    list_end(&list);
    return (void *)(uintptr_t)(status == WT_CLOSED ? 1 : empty ? 2 : 3);
}

static uintptr_t result_of(pthread_t thread)
{
    void *result = NULL;
    (void)pthread_join(thread, &result);
    return (uintptr_t)result;
}

static void sleepers_are_woken_by_records_by_a_wake_and_by_the_end(void **state)
{
    (void)state;
    struct wt_queue *queue = wt_queue_create(10);
    pthread_t sleepers[3];
    assert_int_equal(pthread_create(&sleepers[0], NULL, pop_one, queue), 0);
    push_numbered(queue, 0, 1);
    assert_int_equal(result_of(sleepers[0]), 3);
    assert_int_equal(pthread_create(&sleepers[0], NULL, pop_one, queue), 0);
    wt_queue_wake(queue);
    assert_int_equal(result_of(sleepers[0]), 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&sleepers[i], NULL, pop_one, queue), 0);
    }
    wt_queue_close(queue);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(result_of(sleepers[i]), 1);
    }
    wt_queue_destroy(queue);
}

static void one_push_of_many_records_wakes_every_sleeper_that_is_needed(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct wt_queue *queue = wt_queue_create(10);
        pthread_t sleepers[3];
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_create(&sleepers[i], NULL, pop_one, queue), 0);
        }
        push_numbered(queue, 0, 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(result_of(sleepers[i]), 3);
        }
        wt_queue_destroy(queue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_in_order_and_no_more_than_asked_for),
        cmocka_unit_test(a_pop_waits_as_long_as_it_was_told_and_no_longer),
        cmocka_unit_test(a_wake_ends_the_next_wait_once),
        cmocka_unit_test(a_closed_queue_gives_what_it_has_and_then_says_so),
        cmocka_unit_test(destroying_ends_what_is_left_inside),
        cmocka_unit_test(pushing_beyond_the_bound_is_a_bug),
        cmocka_unit_test(among_threads_every_record_arrives_once_and_in_its_producers_order),
        cmocka_unit_test(sleepers_are_woken_by_records_by_a_wake_and_by_the_end),
        cmocka_unit_test(one_push_of_many_records_wakes_every_sleeper_that_is_needed),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
