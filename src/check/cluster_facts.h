/* cluster_facts.h: asks a cluster for what audit.h judges. Reads only; creates no topic. */
#ifndef WIRETAG_CHECK_CLUSTER_FACTS_H
#define WIRETAG_CHECK_CLUSTER_FACTS_H

#include "check/audit.h"
#include "kafka/client.h"

/* Brokers, the topics of the configuration, the brokers' own and their settings, within `wait_ms`
 * in all. `client` may be of any type; with a consumer's, topics that may not be seen are told from
 * missing ones. WT_IO (class retriable): no broker answered. The facts are given back with
 * wt_facts_free. Thread: any. */
enum wt_status wt_facts_gather(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                               struct wt_cluster_facts *facts_out, struct wt_error *error);

/* Every topic of the configuration exists; patterns are not looked at. WT_INVALID (class fatal).
 * Thread: any. */
enum wt_status wt_facts_need_topics(const struct wt_cluster_facts *facts, struct wt_error *error);

/* Looks for records that are older than the output keeps, or further ahead than it takes; for
 * `wait_ms` in all. Thread: any. */
void wt_facts_find_misdated(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                            struct wt_cluster_facts *facts);

/* Looks at the newest record of each partition of the input topics, with a client of its own, until
 * one of a topic has a timestamp that costs its label (timestamps.h); for `wait_ms` in all. Thread:
 * any. */
void wt_facts_find_newest(const struct wt_config *config, int wait_ms,
                          struct wt_cluster_facts *facts);

void wt_facts_free(struct wt_cluster_facts *facts);

#endif
