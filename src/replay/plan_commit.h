/* plan_commit.h: commits the plan of a replay once for its whole group, even if several workers try
 * at the same time.
 *
 *     begin  ->  does the group have a plan by now?  ->  commit
 *
 * Exactly-once: the commit is a transaction, with a transactional id that belongs to the group's
 * plan. `init_transactions` in begin fences every earlier initializer. So if our commit succeeds,
 * nobody committed between our check and our commit. At-least-once: the broker accepts the commit
 * only while the group has no members. Two workers that start at the same moment may both succeed.
 * Then the later plan wins, and records that were labelled under the earlier plan are labelled again.
 *
 * Thread: one. */
#ifndef WIRETAG_REPLAY_PLAN_COMMIT_H
#define WIRETAG_REPLAY_PLAN_COMMIT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_plan_commit;

/* `client`, borrowed, is a consumer of the group that has not joined it. Waits for a broker for up
 * to half a minute. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_plan_commit_begin(const struct wt_config *config, rd_kafka_t *client,
                                    struct wt_plan_commit **plan_commit_out,
                                    struct wt_error *error);

/* Commits offsets and metadata of all partitions. *committed_out false: another worker has begun
 * meanwhile; begin again. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_plan_commit_write(struct wt_plan_commit *plan_commit,
                                    const rd_kafka_topic_partition_list_t *plan,
                                    bool *committed_out, struct wt_error *error);

/* Accepts NULL. */
void wt_plan_commit_end(struct wt_plan_commit *plan_commit);

#endif
