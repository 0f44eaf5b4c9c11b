/* coordinator_status.h: explains why a coordinator may not be available, from the settings and the
 * state of the brokers' internal topics. */
#ifndef WIRETAG_KAFKA_COORDINATOR_STATUS_H
#define WIRETAG_KAFKA_COORDINATOR_STATUS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_coordinator { WT_COORDINATOR_TRANSACTIONS, WT_COORDINATOR_GROUP };

/* Writes a clause with the cause and the broker's setting behind it; "": no cause was found, or the
 * user may not see it. Sends at most four requests, each for at most `wait_ms`. Thread: any. */
void wt_coordinator_explain(rd_kafka_t *consumer, enum wt_coordinator which, int wait_ms,
                            char *cause, size_t cause_bytes);

/* The number of brokers that can hold replicas of a new topic. `metadata` is of all topics: a
 * broker that is down is not in the list of brokers, but the controller still counts it (KRaft),
 * and its replicas show it. Pure. */
int32_t wt_coordinator_brokers(const struct rd_kafka_metadata *metadata);

#endif
