/* deadline.h: one deadline over several calls, each of which waits for a part of it. Pure but for
 * the clock. Thread: any. */
#ifndef WIRETAG_BASE_DEADLINE_H
#define WIRETAG_BASE_DEADLINE_H

#include "base/clock.h"

#include <stdint.h>

/* The deadline `wait_ms` from now, in microseconds of wt_clock_us. */
static inline int64_t wt_deadline_in(int wait_ms)
{
    return wt_clock_us() + (int64_t)wait_ms * 1000;
}

/* The milliseconds left, at most `ms_max`; 0 once the deadline has passed. */
static inline int wt_deadline_left_ms(int64_t deadline_us, int ms_max)
{
    int64_t left_us = deadline_us - wt_clock_us();
    int64_t left_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
    return left_ms < ms_max ? (int)left_ms : ms_max;
}

#endif
