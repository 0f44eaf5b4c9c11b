/* What the last stage owes a consume thread that drains partitions through it. */
#include "base/clock.h"
#include "config/config_load.h"
#include "kafka/group_member.h"
#include "observe/metrics.h"
#include "pipeline/publish/publish.h"

#include "member_cases.h"
#include "mock_labeller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define TURN_US 1000
#define WAIT_US 30000000

/* A publish stage with a member of a group that has all partitions; the test is the other stages. */
struct stage {
    struct wt_config *config;
    rd_kafka_t *consumer;
    struct wt_group_member *membership;
    struct wt_partitions *partitions;
    struct wt_partition *source;
    struct wt_in_flight *in_flight;
    struct wt_queue *queue;
    struct wt_publish *publish;
    struct wt_labeller labeller; /* of all records */
    pthread_t drainer;
    bool lost;
    bool whole; /* the drainer's, until its end */
    atomic_bool drained;
};

static atomic_bool expelled; /* by the group, which the client has heard of */

int __real_rd_kafka_assignment_lost(rd_kafka_t *client);
int __wrap_rd_kafka_assignment_lost(rd_kafka_t *client);

int __wrap_rd_kafka_assignment_lost(rd_kafka_t *client)
{
    return atomic_load(&expelled) || __real_rd_kafka_assignment_lost(client);
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    (void)opaque;
    fail_msg("%s", error->message);
}

static void join_group(struct stage *stage)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const properties[][2] = {{"test.mock.num.brokers", "1"},
                                         {"bootstrap.servers", "mock"},
                                         {"group.id", "unit"},
                                         {"enable.auto.offset.store", "false"}};
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        assert_int_equal(
            rd_kafka_conf_set(conf, properties[i][0], properties[i][1], reason, sizeof reason),
            RD_KAFKA_CONF_OK);
    }
    stage->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    assert_non_null(stage->consumer);
    (void)rd_kafka_poll_set_consumer(stage->consumer);
    member_make_topic(stage->consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "articles", 0)->offset = 0;
    assert_int_equal(rd_kafka_assign(stage->consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

static void start(struct stage *stage, uint32_t drain_ms_max)
{
    struct wt_error error = {.message = ""};
    *stage = (struct stage){.config = member_config("client.id: unit")};
    stage->config->delivery.drain_ms_max = drain_ms_max;
    stage->config->delivery.guarantee = WT_AT_LEAST_ONCE;
    mock_labeller_begin(&stage->labeller, stage->config);
    join_group(stage);
    stage->partitions = wt_partitions_create();
    stage->source = wt_partitions_get(stage->partitions, "articles", 0);
    stage->source->epoch_last = 1;
    atomic_store(&stage->source->epoch_live, 1);
    stage->in_flight = wt_in_flight_create(100, 1 << 20);
    stage->queue = wt_queue_create(1000);
    stage->membership = wt_group_member_create(stage->consumer, stage->config);
    const struct wt_publish_ports ports = {.config = stage->config,
                                           .consumer = stage->consumer,
                                           .member = stage->membership,
                                           .queue_in = stage->queue,
                                           .in_flight = stage->in_flight,
                                           .failed = on_failed};
    if (wt_publish_create(&ports, &stage->publish, &error) != WT_OK ||
        wt_publish_start(stage->publish, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
}

static void stop(struct stage *stage)
{
    wt_queue_close(stage->queue);
    wt_publish_destroy(stage->publish);
    wt_group_member_destroy(stage->membership);
    (void)rd_kafka_consumer_close(stage->consumer);
    rd_kafka_destroy(stage->consumer);
    wt_queue_destroy(stage->queue);
    wt_in_flight_destroy(stage->in_flight);
    wt_partitions_destroy(stage->partitions);
    mock_labeller_end(&stage->labeller);
    wt_config_destroy(stage->config);
}

static void *drain(void *opaque)
{
    struct stage *stage = opaque;
    stage->whole = wt_publish_drain(stage->publish, &stage->source, 1, stage->lost);
    atomic_store(&stage->drained, true);
    return NULL;
}

/* The epoch ends; consume's thread waits until publish has let go of the partition. */
static void begin_drain(struct stage *stage, bool lost)
{
    atomic_store(&stage->source->epoch_live, 0);
    stage->lost = lost;
    atomic_store(&stage->drained, false);
    assert_int_equal(pthread_create(&stage->drainer, NULL, drain, stage), 0);
}

static bool drains_within(struct stage *stage, int64_t wait_us)
{
    for (int64_t until_us = wt_clock_us() + wait_us;
         !atomic_load(&stage->drained) && wt_clock_us() < until_us;) {
        (void)usleep(TURN_US);
    }
    return atomic_load(&stage->drained);
}

/* `whole`: it says that everything is committed. */
static void end_drain(struct stage *stage, bool whole)
{
    assert_true(drains_within(stage, WAIT_US));
    assert_int_equal(pthread_join(stage->drainer, NULL), 0);
    assert_int_equal(stage->whole, whole);
}

/* A record on its way, in the model. */
static struct wt_record *begin_record(struct stage *stage, int64_t offset)
{
    struct wt_record *record = wt_record_create("key", 3, "{}", 2, NULL, 0);
    record->source = stage->source;
    record->epoch = stage->source->epoch_last;
    record->sequence = stage->source->sequence_next++;
    record->offset = offset;
    record->labeller = wt_labeller_hold(&stage->labeller);
    record->id_json = strdup("1");
    record->ran = true;
    atomic_fetch_add(wt_partition_running(stage->source, record->epoch), 1);
    wt_in_flight_add(stage->in_flight, record);
    return record;
}

static void finish_record(struct stage *stage, struct wt_record **record)
{
    struct wt_record_list list = {0};
    (*record)->logits = calloc(MOCK_LABELS, sizeof *(*record)->logits);
    assert_non_null((*record)->logits);
    (*record)->outcome = WT_OUTCOME_LABELLED;
    wt_record_advance(*record, WT_RECORD_FINISHED);
    wt_record_list_append(&list, record);
    wt_queue_push(stage->queue, &list);
}

/* What comes out of the model for an epoch that publish has let go of. */
static void finish_in_vain(struct stage *stage, struct wt_record **record)
{
    int64_t labelled = wt_metric_get(WT_METRIC_RECORDS_LABELLED);
    int64_t dropped = wt_metric_get(WT_METRIC_RECORDS_DROPPED);
    finish_record(stage, record);
    for (int64_t until_us = wt_clock_us() + WAIT_US;
         wt_in_flight_records(stage->in_flight) > 0 && wt_clock_us() < until_us;) {
        (void)usleep(TURN_US);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_RECORDS_DROPPED), dropped + 1);
    assert_int_equal(wt_metric_get(WT_METRIC_RECORDS_LABELLED), labelled);
}

static void a_revoke_waits_for_the_first_batch_of_an_assignment(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage, WAIT_US / 1000);
    int64_t labelled = wt_metric_get(WT_METRIC_RECORDS_LABELLED);
    struct wt_record *record = begin_record(&stage, 0);
    begin_drain(&stage, false);
    assert_false(drains_within(&stage, 300000));
    finish_record(&stage, &record);
    end_drain(&stage, true);
    assert_int_equal(wt_metric_get(WT_METRIC_RECORDS_LABELLED), labelled + 1);
    assert_int_equal(wt_in_flight_records(stage.in_flight), 0);
    stop(&stage);
}

static void a_drain_has_an_end_and_what_comes_after_it_is_dropped(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage, 50);
    struct wt_record *record = begin_record(&stage, 0);
    begin_drain(&stage, false);
    end_drain(&stage, false);
    stage.config->delivery.drain_ms_max = WAIT_US;

    /* The next assignment has nothing to do with it, nor waits for it. */
    int64_t labelled = wt_metric_get(WT_METRIC_RECORDS_LABELLED);
    stage.source->epoch_last = 2;
    stage.source->sequence_next = 0;
    atomic_store(&stage.source->epoch_live, 2);
    struct wt_record *next = begin_record(&stage, 0);
    begin_drain(&stage, false);
    assert_false(drains_within(&stage, 100000));
    finish_record(&stage, &next);
    end_drain(&stage, true);
    assert_int_equal(wt_metric_get(WT_METRIC_RECORDS_LABELLED), labelled + 1);
    finish_in_vain(&stage, &record);
    stop(&stage);
}

static void what_is_lost_is_not_waited_for(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage, WAIT_US);
    struct wt_record *record = begin_record(&stage, 0);
    begin_drain(&stage, true);
    end_drain(&stage, false);
    finish_in_vain(&stage, &record);
    stop(&stage);
}

/* Its commits would be refused, however long it goes on. */
static void a_drain_ends_when_the_worker_is_a_member_no_more(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage, WAIT_US);
    struct wt_record *record = begin_record(&stage, 0);
    begin_drain(&stage, false);
    assert_false(drains_within(&stage, 100000));
    atomic_store(&expelled, true);
    end_drain(&stage, false);
    atomic_store(&expelled, false);
    finish_in_vain(&stage, &record);
    stop(&stage);
}

/* As where the consume thread was given up and comes to its drain after all. */
static void a_drain_under_way_or_begun_when_the_stage_ends_is_answered(void **state)
{
    (void)state;
    struct stage stage;
    start(&stage, WAIT_US);
    struct wt_record *record = begin_record(&stage, 0);
    begin_drain(&stage, false);
    assert_false(drains_within(&stage, 100000));
    wt_queue_close(stage.queue);
    wt_publish_join(stage.publish);
    end_drain(&stage, false);
    begin_drain(&stage, false);
    end_drain(&stage, false);
    wt_in_flight_end(stage.in_flight, &record);
    stop(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoke_waits_for_the_first_batch_of_an_assignment),
        cmocka_unit_test(a_drain_has_an_end_and_what_comes_after_it_is_dropped),
        cmocka_unit_test(what_is_lost_is_not_waited_for),
        cmocka_unit_test(a_drain_ends_when_the_worker_is_a_member_no_more),
        cmocka_unit_test(a_drain_under_way_or_begun_when_the_stage_ends_is_answered),
    };
    return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
