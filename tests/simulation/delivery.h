/* delivery.h: how a worker releases, has acknowledged and commits: one implementation a guarantee.
 *
 * Each stands for producer.c, offset_commit.c and the release and report side of publish.c, and for the
 * broker behind them. */
#ifndef WIRETAG_SIMULATION_DELIVERY_H
#define WIRETAG_SIMULATION_DELIVERY_H

#include "worker.h"

struct delivery {
    const char *name;
    void *(*create)(struct worker *worker);
    /* The worker dies; what it had handed over may or may not have reached the broker. Afterwards
     * no record is in the producer any more. */
    void (*destroy)(struct worker *worker);
    /* Makes one random move, if the one it hits upon is possible now. */
    void (*step)(struct worker *worker);
    /* The worker gives a partition up: its order, open, is about to be closed. */
    void (*closing)(struct worker *worker, const struct wt_partition *partition);
    /* A request to commit is on its way, and would arrive before another. */
    bool (*asking)(const struct worker *worker);
    /* All that a drain waits for has happened to this open order. */
    bool (*drained)(const struct worker *worker, struct wt_order *order);
};

/* An idempotent producer; acknowledged prefixes committed through the consumer. */
extern const struct delivery delivery_at_least_once;

/* A transactional producer; records and offsets in one transaction. */
extern const struct delivery delivery_exactly_once;

#endif
