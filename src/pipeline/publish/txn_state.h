/* txn_state.h: the states of a transactional producer, and what is pending.
 *
 *     CONNECTING       a broker has answered                        -> INITIALIZING
 *     INITIALIZING     init_transactions is done                    -> READING_OFFSETS
 *     READING_OFFSETS  the group's committed offsets are known      -> IDLE
 *     IDLE             a record is ready                            -> OPEN
 *                      too soon after a commit, note "Markers"      -> WAIT_MARKERS
 *     WAIT_MARKERS     the wait is over                             -> IDLE, OPEN
 *     OPEN             the commit is due                            -> SENDING_OFFSETS
 *     SENDING_OFFSETS  the offsets are part of the transaction      -> COMMITTING
 *     COMMITTING       committed                                    -> IDLE
 *     OPEN, SENDING_OFFSETS, COMMITTING, pending ABORT              -> ABORTING
 *     ABORTING         aborted                                      -> IDLE
 *     any, pending REPLACE: with a new producer                     -> CONNECTING
 *
 * Pure. Thread: one. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_STATE_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_STATE_H

#include <stdbool.h>

enum wt_txn_state {
    WT_TXN_CONNECTING,
    WT_TXN_INITIALIZING,
    WT_TXN_READING_OFFSETS,
    WT_TXN_IDLE,
    WT_TXN_WAIT_MARKERS,
    WT_TXN_OPEN,
    WT_TXN_SENDING_OFFSETS,
    WT_TXN_COMMITTING,
    WT_TXN_ABORTING
};

/* What the next step does first. The later one includes the earlier. */
enum wt_txn_pending { WT_TXN_PENDING_NONE, WT_TXN_PENDING_ABORT, WT_TXN_PENDING_REPLACE };

/* Asserts that the transition is one of the above, and logs it for debugging. */
void wt_txn_state_set(enum wt_txn_state *state, enum wt_txn_state next);

/* Makes `wanted` pending, unless more is pending already. */
void wt_txn_state_require(enum wt_txn_pending *pending, enum wt_txn_pending wanted);

/* The producer is not ready yet. */
static inline bool wt_txn_state_is_starting(enum wt_txn_state state)
{
    return state <= WT_TXN_READING_OFFSETS;
}

/* A transaction is open at the broker, as far as is known. */
static inline bool wt_txn_state_in_transaction(enum wt_txn_state state)
{
    return state >= WT_TXN_OPEN;
}

#endif
