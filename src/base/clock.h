/* clock.h: time, read in one place. Thread: any. */
#ifndef WIRETAG_BASE_CLOCK_H
#define WIRETAG_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds on the monotonic clock; for durations and deadlines. */
int64_t wt_clock_us(void);

/* Milliseconds since 1970-01-01 UTC; for timestamps people and Kafka see. */
int64_t wt_clock_wall_ms(void);

#endif
