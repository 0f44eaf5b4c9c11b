#include "pipeline/consume/intake.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/broker_status.h"
#include "kafka/message.h"
#include "kafka/query.h"
#include "observe/metrics.h"
#include "pipeline/consume/consumer_client.h"
#include "pipeline/consume/rate_limit.h"
#include "pipeline/consume/recreated.h"
#include "pipeline/consume/retention_gap.h"
#include "pipeline/consume/suspend.h"
#include "pipeline/consume/takeover.h"
#include "record/piece.h"
#include "replay/range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Records passed on in one push: amortizes the queue's lock and delays a record by microseconds. */
#define RECORDS_PER_PUSH_MAX 128u

/* If a partition's log has more records but none arrives for this long, the partition is suspended
 * and its log is probed. */
#define STUCK_US 10000000

struct wt_intake {
    struct wt_owner owner; /* the consume thread */
    struct wt_intake_ports ports;
    struct wt_extent_query *query;
    struct wt_retention_gap *retention_gap;
    struct wt_log_reset *log_reset;
    struct wt_suspend *suspend;
    struct wt_takeover *takeover;
    struct wt_rate_limit rate_limit;
    struct wt_message_scratch scratch;
    struct wt_record_list taken; /* for the next push */
    struct wt_partition *last;   /* of the previous record; saves look-ups */
    bool full;                   /* the in-flight bound was reached at the last check */
    bool learning;               /* the range of some assigned partition is not known yet */
};

static bool on_gone(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message);
static void on_passed(void *opaque, struct wt_partition *partition, int64_t to);
static void on_hole(void *opaque, struct wt_partition *partition, int64_t offset);
static void on_hold_back(void *opaque, struct wt_partition *partition);

static void on_failed(void *opaque, const struct wt_error *error)
{
    const struct wt_intake *intake = opaque;
    intake->ports.failed(intake->ports.opaque, error);
}

struct wt_intake *wt_intake_create(const struct wt_intake_ports *ports)
{
    struct wt_intake *intake = wt_alloc_zeroed(1, sizeof *intake);
    intake->ports = *ports;
    intake->rate_limit.records_per_s_max = ports->records_per_s_max;
    intake->query = wt_extent_query_create(ports->config);
    intake->retention_gap =
        wt_retention_gap_create(ports->config, ports->partitions, intake->query);
    intake->log_reset = wt_log_reset_create(ports->consumer, ports->drain, ports->opaque);
    struct wt_suspend_ports suspend_ports = {.config = ports->config,
                                             .consumer = ports->consumer,
                                             .opaque = intake,
                                             .gone = on_gone,
                                             .passed = on_passed,
                                             .failed = on_failed};
    intake->suspend = wt_suspend_create(&suspend_ports);
    struct wt_takeover_ports takeover_ports = {.config = ports->config,
                                               .labellers = ports->labellers,
                                               .promotions = ports->promotions,
                                               .partitions = ports->partitions,
                                               .query = intake->query,
                                               .opaque = intake,
                                               .hole = on_hole,
                                               .hold_back = on_hold_back,
                                               .failed = on_failed};
    intake->takeover = wt_takeover_create(&takeover_ports);
    return intake;
}

void wt_intake_destroy(struct wt_intake *intake)
{
    if (intake == NULL) {
        return;
    }
    wt_takeover_destroy(intake->takeover);
    wt_suspend_destroy(intake->suspend);
    wt_log_reset_destroy(intake->log_reset);
    wt_retention_gap_destroy(intake->retention_gap);
    wt_extent_query_destroy(intake->query);
    wt_message_scratch_free(&intake->scratch);
    free(intake);
}

void wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition)
{
    wt_owner_assert(&intake->owner);
    assert(atomic_load_explicit(&partition->epoch_live, memory_order_relaxed) == 0);
    wt_suspend_forget(intake->suspend, partition);
    partition->no_offset = false;
    partition->progress_us = wt_clock_us();
    wt_recreated_begin(partition);
    wt_retention_gap_begin(intake->retention_gap, partition, intake->ports.ranged);
    wt_takeover_begin(intake->takeover, partition);
    if (intake->ports.ranged) {
        wt_range_begin(intake->ports.consumer, partition);
        intake->learning = true;
    }
}

bool wt_intake_ready(struct wt_intake *intake, struct wt_partition *partition)
{
    wt_owner_assert(&intake->owner);
    return wt_retention_gap_ready(intake->retention_gap, partition) &&
           wt_takeover_ready(intake->takeover, partition, partition->committed_known);
}

/* --- one record ------------------------------------------------------------------------------ */

static struct wt_partition *source_of(struct wt_intake *intake, const rd_kafka_message_t *message)
{
    assert(message->rkt != NULL && message->partition >= 0);
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct wt_partition *last = intake->last;
    if (last == NULL || last->number != message->partition || strcmp(last->topic, topic) != 0) {
        last = wt_partitions_get(intake->ports.partitions, topic, message->partition);
        intake->last = last;
    }
    return last;
}

/* Assigns the record's epoch and sequence number and counts it in flight. The record takes over the hold of
 * `labeller`. */
static void admit(struct wt_intake *intake, struct wt_partition *source, struct wt_record *record,
                  struct wt_labeller *labeller)
{
    assert(source->assigned && source->epoch_last != 0);
    record->source = source;
    record->epoch = source->epoch_last;
    record->sequence = source->sequence_next++;
    record->consumed_us = wt_clock_us();
    record->labeller = labeller;
    if (labeller != NULL) {
        wt_record_bound(record, &labeller->windows);
    }
    wt_in_flight_add(intake->ports.in_flight, record);
}

static void append_hole(struct wt_intake *intake, struct wt_partition *source,
                        struct wt_record *record)
{
    assert(record->outcome == WT_OUTCOME_HOLE);
    struct wt_labellers *labellers = intake->ports.labellers;
    admit(intake, source, record, labellers != NULL ? wt_labellers_hold(labellers) : NULL);
    wt_record_list_append(&intake->taken, &record);
}

/* Reading has reached `offset`, and no record of the partition's range is left before it. */
static void end_range(struct wt_intake *intake, struct wt_partition *source, int64_t offset)
{
    assert(source->range != NULL);
    struct wt_record *record = wt_range_end(intake->ports.consumer, source, offset);
    if (record != NULL) {
        append_hole(intake, source, record);
    }
}

static int64_t end_seen(struct wt_intake *intake, const struct wt_partition *source)
{
    return wt_broker_status_end_seen(intake->ports.consumer, source->topic, source->number);
}

/* True: the record is the expected one or the first after a gap. Otherwise the partition is
 * suspended; *message may have been taken and cleared. */
static bool may_follow(struct wt_intake *intake, struct wt_partition *source,
                       rd_kafka_message_t **message)
{
    assert(source->assigned && !source->suspended);
    int64_t offset = (*message)->offset;
    if (offset >= source->next_offset &&
        wt_recreated_drops(intake->ports.consumer, source, offset)) {
        return false;
    }
    if (offset == source->next_offset) {
        return true;
    }
    int64_t end = end_seen(intake, source);
    if (end >= 0 && offset >= end) {
        wt_suspend_unreadable(intake->suspend, source, offset, "a record past the log's end");
        return false;
    }
    int64_t expected = wt_retention_gap_look(intake->retention_gap, source, offset);
    if (expected > offset) {
        wt_suspend_reset(intake->suspend, source, expected, message);
        return false;
    }
    return true;
}

/* The log no longer holds the next offset. A replay fails; a worker resets the group's offset. */
static bool on_gone(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message)
{
    struct wt_intake *intake = opaque;
    wt_owner_assert(&intake->owner);
    assert(partition->suspended && *message != NULL);
    struct wt_error error;
    if (partition->range == NULL) {
        if (wt_log_reset_under_way(intake->log_reset)) {
            return false;
        }
        wt_takeover_restart(intake->takeover, partition);
        wt_recreated_note_reset(partition);
        wt_log_reset_begin(intake->log_reset, partition, message);
    } else if (partition->range->state == WT_RANGE_OPEN) {
        (void)wt_range_gone(partition, &error);
        intake->ports.failed(intake->ports.opaque, &error);
    }
    return true;
}

/* A skipped batch is committed like a hole, so that a restart does not read it again. */
static void on_passed(void *opaque, struct wt_partition *partition, int64_t to)
{
    struct wt_intake *intake = opaque;
    wt_owner_assert(&intake->owner);
    assert(to == partition->next_offset);
    if (partition->range != NULL && to >= partition->range->checkpoint.to) {
        end_range(intake, partition, to);
        return;
    }
    append_hole(intake, partition, wt_record_create_hole(to));
    atomic_store_explicit(&partition->position, to, memory_order_release);
}

/* The records before `offset` are to be committed, with what the partition has as metadata now. */
static void on_hole(void *opaque, struct wt_partition *partition, int64_t offset)
{
    struct wt_intake *intake = opaque;
    wt_owner_assert(&intake->owner);
    partition->next_offset = offset;
    append_hole(intake, partition, wt_record_create_hole(offset));
    atomic_store_explicit(&partition->position, offset, memory_order_release);
}

static void on_hold_back(void *opaque, struct wt_partition *partition)
{
    struct wt_intake *intake = opaque;
    wt_owner_assert(&intake->owner);
    partition->unforwarded = true;
    wt_consumer_client_unforward(intake->ports.consumer, partition->topic, partition->number);
    intake->ports.unforwarded(intake->ports.opaque);
}

/* Takes *taken and sets it to NULL, or leaves it to the caller. */
static void take_message(struct wt_intake *intake, rd_kafka_message_t **taken)
{
    const rd_kafka_message_t *message = *taken;
    struct wt_partition *source = source_of(intake, message);
    /* Drop records of an assignment that has ended (the next owner reads them again), and records
     * of a suspended partition. */
    if (!source->assigned || source->suspended) {
        return;
    }
    if (wt_takeover_waits(intake->takeover, source)) {
        wt_takeover_queue(intake->takeover, source, taken);
        return;
    }
    struct wt_labeller *labeller = NULL;
    if (!may_follow(intake, source, taken) ||
        !wt_takeover_pick(intake->takeover, source, taken, &labeller)) {
        return;
    }
    source->next_offset = message->offset + 1;
    if (source->range != NULL && !wt_range_takes(intake->ports.consumer, source, message->offset)) {
        wt_labeller_release(labeller);
        end_range(intake, source, message->offset);
        return;
    }
    source->read_last =
        (struct wt_record_mark){.offset = message->offset,
                                .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                .bytes = message->key_len + message->len};
    struct wt_record *record = wt_message_record(message, &intake->scratch);
    admit(intake, source, record, labeller);
    source->progress_us = record->consumed_us;
    wt_rate_limit_took(&intake->rate_limit, record->consumed_us);
    atomic_store_explicit(&source->position, message->offset + 1, memory_order_release);
    wt_metric_add(WT_METRIC_RECORDS_CONSUMED, 1);
    wt_metric_add(WT_METRIC_BYTES_CONSUMED, (int64_t)(message->key_len + message->len));
    wt_record_list_append(&intake->taken, &record);
}

/* Note "Holes": the partition ends at the message's offset, and all records before it were read.
 * The offsets between the last record and the end hold no record (transaction markers, aborted
 * records, compaction). They are committed in order, as a hole; otherwise the group would show lag
 * for ever. The end is also committed for a group without a committed offset: after a restart it
 * continues there. An end before the expected offset means that the topic was re-created or
 * truncated.
 *
 * Takes *message and sets it to NULL, or leaves it to the caller. */
static void take_end(struct wt_intake *intake, rd_kafka_message_t **message)
{
    struct wt_partition *source = source_of(intake, *message);
    const struct wt_range *range = source->range;
    int64_t offset = (*message)->offset;
    bool over = range != NULL && range->state != WT_RANGE_OPEN;
    if (!source->assigned || source->suspended || over) {
        return;
    }
    if (wt_takeover_waits(intake->takeover, source)) {
        wt_takeover_queue(intake->takeover, source, message);
        return;
    }
    if (range == NULL && source->next_offset == offset) {
        return;
    }
    int64_t expected = wt_retention_gap_look(intake->retention_gap, source, offset);
    if (expected > offset) {
        wt_suspend_reset(intake->suspend, source, expected, message);
        return;
    }
    source->next_offset = offset;
    if (range != NULL) {
        end_range(intake, source, offset);
        return;
    }
    append_hole(intake, source, wt_record_create_hole(offset));
    atomic_store_explicit(&source->position, offset, memory_order_release);
}

/* Handles an event of the consumer that is not a record. Takes *taken and sets it to NULL, or
 * leaves it to the caller. */
static void take_event(struct wt_intake *intake, rd_kafka_message_t **taken)
{
    const rd_kafka_message_t *message = *taken;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        take_end(intake, taken);
        return;
    }
    if (message->rkt != NULL && wt_query_is_damage(message->err)) {
        struct wt_partition *source = source_of(intake, message);
        if (source->assigned) {
            wt_suspend_unreadable(intake->suspend, source, message->offset,
                                  rd_kafka_message_errstr(message));
        }
        return;
    }
    if (message->rkt != NULL && message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        source_of(intake, message)->no_offset = true;
    }
    struct wt_error error;
    if (wt_consumer_client_failed(intake->ports.consumer, message, &error)) {
        intake->ports.failed(intake->ports.opaque, &error);
    }
}

void wt_intake_take(struct wt_intake *intake, rd_kafka_message_t *message)
{
    wt_owner_assert(&intake->owner);
    bool stopping = atomic_load_explicit(intake->ports.stopping, memory_order_acquire);
    if (stopping && message->err != RD_KAFKA_RESP_ERR__FATAL) {
        /* Dropped; the next owner reads it. The thread may outlive wt_consume_join and must not use
         * the configuration then. */
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_message(intake, &message);
    } else {
        take_event(intake, &message);
    }
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
}

/* --- all available records ------------------------------------------------------------------- */

/* True: the ranges of all assigned partitions are known. No record may be taken before that. */
static bool ranges_known(struct wt_intake *intake)
{
    assert(intake->ports.ranged || !intake->learning);
    struct wt_error error;
    enum wt_status status = WT_OK;
    if (intake->learning) {
        intake->learning =
            !wt_ranges_learn(intake->ports.consumer, intake->ports.partitions, &status, &error);
    }
    if (status != WT_OK) {
        intake->ports.failed(intake->ports.opaque, &error);
    }
    return !intake->learning && status == WT_OK;
}

/* True: the in-flight bound is not reached. */
static bool has_room(struct wt_intake *intake)
{
    bool full = wt_in_flight_full(intake->ports.in_flight);
    if (full && !intake->full) {
        wt_metric_add(WT_METRIC_PAUSES, 1);
    }
    intake->full = full;
    return !full;
}

bool wt_intake_open(struct wt_intake *intake)
{
    wt_owner_assert(&intake->owner);
    const struct wt_rate_limit *limit = &intake->rate_limit;
    bool allowed = limit->records_per_s_max == 0 || wt_rate_limit_allows(limit, wt_clock_us());
    return has_room(intake) && allowed && !wt_log_reset_under_way(intake->log_reset) &&
           !wt_takeover_gives_up(intake->takeover);
}

void wt_intake_step(struct wt_intake *intake, int wait_ms)
{
    wt_owner_assert(&intake->owner);
    rd_kafka_message_t *message;
    wt_retention_gap_step(intake->retention_gap);
    bool open = wt_intake_open(intake) && ranges_known(intake);
    while (open && intake->taken.count < RECORDS_PER_PUSH_MAX &&
           (message = rd_kafka_consume_queue(intake->ports.records, wait_ms)) != NULL) {
        wt_intake_take(intake, message);
        open = wt_intake_open(intake);
        wait_ms = 0;
    }
    wt_queue_push(intake->ports.queue_out, &intake->taken);
}

void wt_intake_check(struct wt_intake *intake)
{
    wt_owner_assert(&intake->owner);
    int64_t now_us = wt_clock_us();
    bool open = wt_intake_open(intake);
    struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(intake->ports.partitions, i)) != NULL; i++) {
        wt_recreated_check(intake->ports.consumer, partition);
        bool expected = open && partition->assigned && !partition->suspended &&
                        !partition->unforwarded && partition->next_offset >= 0 &&
                        (partition->range == NULL || partition->range->state == WT_RANGE_OPEN) &&
                        end_seen(intake, partition) > partition->next_offset;
        if (!expected) {
            partition->progress_us = now_us;
        } else if (now_us - partition->progress_us > STUCK_US) {
            partition->progress_us = now_us;
            wt_suspend_unreadable(intake->suspend, partition, partition->next_offset,
                                  "no record arrives although the log has more");
        }
    }
}

void wt_intake_step_held(struct wt_intake *intake)
{
    wt_owner_assert(&intake->owner);
    wt_suspend_step(intake->suspend);
    rd_kafka_message_t *message = wt_log_reset_step(intake->log_reset);
    if (message != NULL) {
        struct wt_partition *source = source_of(intake, message);
        wt_partition_begin_epoch(source);
        source->next_offset = message->offset;
        wt_intake_take(intake, message);
    }
    wt_takeover_step(intake->takeover);
    while (wt_intake_open(intake) && intake->taken.count < RECORDS_PER_PUSH_MAX &&
           (message = wt_takeover_retry(intake->takeover)) != NULL) {
        wt_intake_take(intake, message);
    }
}

void wt_intake_settle(struct wt_intake *intake, int wait_ms)
{
    wt_owner_assert(&intake->owner);
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    while (!wt_retention_gap_settled(intake->retention_gap) && wt_clock_us() < deadline_us) {
        (void)nanosleep(&pause, NULL);
        wt_retention_gap_step(intake->retention_gap);
    }
}
