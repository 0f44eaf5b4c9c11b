/* consumer_settings.h: effective values of consumer settings. Pure. Thread: any. */
#ifndef WIRETAG_KAFKA_CONSUMER_SETTINGS_H
#define WIRETAG_KAFKA_CONSUMER_SETTINGS_H

#include "config/config.h"

#include <stdbool.h>

/* partition.assignment.strategy of a worker's consumer. */
const char *wt_consumer_strategy(const struct wt_config *config);

/* True: group.protocol is consumer (KIP-848): the coordinator assigns partitions, and the brokers' settings
 * replace strategy, session time-out and heartbeats of the client. */
bool wt_consumer_has_coordinator_assign(const struct wt_config *config);

/* True: without a valid committed offset the consumer starts at the end (auto.offset.reset). */
bool wt_consumer_begins_at_end(const struct wt_config *config);

#endif
