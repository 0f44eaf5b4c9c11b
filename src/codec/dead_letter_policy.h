/* dead_letter_policy.h: decides what happens to a record that cannot be labelled or that the broker
 * refuses.
 *
 * Pure decisions from the record and the configuration. Thread: publish. */
#ifndef WIRETAG_CODEC_DEAD_LETTER_POLICY_H
#define WIRETAG_CODEC_DEAD_LETTER_POLICY_H

#include "config/config.h"
#include "record/record.h"

/* Applies on_error to a failed record: it becomes a dead letter or is skipped. False: on_error is
 * stop; the pipeline must stop before this record, and `error` says why. */
bool wt_dead_letter_apply_on_error(const struct wt_config *config, struct wt_record *record,
                                   struct wt_error *error);

/* As a limit this asks for the smallest form: no dead letter is this small. */
#define WT_DEAD_LETTER_BYTES_LEAST 1u

/* Why a topic refuses a record that was sent alone. */
struct wt_refusal {
    const char *reason;
    bool too_large;
    size_t dead_letter_bytes_max; /* the known size limit of producer and topic */
    int64_t topic_bytes_max;      /* the topic's max.message.bytes; -1: not known */
};

/* Handles a refused record. A label or tombstone becomes a failure, and on_error applies. A dead
 * letter is tried again in another form (dead_letter.h). If it was too large, it is cut to the
 * known limit, else to half its size each time. If it was refused for another reason, it gets a
 * key, then the record's own timestamp, then the smallest form. False: the smallest form was
 * refused, or on_error is stop; `error` says which. */
bool wt_dead_letter_refused(const struct wt_config *config, struct wt_record *record,
                            const struct wt_refusal *refusal, struct wt_error *error);

#endif
