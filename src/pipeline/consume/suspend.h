/* suspend.h: partitions whose reading stands still until the broker's log was looked into.
 *
 * A partition is suspended where what the client gives cannot be believed:
 *
 *   unreadable  its next batch is damaged, a record claims an offset that the log does not have, or
 *               nothing comes although the log goes on (a damaged length: librdkafka waits for the rest)
 *   reset       an offset came before the next one: the topic was re-created or truncated, or the client
 *               went astray and was reset (log_probe.h)
 *
 * It is paused, what was fetched ahead is thrown away, and a probe asks the broker. Then reading goes on
 * where it stood; or passes over a damaged batch where input.damaged says so, which is counted as lost; or
 * goes back, because the log no longer holds the position (log_reset.h). Else the partition stands still,
 * is named (stall.h), and is looked at again with growing pauses: another replica may have the batch.
 * Other partitions go on all the while. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_SUSPEND_H
#define WIRETAG_PIPELINE_CONSUME_SUSPEND_H

#include "config/config.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

struct wt_suspend;

/* Everything is borrowed and must outlive it. */
struct wt_suspend_ports {
    const struct wt_config *config;
    rd_kafka_t *consumer;
    void *opaque;
    /* The log no longer holds the position: *message is the first record of what it holds now, or
     * its end. It may be taken, and cleared. False: not now; asked again. */
    bool (*gone)(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message);
    /* Offsets before `to` are passed over: nothing of them comes any more. */
    void (*passed)(void *opaque, struct wt_partition *partition, int64_t to);
    /* The worker cannot go on. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

struct wt_suspend *wt_suspend_create(const struct wt_suspend_ports *ports);

/* Before the consumer is destroyed; accepts NULL. */
void wt_suspend_destroy(struct wt_suspend *suspend);

/* The next batch of `partition` may not be readable; `offset` lies in it, `reason` is for debug lines.
 * Nothing happens where it is suspended already. */
void wt_suspend_unreadable(struct wt_suspend *suspend, struct wt_partition *partition,
                           int64_t offset, const char *reason);

/* `partition` came to *message before the next offset, `expected`. Takes the message and clears it. */
void wt_suspend_reset(struct wt_suspend *suspend, struct wt_partition *partition, int64_t expected,
                      rd_kafka_message_t **message);

/* A partition is about to be assigned: what was is over. */
void wt_suspend_forget(struct wt_suspend *suspend, struct wt_partition *partition);

/* Goes on, without waiting for a broker. */
void wt_suspend_step(struct wt_suspend *suspend);

#endif
