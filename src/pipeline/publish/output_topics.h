/* output_topics.h: the topics that one producer writes to: those of labels, and that of dead letters.
 *
 * Thread: publish, and librdkafka's for the partition of a record. */
#ifndef WIRETAG_PIPELINE_PUBLISH_OUTPUT_TOPICS_H
#define WIRETAG_PIPELINE_PUBLISH_OUTPUT_TOPICS_H

#include "config/config.h"
#include "record/record.h"

#include <librdkafka/rdkafka.h>

struct wt_output_topics;

/* Opens them at `client`. Both are borrowed and must outlive it. WT_INVALID (class fatal): a name is
 * refused. */
enum wt_status wt_output_topics_open(rd_kafka_t *client, const struct wt_config *config,
                                     struct wt_output_topics **topics_out, struct wt_error *error);

/* Accepts NULL. */
void wt_output_topics_close(struct wt_output_topics *topics);

/* The topic of an encoded record. */
rd_kafka_topic_t *wt_output_topics_of(const struct wt_output_topics *topics,
                                      const struct wt_record *record);

/* `topic` is the one of dead letters. */
bool wt_output_topics_is_dead(const struct wt_output_topics *topics, const rd_kafka_topic_t *topic);

#endif
