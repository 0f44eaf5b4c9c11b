/* lane.h: the sequencer: puts one partition's records back in order and knows what is committed.
 *
 * A pure state machine: no thread, clock or Kafka. Records finish in any order; the lane releases
 * them in sequence order, takes acknowledgements in any order, and derives the one number that may
 * be committed: the offset after the longest prefix in which every record is acknowledged.
 *
 *   sequence:   head ......... release ............ end
 *               [ released,    [ finished or still  )
 *                 some acked )   elsewhere (holes)
 *
 * The lane owns every record between finish and drop or acknowledged prefix. Thread: one. */
#ifndef WIRETAG_PIPELINE_PUBLISH_LANE_H
#define WIRETAG_PIPELINE_PUBLISH_LANE_H

#include "record/record.h"
#include "record/tally.h"

struct wt_lane;

/* Takes *record, ends it and clears it: how the lane lets go of a record that is done with. */
typedef void wt_record_end(void *opaque, struct wt_record **record);

struct wt_lane *wt_lane_create(wt_record_end *end, void *opaque);

/* Ends what is inside. */
void wt_lane_destroy(struct wt_lane *lane);

/* Starts an epoch at sequence 0 with nothing committed. The lane must be closed. */
void wt_lane_open(struct wt_lane *lane, uint32_t epoch);

/* Ends the epoch: whatever is inside is ended uncommitted. Returns how many were. */
uint32_t wt_lane_close(struct wt_lane *lane);

/* The open epoch; 0 when closed. */
uint32_t wt_lane_epoch(const struct wt_lane *lane);

/* Takes a FINISHED record of the lane's epoch. */
void wt_lane_finish(struct wt_lane *lane, struct wt_record **record);

/* The next record in order if it is finished, else NULL. It stays the lane's. */
struct wt_record *wt_lane_next(struct wt_lane *lane);

/* Marks the record wt_lane_next gave RELEASED and moves on to the one after it. */
void wt_lane_release(struct wt_lane *lane);

/* Marks a RELEASED record ACKNOWLEDGED and ends the prefix that is complete by it. */
void wt_lane_acknowledge(struct wt_lane *lane, struct wt_record *record);

/* Takes back every released, unacknowledged record: they are FINISHED again, to be released anew
 * in order; those acknowledged meanwhile are not released twice. */
void wt_lane_rewind(struct wt_lane *lane);

/* Acknowledges every released record at once: their transaction was committed. */
void wt_lane_acknowledge_released(struct wt_lane *lane);

/* Remembers that the released position is asked to be committed. */
void wt_lane_note_commit_sent(struct wt_lane *lane);

/* The group's committed offset is read, after a transaction whose outcome was unknown. Where it is
 * what was last asked for, the transaction was committed: acknowledges the records before it, released
 * or finished again since. Any other is of a commit before, if not of an earlier epoch or of another
 * log (log_reset.h), and says nothing of these records. Call it after a rewind. */
void wt_lane_resolve_unknown(struct wt_lane *lane, int64_t offset);

/* One past the last released record, acknowledged or not: what a transaction commits. -1: none. */
int64_t wt_lane_released_position(const struct wt_lane *lane);

/* The offset to commit: one past the acknowledged prefix; -1 while nothing is. */
int64_t wt_lane_position(const struct wt_lane *lane);

/* Remembers that `offset` was committed (or asked for). */
void wt_lane_committed(struct wt_lane *lane, int64_t offset);

/* The last offset given to wt_lane_committed; -1: none. */
int64_t wt_lane_committed_offset(const struct wt_lane *lane);

/* What the epoch's acknowledged prefix has become; with `released`, also what is released behind it:
 * the books that go with wt_lane_position and wt_lane_released_position. */
struct wt_tally wt_lane_tally(const struct wt_lane *lane, bool released);

/* How many records are released and not yet part of the acknowledged prefix. */
uint32_t wt_lane_released_count(const struct wt_lane *lane);

/* How many records the lane holds. */
uint32_t wt_lane_count(const struct wt_lane *lane);

#endif
