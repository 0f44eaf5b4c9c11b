/* commit.h: the end of the flow: makes positions of the source partitions durable.
 *
 * At-least-once: a lane's position, the offset after its contiguous acknowledged prefix, is
 * committed through the consumer, one commit request at a time. Only the publish thread uses this;
 * consume, in a revoke, waits for publish, so no commit can follow a partition to its next owner.
 */
#ifndef WIRETAG_PIPELINE_COMMIT_H
#define WIRETAG_PIPELINE_COMMIT_H

#include "pipeline/partition.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct wt_commit;

/* `consumer` is borrowed. `wake(opaque)` is called, on a librdkafka thread, when a reply waits for
 * wt_commit_serve. */
struct wt_commit *wt_commit_create(rd_kafka_t *consumer, void (*wake)(rd_kafka_t *, void *),
                                   void *opaque);

/* After the last reply, or without waiting for it. */
void wt_commit_destroy(struct wt_commit *commit);

/* A request is under way. */
bool wt_commit_pending(const struct wt_commit *commit);

/* Asks for the positions of every lane that moved since its last commit. No request may be
 * pending. Returns false when nothing moved. */
bool wt_commit_request(struct wt_commit *commit, struct wt_partition *const *partitions,
                       size_t count);

/* Takes a reply, if one is there, and tells the lanes. A refused commit is logged and its positions
 * are asked for again with the next request. */
void wt_commit_serve(struct wt_commit *commit);

#endif
