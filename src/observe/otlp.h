/* otlp.h: spans as an OTLP request: ExportTraceServiceRequest of opentelemetry-proto 1, in protobuf.
 *
 * Pure. Thread: any. */
#ifndef WIRETAG_OBSERVE_OTLP_H
#define WIRETAG_OBSERVE_OTLP_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* The stages of a record, in order; each may be a child of its span. */
#define WT_SPAN_STAGES 6u

/* What a record's span says. Ids are lower-case hex digits. */
struct wt_span {
    char trace_id[33];
    char span_id[17];
    char parent_id[17]; /* "": none */
    char topic[256];
    int32_t partition;
    int64_t offset;
    char outcome[16];
    char category[120]; /* "": none */
    double score;       /* negative: none */
    int64_t tokens;     /* 0: unknown */
    char code[64];      /* of the error; "": it did not fail */
    /* When the record was consumed, left each stage (queue, decode, tokenize, batch, infer) and was
     * acknowledged. In microseconds; 0: it did not pass the stage. */
    int64_t times_us[WT_SPAN_STAGES + 1];
};

/* What all spans of a process have in common. */
struct wt_span_source {
    const char *version;
    const char *host;
    const char *group; /* the consumer group */
    int64_t process;
    int64_t epoch_us; /* added to times_us: microseconds since 1970-01-01 UTC */
};

/* Appends the request. Each span is followed by those of its stages, as its children. */
void wt_otlp_write(const struct wt_span_source *source, const struct wt_span *spans, size_t count,
                   struct wt_buffer *request);

#endif
