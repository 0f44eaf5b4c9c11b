/* preview.h: what a replay would read of a partition: the bounds looked up, and the first and the last
 * record between them, to be shown before anything is done. Thread: the client's. */
#ifndef WIRETAG_REPLAY_PREVIEW_H
#define WIRETAG_REPLAY_PREVIEW_H

#include "replay/offset_spec.h"
#include "replay/plan.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_preview_request {
    struct wt_offset_spec from;
    struct wt_offset_spec to;
    struct wt_numbers numbers; /* of the partitions */
    bool goes_on;              /* a finished pass begins anew where it ended */
    const char *terms;         /* what was asked for (terms.h) */
};

/* A record that was found; offset -1: none, or it was not looked for. */
struct wt_preview_record {
    int64_t offset;
    int64_t timestamp_ms; /* -1: it has none */
};

struct wt_preview {
    struct wt_plan plan;
    struct wt_preview_record first; /* of the range */
    struct wt_preview_record last;
    /* The record behind the range, where that ends at a time that it is older than: a transaction
     * marker, which has the broker's time, was found before it. */
    struct wt_preview_record older;
};

/* WT_INVALID: a bound does not name this partition; WT_IO: the broker does not answer. Class
 * fatal. */
enum wt_status wt_preview_make(rd_kafka_t *client, const char *topic, int32_t partition,
                               const struct wt_preview_request *request,
                               struct wt_preview *survey_out, struct wt_error *error);

#endif
