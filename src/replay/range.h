/* range.h: limits what consume reads of each partition to the range of a replay.
 *
 * The range and the counts so far are the metadata of the group's committed offset (checkpoint.h). This
 * metadata is requested after a partition is assigned, without delaying the rebalance; until it has
 * arrived for all partitions, consume takes no record at all. At the end of its range a partition is
 * paused. The last offsets of a range may hold no record, only transaction markers or compacted
 * records. Then a HOLE record goes through the pipeline after the last record, so that the end is
 * committed.
 *
 * Thread: consume, unless stated otherwise. */
#ifndef WIRETAG_REPLAY_RANGE_H
#define WIRETAG_REPLAY_RANGE_H

#include "record/partition.h"
#include "replay/checkpoint.h"

#include <librdkafka/rdkafka.h>

enum wt_range_state {
    WT_RANGE_UNKNOWN, /* assigned, checkpoint not read yet */
    WT_RANGE_OPEN,
    WT_RANGE_OVER
};

struct wt_range {
    enum wt_range_state state;
    bool paused;
    /* As of the start of the epoch. Written before the first record of the epoch is passed on. The
     * publish thread reads it while the partition's order is open. */
    struct wt_checkpoint checkpoint;
};

/* Call it when a partition is about to be assigned: its range must be read. */
void wt_range_begin(rd_kafka_t *consumer, struct wt_partition *partition);

/* Reads the missing ranges; blocks for a fraction of a second. True: every assigned partition has
 * its range. WT_FAILED in *status_out (class fatal): the group holds commits that no replay
 * made. */
bool wt_ranges_learn(rd_kafka_t *consumer, struct wt_partitions *partitions,
                     enum wt_status *status_out, struct wt_error *error);

/* True: the record at `offset` belongs to the range and is taken. */
bool wt_range_takes(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset);

/* Reading has reached `offset`, where the range may hold no more record. Returns the HOLE record to
 * pass on, or NULL if none is due. */
struct wt_record *wt_range_end(rd_kafka_t *consumer, struct wt_partition *partition,
                               int64_t offset);

/* The topic was re-created or truncated before the range was read, so records at its offsets are
 * other records. Takes no more. Returns WT_FAILED, with `error` (class fatal). */
enum wt_status wt_range_gone(struct wt_partition *partition, struct wt_error *error);

/* Adds the checkpoint to a commit's metadata if the partition has a range. `tally`, and `compared` unless
 * it is NULL, are what its order has counted since the epoch began. Thread: publish. */
void wt_range_note(const struct wt_partition *partition, const struct wt_tally *tally,
                   const struct wt_comparison *compared, rd_kafka_topic_partition_t *commit);

#endif
