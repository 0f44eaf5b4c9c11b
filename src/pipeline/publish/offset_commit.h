/* offset_commit.h: commits the partitions' positions, at-least-once.
 *
 * A partition's position, the offset after its acknowledged prefix, is stored in the consumer, which commits
 * what is stored every delivery.commit_interval_ms. While a drain waits, a commit is requested at once.
 * The positions of a replay are stored with its checkpoint (range.h) as their metadata. Only the publish
 * thread uses this. Consume waits for it in a revoke, so no commit can follow a partition to its next
 * owner. */
#ifndef WIRETAG_PIPELINE_PUBLISH_OFFSET_COMMIT_H
#define WIRETAG_PIPELINE_PUBLISH_OFFSET_COMMIT_H

#include "config/config.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct wt_offset_commit;

/* Config and consumer are borrowed. `wake(consumer, opaque)` is called on a librdkafka thread when a
 * reply waits for wt_offset_commit_step. */
struct wt_offset_commit *wt_offset_commit_create(const struct wt_config *config,
                                                 rd_kafka_t *consumer,
                                                 void (*wake)(rd_kafka_t *, void *), void *opaque);

/* A reply that is awaited is ignored; accepts NULL. */
void wt_offset_commit_destroy(struct wt_offset_commit *commit);

/* At the commit interval, or `now`, stores the position of every partition that moved, and marks it
 * committed. `now`: also requests a commit. Call it again until wt_offset_commit_settled: it takes
 * replies, and requests again after a refusal. */
void wt_offset_commit_step(struct wt_offset_commit *commit, struct wt_partition *const *partitions,
                           size_t count, bool now);

/* Everything stored is known to be committed. */
bool wt_offset_commit_settled(const struct wt_offset_commit *commit);

/* When the next step is due, on wt_clock_us. */
int64_t wt_offset_commit_due_us(const struct wt_offset_commit *commit);

#endif
