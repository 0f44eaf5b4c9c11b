/* range.h: what of each partition a replay reads, on consume's side.
 *
 * The range and the books so far are in the metadata of the group's committed offset (checkpoint.h). They
 * are asked for once the partition is assigned, without keeping the group waiting; until they are
 * there, consume takes no record at all. At the end of its range a partition is paused, and where
 * its last record is not the range's last offset (transaction markers and compaction leave holes)
 * one HOLE record goes through the pipeline behind it, so that the end is committed as well.
 *
 * Thread: consume, unless said otherwise. */
#ifndef WIRETAG_REPLAY_RANGE_H
#define WIRETAG_REPLAY_RANGE_H

#include "record/partition.h"
#include "replay/checkpoint.h"

#include <librdkafka/rdkafka.h>

enum wt_range_state {
    WT_RANGE_UNKNOWN, /* assigned, not read yet */
    WT_RANGE_OPEN,
    WT_RANGE_OVER
};

struct wt_range {
    enum wt_range_state state;
    bool paused;
    /* As they stood when the epoch began. Written before the epoch's first record goes on; the
     * publish thread reads them while the partition's lane is open. */
    struct wt_checkpoint books;
};

/* A partition is about to be assigned: its range is to be learnt. */
void wt_range_begin(rd_kafka_t *consumer, struct wt_partition *partition);

/* Reads the ranges that are unknown; waits for the broker for a fraction of a second. True: all
 * assigned partitions have theirs. WT_FAILED in *status_out (class fatal): the group's commits are
 * not those of a replay. */
bool wt_ranges_learn(rd_kafka_t *consumer, struct wt_partitions *partitions,
                     enum wt_status *status_out, struct wt_error *error);

/* A record lies at `offset`: whether it belongs to the range and is taken. */
bool wt_range_takes(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset);

/* Reading has come to `offset`, where no record of the range may lie. The HOLE record to hand
 * on, or NULL: none is due. */
struct wt_record *wt_range_end(rd_kafka_t *consumer, struct wt_partition *partition,
                               int64_t offset);

/* The partition begins again before its range was read: the records of the range are no more, and those
 * at its offsets are others: none is taken any more. WT_FAILED in `error` (class fatal), returned. */
enum wt_status wt_range_gone(struct wt_partition *partition, struct wt_error *error);

/* Writes the books into a commit's metadata where the partition has a range: those of its lane,
 * with what is released or only with what is acknowledged. Thread: publish. */
void wt_range_note(const struct wt_partition *partition, const struct wt_tally *tally,
                   rd_kafka_topic_partition_t *commit);

#endif
