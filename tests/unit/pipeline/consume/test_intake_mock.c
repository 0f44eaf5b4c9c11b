/* Where the records of assigned partitions go, under the real consume stage on a mock cluster. */
#include "base/clock.h"
#include "config/config_load.h"
#include "pipeline/consume/consume.h"

#include "member_cases.h"

#define TURN_MS 10
#define WAIT_US 60000000

static struct {
    struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *queue;
    struct wt_consume *consume;
    rd_kafka_t *producer;
} lab;

static void drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost)
{
    (void)opaque, (void)partitions, (void)count, (void)lost;
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    (void)opaque;
    fail_msg("%s", error->message);
}

static rd_kafka_t *create_producer(rd_kafka_t *client)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *bootstraps = rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(client));
    assert_int_equal(
        rd_kafka_conf_set(conf, "bootstrap.servers", bootstraps, reason, sizeof reason),
        RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(producer);
    return producer;
}

static void start(void)
{
    const struct wt_consume_hooks hooks = {.drain = drain, .failed = on_failed};
    const struct wt_consume_options options = {.ranged = false};
    struct wt_error error;
    lab.config = member_config("auto.offset.reset: earliest, fetch.wait.max.ms: 10");
    lab.partitions = wt_partitions_create();
    lab.in_flight = wt_in_flight_create(1000, 1 << 20);
    lab.queue = wt_queue_create(2000);
    assert_int_equal(wt_consume_create(lab.config, lab.partitions, lab.in_flight, lab.queue, &hooks,
                                       &options, &lab.consume, &error),
                     WT_OK);
    member_share_cluster(lab.config, wt_consume_client(lab.consume));
    member_make_topic(wt_consume_client(lab.consume));
    lab.producer = create_producer(wt_consume_client(lab.consume));
    assert_int_equal(wt_consume_start(lab.consume, &error), WT_OK);
}

static void stop(void)
{
    wt_consume_stop(lab.consume);
    assert_true(wt_consume_join(lab.consume));
    rd_kafka_destroy(lab.producer);
    wt_consume_destroy(lab.consume);
    wt_queue_destroy(lab.queue);
    assert_int_equal(wt_in_flight_records(lab.in_flight), 0);
    wt_in_flight_destroy(lab.in_flight);
    wt_partitions_destroy(lab.partitions);
    wt_config_destroy(lab.config);
}

/* Of partition 0. */
static void produce(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rd_kafka_producev(lab.producer, RD_KAFKA_V_TOPIC("articles"),
                                           RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE("{}", 2),
                                           RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(lab.producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* What comes in for `us`, or until there are `count` holes. */
static uint32_t take_holes(uint32_t count, int64_t us)
{
    uint32_t holes = 0;
    for (int64_t until_us = wt_clock_us() + us; holes < count && wt_clock_us() < until_us;) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(lab.queue, TURN_MS, 1000, &list), WT_OK);
        struct wt_record *record;
        while ((record = wt_record_list_take(&list)) != NULL) {
            assert_int_equal(record->outcome, WT_OUTCOME_HOLE);
            assert_int_equal(record->offset, -1);
            assert_int_equal(record->sequence, 0);
            wt_in_flight_end(lab.in_flight, &record);
            holes++;
        }
    }
    return holes;
}

/* They come, each once and in order. */
static void take(int64_t from, int64_t to)
{
    for (int64_t until_us = wt_clock_us() + WAIT_US; from < to && wt_clock_us() < until_us;) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(lab.queue, TURN_MS, 1000, &list), WT_OK);
        struct wt_record *record;
        while ((record = wt_record_list_take(&list)) != NULL) {
            if (record->outcome != WT_OUTCOME_HOLE) {
                assert_int_equal(record->offset, from++);
            }
            wt_in_flight_end(lab.in_flight, &record);
        }
    }
    assert_int_equal(from, to);
}

/* As librdkafka does where it stops a partition, be it assigned anew already. */
static void a_partition_whose_records_are_led_elsewhere_is_read_all_the_same(void **state)
{
    (void)state;
    start();
    produce(20);
    take(0, 20);
    for (int64_t round = 1; round <= 3; round++) {
        rd_kafka_queue_t *queue =
            rd_kafka_queue_get_partition(wt_consume_client(lab.consume), "articles", 0);
        assert_non_null(queue);
        rd_kafka_queue_forward(queue, NULL);
        rd_kafka_queue_destroy(queue);
        produce(20);
        take(20 * round, 20 * (round + 1));
    }
    stop();
}

/* So that the group has an offset there: of the partitions that it has not, a restart that begins at the
 * end would pass over what comes meanwhile. */
static void the_end_of_a_partition_without_records_goes_through_once(void **state)
{
    (void)state;
    start();
    assert_int_equal(take_holes(MEMBER_PARTITIONS, WAIT_US), MEMBER_PARTITIONS);
    assert_int_equal(take_holes(1, 1500000), 0);
    produce(5);
    take(0, 5);
    assert_int_equal(take_holes(1, 1500000), 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_whose_records_are_led_elsewhere_is_read_all_the_same),
        cmocka_unit_test(the_end_of_a_partition_without_records_goes_through_once),
    };
    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
