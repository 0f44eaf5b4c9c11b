#include "codec/dead_letter_policy.h"

#include "codec/dead_letter.h"
#include "record/partition.h"

#include <inttypes.h>
#include <stdio.h>

bool wt_dead_letter_apply_on_error(const struct wt_config *config, struct wt_record *record,
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
                       "stopping before %s [%" PRId32 "] offset %" PRId64
                       ", because on_error is stop: %s in %s%s%s. Fix or remove the record "
                       "(wiretag explain shows it), or set on_error to dead-letter or skip",
                       record->source->topic, record->source->number, record->offset,
                       record->failure->error.code, record->failure->stage,
                       config->log.texts ? ": " : "",
                       /* The message may quote the article. */
                       config->log.texts ? record->failure->error.message : "");
    return false;
}

/* Picks a smaller or different form after the topic refused this dead letter. False: every form was
 * tried. */
static bool try_other_form(struct wt_record *record, const struct wt_refusal *refusal)
{
    size_t bytes = wt_output_bytes(&record->output);
    if (!refusal->too_large && record->key == NULL && !record->dead_letter_keyed) {
        record->dead_letter_keyed = true; /* compacted topics refuse records without a key */
    } else if (!refusal->too_large && record->timestamp_ms >= 0 && !record->dead_letter_dated) {
        record->dead_letter_dated = true; /* or the broker refuses the current time */
    } else if (record->dead_letter_minimal) {
        return false;
    } else if (!refusal->too_large) {
        record->dead_letter_bytes_max =
            WT_DEAD_LETTER_BYTES_LEAST; /* which has the least to refuse */
    } else {
        size_t told = refusal->dead_letter_bytes_max;
        if (refusal->topic_bytes_max > 0 && (size_t)refusal->topic_bytes_max < told) {
            told = (size_t)refusal->topic_bytes_max;
        }
        record->dead_letter_bytes_max = (uint32_t)(told < bytes ? told : bytes / 2);
    }
    wt_record_output_clear(record);
    return true;
}

static void set_unpublishable(const struct wt_config *config, const struct wt_record *record,
                              const struct wt_refusal *refusal, struct wt_error *error)
{
    char limit[64] = "";
    if (refusal->topic_bytes_max >= 0) {
        (void)snprintf(limit, sizeof limit, " (max.message.bytes %" PRId64 ")",
                       refusal->topic_bytes_max);
    }
    (void)wt_error_set(
        error, WT_FAILED, WT_ERROR_FATAL, "dead-letter-rejected",
        "topic %s%s refuses even the smallest dead letter, %zu bytes: %s. Stopping before %s "
        "[%" PRId32 "] offset %" PRId64
        ", which can be published neither as a label nor as a dead letter. Check the topic's "
        "max.message.bytes and cleanup.policy and the cluster's limits, or set on_error to skip",
        config->dead_letter.topic, limit, wt_output_bytes(&record->output), refusal->reason,
        record->source->topic, record->source->number, record->offset);
}

bool wt_dead_letter_refused(const struct wt_config *config, struct wt_record *record,
                            const struct wt_refusal *refusal, struct wt_error *error)
{
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        if (try_other_form(record, refusal)) {
            return true;
        }
        set_unpublishable(config, record, refusal, error);
        return false;
    }
    struct wt_error cause;
    (void)wt_error_set(&cause, WT_INVALID, WT_ERROR_RECORD, "record-rejected",
                       "topic %s refuses the labelled record: %s",
                       wt_config_label_topic(config, record->target), refusal->reason);
    wt_record_fail(record, "publish", &cause);
    return wt_dead_letter_apply_on_error(config, record, error);
}
