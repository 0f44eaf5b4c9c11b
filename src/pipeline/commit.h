/* commit.h: the end of the flow: makes positions of the source partitions durable.
 *
 * At-least-once: a lane's position, the offset after its contiguous acknowledged prefix, is
 * committed through the consumer, one commit request at a time. Only the publish thread uses this;
 * consume, in a revoke, waits for publish, so no commit can follow a partition to its next owner.
 */
#ifndef WIRETAG_PIPELINE_COMMIT_H
#define WIRETAG_PIPELINE_COMMIT_H

#include "base/config.h"
#include "pipeline/partition.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct wt_commit;

/* Config and consumer are borrowed. `wake(consumer, opaque)` is called, on a librdkafka thread,
 * when a reply waits for wt_commit_step. */
struct wt_commit *wt_commit_create(const struct wt_config *config, rd_kafka_t *consumer,
                                   void (*wake)(rd_kafka_t *, void *), void *opaque);

/* After the last reply, or without waiting for it. */
void wt_commit_destroy(struct wt_commit *commit);

/* Takes the reply to the request under way, if it is there, and tells the lanes; then, at the
 * commit interval or `now`, asks for the positions of every lane that moved since its last commit.
 * A refused commit is logged and its positions are asked for again. */
void wt_commit_step(struct wt_commit *commit, struct wt_partition *const *partitions, size_t count,
                    bool now);

/* When the next request is due, on wt_clock_us. */
int64_t wt_commit_due_us(const struct wt_commit *commit);

#endif
