/* rate_limit.h: an upper limit on records a second. Pure. Thread: one. */
#ifndef WIRETAG_PIPELINE_CONSUME_RATE_LIMIT_H
#define WIRETAG_PIPELINE_CONSUME_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Unused records of this last period may still be taken, older ones not: so a pause is not followed
 * by a long burst. */
#define WT_RATE_LIMIT_BURST_US 100000

struct wt_rate_limit {
    uint32_t records_per_s_max; /* 0: no limit */
    int64_t next_ns;            /* when the next record may be taken (wt_clock_us, in ns) */
};

static inline bool wt_rate_limit_allows(const struct wt_rate_limit *limit, int64_t now_us)
{
    return limit->records_per_s_max == 0 || now_us * 1000 >= limit->next_ns;
}

/* Counts a record that was taken. */
static inline void wt_rate_limit_took(struct wt_rate_limit *limit, int64_t now_us)
{
    if (limit->records_per_s_max == 0) {
        return;
    }
    int64_t oldest_ns = (now_us - WT_RATE_LIMIT_BURST_US) * 1000;
    limit->next_ns = limit->next_ns > oldest_ns ? limit->next_ns : oldest_ns;
    limit->next_ns += INT64_C(1000000000) / limit->records_per_s_max;
}

#endif
