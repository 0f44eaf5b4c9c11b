#include "pipeline/consume/rebalance.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/group_status.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/consume/consumer_client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Time limit for the question after the group's offsets of new partitions. */
#define COMMITTED_MS 5000

/* Note "Assigned while leaving". */
#define LEFT_US_MAX 1000000
#define LEFT_WAIT_US 5000

/* --- librdkafka's part ----------------------------------------------------------------------- */

static bool is_cooperative(const char *protocol)
{
    return strcmp(protocol, "COOPERATIVE") == 0;
}

/* NULL: success. */
static rd_kafka_error_t *change_assignment(rd_kafka_t *client, const char *protocol,
                                           const rd_kafka_topic_partition_list_t *list, bool assign)
{
    if (is_cooperative(protocol)) {
        return assign ? rd_kafka_incremental_assign(client, list)
                      : rd_kafka_incremental_unassign(client, list);
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(client, assign ? list : NULL);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NULL
               : rd_kafka_error_new(code, "%s", rd_kafka_err2str(code));
}

/* Logs the error, if any, and destroys it. */
static void log_failed(const char *what, rd_kafka_error_t *error)
{
    if (error == NULL) {
        return;
    }
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__DESTROY) {
        wt_log_error("consume", "%s: %s", what, rd_kafka_error_string(error));
    }
    rd_kafka_error_destroy(error);
}

void wt_rebalance_complete(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *list,
                           bool assign)
{
    const char *protocol = rd_kafka_rebalance_protocol(client);
    if (protocol != NULL) {
        log_failed(assign ? "assign" : "unassign",
                   change_assignment(client, protocol, list, assign));
    }
}

/* Note "Revoke under way": under a cooperative strategy librdkafka (seen in 2.16.0, and in the
 * source of 2.15) stores the assignment that follows a revoke until the application completes the
 * revoke. If a topic gains partitions meanwhile, librdkafka rejoins the group before that. Then it
 * keeps the stored assignment for good, treats every later rebalance as one in progress, and never
 * joins again: the group waits for this worker until max.poll.interval.ms. So a revoke is completed
 * at once, with an empty list of partitions. librdkafka then continues with the assignment, and
 * does not rejoin before the application completes that. The partitions stay assigned, and their
 * offsets can be committed, until wt_rebalance_complete unassigns them. The callback must run soon:
 * an event wakes the thread that waits for records (consume.c). A rejoin within the millisecond or
 * two before that cannot be prevented.
 *
 * With group.protocol: consumer no member rejoins: the coordinator waits until the member says that
 * it has revoked, and gives no other member its partitions before. An empty list would say so too
 * soon.
 *
 * Tells librdkafka that the revoke is being handled. */
static void begin_revoke(rd_kafka_t *client, bool coordinator_assigns)
{
    const char *protocol = rd_kafka_rebalance_protocol(client);
    if (protocol == NULL || coordinator_assigns || !is_cooperative(protocol)) {
        return;
    }
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    log_failed("revoke", rd_kafka_incremental_unassign(client, none));
    rd_kafka_topic_partition_list_destroy(none);
}

/* --- epochs ---------------------------------------------------------------------------------- */

static struct wt_partition *partition_of(struct wt_rebalance *rebalance,
                                         const rd_kafka_topic_partition_t *item)
{
    assert(item->partition >= 0);
    return wt_partitions_get(rebalance->partitions, item->topic, item->partition);
}

static void begin_epochs(struct wt_rebalance *rebalance,
                         const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct wt_partition *partition = partition_of(rebalance, &list->elems[i]);
        assert(!partition->assigned);
        partition->assigned = true;
        wt_intake_begin(rebalance->intake, partition);
        partition->unforwarded = true;
        wt_consumer_client_unforward(rebalance->client, partition->topic, partition->number);
        wt_partition_begin_epoch(partition);
        wt_metric_add(WT_METRIC_PARTITIONS, 1);
        wt_log_partition(WT_LOG_INFO, "consume", partition->topic, partition->number,
                         "assigned %s [%" PRId32 "]", partition->topic, partition->number);
    }
    wt_log_info("consume", "rebalance: %d added, %" PRId64 " partitions in total", list->cnt,
                wt_metric_get(WT_METRIC_PARTITIONS));
}

/* Ends the partitions' epochs and drains them. */
static void end_epochs(struct wt_rebalance *rebalance, const rd_kafka_topic_partition_list_t *list,
                       bool lost)
{
    struct wt_partition **ended = wt_alloc_zeroed((size_t)list->cnt, sizeof(struct wt_partition *));
    size_t count = 0;
    for (int i = 0; i < list->cnt; i++) {
        struct wt_partition *partition = partition_of(rebalance, &list->elems[i]);
        if (partition->assigned) {
            atomic_store_explicit(&partition->epoch_live, 0, memory_order_release);
            partition->assigned = false;
            ended[count++] = partition;
            wt_metric_add(WT_METRIC_PARTITIONS, -1);
            wt_log_partition(WT_LOG_INFO, "consume", partition->topic, partition->number,
                             "%s %s [%" PRId32 "]", lost ? "lost" : "revoked", partition->topic,
                             partition->number);
        }
    }
    if (count > 0) {
        wt_log_info("consume", "rebalance: %zu removed, %" PRId64 " partitions in total", count,
                    wt_metric_get(WT_METRIC_PARTITIONS));
    }
    rebalance->drain(rebalance->opaque, ended, count, lost);
    free(ended);
}

void wt_rebalance_end_all(struct wt_rebalance *rebalance, bool lost)
{
    wt_owner_assert(rebalance->owner);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(rebalance->partitions, i)) != NULL; i++) {
        (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    }
    end_epochs(rebalance, list, lost);
    rd_kafka_topic_partition_list_destroy(list);
}

/* --- the callback ---------------------------------------------------------------------------- */

/* Drains before the partitions are unassigned: only while they are assigned may their offsets be
 * committed. */
static void on_revoke(struct wt_rebalance *rebalance, const rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(rebalance->client);
    if (!lost && !atomic_load_explicit(rebalance->stopping, memory_order_acquire)) {
        wt_group_member_pin(rebalance->member);
        begin_revoke(rebalance->client, rebalance->coordinator_assigns);
    }
    end_epochs(rebalance, list, lost);
    wt_group_member_unpin(rebalance->member);
    wt_rebalance_complete(rebalance->client, list, false);
}

/* Note "Added": clients learn of partitions that a topic gets with their next metadata, up to a minute
 * later, and producers may be the first. Where auto.offset.reset is latest or error, what they have
 * written by then would never be read. So a partition that is newer than this worker begins with
 * its first record, unless the group has an offset of it. Where the group cannot be asked, it counts as
 * one without: if it has one, the records before it are recognized (suspend.h). */
static void begin_added(struct wt_rebalance *rebalance, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *added = rd_kafka_topic_partition_list_new(0);
    for (int i = 0; rebalance->begins_at_end && i < list->cnt; i++) {
        const struct wt_partition *partition = partition_of(rebalance, &list->elems[i]);
        if (partition->added) {
            (void)rd_kafka_topic_partition_list_add(added, partition->topic, partition->number);
        }
    }
    if (added->cnt > 0) {
        (void)rd_kafka_committed(rebalance->client, added, COMMITTED_MS);
    }
    for (int i = 0; i < added->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &added->elems[i];
        if (item->offset < 0) {
            (void)rd_kafka_topic_partition_list_set_offset(list, item->topic, item->partition,
                                                           RD_KAFKA_OFFSET_BEGINNING);
            wt_log_partition(WT_LOG_INFO, "consume", item->topic, item->partition,
                             "%s [%" PRId32 "] is newer than this worker: it is read from its "
                             "first record, whatever auto.offset.reset says",
                             item->topic, item->partition);
        }
    }
    rd_kafka_topic_partition_list_destroy(added);
}

/* Note "Assigned twice": without a cooperative strategy an assignment names all partitions, and librdkafka
 * revokes the one before first. It (2.16) leaves that revoke out if an input topic gains partitions between
 * its callback and our assign: it rejoins at once, when it has no partitions to revoke yet. Who owned the
 * old ones meanwhile is not known, so they count as lost. */
static void end_former(struct wt_rebalance *rebalance)
{
    const char *protocol = rd_kafka_rebalance_protocol(rebalance->client);
    bool whole = protocol != NULL && !is_cooperative(protocol);
    if (whole && wt_metric_get(WT_METRIC_PARTITIONS) > 0) {
        wt_rebalance_end_all(rebalance, true);
    }
}

/* Note "Assigned while leaving": a client that leaves its group does not wait for an assignment which came
 * just before, and drops what the callback asks it meanwhile (seen in 2.16): who asks waits for ever. So it
 * gets a moment to be out. True: it is, and the assignment is of no use. */
static bool await_left(const struct wt_rebalance *rebalance)
{
    bool leaves = atomic_load_explicit(rebalance->stopping, memory_order_acquire);
    int64_t until_us = wt_clock_us() + LEFT_US_MAX;
    while (leaves && !rd_kafka_consumer_closed(rebalance->client) && wt_clock_us() < until_us) {
        (void)usleep(LEFT_WAIT_US);
    }
    return leaves && rd_kafka_consumer_closed(rebalance->client);
}

void wt_rebalance_handle(struct wt_rebalance *rebalance, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list)
{
    wt_owner_assert(rebalance->owner);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && await_left(rebalance)) {
        return;
    }
    wt_metric_add(WT_METRIC_REBALANCES, 1);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        wt_group_note_assigned();
        wt_group_member_note_assigned(rebalance->member);
        end_former(rebalance);
        begin_added(rebalance, list);
        begin_epochs(rebalance, list);
        wt_rebalance_complete(rebalance->client, list, true);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        wt_log_error("consume", "rebalance failed: %s; rejoining", rd_kafka_err2str(code));
    }
    on_revoke(rebalance, list);
}
