/* log_probe.h: checks what a partition's log holds where the consumer cannot continue, without
 * blocking the consume thread.
 *
 * librdkafka's position does not prove what the log holds: after a batch that fails its checksum,
 * librdkafka continues at a wrong position, requests an offset that never existed, and is reset (seen
 * in 2.0.2 to 2.16). So the probe asks the broker with a client of its own, which reads single offsets.
 *
 * A probe answers one question. It has its own thread and client. Thread: consume. */
#ifndef WIRETAG_KAFKA_LOG_PROBE_H
#define WIRETAG_KAFKA_LOG_PROBE_H

#include "config/config.h"
#include "kafka/extent.h"
#include "record/partition.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_log_probe;

enum wt_log_probe_kind {
    WT_PROBE_READ, /* can `position` be read; if not, which is the next readable offset? */
    WT_PROBE_RESET /* does the log still hold `position` and the record of `mark`? */
};

struct wt_log_question {
    enum wt_log_probe_kind kind;
    const char *topic;
    int32_t partition;
    int64_t position; /* the next offset to read; -1: the group's committed offset */
    int64_t begin;    /* used if the group has no committed offset */
    struct wt_record_mark mark;
    bool patient; /* several probes got no answer: treat that as damage now */
};

enum wt_log_verdict {
    WT_LOG_SILENT,   /* the broker did not answer; ask again */
    WT_LOG_READABLE, /* `from` can be read or is the log's end */
    WT_LOG_DAMAGED,  /* from <= offset < to cannot be read; `to` can, or is the log's end */
    WT_LOG_HOLDS,    /* the log is unchanged and holds `from` */
    WT_LOG_GONE      /* the topic was re-created or truncated */
};

struct wt_log_finding {
    enum wt_log_verdict verdict;
    int64_t from;
    int64_t to;
    struct wt_extent log;
    bool large;      /* damaged: the batch is sound, but larger than receive.message.max.bytes */
    char cause[200]; /* of WT_LOG_DAMAGED or WT_LOG_SILENT: librdkafka's message */
};

/* Starts a probe. NULL: the client or the thread could not be created; logged. */
struct wt_log_probe *wt_log_probe_start(const struct wt_config *config,
                                        const struct wt_log_question *question);

/* True: the probe is finished. */
bool wt_log_probe_done(struct wt_log_probe *probe, struct wt_log_finding *finding_out);

/* Frees the probe, finished or not, without waiting, and sets *probe to NULL. *probe may be
 * NULL. */
void wt_log_probe_end(struct wt_log_probe **probe);

#endif
