/* publish.h: the last stage: one thread that owns the producer.
 *
 * Puts each partition's finished records in line (lane.h) and has them released, acknowledged and
 * committed in order (release.h). Every record that comes in ends here, or, when its assignment
 * ended first, is dropped uncommitted. */
#ifndef WIRETAG_PIPELINE_PUBLISH_PUBLISH_H
#define WIRETAG_PIPELINE_PUBLISH_PUBLISH_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"
#include "wiretag/model.h"

#include <librdkafka/rdkafka.h>

struct wt_group_member; /* group_member.h */
struct wt_publish;

/* Everything is borrowed and must outlive the stage. */
struct wt_publish_ports {
    const struct wt_config *config;
    const struct wt_model_info *model_info;
    const char *transactional_id;       /* NULL: at-least-once */
    rd_kafka_t *consumer;               /* commits go through it */
    struct wt_group_member *membership; /* of the consumer */
    struct wt_queue *queue_in;
    struct wt_in_flight *in_flight;
    void *opaque;
    /* The pipeline should stop: on_error is stop, or the producer cannot be had. Called once, on
     * the publish thread. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

/* Makes the producer. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_publish_create(const struct wt_publish_ports *ports,
                                 struct wt_publish **publish_out, struct wt_error *error);

/* The producer handle, to look up topics before the start. */
rd_kafka_t *wt_publish_client(struct wt_publish *publish);

/* As wt_release_limit_dead_letters, before the start. */
void wt_publish_limit_dead_letters(struct wt_publish *publish, int64_t topic_bytes_max,
                                   bool compacted);

/* Starts the thread. It ends when queue_in is closed and empty. */
enum wt_status wt_publish_start(struct wt_publish *publish, struct wt_error *error);

/* Lets go of partitions whose epoch has ended: publishes and commits what their running batches
 * still give, for delivery.drain_ms_max at most, then drops the rest. With `lost`, and once the group
 * has let the consumer go or has gone on (group_member.h), drops everything at once. Returns when that
 * is done, or the stage's thread has ended; true: nothing was dropped, all is committed. Thread:
 * consume. Locks: the drain request's. */
bool wt_publish_drain(struct wt_publish *publish, struct wt_partition *const *partitions,
                      size_t count, bool lost);

/* Waits for the thread, if started, and lets go of what is left in the lanes. After it wt_publish_drain
 * alone may be called, wt_publish_close and wt_publish_destroy. */
void wt_publish_join(struct wt_publish *publish);

/* Frees the producer, which aborts the transaction that it has open. After wt_publish_join. */
void wt_publish_close(struct wt_publish *publish);

/* Joins and closes, too; accepts NULL. */
void wt_publish_destroy(struct wt_publish *publish);

#endif
