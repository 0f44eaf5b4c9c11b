/* stall_watch.h: what keeps a running worker from moving, as far as it shows from outside: its group, its
 * topics, the brokers' coordinators; and where nothing of that is known, which stage holds the records.
 * Makes stalls of it (stall.h). Thread: main, for all of it. */
#ifndef WIRETAG_PIPELINE_STALL_WATCH_H
#define WIRETAG_PIPELINE_STALL_WATCH_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_stall_watch;

/* Both are borrowed; the consumer must outlive it. NULL: no broker is asked anything. */
struct wt_stall_watch *wt_stall_watch_create(rd_kafka_t *consumer, const struct wt_config *config);

/* Accepts NULL. */
void wt_stall_watch_destroy(struct wt_stall_watch *hindrance);

/* Asks the brokers for topics and, where a coordinator is away, for the reason; for a few times `wait_ms`
 * at most. */
void wt_stall_watch_look(struct wt_stall_watch *hindrance, int wait_ms);

/* Begins and ends stalls. `lag`: records not done with; `unplaced`: partitions with records of which it is
 * not known where the group is, and so not how many are not done with; `member`: as for wt_group_judge. */
void wt_stall_watch_judge(struct wt_stall_watch *hindrance, int64_t lag, int64_t unplaced,
                          bool member, int wait_ms);

#endif
