/* trace_context.h: names the record of a log line and the trace it belongs to.
 *
 * wiretag starts no spans. traceparent and tracestate (W3C Trace Context) are copied unchanged to
 * the label or dead letter like other headers, and log lines about the record have the trace id.
 * Pure except for the logging. Thread: any. */
#ifndef WIRETAG_CODEC_TRACE_CONTEXT_H
#define WIRETAG_CODEC_TRACE_CONTEXT_H

#include "config/config.h"
#include "observe/log.h"
#include "record/record.h"

/* 32 hex digits and a NUL. */
#define WT_TRACE_ID_BYTES 33u

/* Writes the trace id of the record's last traceparent header, or "" if there is none or it is not
 * valid W3C Trace Context. Returns `trace_id`. */
const char *wt_trace_id(const struct wt_record *record, char trace_id[WT_TRACE_ID_BYTES]);

/* The record for wt_log_about. `trace_id` belongs to the caller and must live as long as the
 * result. */
struct wt_log_record wt_trace_about(const struct wt_record *record,
                                    char trace_id[WT_TRACE_ID_BYTES]);

/* Logs that a failed record ended as `became`, with the error's code and stage. If
 * config->log.texts is true, adds the error message and the beginning of the value. */
void wt_trace_log_failure(const struct wt_config *config, const struct wt_record *record,
                          const char *became);

#endif
