/* trace_context.h: which record a log line is about, and the trace it belongs to.
 *
 * wiretag starts no spans: traceparent and tracestate (W3C Trace Context) travel with the other
 * headers, unchanged, to the label or dead letter, and the trace id stands in the log. Pure but for
 * the logging. Thread: any. */
#ifndef WIRETAG_CODEC_TRACE_CONTEXT_H
#define WIRETAG_CODEC_TRACE_CONTEXT_H

#include "config/config.h"
#include "observe/log.h"
#include "record/record.h"

/* 32 hex digits and a NUL. */
#define WT_TRACE_ID_BYTES 33u

/* Writes the trace id of the record's last traceparent header; "" where there is none or it is not
 * what W3C Trace Context allows. Returns `trace_id`. */
const char *wt_trace_id(const struct wt_record *record, char trace_id[WT_TRACE_ID_BYTES]);

/* The record for wt_log_about; `trace_id` is the caller's and must live as long. */
struct wt_log_record wt_trace_about(const struct wt_record *record,
                                    char trace_id[WT_TRACE_ID_BYTES]);

/* Logs that a failed record ended as `became`: with the error's code and stage and, where
 * config->log.texts asks for it, its message and the beginning of its value. */
void wt_trace_log_failure(const struct wt_config *config, const struct wt_record *record,
                          const char *became);

#endif
