/* cluster_settings.h: queries the settings of topics and brokers (DescribeConfigs). A part of
 * cluster_facts.c. Thread: any. */
#ifndef WIRETAG_CHECK_CLUSTER_SETTINGS_H
#define WIRETAG_CHECK_CLUSTER_SETTINGS_H

#include "check/audit.h"
#include "kafka/client.h"

/* Fills in the settings of the existing topics of `facts` and of the brokers' internal topics.
 * Settings that the user may not see, or that are not answered in time, stay unchanged.
 * `deadline_us` is a time of wt_clock_us. */
void wt_cluster_settings_of_topics(rd_kafka_t *client, int64_t deadline_us,
                                   struct wt_cluster_facts *facts);

/* Fills in the brokers' settings, from the first of `brokers` that answers: they should be the same
 * on all. */
void wt_cluster_settings_of_brokers(rd_kafka_t *client,
                                    const struct rd_kafka_metadata_broker *brokers, int count,
                                    int64_t deadline_us, struct wt_cluster_facts *facts);

#endif
