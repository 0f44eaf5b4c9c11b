/* What the watch makes of positions and ends: lag, its age, the time to drain; queues. */
#include "monitor_cases.h"

static struct wt_record *consume(struct wt_partition *partition, int64_t offset, int64_t timestamp)
{
    struct wt_record *record = record_of("{}");
    record->source = partition;
    record->timestamp_ms = timestamp;
    wt_in_flight_add(worker.in_flight, record);
    atomic_store(&partition->position, offset + 1);
    return record;
}

static void done(struct wt_record *record)
{
    wt_metric_add(WT_METRIC_RECORDS_LABELLED, 1);
    wt_in_flight_end(worker.in_flight, &record);
}

static double lag_records(int partition)
{
    char name[80];
    (void)snprintf(name, sizeof name,
                   "wiretag_consumer_lag_records{topic=\"news\",partition=\"%d\"} ", partition);
    return value_of(name);
}

static double lag_seconds(int partition)
{
    char name[80];
    (void)snprintf(name, sizeof name,
                   "wiretag_consumer_lag_seconds{topic=\"news\",partition=\"%d\"} ", partition);
    return value_of(name);
}

/* --- lag -------------------------------------------------------------------------------------- */

static void lag_is_what_is_unread_and_what_is_in_flight(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    ends[0] = 110;
    struct wt_record *first = consume(partition, 99, WALL_MS);
    struct wt_record *second = consume(partition, 100, WALL_MS);
    pass(1);
    assert_true(lag_records(0) == 2 + 9);
    done(first);
    pass(1);
    assert_true(lag_records(0) == 1 + 9);
    done(second);
    atomic_store(&partition->position, 110);
    pass(1);
    assert_true(lag_records(0) == 0);
    assert_true(lag_records(1) == -1);
}

static void before_the_first_record_lag_counts_from_where_the_group_begins(void **state)
{
    (void)state;
    (void)assign(0, 1);
    ends[0] = 500;
    start = 380;
    pass(1);
    assert_true(lag_records(0) == 120);
}

static void an_empty_partition_has_no_lag(void **state)
{
    (void)state;
    (void)assign(0, 1);
    pass(1);
    assert_true(lag_records(0) == 0);
    assert_true(lag_seconds(0) == 0);
    assert_true(value_of("wiretag_drain_seconds ") == 0);
}

static void a_partition_given_back_leaves_the_page_and_a_new_epoch_begins_anew(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    (void)assign(1, 1);
    ends[0] = 10;
    ends[1] = 20;
    pass(1);
    assert_true(lag_records(0) == 10 && lag_records(1) == 20);
    atomic_store(&partition->epoch_live, 0);
    pass(1);
    assert_true(lag_records(0) == -1 && lag_seconds(0) == -1 && lag_records(1) == 20);
    atomic_store(&partition->epoch_live, 2);
    start = 7;
    pass(6);
    assert_true(lag_records(0) == 3);
}

static void the_lags_age_is_that_of_the_oldest_record_not_done_with(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    ends[0] = 2;
    int64_t now_ms = WALL_MS + clock_us / 1000;
    struct wt_record *first = consume(partition, 0, now_ms - 90000);
    struct wt_record *second = consume(partition, 1, now_ms - 30000);
    pass(1);
    assert_float_equal(lag_seconds(0), 91, 1);
    done(first); /* the next one is no older than the one just done */
    pass(1);
    assert_in_range((int)lag_seconds(0), 32, 92);
    done(second);
    pass(1);
    assert_true(lag_seconds(0) == 0);
    /* What has no timestamp is as old as its wait here; one from the future is not late. */
    ends[0] = 3;
    struct wt_record *third = consume(partition, 2, -1);
    pass(2);
    assert_float_equal(lag_seconds(0), 2, 1);
    done(third);
    ends[0] = 4;
    struct wt_record *fourth = consume(partition, 3, WALL_MS + clock_us / 1000 + 60000);
    pass(1);
    assert_true(lag_seconds(0) == 0);
    done(fourth);
}

static void records_that_are_not_fetched_age_from_when_they_were_first_seen(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    struct wt_record *record = consume(partition, 0, WALL_MS - 3600000);
    done(record);
    ends[0] = 1;
    pass(6);
    assert_true(lag_records(0) == 0 && lag_seconds(0) == 0);
    ends[0] = 5;
    pass(6);
    assert_true(lag_records(0) == 4);
    double seen = lag_seconds(0);
    assert_true(seen < 7); /* not the hour of the record before them */
    pass(10);
    assert_float_equal(lag_seconds(0), seen + 10, 1.1);
}

/* --- time to drain ---------------------------------------------------------------------------- */

static void time_to_drain_is_lag_over_the_rate_of_work(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    ends[0] = 100000;
    struct wt_record *kept = consume(partition, 0, WALL_MS);
    pass(1);
    for (int i = 0; i < 240; i++) { /* 40 a second */
        for (int j = 0; j < 10; j++) {
            done(consume(partition, 1 + 10 * i + j, WALL_MS));
        }
        clock_us += SECOND / 4;
        wt_monitor_tick(worker.watch);
    }
    double lag = lag_records(0);
    assert_float_equal((float)lag, 100000 - 2400, 50);
    double drain = value_of("wiretag_drain_seconds ");
    assert_true(drain > lag / 48 && drain < lag / 32);
    /* Idle does not make it slower. */
    done(kept);
    atomic_store(&partition->position, 100000);
    pass(300);
    assert_true(value_of("wiretag_drain_seconds ") == 0);
    ends[0] = 100400;
    pass(6);
    assert_float_equal(value_of("wiretag_drain_seconds "), 400 / 40.0, 3);
}

static void what_does_not_move_never_drains(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    ends[0] = 10;
    struct wt_record *stuck = consume(partition, 0, WALL_MS);
    pass(2);
    assert_true(value_of("wiretag_drain_seconds ") > 1e300);
    done(stuck);
}

/* --- queues -------------------------------------------------------------------------------------- */

static void queues_are_shown_as_they_are(void **state)
{
    (void)state;
    struct wt_record_list list = {0};
    for (int i = 0; i < 3; i++) {
        struct wt_record *record = record_of("{}");
        wt_record_list_append(&list, &record);
    }
    wt_queue_push(worker.finished, &list);
    pass(1);
    assert_true(value_of("wiretag_queue_records{queue=\"publish\"} ") == 3);
    assert_true(value_of("wiretag_queue_records{queue=\"prepare\"} ") == 0);
}

static void records_behind_a_transaction_that_stays_open_are_a_stall(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    ends[0] = 10;
    held = 3;
    atomic_store(&partition->position, 7);
    pass(30);
    assert_false(wt_stall_is(WT_STALL_INPUT_TRANSACTION)); /* others are to be read first */
    atomic_store(&partition->position, 10);
    pass(10);
    assert_false(wt_stall_is(WT_STALL_INPUT_TRANSACTION));
    ends[0] = 11; /* one has ended, the next one is open */
    atomic_store(&partition->position, 11);
    pass(14);
    assert_false(wt_stall_is(WT_STALL_INPUT_TRANSACTION));
    pass(16);
    assert_true(wt_stall_is(WT_STALL_INPUT_TRANSACTION));
    assert_true(lag_records(0) == 0);
    held = 0;
    pass(6);
    assert_false(wt_stall_is(WT_STALL_INPUT_TRANSACTION));
}

static void the_stall_names_the_partition_that_has_waited_longest(void **state)
{
    (void)state;
    char words[400] = "";
    struct wt_partition *later = assign(0, 1);
    struct wt_partition *first = assign(1, 1);
    ends[0] = 10;
    ends[1] = 5;
    held = 3;
    atomic_store(&later->position, 7);
    atomic_store(&first->position, 5);
    pass(10);
    atomic_store(&later->position, 10);
    pass(30);
    assert_true(wt_stall_any(words, sizeof words));
    assert_non_null(strstr(words, "news [1]: 3 records from offset 5 on"));
    assert_non_null(strstr(words, ", and so in other partitions"));
}

static void what_lies_behind_the_end_of_a_replay_is_not_waited_for(void **state)
{
    (void)state;
    struct wt_partition *partition = assign(0, 1);
    atomic_store(&partition->read_to, 10);
    ends[0] = 10;
    held = 3;
    atomic_store(&partition->position, 10);
    pass(30);
    assert_false(wt_stall_is(WT_STALL_INPUT_TRANSACTION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lag_is_what_is_unread_and_what_is_in_flight),
        TEST(before_the_first_record_lag_counts_from_where_the_group_begins),
        TEST(an_empty_partition_has_no_lag),
        TEST(a_partition_given_back_leaves_the_page_and_a_new_epoch_begins_anew),
        TEST(the_lags_age_is_that_of_the_oldest_record_not_done_with),
        TEST(records_that_are_not_fetched_age_from_when_they_were_first_seen),
        TEST(what_does_not_move_never_drains),
        TEST(time_to_drain_is_lag_over_the_rate_of_work),
        TEST(queues_are_shown_as_they_are),
        TEST(records_behind_a_transaction_that_stays_open_are_a_stall),
        TEST(the_stall_names_the_partition_that_has_waited_longest),
        TEST(what_lies_behind_the_end_of_a_replay_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
