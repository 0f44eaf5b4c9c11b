/* partition.h: the source partitions this worker has had, and whose turn they are in.
 *
 * Every assignment of a partition starts a new epoch. A record carries the epoch it was consumed
 * in; once consume has ended that epoch, stages before the model drop the record, and publish,
 * which ends its own view of the epoch last, drops what comes out of the model too late. A
 * partition's struct lives as long as the table, so records may point to it. */
#ifndef WIRETAG_RECORD_PARTITION_H
#define WIRETAG_RECORD_PARTITION_H

#include "record/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_lane;  /* lane.h */
struct wt_range; /* range.h */

/* Offsets from <= offset < to that gave no record. All zero: none. */
struct wt_gap {
    int64_t from;
    int64_t to;
};

/* A record that was read, to know it by: another log has another one at its offset. */
struct wt_record_mark {
    int64_t offset; /* -1: none was read */
    int64_t timestamp_ms;
    size_t bytes; /* of key and value */
};

struct wt_partition {
    const char *topic;
    int32_t number;

    /* Consume's side. */
    uint32_t epoch_last; /* of the newest assignment; consume thread, publish while that drains */
    uint64_t sequence_next;          /* consume thread only */
    bool assigned;                   /* consume thread only */
    struct wt_range *range;          /* of a replay; NULL: everything is read */
    bool suspended;                  /* suspend.h: nothing is taken */
    bool held;                       /* assigned, its records are not to be taken yet */
    struct wt_record_mark read_last; /* of the assignment */
    int64_t moved_us;                /* when anything came of it last, or was not asked for */
    int64_t next_offset; /* that is to come; -1: not known. It and what follows: retention_gap.h */
    int64_t begun_us;    /* when the assignment began */
    uint64_t committed_question; /* what the group has committed is awaited; 0: no more */
    int64_t hole_max;            /* largest gap in which nothing was lost */
    int64_t looked_us;           /* when a gap was last looked into */
    uint64_t gap_question;       /* of `gap`; 0: none is looked into */
    struct wt_gap gap;
    struct wt_gap gap_next; /* to be looked into then */
    size_t extent_slot;     /* extent_query.h; 0: never asked about */
    atomic_uint epoch_live; /* 0: not assigned; written by consume, read by every stage */

    /* What monitor.h reads. */
    atomic_llong position;  /* behind the last record consumed in the epoch; -1: none yet */
    atomic_llong read_to;   /* where reading ends: behind a replay's range; INT64_MAX: nowhere */
    atomic_uint pending;    /* records in flight */
    atomic_llong oldest_ms; /* while any is: no record in flight has an older timestamp, but for
                             * those out of order */

    atomic_uint running[2]; /* wt_partition_running */

    /* Publish's side; publish thread only. */
    struct wt_lane *lane;
    uint32_t epoch_closed; /* the newest that it has let go of */
};

struct wt_partitions;

struct wt_partitions *wt_partitions_create(void);
void wt_partitions_destroy(struct wt_partitions *partitions);

/* The partition's struct, made on first sight. Thread: consume. */
struct wt_partition *wt_partitions_get(struct wt_partitions *partitions, const char *topic,
                                       int32_t number);

/* All partitions seen so far, in order of first sight; NULL past the end. Thread: any. */
struct wt_partition *wt_partitions_at(struct wt_partitions *partitions, size_t index);

/* What is consumed from now on is of a new epoch; the last one has ended. Thread: consume. */
void wt_partition_begin_epoch(struct wt_partition *partition);

/* Where the record's article comes from: its own place, or of a redriven dead letter that of the
 * article. Thread: any. */
static inline struct wt_origin wt_record_origin(const struct wt_record *record)
{
    return record->origin.topic != NULL ? record->origin
                                        : (struct wt_origin){.topic = record->source->topic,
                                                             .partition = record->source->number,
                                                             .offset = record->offset};
}

/* How many records of the epoch infer has taken that publish has not seen yet. Where a drain was cut
 * short they come out while the next epoch runs, whose drain must not wait for them. Thread: any. */
static inline atomic_uint *wt_partition_running(struct wt_partition *partition, uint32_t epoch)
{
    return &partition->running[epoch % 2];
}

/* The record's assignment is over: drop it. Thread: any. */
static inline bool wt_record_stale(const struct wt_record *record)
{
    return record->epoch != atomic_load_explicit(&record->source->epoch_live, memory_order_acquire);
}

#endif
