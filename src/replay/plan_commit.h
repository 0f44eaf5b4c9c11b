/* plan_commit.h: commits a plan for a whole group that has none, once, whoever else tries the same.
 *
 *     begin  ->  is there a plan by now?  ->  commit
 *
 * Exactly-once: the commit is a transaction of an id that belongs to the group's plan. Whoever begins
 * fences all that have begun before, so if a commit succeeds nobody has begun, and so nobody can have
 * committed, since the look in between. At-least-once: the broker takes the commit only while the
 * group has no members; two that start in the same moment may both succeed, the later one wins, and
 * should the first have done work by then that work is done again.
 *
 * Thread: one. */
#ifndef WIRETAG_REPLAY_PLAN_COMMIT_H
#define WIRETAG_REPLAY_PLAN_COMMIT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_plan_commit;

/* `client`, borrowed, is a consumer of the group that has not joined it. Waits for the broker for up
 * to half a minute. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_plan_commit_begin(const struct wt_config *config, rd_kafka_t *client,
                                    struct wt_plan_commit **pledge_out, struct wt_error *error);

/* Offsets and metadata of all partitions. *committed_out false: somebody else has begun since; begin
 * again. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_plan_commit_write(struct wt_plan_commit *pledge,
                                    const rd_kafka_topic_partition_list_t *plan,
                                    bool *committed_out, struct wt_error *error);

/* Accepts NULL. */
void wt_plan_commit_end(struct wt_plan_commit *pledge);

#endif
