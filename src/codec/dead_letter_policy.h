/* dead_letter_policy.h: what becomes of a record that cannot be labelled or that the broker refuses.
 *
 * Pure decisions over the record and the configuration. Thread: publish. */
#ifndef WIRETAG_CODEC_DEAD_LETTER_POLICY_H
#define WIRETAG_CODEC_DEAD_LETTER_POLICY_H

#include "config/config.h"
#include "record/record.h"

/* Applies on_error to a failed record: it stays a dead letter or is skipped. False: the pipeline
 * must stop before it, and `error` says so. */
bool wt_dead_letter_apply_on_error(const struct wt_config *config, struct wt_record *record,
                                   struct wt_error *error);

/* No dead letter has so few: as a limit it asks for the least form. */
#define WT_DEAD_LETTER_BYTES_LEAST 1u

/* How a topic refuses a record that stands alone. */
struct wt_refusal {
    const char *reason;
    bool too_large;
    size_t letter_bytes_max; /* what producer and dead-letter topic are known to take */
    int64_t topic_bytes_max; /* its max.message.bytes; -1: not known */
};

/* The broker, or the producer, refuses the record itself: a label or tombstone becomes a failure,
 * to which on_error applies; a dead letter becomes a smaller one (dead_letter.h): what the topic is
 * known to take, else half each time; where size is not the reason, one with a key, then one with
 * the record's own timestamp, then the least. False: even the least is refused, or on_error is
 * stop; `error` says so. */
bool wt_dead_letter_refused(const struct wt_config *config, struct wt_record *record,
                            const struct wt_refusal *refusal, struct wt_error *error);

#endif
