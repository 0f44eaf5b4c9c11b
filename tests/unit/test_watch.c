/* What the watch makes of positions, ends and answers: lag, its age, the time to drain, readiness.
 * Clock and brokers are the test's own. */
#include "pipeline/watch.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/stall.h"
#include "pipeline/brokers.h"
#include "pipeline/kafka.h"
#include "support.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECOND 1000000
#define WALL_MS 1700000000000

static int64_t clock_us;
static bool broker_there;
static bool leaders_there;
static bool in_group;
static int64_t ends[2];
static int64_t start;
static int asked;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

int64_t __wrap_wt_clock_wall_ms(void);
int64_t __wrap_wt_clock_wall_ms(void)
{
    return WALL_MS + clock_us / 1000;
}

bool __wrap_wt_brokers_ends(rd_kafka_t *consumer, struct wt_brokers_offset *offsets, size_t count,
                            int wait_ms);
bool __wrap_wt_brokers_ends(rd_kafka_t *consumer, struct wt_brokers_offset *offsets, size_t count,
                            int wait_ms)
{
    (void)consumer, (void)wait_ms;
    asked++;
    for (size_t i = 0; i < count; i++) {
        offsets[i].offset = ends[offsets[i].partition];
    }
    return broker_there && leaders_there;
}

bool __wrap_wt_brokers_starts(rd_kafka_t *consumer, struct wt_brokers_offset *offsets, size_t count,
                              int wait_ms);
bool __wrap_wt_brokers_starts(rd_kafka_t *consumer, struct wt_brokers_offset *offsets, size_t count,
                              int wait_ms)
{
    (void)consumer, (void)wait_ms;
    for (size_t i = 0; i < count; i++) {
        offsets[i].offset = start;
    }
    return broker_there;
}

bool __wrap_wt_brokers_answer(rd_kafka_t *client, int wait_ms);
bool __wrap_wt_brokers_answer(rd_kafka_t *client, int wait_ms)
{
    (void)client, (void)wait_ms;
    asked++;
    return broker_there;
}

rd_kafka_consumer_group_metadata_t *__wrap_wt_membership_now(rd_kafka_t *consumer,
                                                             const struct wt_config *config);
rd_kafka_consumer_group_metadata_t *__wrap_wt_membership_now(rd_kafka_t *consumer,
                                                             const struct wt_config *config)
{
    (void)consumer, (void)config;
    return in_group ? rd_kafka_consumer_group_metadata_new("group") : NULL;
}

/* --- a worker without stages ------------------------------------------------------------------ */

static struct {
    struct wt_config config;
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *consumed;
    struct wt_queue *finished;
    struct wt_watch *watch;
} worker;

static int begin(void **state)
{
    (void)state;
    clock_us = 1000 * SECOND;
    broker_there = true;
    leaders_there = true;
    in_group = true;
    ends[0] = ends[1] = 0;
    start = 0;
    asked = 0;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    worker.partitions = wt_partitions_create();
    worker.in_flight = wt_in_flight_create(1000000, UINT64_MAX);
    worker.consumed = wt_queue_create(10);
    worker.finished = wt_queue_create(10);
    const struct wt_watch_ports ports = {.config = &worker.config,
                                         .partitions = worker.partitions,
                                         .in_flight = worker.in_flight,
                                         .consumed = worker.consumed,
                                         .finished = worker.finished};
    worker.watch = wt_watch_create(&ports);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wt_watch_destroy(worker.watch);
    wt_stall_forget();
    wt_queue_destroy(worker.consumed);
    wt_queue_destroy(worker.finished);
    wt_in_flight_destroy(worker.in_flight);
    wt_partitions_destroy(worker.partitions);
    return 0;
}

static struct wt_partition *assign(int32_t number, unsigned epoch)
{
    struct wt_partition *partition = wt_partitions_get(worker.partitions, "news", number);
    atomic_store(&partition->position, -1);
    atomic_store(&partition->epoch_live, epoch);
    wt_metric_add(WT_METRIC_PARTITIONS, 1);
    return partition;
}

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

/* Time passes in ticks, as in a worker. */
static void pass(int seconds)
{
    for (int i = 0; i < 4 * seconds; i++) {
        clock_us += SECOND / 4;
        wt_watch_tick(worker.watch);
        wt_stall_tick(clock_us);
    }
}

/* The value of a series on the page; -1: it is not there. */
static double value_of(const char *series)
{
    size_t bytes;
    char *text = wt_metrics_page(&bytes);
    double value = -1;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        value = strncmp(line, series, strlen(series)) == 0 ? strtod(line + strlen(series), NULL)
                                                           : value;
    }
    free(text);
    return value;
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

static void assert_ready(void)
{
    char reason[200] = "";
    if (wt_stall_any(reason, sizeof reason)) {
        fail_msg("not ready: %s", reason);
    }
    assert_string_equal(reason, "");
}

static void assert_not_ready(const char *why)
{
    char reason[200] = "";
    assert_true(wt_stall_any(reason, sizeof reason));
    assert_string_equal(reason, why);
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
        wt_watch_tick(worker.watch);
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

/* --- readiness -------------------------------------------------------------------------------- */

static void without_an_answer_for_ten_seconds_it_is_not_ready(void **state)
{
    (void)state;
    (void)assign(0, 1);
    leaders_there = false; /* one of them answers nothing */
    pass(60);
    assert_ready();
    broker_there = false;
    pass(6); /* one question without an answer */
    assert_ready();
    pass(10);
    int silent = 0;
    char reason[200] = "";
    assert_true(wt_stall_any(reason, sizeof reason));
    assert_int_equal(
        sscanf(reason, "no broker of bootstrap.servers has answered for %d s", &silent), 1);
    assert_in_range(silent, 11, 21);
    assert_true(value_of("wiretag_stalled{reason=\"brokers\"} ") == 1);
    assert_true(value_of("wiretag_broker_reachable ") == 1);
    pass(20);
    assert_true(value_of("wiretag_broker_reachable ") == 0);
    broker_there = true;
    pass(6);
    assert_ready();
    assert_true(value_of("wiretag_stalled{reason=\"brokers\"} ") == 0);
    assert_true(value_of("wiretag_broker_reachable ") == 1);
}

/* How often the log, which goes to `file`, has this. */
static int logged(int file, const char *what)
{
    static char text[1 << 16];
    wt_log_flush();
    ssize_t bytes = pread(file, text, sizeof text - 1, 0);
    assert_true(bytes >= 0);
    text[bytes] = '\0';
    int count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

/* librdkafka's own event does not come in every outage. */
static void silence_is_told_once_and_so_is_its_end(void **state)
{
    (void)state;
    static const char told[] = "brokers: stalled for";
    static const char again[] = "brokers: still stalled for";
    static const char over[] = "brokers: over after";
    int stderr_before = dup(STDERR_FILENO);
    int file = memfd_create("log", 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)assign(0, 1);
    pass(6);
    for (int outage = 1; outage <= 2; outage++) {
        broker_there = false;
        pass(9);
        int after_some = logged(file, told);
        pass(12); /* of silence, as it was seen first when it was six seconds old */
        int after_enough = logged(file, told);
        pass(60);
        int after_all = logged(file, told);
        int over_before = logged(file, over);
        broker_there = true;
        pass(60);
        int over_after = logged(file, over);
        assert_int_equal(after_some, outage - 1);
        assert_int_equal(after_enough, outage);
        assert_int_equal(after_all, outage);
        assert_int_equal(logged(file, again), outage);
        assert_int_equal(over_before, outage - 1);
        assert_int_equal(over_after, outage);
    }
    (void)dup2(stderr_before, STDERR_FILENO);
    (void)close(stderr_before);
    (void)close(file);
}

static void without_a_partition_it_is_ready_only_as_a_member_of_the_group(void **state)
{
    (void)state;
    wt_metric_add(WT_METRIC_REBALANCES, 1);
    in_group = false;
    pass(6);
    assert_not_ready("no partition is assigned: the group  is being joined; a "
                     "killed member holds it up for its session.timeout.ms");
    in_group = true;
    pass(6);
    assert_ready();
}

static void every_reason_is_given(void **state)
{
    (void)state;
    in_group = false;
    broker_there = false;
    clock_us += 45 * (int64_t)SECOND;
    pass(1);
    assert_not_ready("no broker of bootstrap.servers has answered for 45 s; trying again; no "
                     "partition is assigned: the group  is being joined; a "
                     "killed member holds it up for its session.timeout.ms");
}

static void brokers_are_asked_every_few_seconds_only(void **state)
{
    (void)state;
    (void)assign(0, 1);
    pass(60);
    assert_in_range(asked, 10, 13);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
        TEST(without_an_answer_for_ten_seconds_it_is_not_ready),
        TEST(silence_is_told_once_and_so_is_its_end),
        TEST(without_a_partition_it_is_ready_only_as_a_member_of_the_group),
        TEST(every_reason_is_given),
        TEST(brokers_are_asked_every_few_seconds_only),
        TEST(queues_are_shown_as_they_are),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
