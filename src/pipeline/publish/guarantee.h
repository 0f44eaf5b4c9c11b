/* guarantee.h: what differs between the guarantees of delivery, as a table of functions.
 *
 * publish.c chooses wt_at_least_once (at_least_once.h) or wt_exactly_once (exactly_once.h); release.c
 * calls the functions and knows neither. `self` is what `create` returned. Thread: publish, except
 * for create and destroy. */
#ifndef WIRETAG_PIPELINE_PUBLISH_GUARANTEE_H
#define WIRETAG_PIPELINE_PUBLISH_GUARANTEE_H

#include "pipeline/publish/order.h"
#include "pipeline/publish/producer.h"
#include "record/partition.h"

struct wt_release; /* release.h */

struct wt_guarantee_ops {
    /* The release is borrowed; its producer exists. */
    void *(*create)(struct wt_release *release);

    void (*destroy)(void *self);

    /* As wt_release_step. */
    void (*step)(void *self, struct wt_partition *const *partitions, size_t count, bool commit_now);

    /* True: nothing of the partition may be released now; of others it may. NULL: never. */
    bool (*withholds)(void *self, const struct wt_partition *partition);

    /* A record may be sent now. */
    bool (*may_release)(void *self);

    /* The record has just become RELEASED: it is in the producer, or silent
     * (wt_outcome_is_silent). False: this order releases no more for now; others may. */
    bool (*released)(void *self, struct wt_order *order, struct wt_record *record);

    /* The delivery report of a RELEASED record whose epoch is open. */
    void (*report)(void *self, struct wt_record *record, enum wt_delivery delivery,
                   const char *reason);

    /* The producer takes no more records: it must be replaced. */
    void (*on_fatal)(void *self);

    /* A partition's order is about to be closed. */
    void (*closing)(void *self, const struct wt_partition *partition);

    /* Nothing that was sent to be committed awaits its answer. */
    bool (*settled)(const void *self);

    /* Nothing could be committed since the start, and a drain need not wait for it. */
    bool (*cannot_commit)(const void *self);

    /* When the next step is due, on wt_clock_us. */
    int64_t (*due_us)(const void *self);
};

#endif
