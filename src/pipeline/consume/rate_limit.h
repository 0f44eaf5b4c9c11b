/* rate_limit.h: an upper limit on records a second. Pure. Thread: one. */
#ifndef WIRETAG_PIPELINE_CONSUME_RATE_LIMIT_H
#define WIRETAG_PIPELINE_CONSUME_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* What was not used is made up for within this time, no longer: a pause earns no burst. */
#define WT_RATE_LIMIT_BURST_US 100000

struct wt_rate_limit {
    uint32_t records_per_s_max; /* 0: no limit */
    int64_t next_ns;            /* when the next record may be taken, on the caller's clock */
};

static inline bool wt_rate_limit_allows(const struct wt_rate_limit *pace, int64_t now_us)
{
    return pace->records_per_s_max == 0 || now_us * 1000 >= pace->next_ns;
}

/* One record was taken. */
static inline void wt_rate_limit_took(struct wt_rate_limit *pace, int64_t now_us)
{
    if (pace->records_per_s_max == 0) {
        return;
    }
    int64_t oldest_ns = (now_us - WT_RATE_LIMIT_BURST_US) * 1000;
    pace->next_ns = pace->next_ns > oldest_ns ? pace->next_ns : oldest_ns;
    pace->next_ns += INT64_C(1000000000) / pace->records_per_s_max;
}

#endif
