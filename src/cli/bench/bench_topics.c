#include "cli/bench/bench_topics.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/client.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000
/* A read or an acknowledgement that takes longer than this counts as failed. */
#define STALL_MS 30000

struct wt_bench_topics {
    const struct wt_config *config;
    uint32_t partitions;
    rd_kafka_t *producer; /* fills the topics, and sends the requests to create and delete them */
    bool made;
    uint64_t undelivered; /* records of the last fill that were not acknowledged or were refused */
    const char *in;
    const char *out;
};

/* The topics of this process, for wt_bench_topics_leave. */
static struct {
    pthread_mutex_t mutex; /* guards the pointer, and keeps the client alive while it is in use */
    struct wt_bench_topics *topics;
} current = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void set_current(struct wt_bench_topics *topics)
{
    (void)pthread_mutex_lock(&current.mutex);
    current.topics = topics;
    (void)pthread_mutex_unlock(&current.mutex);
}

/* --- creating and deleting ------------------------------------------------------------------- */

/* Waits for the answer to an admin request. Fails with the first error in it. */
static enum wt_status admin_answer(rd_kafka_queue_t *queue, const char *what,
                                   struct wt_error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * ANSWER_MS);
    rd_kafka_resp_err_t code =
        event != NULL ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) {
        rd_kafka_event_destroy(event);
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "broker",
                            "%s: no broker answers; check kafka.common.bootstrap.servers", what);
    }
    char reason[256];
    (void)snprintf(reason, sizeof reason, "%s", rd_kafka_event_error_string(event));
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DELETETOPICS_RESULT) {
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    }
    for (size_t i = 0; i < count && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const char *text = rd_kafka_topic_result_error_string(results[i]);
        code = rd_kafka_topic_result_error(results[i]);
        (void)snprintf(reason, sizeof reason, "%s: %s", rd_kafka_topic_result_name(results[i]),
                       text != NULL ? text : rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(event);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "topics", "%s: %s", what, reason);
}

static enum wt_status make(struct wt_bench_topics *topics, struct wt_error *error)
{
    const char *names[2] = {topics->in, topics->out};
    rd_kafka_NewTopic_t *wanted[2];
    char reason[256];
    for (int i = 0; i < 2; i++) {
        /* -1: the broker's default replication factor. */
        wanted[i] =
            rd_kafka_NewTopic_new(names[i], (int)topics->partitions, -1, reason, sizeof reason);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(topics->producer);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(topics->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, reason, sizeof reason);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, reason, sizeof reason);
    set_current(topics); /* from now on the topics may exist */
    rd_kafka_CreateTopics(topics->producer, wanted, 2, options, queue);
    enum wt_status status = admin_answer(
        queue, "creating the topics wiretag-bench-*, for which the user needs the right Create",
        error);
    topics->made = status == WT_OK;
    if (!topics->made) {
        set_current(NULL);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(wanted, 2);
    return status;
}

static void delete_topics(struct wt_bench_topics *topics)
{
    rd_kafka_DeleteTopic_t *unwanted[2] = {rd_kafka_DeleteTopic_new(topics->in),
                                           rd_kafka_DeleteTopic_new(topics->out)};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(topics->producer);
    struct wt_error error;
    rd_kafka_DeleteTopics(topics->producer, unwanted, 2, NULL, queue);
    if (admin_answer(queue, "deleting", &error) != WT_OK) {
        (void)fprintf(stderr, "wiretag bench: %s; delete %s and %s by hand\n", error.message,
                      topics->in, topics->out);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy_array(unwanted, 2);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct wt_bench_topics *topics = opaque;
    (void)client;
    topics->undelivered -= message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
}

static enum wt_status open_producer(struct wt_bench_topics *topics, struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(topics->config, RD_KAFKA_PRODUCER, &conf, error);
    if (status == WT_OK) {
        status = wt_client_conf_set(conf, "enable.idempotence", "true", error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, topics);
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
        status = wt_client_create(RD_KAFKA_PRODUCER, &conf, &topics->producer, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

/* Sends a tombstone to every partition of the output before any clock runs, so that the client
 * finds the leaders and gets its producer id. */
static enum wt_status warm_up(struct wt_bench_topics *topics, struct wt_error *error)
{
    struct wt_record_list list = {0};
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    for (uint32_t i = 0; i < topics->partitions; i++) {
        wt_record_list_append(&list, &record);
        record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    }
    wt_record_destroy(record);
    enum wt_status status = wt_bench_topics_fill(topics, true, &list, error);
    wt_record_list_clear(&list);
    return status;
}

enum wt_status wt_bench_topics_create(const struct wt_config *config, uint32_t partitions,
                                      struct wt_bench_topics **topics_out, struct wt_error *error)
{
    struct wt_bench_topics *topics = wt_alloc_zeroed(1, sizeof *topics);
    topics->config = config;
    topics->partitions = partitions;
    topics->in = config->input.topics.items[0];
    topics->out = config->output.topic;
    enum wt_status status = open_producer(topics, error);
    if (status == WT_OK) {
        status = make(topics, error);
    }
    if (status == WT_OK) {
        status = warm_up(topics, error);
    }
    if (status != WT_OK) {
        wt_bench_topics_destroy(topics);
        return status;
    }
    *topics_out = topics;
    return WT_OK;
}

void wt_bench_topics_destroy(struct wt_bench_topics *topics)
{
    if (topics == NULL) {
        return;
    }
    if (topics->made) {
        delete_topics(topics);
        set_current(NULL);
    }
    if (topics->producer != NULL) {
        rd_kafka_destroy(topics->producer);
    }
    free(topics);
}

void wt_bench_topics_leave(void)
{
    (void)pthread_mutex_lock(&current.mutex);
    if (current.topics != NULL) {
        delete_topics(current.topics);
    }
    (void)pthread_mutex_unlock(&current.mutex);
}

/* --- filling and draining -------------------------------------------------------------------- */

static enum wt_status produce(struct wt_bench_topics *topics, bool output,
                              const struct wt_record *record, uint32_t number,
                              struct wt_error *error)
{
    const char *topic = output ? topics->out : topics->in;
    rd_kafka_resp_err_t code;
    do {
        code = rd_kafka_producev(
            topics->producer, RD_KAFKA_V_TOPIC(topic),
            RD_KAFKA_V_PARTITION((int32_t)(number % topics->partitions)),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE(output ? (void *)record->output.value : (void *)record->value,
                             output ? record->output.value_bytes : record->value_bytes),
            RD_KAFKA_V_END);
        (void)rd_kafka_poll(topics->producer, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "produce", "filling %s: %s", topic,
                            rd_kafka_err2str(code));
    }
    return WT_OK;
}

enum wt_status wt_bench_topics_fill(struct wt_bench_topics *topics, bool output,
                                    const struct wt_record_list *records, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    uint32_t number = 0;
    topics->undelivered = records->count;
    for (const struct wt_record *record = records->first; record != NULL && status == WT_OK;
         record = record->next) {
        status = produce(topics, output, record, number++, error);
    }
    (void)rd_kafka_flush(topics->producer, STALL_MS);
    if (status == WT_OK && topics->undelivered > 0) {
        status = wt_error_set(
            error, WT_FAILED, WT_ERROR_FATAL, "produce",
            "filling %s: %" PRIu64 " of %" PRIu32 " records were refused or not acknowledged",
            output ? topics->out : topics->in, topics->undelivered, records->count);
    }
    return status;
}

static enum wt_status open_consumer(const struct wt_bench_topics *topics, rd_kafka_t **client_out,
                                    struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(topics->config, RD_KAFKA_CONSUMER, &conf, error);
    if (status == WT_OK) {
        status = wt_client_conf_set(conf, "enable.auto.commit", "false", error);
    }
    if (status == WT_OK) {
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, client_out, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

enum wt_status wt_bench_topics_drain(struct wt_bench_topics *topics, uint32_t count,
                                     double *seconds_out, struct wt_error *error)
{
    rd_kafka_t *client = NULL;
    int64_t first_us = 0;
    enum wt_status status = open_consumer(topics, &client, error);
    if (status != WT_OK) {
        return status;
    }
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)topics->partitions);
    for (uint32_t i = 0; i < topics->partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topics->in, (int32_t)i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    }
    (void)rd_kafka_poll_set_consumer(client);
    (void)rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    while (count > 0 && status == WT_OK) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, STALL_MS);
        first_us = first_us == 0 ? wt_clock_us() : first_us;
        if (message == NULL) {
            status =
                wt_error_set(error, WT_IO, WT_ERROR_FATAL, "consume",
                             "reading %s: no record arrived for %d s", topics->in, STALL_MS / 1000);
        } else {
            count -= message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
            rd_kafka_message_destroy(message);
        }
    }
    *seconds_out = (double)(wt_clock_us() - first_us) * 1e-6;
    (void)rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return status;
}
