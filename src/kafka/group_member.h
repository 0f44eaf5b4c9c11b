/* group_member.h: for whom a worker commits: its place in the group, which a commit names to the broker.
 *
 * A client that hears of more partitions rejoins its group even in the middle of a revoke (librdkafka 2.0.2
 * to 2.16, eager and cooperative), and the group gives away what is still being drained. The broker asks a
 * commit for its generation, not for its partitions: with the new one it would take the drain's commit,
 * although the next owner reads the same records already. So the place is held while a revoke drains, and
 * what the group has gone on from is refused. */
#ifndef WIRETAG_KAFKA_GROUP_MEMBER_H
#define WIRETAG_KAFKA_GROUP_MEMBER_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_group_member;

/* The consumer's place in its group as it is now: its member id and generation. NULL: it is in none now.
 * librdkafka has metadata in any case, with no generation: such a commit is that of a group without
 * members, which the broker takes. The caller frees it. Thread: any. */
rd_kafka_consumer_group_metadata_t *wt_group_member_now(rd_kafka_t *consumer,
                                                        const struct wt_config *config);

/* What wt_group_member_now and wt_group_member_get give is freed with this; accepts NULL. */
void wt_group_member_free(rd_kafka_consumer_group_metadata_t *place);

/* The group takes no commits of this client any more. */
bool wt_group_member_is_out(rd_kafka_t *client);

/* Both are borrowed and must outlive it. */
struct wt_group_member *wt_group_member_create(rd_kafka_t *consumer,
                                               const struct wt_config *config);

/* Accepts NULL. */
void wt_group_member_destroy(struct wt_group_member *membership);

/* A revoke's drain begins, or is over. Thread: that which polls the consumer. */
void wt_group_member_pin(struct wt_group_member *membership);
void wt_group_member_unpin(struct wt_group_member *membership);

/* The place to commit for: that which is held, else the one now. NULL: none. The caller frees it.
 * Thread: any. */
rd_kafka_consumer_group_metadata_t *wt_group_member_get(struct wt_group_member *membership);

/* The group has gone on from the place that is held. Thread: any. */
bool wt_group_member_is_over(struct wt_group_member *membership);

#endif
