/* clock.h: the clocks, read in one place. Thread: any. */
#ifndef WIRETAG_BASE_CLOCK_H
#define WIRETAG_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Microseconds of the monotonic clock, for durations and deadlines. */
int64_t wt_clock_us(void);

/* `us` of wt_clock_us as POSIX calls take it, and a condition variable whose timed waits use the
 * same clock. */
struct timespec wt_clock_timespec(int64_t us);
void wt_clock_init_condition(pthread_cond_t *condition);

/* Milliseconds since 1970-01-01 UTC, for timestamps. */
int64_t wt_clock_wall_ms(void);

/* Writes a time as 2026-03-01T03:00:00.000Z. `text` has room for WT_TIME_BYTES_MAX. */
#define WT_TIME_BYTES_MAX 40u
void wt_time_write(int64_t time_ms, char *text);

#endif
