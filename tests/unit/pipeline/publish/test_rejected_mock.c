/* A transaction with a record that was not delivered. */
#include "base/clock.h"
#include "observe/metrics.h"

#include "mock_cases.h"

/* Longer than the test, and than what is waited for here. */
#define INTERVAL_MS 600000
/* Much longer than one step of an abort waits, and shorter than a request may take. */
#define ABORT_MS 4000

/* In flight, but not finished: else an idle worker would commit before its interval. */
static struct wt_record *waiting;

/* A worker that has committed one transaction; the next one is not due. */
static void start(void)
{
    mock_lab_start(&lab, "exactly-once", PATIENT_ONE_REQUEST);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    waiting = record_finished(lab.sources[0], 1, MOCK_RECORDS_MAX, MOCK_RECORDS_MAX);
    wt_in_flight_add(lab.in_flight, waiting);
    lab.config->delivery.commit_interval_ms = INTERVAL_MS;
}

static void stop(void)
{
    wt_in_flight_end(lab.in_flight, &waiting);
    mock_lab_stop(&lab);
}

/* Steps until the metric grows; nobody asks for a commit. */
static void await_more(enum wt_metric metric, int64_t before)
{
    int64_t until_us = wt_clock_us() + (int64_t)SETTLE_S * 1000000;
    while (wt_metric_get(metric) == before && wt_clock_us() < until_us) {
        wt_release_step(lab.release, lab.sources, MOCK_PARTITIONS, false);
        (void)usleep(1000);
    }
    assert_true(wt_metric_get(metric) > before);
}

/* Nothing in it can be committed any more, so nothing is gained by waiting for its end. */
static void it_is_aborted_before_it_is_due(void **state)
{
    (void)state;
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                                RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        start();
        int64_t aborted = wt_metric_get(WT_METRIC_TRANSACTIONS_ABORTED);
        mock_lab_answer(&lab, PRODUCE, codes[i], 1);
        mock_lab_finish_in(&lab, 0, 1);
        await_more(WT_METRIC_TRANSACTIONS_ABORTED, aborted);
        stop();
    }
}

/* The record belongs to the partition's next owner then, and is gone here. */
static void a_rejected_record_of_a_revoked_partition_stops_nothing(void **state)
{
    (void)state;
    start();
    lab.config->on_error = WT_ON_ERROR_STOP;
    int64_t errors = wt_metric_get(WT_METRIC_PRODUCE_ERRORS);
    int64_t failures = wt_metric_get(WT_METRIC_COMMIT_FAILURES);
    mock_lab_delay(&lab, END_TXN, ABORT_MS);
    mock_lab_answer(&lab, PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, 1);
    mock_lab_finish_in(&lab, 0, 1);
    await_more(WT_METRIC_PRODUCE_ERRORS, errors); /* it is being aborted now */
    assert_int_equal(wt_metric_get(WT_METRIC_COMMIT_FAILURES), failures);
    (void)wt_release_close(lab.release, lab.sources[0]);
    await_more(WT_METRIC_COMMIT_FAILURES, failures);
    assert_false(lab.failed);
    stop();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(it_is_aborted_before_it_is_due, mock_stop),
        cmocka_unit_test_teardown(a_rejected_record_of_a_revoked_partition_stops_nothing,
                                  mock_stop),
    };
    return apart_run(tests, COUNT_OF(tests), mock_create, mock_destroy, argc > 1 ? argv[1] : NULL);
}
