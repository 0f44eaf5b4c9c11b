/* cluster_settings.h: asks brokers for the settings of topics and for their own (DescribeConfigs). A
 * part of cluster_facts.c. Thread: any. */
#ifndef WIRETAG_CHECK_CLUSTER_SETTINGS_H
#define WIRETAG_CHECK_CLUSTER_SETTINGS_H

#include "check/audit.h"
#include "kafka/client.h"

/* Sets what `facts` is to know about the settings of its topics that exist, and of the brokers'
 * own. What may not be seen, or is not answered in time, stays as it is. `deadline_us` is of
 * wt_clock_us. */
void wt_cluster_settings_of_topics(rd_kafka_t *client, int64_t deadline_us,
                                   struct wt_cluster_facts *facts);

/* Sets what `facts` is to know about the settings of the brokers: those of the first of `brokers`
 * that answers, since they are the same for all, or ought to be. */
void wt_cluster_settings_of_brokers(rd_kafka_t *client,
                                    const struct rd_kafka_metadata_broker *brokers, int count,
                                    int64_t deadline_us, struct wt_cluster_facts *facts);

#endif
