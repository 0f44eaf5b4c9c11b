#include "pipeline/publish/producer.h"

#include "base/alloc.h"
#include "base/owner.h"
#include "kafka/broker_status.h"
#include "kafka/client.h"
#include "kafka/client_sizes.h"
#include "kafka/message.h"
#include "kafka/topic_status.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/output_topics.h"
#include "pipeline/publish/txn_offsets.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* How long wt_producer_close waits for the reports of what it purged; they come at once. */
#define PURGE_MS_MAX 2000

/* The first pause before a request is repeated; later ones are longer. While the broker writes the last
 * commit's markers it refuses AddOffsetsToTxn, and librdkafka's own default, 100 ms, is many times what
 * that takes. */
#define RETRY_BACKOFF_MS "10"

/* How long aborting a transaction may take when the client is closed. To begin to abort takes no time,
 * and is enough. */
#define ABORT_MS_MAX 100

struct wt_producer {
    struct wt_owner owner; /* the publish thread */
    const struct wt_config *config;
    wt_delivery_report *report;
    void (*wake)(rd_kafka_t *, void *);
    void *wake_opaque;
    void *opaque;
    rd_kafka_t *client;
    struct wt_output_topics *topics;
    char *transactional_id;           /* NULL: idempotent only */
    atomic_bool *doubtful;            /* set on librdkafka's threads; lives as long as the client */
    struct wt_txn_offsets_call *late; /* a call that exceeded its time; NULL: none */
    int64_t transaction_us_max;
    int64_t batch_bytes_max; /* 0: as librdkafka has it */
};

/* --- errors ---------------------------------------------------------------------------------- */

static enum wt_delivery delivery_of(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return WT_DELIVERED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return WT_DELIVERY_TOO_LARGE;
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return WT_DELIVERY_REJECTED;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return WT_DELIVERY_EXPIRED;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        return WT_DELIVERY_PURGED;
    case RD_KAFKA_RESP_ERR__FATAL:
        return WT_DELIVERY_FATAL;
    default:
        return WT_DELIVERY_RETRY;
    }
}

#define REASON_BYTES 400u

/* Why the record was not delivered, and the right that is missing, if one is. */
static const char *reason_of(const rd_kafka_message_t *message, char text[REASON_BYTES])
{
    bool denied = message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    (void)snprintf(text, REASON_BYTES, "%s%s%s", rd_kafka_err2str(message->err),
                   denied ? "; this user needs Write on the topic " : "",
                   !denied                ? ""
                   : message->rkt != NULL ? rd_kafka_topic_name(message->rkt)
                                          : "of the record");
    return text;
}

/* Tells topic_status.h whether records reach their topics. What is refused, purged or lost with its
 * producer says nothing about a topic. */
static void note_delivery(const struct wt_producer *producer, const rd_kafka_message_t *message,
                          enum wt_delivery delivery)
{
    bool delivered = delivery == WT_DELIVERED;
    char words[REASON_BYTES + 300] = "";
    char reason[REASON_BYTES];
    if (delivery != WT_DELIVERY_RETRY && delivery != WT_DELIVERY_EXPIRED && !delivered) {
        return;
    }
    if (!delivered) {
        (void)snprintf(words, sizeof words, "records are not delivered to %s: %s; retrying",
                       message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "the topic",
                       reason_of(message, reason));
    }
    wt_topics_note_delivery(wt_output_topics_is_dead(producer->topics, message->rkt), delivered,
                            words);
}

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct wt_producer *producer = opaque;
    enum wt_delivery delivery = delivery_of(message->err);
    (void)client;
    note_delivery(producer, message, delivery);
    if (delivery == WT_DELIVERED) {
        wt_metric_add(WT_METRIC_BYTES_PRODUCED, (int64_t)(message->len + message->key_len));
    } else if (delivery != WT_DELIVERY_PURGED) {
        wt_metric_add(WT_METRIC_PRODUCE_ERRORS, 1);
    }
    char reason[REASON_BYTES];
    producer->report(producer->opaque, message->_private, delivery, reason_of(message, reason));
}

static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    (void)opaque;
    wt_broker_status_read(client, text, bytes);
    return 0; /* librdkafka frees the text */
}

/* --- doubtful requests ----------------------------------------------------------------------- */

/* API keys of the requests that a transaction is made of (Kafka protocol guide). */
static bool is_transactional_request(int16_t key)
{
    return key == 0 /* Produce */ || key == 24 /* AddPartitionsToTxn */ ||
           key == 25 /* AddOffsetsToTxn */ || key == 26 /* EndTxn */ ||
           key == 28 /* TxnOffsetCommit */;
}

/* Runs on librdkafka's broker threads, for each reply, and for each request that got none. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *client, int socket, const char *broker_name,
                                       int32_t broker, int16_t key, int16_t version,
                                       int32_t correlation, size_t bytes, int64_t round_trip,
                                       rd_kafka_resp_err_t code, void *opaque)
{
    atomic_bool *doubtful = opaque;
    (void)client, (void)socket, (void)broker_name, (void)broker, (void)version;
    (void)correlation, (void)bytes, (void)round_trip;
    /* Errors of the broker are inside its replies. An error here means that there was no reply. */
    bool unanswered = code != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (unanswered && is_transactional_request(key)) {
        atomic_store_explicit(doubtful, true, memory_order_release);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque,
                                  char *reason, size_t reason_bytes)
{
    (void)conf, (void)reason, (void)reason_bytes;
    return rd_kafka_interceptor_add_on_response_received(client, "wiretag", on_response, opaque);
}

bool wt_producer_doubtful(const struct wt_producer *producer)
{
    assert(producer->doubtful != NULL);
    return atomic_load_explicit(producer->doubtful, memory_order_acquire);
}

int64_t wt_producer_transaction_us_max(const struct wt_producer *producer)
{
    assert(producer->transactional_id != NULL);
    return producer->transaction_us_max;
}

const char *wt_producer_transactional_id(const struct wt_producer *producer)
{
    return producer->transactional_id;
}

/* --- life ------------------------------------------------------------------------------------ */

static enum wt_status set_transactional_properties(struct wt_producer *producer,
                                                   rd_kafka_conf_t *conf, struct wt_error *error)
{
    assert(producer->transactional_id != NULL);
    const struct wt_config *config = producer->config;
    const struct wt_property *own = wt_config_producer_property(config, "transaction.timeout.ms");
    uint64_t needed_ms =
        (uint64_t)config->delivery.commit_interval_ms + config->delivery.drain_ms_max;
    char timeout_ms[24];
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%" PRId64,
                   wt_client_sizes_transaction_ms(config));
    if (own != NULL && strtoull(own->value, NULL, 10) <= needed_ms) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "transaction-timeout",
                            "%s: transaction.timeout.ms %s must exceed delivery.commit_interval_ms "
                            "plus delivery.drain_ms_max, %" PRIu64
                            " ms: a transaction may last that long; raise it or lower those",
                            own->place, own->value, needed_ms);
    }
    producer->transaction_us_max = 1000 * wt_client_sizes_transaction_ms(config);
    enum wt_status status =
        wt_client_conf_set(conf, "transactional.id", producer->transactional_id, error);
    if (status == WT_OK) {
        status = wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER, "transaction.timeout.ms",
                                        timeout_ms, error);
    }
    return status == WT_OK ? wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER,
                                                    "retry.backoff.ms", RETRY_BACKOFF_MS, error)
                           : status;
}

/* A record larger than the queue would find the queue full every time. */
static enum wt_status check_queue(const struct wt_config *config, struct wt_error *error)
{
    const struct wt_property *own = wt_client_sizes_small_queue(config);
    size_t record_bytes_max = wt_client_sizes_record_bytes_max(config);
    if (own == NULL) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "producer-queue",
                        "%s: queue.buffering.max.kbytes %s has no room for one record of "
                        "message.max.bytes, %zu: such a record would stop the worker for ever; "
                        "set %zu at least, or leave it out",
                        own->place, own->value, record_bytes_max, record_bytes_max / 1024 + 1);
}

/* The properties that delivery depends on; config.c refuses them from the user. */
static enum wt_status set_fixed_properties(struct wt_producer *producer, rd_kafka_conf_t *conf,
                                           struct wt_error *error)
{
    const struct wt_config *config = producer->config;
    char queued_kbytes[24];
    char queued_records[24];
    (void)snprintf(queued_kbytes, sizeof queued_kbytes, "%" PRIu64,
                   wt_client_sizes_producer_kbytes(config));
    (void)snprintf(queued_records, sizeof queued_records, "%" PRIu32,
                   config->in_flight.records_max < 100 ? 100 : config->in_flight.records_max);
    enum wt_status status = check_queue(config, error);
    if (status == WT_OK) {
        status = wt_client_conf_set(conf, "enable.idempotence", "true", error);
    }
    if (status == WT_OK && producer->transactional_id != NULL) {
        status = set_transactional_properties(producer, conf, error);
    } else if (status == WT_OK) {
        /* A record in the queue never expires. */
        status = wt_client_conf_set(conf, "message.timeout.ms", "0", error);
        if (status == WT_OK) {
            /* After a refused request librdkafka sends no later record, so none overtakes the refused
             * ones: the producer is replaced (release_internal.h, note "Rejected records"). */
            status = wt_client_conf_set(conf, "enable.gapless.guarantee", "true", error);
        }
    }
    if (status == WT_OK) {
        /* Else librdkafka sends records without a key to one partition for a while, and does not call
         * choose_partition. */
        status = wt_client_conf_set(conf, "sticky.partitioning.linger.ms", "0", error);
    }
    if (status == WT_OK) {
        char linger_ms[24];
        (void)snprintf(linger_ms, sizeof linger_ms, "%" PRIu32,
                       wt_client_sizes_linger_ms(config, producer->transactional_id != NULL));
        status =
            wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER, "linger.ms", linger_ms, error);
    }
    if (status == WT_OK && producer->batch_bytes_max > 0) {
        char batch_bytes[24];
        (void)snprintf(batch_bytes, sizeof batch_bytes, "%" PRId64, producer->batch_bytes_max);
        status = wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER, "batch.size", batch_bytes,
                                        error);
    }
    if (status == WT_OK) {
        status = wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER,
                                        "queue.buffering.max.kbytes", queued_kbytes, error);
    }
    if (status == WT_OK) {
        status = wt_client_conf_default(conf, config, RD_KAFKA_PRODUCER,
                                        "queue.buffering.max.messages", queued_records, error);
    }
    return status;
}

/* librdkafka (seen in 2.0.2 to 2.16) fails an assertion (txn_req_cnt > 0) when a producer is destroyed
 * while it sends AddPartitionsToTxn: the request fails before it is counted. A transaction that is
 * being aborted sends none. Where no transaction is open, the call returns an error that is of no
 * matter. */
static void stop_adding_partitions(const struct wt_producer *producer)
{
    assert(producer->client != NULL);
    if (producer->transactional_id == NULL || producer->late != NULL) {
        return; /* a call is under way, and this one would fail; all partitions were added */
    }
    rd_kafka_error_t *error = rd_kafka_abort_transaction(producer->client, ABORT_MS_MAX);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
}

/* Calls the reports of all records that librdkafka still has. */
static void purge_all(struct wt_producer *producer)
{
    assert(producer->client != NULL);
    (void)rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(producer->client, PURGE_MS_MAX);
}

static void close_client(struct wt_producer *producer)
{
    if (producer->client == NULL) {
        return;
    }
    stop_adding_partitions(producer);
    wt_output_topics_close(producer->topics);
    producer->topics = NULL;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer->client);
    rd_kafka_queue_cb_event_enable(queue, NULL, NULL);
    rd_kafka_queue_destroy(queue);
    wt_txn_offsets_leave(&producer->late, producer->client, producer->doubtful);
    producer->client = NULL;
    producer->doubtful = NULL;
}

static enum wt_status open_client(struct wt_producer *producer, struct wt_error *error)
{
    assert(producer->client == NULL && producer->doubtful == NULL);
    const struct wt_config *config = producer->config;
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_PRODUCER, &conf, error);
    if (status == WT_OK) {
        status = set_fixed_properties(producer, conf, error);
    }
    if (status == WT_OK) {
        status = wt_broker_status_watch(conf, config, RD_KAFKA_PRODUCER, on_statistics, error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, producer);
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
        producer->doubtful = wt_alloc_zeroed(1, sizeof *producer->doubtful);
        atomic_init(producer->doubtful, false);
        if (producer->transactional_id != NULL) {
            (void)rd_kafka_conf_interceptor_add_on_new(conf, "wiretag", on_new, producer->doubtful);
        }
        status = wt_client_create(RD_KAFKA_PRODUCER, &conf, &producer->client, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        free(producer->doubtful);
        producer->doubtful = NULL;
        return status;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer->client);
    rd_kafka_queue_cb_event_enable(queue, producer->wake, producer->wake_opaque);
    rd_kafka_queue_destroy(queue);
    return wt_output_topics_open(producer->client, config, &producer->topics, error);
}

enum wt_status wt_producer_create(const struct wt_config *config, const char *transactional_id,
                                  wt_delivery_report *report, void (*wake)(rd_kafka_t *, void *),
                                  void *wake_opaque, void *opaque,
                                  struct wt_producer **producer_out, struct wt_error *error)
{
    struct wt_producer *producer = wt_alloc_zeroed(1, sizeof *producer);
    producer->config = config;
    producer->report = report;
    producer->wake = wake;
    producer->wake_opaque = wake_opaque;
    producer->opaque = opaque;
    producer->transactional_id = transactional_id != NULL ? wt_strdup(transactional_id) : NULL;
    enum wt_status status = open_client(producer, error);
    if (status != WT_OK) {
        wt_producer_destroy(producer);
        return status;
    }
    *producer_out = producer;
    return WT_OK;
}

enum wt_status wt_producer_limit_batches(struct wt_producer *producer, int64_t topic_bytes_max,
                                         struct wt_error *error)
{
    if (topic_bytes_max <= 0 || topic_bytes_max >= WT_PRODUCER_BATCH_BYTES_MAX) {
        return WT_OK;
    }
    producer->batch_bytes_max = topic_bytes_max;
    close_client(producer);
    return open_client(producer, error);
}

void wt_producer_destroy(struct wt_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    if (producer->client != NULL && rd_kafka_outq_len(producer->client) > 0) {
        purge_all(producer);
    }
    close_client(producer);
    free(producer->transactional_id);
    free(producer);
}

rd_kafka_t *wt_producer_client(struct wt_producer *producer)
{
    return producer->client;
}

bool wt_producer_send_offsets(struct wt_producer *producer,
                              rd_kafka_topic_partition_list_t **offsets,
                              rd_kafka_consumer_group_metadata_t **generation, int wait_ms,
                              int wait_ms_max, rd_kafka_error_t **error_out)
{
    wt_owner_assert(&producer->owner);
    assert(producer->late == NULL);
    producer->late =
        wt_txn_offsets_send(producer->client, offsets, generation, wait_ms, wait_ms_max, error_out);
    return producer->late == NULL;
}

/* --- records --------------------------------------------------------------------------------- */

enum wt_delivery wt_producer_send(struct wt_producer *producer, struct wt_record *record,
                                  const char **reason_out)
{
    wt_owner_assert(&producer->owner);
    assert(record->output.headers != NULL); /* encoded */
    bool dead_letter = record->outcome == WT_OUTCOME_DEAD_LETTERED;
    assert(producer->client != NULL && !record->in_producer);
    bool kept = dead_letter ? record->dead_letter_dated
                            : producer->config->output.timestamp == WT_TIMESTAMP_INPUT;
    bool keep_timestamp = kept && record->timestamp_ms >= 0;
    rd_kafka_headers_t *headers = wt_message_headers(&record->output);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer->client, RD_KAFKA_V_RKT(wt_output_topics_of(producer->topics, record)),
        RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(record->output.key, record->output.key_bytes),
        RD_KAFKA_V_VALUE(record->output.value, record->output.value_bytes),
        RD_KAFKA_V_TIMESTAMP(keep_timestamp ? record->timestamp_ms : 0),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return WT_DELIVERED;
    }
    rd_kafka_headers_destroy(headers);
    *reason_out = rd_kafka_err2str(code);
    return delivery_of(code);
}

void wt_producer_serve(struct wt_producer *producer)
{
    wt_owner_assert(&producer->owner);
    assert(producer->client != NULL);
    (void)rd_kafka_poll(producer->client, 0);
}

void wt_producer_close(struct wt_producer *producer)
{
    wt_owner_assert(&producer->owner);
    if (producer->client == NULL) {
        return;
    }
    if (producer->transactional_id == NULL) {
        /* Waits for the replies to requests under way: what they acknowledge is not sent twice. */
        (void)rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE);
        (void)rd_kafka_flush(producer->client, PURGE_MS_MAX);
    }
    purge_all(producer);
    close_client(producer);
}

enum wt_status wt_producer_reset(struct wt_producer *producer, struct wt_error *error)
{
    wt_owner_assert(&producer->owner);
    wt_metric_add(WT_METRIC_PRODUCERS_REPLACED, 1);
    wt_producer_close(producer);
    return open_client(producer, error);
}
