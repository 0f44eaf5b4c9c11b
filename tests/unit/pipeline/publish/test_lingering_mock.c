/* Which records of an open transaction wait for nothing but the interval of its commit. */
#include "base/clock.h"
#include "observe/metrics.h"

#include "mock_cases.h"

#include <unistd.h>

static void records_that_wait_for_their_interval_alone_are_counted(void **state)
{
    (void)state;
    mock_lab_start(&lab, "exactly-once", PATIENT_ONE_REQUEST);
    mock_lab_finish(&lab, RECORDS);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    lab.config->delivery.commit_interval_ms = 3600000;
    struct wt_record *in_the_model = record_of("{}");
    wt_in_flight_add(lab.in_flight, in_the_model);
    mock_lab_finish(&lab, RECORDS);
    int64_t until_us = wt_clock_us() + INT64_C(60000000);
    while (wt_metric_get(WT_METRIC_LINGERING_RECORDS) != MOCK_PARTITIONS * RECORDS) {
        assert_true(wt_clock_us() < until_us);
        (void)usleep(1000);
        wt_release_step(lab.release, lab.sources, MOCK_PARTITIONS, false);
    }
    /* Now the transaction holds all that is in flight. */
    wt_in_flight_end(lab.in_flight, &in_the_model);
    assert_true(mock_lab_settle(&lab, SETTLE_S));
    assert_int_equal(wt_metric_get(WT_METRIC_LINGERING_RECORDS), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(records_that_wait_for_their_interval_alone_are_counted,
                                  mock_stop),
    };
    return apart_run(tests, COUNT_OF(tests), mock_create, mock_destroy, argc > 1 ? argv[1] : NULL);
}
