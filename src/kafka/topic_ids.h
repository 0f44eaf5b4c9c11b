/* topic_ids.h: notices that an input topic was deleted and created again under its name.
 *
 * Brokers (since Kafka 2.8) give each topic an id, and a new one to a topic that is created again.
 * librdkafka takes the new id over and reads on at its old offset (seen in 2.16): if the new log has grown
 * past that offset, what lies before it would never be read. So the ids of the topics that are read are
 * asked for every few seconds, and the partitions of a topic whose id has changed are marked for consume
 * (recreated.h). Thread: one. */
#ifndef WIRETAG_KAFKA_TOPIC_IDS_H
#define WIRETAG_KAFKA_TOPIC_IDS_H

#include "record/partition.h"

#include <librdkafka/rdkafka.h>

struct wt_topic_ids;

/* Both are borrowed and must outlive it. `consumer` NULL: no broker is asked. */
struct wt_topic_ids *wt_topic_ids_create(rd_kafka_t *consumer, struct wt_partitions *partitions);

/* Accepts NULL. */
void wt_topic_ids_destroy(struct wt_topic_ids *ids);

/* Asks for the ids of all topics in the table of partitions and marks partitions (wt_partition.recreated_us).
 * Needs Describe on the topics. Waits at most a little longer than `wait_ms`; without an answer nothing
 * changes. */
void wt_topic_ids_look(struct wt_topic_ids *ids, int wait_ms);

#endif
