/* coordinator_status.h: why a coordinator may not be there: settings and state of the brokers' own topics. */
#ifndef WIRETAG_KAFKA_COORDINATOR_STATUS_H
#define WIRETAG_KAFKA_COORDINATOR_STATUS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_coordinator { WT_COORDINATOR_TRANSACTIONS, WT_COORDINATOR_GROUP };

/* Writes a clause that names the cause and the broker's setting behind it; "" where the brokers show none,
 * or do not let this user see them. Asks four times at most, for `wait_ms` each. Thread: any. */
void wt_coordinator_explain(rd_kafka_t *consumer, enum wt_coordinator which, int wait_ms,
                            char *words, size_t words_bytes);

/* How many brokers can hold replicas of a new topic. `metadata` is of all topics: a broker that is down is in
 * no list of brokers, and yet the controller counts on it (KRaft); the replicas that it has show it. Pure. */
int32_t wt_coordinator_brokers(const struct rd_kafka_metadata *metadata);

#endif
