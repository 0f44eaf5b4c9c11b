/* consume.h: the first stage: one thread that owns the consumer.
 *
 * It polls and never blocks on the stages behind it: when the in-flight bound is reached it leaves
 * records where they are and goes on serving the group, so that max.poll.interval.ms holds however
 * slow the model is. Rebalances happen on this thread, inside its poll. */
#ifndef WIRETAG_PIPELINE_CONSUME_CONSUME_H
#define WIRETAG_PIPELINE_CONSUME_CONSUME_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"

#include <librdkafka/rdkafka.h>

struct wt_consume;
struct wt_group_member; /* group_member.h */

/* What consume asks of the rest of the pipeline. Called on the consume thread. */
struct wt_consume_hooks {
    void *opaque;
    /* The epochs of `partitions` have just ended: drop what is not yet in the model, let the rest
     * finish, commit its prefix and close the partitions; returns when that is done or its time is
     * up. `lost`: somebody else has the partitions already, so commit nothing. */
    void (*drain)(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost);
    /* The drain before leaving the group is over. NULL: nobody asks. */
    void (*drained)(void *opaque);
    /* The thread cannot go on; the pipeline should stop. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

/* What is taken in. All zero: everything, as fast as it goes. */
struct wt_consume_options {
    bool ranged;                /* the ranges in the group's commits (range.h), nothing else */
    uint32_t records_per_s_max; /* 0: no limit */
};

/* Makes the consumer and subscribes on wt_consume_start. Pointers are borrowed and must outlive
 * the stage. WT_INVALID (class fatal): a property is refused. */
enum wt_status wt_consume_create(const struct wt_config *config, struct wt_partitions *partitions,
                                 struct wt_in_flight *in_flight, struct wt_queue *queue_out,
                                 const struct wt_consume_hooks *hooks,
                                 const struct wt_consume_options *options,
                                 struct wt_consume **consume_out, struct wt_error *error);

/* The consumer handle, for commits; the stage keeps owning it. */
rd_kafka_t *wt_consume_client(struct wt_consume *consume);

/* Whom to commit for; the stage keeps owning it. */
struct wt_group_member *wt_consume_group_member(struct wt_consume *consume);

/* Subscribes and starts the thread. */
enum wt_status wt_consume_start(struct wt_consume *consume, struct wt_error *error);

/* Asks the thread to leave the group: every partition is drained through the hook first. Thread:
 * any. */
void wt_consume_stop(struct wt_consume *consume);

/* Waits for the thread's end: after wt_consume_stop, and for ten seconds at most beside what hooks.drain
 * takes. False: it has not ended, and goes on using all that it was given, the hooks too, to the end
 * of the process. */
bool wt_consume_join(struct wt_consume *consume);

/* After join, or without start. */
void wt_consume_destroy(struct wt_consume *consume);

#endif
