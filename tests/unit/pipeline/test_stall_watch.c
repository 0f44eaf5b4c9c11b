/* What is made of what librdkafka says of group, topics and leaders, and of records that do not move. Clock
 * and brokers are the test's own. */
#include "config/config_load.h"
#include "pipeline/stall_watch.h"

#include "kafka/group_status.h"
#include "kafka/topic_status.h"
#include "observe/beat.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "support.h"

#define SECOND 1000000

static int64_t clock_us;
static struct wt_config *config;
static struct wt_stall_watch *stall_watch;
static int64_t starts_unknown;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static int begin(void **state)
{
    (void)state;
    clock_us += 1000 * (int64_t)SECOND;
    config = wt_config_defaults();
    wt_metric_set(WT_METRIC_PARTITIONS, 2);
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    starts_unknown = 0;
    stall_watch = wt_stall_watch_create(NULL, config);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wt_stall_watch_destroy(stall_watch);
    wt_config_destroy(config);
    wt_stall_forget();
    return 0;
}

/* Time passes in ticks, as in a worker, with the statistics that come meanwhile. */
static void pass(int seconds, int64_t lag, const char *group_state, const char *join_state)
{
    for (int i = 0; i < seconds; i++) {
        clock_us += SECOND;
        if (i % 5 == 0 && group_state != NULL) {
            wt_group_note_state(group_state, 0, join_state);
        }
        wt_stall_watch_judge(stall_watch, lag, starts_unknown, true, 0);
    }
}

static void assert_words(const char *words)
{
    char text[2000] = "";
    bool any = wt_stall_any(text, sizeof text);
    if (words == NULL && any) {
        fail_msg("not ready: %s", text);
    } else if (words != NULL && strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, text);
    }
}

/* --- the group ------------------------------------------------------------------------------- */

static void a_member_without_partitions_is_a_spare_while_its_group_is_steady(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    pass(1, 0, "up", "wait-sync");
    assert_words("no partition is assigned: the group");
    pass(6, 0, "up", "steady");
    assert_words(NULL);
    pass(1, 0, "wait-coord", "steady");
    assert_words("the coordinator of the group wiretag is not available");
    wt_group_note_brokers("no answer from kafka-2:9092/2");
    pass(1, 0, "query-coord", "init");
    assert_words("is not available: no answer from kafka-2:9092/2");
    pass(1, 0, "up", "wait-join");
    assert_words("is being joined; no answer from kafka-2:9092/2");
    pass(6, 0, "up", "steady");
    assert_words(NULL);
}

static void a_worker_that_has_just_started_is_no_spare_before_its_group_is_known(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    pass(2, 0, NULL, NULL);
    assert_words("no partition is assigned");
    pass(12, 0, NULL, NULL); /* statistics are off */
    assert_words(NULL);
}

static void a_coordinator_that_stays_away_is_a_stall_although_partitions_are_there(void **state)
{
    (void)state;
    pass(2, 0, "up", "steady");
    assert_words(NULL);
    pass(4, 0, "wait-broker-transport", "steady");
    assert_words(NULL); /* it moves */
    pass(4, 0, "wait-broker-transport", "steady");
    assert_words("nothing can be committed");
    assert_true(wt_stall_is(WT_STALL_GROUP));
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void a_refused_strategy_is_a_stall_of_its_own_until_partitions_come(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    assert_true(wt_group_note_error(RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, NULL,
                                    "JoinGroup failed: Broker: Inconsistent group protocol"));
    pass(2, 0, "up", "wait-join");
    assert_words("refuses this worker's assignment strategy, cooperative-sticky: its members use "
                 "another one");
    assert_true(wt_stall_is(WT_STALL_STRATEGY));
    assert_false(wt_stall_is(WT_STALL_GROUP));
    wt_group_note_assigned();
    wt_metric_set(WT_METRIC_PARTITIONS, 2);
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void a_refused_topic_is_a_stall_while_records_wait_until_some_come(void **state)
{
    (void)state;
    assert_true(
        wt_group_note_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "news",
                            "Fetch from broker 1 failed: Broker: Topic authorization failed"));
    pass(1, 0, "up", "steady");
    assert_words(NULL); /* nothing waits */
    pass(1, 7, "up", "steady");
    assert_words("this user needs Read on the topic news");
    assert_true(wt_stall_is(WT_STALL_RIGHTS));
    wt_metric_add(WT_METRIC_RECORDS_CONSUMED, 1);
    pass(1, 7, "up", "steady");
    assert_words(NULL);
}

static void errors_of_other_kinds_are_left_to_the_log(void **state)
{
    (void)state;
    assert_false(wt_group_note_error(RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, NULL, "exceeded"));
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

/* --- topics and leaders ---------------------------------------------------------------------- */

static void a_topic_that_takes_nothing_for_a_while_is_a_stall_until_it_takes_a_record(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 1);
    wt_topics_note_delivery(true, false, "records are not delivered to dead: no");
    pass(4, 0, "up", "steady");
    assert_words(NULL);
    wt_topics_note_delivery(true, false, "records are not delivered to dead: still no");
    pass(2, 0, "up", "steady");
    assert_words("records are not delivered to dead: still no");
    assert_true(wt_stall_is(WT_STALL_DEAD_LETTER_TOPIC));
    wt_topics_note_delivery(false, true, "");
    pass(1, 0, "up", "steady");
    assert_true(wt_stall_is(WT_STALL_DEAD_LETTER_TOPIC) && !wt_stall_is(WT_STALL_OUTPUT_TOPIC));
    wt_topics_note_delivery(true, true, "");
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void records_that_were_given_up_with_their_partitions_hinder_nothing(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 1);
    wt_topics_note_delivery(true, false, "records are not delivered to dead: no");
    pass(6, 0, "up", "steady");
    assert_true(wt_stall_is(WT_STALL_DEAD_LETTER_TOPIC));
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void a_leader_that_does_not_answer_is_a_stall_until_it_does(void **state)
{
    (void)state;
    wt_topics_note_leaders(true, "broker 2, leader of news [0], does not answer");
    pass(4, 0, "up", "steady");
    assert_words(NULL);
    pass(2, 0, "up", "steady");
    assert_words("broker 2, leader of news [0], does not answer");
    assert_true(wt_stall_is(WT_STALL_INPUT_TOPIC));
    wt_topics_note_leaders(true, "");
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

/* --- nothing moves --------------------------------------------------------------------------- */

static void records_that_do_not_move_are_a_stall_that_names_the_stage(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 30);
    wt_metric_set(WT_METRIC_QUEUE_PREPARE, 3);
    wt_metric_set(WT_METRIC_WAITING_RECORDS, 20);
    pass(14, 30, "up", "steady");
    assert_words(NULL);
    pass(5, 30, "up", "steady");
    assert_words(
        "of 30 records in flight 3 wait to be decoded, 20 for the model, 7 are waiting to be "
        "published and committed");
    assert_true(wt_stall_is(WT_STALL_UNKNOWN));
    wt_metric_add(WT_METRIC_RECORDS_LABELLED, 1);
    pass(1, 29, "up", "steady");
    assert_words(NULL);
    wt_metric_set(WT_METRIC_QUEUE_PREPARE, 0);
    wt_metric_set(WT_METRIC_WAITING_RECORDS, 0);
}

static void records_that_are_not_delivered_are_a_stall_too(void **state)
{
    (void)state;
    pass(20, 5, "up", "steady");
    assert_words(NULL);
    pass(10, 5, "up", "steady");
    assert_words("5 records to read, but the brokers deliver none");
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void
partitions_without_a_known_start_offset_are_a_stall_that_names_the_rebalance(void **state)
{
    (void)state;
    starts_unknown = 2;
    pass(20, 0, "up", "wait-join");
    assert_words(NULL);
    pass(10, 0, "up", "wait-join");
    assert_words("the start offset is unknown in 2 partitions with records; the group is "
                 "rebalancing: a member that has not rejoined");
    pass(5, 4, "up", "wait-join");
    assert_words("4 records to read, but the brokers deliver none; the group is rebalancing");
    pass(5, 0, "up", "steady");
    assert_words("the start offset is unknown in 2 partitions with records");
    starts_unknown = 0;
    pass(1, 0, "up", "steady");
    assert_words(NULL);
}

static void a_long_batch_and_a_long_commit_interval_are_no_stall(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 30);
    struct wt_beat *beat = wt_beat_start("infer-1", 300000);
    pass(100, 30, "up", "steady");
    assert_words(NULL);
    wt_beat_end(beat);
    wt_metric_add(WT_METRIC_RECORDS_LABELLED, 1);
    config->delivery.commit_interval_ms = 60000;
    pass(70, 30, "up", "steady");
    assert_words(NULL);
    pass(10, 30, "up", "steady");
    assert_words("no progress for");
}

static void where_a_reason_is_known_there_is_no_unknown_one(void **state)
{
    (void)state;
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 30);
    wt_stall_begin(WT_STALL_DAMAGED, "a damaged batch");
    pass(60, 30, "up", "steady");
    assert_false(wt_stall_is(WT_STALL_UNKNOWN));
    wt_stall_end(WT_STALL_DAMAGED);
    pass(14, 30, "up", "steady");
    assert_words(NULL);
    pass(4, 30, "up", "steady");
    assert_true(wt_stall_is(WT_STALL_UNKNOWN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_without_partitions_is_a_spare_while_its_group_is_steady),
        TEST(a_worker_that_has_just_started_is_no_spare_before_its_group_is_known),
        TEST(a_coordinator_that_stays_away_is_a_stall_although_partitions_are_there),
        TEST(a_refused_strategy_is_a_stall_of_its_own_until_partitions_come),
        TEST(a_refused_topic_is_a_stall_while_records_wait_until_some_come),
        TEST(errors_of_other_kinds_are_left_to_the_log),
        TEST(a_topic_that_takes_nothing_for_a_while_is_a_stall_until_it_takes_a_record),
        TEST(records_that_were_given_up_with_their_partitions_hinder_nothing),
        TEST(a_leader_that_does_not_answer_is_a_stall_until_it_does),
        TEST(records_that_do_not_move_are_a_stall_that_names_the_stage),
        TEST(records_that_are_not_delivered_are_a_stall_too),
        TEST(partitions_without_a_known_start_offset_are_a_stall_that_names_the_rebalance),
        TEST(a_long_batch_and_a_long_commit_interval_are_no_stall),
        TEST(where_a_reason_is_known_there_is_no_unknown_one),
    };
    return cmocka_run_group_tests_name("stall_watch", tests, NULL, NULL);
}
