/* broker_status.h: what the brokers tell a running worker: whether they are there, and how far the input
 * topics reach. */
#ifndef WIRETAG_KAFKA_BROKER_STATUS_H
#define WIRETAG_KAFKA_BROKER_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has the client that will be made of `conf` call `callback` with its statistics every few seconds.
 * Its callbacks must be served. */
enum wt_status wt_broker_status_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type,
                                      int (*callback)(rd_kafka_t *, char *, size_t, void *),
                                      struct wt_error *error);

/* For that callback: shows the client's connections as wiretag_broker_up. Notes how the consumer stands with
 * its group (group_status.h), and which leaders do not answer (topic_status.h). Thread: the one that serves
 * the client. */
void wt_broker_status_read(rd_kafka_t *client, const char *text, size_t bytes);

/* A partition asked about. -1: not known. */
struct wt_broker_status_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

/* Sets `offset` to that behind the last record a consumer of this client would read. Waits up to
 * `wait_ms`; true: at least one leader answered. Thread: any. */
bool wt_broker_status_ends(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                           size_t count, int wait_ms);

/* Sets `offset` to where the group begins: its committed offset, else the partition's first.
 * Otherwise as wt_broker_status_ends; waits up to twice `wait_ms`. */
bool wt_broker_status_starts(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                             size_t count, int wait_ms);

/* Whether any broker answers within `wait_ms`. Thread: any. */
bool wt_broker_status_answer(rd_kafka_t *client, int wait_ms);

#endif
