/* rebalance.h: what happens when the group assigns partitions to this worker or revokes them.
 *
 *   assigned   each partition begins a new epoch; then librdkafka is told to fetch the partitions. Unless
 *              the group is cooperative, an earlier assignment that was not revoked counts as lost.
 *   revoked    the epochs end and the records in flight are drained: labelled, published and committed.
 *              Then the partitions are unassigned, and the group may give them to another member.
 *   lost       the group has already given the partitions to another member. The epochs end, and
 *              nothing is committed.
 *
 * Publish does the drain (publish.c); the hook of consume.h leads there. librdkafka calls the rebalance
 * callback inside the poll. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_REBALANCE_H
#define WIRETAG_PIPELINE_CONSUME_REBALANCE_H

#include "base/owner.h"
#include "kafka/group_member.h"
#include "pipeline/consume/intake.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* All pointers are borrowed and must outlive the struct. */
struct wt_rebalance {
    struct wt_owner *owner; /* the consume thread */
    rd_kafka_t *client;
    bool coordinator_assigns; /* group.protocol: consumer */
    bool begins_at_end;       /* wt_consumer_begins_at_end; false for a replay */
    struct wt_partitions *partitions;
    struct wt_intake *intake;
    struct wt_group_member *member;
    const atomic_bool *stopping;
    void *opaque;
    /* Drains partitions whose epochs have just ended. `lost`: commits nothing. */
    void (*drain)(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost);
};

/* The body of librdkafka's rebalance callback: handles the assignment or the revoke of `list`. A
 * partition that is assigned here stays unforwarded until intake is ready (consumer_client.h). */
void wt_rebalance_handle(struct wt_rebalance *rebalance, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list);

/* Ends the epochs of all partitions and drains them; the partitions stay assigned to the consumer. At
 * the end of the process, and where an assignment replaces an earlier one. `lost`: commits nothing. */
void wt_rebalance_end_all(struct wt_rebalance *rebalance, bool lost);

/* Completes a rebalance in librdkafka: assigns (`assign`) or unassigns the partitions, incrementally
 * under a cooperative strategy. Does nothing if the consumer has already left its group; such a
 * rebalance is delivered when the consumer closes in the middle of it. Thread: the one that polls. */
void wt_rebalance_complete(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *list,
                           bool assign);

#endif
