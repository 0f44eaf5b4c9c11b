#include "mock_lab.h"
#include "config/config_load.h"
#include "mock_group.h"
#include "mock_labeller.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/group_member.h"
#include "pipeline/publish/at_least_once.h"
#include "pipeline/publish/exactly_once.h"
#include "pipeline/publish/order.h"
#include "pipeline/publish/release.h"

#include <inttypes.h>

#define INPUT "articles"
#define GROUP "mock"
#define REQUEST_TIMEOUT "request.timeout.ms"

static void on_wake(rd_kafka_t *client, void *opaque)
{
    (void)client, (void)opaque;
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    struct mock_lab *lab = opaque;
    lab->failed = true;
    lab->error = *error;
}

/* librdkafka numbers the clients of a process: wiretag#producer-3. */
static uint32_t producer_number(const struct mock_lab *lab)
{
    const char *number = strrchr(rd_kafka_name(wt_release_client(lab->release)), '-');
    return (uint32_t)strtoul(number + 1, NULL, 10);
}

/* --- life ------------------------------------------------------------------------------------ */

static void make_topic(struct mock_lab *lab, const char *name)
{
    assert_int_equal(rd_kafka_mock_topic_create(lab->cluster, name, MOCK_PARTITIONS, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        assert_int_equal(rd_kafka_mock_partition_set_leader(lab->cluster, name, i, 1),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
}

static void make_cluster(struct mock_lab *lab, int broker_count)
{
    char reason[256];
    lab->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    assert_non_null(lab->host);
    lab->cluster = rd_kafka_mock_cluster_new(lab->host, broker_count);
    assert_non_null(lab->cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(lab->cluster, MOCK_GROUP_DELAY_SHORT);
    assert_int_equal(rd_kafka_mock_coordinator_set(lab->cluster, "group", GROUP, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_coordinator_set(lab->cluster, "transaction", "mock-worker", 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    make_topic(lab, INPUT);
}

/* Each start has an output topic of its own. */
static void make_config(struct mock_lab *lab, const char *guarantee, const char *producer)
{
    char text[1024];
    struct wt_error error = {.message = ""};
    (void)snprintf(text, sizeof text,
                   "kafka:\n"
                   "  common: {bootstrap.servers: \"%s\", socket.timeout.ms: 1000,\n"
                   "           reconnect.backoff.max.ms: 200}\n"
                   "  consumer: {group.id: " GROUP "}\n"
                   "  producer: {%sretry.backoff.ms: 20%s%s}\n"
                   "input: {topics: [" INPUT "]}\n"
                   "output: {topic: labelled-%u}\n"
                   "delivery: {guarantee: %s, transactional_id: mock-worker, "
                   "commit_interval_ms: 20, drain_ms_max: 2000}\n",
                   rd_kafka_mock_cluster_bootstraps(lab->cluster),
                   strstr(producer, REQUEST_TIMEOUT) == NULL ? REQUEST_TIMEOUT ": 1000, " : "",
                   producer[0] != '\0' ? ", " : "", producer, lab->starts, guarantee);
    if (wt_config_parse(text, strlen(text), "mock", NULL, 0, &lab->config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    make_topic(lab, lab->config->output.topic);
    make_topic(lab, lab->config->dead_letter.topic);
}

/* Transactions commit offsets in a member's name. */
static void join_group(struct mock_lab *lab)
{
    rd_kafka_conf_t *conf = NULL;
    struct wt_error error;
    assert_int_equal(wt_client_conf_create(lab->config, RD_KAFKA_CONSUMER, &conf, &error), WT_OK);
    const char *const properties[][2] = {
        {"enable.auto.offset.store", "false"}, {"auto.commit.interval.ms", "20"},
        {"socket.timeout.ms", "30000"},        {"retry.backoff.ms", "1"},
        {"retry.backoff.max.ms", "1"},         {"fetch.wait.max.ms", "10"}};
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        assert_int_equal(wt_client_conf_set(conf, properties[i][0], properties[i][1], &error),
                         WT_OK);
    }
    assert_int_equal(wt_client_create(RD_KAFKA_CONSUMER, &conf, &lab->consumer, &error), WT_OK);
    (void)rd_kafka_poll_set_consumer(lab->consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(topics, INPUT, RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(lab->consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    int assigned = 0;
    for (int64_t until_us = wt_clock_us() + 30 * 1000000;
         assigned < MOCK_PARTITIONS && wt_clock_us() < until_us;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(lab->consumer, 50);
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        rd_kafka_topic_partition_list_t *list = NULL;
        assert_int_equal(rd_kafka_assignment(lab->consumer, &list), RD_KAFKA_RESP_ERR_NO_ERROR);
        assigned = list->cnt;
        rd_kafka_topic_partition_list_destroy(list);
    }
    assert_int_equal(assigned, MOCK_PARTITIONS);
}

void mock_lab_create(struct mock_lab *lab, int broker_count)
{
    *lab = (struct mock_lab){.failed = false};
    make_cluster(lab, broker_count);
    make_config(lab, "exactly-once", "");
    join_group(lab);
    wt_config_destroy(lab->config);
}

void mock_lab_destroy(struct mock_lab *lab)
{
    rd_kafka_destroy(lab->consumer);
    rd_kafka_mock_cluster_destroy(lab->cluster);
    rd_kafka_destroy(lab->host);
}

static enum wt_status make_release(struct mock_lab *lab, struct wt_error *error)
{
    bool exactly_once = lab->config->delivery.guarantee == WT_EXACTLY_ONCE;
    lab->membership = wt_group_member_create(lab->consumer, lab->config);
    struct wt_release_ports ports = {
        .guarantee = exactly_once ? &wt_exactly_once : &wt_at_least_once,
        .config = lab->config,
        .transactional_id = exactly_once ? lab->config->delivery.transactional_id : NULL,
        .consumer = lab->consumer,
        .member = lab->membership,
        .in_flight = lab->in_flight,
        .opaque = lab,
        .wake = on_wake,
        .failed = on_failed,
    };
    return wt_release_create(&ports, &lab->release, error);
}

static void end_release(struct mock_lab *lab)
{
    wt_release_destroy(lab->release);
    wt_group_member_destroy(lab->membership);
    lab->release = NULL;
}

enum wt_status mock_lab_try(struct mock_lab *lab, const char *producer, struct wt_error *error)
{
    lab->starts++;
    make_config(lab, "exactly-once", producer);
    lab->release = NULL;
    enum wt_status status = make_release(lab, error);
    end_release(lab);
    wt_config_destroy(lab->config);
    return status;
}

void mock_lab_start(struct mock_lab *lab, const char *guarantee, const char *producer)
{
    struct wt_error error = {.message = ""};
    lab->starts++;
    lab->failed = false;
    make_config(lab, guarantee, producer);
    mock_labeller_begin(&lab->labeller, lab->config);
    lab->partitions = wt_partitions_create();
    lab->in_flight = wt_in_flight_create(10000, 1 << 30);
    if (make_release(lab, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    lab->first_producer = producer_number(lab);
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        lab->finished[i] = 0;
        lab->revoked[i] = false;
        lab->sources[i] = wt_partitions_get(lab->partitions, INPUT, i);
        lab->sources[i]->order = wt_release_order_create(lab->release);
        wt_order_open(lab->sources[i]->order, 1);
    }
}

void mock_lab_stop(struct mock_lab *lab)
{
    static const int16_t keys[] = {PRODUCE,        OFFSET_COMMIT, OFFSET_FETCH, INIT_PRODUCER_ID,
                                   ADD_PARTITIONS, ADD_OFFSETS,   END_TXN,      TXN_OFFSET_COMMIT};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        mock_lab_clear(lab, keys[i]);
    }
    if (lab->release == NULL) {
        return;
    }
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        (void)wt_release_close(lab->release, lab->sources[i]);
        wt_order_destroy(lab->sources[i]->order);
    }
    end_release(lab);
    assert_int_equal(wt_in_flight_records(lab->in_flight), 0);
    wt_in_flight_destroy(lab->in_flight);
    mock_labeller_end(&lab->labeller);
    wt_partitions_destroy(lab->partitions);
    wt_config_destroy(lab->config);
}

/* --- what the broker does -------------------------------------------------------------------- */

void mock_lab_answer(struct mock_lab *lab, int16_t key, rd_kafka_resp_err_t code, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors_array(lab->cluster, key, 1, &code);
    }
}

void mock_lab_delay(struct mock_lab *lab, int16_t key, int ms)
{
    (void)rd_kafka_mock_broker_push_request_error_rtts(lab->cluster, 1, key, 1,
                                                       RD_KAFKA_RESP_ERR_NO_ERROR, ms);
}

void mock_lab_clear(struct mock_lab *lab, int16_t key)
{
    rd_kafka_mock_clear_request_errors(lab->cluster, key);
}

void mock_lab_lose_coordinator(struct mock_lab *lab, bool lost)
{
    rd_kafka_resp_err_t code = lost ? rd_kafka_mock_broker_set_down(lab->cluster, 2)
                                    : rd_kafka_mock_broker_set_up(lab->cluster, 2);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_coordinator_set(lab->cluster, "group", GROUP, lost ? 2 : 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_lab_commit(struct mock_lab *lab, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(MOCK_PARTITIONS);
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(list, INPUT, i)->offset = offset;
    }
    /* Stored, too: the client commits what is stored now and then. */
    assert_int_equal(rd_kafka_offsets_store(lab->consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_commit(lab->consumer, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

int64_t mock_lab_committed(struct mock_lab *lab, int partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, INPUT, partition);
    assert_int_equal(rd_kafka_committed(lab->consumer, list, 60000), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

/* --- what the worker does -------------------------------------------------------------------- */

void mock_lab_finish_in(struct mock_lab *lab, int partition, uint32_t count)
{
    struct wt_partition *source = lab->sources[partition];
    uint32_t *finished = &lab->finished[partition];
    assert_in_range(*finished + count, 0, MOCK_RECORDS_MAX);
    for (uint32_t end = *finished + count; *finished < end; ++*finished) {
        struct wt_record *record = record_finished(source, 1, *finished, *finished);
        record->labeller = wt_labeller_hold(&lab->labeller);
        record->timestamp_ms = -1;
        record->id_json = wt_strdup("1");
        record->logits = calloc(MOCK_LABELS, sizeof *record->logits);
        wt_in_flight_add(lab->in_flight, record);
        wt_order_finish(source->order, &record);
    }
}

void mock_lab_finish(struct mock_lab *lab, uint32_t count)
{
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        mock_lab_finish_in(lab, i, count);
    }
}

static bool settled(const struct mock_lab *lab)
{
    bool all = true;
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        all &= lab->revoked[i] ||
               (wt_release_settled(lab->release, lab->sources[i]) &&
                wt_order_position(lab->sources[i]->order) == (int64_t)lab->finished[i]);
    }
    return all;
}

void mock_lab_release_and_revoke(struct mock_lab *lab, int partition)
{
    /* A transaction begins a moment after the last one's commit. */
    int64_t until_us = wt_clock_us() + 30 * 1000000;
    while (wt_order_released_count(lab->sources[partition]->order) == 0 &&
           wt_clock_us() < until_us) {
        wt_release_step(lab->release, lab->sources, MOCK_PARTITIONS, false);
    }
    assert_true(wt_order_released_count(lab->sources[partition]->order) > 0);
    (void)wt_release_close(lab->release, lab->sources[partition]);
    lab->revoked[partition] = true;
}

/* One turn of the threads of consume and publish. */
void mock_lab_turn(struct mock_lab *lab)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(lab->consumer, 2);
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
    wt_release_step(lab->release, lab->sources, MOCK_PARTITIONS, true);
}

bool mock_lab_settle(struct mock_lab *lab, int seconds)
{
    int64_t until_us = wt_clock_us() + (int64_t)seconds * 1000000;
    while (!settled(lab) && !lab->failed && wt_clock_us() < until_us) {
        mock_lab_turn(lab);
    }
    return settled(lab) && !lab->failed;
}

void mock_lab_step(struct mock_lab *lab, int ms)
{
    for (int64_t until_us = wt_clock_us() + (int64_t)ms * 1000; wt_clock_us() < until_us;) {
        mock_lab_turn(lab);
    }
}

void mock_lab_ruin(struct mock_lab *lab)
{
    rd_kafka_t *client = wt_release_client(lab->release);
    (void)rd_kafka_test_fatal_error(client, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, "told to fail");
}

uint32_t mock_lab_producers(struct mock_lab *lab)
{
    return producer_number(lab) - lab->first_producer + 1;
}

/* --- what lies in the output ----------------------------------------------------------------- */

static int64_t source_offset(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t count = 0;
    char digits[24] = "";
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_get_last(headers, "wiretag.source.offset", &value, &count),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(count < sizeof digits);
    memcpy(digits, value, count);
    return strtoll(digits, NULL, 10);
}

static rd_kafka_t *open_reader(struct mock_lab *lab)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const properties[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(lab->cluster)},
        {"group.id", "reader"},
        {"enable.partition.eof", "true"},
        {"fetch.wait.max.ms", "10"},
        {"isolation.level", "read_uncommitted"},
    };
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        assert_int_equal(
            rd_kafka_conf_set(conf, properties[i][0], properties[i][1], reason, sizeof reason),
            RD_KAFKA_CONF_OK);
    }
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    assert_non_null(reader);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    /* Offsets that must be looked up first take the client half a second. */
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(list, lab->config->output.topic, i)->offset = 0;
        rd_kafka_topic_partition_list_add(list, lab->config->dead_letter.topic, i)->offset = 0;
    }
    assert_int_equal(rd_kafka_assign(reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

/* What was read so far. */
struct seen {
    bool records[MOCK_PARTITIONS][MOCK_RECORDS_MAX];
    int64_t last[2][MOCK_PARTITIONS]; /* of labels and of dead letters */
    uint32_t again;
    bool ordered;
};

static void see(const struct mock_lab *lab, const rd_kafka_message_t *message, struct seen *seen)
{
    bool label = strcmp(rd_kafka_topic_name(message->rkt), lab->config->output.topic) == 0;
    int64_t offset = source_offset(message);
    int64_t *last = &seen->last[label ? 0 : 1][message->partition];
    assert_in_range(offset, 0, lab->finished[message->partition] - 1);
    bool *before = &seen->records[message->partition][offset];
    if (seen->ordered && !*before && offset < *last) {
        fail_msg("[%" PRId32 "] %" PRId64 " came after %" PRId64, message->partition, offset,
                 *last);
    }
    seen->again += *before;
    *last = *before ? *last : offset;
    *before = true;
}

static bool complete(const struct mock_lab *lab, const struct seen *seen)
{
    bool all = true;
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        for (uint32_t offset = 0; offset < lab->finished[i] && !lab->revoked[i]; offset++) {
            all &= seen->records[i][offset];
        }
    }
    return all;
}

uint32_t mock_lab_check_output(struct mock_lab *lab, bool ordered)
{
    rd_kafka_t *reader = open_reader(lab);
    struct seen seen = {.ordered = ordered};
    int64_t until_us = wt_clock_us() + 30 * 1000000;
    int ends = 0;
    /* The mock says that a partition ends before it has given out what lies there, now and then. */
    while ((ends < 2 * MOCK_PARTITIONS || !complete(lab, &seen)) && wt_clock_us() < until_us) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        if (message == NULL) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            see(lab, message, &seen);
        }
        ends += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_destroy(reader);
    for (int i = 0; i < MOCK_PARTITIONS; i++) {
        for (uint32_t offset = 0; offset < lab->finished[i] && !lab->revoked[i]; offset++) {
            if (!seen.records[i][offset]) {
                fail_msg("[%d] %" PRIu32 " of %" PRIu32 " is not in the output", i, offset,
                         lab->finished[i]);
            }
        }
    }
    return seen.again;
}
