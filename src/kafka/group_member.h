/* group_member.h: the group identity (group, member id, generation) that offset commits carry.
 *
 * A client that learns of new partitions rejoins its group even in the middle of a revoke
 * (librdkafka 2.0.2 to 2.16, eager and cooperative), and the group assigns the partitions that are
 * still being drained to another member. A broker checks the generation of a commit, not its
 * partitions. If the drain's commit carried the new generation, the broker would accept it, although
 * the next owner already reads the same records. So the identity is pinned while a revoke drains:
 * the commits name the old generation, and the broker refuses them once the group has a new one. */
#ifndef WIRETAG_KAFKA_GROUP_MEMBER_H
#define WIRETAG_KAFKA_GROUP_MEMBER_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct wt_group_member;

/* The consumer's current identity. NULL: the consumer is not a member of its group now. In that case
 * librdkafka returns metadata without a generation, and a broker would accept a commit with such
 * metadata from outside the group. Free it with wt_group_member_free. Thread: any. */
rd_kafka_consumer_group_metadata_t *wt_group_member_now(rd_kafka_t *consumer,
                                                        const struct wt_config *config);

/* Frees what wt_group_member_now and wt_group_member_get return; accepts NULL. */
void wt_group_member_free(rd_kafka_consumer_group_metadata_t *metadata);

/* True: the group no longer accepts commits of this client. */
bool wt_group_member_is_out(rd_kafka_t *client);

/* Note "Removed": a group that hears nothing of a member for session.timeout.ms removes it. The client
 * rejoins, with the same group.instance.id and a new member id. A request that it had written before and
 * that arrives only now carries the old member id, and the broker answers FENCED_INSTANCE_ID, as it does
 * when another worker has taken the group.instance.id. librdkafka (to 2.16) takes this for the end of the
 * consumer. Here the member id tells: that of a worker whose name was taken has not changed. */

/* Consumer and configuration are borrowed and must outlive it. */
struct wt_group_member *wt_group_member_create(rd_kafka_t *consumer,
                                               const struct wt_config *config);

/* Accepts NULL. */
void wt_group_member_destroy(struct wt_group_member *member);

/* Notes the member id of an assignment. Thread: the one that polls the consumer. */
void wt_group_member_note_assigned(struct wt_group_member *member);

/* True: the group has removed this member within the last minutes; note "Removed". Thread: the one that
 * polls the consumer. */
bool wt_group_member_was_removed(const struct wt_group_member *member);

/* Pins the current identity when a revoke's drain starts; unpins it after the drain. Thread: the
 * one that polls the consumer. */
void wt_group_member_pin(struct wt_group_member *member);
void wt_group_member_unpin(struct wt_group_member *member);

/* The identity to commit with: the pinned one, else the current one. NULL: not a member. Free it
 * with wt_group_member_free. Thread: any. */
rd_kafka_consumer_group_metadata_t *wt_group_member_get(struct wt_group_member *member);

/* True: pinned, and the consumer's identity has changed since. Thread: any. */
bool wt_group_member_is_over(struct wt_group_member *member);

#endif
