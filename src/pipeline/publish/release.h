/* release.h: from finished records to committed offsets.
 *
 * Sends each partition's records in its order (order.h). The guarantee (guarantee.h) decides when a
 * record counts as acknowledged, and how its offset is committed. Records go in rounds: a round is what
 * is sent before the next commit, or until the producer is empty.
 *
 * A record that the broker rejects fails its whole round. What was not acknowledged is released again
 * in smaller rounds until the rejected record is alone (poison_search.h). It becomes a dead letter, and
 * a dead letter that is rejected is cut (dead_letter_policy.h). Thread: publish, except for create,
 * limit_dead_letters and destroy. */
#ifndef WIRETAG_PIPELINE_PUBLISH_RELEASE_H
#define WIRETAG_PIPELINE_PUBLISH_RELEASE_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

struct wt_compare_policy; /* compare_policy.h */
struct wt_group_member;   /* group_member.h */
struct wt_guarantee_ops;  /* guarantee.h */
struct wt_order;          /* order.h */
struct wt_release;

/* Everything is borrowed and must outlive the release. */
struct wt_release_ports {
    const struct wt_config *config;
    const struct wt_guarantee_ops *guarantee;
    const char *transactional_id; /* of the producer; NULL: it is not transactional */
    rd_kafka_t *consumer;
    struct wt_group_member *member; /* of the consumer */
    struct wt_in_flight *in_flight;
    const struct wt_compare_policy *compare; /* NULL: records are not compared */
    void *opaque;
    /* Something waits for wt_release_step; on a librdkafka thread. */
    void (*wake)(rd_kafka_t *client, void *opaque);
    /* The pipeline must stop: on_error is stop, or delivery is impossible. Called once. */
    void (*failed)(void *opaque, const struct wt_error *error);
    /* A record is acknowledged and about to end; must not wait. NULL: nobody looks. Thread: publish. */
    void (*acknowledged)(void *opaque, const struct wt_record *record);
};

/* Makes the producer. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_release_create(const struct wt_release_ports *ports,
                                 struct wt_release **release_out, struct wt_error *error);

/* All orders must be closed. */
void wt_release_destroy(struct wt_release *release);

/* The producer's handle, to look up topics before the start. */
rd_kafka_t *wt_release_client(struct wt_release *release);

/* No batch of records exceeds the least max.message.bytes of the topics of labels; negative: not known.
 * Before the first step. WT_INVALID or WT_FAILED (class fatal): the producer cannot be made anew. */
enum wt_status wt_release_limit_batches(struct wt_release *release, int64_t topic_bytes_max,
                                        struct wt_error *error);

/* What the dead-letter topic takes: its max.message.bytes (negative: not known), and whether it is
 * compacted, which refuses records without a key. Before the first step. */
void wt_release_limit_dead_letters(struct wt_release *release, int64_t topic_bytes_max,
                                   bool compacted);

/* Creates the order, closed, of a partition that publish sees for the first time. */
struct wt_order *wt_release_order_create(struct wt_release *release);

/* Releases what is next in each partition, takes delivery reports, continues the commit. `commit_now`:
 * commit before the interval is over. `partitions`: all with an order. A call to the broker may take
 * half a second. */
void wt_release_step(struct wt_release *release, struct wt_partition *const *partitions,
                     size_t count, bool commit_now);

/* When the next wt_release_step is due, if nothing wakes the thread before; on wt_clock_us. */
int64_t wt_release_due_us(const struct wt_release *release);

/* Everything of the partition that can be released is acknowledged and committed. Where the producer is
 * closed, or the worker stops, nothing more can. */
bool wt_release_settled(const struct wt_release *release, const struct wt_partition *partition);

/* Exactly-once: no transaction could begin for five seconds since the first step, for instance because
 * the brokers have no coordinator. So nothing can have been sent, and a drain need not wait for a commit. */
bool wt_release_cannot_commit(const struct wt_release *release);

/* Closes the partition's order; records that are not acknowledged are dropped, uncommitted. Returns their
 * number. */
uint32_t wt_release_close(struct wt_release *release, struct wt_partition *partition);

#endif
