#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define MS_PER_S 1000
#define YEAR_MAX 9999

int64_t wt_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct timespec wt_clock_timespec(int64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

void wt_clock_init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

int64_t wt_clock_wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wt_time_write(int64_t time_ms, char *text)
{
    time_t seconds = (time_t)(time_ms / MS_PER_S);
    struct tm parts;
    if (time_ms < 0 || gmtime_r(&seconds, &parts) == NULL || parts.tm_year + 1900 > YEAR_MAX) {
        (void)snprintf(text, WT_TIME_BYTES_MAX, "%" PRId64 " ms", time_ms);
        return;
    }
    (void)snprintf(text, WT_TIME_BYTES_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)parts.tm_year % 10000 + 1900, (unsigned)parts.tm_mon % 12 + 1,
                   (unsigned)parts.tm_mday % 32, (unsigned)parts.tm_hour % 24,
                   (unsigned)parts.tm_min % 60, (unsigned)parts.tm_sec % 61,
                   (unsigned)(time_ms % MS_PER_S));
}
