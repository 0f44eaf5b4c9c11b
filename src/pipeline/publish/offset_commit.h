/* offset_commit.h: the end of the flow: makes positions of the source partitions durable.
 *
 * At-least-once: a lane's position, the offset after its contiguous acknowledged prefix, is stored
 * in the consumer, which commits what is stored at every delivery.commit_interval_ms; while a
 * drain waits, it is asked to at once. A replay's positions are stored with its books (range.h) as their
 * metadata. Only the publish thread uses this; consume, in a revoke, waits for publish, so no commit
 * can follow a partition to its next owner.
 */
#ifndef WIRETAG_PIPELINE_PUBLISH_OFFSET_COMMIT_H
#define WIRETAG_PIPELINE_PUBLISH_OFFSET_COMMIT_H

#include "config/config.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct wt_offset_commit;

/* Config and consumer are borrowed. `wake(consumer, opaque)` is called, on a librdkafka thread,
 * when a reply waits for wt_offset_commit_step. */
struct wt_offset_commit *wt_offset_commit_create(const struct wt_config *config,
                                                 rd_kafka_t *consumer,
                                                 void (*wake)(rd_kafka_t *, void *), void *opaque);

/* After the last reply, or without waiting for it. */
void wt_offset_commit_destroy(struct wt_offset_commit *commit);

/* At the commit interval or `now`, stores the position of every lane that moved and marks it
 * committed; `now`, also asks for a commit, of which wt_offset_commit_settled tells the outcome: call it
 * again until then, it takes replies and asks again after a refusal. */
void wt_offset_commit_step(struct wt_offset_commit *commit, struct wt_partition *const *partitions,
                           size_t count, bool now);

/* Everything that was stored is known to be committed. */
bool wt_offset_commit_settled(const struct wt_offset_commit *commit);

/* When the next step is due, on wt_clock_us. */
int64_t wt_offset_commit_due_us(const struct wt_offset_commit *commit);

#endif
