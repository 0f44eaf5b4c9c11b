/* log_probe.h: looks into a partition's log where the consumer cannot go on, off the consume thread.
 *
 * librdkafka's position is no proof of what the log holds: behind a batch that fails its checksum it reads
 * on at a wrong place, asks for an offset that never was, and is reset (seen in 2.0.2 to 2.16). So the
 * broker is asked, by a client of the probe's own, that looks at single offsets and never moves on.
 *
 * One probe is one question, with a thread and a client that end with it. Thread: consume. */
#ifndef WIRETAG_KAFKA_LOG_PROBE_H
#define WIRETAG_KAFKA_LOG_PROBE_H

#include "config/config.h"
#include "kafka/extent.h"
#include "record/partition.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_log_probe;

enum wt_log_probe_kind {
    WT_PROBE_READ, /* can `position` be read, and if not, what is behind it? */
    WT_PROBE_RESET /* does the log still hold `position`, and the record of the mark? */
};

struct wt_log_question {
    enum wt_log_probe_kind kind;
    const char *topic;
    int32_t partition;
    int64_t position; /* what is to be read next; -1: what the group has committed */
    int64_t begin;    /* where it has committed nothing: this */
    struct wt_record_mark mark;
    bool patient; /* nothing has come of the position for long: that is damage now, too */
};

enum wt_log_verdict {
    WT_LOG_SILENT,   /* the broker did not say; ask again */
    WT_LOG_READABLE, /* `from` can be read, or is where the log ends */
    WT_LOG_DAMAGED, /* nothing from `from` up to `to` can be read; `to` can, or is where the log ends */
    WT_LOG_HOLDS, /* the log is the one that was read, and holds `from` */
    WT_LOG_GONE   /* it is not, or does not: the topic was re-created, or truncated */
};

struct wt_log_finding {
    enum wt_log_verdict verdict;
    int64_t from;
    int64_t to;
    struct wt_extent log;
    char cause[200]; /* of damage, or of silence, in librdkafka's words */
};

/* Asks. NULL: no client or thread can be had; it is logged. */
struct wt_log_probe *wt_log_probe_start(const struct wt_config *config,
                                        const struct wt_log_question *question);

/* True: it is answered. */
bool wt_log_probe_done(struct wt_log_probe *probe, struct wt_log_finding *finding_out);

/* Lets go of it, answered or not, without waiting; clears *probe, accepts NULL in it. */
void wt_log_probe_end(struct wt_log_probe **probe);

#endif
