#include "pipeline/shadow/shadow_topic.h"

#include "base/alloc.h"
#include "kafka/client.h"
#include "kafka/message.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "record/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Bounds of what waits for the brokers. */
#define QUEUED_RECORDS "4096"
#define QUEUED_KBYTES "16384"

/* How long wt_shadow_topic_close waits for the reports of what it purged; they come at once. */
#define PURGE_MS_MAX 500

struct wt_shadow_topic {
    const struct wt_config *config;
    void (*wake)(void *opaque);
    void *opaque;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    char trouble[300]; /* the last one with a broker */
};

/* --- what librdkafka says --------------------------------------------------------------------- */

/* The live producer reports trouble that it has as well. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *message)
{
    (void)client, (void)level;
    wt_log_debug("shadow", "producer: %s: %s", facility, message);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct wt_shadow_topic *topic = opaque;
    (void)client, (void)code;
    (void)snprintf(topic->trouble, sizeof topic->trouble, "%s", reason);
}

static void drop(const struct wt_shadow_topic *topic, const char *reason)
{
    wt_metric_add(WT_METRIC_SHADOW_PUBLISH_DROPPED, 1);
    wt_log_warn("shadow", "labels of the shadow do not reach topic %s and are dropped: %s",
                topic->config->model.shadow.topic, reason);
}

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    const struct wt_shadow_topic *topic = opaque;
    (void)client;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_metric_add(WT_METRIC_SHADOW_PUBLISHED, 1);
    } else {
        drop(topic, rd_kafka_err2str(message->err));
    }
}

static void on_event(rd_kafka_t *client, void *opaque)
{
    const struct wt_shadow_topic *topic = opaque;
    (void)client;
    topic->wake(topic->opaque);
}

/* As the worker's own labels: the partition with the number of the input's, else by key. The record's
 * opaque is that number. */
static int32_t choose_partition(const rd_kafka_topic_t *handle, const void *key, size_t key_bytes,
                                int32_t partition_count, void *topic_opaque, void *record_opaque)
{
    const struct wt_config *config = topic_opaque;
    int32_t partition = (int32_t)(intptr_t)record_opaque;
    if (config->output.partition == WT_PARTITION_SAME && partition < partition_count) {
        return partition;
    }
    return rd_kafka_msg_partitioner_murmur2_random(handle, key, key_bytes, partition_count,
                                                   topic_opaque, record_opaque);
}

/* --- life ------------------------------------------------------------------------------------ */

static enum wt_status configure(rd_kafka_conf_t *conf, struct wt_error *error)
{
    static const struct {
        const char *name;
        const char *value;
    } properties[] = {
        /* A record in the queue never expires, and none overtakes another: at-least-once, in order. */
        {"message.timeout.ms", "0"},
        {"enable.idempotence", "false"},
        {"max.in.flight.requests.per.connection", "1"},
        {"acks", "all"},
        {"sticky.partitioning.linger.ms", "0"}, /* else choose_partition is not called */
        {"queue.buffering.max.messages", QUEUED_RECORDS},
        {"queue.buffering.max.kbytes", QUEUED_KBYTES},
    };
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && status == WT_OK; i++) {
        status = wt_client_conf_set(conf, properties[i].name, properties[i].value, error);
    }
    return status;
}

static enum wt_status open_topic(struct wt_shadow_topic *topic, struct wt_error *error)
{
    const char *name = topic->config->model.shadow.topic;
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(topic->client);
    rd_kafka_topic_conf_set_opaque(conf, (void *)topic->config);
    rd_kafka_topic_conf_set_partitioner_cb(conf, choose_partition);
    topic->topic = rd_kafka_topic_new(topic->client, name, conf);
    if (topic->topic == NULL) {
        rd_kafka_topic_conf_destroy(conf);
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "topic-name",
                            "the topic name %s is refused: %s", name,
                            rd_kafka_err2str(rd_kafka_last_error()));
    }
    return WT_OK;
}

static enum wt_status open_client(struct wt_shadow_topic *topic, struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(topic->config, RD_KAFKA_PRODUCER, &conf, error);
    if (status == WT_OK) {
        status = configure(conf, error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, topic);
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
        status = wt_client_create(RD_KAFKA_PRODUCER, &conf, &topic->client, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        return status;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(topic->client);
    rd_kafka_queue_cb_event_enable(queue, on_event, topic);
    rd_kafka_queue_destroy(queue);
    return open_topic(topic, error);
}

enum wt_status wt_shadow_topic_open(const struct wt_config *config, void (*wake)(void *opaque),
                                    void *opaque, struct wt_shadow_topic **topic_out,
                                    struct wt_error *error)
{
    assert(config->model.shadow.topic != NULL);
    struct wt_shadow_topic *topic = wt_alloc_zeroed(1, sizeof *topic);
    topic->config = config;
    topic->wake = wake;
    topic->opaque = opaque;
    enum wt_status status = open_client(topic, error);
    if (status != WT_OK) {
        wt_shadow_topic_close(topic, 0);
        return status;
    }
    *topic_out = topic;
    return WT_OK;
}

void wt_shadow_topic_close(struct wt_shadow_topic *topic, int wait_ms)
{
    if (topic == NULL) {
        return;
    }
    if (topic->client != NULL) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_main(topic->client);
        rd_kafka_queue_cb_event_enable(queue, NULL, NULL);
        rd_kafka_queue_destroy(queue);
        (void)rd_kafka_flush(topic->client, wait_ms);
        (void)rd_kafka_purge(topic->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(topic->client, PURGE_MS_MAX);
        if (topic->topic != NULL) {
            rd_kafka_topic_destroy(topic->topic);
        }
        rd_kafka_destroy(topic->client);
    }
    free(topic);
}

/* --- records ---------------------------------------------------------------------------------- */

void wt_shadow_topic_send(struct wt_shadow_topic *topic, const struct wt_record *record)
{
    assert(record->outcome == WT_OUTCOME_LABELLED && record->output.headers != NULL);
    const struct wt_output *output = &record->output;
    bool dated = topic->config->output.timestamp == WT_TIMESTAMP_INPUT && record->timestamp_ms >= 0;
    rd_kafka_headers_t *headers = wt_message_headers(output);
    /* The opaque is a number, never a pointer. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    void *number = (void *)(intptr_t)wt_record_origin(record).partition;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        topic->client, RD_KAFKA_V_RKT(topic->topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(output->key, output->key_bytes),
        RD_KAFKA_V_VALUE(output->value, output->value_bytes),
        RD_KAFKA_V_TIMESTAMP(dated ? record->timestamp_ms : 0), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(number), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    rd_kafka_headers_destroy(headers);
    bool full = code == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    drop(topic, full && topic->trouble[0] != '\0' ? topic->trouble : rd_kafka_err2str(code));
}

void wt_shadow_topic_serve(struct wt_shadow_topic *topic)
{
    (void)rd_kafka_poll(topic->client, 0);
}
