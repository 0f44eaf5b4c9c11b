#include "kafka/unreachable.h"

#include "base/clock.h"
#include "base/mutex.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BROKERS 32u

/* A broker that is still needed is tried again at least every reconnect.backoff.max.ms, ten seconds. */
#define FAILED_US_MAX 600000000

static struct wt_mutex mutex = WT_MUTEX_INIT; /* guards what follows */
static struct {
    int64_t failed_us; /* 0: free */
    char address[128];
} brokers[BROKERS];
static size_t next;

/* Locks: the caller holds the mutex. NULL: not noted. */
static int64_t *find(const char *address)
{
    wt_mutex_assert_held(&mutex);
    for (size_t i = 0; i < BROKERS; i++) {
        if (brokers[i].failed_us != 0 && strcmp(brokers[i].address, address) == 0) {
            return &brokers[i].failed_us;
        }
    }
    return NULL;
}

void wt_unreachable_note(const char *line)
{
    char address[sizeof brokers[0].address];
    const char *start = strncmp(line, "broker ", 7) == 0 ? line + 7 : NULL;
    const char *end = start != NULL ? strstr(start, ": ") : NULL;
    if (end == NULL || strncmp(end, ": Disconnected", 14) == 0 ||
        (size_t)(end - start) >= sizeof address) {
        return;
    }
    (void)snprintf(address, sizeof address, "%.*s", (int)(end - start), start);
    wt_mutex_lock(&mutex);
    int64_t *failed_us = find(address);
    if (failed_us == NULL) {
        failed_us = &brokers[next].failed_us;
        (void)snprintf(brokers[next].address, sizeof address, "%s", address);
        next = (next + 1) % BROKERS;
    }
    *failed_us = wt_clock_us();
    wt_mutex_unlock(&mutex);
}

void wt_unreachable_clear(const char *address)
{
    wt_mutex_lock(&mutex);
    int64_t *failed_us = find(address);
    if (failed_us != NULL) {
        *failed_us = 0;
    }
    wt_mutex_unlock(&mutex);
}

bool wt_unreachable(const char *address)
{
    wt_mutex_lock(&mutex);
    const int64_t *failed_us = find(address);
    bool failed = failed_us != NULL && wt_clock_us() - *failed_us < FAILED_US_MAX;
    wt_mutex_unlock(&mutex);
    return failed;
}
