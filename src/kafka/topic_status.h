/* topic_status.h: checks that the topics of a running worker exist and accept records.
 *
 * librdkafka reports no error for a missing output topic: the topic's records stay in the producer's
 * queue, and transactions continue without them. So the main thread reads the topics' metadata every few
 * seconds, the producer's thread notes the results of deliveries, and librdkafka's statistics show
 * leaders that do not answer. Stalls (stall.h) are derived from all three. */
#ifndef WIRETAG_KAFKA_TOPIC_STATUS_H
#define WIRETAG_KAFKA_TOPIC_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- notes of other threads; one producer and one consumer a process. Thread: any ------------- */

/* Notes whether a record was delivered to the output or dead letter topic; a failed delivery is
 * retried. `reason` may be NULL if it was delivered. */
void wt_topics_note_delivery(bool dead_letters, bool delivered, const char *reason);

/* Notes that no delivery is outstanding: undeliverable records were dropped with their
 * partition. */
void wt_topics_note_no_delivery_waits(void);

/* Notes which leaders of partitions in use do not answer, as a clause; "": all answer. */
void wt_topics_note_leaders(bool consumer, const char *text);

/* Forgets all notes, before another worker starts in this process. */
void wt_topics_forget(void);

/* --- thread: main ----------------------------------------------------------------------------- */

struct wt_topics;

/* Both are borrowed and must outlive it. `consumer` NULL: no broker is asked. */
struct wt_topics *wt_topics_create(rd_kafka_t *consumer, const struct wt_config *config);

/* Accepts NULL. */
void wt_topics_destroy(struct wt_topics *topics);

/* Reads the topics' metadata, within `wait_ms`. */
void wt_topics_look(struct wt_topics *topics, int wait_ms);

/* How many partitions the input topics have; 0: one of them is missing or has none, or is a pattern. */
int wt_topics_input_partitions(const struct wt_topics *topics);

/* Begins and ends the stalls of topics. If the brokers deny access to a topic and `denied` is empty,
 * describes the missing right in `denied`. */
void wt_topics_judge(struct wt_topics *topics, char *denied, size_t denied_bytes);

#endif
