/* request_fill.h: how far the records of a transaction fill one request. Pure. Thread: one.
 *
 * With a backlog, a transaction is committed before its records of one partition need a second request.
 * librdkafka (2.16) has one request under way for each partition of an idempotent producer, and while another
 * one is to be flushed, its thread calls poll() without a pause, on a whole processor. */
#ifndef WIRETAG_PIPELINE_PUBLISH_REQUEST_FILL_H
#define WIRETAG_PIPELINE_PUBLISH_REQUEST_FILL_H

#include "record/record.h"

#include <stdbool.h>
#include <string.h>

/* What one request carries, librdkafka's batch.size, less what frames all its records. */
#define WT_REQUEST_BYTES_MAX 999000u

/* At most what frames a record, and a header, in a request (Kafka's record format 2). */
#define WT_RECORD_FRAME_BYTES 36u
#define WT_HEADER_FRAME_BYTES 4u

/* All zero: no record. */
struct wt_request_fill {
    size_t bytes;
    uint32_t records;
};

static inline void wt_request_fill_add(struct wt_request_fill *fill, const struct wt_output *output)
{
    fill->records++;
    fill->bytes += WT_RECORD_FRAME_BYTES + output->key_bytes + output->value_bytes;
    for (size_t i = 0; i < output->header_count; i++) {
        const struct wt_header *header = &output->headers[i];
        fill->bytes += WT_HEADER_FRAME_BYTES + strlen(header->name) + header->value_bytes;
    }
}

/* True: one more record as large as those so far would not fit. But a transaction of less than a quarter of
 * the `records_max` that may be in flight goes on: large records would make a transaction each. */
static inline bool wt_request_full(const struct wt_request_fill *fill, uint32_t records_max)
{
    return fill->records > 0 && fill->records >= records_max / 4 &&
           fill->bytes + fill->bytes / fill->records > WT_REQUEST_BYTES_MAX;
}

#endif
