/* consumer.h: the Kafka consumer of the consume stage, with the properties that delivery needs. */
#ifndef WIRETAG_PIPELINE_CONSUME_CONSUMER_H
#define WIRETAG_PIPELINE_CONSUME_CONSUMER_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* What it calls back, on the thread that polls it. */
struct wt_consumer_callbacks {
    void *opaque;
    void (*rebalance)(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque);
    void (*committed)(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque);
    int (*statistics)(rd_kafka_t *client, char *text, size_t bytes, void *opaque);
};

/* WT_INVALID (class fatal): what the user sets of the consumer breaks what delivery promises. Thread: any. */
enum wt_status wt_consumer_check(const struct wt_config *config, struct wt_error *error);

/* Makes it. `ranged`: ranges are read (range.h), so nothing is committed without its books. WT_INVALID
 * or WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_consumer_create(const struct wt_config *config, bool ranged,
                                  const struct wt_consumer_callbacks *callbacks,
                                  rd_kafka_t **client_out, struct wt_error *error);

/* Subscribes to topics. WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_consumer_subscribe(rd_kafka_t *client, const struct wt_strings *topics,
                                     struct wt_error *error);

/* Answers a rebalance by the protocol of the group: takes the partitions, or gives them back. One may
 * come when the client has left its group already (stopped between an assignment and its delivery): it
 * has neither protocol nor assignment then, and nothing is changed. Thread: that which polls. */
void wt_consumer_assign(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *list,
                        bool assign);

/* Note "Revoke under way": under a cooperative strategy librdkafka (seen in 2.16.0, and in the source of
 * 2.15) keeps what it will assign after a revoke until that is answered. A topic that grows has it join
 * its group anew all the same, and then no answer counts: it keeps that for good, takes every later
 * rebalance for one that is under way, and does not join. The group then waits for this worker until
 * max.poll.interval.ms is over, and the worker does not come back. So a revoke is answered at once, with
 * no partition: librdkafka goes on to the assignment, for whose answer it waits before it joins. The
 * partitions stay assigned, and their positions can be committed, until wt_consumer_assign gives them
 * back. The callback must come soon: an event wakes the thread that waits for records (consume.c).
 * What has the client join before that, within a millisecond or two, is beyond reach.
 *
 * Tells the client that a revoke is being worked on. Thread: that which polls. */
void wt_consumer_begin_revoke(rd_kafka_t *client);

/* Note "Back-pressure": records of all partitions are led into a queue of our own, which is read
 * only while there is room in flight; the consumer's own queue, with rebalances and errors, is
 * polled all the time. So a slow model never costs the membership, and nothing that was fetched
 * ahead is thrown away, as pausing partitions would; librdkafka fetches on until
 * queued.max.messages.kbytes. Thread: any. */
void wt_consumer_forward(rd_kafka_t *client, const char *topic, int32_t partition,
                         rd_kafka_queue_t *records);

/* Its records stay where they are until they are led somewhere. Thread: any. */
void wt_consumer_hold(rd_kafka_t *client, const char *topic, int32_t partition);

/* Logs an error that came in a record's place. True: the client cannot go on, and `error` says why. */
bool wt_consumer_failed(rd_kafka_t *client, const rd_kafka_message_t *message,
                        struct wt_error *error);

#endif
