/* Offsets of a partition that go backwards under the real consume stage, on librdkafka's mock cluster:
 * a fetch that is out of range has the client begin again at auto.offset.reset. The test is the rest of
 * the pipeline, and answers for the log: the mock's never loses anything. */
#include "base/clock.h"
#include "config/config_load.h"
#include "kafka/log_probe.h"
#include "pipeline/consume/consume.h"
#include "replay/checkpoint.h"

#include "member_cases.h"

#include <unistd.h>

#define FETCH 1
#define OFFSET_COMMIT 8

#define TURN_MS 10
#define WAIT_US 60000000
#define RECORDS 30u /* of partition 0 */

static struct {
    struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *queue;
    struct wt_consume *consume;
    struct wt_record_list taken; /* off the queue, in flight */
    atomic_uint drains;          /* of an epoch that is to end empty */
    atomic_bool failed;
} lab;

/* --- the log --------------------------------------------------------------------------------- */

static struct wt_log_question asked;
static enum wt_log_verdict verdict; /* on every question */
static atomic_uint questions;

struct wt_log_probe *__wrap_wt_log_probe_start(const struct wt_config *config,
                                               const struct wt_log_question *question);
bool __wrap_wt_log_probe_done(struct wt_log_probe *probe, struct wt_log_finding *finding_out);
void __wrap_wt_log_probe_end(struct wt_log_probe **probe);

struct wt_log_probe *__wrap_wt_log_probe_start(const struct wt_config *config,
                                               const struct wt_log_question *question)
{
    (void)config;
    assert_int_equal(question->kind, WT_PROBE_RESET);
    asked = *question;
    atomic_fetch_add(&questions, 1);
    return (struct wt_log_probe *)&asked;
}

bool __wrap_wt_log_probe_done(struct wt_log_probe *probe, struct wt_log_finding *finding_out)
{
    assert_ptr_equal(probe, &asked);
    *finding_out = (struct wt_log_finding){
        .verdict = verdict, .from = asked.position, .log = {.end = RECORDS}};
    return true;
}

void __wrap_wt_log_probe_end(struct wt_log_probe **probe)
{
    *probe = NULL;
}

static void drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost)
{
    (void)opaque;
    if (lost && count > 0) {
        assert_int_equal(count, 1);
        assert_int_equal(partitions[0]->number, 0);
        assert_int_equal(atomic_load(&partitions[0]->epoch_live), 0);
        assert_int_equal(atomic_load(&partitions[0]->pending), 0);
        atomic_fetch_add(&lab.drains, 1);
    }
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    (void)opaque;
    assert_string_equal(error->code, "range-gone");
    atomic_store(&lab.failed, true);
}

/* --- the cluster ----------------------------------------------------------------------------- */

static rd_kafka_mock_cluster_t *cluster(void)
{
    return rd_kafka_handle_mock_cluster(wt_consume_client(lab.consume));
}

static void answer(int16_t key, rd_kafka_resp_err_t code)
{
    rd_kafka_mock_push_request_errors_array(cluster(), key, 1, &code);
}

static void produce(void)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers",
                                       rd_kafka_mock_cluster_bootstraps(cluster()), reason,
                                       sizeof reason),
                     RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(producer);
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("articles"),
                                           RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE("{}", 2),
                                           RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

static rd_kafka_topic_partition_list_t *place(int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "articles", 0)->offset = offset;
    return list;
}

static int64_t committed(void)
{
    rd_kafka_topic_partition_list_t *list = place(RD_KAFKA_OFFSET_INVALID);
    assert_int_equal(rd_kafka_committed(wt_consume_client(lab.consume), list, 10000),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

/* As offset_commit.c and transaction.c do. */
static void commit(int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = place(offset);
    if (lab.config->delivery.guarantee == WT_AT_LEAST_ONCE) {
        assert_int_equal(rd_kafka_offsets_store(wt_consume_client(lab.consume), list),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    } else {
        assert_int_equal(rd_kafka_commit(wt_consume_client(lab.consume), list, 0),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    rd_kafka_topic_partition_list_destroy(list);
    for (int64_t until_us = wt_clock_us() + WAIT_US;
         committed() != offset && wt_clock_us() < until_us;) {
        (void)usleep(TURN_MS * 1000);
    }
    assert_int_equal(committed(), offset);
}

/* --- the worker ------------------------------------------------------------------------------ */

static void create(enum wt_guarantee guarantee, bool ranged)
{
    const struct wt_consume_hooks hooks = {.drain = drain, .failed = on_failed};
    const struct wt_consume_options options = {.ranged = ranged};
    struct wt_error error;
    lab.config = member_config("auto.offset.reset: earliest, fetch.wait.max.ms: 10");
    lab.config->delivery.guarantee = guarantee;
    lab.config->delivery.commit_interval_ms = 20;
    lab.partitions = wt_partitions_create();
    lab.in_flight = wt_in_flight_create(1000, 1 << 20);
    lab.queue = wt_queue_create(2000);
    lab.consume = NULL;
    lab.taken = (struct wt_record_list){0};
    atomic_store(&lab.drains, 0);
    atomic_store(&lab.failed, false);
    atomic_store(&questions, 0);
    verdict = WT_LOG_GONE;
    assert_int_equal(wt_consume_create(lab.config, lab.partitions, lab.in_flight, lab.queue, &hooks,
                                       &options, &lab.consume, &error),
                     WT_OK);
    member_share_cluster(lab.config, wt_consume_client(lab.consume));
    member_make_topic(wt_consume_client(lab.consume));
    produce();
}

static void start(void)
{
    struct wt_error error;
    assert_int_equal(wt_consume_start(lab.consume, &error), WT_OK);
}

/* Takes in the records that come, and no ends of partitions, until there are `count` or no more can
 * be hoped for. */
static void take(uint32_t count, int64_t wait_us)
{
    for (int64_t until_us = wt_clock_us() + wait_us;
         lab.taken.count < count && wt_clock_us() < until_us;) {
        struct wt_record_list list = {0};
        assert_int_equal(wt_queue_pop(lab.queue, TURN_MS, count, &list), WT_OK);
        struct wt_record *record;
        while ((record = wt_record_list_take(&list)) != NULL) {
            if (record->outcome == WT_OUTCOME_HOLE) {
                wt_in_flight_end(lab.in_flight, &record);
            } else {
                wt_record_list_append(&lab.taken, &record);
            }
        }
    }
}

/* The next `count` records are of this epoch, in line from `first` on, and are done with. */
static void finish(uint32_t count, uint32_t epoch, uint32_t first)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct wt_record *record = wt_record_list_take(&lab.taken);
        assert_non_null(record);
        assert_int_equal(record->epoch, epoch);
        assert_in_range(record->sequence, i, i + 1); /* there may be a hole before the first */
        assert_int_equal(record->offset, i);
        wt_in_flight_end(lab.in_flight, &record);
    }
}

static void stop(void)
{
    wt_consume_stop(lab.consume);
    wt_consume_join(lab.consume);
    take(UINT32_MAX, 0);
    struct wt_record *record;
    while ((record = wt_record_list_take(&lab.taken)) != NULL) {
        wt_in_flight_end(lab.in_flight, &record);
    }
    wt_consume_destroy(lab.consume);
    wt_queue_destroy(lab.queue);
    assert_int_equal(wt_in_flight_records(lab.in_flight), 0);
    wt_in_flight_destroy(lab.in_flight);
    wt_partitions_destroy(lab.partitions);
    wt_config_destroy(lab.config);
}

/* The client finds its position out of range and begins again at auto.offset.reset, which the consume
 * stage asks about. An answer to a fetch that is out of date when it comes is dropped, so it is given
 * again. */
static void reset(void)
{
    unsigned before = atomic_load(&questions);
    for (int64_t until_us = wt_clock_us() + WAIT_US, turn = 0;
         atomic_load(&questions) == before && wt_clock_us() < until_us; turn++) {
        if (turn % 100 == 0) {
            rd_kafka_mock_clear_request_errors(cluster(), FETCH);
            answer(FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
        }
        (void)usleep(TURN_MS * 1000);
    }
    rd_kafka_mock_clear_request_errors(cluster(), FETCH);
    assert_int_equal(atomic_load(&questions), before + 1);
}

/* --- promises -------------------------------------------------------------------------------- */

static void set_back(enum wt_guarantee guarantee, rd_kafka_resp_err_t refusal)
{
    create(guarantee, false);
    start();
    take(RECORDS, WAIT_US);
    finish(10, 1, 0);
    commit(10);
    reset();
    /* What was read can never be read again: it is finished first. */
    take(RECORDS, 1500000);
    assert_int_equal(lab.taken.count, RECORDS - 10);
    assert_int_equal(atomic_load(&lab.drains), 0);
    if (refusal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        answer(OFFSET_COMMIT, refusal);
    }
    finish(RECORDS - 10, 1, 10);
    take(RECORDS, WAIT_US);
    assert_int_equal(atomic_load(&lab.drains), 1);
    assert_int_equal(committed(), 0);
    finish(5, 2, 0);
    commit(5); /* which is before what was committed */
    finish(RECORDS - 5, 2, 5);
    commit(RECORDS);
    stop();
}

static void what_was_read_is_finished_then_the_group_is_set_back_and_reading_goes_on(void **state)
{
    (void)state;
    set_back(WT_AT_LEAST_ONCE, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void the_group_is_asked_again_until_it_is_set_back(void **state)
{
    (void)state;
    set_back(WT_EXACTLY_ONCE, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
}

static void reading_that_begins_before_the_groups_offset_sets_it_back_too(void **state)
{
    (void)state;
    create(WT_AT_LEAST_ONCE, false);
    rd_kafka_topic_partition_list_t *list = place(1000);
    assert_int_equal(rd_kafka_commit(wt_consume_client(lab.consume), list, 0),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    start();
    take(RECORDS, WAIT_US);
    assert_int_equal(committed(), 0);
    finish(RECORDS, 2, 0);
    commit(RECORDS);
    stop();
}

static void a_reset_is_not_believed_while_the_log_holds_the_position(void **state)
{
    (void)state;
    create(WT_EXACTLY_ONCE, false);
    verdict = WT_LOG_HOLDS;
    start();
    take(RECORDS, WAIT_US);
    commit(RECORDS);
    reset();
    assert_int_equal(asked.position, RECORDS);
    assert_int_equal(asked.mark.offset, RECORDS - 1);
    produce();
    take(2 * RECORDS, WAIT_US);
    finish(2 * RECORDS, 1, 0);
    assert_int_equal(atomic_load(&lab.drains), 0);
    assert_int_equal(committed(), RECORDS);
    stop();
}

static void a_worker_that_stops_meanwhile_leaves_the_rest_to_the_next(void **state)
{
    (void)state;
    create(WT_EXACTLY_ONCE, false);
    start();
    take(RECORDS, WAIT_US);
    commit(RECORDS);
    reset();
    take(RECORDS + 1, 1500000);
    assert_int_equal(lab.taken.count, RECORDS);
    assert_int_equal(committed(), RECORDS);
    stop();
}

/* The books that a replay keeps with the group's offset. */
static void commit_books(int64_t offset)
{
    static const struct wt_checkpoint books = {.planned_ms = 1, .from = 0, .to = 1000};
    static const struct wt_tally none;
    char text[WT_CHECKPOINT_BYTES_MAX];
    rd_kafka_topic_partition_list_t *list = place(offset);
    wt_checkpoint_write(&books, &none, text);
    list->elems[0].metadata = strdup(text); /* the list frees it */
    list->elems[0].metadata_size = strlen(text);
    assert_int_equal(rd_kafka_commit(wt_consume_client(lab.consume), list, 0),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

static void a_replay_whose_range_is_gone_ends_and_commits_nothing(void **state)
{
    (void)state;
    create(WT_EXACTLY_ONCE, true);
    commit_books(500);
    start();
    for (int64_t until_us = wt_clock_us() + WAIT_US;
         !atomic_load(&lab.failed) && wt_clock_us() < until_us;) {
        (void)usleep(TURN_MS * 1000);
    }
    assert_true(atomic_load(&lab.failed));
    take(1, 100000);
    assert_int_equal(lab.taken.count, 0);
    assert_int_equal(committed(), 500);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_is_finished_then_the_group_is_set_back_and_reading_goes_on),
        cmocka_unit_test(the_group_is_asked_again_until_it_is_set_back),
        cmocka_unit_test(reading_that_begins_before_the_groups_offset_sets_it_back_too),
        cmocka_unit_test(a_reset_is_not_believed_while_the_log_holds_the_position),
        cmocka_unit_test(a_worker_that_stops_meanwhile_leaves_the_rest_to_the_next),
        cmocka_unit_test(a_replay_whose_range_is_gone_ends_and_commits_nothing),
    };
    return cmocka_run_group_tests_name("setback", tests, NULL, NULL);
}
