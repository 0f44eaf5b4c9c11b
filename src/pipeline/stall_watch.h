/* stall_watch.h: finds out why a running worker makes no progress, as far as can be seen from
 * outside the stages: its group, its topics, the brokers' coordinators. If none of these is the
 * cause, names the stage that holds the records. Reports the reasons as stalls (stall.h). Thread: the
 * one that runs the pipeline; wt_stall_watch_destroy: any, after that thread's last call. */
#ifndef WIRETAG_PIPELINE_STALL_WATCH_H
#define WIRETAG_PIPELINE_STALL_WATCH_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_stall_watch;

/* Both are borrowed; the consumer must outlive the watch. `consumer` NULL: no broker is asked. */
struct wt_stall_watch *wt_stall_watch_create(rd_kafka_t *consumer, const struct wt_config *config);

/* Accepts NULL. */
void wt_stall_watch_destroy(struct wt_stall_watch *stall_watch);

/* Asks the brokers about the topics and, if a coordinator is unavailable, for the reason. Blocks
 * for a few times `wait_ms` at most. */
void wt_stall_watch_look(struct wt_stall_watch *stall_watch, int wait_ms);

/* Begins and ends stalls. `lag`: unfinished records. `starts_unknown`: partitions that have records
 * but no known position of the group, so that their lag is unknown too. `member`: as for
 * wt_group_judge. */
void wt_stall_watch_judge(struct wt_stall_watch *stall_watch, int64_t lag, int64_t starts_unknown,
                          bool member, int wait_ms);

/* True, as of the last judgement: nobody in the group has a partition, although the topics have some. */
bool wt_stall_watch_is_deserted(const struct wt_stall_watch *stall_watch);

#endif
