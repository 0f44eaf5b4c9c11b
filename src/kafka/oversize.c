#include "kafka/oversize.h"

#include "base/clock.h"
#include "base/mutex.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* librdkafka tries again at least every reconnect.backoff.max.ms, ten seconds. */
#define NOTED_US_MAX 60000000

static struct wt_mutex mutex = WT_MUTEX_INIT; /* guards what follows */
static int64_t noted_us;                      /* 0: never */
static int64_t answer_bytes;
static int64_t limit_bytes;

void wt_oversize_note(const char *message)
{
    static const char mark[] = "Invalid response size ";
    const char *size = strstr(message, mark);
    const char *limit = size != NULL ? strstr(size, "(0..") : NULL;
    if (limit == NULL) {
        return;
    }
    wt_mutex_lock(&mutex);
    noted_us = wt_clock_us();
    answer_bytes = strtoll(size + strlen(mark), NULL, 10);
    limit_bytes = strtoll(limit + strlen("(0.."), NULL, 10);
    wt_mutex_unlock(&mutex);
}

void wt_oversize_say(char text[WT_OVERSIZE_BYTES_MAX])
{
    text[0] = '\0';
    wt_mutex_lock(&mutex);
    if (noted_us != 0 && wt_clock_us() - noted_us < NOTED_US_MAX && answer_bytes > limit_bytes) {
        (void)snprintf(text, WT_OVERSIZE_BYTES_MAX,
                       "; a broker's answer has %" PRId64
                       " bytes, more than receive.message.max.bytes, %" PRId64 ": raise that",
                       answer_bytes, limit_bytes);
    }
    wt_mutex_unlock(&mutex);
}
