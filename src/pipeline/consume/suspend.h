/* suspend.h: stops reading a partition until the broker's log has been probed.
 *
 * A partition is suspended when librdkafka delivers something that may be wrong:
 *
 *   unreadable  the next batch is damaged, or a record has an offset past the log's end, or no
 *               record arrives although the log has more (a damaged length: librdkafka waits for
 *               the rest)
 *   reset       a record has an offset below the expected one: the topic was re-created or truncated,
 *               or librdkafka lost its position and reset it (log_probe.h)
 *
 * The partition is paused, its prefetched records are discarded, and a probe asks the broker. Then
 * one of these follows:
 *
 *   - reading continues at the expected offset
 *   - the log no longer holds that offset: the group's offset is reset (log_reset.h)
 *   - a batch is damaged: it is skipped and counted as lost, or the worker stops, or the partition
 *     stays suspended (input.damaged). A suspended partition is reported as a stall (stall.h) and
 *     probed again after growing pauses, because another replica may have the batch intact
 *
 * Other partitions continue meanwhile. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_SUSPEND_H
#define WIRETAG_PIPELINE_CONSUME_SUSPEND_H

#include "config/config.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

struct wt_suspend;

/* Everything is borrowed and must outlive the wt_suspend. */
struct wt_suspend_ports {
    const struct wt_config *config;
    rd_kafka_t *consumer;
    void *opaque;
    /* The log no longer holds the expected offset. *message is the first record of the new log, or the
     * event of the new log's end; the callback may take *message and set it to NULL. False: not now;
     * the callback is called again. */
    bool (*gone)(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message);
    /* The offsets before `to` are skipped. */
    void (*passed)(void *opaque, struct wt_partition *partition, int64_t to);
    /* The worker must stop. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

struct wt_suspend *wt_suspend_create(const struct wt_suspend_ports *ports);

/* Before the consumer is destroyed; accepts NULL. */
void wt_suspend_destroy(struct wt_suspend *suspend);

/* Suspends `partition`, because its next batch, in which `offset` lies, may be unreadable. `reason`
 * is logged at debug level. Does nothing if the partition is suspended already. */
void wt_suspend_unreadable(struct wt_suspend *suspend, struct wt_partition *partition,
                           int64_t offset, const char *reason);

/* Suspends `partition`, because *message came before the offset `expected`. Takes *message and
 * clears it. */
void wt_suspend_reset(struct wt_suspend *suspend, struct wt_partition *partition, int64_t expected,
                      rd_kafka_message_t **message);

/* Ends the partition's suspension, because the partition is about to be assigned. */
void wt_suspend_forget(struct wt_suspend *suspend, struct wt_partition *partition);

/* Advances all suspensions without waiting for a broker. */
void wt_suspend_step(struct wt_suspend *suspend);

#endif
