/* producer.h: one Kafka producer: sends encoded records, reports their delivery.
 *
 * The producer knows topics, partitions, time-outs and what each error means. release.c decides
 * which record is released when; the guarantees decide what a delivery report means for the record.
 * Thread: publish, except for create, client and destroy. */
#ifndef WIRETAG_PIPELINE_PUBLISH_PRODUCER_H
#define WIRETAG_PIPELINE_PUBLISH_PRODUCER_H

#include "config/config.h"
#include "record/record.h"

#include <librdkafka/rdkafka.h>

struct wt_producer;

/* The outcome of a record that was sent. */
enum wt_delivery {
    WT_DELIVERED,          /* stored by all in-sync replicas */
    WT_DELIVERY_REJECTED,  /* the broker refuses the record, or another one in its request */
    WT_DELIVERY_TOO_LARGE, /* the same, because of its size */
    WT_DELIVERY_RETRY,     /* not delivered; it may be the next time */
    WT_DELIVERY_EXPIRED,   /* the same, and not within message.timeout.ms */
    WT_DELIVERY_PURGED,    /* not delivered: the producer was reset */
    WT_DELIVERY_FATAL      /* the producer failed for good: reset it */
};

/* Called by wt_producer_serve, _reset, _close and _destroy for each record that was sent. `reason` is the
 * error in words. */
typedef void wt_delivery_report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                                const char *reason);

/* Makes an idempotent producer, or a transactional one where `transactional_id` is not NULL (it is
 * copied; transaction.h makes the transactions). `wake(client, wake_opaque)` is called on a librdkafka
 * thread when reports wait for wt_producer_serve. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_producer_create(const struct wt_config *config, const char *transactional_id,
                                  wt_delivery_report *report, void (*wake)(rd_kafka_t *, void *),
                                  void *wake_opaque, void *opaque,
                                  struct wt_producer **producer_out, struct wt_error *error);

/* librdkafka's default of batch.size. */
#define WT_PRODUCER_BATCH_BYTES_MAX 1000000

/* Topics take batches of this size, their max.message.bytes: librdkafka makes none that is larger, except of
 * a single record. Makes the client anew where it would. Before the first record. WT_INVALID or WT_FAILED
 * (class fatal). Thread: the one that created it. */
enum wt_status wt_producer_limit_batches(struct wt_producer *producer, int64_t topic_bytes_max,
                                         struct wt_error *error);

/* Purges what is still queued, with reports; accepts NULL. Thread: one that has joined publish. */
void wt_producer_destroy(struct wt_producer *producer);

rd_kafka_t *wt_producer_client(struct wt_producer *producer);

/* Queues the record's output, which is copied. WT_DELIVERED means "queued" here: its report follows.
 * WT_DELIVERY_RETRY: the queue is full, or the topic is not known yet. The others as in a report, and
 * no report follows. */
enum wt_delivery wt_producer_send(struct wt_producer *producer, struct wt_record *record,
                                  const char **reason_out);

/* Calls the reports that are waiting. */
void wt_producer_serve(struct wt_producer *producer);

/* Purges everything queued, with WT_DELIVERY_PURGED reports, and closes the client, if there is one.
 * Only wt_producer_destroy may follow. */
void wt_producer_close(struct wt_producer *producer);

/* The same, and makes a new client. WT_INVALID or WT_FAILED (class fatal): it cannot be made, and only
 * wt_producer_destroy may follow. */
enum wt_status wt_producer_reset(struct wt_producer *producer, struct wt_error *error);

/* Adds offsets to the open transaction; see wt_txn_offsets_send. False: the call exceeded its time, and
 * only wt_producer_reset may follow. */
bool wt_producer_send_offsets(struct wt_producer *producer,
                              rd_kafka_topic_partition_list_t **offsets,
                              rd_kafka_consumer_group_metadata_t **generation, int wait_ms,
                              int wait_ms_max, rd_kafka_error_t **error_out);

/* NULL: the producer is not transactional. */
const char *wt_producer_transactional_id(const struct wt_producer *producer);

/* After how long the broker aborts a transaction (transaction.timeout.ms), microseconds. */
int64_t wt_producer_transaction_us_max(const struct wt_producer *producer);

/* True: one of the client's transactional requests (Produce, AddPartitionsToTxn, AddOffsetsToTxn,
 * TxnOffsetCommit, EndTxn) ended in a transport error or time-out since the client was made. A copy
 * of that request may still be on its way. */
bool wt_producer_doubtful(const struct wt_producer *producer);

#endif
