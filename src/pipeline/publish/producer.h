/* producer.h: one Kafka producer, from encoded records to delivery reports.
 *
 * Knows topics, partitions, time-outs and what each error means; which record is released when, and
 * what an acknowledgement is worth, is the publish stage's business. Publish thread only. */
#ifndef WIRETAG_PIPELINE_PUBLISH_PRODUCER_H
#define WIRETAG_PIPELINE_PUBLISH_PRODUCER_H

#include "config/config.h"
#include "record/record.h"

#include <librdkafka/rdkafka.h>

struct wt_producer;

/* What became of a record that was handed to the producer. */
enum wt_delivery {
    WT_DELIVERED,          /* on the broker, on all in-sync replicas */
    WT_DELIVERY_REJECTED,  /* the broker refuses it or a neighbour in its request: try it alone */
    WT_DELIVERY_TOO_LARGE, /* likewise, because of its size */
    WT_DELIVERY_RETRY,     /* not delivered, may be later */
    WT_DELIVERY_PURGED,    /* not delivered: the producer was reset */
    WT_DELIVERY_FATAL      /* the producer is unusable: reset it */
};

/* Called from wt_producer_serve, _reset and _close for each record handed over. `reason` says in
 * words what went wrong. */
typedef void wt_delivery_report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                                const char *reason);

/* Makes an idempotent producer, or a transactional one where `transactional_id` is not NULL (it is
 * copied; transactions are transaction.h's business). `wake(client, wake_opaque)` is called on a
 * librdkafka thread when reports wait for wt_producer_serve. WT_INVALID or WT_FAILED (class fatal).
 */
enum wt_status wt_producer_create(const struct wt_config *config, const char *transactional_id,
                                  wt_delivery_report *report, void (*wake)(rd_kafka_t *, void *),
                                  void *wake_opaque, void *opaque, struct wt_producer **produce_out,
                                  struct wt_error *error);

/* Gives up on what is still queued without reports. */
void wt_producer_destroy(struct wt_producer *produce);

rd_kafka_t *wt_producer_client(struct wt_producer *produce);

/* Hands over the record's output, which is copied. WT_DELIVERED here means "queued": its report
 * follows. WT_DELIVERY_RETRY: the local queue is full or the topic unknown for now; anything else
 * as in a report, without one following. */
enum wt_delivery wt_producer_send(struct wt_producer *produce, struct wt_record *record,
                                  const char **reason_out);

/* Gives out the reports that wait. */
void wt_producer_serve(struct wt_producer *produce);

/* Gives up on everything queued, with WT_DELIVERY_PURGED reports, and ends the client, if
 * there is one. Only wt_producer_destroy may follow. */
void wt_producer_close(struct wt_producer *produce);

/* Likewise, and makes a new client. WT_INVALID or WT_FAILED (class fatal): that cannot be made, and it is
 * as after wt_producer_close. */
enum wt_status wt_producer_reset(struct wt_producer *produce, struct wt_error *error);

/* Adds offsets to the open transaction, as wt_txn_offsets_send does. False: that took too long, and the only
 * thing left to do with this client is wt_producer_reset. */
bool wt_producer_send_offsets(struct wt_producer *produce,
                              rd_kafka_topic_partition_list_t **offsets,
                              rd_kafka_consumer_group_metadata_t **membership, int wait_ms,
                              int wait_ms_max, rd_kafka_error_t **error_out);

/* NULL: not transactional. */
const char *wt_producer_transactional_id(const struct wt_producer *produce);

/* How long the broker lets a transaction last, microseconds. */
int64_t wt_producer_transaction_us_max(const struct wt_producer *produce);

/* Since it was made, one of the client's transactional requests (Produce, AddPartitionsToTxn,
 * AddOffsetsToTxn, TxnOffsetCommit, EndTxn) ended in a transport error or time-out: a copy of it
 * may still be on its way. */
bool wt_producer_doubtful(const struct wt_producer *produce);

#endif
