#include "codec/trace_context.h"

#include "record/partition.h"

#include <stdbool.h>
#include <string.h>

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

const char *wt_trace_id(const struct wt_record *record, char trace_id[WT_TRACE_ID_BYTES])
{
    trace_id[0] = '\0';
    for (size_t i = record->header_count; i > 0; i--) {
        const struct wt_header *header = &record->headers[i - 1];
        if (strcmp(header->name, "traceparent") == 0) {
            if (is_traceparent(header->value, header->value_bytes)) {
                memcpy(trace_id, (const char *)header->value + TRACE_ID_AT, TRACE_ID_DIGITS);
                trace_id[TRACE_ID_DIGITS] = '\0';
            }
            break;
        }
    }
    return trace_id;
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
