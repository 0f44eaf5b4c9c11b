/* trace_context.h: names the record of a log line and the trace it belongs to; chooses the records that are
 * traced.
 *
 * Unless a record is traced, traceparent and tracestate (W3C Trace Context) are copied unchanged to the
 * label or dead letter like other headers. That of a traced record has a traceparent of the record's own
 * span. Log lines about a record have the trace id. Pure except for the logging and a counter of
 * random ids. Thread: any. */
#ifndef WIRETAG_CODEC_TRACE_CONTEXT_H
#define WIRETAG_CODEC_TRACE_CONTEXT_H

#include "config/config.h"
#include "observe/log.h"
#include "record/record.h"

/* 32 hex digits and a NUL. */
#define WT_TRACE_ID_BYTES 33u

/* Begins record->trace if the record is to be traced: traces.endpoint is set, and its last traceparent has
 * the sampled flag, or it has none and is among traces.share of such. */
void wt_trace_begin(const struct wt_config *config, struct wt_record *record);

#define WT_TRACEPARENT_BYTES 56u

/* Writes the traceparent of the record's own span. */
void wt_trace_parent(const struct wt_record *record, char traceparent[WT_TRACEPARENT_BYTES]);

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
