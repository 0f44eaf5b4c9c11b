/* recreated.h: reads a topic from its start that was re-created and has grown past the position already.
 *
 * librdkafka then reads on at the old offset of the new log, which holds other records before it. Such a
 * partition is marked by topic_ids.h, some seconds later. Then the consumer is set to the log's start; its
 * first record has an offset below the expected one, and the group's offset is reset (log_reset.h). What
 * was read of the new log meanwhile is read again, and labelled twice: nothing tells its records from those
 * of the old log, and none may be lost. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_RECREATED_H
#define WIRETAG_PIPELINE_CONSUME_RECREATED_H

#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

/* The partition is about to be assigned. */
void wt_recreated_begin(struct wt_partition *partition);

/* The group's offset is about to be reset to the new log, whoever noticed it. */
void wt_recreated_note_reset(struct wt_partition *partition);

/* Sets the consumer to the log's start if the partition is marked. Call it once a second. */
void wt_recreated_check(rd_kafka_t *consumer, struct wt_partition *partition);

/* A record comes at `offset`, which is not below the expected one. True: the consumer was set to the log's
 * start, but reads on; the record is to be dropped. */
bool wt_recreated_drops(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset);

#endif
