/* preview.h: shows, before anything is done, what a replay would read from a partition: the range
 * as offsets, and its first and last record. Thread: the client's. */
#ifndef WIRETAG_REPLAY_PREVIEW_H
#define WIRETAG_REPLAY_PREVIEW_H

#include "replay/offset_spec.h"
#include "replay/plan.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_preview_request {
    struct wt_offset_spec from;
    struct wt_offset_spec to;
    struct wt_numbers numbers; /* the partitions to read */
    bool continues;            /* a finished pass starts again from its end */
    const char *terms;         /* the options given (terms.h) */
};

/* A record that was found. offset -1: none was found or searched. */
struct wt_preview_record {
    int64_t offset;
    int64_t timestamp_ms; /* -1: it has no timestamp */
};

struct wt_preview {
    struct wt_plan plan;
    struct wt_preview_record first; /* of the range */
    struct wt_preview_record last;
    /* The record after the range, if it is older than the time at which the range ends: the
     * broker's time lookup found a transaction marker, which has the broker's time, before this
     * record. */
    struct wt_preview_record older;
};

/* WT_INVALID: `from` or `to` has no offset for this partition. WT_IO: the broker does not answer.
 * Class fatal. */
enum wt_status wt_preview_make(rd_kafka_t *client, const char *topic, int32_t partition,
                               const struct wt_preview_request *request,
                               struct wt_preview *preview_out, struct wt_error *error);

#endif
