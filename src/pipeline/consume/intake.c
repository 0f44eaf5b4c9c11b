#include "pipeline/consume/intake.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/message.h"
#include "kafka/query.h"
#include "observe/metrics.h"
#include "pipeline/consume/consumer.h"
#include "pipeline/consume/rate_limit.h"
#include "pipeline/consume/retention_gap.h"
#include "pipeline/consume/suspend.h"
#include "replay/range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How many records go on together: amortizes the queue's lock, costs microseconds of delay. */
#define RECORDS_PER_PUSH_MAX 128u

/* A fetch brings something of a log that goes on. After this long it is looked into why it does not. */
#define STUCK_US 10000000

struct wt_intake {
    struct wt_owner owner; /* the consume thread */
    struct wt_intake_ports ports;
    struct wt_extent_query *query;
    struct wt_retention_gap *loss;
    struct wt_log_reset *setback;
    struct wt_suspend *suspend;
    struct wt_rate_limit pace;
    struct wt_message_scratch scratch;
    struct wt_record_list taken; /* to be handed on */
    struct wt_partition *last;   /* of the previous record: records come in runs */
    bool full;                   /* no room was left last time */
    bool learning;               /* ranges of assigned partitions are unknown */
};

static bool on_gone(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message);
static void on_passed(void *opaque, struct wt_partition *partition, int64_t to);

static void on_failed(void *opaque, const struct wt_error *error)
{
    const struct wt_intake *intake = opaque;
    intake->ports.failed(intake->ports.opaque, error);
}

struct wt_intake *wt_intake_create(const struct wt_intake_ports *ports)
{
    struct wt_intake *intake = wt_alloc_zeroed(1, sizeof *intake);
    intake->ports = *ports;
    intake->pace.records_per_s_max = ports->records_per_s_max;
    intake->query = wt_extent_query_create(ports->config);
    intake->loss = wt_retention_gap_create(ports->config, ports->partitions, intake->query);
    intake->setback = wt_log_reset_create(ports->consumer, ports->drain, ports->opaque);
    struct wt_suspend_ports suspend_ports = {.config = ports->config,
                                             .consumer = ports->consumer,
                                             .opaque = intake,
                                             .gone = on_gone,
                                             .passed = on_passed,
                                             .failed = on_failed};
    intake->suspend = wt_suspend_create(&suspend_ports);
    return intake;
}

void wt_intake_destroy(struct wt_intake *intake)
{
    if (intake == NULL) {
        return;
    }
    wt_suspend_destroy(intake->suspend);
    wt_log_reset_destroy(intake->setback);
    wt_retention_gap_destroy(intake->loss);
    wt_extent_query_destroy(intake->query);
    wt_message_scratch_free(&intake->scratch);
    free(intake);
}

void wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition)
{
    wt_owner_assert(&intake->owner);
    assert(atomic_load_explicit(&partition->epoch_live, memory_order_relaxed) == 0);
    wt_suspend_forget(intake->suspend, partition);
    partition->progress_us = wt_clock_us();
    wt_retention_gap_begin(intake->loss, partition, intake->ports.ranged);
    if (intake->ports.ranged) {
        wt_range_begin(intake->ports.consumer, partition);
        intake->learning = true;
    }
}

bool wt_intake_ready(struct wt_intake *intake, struct wt_partition *partition)
{
    wt_owner_assert(&intake->owner);
    return wt_retention_gap_ready(intake->loss, partition);
}

/* --- one record ------------------------------------------------------------------------------ */

static struct wt_partition *source_of(struct wt_intake *intake, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct wt_partition *last = intake->last;
    if (last == NULL || last->number != message->partition || strcmp(last->topic, topic) != 0) {
        last = wt_partitions_get(intake->ports.partitions, topic, message->partition);
        intake->last = last;
    }
    return last;
}

/* Gives a record its place in its partition's order and counts it in. */
static void put_in_line(struct wt_intake *intake, struct wt_partition *source,
                        struct wt_record *record)
{
    assert(source->assigned && source->epoch_last != 0);
    record->source = source;
    record->epoch = source->epoch_last;
    record->sequence = source->sequence_next++;
    record->consumed_us = wt_clock_us();
    wt_in_flight_add(intake->ports.in_flight, record);
}

static void append_hole(struct wt_intake *intake, struct wt_partition *source,
                        struct wt_record *record)
{
    put_in_line(intake, source, record);
    wt_record_list_append(&intake->taken, &record);
}

/* No record of the partition's range lies at `offset` or before it any more. */
static void end_range(struct wt_intake *intake, struct wt_partition *source, int64_t offset)
{
    struct wt_record *record = wt_range_end(intake->ports.consumer, source, offset);
    if (record != NULL) {
        append_hole(intake, source, record);
    }
}

/* How far the log reached when it was last fetched from, as librdkafka keeps it; -1: not known. */
static int64_t end_seen(struct wt_intake *intake, const struct wt_partition *source)
{
    int64_t begin;
    int64_t end;
    return rd_kafka_get_watermark_offsets(intake->ports.consumer, source->topic, source->number,
                                          &begin, &end) == RD_KAFKA_RESP_ERR_NO_ERROR
               ? end
               : -1;
}

/* Whether the record may be the next one, or the first behind a gap. Else its partition is suspended. */
static bool may_follow(struct wt_intake *intake, struct wt_partition *source,
                       rd_kafka_message_t **message)
{
    assert(source->assigned && !source->suspended);
    int64_t offset = (*message)->offset;
    if (offset == source->next_offset) {
        return true;
    }
    int64_t end = end_seen(intake, source);
    if (end >= 0 && offset >= end) {
        wt_suspend_unreadable(intake->suspend, source, offset, "a record behind the log's end");
        return false;
    }
    int64_t expected = wt_retention_gap_look(intake->loss, source, offset);
    if (expected > offset) {
        wt_suspend_reset(intake->suspend, source, expected, message);
        return false;
    }
    return true;
}

/* The log no longer holds the position: a replay ends, others set the group's offset back. */
static bool on_gone(void *opaque, struct wt_partition *partition, rd_kafka_message_t **message)
{
    struct wt_intake *intake = opaque;
    struct wt_error error;
    if (partition->range == NULL) {
        if (wt_log_reset_under_way(intake->setback)) {
            return false;
        }
        wt_log_reset_begin(intake->setback, partition, message);
    } else if (partition->range->state == WT_RANGE_OPEN) {
        (void)wt_range_gone(partition, &error);
        intake->ports.failed(intake->ports.opaque, &error);
    }
    return true;
}

/* What was passed over is committed like a hole: a restart does not meet it again. */
static void on_passed(void *opaque, struct wt_partition *partition, int64_t to)
{
    struct wt_intake *intake = opaque;
    if (partition->range != NULL && to >= partition->range->books.to) {
        end_range(intake, partition, to);
        return;
    }
    append_hole(intake, partition, wt_record_create_hole(to));
    atomic_store_explicit(&partition->position, to, memory_order_release);
}

/* Clears *message where it is kept. */
static void take_message(struct wt_intake *intake, rd_kafka_message_t **taken)
{
    const rd_kafka_message_t *message = *taken;
    struct wt_partition *source = source_of(intake, message);
    /* Fetched before the assignment ended: its next owner reads it again; or from where the client
     * went astray. */
    if (!source->assigned || source->suspended || !may_follow(intake, source, taken)) {
        return;
    }
    source->next_offset = message->offset + 1;
    if (source->range != NULL && !wt_range_takes(intake->ports.consumer, source, message->offset)) {
        end_range(intake, source, message->offset);
        return;
    }
    source->read_last =
        (struct wt_record_mark){.offset = message->offset,
                                .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                .bytes = message->key_len + message->len};
    struct wt_record *record = wt_message_record(message, &intake->scratch);
    put_in_line(intake, source, record);
    source->progress_us = record->consumed_us;
    wt_rate_limit_took(&intake->pace, record->consumed_us);
    atomic_store_explicit(&source->position, message->offset + 1, memory_order_release);
    wt_metric_add(WT_METRIC_RECORDS_CONSUMED, 1);
    wt_metric_add(WT_METRIC_BYTES_CONSUMED, (int64_t)(message->key_len + message->len));
    wt_record_list_append(&intake->taken, &record);
}

/* Note "Holes": the partition ends at the message's offset, and everything before it is behind us.
 * Where that is not the last record's, what lies between holds none (ends of transactions, aborted
 * records, compaction), and is committed in its turn: else the group would lag behind for ever. So
 * is the end that a group without an offset finds: where it came once, it goes on. An end before
 * the next offset shows another log, as a record would, which may not come before this worker is
 * gone. Clears *message where it is kept. */
static void take_end(struct wt_intake *intake, rd_kafka_message_t **message)
{
    struct wt_partition *source = source_of(intake, *message);
    const struct wt_range *range = source->range;
    int64_t offset = (*message)->offset;
    bool over = range != NULL && range->state != WT_RANGE_OPEN;
    bool nothing = range == NULL && source->next_offset == offset;
    if (!source->assigned || source->suspended || over || nothing) {
        return;
    }
    int64_t expected = wt_retention_gap_look(intake->loss, source, offset);
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

/* An event that came in a record's place. Clears *taken where it is kept. */
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
    struct wt_error error;
    if (wt_consumer_failed(intake->ports.consumer, message, &error)) {
        intake->ports.failed(intake->ports.opaque, &error);
    }
}

void wt_intake_take(struct wt_intake *intake, rd_kafka_message_t *message)
{
    wt_owner_assert(&intake->owner);
    bool stopping = atomic_load_explicit(intake->ports.stopping, memory_order_acquire);
    if (stopping && message->err != RD_KAFKA_RESP_ERR__FATAL) {
        /* Left to whoever reads on: a thread that is not waited for needs no configuration then. */
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_message(intake, &message);
    } else {
        take_event(intake, &message);
    }
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
}

/* --- those that are there -------------------------------------------------------------------- */

/* Ranges are known of all assigned partitions; before, no record may be taken. */
static bool ranges_known(struct wt_intake *intake)
{
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

static bool room(struct wt_intake *intake)
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
    return room(intake) && wt_rate_limit_allows(&intake->pace, wt_clock_us()) &&
           !wt_log_reset_under_way(intake->setback);
}

void wt_intake_step(struct wt_intake *intake, int wait_ms)
{
    wt_owner_assert(&intake->owner);
    rd_kafka_message_t *message;
    wt_retention_gap_step(intake->loss);
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
        bool awaited = open && partition->assigned && !partition->suspended &&
                       !partition->unforwarded && partition->next_offset >= 0 &&
                       (partition->range == NULL || partition->range->state == WT_RANGE_OPEN) &&
                       end_seen(intake, partition) > partition->next_offset;
        if (!awaited) {
            partition->progress_us = now_us;
        } else if (now_us - partition->progress_us > STUCK_US) {
            partition->progress_us = now_us;
            wt_suspend_unreadable(intake->suspend, partition, partition->next_offset,
                                  "nothing comes of it");
        }
    }
}

void wt_intake_step_log_reset(struct wt_intake *intake)
{
    wt_owner_assert(&intake->owner);
    wt_suspend_step(intake->suspend);
    rd_kafka_message_t *message = wt_log_reset_step(intake->setback);
    if (message != NULL) {
        struct wt_partition *source = source_of(intake, message);
        wt_partition_begin_epoch(source);
        source->next_offset = message->offset;
        wt_intake_take(intake, message);
    }
}

void wt_intake_settle(struct wt_intake *intake, int wait_ms)
{
    wt_owner_assert(&intake->owner);
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    while (!wt_retention_gap_settled(intake->loss) && wt_clock_us() < deadline_us) {
        (void)nanosleep(&pause, NULL);
        wt_retention_gap_step(intake->loss);
    }
}
