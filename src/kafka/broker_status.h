/* broker_status.h: the connections of a running worker to its brokers, and the first and last
 * offsets of its partitions. */
#ifndef WIRETAG_KAFKA_BROKER_STATUS_H
#define WIRETAG_KAFKA_BROKER_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the client that is created from `conf` call `callback` with its statistics every few
 * seconds. The client must be polled. */
enum wt_status wt_broker_status_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type,
                                      int (*callback)(rd_kafka_t *, char *, size_t, void *),
                                      struct wt_error *error);

/* Call it from that callback. Sets the metric wiretag_broker_up; notes the consumer's group state
 * (group_status.h) and the leaders that do not answer (topic_status.h); helps a client that has no
 * broker left (bootstrap.h). Thread: the one that polls the client. */
void wt_broker_status_read(rd_kafka_t *client, const char *text, size_t bytes);

/* A partition and the offset found for it; -1: not known. */
struct wt_broker_status_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

/* Sets each `offset` to the partition's end offset, for the isolation.level of `consumer`. Waits up
 * to `wait_ms`. True: at least one leader answered. Thread: any. */
bool wt_broker_status_ends(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                           size_t count, int wait_ms);

/* Sets each `offset` to the group's committed offset, else to the partition's first offset.
 * Otherwise as wt_broker_status_ends; waits up to twice `wait_ms`. */
bool wt_broker_status_starts(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                             size_t count, int wait_ms);

/* The end of the partition's log as the last fetch found it, behind open transactions too, whatever the
 * isolation.level; -1: not known. No broker is asked. Thread: any. */
int64_t wt_broker_status_end_seen(rd_kafka_t *consumer, const char *topic, int32_t partition);

/* True: a broker answers within `wait_ms`. Thread: any. */
bool wt_broker_status_answer(rd_kafka_t *client, int wait_ms);

#endif
