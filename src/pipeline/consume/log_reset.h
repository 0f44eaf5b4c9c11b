/* log_reset.h: resets the group's offset after a partition's offsets went backwards.
 *
 * The topic was re-created or truncated: the broker's log no longer holds the next offset
 * (suspend.h has checked that), and librdkafka continued at auto.offset.reset. The group's
 * committed offset is now ahead of the log. A restart would skip records, and librdkafka's timer
 * would commit nothing, because it only commits forward. So the group's offset is reset before any
 * record of the new log is processed:
 *
 *   1. the first message of the new log is kept; no record of any partition is taken until the
 *      partition has no record in flight
 *   2. the epoch ends without a record
 *   3. the message's offset is committed; a failed commit is retried
 *   4. the message is returned to the caller and starts a new epoch
 *
 * If the partition is revoked meanwhile, its next owner does the same. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_LOG_RESET_H
#define WIRETAG_PIPELINE_CONSUME_LOG_RESET_H

#include "record/partition.h"

#include <librdkafka/rdkafka.h>

struct wt_log_reset;

/* Drains partitions whose epochs have ended, as wt_consume_hooks.drain does (consume.h). */
typedef void wt_log_reset_drain(void *opaque, struct wt_partition *const *partitions, size_t count,
                                bool lost);

/* The consumer is borrowed. */
struct wt_log_reset *wt_log_reset_create(rd_kafka_t *consumer, wt_log_reset_drain *drain,
                                         void *opaque);

/* Before the consumer is destroyed; accepts NULL. */
void wt_log_reset_destroy(struct wt_log_reset *reset);

/* Starts the reset of `source`, which is assigned, to the offset of *message. Takes *message and
 * clears it. Only one reset can be under way. */
void wt_log_reset_begin(struct wt_log_reset *reset, struct wt_partition *source,
                        rd_kafka_message_t **message);

/* True: a reset is under way; no record may be taken. */
bool wt_log_reset_under_way(const struct wt_log_reset *reset);

/* Advances the reset without waiting for the broker. When the reset is done, returns the kept
 * message; the caller owns it and starts a new epoch with it. Otherwise NULL. */
rd_kafka_message_t *wt_log_reset_step(struct wt_log_reset *reset);

#endif
