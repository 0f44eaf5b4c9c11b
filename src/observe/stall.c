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
    int64_t since_us;  /* 0: not stalled */
    int64_t logged_us; /* when it was last logged; 0: not yet */
    int64_t cause_us;  /* when a cause of it was last present */
    char text[WT_STALL_TEXT_BYTES_MAX];
    char hint[WT_STALL_TEXT_BYTES_MAX];
};

/* The stalls that can cause a stall. One failure gives one log line: a stall whose cause is present
 * appears in /readyz and the metric, but in the log only if it outlasts the cause. */
#define CAUSE(reason) (1u << (reason))
static const uint32_t causes[WT_STALL_COUNT] = {
    [WT_STALL_RIGHTS] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_STRATEGY] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_GROUP] = CAUSE(WT_STALL_BROKERS) | CAUSE(WT_STALL_RIGHTS) | CAUSE(WT_STALL_STRATEGY) |
                       CAUSE(WT_STALL_INPUT_TOPIC),
    [WT_STALL_INPUT_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_INPUT_TRANSACTION] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_OUTPUT_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_DEAD_LETTER_TOPIC] = CAUSE(WT_STALL_BROKERS),
    [WT_STALL_TRANSACTIONS] = CAUSE(WT_STALL_BROKERS) | CAUSE(WT_STALL_RIGHTS) |
                              CAUSE(WT_STALL_OUTPUT_TOPIC) | CAUSE(WT_STALL_DEAD_LETTER_TOPIC),
    [WT_STALL_UNKNOWN] = CAUSE(WT_STALL_UNKNOWN) - 1,
};

/* Guards the stalls, and keeps the order of their log lines. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct stall stalls[WT_STALL_COUNT];

/* The metrics are in the order of the reasons. */
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

/* The separator between text and hint. */
static const char *colon(const struct stall *stall)
{
    return stall->hint[0] != '\0' ? ": " : "";
}

/* Locks: held, also in end() and log_if_due(). */
static void begin(enum wt_stall reason, int64_t since_us, const char *text)
{
    struct stall *stall = &stalls[reason];
    (void)snprintf(stall->text, sizeof stall->text, "%s", text);
    if (stall->since_us == 0) {
        stall->since_us = since_us;
        wt_metric_set(metric_of(reason), 1);
    }
}

static void end(enum wt_stall reason)
{
    struct stall *stall = &stalls[reason];
    if (stall->logged_us != 0) {
        wt_log_info("stall", "%s: over after %" PRId64 " s; it was: %s", wt_stall_name(reason),
                    seconds(stall->since_us, wt_clock_us()), stall->text);
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

static void log_if_due(enum wt_stall reason, int64_t now_us)
{
    struct stall *stall = &stalls[reason];
    int64_t from_us = stall->since_us > stall->cause_us ? stall->since_us : stall->cause_us;
    int64_t due_us = stall->logged_us == 0
                         ? from_us + (int64_t)WT_STALL_LOG_AFTER_MS * 1000
                         : stall->logged_us + (int64_t)WT_STALL_LOG_EVERY_MS * 1000;
    if (stall->since_us == 0) {
        return;
    }
    if (has_cause(reason)) {
        stall->cause_us = now_us;
    } else if (now_us >= due_us) {
        wt_log_warn("stall", "%s: %s for %" PRId64 " s: %s%s%s", wt_stall_name(reason),
                    stall->logged_us == 0 ? "stalled" : "still stalled",
                    seconds(stall->since_us, now_us), stall->text, colon(stall), stall->hint);
        stall->logged_us = now_us;
    }
}

static void begin_now(enum wt_stall reason, int64_t since_us, const char *text)
{
    (void)pthread_mutex_lock(&mutex);
    begin(reason, since_us, text);
    (void)pthread_mutex_unlock(&mutex);
}

void wt_stall_begin(enum wt_stall reason, const char *format, ...)
{
    char text[WT_STALL_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    begin_now(reason, wt_clock_us(), text);
}

void wt_stall_begin_since(enum wt_stall reason, int64_t since_us, const char *format, ...)
{
    char text[WT_STALL_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    begin_now(reason, since_us, text);
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

void wt_stall_set(enum wt_stall reason, bool stalled, const char *text)
{
    if (stalled) {
        wt_stall_begin(reason, "%s", text);
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
                           stalls[i].text, colon(&stalls[i]), stalls[i].hint);
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
        log_if_due((enum wt_stall)i, now_us);
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
