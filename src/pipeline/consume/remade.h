/* remade.h: reads a topic from its start that was re-created and has grown past the position already.
 *
 * librdkafka then reads on at the old offset of the new log, which holds other records before it. Such a
 * partition is marked by topic_ids.h, some seconds later. Meanwhile records of the new log may have been
 * read behind the old offset, and labelled. Between the old log and the new one no record can have come for
 * as long as the topic was gone; so the longest pause of reading since the old id was last seen tells where
 * the new log began:
 *
 *     old log   0 ........ from |
 *     new log   0 ........ from | ....... to .......
 *               not read          read     not read
 *
 *   1. the consumer is set to the log's start
 *   2. its first record has an offset below the expected one; the group's offset is reset (log_reset.h)
 *   3. at `from` reading jumps to `to`
 *
 * The records from `from` to `to` are labelled twice only if the worker is killed in between, or if its
 * in-flight bound held reading up while the topic was re-created: then nothing is jumped over. Thread:
 * consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_REMADE_H
#define WIRETAG_PIPELINE_CONSUME_REMADE_H

#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

/* The partition is about to be assigned. */
void wt_remade_begin(struct wt_partition *partition);

/* A record was taken, and next_offset is behind it. */
void wt_remade_note(struct wt_partition *partition, int64_t now_us);

/* The group's offset is about to be reset to the new log, whoever noticed it. */
void wt_remade_note_reset(struct wt_partition *partition);

/* Sets the consumer to the log's start if the partition is marked. `held_us`: when reading last had to wait
 * for room; then the pauses tell nothing, and what was read is read again. Call it once a second. */
void wt_remade_check(rd_kafka_t *consumer, struct wt_partition *partition, int64_t held_us);

/* A record comes at `offset`, which is not below the expected one. True: the consumer was set to the log's
 * start, but reads on; the record is to be dropped. */
bool wt_remade_drops(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset);

/* True: the record at `offset` was read before. The consumer is set behind those, to next_offset. */
bool wt_remade_jumps(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset);

#endif
