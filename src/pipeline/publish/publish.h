/* publish.h: the last stage: one thread that owns the producer.
 *
 * Puts each partition's finished records in order (order.h), and has them released, acknowledged and
 * committed (release.h). Every record that comes in ends here. One whose assignment has ended is
 * dropped, uncommitted. */
#ifndef WIRETAG_PIPELINE_PUBLISH_PUBLISH_H
#define WIRETAG_PIPELINE_PUBLISH_PUBLISH_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"

#include <librdkafka/rdkafka.h>

struct wt_compare_policy; /* compare_policy.h */
struct wt_group_member;   /* group_member.h */
struct wt_publish;

/* Everything is borrowed and must outlive the stage. */
struct wt_publish_ports {
    const struct wt_config *config;
    const char *transactional_id;   /* NULL: at-least-once */
    rd_kafka_t *consumer;           /* whose group's offsets are committed */
    struct wt_group_member *member; /* of the consumer */
    struct wt_queue *queue_in;
    struct wt_in_flight *in_flight;
    const struct wt_compare_policy *compare; /* NULL: records are not compared */
    void *opaque;
    /* The pipeline must stop: on_error is stop, or there is no producer. Called once, on the publish
     * thread. */
    void (*failed)(void *opaque, const struct wt_error *error);
    /* A record is acknowledged and about to end; must not wait. NULL: nobody looks. Thread: publish. */
    void (*acknowledged)(void *opaque, const struct wt_record *record);
};

/* Makes the producer. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_publish_create(const struct wt_publish_ports *ports,
                                 struct wt_publish **publish_out, struct wt_error *error);

/* The producer's handle, to look up topics before the start. */
rd_kafka_t *wt_publish_client(struct wt_publish *publish);

/* As wt_release_limit_batches and wt_release_limit_dead_letters. Before the start. */
enum wt_status wt_publish_limit_batches(struct wt_publish *publish, int64_t topic_bytes_max,
                                        struct wt_error *error);
void wt_publish_limit_dead_letters(struct wt_publish *publish, int64_t topic_bytes_max,
                                   bool compacted);

/* Starts the thread. It ends when queue_in is closed and empty. */
enum wt_status wt_publish_start(struct wt_publish *publish, struct wt_error *error);

/* Drains partitions whose epoch has ended: publishes and commits what their running batches still
 * give, for delivery.drain_ms_max at most, then drops the rest. Drops everything at once with `lost`,
 * and once the consumer is out of its group or the group has a newer generation (group_member.h).
 * Returns when that is done, or the stage's thread has ended. True: nothing was dropped, everything is
 * committed. One call at a time. Thread: consume. Locks: the drain request's. */
bool wt_publish_drain(struct wt_publish *publish, struct wt_partition *const *partitions,
                      size_t count, bool lost);

/* Waits for the thread, if it was started, and drops what is left in the orders. After it only
 * wt_publish_drain, wt_publish_close and wt_publish_destroy may be called. */
void wt_publish_join(struct wt_publish *publish);

/* Closes the producer, which aborts its open transaction. After wt_publish_join. */
void wt_publish_close(struct wt_publish *publish);

/* Joins, closes and frees the stage; accepts NULL. */
void wt_publish_destroy(struct wt_publish *publish);

#endif
