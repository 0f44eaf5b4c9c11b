/* txn_recovery.h: makes a new transactional producer ready.
 *
 * A recovery waits for a broker, ends the transaction that the last producer of this id left
 * (init_transactions), and reads the group's committed offsets, which no earlier producer can change
 * any more. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_RECOVERY_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_RECOVERY_H

#include "pipeline/publish/producer.h"
#include "pipeline/publish/txn_remedy.h"
#include "pipeline/publish/txn_state.h"
#include "record/partition.h"

struct wt_txn_recovery {
    /* Borrowed. */
    const struct wt_config *config;
    struct wt_producer *producer;
    rd_kafka_t *consumer;
    struct wt_txn_stall *stall;

    bool completed;     /* a recovery was completed: the worker has started */
    int64_t retry_us;   /* no call before */
    int64_t *committed; /* by partition, of the last recovery */
    size_t committed_capacity;
    size_t committed_count;
};

void wt_txn_recovery_free(struct wt_txn_recovery *recovery);

/* The producer was replaced. `again`: the one before failed during its own recovery, so the pause before
 * the next call still applies. */
void wt_txn_recovery_begin(struct wt_txn_recovery *recovery, bool again);

/* Makes the call that is next, which waits for `wait_ms` at most, and moves *state on, from CONNECTING
 * to IDLE. WT_TXN_DONE: the producer is ready. WT_TXN_RETRY: not yet. WT_TXN_IMPOSSIBLE: transactions
 * will never work here, `error` says why. Else the producer must be replaced. */
enum wt_txn_remedy wt_txn_recovery_step(struct wt_txn_recovery *recovery, enum wt_txn_state *state,
                                        struct wt_partition *const *partitions, size_t count,
                                        int wait_ms, struct wt_error *error);

/* The group's committed offset of the i-th partition given to the last step; -1: not known. */
int64_t wt_txn_recovery_committed_offset(const struct wt_txn_recovery *recovery, size_t i);

#endif
