/* consumer_client.h: makes the consume stage's librdkafka consumer, with the properties that delivery
 * requires, and forwards its partitions' queues. */
#ifndef WIRETAG_PIPELINE_CONSUME_CONSUMER_CLIENT_H
#define WIRETAG_PIPELINE_CONSUME_CONSUMER_CLIENT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* The consumer's callbacks. Thread: the one that polls the consumer. */
struct wt_consumer_client_callbacks {
    void *opaque;
    void (*rebalance)(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque);
    void (*committed)(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque);
    int (*statistics)(rd_kafka_t *client, char *text, size_t bytes, void *opaque);
};

/* WT_INVALID (class fatal): a configured consumer property breaks the delivery guarantee. Thread:
 * any. */
enum wt_status wt_consumer_client_check(const struct wt_config *config, struct wt_error *error);

/* Creates the consumer. `ranged`: a replay (range.h), which never commits an offset without its
 * checkpoint. WT_INVALID or WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_consumer_client_create(const struct wt_config *config, bool ranged,
                                         const struct wt_consumer_client_callbacks *callbacks,
                                         rd_kafka_t **client_out, struct wt_error *error);

/* Subscribes to `topics`. WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_consumer_client_subscribe(rd_kafka_t *client, const struct wt_strings *topics,
                                            struct wt_error *error);

/* Note "Back-pressure": the queues of all partitions are forwarded to one queue of our own, which
 * is read only while the in-flight bound allows. The consumer's own queue, with rebalances and
 * errors, is always polled. So a slow model never makes the worker leave the group. Pausing
 * partitions would discard prefetched records; this does not: librdkafka prefetches up to
 * queued.max.messages.kbytes.
 *
 * Forwards the partition's queue to `records`. Thread: any. */
void wt_consumer_client_forward(rd_kafka_t *client, const char *topic, int32_t partition,
                                rd_kafka_queue_t *records);

/* Stops forwarding: the partition's records stay in its own queue. Thread: any. */
void wt_consumer_client_unforward(rd_kafka_t *client, const char *topic, int32_t partition);

/* Logs an error event of the consumer. True: the error is fatal; `error` has the reason. */
bool wt_consumer_client_failed(rd_kafka_t *client, const rd_kafka_message_t *message,
                               struct wt_error *error);

#endif
