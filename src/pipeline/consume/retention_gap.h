/* retention_gap.h: records that retention deletes before this worker has read them.
 *
 * librdkafka goes on at auto.offset.reset then, and only its log says so. Here it shows as a gap
 * between the offset that was to come next and the record that came; but transaction markers and
 * compaction leave gaps, too. So where there is one, the broker is asked for the first offset that
 * is left: what lies before that is lost, and is counted and logged when the answer comes.
 *
 * What comes first in an assignment is what the group has committed. That is asked for when a partition
 * is assigned, and no record of it is taken before the answer is there (wt_retention_gap_ready).
 *
 * Nothing here waits for a broker. Thread: consume. */
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
void wt_retention_gap_destroy(struct wt_retention_gap *loss);

/* A partition is about to be assigned: asks what the group has committed. Not of a replay, which knows
 * (range.h): `ranged`. */
void wt_retention_gap_begin(struct wt_retention_gap *loss, struct wt_partition *partition,
                            bool ranged);

/* What is to come first in the assignment is known, or will not be: records may be taken. */
bool wt_retention_gap_ready(struct wt_retention_gap *loss, struct wt_partition *partition);

/* Reading has come to `offset`, the next one or one behind a gap. The caller says then what is to come
 * next. Returns what was expected where that lies behind `offset`: the next one, or what the group has
 * committed (suspend.h); else `offset`. */
int64_t wt_retention_gap_look(struct wt_retention_gap *loss, struct wt_partition *partition,
                              int64_t offset);

/* Takes the answers that have come. Often. */
void wt_retention_gap_step(struct wt_retention_gap *loss);

/* Every gap has been looked into. */
bool wt_retention_gap_settled(const struct wt_retention_gap *loss);

#endif
