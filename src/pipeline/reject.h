/* reject.h: what becomes of a record that cannot be labelled or that the broker refuses.
 *
 * Pure decisions over the record and the configuration. Thread: publish. */
#ifndef WIRETAG_PIPELINE_REJECT_H
#define WIRETAG_PIPELINE_REJECT_H

#include "base/config.h"
#include "base/record.h"

/* Applies on_error to a failed record: it stays a dead letter or is skipped. False: the pipeline
 * must stop before it, and `error` says so. */
bool wt_reject_apply(const struct wt_config *config, struct wt_record *record,
                     struct wt_error *error);

/* The broker refuses the record itself, for `reason`: a label or tombstone becomes a failure, to
 * which on_error applies; a dead letter is cut, first to what fits `record_bytes_max`, then to half
 * each time. False: even an empty dead letter is refused, or on_error is stop; `error` says so. */
bool wt_reject_record(const struct wt_config *config, struct wt_record *record, const char *reason,
                      size_t record_bytes_max, struct wt_error *error);

#endif
