/* consumer_settings.h: settings of the consumer that decide what a worker may do. Pure. Thread: any. */
#ifndef WIRETAG_KAFKA_CONSUMER_SETTINGS_H
#define WIRETAG_KAFKA_CONSUMER_SETTINGS_H

#include "config/config.h"

#include <stdbool.h>

/* The strategies that a worker's consumer offers its group, as librdkafka takes them. Thread: any. */
const char *wt_consumer_strategy(const struct wt_config *config);

/* A group that has no offset, or one that is gone, begins at the end (auto.offset.reset). */
bool wt_consumer_begins_at_end(const struct wt_config *config);

#endif
