/* log_reset.h: a partition whose offsets go backwards.
 *
 * The broker's log no longer holds the next offset (suspend.h has asked): the topic was re-created or
 * truncated, and librdkafka went on at auto.offset.reset. What was read before can never be read again;
 * and the group's offset lies ahead of all that is to come, so that a restart would pass over records, and
 * librdkafka, whose timer commits only forwards, commits none. So the group's offset goes back first, and
 * what is from here and from there is kept apart:
 *
 *   1. the record that shows it is held, and none is taken, of any partition, until everything of its
 *      partition before it is done with
 *   2. the epoch ends, empty
 *   3. the group's offset is set back to the record, asked for until it is granted
 *   4. the record is given back, to begin a new epoch with
 *
 * If the partition is revoked meanwhile, its next owner comes to the same place. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_LOG_RESET_H
#define WIRETAG_PIPELINE_CONSUME_LOG_RESET_H

#include "record/partition.h"

#include <librdkafka/rdkafka.h>

struct wt_log_reset;

/* Has the rest of the pipeline let go of partitions whose epochs have ended; as in consume.h. */
typedef void wt_log_reset_drain(void *opaque, struct wt_partition *const *partitions, size_t count,
                                bool lost);

/* The consumer is borrowed. */
struct wt_log_reset *wt_log_reset_create(rd_kafka_t *consumer, wt_log_reset_drain *drain,
                                         void *opaque);

/* Before the consumer is destroyed; accepts NULL. */
void wt_log_reset_destroy(struct wt_log_reset *setback);

/* `source`, assigned, begins again with *message; takes it and clears it. One at a time. */
void wt_log_reset_begin(struct wt_log_reset *setback, struct wt_partition *source,
                        rd_kafka_message_t **message);

/* One is under way: no record may be taken. */
bool wt_log_reset_under_way(const struct wt_log_reset *setback);

/* Goes on, without waiting for the broker. The message that was held, now the caller's, once a new
 * epoch of its partition is to begin with it; else NULL. */
rd_kafka_message_t *wt_log_reset_step(struct wt_log_reset *setback);

#endif
