/* takeover_internal.h: shared by takeover.c, which has the records, and takeover_fix.c, which fixes the
 * offsets. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_TAKEOVER_INTERNAL_H
#define WIRETAG_PIPELINE_CONSUME_TAKEOVER_INTERNAL_H

#include "base/owner.h"
#include "pipeline/consume/takeover.h"

/* The records of one partition that wait, in order: the first one of the new model, and behind it what
 * librdkafka had handed over by then. */
struct wt_waiting {
    struct wt_waiting *next;
    struct wt_partition *partition;
    uint32_t epoch;
    rd_kafka_message_t **items;
    size_t count;
    size_t capacity;
    size_t taken;
    uint64_t request; /* asks for the group's committed offset; 0: none is open */
    int64_t ask_us;   /* not to be asked before this time */
};

struct wt_takeover {
    struct wt_owner owner; /* the consume thread */
    struct wt_takeover_ports ports;
    struct wt_waiting *first;           /* of the partitions that wait */
    const struct wt_partition *retried; /* whose record was returned last; NULL: none */
    int64_t look_us;
    bool stale;    /* what is wanted is to be computed anew */
    bool given_up; /* the worker stops */
    bool told;     /* that the group's model is not the configuration's */
};

/* The offset that is expected next; 0: not known. */
static inline int64_t wt_takeover_next(const struct wt_partition *partition)
{
    return partition->next_offset > 0 ? partition->next_offset : 0;
}

/* True: the promotion that the partition has was called off, as far as `announced` tells. */
bool wt_takeover_is_called_off(const struct wt_partition *partition,
                               const struct wt_promotion *announced);

/* Fixes the partition's offset for what is announced, or goes back from what was called off, if it is
 * time. */
void wt_takeover_look_at(struct wt_takeover *takeover, struct wt_partition *partition,
                         const struct wt_promotion *announced);

#endif
