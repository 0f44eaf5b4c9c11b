#include "pipeline/consume.h"

#include "base/alloc.h"
#include "base/beat.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "pipeline/brokers.h"
#include "pipeline/consumer.h"
#include "pipeline/drain_clock.h"
#include "pipeline/kafka_message.h"
#include "pipeline/leave.h"
#include "pipeline/loss.h"
#include "pipeline/pace.h"
#include "pipeline/range.h"
#include "pipeline/setback.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many records go on together: amortizes the queue's lock, costs microseconds of delay. */
#define RECORDS_PER_PUSH_MAX 128u

/* How long one wait lasts: for records, which bounds the delay of rebalances and of
 * wt_consume_stop; and for room, which bounds the delay until it is noticed. */
#define RECORDS_WAIT_MS 20
#define ROOM_WAIT_MS 2

/* The thread is stuck when it gives no sign of life for this long, besides a drain. */
#define BEAT_MS_MAX 60000

/* How long leaving the group may take, beside drains; and the thread's end after that. */
#define LEAVE_MS_MAX 5000
#define END_MS_MAX 5000
#define END_WAIT_US 1000

struct wt_consume {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *queue_out;
    struct wt_consume_hooks hooks;
    rd_kafka_t *client;
    rd_kafka_queue_t *records; /* of all assigned partitions; note "Back-pressure" */
    struct wt_setback *setback;
    pthread_t thread;
    bool started;
    bool subscribed;
    bool assigned;   /* thread's own: there was an assignment, if an empty one */
    bool unanswered; /* thread's own: the client did not leave (leave.h) */
    bool abandoned;  /* the thread did not end (leave.h) */
    atomic_bool stopping;
    atomic_bool ended; /* the thread is about to */
    struct wt_drain_clock drains;
    bool full;                 /* thread's own: no room was left last time */
    struct wt_partition *last; /* of the previous record: records come in runs */
    bool ranged;               /* ranges are read, range.h */
    bool learning;             /* thread's own: ranges of assigned partitions are unknown */
    struct wt_pace pace;       /* thread's own */
    struct wt_kafka_scratch scratch;
};

/* --- assignment ------------------------------------------------------------------------------ */

static struct wt_partition *partition_of(struct wt_consume *consume,
                                         const rd_kafka_topic_partition_t *item)
{
    return wt_partitions_get(consume->partitions, item->topic, item->partition);
}

static void begin_epochs(struct wt_consume *consume, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct wt_partition *partition = partition_of(consume, &list->elems[i]);
        partition->assigned = true;
        wt_loss_begin(partition);
        if (consume->ranged) {
            wt_range_begin(consume->client, partition);
            consume->learning = true;
        }
        wt_consumer_lead(consume->client, &list->elems[i], consume->records);
        wt_partition_begin_epoch(partition);
        wt_metric_add(WT_METRIC_PARTITIONS, 1);
        wt_log_info("consume", "assigned %s [%" PRId32 "]", partition->topic, partition->number);
    }
}

/* Ends the epochs and has the rest of the pipeline let go of the partitions. */
static void end_epochs(struct wt_consume *consume, const rd_kafka_topic_partition_list_t *list,
                       bool lost)
{
    struct wt_partition **ended = wt_alloc_zeroed((size_t)list->cnt, sizeof *ended);
    size_t count = 0;
    for (int i = 0; i < list->cnt; i++) {
        struct wt_partition *partition = partition_of(consume, &list->elems[i]);
        if (partition->assigned) {
            atomic_store_explicit(&partition->epoch_live, 0, memory_order_release);
            partition->assigned = false;
            ended[count++] = partition;
            wt_metric_add(WT_METRIC_PARTITIONS, -1);
            wt_log_info("consume", "%s %s [%" PRId32 "]", lost ? "lost" : "giving back",
                        partition->topic, partition->number);
        }
    }
    int64_t began_us = wt_clock_us();
    wt_drain_begin(&consume->drains);
    consume->hooks.drain(consume->hooks.opaque, ended, count, lost);
    wt_drain_end(&consume->drains, wt_clock_us() - began_us);
    free(ended);
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct wt_consume *consume = opaque;
    wt_metric_add(WT_METRIC_REBALANCES, 1);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        consume->assigned = true;
        begin_epochs(consume, list);
        wt_consumer_assign(client, list, true);
        return;
    }
    if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        wt_log_error("consume", "rebalance failed: %s; rejoining", rd_kafka_err2str(code));
    }
    /* Drained before unassign: until then the partitions are ours and may be committed. */
    end_epochs(consume, list, rd_kafka_assignment_lost(client));
    wt_consumer_assign(client, list, false);
}

static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    struct wt_consume *consume = opaque;
    wt_brokers_read(client, text, bytes, consume->partitions);
    return 0; /* librdkafka frees the text */
}

/* The outcome of the client's own commits; commit.c, note "Commits and rejoining". */
static void on_commit(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)client, (void)offsets, (void)opaque;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_metric_add(WT_METRIC_COMMITS, 1);
    } else if (code != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
        wt_log_warn("consume", "offsets were not committed: %s; trying again",
                    rd_kafka_err2str(code));
    }
}

/* --- records --------------------------------------------------------------------------------- */

static struct wt_partition *source_of(struct wt_consume *consume, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct wt_partition *last = consume->last;
    if (last == NULL || last->number != message->partition || strcmp(last->topic, topic) != 0) {
        last = wt_partitions_get(consume->partitions, topic, message->partition);
        consume->last = last;
    }
    return last;
}

/* Gives a record its place in its partition's order and counts it in. */
static void put_in_line(struct wt_consume *consume, struct wt_partition *source,
                        struct wt_record *record)
{
    record->source = source;
    record->epoch = source->epoch_last;
    record->sequence = source->sequence_next++;
    record->consumed_us = wt_clock_us();
    wt_in_flight_add(consume->in_flight, record);
}

/* No record of the partition's range lies at `offset` or before it any more. */
static void end_range(struct wt_consume *consume, struct wt_partition *source, int64_t offset,
                      struct wt_record_list *list)
{
    struct wt_record *record = wt_range_end(consume->client, source, offset);
    if (record != NULL) {
        put_in_line(consume, source, record);
        wt_record_list_append(list, &record);
    }
}

/* Reading has come to `offset`; `next` is what is to come now. False: it begins again there, which ends
 * a replay. */
static bool come_to(struct wt_consume *consume, struct wt_partition *source, int64_t offset,
                    int64_t next)
{
    struct wt_error error;
    bool goes_on = wt_loss_look(consume->client, consume->config, source, offset);
    if (goes_on || source->range != NULL) {
        source->next_offset = next;
    }
    if (!goes_on && source->range != NULL && source->range->state == WT_RANGE_OPEN) {
        (void)wt_range_gone(source, &error);
        consume->hooks.failed(consume->hooks.opaque, &error);
    }
    return goes_on;
}

/* Clears *message where it is kept. */
static void take_message(struct wt_consume *consume, rd_kafka_message_t **taken,
                         struct wt_record_list *list)
{
    const rd_kafka_message_t *message = *taken;
    struct wt_partition *source = source_of(consume, message);
    if (!source->assigned) {
        return; /* fetched before the assignment ended; its next owner reads it again */
    }
    if (!come_to(consume, source, message->offset, message->offset + 1)) {
        if (source->range == NULL) {
            wt_setback_begin(consume->setback, source, taken);
        }
        return;
    }
    if (source->range != NULL && !wt_range_takes(consume->client, source, message->offset)) {
        end_range(consume, source, message->offset, list);
        return;
    }
    struct wt_record *record = wt_kafka_record(message, &consume->scratch);
    put_in_line(consume, source, record);
    wt_pace_took(&consume->pace, record->consumed_us);
    atomic_store_explicit(&source->position, message->offset + 1, memory_order_release);
    wt_metric_add(WT_METRIC_RECORDS_CONSUMED, 1);
    wt_metric_add(WT_METRIC_BYTES_CONSUMED, (int64_t)(message->key_len + message->len));
    wt_record_list_append(list, &record);
}

/* An event that came in a record's place. */
static void take_event(struct wt_consume *consume, const rd_kafka_message_t *message,
                       struct wt_record_list *list)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        struct wt_partition *source = source_of(consume, message);
        if (source->assigned && source->range != NULL &&
            come_to(consume, source, message->offset, message->offset)) {
            end_range(consume, source, message->offset, list);
        }
        return;
    }
    struct wt_error error;
    if (wt_consumer_failed(consume->client, message, &error)) {
        consume->hooks.failed(consume->hooks.opaque, &error);
    }
}

static void take(struct wt_consume *consume, rd_kafka_message_t *message,
                 struct wt_record_list *list)
{
    bool stopping = atomic_load_explicit(&consume->stopping, memory_order_acquire);
    if (stopping && message->err != RD_KAFKA_RESP_ERR__FATAL) {
        /* Left to whoever reads on: a thread that is not waited for needs no configuration then. */
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_message(consume, &message, list);
    } else {
        take_event(consume, message, list);
    }
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
}

static void step_setback(struct wt_consume *consume, struct wt_record_list *list)
{
    rd_kafka_message_t *message = wt_setback_step(consume->setback);
    if (message != NULL) {
        struct wt_partition *source = source_of(consume, message);
        wt_partition_begin_epoch(source);
        source->next_offset = message->offset;
        take(consume, message, list);
    }
}

/* Ranges are known of all assigned partitions; before, no record may be taken. */
static bool ranges_known(struct wt_consume *consume)
{
    struct wt_error error;
    enum wt_status status = WT_OK;
    if (consume->learning) {
        consume->learning = !wt_ranges_learn(consume->client, consume->partitions, &status, &error);
    }
    if (status != WT_OK) {
        consume->hooks.failed(consume->hooks.opaque, &error);
    }
    return !consume->learning && status == WT_OK;
}

static bool room(struct wt_consume *consume)
{
    bool full = wt_in_flight_full(consume->in_flight);
    if (full && !consume->full) {
        wt_metric_add(WT_METRIC_PAUSES, 1);
    }
    consume->full = full;
    return !full;
}

static bool may_take(struct wt_consume *consume)
{
    return room(consume) && wt_pace_allows(&consume->pace, wt_clock_us()) &&
           !wt_setback_under_way(consume->setback);
}

/* Serves rebalances and errors; then, while there is room, takes the records that are there and
 * hands them on together. */
static void poll_some(struct wt_consume *consume)
{
    struct wt_record_list list = {0};
    step_setback(consume, &list);
    bool has_room = may_take(consume);
    rd_kafka_message_t *message =
        rd_kafka_consumer_poll(consume->client, has_room ? 0 : ROOM_WAIT_MS);
    if (message != NULL) {
        take(consume, message, &list);
    }
    has_room = has_room && ranges_known(consume);
    int wait_ms = RECORDS_WAIT_MS;
    while (has_room && list.count < RECORDS_PER_PUSH_MAX &&
           (message = rd_kafka_consume_queue(consume->records, wait_ms)) != NULL) {
        take(consume, message, &list);
        has_room = may_take(consume);
        wait_ms = 0;
    }
    wt_queue_push(consume->queue_out, &list);
}

static void end_all_epochs(struct wt_consume *consume, bool lost)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(consume->partitions, i)) != NULL; i++) {
        (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    }
    end_epochs(consume, list, lost);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Drains everything, then leaves the group: a client that is told to close sends no heartbeats (seen in
 * 2.0.2), so commits would be refused once session.timeout.ms is over. Its last rebalance finds nothing
 * then, and what is assigned in the very end is lost. */
static void leave_group(struct wt_consume *consume)
{
    end_all_epochs(consume, wt_leave_is_out(consume->client));
    consume->unanswered = !wt_leave(consume->client, &consume->drains, LEAVE_MS_MAX);
    end_all_epochs(consume, true);
}

static void *run(void *opaque)
{
    struct wt_consume *consume = opaque;
    struct wt_beat *beat =
        wt_beat_start("consume", BEAT_MS_MAX + (int64_t)consume->config->delivery.drain_ms_max);
    while (!atomic_load_explicit(&consume->stopping, memory_order_acquire)) {
        wt_beat(beat);
        poll_some(consume);
    }
    wt_beat(beat);
    leave_group(consume);
    wt_beat_end(beat);
    atomic_store_explicit(&consume->ended, true, memory_order_release);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

enum wt_status wt_consume_create(const struct wt_config *config, struct wt_partitions *partitions,
                                 struct wt_in_flight *in_flight, struct wt_queue *queue_out,
                                 const struct wt_consume_hooks *hooks,
                                 const struct wt_intake *intake, struct wt_consume **consume_out,
                                 struct wt_error *error)
{
    struct wt_consume *consume = wt_alloc_zeroed(1, sizeof *consume);
    consume->config = config;
    consume->partitions = partitions;
    consume->in_flight = in_flight;
    consume->queue_out = queue_out;
    consume->hooks = *hooks;
    atomic_init(&consume->stopping, false);
    atomic_init(&consume->ended, false);
    consume->ranged = intake->ranged;
    consume->pace.records_per_s_max = intake->records_per_s_max;
    struct wt_consumer_callbacks callbacks = {.opaque = consume,
                                              .rebalance = on_rebalance,
                                              .committed = on_commit,
                                              .statistics = on_statistics};
    enum wt_status status =
        wt_consumer_create(config, intake->ranged, &callbacks, &consume->client, error);
    if (status != WT_OK) {
        wt_consume_destroy(consume);
        return status;
    }
    (void)rd_kafka_poll_set_consumer(consume->client);
    consume->records = rd_kafka_queue_new(consume->client);
    consume->setback = wt_setback_create(consume->client, hooks->drain, hooks->opaque);
    *consume_out = consume;
    return WT_OK;
}

rd_kafka_t *wt_consume_client(struct wt_consume *consume)
{
    return consume->client;
}

enum wt_status wt_consume_start(struct wt_consume *consume, struct wt_error *error)
{
    consume->subscribed = true;
    if (wt_consumer_subscribe(consume->client, &consume->config->input.topics, error) != WT_OK) {
        return WT_FAILED;
    }
    if (pthread_create(&consume->thread, NULL, run, consume) != 0) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "the consume thread cannot be started");
    }
    consume->started = true;
    return WT_OK;
}

void wt_consume_stop(struct wt_consume *consume)
{
    atomic_store_explicit(&consume->stopping, true, memory_order_release);
}

bool wt_consume_join(struct wt_consume *consume)
{
    if (!consume->started) {
        return !consume->abandoned;
    }
    consume->started = false;
    struct wt_drain_stretch end = wt_drain_stretch(&consume->drains, wt_clock_us());
    while (!atomic_load_explicit(&consume->ended, memory_order_acquire)) {
        if (wt_drain_stretch_over(&consume->drains, &end, wt_clock_us(),
                                  LEAVE_MS_MAX + END_MS_MAX)) {
            consume->abandoned = true;
            (void)pthread_detach(consume->thread);
            wt_log_warn("consume", "leaving the group: the client does not answer any more");
            return false;
        }
        (void)usleep(END_WAIT_US);
    }
    (void)pthread_join(consume->thread, NULL);
    return true;
}

/* One that waits for its group would hold us up; so would, in librdkafka 2.0.2, one that failed for good, and
 * one that has joined a group and had no assignment yet aborts. All are left to the end of the process. */
static bool may_destroy_client(const struct wt_consume *consume)
{
    return !consume->unanswered && (consume->assigned || !consume->subscribed);
}

void wt_consume_destroy(struct wt_consume *consume)
{
    if (consume == NULL || consume->abandoned) {
        return; /* what a thread may still look at is not freed */
    }
    wt_setback_destroy(consume->setback);
    if (consume->records != NULL) {
        rd_kafka_queue_destroy(consume->records);
    }
    if (consume->client != NULL && may_destroy_client(consume)) {
        rd_kafka_destroy(consume->client);
    }
    wt_kafka_scratch_free(&consume->scratch);
    free(consume);
}
