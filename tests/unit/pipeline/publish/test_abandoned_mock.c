/* A producer that is replaced while a transaction of it is open. */
#include "base/clock.h"
#include "pipeline/publish/exactly_once.h"
#include "pipeline/publish/order.h"
#include "pipeline/publish/release_internal.h"

#include "mock_cases.h"

#include <unistd.h>

static uint32_t aborts_asked;

rd_kafka_error_t *__real_rd_kafka_abort_transaction(rd_kafka_t *client, int wait_ms);
rd_kafka_error_t *__wrap_rd_kafka_abort_transaction(rd_kafka_t *client, int wait_ms);

rd_kafka_error_t *__wrap_rd_kafka_abort_transaction(rd_kafka_t *client, int wait_ms)
{
    aborts_asked++;
    return __real_rd_kafka_abort_transaction(client, wait_ms);
}

/* librdkafka fails an assertion when a producer is destroyed in the moment in which it asks for its
 * partitions, a millisecond after the first record: unless its transaction is being aborted. */
static void a_producer_is_given_up_while_it_adds_partitions(void **state)
{
    (void)state;
    mock_lab_start(&lab, "exactly-once", PATIENT_ONE_REQUEST);
    for (uint32_t i = 0; i < 20; i++) {
        mock_lab_finish(&lab, 1);
        int64_t until_us = wt_clock_us() + SETTLE_S * 1000000;
        while (wt_order_released_count(lab.sources[0]->order) == 0 && wt_clock_us() < until_us) {
            mock_lab_turn(&lab);
        }
        assert_true(wt_order_released_count(lab.sources[0]->order) > 0);
        (void)usleep(75 * i);
        aborts_asked = 0;
        wt_exactly_once.on_fatal(lab.release->guarantee);
        assert_true(mock_lab_settle(&lab, SETTLE_S));
        assert_int_equal(aborts_asked, 1);
        assert_int_equal(mock_lab_producers(&lab), i + 2);
    }
    (void)mock_lab_check_output(&lab, true);
    mock_lab_stop(&lab);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_producer_is_given_up_while_it_adds_partitions, mock_stop),
    };
    return apart_run(tests, COUNT_OF(tests), mock_create, mock_destroy, argc > 1 ? argv[1] : NULL);
}
