/* release.h: from finished records in their lanes to committed offsets.
 *
 * Hands each lane's records to the producer in order and ends them when that is worth something:
 *
 *   at-least-once  each delivery report acknowledges its record; the contiguous acknowledged prefix
 *                  of every lane is committed through the consumer (offset_commit.h)
 *   exactly-once   records and offsets share a transaction (transaction.h), whose commit
 *                  acknowledges everything released; after an abort the same records, encoded, go
 *                  into the next
 *
 * A record that the broker rejects takes its neighbours down with it, a request or a transaction at
 * a time. What was not acknowledged is tried again in smaller parts until the culprit stands alone
 * (poison_search.h). It becomes a dead letter, and a dead letter that is refused is cut
 * (dead_letter_policy.h). Thread: publish, but for creating and destroying. */
#ifndef WIRETAG_PIPELINE_PUBLISH_RELEASE_H
#define WIRETAG_PIPELINE_PUBLISH_RELEASE_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "wiretag/model.h"

#include <librdkafka/rdkafka.h>

struct wt_group_member; /* group_member.h */
struct wt_release;

/* Everything is borrowed and must outlive the release. */
struct wt_release_ports {
    const struct wt_config *config;
    const struct wt_model_info *model_info;
    const char *transactional_id; /* NULL: at-least-once */
    rd_kafka_t *consumer;
    struct wt_group_member *membership; /* of the consumer; transactions are committed for it */
    struct wt_in_flight *in_flight;
    void *opaque;
    /* Something waits for wt_release_step; on a librdkafka thread. */
    void (*wake)(rd_kafka_t *client, void *opaque);
    /* The pipeline should stop: on_error is stop, or delivery is impossible. Called once. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

/* Makes the producer. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_release_create(const struct wt_release_ports *ports,
                                 struct wt_release **release_out, struct wt_error *error);

/* All lanes must have been closed. */
void wt_release_destroy(struct wt_release *release);

/* The producer's handle, to look up topics before the start. */
rd_kafka_t *wt_release_client(struct wt_release *release);

/* Before the first step: what the dead-letter topic takes: its max.message.bytes, negative where that is not
 * known, and whether it is compacted and so takes no record without a key. */
void wt_release_limit_dead_letters(struct wt_release *release, int64_t topic_bytes_max,
                                   bool compacted);

/* A lane for a partition seen for the first time, closed. */
struct wt_lane *wt_release_lane_create(struct wt_release *release);

/* Releases what is next in each lane, takes reports, goes on with the commit. `commit_now`: do not
 * wait for the commit interval. `partitions`: all with a lane. May wait for the broker for half a
 * second. */
void wt_release_step(struct wt_release *release, struct wt_partition *const *partitions,
                     size_t count, bool commit_now);

/* When wt_release_step has something to do without being woken, on wt_clock_us. */
int64_t wt_release_due_us(const struct wt_release *release);

/* Everything of the partition that can be released is acknowledged and committed. */
bool wt_release_settled(const struct wt_release *release, const struct wt_partition *partition);

/* Exactly-once: no transaction could begin for five seconds since the first step, as where the brokers have
 * no coordinator. So nothing was committed, and a drain does not wait for it. */
bool wt_release_cannot_commit(const struct wt_release *release);

/* Closes the partition's lane; what is not acknowledged is dropped, uncommitted. Returns how many
 * records that were. */
uint32_t wt_release_close(struct wt_release *release, struct wt_partition *partition);

#endif
