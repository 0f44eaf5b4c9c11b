/* lane.h: the sequencer: puts one partition's records in order, and knows what may be committed.
 *
 * A pure state machine: no thread, clock or Kafka. Records finish in any order. The lane releases them
 * in order of their sequence numbers, takes acknowledgements in any order, and derives the one offset
 * that may be committed: the one after the longest prefix of acknowledged records.
 *
 *   sequence:   head ......... release ............ end
 *               [ released,    [ finished, or       )
 *                 some of them   not here yet
 *                 acknowledged )
 *
 * The lane owns a record from its finish until it is part of the acknowledged prefix, or dropped.
 * Thread: one. */
#ifndef WIRETAG_PIPELINE_PUBLISH_LANE_H
#define WIRETAG_PIPELINE_PUBLISH_LANE_H

#include "record/record.h"
#include "record/tally.h"

struct wt_lane;

/* Takes *record, ends it and sets it to NULL: where a record goes when it leaves the lane. */
typedef void wt_record_end(void *opaque, struct wt_record **record);

struct wt_lane *wt_lane_create(wt_record_end *end, void *opaque);

/* Ends the records inside; accepts NULL. */
void wt_lane_destroy(struct wt_lane *lane);

/* Begins an epoch at sequence 0, with nothing committed. The lane must be closed. */
void wt_lane_open(struct wt_lane *lane, uint32_t epoch);

/* Ends the epoch, and the records inside, uncommitted. Returns their number. */
uint32_t wt_lane_close(struct wt_lane *lane);

/* The open epoch; 0 when closed. */
uint32_t wt_lane_epoch(const struct wt_lane *lane);

/* Takes a FINISHED record of the lane's epoch. */
void wt_lane_finish(struct wt_lane *lane, struct wt_record **record);

/* The next record in order, if it is finished; else NULL. The lane keeps it. */
struct wt_record *wt_lane_next(struct wt_lane *lane);

/* Marks the record that wt_lane_next returned RELEASED, and moves on to the next one. */
void wt_lane_release(struct wt_lane *lane);

/* Marks a RELEASED record ACKNOWLEDGED, and ends the prefix that it completes. */
void wt_lane_acknowledge(struct wt_lane *lane, struct wt_record *record);

/* Makes every released record FINISHED again unless it is acknowledged: they will be released again, in
 * order. Acknowledged ones among them are not. */
void wt_lane_rewind(struct wt_lane *lane);

/* Acknowledges every released record: their transaction was committed. */
void wt_lane_acknowledge_released(struct wt_lane *lane);

/* Remembers that a commit of the released position is sent. */
void wt_lane_note_commit_sent(struct wt_lane *lane);

/* After a transaction whose outcome is unknown, `offset` is the group's committed offset. If it equals
 * the one last sent, that transaction was committed: acknowledges the records before it. Any other value
 * proves nothing about these records: it may be of an earlier commit, of an earlier epoch or of another
 * log (log_reset.h). Call it after a rewind. */
void wt_lane_resolve_unknown(struct wt_lane *lane, int64_t offset);

/* The offset after the last released record, acknowledged or not: what a transaction commits. -1: none. */
int64_t wt_lane_released_position(const struct wt_lane *lane);

/* The offset after the acknowledged prefix: what may be committed. -1: none. */
int64_t wt_lane_position(const struct wt_lane *lane);

/* Remembers that `offset` was committed, or stored to be. */
void wt_lane_committed(struct wt_lane *lane, int64_t offset);

/* The last offset given to wt_lane_committed; -1: none. */
int64_t wt_lane_committed_offset(const struct wt_lane *lane);

/* The outcomes of the epoch's acknowledged prefix; with `released`, also of the released records behind
 * it. They belong to wt_lane_position and wt_lane_released_position. */
struct wt_tally wt_lane_tally(const struct wt_lane *lane, bool released);

/* How many records are released and not part of the acknowledged prefix yet. */
uint32_t wt_lane_released_count(const struct wt_lane *lane);

/* How many records the lane holds. */
uint32_t wt_lane_count(const struct wt_lane *lane);

#endif
