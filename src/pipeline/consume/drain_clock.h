/* drain_clock.h: measures a time limit without the time spent in drains.
 *
 * A drain has a limit of its own, delivery.drain_ms_max. While a worker stops there may be two
 * drains: the drain of a revoke that was in progress, then the one before leaving the group. Thread:
 * one thread drains; any thread measures. */
#ifndef WIRETAG_PIPELINE_CONSUME_DRAIN_CLOCK_H
#define WIRETAG_PIPELINE_CONSUME_DRAIN_CLOCK_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero: never drained. */
struct wt_drain_clock {
    atomic_bool draining;
    atomic_llong drained_us; /* sum of all finished drains */
};

/* One measurement. */
struct wt_drain_stretch {
    int64_t began_us;
    int64_t drained_us; /* the clock's drained_us at the start */
};

static inline void wt_drain_begin(struct wt_drain_clock *clock)
{
    assert(!atomic_load_explicit(&clock->draining, memory_order_relaxed));
    atomic_store_explicit(&clock->draining, true, memory_order_relaxed);
}

static inline void wt_drain_end(struct wt_drain_clock *clock, int64_t took_us)
{
    assert(took_us >= 0 && atomic_load_explicit(&clock->draining, memory_order_relaxed));
    atomic_fetch_add_explicit(&clock->drained_us, took_us, memory_order_relaxed);
    atomic_store_explicit(&clock->draining, false, memory_order_release);
}

static inline struct wt_drain_stretch wt_drain_stretch(struct wt_drain_clock *clock, int64_t now_us)
{
    return (struct wt_drain_stretch){
        .began_us = now_us,
        .drained_us = atomic_load_explicit(&clock->drained_us, memory_order_relaxed)};
}

/* True: `ms_max` have passed since the start, not counting drains. Always false during a drain. A
 * drain that was running at the start is subtracted in full. */
static inline bool wt_drain_stretch_over(struct wt_drain_clock *clock,
                                         const struct wt_drain_stretch *stretch, int64_t now_us,
                                         int64_t ms_max)
{
    if (atomic_load_explicit(&clock->draining, memory_order_acquire)) {
        return false;
    }
    int64_t drained_us =
        atomic_load_explicit(&clock->drained_us, memory_order_relaxed) - stretch->drained_us;
    return now_us - stretch->began_us - drained_us >= ms_max * 1000;
}

#endif
