/* cluster_facts.h: gathers the facts that audit.h checks. Only reads; creates no topic. */
#ifndef WIRETAG_CHECK_CLUSTER_FACTS_H
#define WIRETAG_CHECK_CLUSTER_FACTS_H

#include "check/audit.h"
#include "kafka/client.h"

/* Gathers brokers, the configured topics, the brokers' internal topics, and all their settings,
 * within `wait_ms` in total. `client` may be of any type; only a consumer distinguishes topics that
 * the user may not see from missing ones. Free the facts with wt_facts_free. WT_IO (class
 * retriable): no broker answered. Thread: any. */
enum wt_status wt_facts_gather(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                               struct wt_cluster_facts *facts_out, struct wt_error *error);

/* WT_INVALID (class fatal): a configured topic does not exist. Patterns are not checked. Thread:
 * any. */
enum wt_status wt_facts_need_topics(const struct wt_cluster_facts *facts, struct wt_error *error);

/* Counts input partitions with records older than the output topic keeps, or dated further ahead
 * than it accepts; within `wait_ms` in total. Thread: any. */
void wt_facts_find_misdated(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                            struct wt_cluster_facts *facts);

/* Reads the newest record of each input partition with a client of its own, and notes for each
 * topic the first one whose timestamp would cost its label (timestamps.h); within `wait_ms` in
 * total. Thread: any. */
void wt_facts_find_newest(const struct wt_config *config, int wait_ms,
                          struct wt_cluster_facts *facts);

void wt_facts_free(struct wt_cluster_facts *facts);

#endif
