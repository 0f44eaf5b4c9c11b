/* Every class of error that a transaction can meet is recovered from, or named: never a silent end. */
#include "observe/metrics.h"

#include "mock_cases.h"

/* A worker that has committed one transaction. */
static void start_with(const char *producer)
{
    mock_lab_start(&lab, "exactly-once", producer);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(mock_lab_producers(&lab), 1);
}

static void start(void)
{
    start_with(PATIENT_ONE_REQUEST);
}

static int64_t abort_count(void)
{
    return wt_metric_get(WT_METRIC_COMMIT_FAILURES);
}

static void await_aborts(int64_t count)
{
    int64_t until_us = wt_clock_us() + (int64_t)SETTLE_S * 1000000;
    while (abort_count() < count && !lab.failed && wt_clock_us() < until_us) {
        mock_lab_turn(&lab);
    }
    assert_true(abort_count() >= count);
}

/* --- one error ------------------------------------------------------------------------------- */

/* What the next transaction comes to when one of its requests is answered with an error. */
enum course {
    GOES_ON,  /* the client repeats the request, by another connection if need be */
    ABORTS,   /* the same records go into another transaction */
    REPLACES, /* through another producer */
    DOUBTS /* it is committed; but a copy of the request may be on its way: note "Delayed EndTxn" */
};

struct answer {
    int16_t key;
    rd_kafka_resp_err_t code;
    enum course course;
};

static void check(const struct answer *answer)
{
    start();
    int64_t aborts_before = abort_count();
    mock_lab_answer(&lab, answer->key, answer->code, 1);
    mock_lab_finish(&lab, RECORDS);
    bool settled = mock_lab_settle(&lab, SETTLE_S);
    mock_lab_step(&lab, 50);
    bool aborted = abort_count() > aborts_before;
    bool replaced = mock_lab_producers(&lab) > 1;
    /* An abort right after the first record of a partition may fail for good (librdkafka #4849): then
     * a new producer does it. */
    bool right = answer->course == GOES_ON  ? !aborted
                 : answer->course == ABORTS ? aborted
                 : answer->course == DOUBTS ? replaced
                                            : aborted && replaced;
    if (!settled || !right) {
        fail_msg("key %d, %s: %s, aborted %d, replaced %d: %s", answer->key,
                 rd_kafka_err2name(answer->code), settled ? "settled" : "not settled", aborted,
                 replaced, lab.failed ? lab.error.message : "");
    }
    (void)mock_lab_check_output(&lab, answer->key != PRODUCE || answer->course != ABORTS);
    mock_lab_clear(&lab, answer->key);
    mock_lab_stop(&lab);
}

static void check_all(const struct answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&answers[i]);
    }
}

static void errors_of_produce_requests_cost_no_record(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, GOES_ON},
        {PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT, DOUBTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ABORTS},
        {PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN, ABORTS},
    };
    check_all(answers, COUNT_OF(answers));
}

static void errors_of_adding_partitions_cost_no_record(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, GOES_ON},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, GOES_ON},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, GOES_ON},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, GOES_ON},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, GOES_ON},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR__TRANSPORT, DOUBTS},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ABORTS},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_OPERATION_NOT_ATTEMPTED, ABORTS},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, REPLACES},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, REPLACES},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, REPLACES},
        {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, REPLACES},
    };
    check_all(answers, COUNT_OF(answers));
}

static void errors_of_committing_offsets_cost_no_record(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, GOES_ON},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, GOES_ON},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT, DOUBTS},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ABORTS},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, REPLACES},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ABORTS},
        {ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, REPLACES},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, GOES_ON},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, GOES_ON},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, GOES_ON},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR__TRANSPORT, DOUBTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ABORTS},
        {TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, REPLACES},
    };
    check_all(answers, COUNT_OF(answers));
}

static void errors_of_ending_a_transaction_cost_no_record(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        {END_TXN, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, GOES_ON},
        {END_TXN, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, GOES_ON},
        {END_TXN, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, GOES_ON},
        {END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT, DOUBTS},
        {END_TXN, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, REPLACES},
        {END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, REPLACES},
        {END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, REPLACES},
        {END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, REPLACES},
        {END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, REPLACES},
        {END_TXN, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, REPLACES},
    };
    check_all(answers, COUNT_OF(answers));
}

/* --- starting -------------------------------------------------------------------------------- */

static void a_start_waits_for_its_coordinator(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
        RD_KAFKA_RESP_ERR__TRANSPORT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        mock_lab_start(&lab, "exactly-once", PATIENT_ONE_REQUEST);
        mock_lab_answer(&lab, INIT_PRODUCER_ID, codes[i], 3);
        mock_lab_finish(&lab, RECORDS);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        assert_int_equal(mock_lab_check_output(&lab, true), 0);
        mock_lab_stop(&lab);
    }
}

static void a_start_that_can_never_work_ends_the_worker_and_says_why(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        mock_lab_start(&lab, "exactly-once", PATIENT_ONE_REQUEST);
        mock_lab_answer(&lab, INIT_PRODUCER_ID, codes[i], 1);
        mock_lab_finish(&lab, RECORDS);
        assert_false(mock_lab_settle(&lab, SETTLE_S));
        assert_true(lab.failed);
        assert_string_equal(lab.error.code, "transactions");
        assert_non_null(strstr(lab.error.message, "mock-worker"));
        assert_non_null(strstr(lab.error.message, "transaction.max.timeout.ms"));
        mock_lab_stop(&lab);
    }
}

static void a_recovery_is_tried_until_it_works_and_not_in_a_hurry(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1);
    mock_lab_answer(&lab, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1000);
    mock_lab_finish(&lab, RECORDS);
    mock_await_producers(2);
    assert_false(mock_lab_settle(&lab, 2));
    assert_false(lab.failed);
    assert_in_range(mock_lab_producers(&lab), 2, 10); /* one in half a second */
    mock_lab_clear(&lab, INIT_PRODUCER_ID);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

static void a_producer_that_takes_no_record_any_more_is_replaced(void **state)
{
    (void)state;
    for (int opened = 0; opened <= 1; opened++) {
        start();
        if (opened == 1) {
            mock_lab_finish(&lab, 1);
            mock_lab_turn(&lab);
        }
        mock_lab_ruin(&lab);
        mock_lab_finish(&lab, RECORDS);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        assert_true(mock_lab_producers(&lab) > 1);
        (void)mock_lab_check_output(&lab, true);
        mock_lab_stop(&lab);
    }
}

static void records_of_a_revoked_partition_are_not_committed_without_their_offset(void **state)
{
    (void)state;
    start();
    int64_t aborts_before = abort_count();
    mock_lab_finish(&lab, RECORDS);
    mock_lab_release_and_revoke(&lab, 0);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_true(abort_count() > aborts_before);
    (void)mock_lab_check_output(&lab, true); /* what stays came out, in the next transaction */
    mock_lab_stop(&lab);
}

/* --- lasting errors -------------------------------------------------------------------------- */

static void
a_right_that_is_missing_for_a_while_costs_no_record_and_is_not_asked_for_in_a_hurry(void **state)
{
    (void)state;
    start();
    int64_t aborts_before = abort_count();
    mock_lab_answer(&lab, ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1000);
    mock_lab_finish(&lab, RECORDS);
    await_aborts(aborts_before + 2);
    assert_false(mock_lab_settle(&lab, 2));
    assert_false(lab.failed);
    assert_in_range(abort_count() - aborts_before, 2, 12); /* pauses of 50, 100, 200 ms and so on */
    mock_lab_clear(&lab, ADD_OFFSETS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

static void a_coordinator_that_does_not_turn_up_does_not_hold_the_worker_for_ever(void **state)
{
    (void)state;
    mock_lab_destroy(&lab);
    mock_lab_create(&lab, 2);
    start_with(ONE_REQUEST);
    mock_lab_lose_coordinator(&lab, true);
    mock_lab_finish(&lab, RECORDS);
    mock_await_producers(2);
    mock_lab_lose_coordinator(&lab, false);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

/* --- unknown outcomes ------------------------------------------------------------------------ */

static void an_end_txn_whose_reply_does_not_come_is_followed_by_a_new_producer(void **state)
{
    (void)state;
    start_with(ONE_REQUEST);
    mock_lab_delay(&lab, END_TXN, 4000); /* the client gives up after one second */
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    mock_lab_step(&lab, 50);
    assert_true(mock_lab_producers(&lab) > 1);
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
    /* A broker that was told to be late does no longer what its cluster is told. */
    mock_lab_destroy(&lab);
    mock_lab_create(&lab, 1);
}

static void a_producer_in_doubt_begins_no_transaction(void **state)
{
    (void)state;
    start();
    int64_t unknown_before = wt_metric_get(WT_METRIC_TRANSACTIONS_UNKNOWN);
    mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT, 1);
    for (int i = 0; i < 2 * RECORDS; i++) { /* there is always a record to begin one for */
        mock_lab_finish(&lab, 1);
        mock_lab_turn(&lab);
    }
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(mock_lab_producers(&lab), 2);
    assert_int_equal(wt_metric_get(WT_METRIC_TRANSACTIONS_UNKNOWN), unknown_before);
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

static void an_abort_in_doubt_is_followed_by_a_new_producer(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, TXN_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, 1);
    mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT, 1);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(mock_lab_producers(&lab), 2); /* it was the new one that committed them */
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

static void committed_offsets_tell_what_became_of_a_transaction(void **state)
{
    (void)state;
    /* As if the broker had committed it before it answered; then what is older, and what is of another
     * log. */
    static const int64_t committed[] = {2 * RECORDS, 2 * RECORDS - 5, 1000};
    for (size_t i = 0; i < COUNT_OF(committed); i++) {
        start();
        mock_lab_commit(&lab, committed[i]);
        mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1);
        mock_lab_finish(&lab, RECORDS);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        assert_int_equal(mock_lab_producers(&lab), 2);
        assert_int_equal(mock_lab_check_output(&lab, true), i == 0 ? 0 : MOCK_PARTITIONS * RECORDS);
        mock_lab_stop(&lab);
        mock_lab_commit(&lab, 0);
    }
}

static void committed_offsets_are_read_again_until_they_are_known(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__TRANSPORT};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        start();
        mock_lab_commit(&lab, 2 * RECORDS);
        mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1);
        mock_lab_answer(&lab, OFFSET_FETCH, codes[i], 3);
        mock_lab_finish(&lab, RECORDS);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        /* Taken for nothing committed, an error would have everything come out again. */
        assert_int_equal(mock_lab_check_output(&lab, true), 0);
        mock_lab_clear(&lab, OFFSET_FETCH);
        mock_lab_stop(&lab);
        mock_lab_commit(&lab, 0);
    }
}

/* --- no way on ------------------------------------------------------------------------------- */

/* A certificate may have gone since the start, or the last thread that the system had. */
static void a_producer_that_cannot_be_replaced_ends_the_worker_in_good_order(void **state)
{
    (void)state;
    start();
    mock_forbid_producers();
    mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1);
    mock_lab_finish(&lab, RECORDS);
    assert_false(mock_lab_settle(&lab, SETTLE_S));
    mock_assert_over("kafka-property");
    mock_lab_stop(&lab);
}

/* --- fenced ---------------------------------------------------------------------------------- */

static void
a_worker_that_is_fenced_again_right_after_recovering_stops_and_names_the_id(void **state)
{
    (void)state;
    start();
    mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 2);
    mock_lab_finish(&lab, RECORDS);
    assert_false(mock_lab_settle(&lab, SETTLE_S));
    mock_assert_over("fenced");
    assert_non_null(strstr(lab.error.message, "mock-worker"));
    assert_non_null(strstr(lab.error.message, "delivery.transactional_id sets it: give each worker "
                                              "its own"));
    mock_lab_stop(&lab);
}

static void commits_in_between_do_not_hide_who_takes_the_id_again_and_again(void **state)
{
    (void)state;
    start();
    for (int time = 1; time <= 3; time++) {
        mock_lab_answer(&lab, END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1);
        mock_lab_finish(&lab, RECORDS);
        assert_int_equal(mock_lab_settle(&lab, SETTLE_S), time < 3);
    }
    mock_assert_over("fenced");
    mock_lab_stop(&lab);
}

/* --- settings -------------------------------------------------------------------------------- */

static void a_transaction_must_be_allowed_to_last_as_long_as_a_commit_and_a_drain(void **state)
{
    (void)state;
    struct wt_error error = {.message = ""};
    /* 20 ms between commits and 2,000 ms for a drain. */
    assert_int_equal(mock_lab_try(&lab, "transaction.timeout.ms: 2020", &error), WT_INVALID);
    assert_string_equal(error.code, "transaction-timeout");
    assert_non_null(strstr(error.message, "mock:5"));
    assert_non_null(strstr(error.message, "2020 ms"));
    assert_int_equal(mock_lab_try(&lab, "transaction.timeout.ms: 2021", &error), WT_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(
            a_coordinator_that_does_not_turn_up_does_not_hold_the_worker_for_ever, mock_stop),
        cmocka_unit_test_teardown(errors_of_produce_requests_cost_no_record, mock_stop),
        cmocka_unit_test_teardown(errors_of_adding_partitions_cost_no_record, mock_stop),
        cmocka_unit_test_teardown(errors_of_committing_offsets_cost_no_record, mock_stop),
        cmocka_unit_test_teardown(errors_of_ending_a_transaction_cost_no_record, mock_stop),
        cmocka_unit_test_teardown(a_start_waits_for_its_coordinator, mock_stop),
        cmocka_unit_test_teardown(a_start_that_can_never_work_ends_the_worker_and_says_why,
                                  mock_stop),
        cmocka_unit_test_teardown(a_recovery_is_tried_until_it_works_and_not_in_a_hurry, mock_stop),
        cmocka_unit_test_teardown(
            records_of_a_revoked_partition_are_not_committed_without_their_offset, mock_stop),
        cmocka_unit_test_teardown(a_producer_that_takes_no_record_any_more_is_replaced, mock_stop),
        cmocka_unit_test_teardown(
            a_right_that_is_missing_for_a_while_costs_no_record_and_is_not_asked_for_in_a_hurry,
            mock_stop),
        cmocka_unit_test_teardown(
            an_end_txn_whose_reply_does_not_come_is_followed_by_a_new_producer, mock_stop),
        cmocka_unit_test_teardown(a_producer_in_doubt_begins_no_transaction, mock_stop),
        cmocka_unit_test_teardown(an_abort_in_doubt_is_followed_by_a_new_producer, mock_stop),
        cmocka_unit_test_teardown(committed_offsets_tell_what_became_of_a_transaction, mock_stop),
        cmocka_unit_test_teardown(committed_offsets_are_read_again_until_they_are_known, mock_stop),
        cmocka_unit_test_teardown(a_producer_that_cannot_be_replaced_ends_the_worker_in_good_order,
                                  mock_stop),
        cmocka_unit_test_teardown(
            a_worker_that_is_fenced_again_right_after_recovering_stops_and_names_the_id, mock_stop),
        cmocka_unit_test_teardown(commits_in_between_do_not_hide_who_takes_the_id_again_and_again,
                                  mock_stop),
        cmocka_unit_test_teardown(
            a_transaction_must_be_allowed_to_last_as_long_as_a_commit_and_a_drain, mock_stop),
    };
    return apart_run(tests, COUNT_OF(tests), mock_create, mock_destroy, argc > 1 ? argv[1] : NULL);
}
