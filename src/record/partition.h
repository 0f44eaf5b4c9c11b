/* partition.h: the table of source partitions that were ever assigned to this worker.
 *
 * Every assignment of a partition starts a new epoch. A record carries the epoch it was consumed
 * in. When the consume stage ends the epoch, the stages before the model drop the record. The
 * publish stage closes the epoch last, after the drain; it drops records that leave the model after
 * that. A partition's struct lives as long as the table, so records may point to it. A
 * partition's order, and what may be committed of it, is kept in publish/order.h. */
#ifndef WIRETAG_RECORD_PARTITION_H
#define WIRETAG_RECORD_PARTITION_H

#include "record/promotion.h"
#include "record/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_order;   /* order.h */
struct wt_range;   /* range.h */
struct wt_waiting; /* takeover_internal.h */

/* The offsets from <= offset < to, for which no record was read. All zero: no gap. */
struct wt_gap {
    int64_t from;
    int64_t to;
};

/* Identifies a record that was read. After a topic was re-created or truncated, the log holds a
 * different record at the same offset. */
struct wt_record_mark {
    int64_t offset; /* -1: no record was read */
    int64_t timestamp_ms;
    size_t bytes; /* of key and value */
};

/* recreated.h. */
struct wt_recreated {
    int64_t reset_us; /* when the group's offset was last reset; 0: never */
    bool rewinding;   /* set to the log's start, of which nothing has come yet */
};

struct wt_partition {
    const char *topic;
    int32_t number;
    bool added; /* the topic got it after the worker had started (wt_partitions_note_count) */

    /* Of the newest assignment. Thread: consume; publish reads it while it drains the partition,
     * because consume waits for the drain. */
    uint32_t epoch_last;

    /* Thread: consume. */
    uint64_t sequence_next;
    bool assigned;
    struct wt_range *range;          /* of a replay; NULL: everything is read */
    bool suspended;                  /* no record is taken; suspend.h */
    bool no_offset;                  /* not read, since auto.offset.reset is error */
    bool unforwarded;                /* assigned, but its records stay in librdkafka for now */
    struct wt_record_mark read_last; /* of the assignment */
    int64_t progress_us;             /* when a record last came, or when none was expected */
    struct wt_recreated recreated;   /* recreated.h */

    /* Thread: consume; retention_gap.h. */
    int64_t next_offset;        /* the offset expected next; -1: not known */
    bool committed_known;       /* the group's committed offset was read */
    int64_t assigned_us;        /* when the assignment began */
    uint64_t committed_request; /* asks for the group's committed offset; 0: none is open */
    int64_t hole_max;           /* offsets in the largest gap in which nothing was lost */
    int64_t gap_checked_us;     /* when a gap was last checked */
    uint64_t gap_request;       /* checks `gap`; 0: none is open */
    struct wt_gap gap;
    struct wt_gap gap_next; /* to check after `gap` */
    size_t extent_slot;     /* extent_query.h; 0: never queried */

    /* The topic was re-created: when its former id was last seen (topic_ids.h); 0: it was not. Set by the
     * monitor's thread, cleared by consume. */
    atomic_llong recreated_us;

    /* 0: not assigned. Written by consume, read by every stage. */
    atomic_uint epoch_live;

    /* Read by monitor.h. */
    atomic_llong position;  /* the offset after the last record consumed in the epoch; -1: none */
    atomic_llong read_to;   /* the end of a replay's range; INT64_MAX: no end */
    atomic_uint pending;    /* records in flight */
    atomic_llong oldest_ms; /* while pending > 0: the oldest timestamp in flight, unless
                             * timestamps are out of order */

    atomic_uint running[2]; /* wt_partition_running */

    /* Thread: publish. */
    struct wt_order *order;
    uint32_t epoch_closed; /* the newest epoch whose order is closed */

    /* Which model labels it (takeover.h); NULL: no promotion. Written by consume before the first record that
     * it concerns is passed on, read by publish, which adds it to its commits. */
    _Atomic(const struct wt_partition_promotion *) promotion;
    struct wt_partition_promotion *promotions; /* all that it had: publish may still read one */
    /* At-least-once: the highest offset that a commit of this epoch is known to have; -1: none. Written by
     * the thread that hears of the commit, read by consume. */
    atomic_llong durable;

    /* Thread: consume; takeover.h. */
    bool promotion_known; /* what the group's metadata says has been read */
    /* The offset expected next when the promotion was fixed here; -1: it was read. */
    int64_t promotion_from;
    bool promotion_passed;      /* a record behind its offset was taken */
    struct wt_waiting *waiting; /* its records that wait for their model; NULL: none */
    uint64_t promotion_request; /* asks for the log's end, to fix an offset; 0: none is open */
};

struct wt_partition_promotion {
    struct wt_partition_promotion *next;
    struct wt_promotion promotion;
    char text[]; /* as metadata */
};

struct wt_partitions;

struct wt_partitions *wt_partitions_create(void);
void wt_partitions_destroy(struct wt_partitions *partitions);

/* The partition's struct; the first call for a partition creates it. Thread: consume. */
struct wt_partition *wt_partitions_get(struct wt_partitions *partitions, const char *topic,
                                       int32_t number);

/* How many partitions the topic has as the worker starts. Those with higher numbers, which the table does
 * not have yet, are `added`. Thread: any, before consume starts. */
void wt_partitions_note_count(struct wt_partitions *partitions, const char *topic, int32_t count);

/* Walks all partitions, in the order of their creation; NULL past the end. Thread: any. */
struct wt_partition *wt_partitions_at(struct wt_partitions *partitions, size_t index);

/* Starts a new epoch; the one before has ended. Thread: consume. */
void wt_partition_begin_epoch(struct wt_partition *partition);

/* The partition's promotion; NULL: none. Thread: consume. */
const struct wt_promotion *wt_partition_promotion(const struct wt_partition *partition);

/* Sets it; NULL: none. It fits into a commit's metadata (wt_promotion_write). Thread: consume. */
void wt_partition_set_promotion(struct wt_partition *partition,
                                const struct wt_promotion *promotion);

/* A commit of the partition's offset is known to have succeeded. Thread: any. */
void wt_partition_note_durable(struct wt_partition *partition, int64_t offset);

/* Where the record's article comes from: the record's own topic, partition and offset; for a
 * redriven dead letter, those of the original record. Thread: any. */
static inline struct wt_origin wt_record_origin(const struct wt_record *record)
{
    return record->origin.topic != NULL ? record->origin
                                        : (struct wt_origin){.topic = record->source->topic,
                                                             .partition = record->source->number,
                                                             .offset = record->offset};
}

/* Counts the epoch's records between infer and publish. Two counters, because after a drain that
 * timed out such records still arrive during the next epoch, whose own drain must not wait for
 * them. Thread: any. */
static inline atomic_uint *wt_partition_running(struct wt_partition *partition, uint32_t epoch)
{
    return &partition->running[epoch % 2];
}

/* True: the assignment that the record was consumed in has ended; drop the record. Thread: any. */
static inline bool wt_record_stale(const struct wt_record *record)
{
    return record->epoch != atomic_load_explicit(&record->source->epoch_live, memory_order_acquire);
}

#endif
