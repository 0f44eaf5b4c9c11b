#include "pipeline/publish/txn_state.h"

#include "observe/log.h"

#include <assert.h>

void wt_txn_state_set(enum wt_txn_state *state, enum wt_txn_state next)
{
    static const unsigned allowed_from[] = {
        [WT_TXN_CONNECTING] = ~0u,
        [WT_TXN_INITIALIZING] = 1u << WT_TXN_CONNECTING,
        [WT_TXN_READING_OFFSETS] = 1u << WT_TXN_INITIALIZING,
        [WT_TXN_IDLE] = 1u << WT_TXN_READING_OFFSETS | 1u << WT_TXN_WAIT_MARKERS |
                        1u << WT_TXN_COMMITTING | 1u << WT_TXN_ABORTING,
        [WT_TXN_WAIT_MARKERS] = 1u << WT_TXN_IDLE,
        [WT_TXN_OPEN] = 1u << WT_TXN_IDLE | 1u << WT_TXN_WAIT_MARKERS,
        [WT_TXN_SENDING_OFFSETS] = 1u << WT_TXN_OPEN,
        [WT_TXN_COMMITTING] = 1u << WT_TXN_SENDING_OFFSETS,
        [WT_TXN_ABORTING] =
            1u << WT_TXN_OPEN | 1u << WT_TXN_SENDING_OFFSETS | 1u << WT_TXN_COMMITTING,
    };
    static const char *const names[] = {
        [WT_TXN_CONNECTING] = "connecting",
        [WT_TXN_INITIALIZING] = "initializing",
        [WT_TXN_READING_OFFSETS] = "reading offsets",
        [WT_TXN_IDLE] = "idle",
        [WT_TXN_WAIT_MARKERS] = "waiting for markers",
        [WT_TXN_OPEN] = "open",
        [WT_TXN_SENDING_OFFSETS] = "sending offsets",
        [WT_TXN_COMMITTING] = "committing",
        [WT_TXN_ABORTING] = "aborting",
    };
    assert((allowed_from[next] & 1u << *state) != 0);
    wt_log_debug("transaction", "state: %s -> %s", names[*state], names[next]);
    *state = next;
}

void wt_txn_state_require(enum wt_txn_pending *pending, enum wt_txn_pending wanted)
{
    assert(wanted != WT_TXN_PENDING_NONE);
    if (wanted > *pending) {
        *pending = wanted;
    }
}
