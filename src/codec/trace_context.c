#include "codec/trace_context.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mix.h"
#include "record/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* version-traceid-parentid-flags in version 00. Later versions may append more. */
#define TRACEPARENT_BYTES 55u
#define TRACE_ID_AT 3u
#define TRACE_ID_DIGITS 32u
#define PARENT_ID_AT 36u
#define PARENT_ID_DIGITS 16u
#define FLAGS_AT 53u

/* How much of the value is logged if log.texts is true. */
#define VALUE_BYTES_LOGGED_MAX 400u

/* True if the first `count` characters are lower-case hex digits. */
static bool is_hex(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (!digit) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (digits[i] != '0') {
            return false;
        }
    }
    return true;
}

static bool is_traceparent(const char *text, size_t bytes)
{
    if (text == NULL || bytes < TRACEPARENT_BYTES) {
        return false;
    }
    bool version_0 = text[0] == '0' && text[1] == '0';
    bool ends = version_0 ? bytes == TRACEPARENT_BYTES
                          : bytes == TRACEPARENT_BYTES || text[TRACEPARENT_BYTES] == '-';
    return ends && is_hex(text, 2) && memcmp(text, "ff", 2) != 0 && text[TRACE_ID_AT - 1] == '-' &&
           is_hex(text + TRACE_ID_AT, TRACE_ID_DIGITS) &&
           !is_zero(text + TRACE_ID_AT, TRACE_ID_DIGITS) && text[PARENT_ID_AT - 1] == '-' &&
           is_hex(text + PARENT_ID_AT, PARENT_ID_DIGITS) &&
           !is_zero(text + PARENT_ID_AT, PARENT_ID_DIGITS) && text[FLAGS_AT - 1] == '-' &&
           is_hex(text + FLAGS_AT, 2);
}

/* The record's last traceparent; NULL: it has none, or it is not valid. */
static const char *traceparent_of(const struct wt_record *record)
{
    for (size_t i = record->header_count; i > 0; i--) {
        const struct wt_header *header = &record->headers[i - 1];
        if (strcmp(header->name, "traceparent") == 0) {
            return is_traceparent(header->value, header->value_bytes) ? header->value : NULL;
        }
    }
    return NULL;
}

static void copy_digits(char *out, const char *digits, size_t count)
{
    memcpy(out, digits, count);
    out[count] = '\0';
}

const char *wt_trace_id(const struct wt_record *record, char trace_id[WT_TRACE_ID_BYTES])
{
    const char *traceparent = traceparent_of(record);
    trace_id[0] = '\0';
    if (record->trace != NULL) {
        copy_digits(trace_id, record->trace->trace_id, TRACE_ID_DIGITS);
    } else if (traceparent != NULL) {
        copy_digits(trace_id, traceparent + TRACE_ID_AT, TRACE_ID_DIGITS);
    }
    return trace_id;
}

/* --- traced records ---------------------------------------------------------------------------- */

static uint64_t random_seed;
static _Atomic uint64_t random_count;
static pthread_once_t random_once = PTHREAD_ONCE_INIT;

static void seed_random(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        seed = (uint64_t)wt_clock_us() ^ (uint64_t)getpid() << 40;
    }
    random_seed = seed;
}

/* From a seed of the system's: ids must differ, but nobody may be kept from guessing them. */
static uint64_t random_number(void)
{
    (void)pthread_once(&random_once, seed_random);
    return wt_mix(random_seed + atomic_fetch_add_explicit(&random_count, 1, memory_order_relaxed));
}

/* An id of zeros is not valid. */
static void write_random(char digits[PARENT_ID_DIGITS + 1])
{
    uint64_t number = random_number();
    (void)snprintf(digits, PARENT_ID_DIGITS + 1, "%016" PRIx64, number != 0 ? number : 1);
}

static bool is_sampled(const struct wt_config *config, const char *traceparent)
{
    if (traceparent != NULL) { /* the lowest bit of the flags' last hex digit */
        char digit = traceparent[FLAGS_AT + 1];
        return ((digit <= '9' ? digit - '0' : digit - 'a' + 10) & 1) != 0;
    }
    return (double)(random_number() >> 11) * 0x1p-53 < config->traces.share;
}

void wt_trace_begin(const struct wt_config *config, struct wt_record *record)
{
    assert(record->trace == NULL);
    if (config->traces.endpoint == NULL) {
        return;
    }
    const char *traceparent = traceparent_of(record);
    if (!is_sampled(config, traceparent)) {
        return;
    }
    struct wt_trace *trace = wt_alloc_zeroed(1, sizeof *trace);
    if (traceparent != NULL) {
        copy_digits(trace->trace_id, traceparent + TRACE_ID_AT, TRACE_ID_DIGITS);
        copy_digits(trace->parent_id, traceparent + PARENT_ID_AT, PARENT_ID_DIGITS);
    } else {
        write_random(trace->trace_id);
        write_random(trace->trace_id + PARENT_ID_DIGITS);
    }
    write_random(trace->span_id);
    record->trace = trace;
}

void wt_trace_parent(const struct wt_record *record, char traceparent[WT_TRACEPARENT_BYTES])
{
    (void)snprintf(traceparent, WT_TRACEPARENT_BYTES, "00-%s-%s-01", record->trace->trace_id,
                   record->trace->span_id);
}

struct wt_log_record wt_trace_about(const struct wt_record *record,
                                    char trace_id[WT_TRACE_ID_BYTES])
{
    return (struct wt_log_record){.topic = record->source->topic,
                                  .partition = record->source->number,
                                  .offset = record->offset,
                                  .trace_id = wt_trace_id(record, trace_id)};
}

void wt_trace_log_failure(const struct wt_config *config, const struct wt_record *record,
                          const char *became)
{
    char trace_id[WT_TRACE_ID_BYTES];
    struct wt_log_record about = wt_trace_about(record, trace_id);
    const struct wt_failure *failure = record->failure;
    if (!config->log.texts) {
        wt_log_about(WT_LOG_WARN, "publish", &about, "%s: %s in %s", became, failure->error.code,
                     failure->stage);
        return;
    }
    size_t shown =
        record->value_bytes < VALUE_BYTES_LOGGED_MAX ? record->value_bytes : VALUE_BYTES_LOGGED_MAX;
    wt_log_about(WT_LOG_WARN, "publish", &about, "%s: %s in %s: %s; the value starts with: %.*s",
                 became, failure->error.code, failure->stage, failure->error.message, (int)shown,
                 record->value != NULL ? (const char *)record->value : "");
}
