/* Every class of error that producing and committing can meet where records come out at least once. */
#include "base/clock.h"
#include "observe/metrics.h"

#include "mock_cases.h"

#define REFUSALS 10000 /* more commits than the client requests in SETTLE_S */

static void start_with(const char *producer)
{
    mock_lab_commit(&lab, 0);
    mock_lab_start(&lab, "at-least-once", producer);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
}

static void start(void)
{
    start_with(PATIENT_ONE_REQUEST);
}

static void check_committed(int64_t offset)
{
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        assert_int_equal(mock_lab_committed(&lab, i), offset);
    }
}

/* The client repeats a refused commit of its own after a moment. By then a newer one may have succeeded,
 * and its timer commits the newer offset again. */
static void await_committed(int64_t offset)
{
    int64_t until_us = wt_clock_us() + (int64_t)SETTLE_S * 1000000;
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        while (mock_lab_committed(&lab, i) != offset && wt_clock_us() < until_us) {
            mock_lab_turn(&lab);
        }
    }
    check_committed(offset);
}

/* --- producing ------------------------------------------------------------------------------- */

static void a_request_that_can_be_repeated_is_repeated_by_the_same_producer(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                                RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                                RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                                RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                                RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                                RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
                                                RD_KAFKA_RESP_ERR__TRANSPORT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        start();
        mock_lab_answer(&lab, PRODUCE, codes[i], 3);
        mock_lab_finish(&lab, RECORDS);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        assert_int_equal(mock_lab_producers(&lab), 1);
        assert_int_equal(mock_lab_check_output(&lab, true), 0);
        check_committed(2 * RECORDS);
        mock_lab_stop(&lab);
    }
}

static void a_request_that_is_refused_costs_no_record(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
        RD_KAFKA_RESP_ERR_INVALID_RECORD,
        RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
        RD_KAFKA_RESP_ERR_UNKNOWN,
    };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        start();
        mock_lab_answer(&lab, PRODUCE, codes[i], 1);
        mock_lab_finish(&lab, RECORDS);
        if (!mock_lab_settle(&lab, SETTLE_S)) {
            fail_msg("%s: %s", rd_kafka_err2name(codes[i]),
                     lab.failed ? lab.error.message : "not settled");
        }
        (void)mock_lab_check_output(&lab, false);
        check_committed(2 * RECORDS);
        mock_lab_stop(&lab);
    }
}

static void
a_right_that_is_missing_for_a_while_costs_no_record_and_is_not_asked_for_in_a_hurry(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1000);
    mock_lab_finish(&lab, RECORDS);
    mock_await_producers(2);
    assert_false(mock_lab_settle(&lab, 2));
    assert_false(lab.failed);
    assert_in_range(mock_lab_producers(&lab), 2, 8); /* after 0, 50, 100, 200, 400, 800 ms */
    mock_lab_clear(&lab, PRODUCE);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    (void)mock_lab_check_output(&lab, false);
    check_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

static void a_producer_that_the_broker_has_forgotten_costs_no_record(void **state)
{
    (void)state;
    start_with(ALL_IN_ONE_REQUEST);
    mock_lab_answer(&lab, PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, 1);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(mock_lab_check_output(&lab, true), 0);
    check_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

static void nothing_is_committed_while_nothing_is_acknowledged(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 1000);
    mock_lab_finish(&lab, RECORDS);
    assert_false(mock_lab_settle(&lab, 1));
    assert_false(lab.failed);
    check_committed(RECORDS);
    mock_lab_clear(&lab, PRODUCE);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(mock_lab_check_output(&lab, true), 0);
    check_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

static void a_producer_that_takes_no_record_any_more_is_replaced(void **state)
{
    (void)state;
    start();
    mock_lab_ruin(&lab);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_true(mock_lab_producers(&lab) > 1);
    (void)mock_lab_check_output(&lab, true);
    check_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

static void a_producer_that_cannot_be_replaced_ends_the_worker_in_good_order(void **state)
{
    (void)state;
    start();
    mock_forbid_producers();
    mock_lab_ruin(&lab);
    mock_lab_finish(&lab, RECORDS);
    assert_false(mock_lab_settle(&lab, SETTLE_S));
    mock_assert_over("kafka-property");
    mock_lab_stop(&lab);
}

static void what_a_failed_producer_still_held_is_released_again(void **state)
{
    (void)state;
    start_with(ALL_IN_ONE_REQUEST);
    mock_lab_finish(&lab, RECORDS);
    mock_lab_turn(&lab); /* handed over; they wait for more records */
    mock_lab_ruin(&lab);
    assert_true(mock_lab_settle(&lab, SETTLE_S)); /* although no record follows */
    assert_int_equal(mock_lab_producers(&lab), 2);
    (void)mock_lab_check_output(&lab, true);
    check_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

static void reports_of_a_revoked_partitions_records_end_them_and_commit_nothing(void **state)
{
    (void)state;
    start();
    mock_lab_finish(&lab, RECORDS);
    mock_lab_release_and_revoke(&lab, 0);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    mock_lab_step(&lab, 100);
    (void)mock_lab_check_output(&lab, true);
    assert_int_equal(mock_lab_committed(&lab, 0), RECORDS);
    assert_int_equal(mock_lab_committed(&lab, 1), 2 * RECORDS);
    mock_lab_stop(&lab); /* which finds nothing in flight */
}

/* --- sizes ----------------------------------------------------------------------------------- */

static void the_largest_record_fits_the_producers_queue(void **state)
{
    (void)state;
    char kbytes[24];
    size_t bytes = sizeof kbytes;
    /* More than may be in flight, 64 MiB. */
    mock_lab_start(&lab, "at-least-once", "message.max.bytes: 100000000");
    assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(wt_release_client(lab.release)),
                                       "queue.buffering.max.kbytes", kbytes, &bytes),
                     RD_KAFKA_CONF_OK);
    assert_true(strtoull(kbytes, NULL, 10) * 1024 >= 100000000);
    mock_lab_stop(&lab);
    struct wt_error error = {.message = ""};
    assert_int_equal(mock_lab_try(&lab, "queue.buffering.max.kbytes: 976", &error), WT_INVALID);
    assert_string_equal(error.code, "producer-queue");
    assert_non_null(strstr(error.message, "mock:5"));
    assert_non_null(strstr(error.message, "977"));
    assert_int_equal(mock_lab_try(&lab, "queue.buffering.max.kbytes: 977", &error), WT_OK);
}

/* --- committing ------------------------------------------------------------------------------ */

static void a_commit_that_is_refused_is_asked_for_again_and_repeats_no_record(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                                RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                                                RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
                                                RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                                RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                                RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                                RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
                                                RD_KAFKA_RESP_ERR_UNKNOWN,
                                                RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE,
                                                RD_KAFKA_RESP_ERR__TRANSPORT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        start();
        mock_lab_answer(&lab, OFFSET_COMMIT, codes[i], 2);
        mock_lab_finish(&lab, RECORDS);
        if (!mock_lab_settle(&lab, SETTLE_S)) {
            fail_msg("%s: not settled", rd_kafka_err2name(codes[i]));
        }
        await_committed(2 * RECORDS);
        assert_int_equal(mock_lab_check_output(&lab, true), 0);
        mock_lab_stop(&lab);
    }
}

static void offsets_of_a_topic_that_the_coordinator_does_not_know_are_not_waited_for(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, REFUSALS);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    check_committed(RECORDS);
    mock_lab_clear(&lab, OFFSET_COMMIT);
    mock_lab_finish(&lab, RECORDS); /* of a topic that is there again */
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    await_committed(3 * RECORDS);
    assert_int_equal(mock_lab_check_output(&lab, true), 0);
    mock_lab_stop(&lab);
}

static void what_is_not_known_to_be_committed_does_not_count_as_settled(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, REFUSALS);
    mock_lab_finish(&lab, RECORDS);
    int64_t refused = wt_metric_get(WT_METRIC_COMMIT_FAILURES);
    int64_t began_us = wt_clock_us();
    int64_t until_us = began_us + (int64_t)SETTLE_S * 1000000;
    while (wt_metric_get(WT_METRIC_COMMIT_FAILURES) == refused && wt_clock_us() < until_us) {
        mock_lab_turn(&lab);
    }
    assert_false(mock_lab_settle(&lab, 1)); /* a revoke would go on waiting */
    refused = wt_metric_get(WT_METRIC_COMMIT_FAILURES) - refused;
    assert_in_range(refused, 1, (wt_clock_us() - began_us) / 50000 + 1); /* in no hurry */
    check_committed(RECORDS);
    mock_lab_clear(&lab, OFFSET_COMMIT);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    await_committed(2 * RECORDS);
    mock_lab_stop(&lab);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_request_that_can_be_repeated_is_repeated_by_the_same_producer,
                                  mock_stop),
        cmocka_unit_test_teardown(a_request_that_is_refused_costs_no_record, mock_stop),
        cmocka_unit_test_teardown(
            a_right_that_is_missing_for_a_while_costs_no_record_and_is_not_asked_for_in_a_hurry,
            mock_stop),
        cmocka_unit_test_teardown(a_producer_that_takes_no_record_any_more_is_replaced, mock_stop),
        cmocka_unit_test_teardown(a_producer_that_the_broker_has_forgotten_costs_no_record,
                                  mock_stop),
        cmocka_unit_test_teardown(a_producer_that_cannot_be_replaced_ends_the_worker_in_good_order,
                                  mock_stop),
        cmocka_unit_test_teardown(what_a_failed_producer_still_held_is_released_again, mock_stop),
        cmocka_unit_test_teardown(
            reports_of_a_revoked_partitions_records_end_them_and_commit_nothing, mock_stop),
        cmocka_unit_test_teardown(nothing_is_committed_while_nothing_is_acknowledged, mock_stop),
        cmocka_unit_test_teardown(the_largest_record_fits_the_producers_queue, mock_stop),
        cmocka_unit_test_teardown(a_commit_that_is_refused_is_asked_for_again_and_repeats_no_record,
                                  mock_stop),
        cmocka_unit_test_teardown(
            offsets_of_a_topic_that_the_coordinator_does_not_know_are_not_waited_for, mock_stop),
        cmocka_unit_test_teardown(what_is_not_known_to_be_committed_does_not_count_as_settled,
                                  mock_stop),
    };
    return apart_run(tests, COUNT_OF(tests), mock_create, mock_destroy, argc > 1 ? argv[1] : NULL);
}
