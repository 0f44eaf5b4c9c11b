#include "observe/stall.h"

#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct stall {
    int64_t since_us; /* 0: it is not there */
    int64_t told_us;  /* when the log last had it; 0: not yet */
    int64_t cause_us; /* when a cause of it was last there */
    char words[WT_STALL_WORDS_BYTES_MAX];
    char hint[WT_STALL_WORDS_BYTES_MAX];
};

/* One failure is one line: what follows from another stall is in /readyz and the metric, and in the log if
 * it outlasts that one. */
#define CAUSE(reason) (1u << (reason))
static const uint32_t causes[WT_STALL_COUNT] = {
    [WT_STALL_RIGHTS] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_STRATEGY] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_GROUP] = CAUSE(WT_STALL_BROKERS) | CAUSE(WT_STALL_RIGHTS) | CAUSE(WT_STALL_STRATEGY) |
                       CAUSE(WT_STALL_INPUT_TOPIC),
    [WT_STALL_INPUT_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_OUTPUT_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_DEAD_LETTER_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_TRANSACTIONS] = CAUSE(WT_STALL_BROKERS) | CAUSE(WT_STALL_RIGHTS) |
                              CAUSE(WT_STALL_OUTPUT_TOPIC) | CAUSE(WT_STALL_DEAD_LETTER_TOPIC),
    [WT_STALL_UNKNOWN] = CAUSE(WT_STALL_UNKNOWN) - 1,
};

static pthread_mutex_t mutex =
    PTHREAD_MUTEX_INITIALIZER; /* guards the stalls, and their lines' order */
static struct stall stalls[WT_STALL_COUNT];

/* The series stand in the order of the reasons. */
_Static_assert(WT_METRIC_STALLED_LAST - WT_METRIC_STALLED_FIRST + 1 == (int)WT_STALL_COUNT,
               "one series a reason");

static enum wt_metric metric_of(enum wt_stall reason)
{
    assert(reason < WT_STALL_COUNT);
    return (enum wt_metric)((int)WT_METRIC_STALLED_FIRST + (int)reason);
}

const char *wt_stall_name(enum wt_stall reason)
{
    return wt_metric_entry(metric_of(reason))->label_value;
}

static int64_t seconds(int64_t from_us, int64_t to_us)
{
    return (to_us - from_us) / 1000000;
}

/* What stands between words and hint. */
static const char *colon(const struct stall *stall)
{
    return stall->hint[0] != '\0' ? ": " : "";
}

/* Locks: held, as in the next two. */
static void begin(enum wt_stall reason, int64_t since_us, const char *words)
{
    struct stall *stall = &stalls[reason];
    (void)snprintf(stall->words, sizeof stall->words, "%s", words);
    if (stall->since_us == 0) {
        stall->since_us = since_us;
        wt_metric_set(metric_of(reason), 1);
    }
}

static void end(enum wt_stall reason)
{
    struct stall *stall = &stalls[reason];
    if (stall->told_us != 0) {
        wt_log_info("stall", "%s: over after %" PRId64 " s; it was: %s", wt_stall_name(reason),
                    seconds(stall->since_us, wt_clock_us()), stall->words);
    }
    if (stall->since_us != 0) {
        *stall = (struct stall){.since_us = 0};
        wt_metric_set(metric_of(reason), 0);
    }
}

static bool has_cause(enum wt_stall reason)
{
    for (size_t i = 0; i < WT_STALL_COUNT; i++) {
        if ((causes[reason] & CAUSE(i)) != 0 && stalls[i].since_us != 0) {
            return true;
        }
    }
    return false;
}

static void tell(enum wt_stall reason, int64_t now_us)
{
    struct stall *stall = &stalls[reason];
    int64_t from_us = stall->since_us > stall->cause_us ? stall->since_us : stall->cause_us;
    int64_t due_us = stall->told_us == 0 ? from_us + (int64_t)WT_STALL_TOLD_MS * 1000
                                         : stall->told_us + (int64_t)WT_STALL_AGAIN_MS * 1000;
    if (stall->since_us == 0) {
        return;
    }
    if (has_cause(reason)) {
        stall->cause_us = now_us;
    } else if (now_us >= due_us) {
        wt_log_warn("stall", "%s: %s for %" PRId64 " s: %s%s%s", wt_stall_name(reason),
                    stall->told_us == 0 ? "stalled" : "still stalled",
                    seconds(stall->since_us, now_us), stall->words, colon(stall), stall->hint);
        stall->told_us = now_us;
    }
}

static void begin_now(enum wt_stall reason, int64_t since_us, const char *words)
{
    (void)pthread_mutex_lock(&mutex);
    begin(reason, since_us, words);
    (void)pthread_mutex_unlock(&mutex);
}

void wt_stall_begin(enum wt_stall reason, const char *format, ...)
{
    char words[WT_STALL_WORDS_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    begin_now(reason, wt_clock_us(), words);
}

void wt_stall_begin_since(enum wt_stall reason, int64_t since_us, const char *format, ...)
{
    char words[WT_STALL_WORDS_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    begin_now(reason, since_us, words);
}

void wt_stall_hint(enum wt_stall reason, const char *hint)
{
    (void)pthread_mutex_lock(&mutex);
    struct stall *stall = &stalls[reason];
    (void)snprintf(stall->hint, sizeof stall->hint, "%s", stall->since_us != 0 ? hint : "");
    (void)pthread_mutex_unlock(&mutex);
}

void wt_stall_end(enum wt_stall reason)
{
    (void)pthread_mutex_lock(&mutex);
    end(reason);
    (void)pthread_mutex_unlock(&mutex);
}

void wt_stall_set(enum wt_stall reason, bool stalled, const char *words)
{
    if (stalled) {
        wt_stall_begin(reason, "%s", words);
    } else {
        wt_stall_end(reason);
    }
}

bool wt_stall_is(enum wt_stall reason)
{
    return wt_metric_get(metric_of(reason)) != 0;
}

int64_t wt_stall_age_us(enum wt_stall reason)
{
    (void)pthread_mutex_lock(&mutex);
    int64_t since_us = stalls[reason].since_us;
    (void)pthread_mutex_unlock(&mutex);
    return since_us != 0 ? wt_clock_us() - since_us : 0;
}

bool wt_stall_any(char *text, size_t text_bytes)
{
    bool any = false;
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < WT_STALL_COUNT; i++) {
        if (stalls[i].since_us != 0) {
            size_t length = strlen(text);
            (void)snprintf(text + length, text_bytes - length, "%s%s%s%s", length > 0 ? "; " : "",
                           stalls[i].words, colon(&stalls[i]), stalls[i].hint);
            any = true;
        }
    }
    (void)pthread_mutex_unlock(&mutex);
    return any;
}

void wt_stall_tick(int64_t now_us)
{
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < WT_STALL_COUNT; i++) {
        tell((enum wt_stall)i, now_us);
    }
    (void)pthread_mutex_unlock(&mutex);
}

void wt_stall_forget(void)
{
    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < WT_STALL_COUNT; i++) {
        stalls[i] = (struct stall){.since_us = 0};
        wt_metric_set(metric_of((enum wt_stall)i), 0);
    }
    (void)pthread_mutex_unlock(&mutex);
}
