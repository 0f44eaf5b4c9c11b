/* consume.h: the first stage: one thread that owns the Kafka consumer.
 *
 * The thread never blocks on later stages. While the in-flight bound is reached it takes no
 * records, but it keeps polling the consumer, so a slow model cannot exceed max.poll.interval.ms.
 * librdkafka's rebalance callback runs on this thread, inside the poll. */
#ifndef WIRETAG_PIPELINE_CONSUME_CONSUME_H
#define WIRETAG_PIPELINE_CONSUME_CONSUME_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"

#include <librdkafka/rdkafka.h>

struct wt_consume;
struct wt_group_member; /* group_member.h */

/* The group has removed this worker and refused a late request of it; group_member.h, note "Removed". */
#define WT_CONSUMER_REMOVED "consumer-removed"

/* Callbacks into the rest of the pipeline. Thread: consume. */
struct wt_consume_hooks {
    void *opaque;
    /* The epochs of `partitions` have just ended. Drops their records that are not in the model
     * yet, waits for the others, commits, and closes the partitions' orders. Returns when that is
     * done or has timed out. `lost`: the group has already assigned the partitions to another
     * member; commits nothing. */
    void (*drain)(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost);
    /* The drain before leaving the group has ended. May be NULL. */
    void (*drained)(void *opaque);
    /* The consumer has failed for good; the pipeline must stop. With the code WT_CONSUMER_REMOVED a new
     * consumer may go on, with WT_CONSUMER_LACKS_MODEL (takeover.h) one that has the model. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

/* Which records are read, and how fast. All zero: all records, without a rate limit. */
struct wt_consume_options {
    bool ranged;                /* only the ranges in the group's committed metadata (range.h) */
    uint32_t records_per_s_max; /* 0: no limit */
    struct wt_labellers *labellers;   /* NULL: none, in tests */
    struct wt_promotions *promotions; /* NULL: there are none (takeover.h) */
};

/* Creates the stage and its consumer; wt_consume_start subscribes. All pointers are borrowed and
 * must outlive the stage. WT_INVALID (class fatal): librdkafka refuses a property. */
enum wt_status wt_consume_create(const struct wt_config *config, struct wt_partitions *partitions,
                                 struct wt_in_flight *in_flight, struct wt_queue *queue_out,
                                 const struct wt_consume_hooks *hooks,
                                 const struct wt_consume_options *options,
                                 struct wt_consume **consume_out, struct wt_error *error);

/* True: hooks.failed got this error, and a new consumer may go on. Thread: any. */
bool wt_consume_can_restart(const struct wt_error *error);

/* The consumer, for commits. The stage owns it. */
rd_kafka_t *wt_consume_client(struct wt_consume *consume);

/* The group member that commits name (group_member.h). The stage owns it. */
struct wt_group_member *wt_consume_group_member(struct wt_consume *consume);

/* Subscribes and starts the thread. WT_FAILED (class fatal). */
enum wt_status wt_consume_start(struct wt_consume *consume, struct wt_error *error);

/* Tells the thread to drain every partition through the hook, leave the group and end. Thread:
 * any. */
void wt_consume_stop(struct wt_consume *consume);

/* Waits for the thread to end after wt_consume_stop: at most ten seconds, not counting the time in
 * hooks.drain. False: the thread still runs; it may use the hooks and all borrowed pointers until
 * the process ends. */
bool wt_consume_join(struct wt_consume *consume);

/* Call it after wt_consume_join, or without wt_consume_start. Accepts NULL. */
void wt_consume_destroy(struct wt_consume *consume);

#endif
