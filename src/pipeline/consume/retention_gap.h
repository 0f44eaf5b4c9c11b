/* retention_gap.h: detects records that retention deleted before this worker read them.
 *
 * librdkafka then continues at auto.offset.reset and only logs the jump. The worker sees a gap: the
 * next record's offset is larger than expected. But transaction markers and compaction leave gaps too.
 * So for a gap the broker is asked for the log's first offset. Expected offsets before the log's first
 * offset are lost; they are counted and logged.
 *
 * The first expected offset of an assignment is the group's committed offset. The committed offset is
 * queried when a partition is assigned; no record of the partition is taken before the answer
 * (wt_retention_gap_ready).
 *
 * No function here waits for a broker. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_RETENTION_GAP_H
#define WIRETAG_PIPELINE_CONSUME_RETENTION_GAP_H

#include "config/config.h"
#include "kafka/extent_query.h"
#include "record/partition.h"

struct wt_retention_gap;

/* Everything is borrowed. */
struct wt_retention_gap *wt_retention_gap_create(const struct wt_config *config,
                                                 struct wt_partitions *partitions,
                                                 struct wt_extent_query *query);

/* Accepts NULL. */
void wt_retention_gap_destroy(struct wt_retention_gap *retention_gap);

/* Prepares a partition that is about to be assigned: queries the group's committed offset.
 * `ranged`: a replay, which needs no query (range.h). */
void wt_retention_gap_begin(struct wt_retention_gap *retention_gap, struct wt_partition *partition,
                            bool ranged);

/* True: records may be taken, because the first expected offset is known or its query has timed
 * out. */
bool wt_retention_gap_ready(struct wt_retention_gap *retention_gap, struct wt_partition *partition);

/* Compares `offset`, of the message just read, with the expected offset and checks a gap between
 * them. Returns the expected offset if `offset` went backwards (suspend.h), else `offset`. The
 * caller updates partition->next_offset. */
int64_t wt_retention_gap_look(struct wt_retention_gap *retention_gap,
                              struct wt_partition *partition, int64_t offset);

/* Handles the answers that have arrived. Call it often. */
void wt_retention_gap_step(struct wt_retention_gap *retention_gap);

/* True: no gap is being checked. */
bool wt_retention_gap_settled(const struct wt_retention_gap *retention_gap);

#endif
