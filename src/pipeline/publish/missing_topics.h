/* missing_topics.h: which topics' records may join a transaction, after the group's coordinator has
 * refused offsets of a topic that it does not know: one that was deleted, and whose partitions are
 * assigned for up to a minute.
 *
 * The refusal does not say which topic it was. So the next transactions have the records of one topic
 * each, until one is refused: its records wait, those of all others go on together. Later it is tried
 * again, alone. No record joins a transaction without its offset, so nothing is published twice if the
 * coordinator was wrong. Pure: no clock, no Kafka. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_MISSING_TOPICS_H
#define WIRETAG_PIPELINE_PUBLISH_MISSING_TOPICS_H

#include <stdbool.h>
#include <stdint.h>

struct wt_missing_topics;

struct wt_missing_topics *wt_missing_topics_create(void);
void wt_missing_topics_destroy(struct wt_missing_topics *missing);

/* True: no record of the topic may join the transaction now. */
bool wt_missing_topics_withholds(struct wt_missing_topics *missing, const char *topic,
                                 int64_t now_us);

/* True: the transaction shows whether its only topic is known, and the others wait: commit it. */
bool wt_missing_topics_hurries(const struct wt_missing_topics *missing);

/* A record of the topic, which outlives `missing`, has joined the transaction. */
void wt_missing_topics_joined(struct wt_missing_topics *missing, const char *topic);

/* The transaction was committed. Returns the topic that is known again; NULL: none. */
const char *wt_missing_topics_committed(struct wt_missing_topics *missing, int64_t now_us);

/* It was not. `refused`: for a topic that the coordinator does not know. Returns the topic whose
 * records wait from now on; NULL: none, or none more. */
const char *wt_missing_topics_aborted(struct wt_missing_topics *missing, bool refused,
                                      int64_t now_us);

#endif
