/* The memory bound: what is counted in is counted out, and full is full. */
#include "record/in_flight.h"

#include "observe/metrics.h"
#include "support.h"

#include <pthread.h>
#include <sched.h>

static struct wt_record *add(struct wt_in_flight *in_flight)
{
    struct wt_record *record = record_of("{}");
    wt_in_flight_add(in_flight, record);
    return record;
}

static void it_is_full_at_the_bound_in_records_and_no_longer_below(void **state)
{
    (void)state;
    struct wt_in_flight *in_flight = wt_in_flight_create(3, UINT64_MAX);
    struct wt_record *records[3];
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(wt_in_flight_full(in_flight));
        records[i] = add(in_flight);
        assert_int_equal(wt_in_flight_records(in_flight), i + 1);
    }
    assert_true(wt_in_flight_full(in_flight));
    for (uint32_t i = 0; i < 3; i++) {
        wt_in_flight_end(in_flight, &records[i]);
        assert_null(records[i]);
        assert_false(wt_in_flight_full(in_flight));
    }
    assert_int_equal(wt_in_flight_records(in_flight), 0);
    wt_in_flight_destroy(in_flight);
    wt_in_flight_destroy(NULL);
}

static void it_is_full_at_the_bound_in_bytes(void **state)
{
    (void)state;
    struct wt_record *first = record_of("{}");
    struct wt_in_flight *in_flight = wt_in_flight_create(100, 2 * first->bytes);
    wt_in_flight_add(in_flight, first);
    assert_false(wt_in_flight_full(in_flight));
    struct wt_record *second = add(in_flight);
    assert_true(wt_in_flight_full(in_flight));
    wt_in_flight_end(in_flight, &first);
    assert_false(wt_in_flight_full(in_flight));
    wt_in_flight_end(in_flight, &second);
    wt_in_flight_destroy(in_flight);
}

/* How many records fit. */
static uint32_t room(struct wt_in_flight *in_flight)
{
    struct wt_record *records[1000];
    uint32_t count = 0;
    while (!wt_in_flight_full(in_flight) && count < COUNT_OF(records)) {
        records[count++] = add(in_flight);
    }
    for (uint32_t i = 0; i < count; i++) {
        wt_in_flight_end(in_flight, &records[i]);
    }
    return count;
}

static void the_limit_follows_the_rate_between_its_least_and_the_configured_most(void **state)
{
    (void)state;
    struct wt_in_flight *in_flight = wt_in_flight_create(500, UINT64_MAX);
    assert_int_equal(room(in_flight), 500);
    wt_in_flight_limit(in_flight, 200);
    assert_int_equal(room(in_flight), 200);
    wt_in_flight_limit(in_flight, 0);
    assert_int_equal(room(in_flight), 64);
    wt_in_flight_limit(in_flight, UINT32_MAX);
    assert_int_equal(room(in_flight), 500);
    wt_in_flight_destroy(in_flight);
    in_flight = wt_in_flight_create(10, UINT64_MAX);
    wt_in_flight_limit(in_flight, 0);
    assert_int_equal(room(in_flight), 10);
    wt_in_flight_destroy(in_flight);
}

static void the_metrics_say_what_is_in_flight(void **state)
{
    (void)state;
    int64_t records = wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS);
    int64_t bytes = wt_metric_get(WT_METRIC_IN_FLIGHT_BYTES);
    struct wt_in_flight *in_flight = wt_in_flight_create(500, UINT64_MAX);
    struct wt_record *record = add(in_flight);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS), records + 1);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_BYTES), bytes + (int64_t)record->bytes);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS_MAX), 500);
    wt_in_flight_limit(in_flight, 100);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS_MAX), 100);
    wt_in_flight_end(in_flight, &record);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS), records);
    assert_int_equal(wt_metric_get(WT_METRIC_IN_FLIGHT_BYTES), bytes);
    wt_in_flight_destroy(in_flight);
}

/* --- threads --------------------------------------------------------------------------------- */

#define RECORDS 20000
#define RECORDS_MAX 100
#define RING 128

/* A ring from the thread that counts in to the one that counts out. */
struct shared {
    struct wt_in_flight *in_flight;
    _Atomic(struct wt_record *) ring[RING];
};

static void *end_all(void *opaque)
{
    struct shared *shared = opaque;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct wt_record *record;
        while ((record = atomic_exchange(&shared->ring[i % RING], NULL)) == NULL) {
            (void)sched_yield();
        }
        wt_in_flight_end(shared->in_flight, &record);
    }
    return NULL;
}

static void between_two_threads_the_bound_is_never_passed_and_nothing_is_left(void **state)
{
    (void)state;
    struct shared *shared = calloc(1, sizeof *shared);
    shared->in_flight = wt_in_flight_create(RECORDS_MAX, UINT64_MAX);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, end_all, shared), 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        while (wt_in_flight_full(shared->in_flight) ||
               atomic_load(&shared->ring[i % RING]) != NULL) {
            (void)sched_yield();
        }
        struct wt_record *record = add(shared->in_flight);
        assert_true(wt_in_flight_records(shared->in_flight) <= RECORDS_MAX);
        atomic_store(&shared->ring[i % RING], record);
    }
    (void)pthread_join(thread, NULL);
    assert_int_equal(wt_in_flight_records(shared->in_flight), 0);
    wt_in_flight_destroy(shared->in_flight);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_full_at_the_bound_in_records_and_no_longer_below),
        cmocka_unit_test(it_is_full_at_the_bound_in_bytes),
        cmocka_unit_test(the_limit_follows_the_rate_between_its_least_and_the_configured_most),
        cmocka_unit_test(the_metrics_say_what_is_in_flight),
        cmocka_unit_test(between_two_threads_the_bound_is_never_passed_and_nothing_is_left),
    };
    return cmocka_run_group_tests_name("in_flight", tests, NULL, NULL);
}
