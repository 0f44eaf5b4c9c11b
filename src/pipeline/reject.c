#include "pipeline/reject.h"

#include "pipeline/partition.h"

#include <inttypes.h>

/* A dead letter whose value was cut keeps at least this much. */
#define CUT_BYTES_MIN 256u

/* Headers that wiretag adds to a dead letter, and the record's own framing, with room to spare. */
#define DEAD_LETTER_OVERHEAD_BYTES 4096u

bool wt_reject_apply(const struct wt_config *config, struct wt_record *record,
                     struct wt_error *error)
{
    switch (config->on_error) {
    case WT_ON_ERROR_DEAD_LETTER:
        return true;
    case WT_ON_ERROR_SKIP:
        record->outcome = WT_OUTCOME_SKIPPED;
        return true;
    case WT_ON_ERROR_STOP:
        break;
    }
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, record->failure->error.code,
                       "stopped before %s [%" PRId32 "] offset %" PRId64 " as on_error: stop says: "
                       "%s in %s%s%s. Mend or remove the record (wiretag explain shows it), or set "
                       "on_error to dead-letter or skip",
                       record->source->topic, record->source->number, record->offset,
                       record->failure->error.code, record->failure->stage,
                       config->log.texts ? ": " : "",
                       /* It may quote the article. */
                       config->log.texts ? record->failure->error.message : "");
    return false;
}

/* Bytes of the key and the headers, which a dead letter keeps whole. */
static size_t kept_bytes(const struct wt_record *record)
{
    size_t bytes = record->key_bytes + DEAD_LETTER_OVERHEAD_BYTES;
    for (size_t i = 0; i < record->header_count; i++) {
        bytes += record->headers[i].value_bytes + 64;
    }
    return bytes;
}

/* Cuts a dead letter that is still too large. False: even without a value it is. */
static bool cut(struct wt_record *record, size_t record_bytes_max)
{
    size_t value_bytes = record->output.value_bytes;
    size_t overhead_bytes = kept_bytes(record);
    size_t fits = record_bytes_max > overhead_bytes ? record_bytes_max - overhead_bytes : 0;
    if (value_bytes <= CUT_BYTES_MIN) {
        return false;
    }
    size_t wanted = value_bytes > fits && fits > CUT_BYTES_MIN ? fits : value_bytes / 2;
    record->value_cut_to_bytes = (uint32_t)(wanted < CUT_BYTES_MIN ? CUT_BYTES_MIN : wanted);
    wt_record_output_clear(record);
    return true;
}

bool wt_reject_record(const struct wt_config *config, struct wt_record *record, const char *reason,
                      size_t record_bytes_max, struct wt_error *error)
{
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        if (cut(record, record_bytes_max)) {
            return true;
        }
        (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "dead-letter-rejected",
                           "%s [%" PRId32 "] offset %" PRId64 " can be published neither as a "
                           "label nor to %s: %s. Look at that topic's max.message.bytes and "
                           "cleanup.policy",
                           record->source->topic, record->source->number, record->offset,
                           config->dead_letter.topic, reason);
        return false;
    }
    struct wt_error cause;
    (void)wt_error_set(&cause, WT_INVALID, WT_ERROR_RECORD, "record-rejected",
                       "topic %s refuses the labelled record: %s", config->output.topic, reason);
    wt_record_fail(record, "publish", &cause);
    return wt_reject_apply(config, record, error);
}
