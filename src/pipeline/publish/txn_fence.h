/* txn_fence.h: whether another worker uses the same transactional id. Pure. Thread: one.
 *
 * Note "Fenced": a producer that is fenced again within a minute without a commit in between, or a
 * third time within a minute whatever was committed, shares its id with another worker: each would
 * take the id from the other without end. Being fenced once proves nothing: a late copy of our own
 * init_transactions fences too. And the broker itself fences a transaction that exceeds its time-out,
 * for instance of a worker that was suspended: that does not count. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_FENCE_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_FENCE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define WT_TXN_FENCED_AGAIN_US (INT64_C(60) * 1000000)

/* All zero: never fenced. */
struct wt_txn_fence {
    bool fenced;         /* the producer that will be replaced was fenced */
    bool uncommitted;    /* nothing was committed since a producer was fenced last */
    int64_t times_us[2]; /* the last and the second-last time of being fenced; 0: never */
};

static inline bool wt_txn_fence_is_recent(int64_t then_us, int64_t now_us)
{
    return then_us > 0 && now_us - then_us < WT_TXN_FENCED_AGAIN_US;
}

/* Counts that a producer was fenced. True: another worker uses the id. */
static inline bool wt_txn_fence_count(struct wt_txn_fence *fence, int64_t now_us)
{
    assert(now_us >= fence->times_us[0]);
    bool again = (fence->uncommitted && wt_txn_fence_is_recent(fence->times_us[0], now_us)) ||
                 wt_txn_fence_is_recent(fence->times_us[1], now_us);
    fence->times_us[1] = fence->times_us[0];
    fence->times_us[0] = now_us;
    fence->uncommitted = true;
    return again;
}

#endif
