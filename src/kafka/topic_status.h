/* topic_status.h: whether the topics of a running worker are there and take records.
 *
 * librdkafka takes a missing output topic for none: records wait in its queue, and transactions
 * without them go on. So the main thread looks at the topics' metadata every few seconds, the producer's
 * thread notes what becomes of records, and the statistics tell which leaders do not answer. Stalls
 * (stall.h) are made of all three. */
#ifndef WIRETAG_KAFKA_TOPIC_STATUS_H
#define WIRETAG_KAFKA_TOPIC_STATUS_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- what others note; one producer and one consumer a process. Thread: any ------------------- */

/* A record was delivered to the output topic or to that of dead letters, or was not, and will be tried
 * again. `reason` may be NULL where it was. */
void wt_topics_note_delivery(bool dead_letters, bool delivered, const char *reason);

/* No record waits to be delivered: what could not be has been given up with its partition. */
void wt_topics_note_no_delivery_waits(void);

/* Of which partitions that are read, or that records wait for, the leader does not answer, in words; ""
 * where all do. */
void wt_topics_note_leaders(bool consumer, const char *words);

/* Nothing is noted: another worker begins. */
void wt_topics_forget(void);

/* --- the main thread's ------------------------------------------------------------------------ */

struct wt_topics;

/* Both are borrowed; the consumer must outlive it. NULL: no broker is asked. */
struct wt_topics *wt_topics_create(rd_kafka_t *consumer, const struct wt_config *config);

/* Accepts NULL. */
void wt_topics_destroy(struct wt_topics *topics);

/* Asks the brokers for the topics, for `wait_ms` at most. */
void wt_topics_look(struct wt_topics *topics, int wait_ms);

/* Begins and ends the stalls of topics by what is known. What the brokers refuse is written to
 * `rights`, if it is empty. */
void wt_topics_judge(struct wt_topics *topics, char *rights, size_t rights_bytes);

#endif
