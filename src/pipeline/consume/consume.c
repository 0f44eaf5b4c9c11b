#include "pipeline/consume/consume.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/broker_status.h"
#include "kafka/client_files.h"
#include "kafka/consumer_settings.h"
#include "kafka/group_member.h"
#include "kafka/group_status.h"
#include "observe/beat.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/consume/commit_log.h"
#include "pipeline/consume/consumer_client.h"
#include "pipeline/consume/drain_clock.h"
#include "pipeline/consume/group_leave.h"
#include "pipeline/consume/intake.h"
#include "pipeline/consume/rebalance.h"
#include "pipeline/consume/takeover.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longest wait for records; rebalances and wt_consume_stop are delayed by at most this. */
#define RECORDS_WAIT_MS 20

/* Longest wait of the poll while the in-flight bound is reached. */
#define ROOM_WAIT_MS 2

/* Note "Forward again": librdkafka (seen in 2.0.2 to 2.16) un-forwards a partition's queue when it
 * stops fetching the partition, some time after unassign has returned. After a rejoin during a
 * revoke that can happen after re-assignment: messages pile up in a queue that nobody polls. So all
 * queues are forwarded again every second. */
#define FORWARD_US 1000000

/* The thread counts as stuck when it reports no progress for this long, not counting a drain. */
#define BEAT_MS_MAX 60000

/* Time limit for leaving the group, not counting drains. */
#define LEAVE_MS_MAX 5000

/* Longest wait for open gap checks (retention_gap.h) before the thread ends. */
#define GAP_MS_MAX 1000

/* Time limit for the thread to end after it has left the group, and the interval of checking it. */
#define END_MS_MAX 5000
#define END_WAIT_US 1000

struct wt_consume {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_consume_hooks hooks;
    rd_kafka_t *client;
    rd_kafka_queue_t *records; /* of all assigned partitions; note "Back-pressure" */
    rd_kafka_queue_t *events;  /* rebalances and errors; note "Revoke under way" in rebalance.c */
    struct wt_intake *intake;
    struct wt_group_member *member;
    struct wt_rebalance rebalance;
    pthread_t thread;
    struct wt_owner owner; /* the thread */
    bool started;
    int64_t forward_us; /* consume thread only: when to forward all queues again */
    bool unforwarded;   /* consume thread only: some partition may be unforwarded */
    bool unanswered;    /* consume thread only: leaving the group timed out (group_leave.h) */
    bool abandoned;     /* the thread did not end in time (group_leave.h) */
    atomic_bool stopping;
    atomic_bool ended; /* the thread returns next */
    struct wt_drain_clock drains;
    struct wt_commit_log commits; /* used by the thread that polls the client */
};

/* --- callbacks ------------------------------------------------------------------------------- */

static void drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost)
{
    struct wt_consume *consume = opaque;
    wt_owner_assert(&consume->owner);
    int64_t began_us = wt_clock_us();
    wt_drain_begin(&consume->drains);
    consume->hooks.drain(consume->hooks.opaque, partitions, count, lost);
    wt_drain_end(&consume->drains, wt_clock_us() - began_us);
}

/* A partition that was just assigned may be unforwarded. */
static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct wt_consume *consume = opaque;
    assert(client == consume->client);
    wt_rebalance_handle(&consume->rebalance, code, list);
    consume->unforwarded = true;
}

static void on_unforwarded(void *opaque)
{
    struct wt_consume *consume = opaque;
    wt_owner_assert(&consume->owner);
    consume->unforwarded = true;
}

static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    (void)opaque;
    wt_broker_status_read(client, text, bytes);
    return 0; /* librdkafka frees the text */
}

/* The result of librdkafka's automatic commits; offset_commit.c, note "Commits and rejoining". */
static void on_commit(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct wt_consume *consume = opaque;
    (void)client;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < offsets->cnt; i++) {
            const rd_kafka_topic_partition_t *item = &offsets->elems[i];
            if (item->err == RD_KAFKA_RESP_ERR_NO_ERROR && item->offset >= 0) {
                wt_partition_note_durable(
                    wt_partitions_get(consume->partitions, item->topic, item->partition),
                    item->offset);
            }
        }
        wt_metric_add(WT_METRIC_COMMITS, 1);
        wt_commit_log_note(&consume->commits, NULL);
    } else if (code != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
        wt_commit_log_note(&consume->commits, rd_kafka_err2str(code));
    }
}

/* The consumer's queue has an event. Ends the consume thread's wait for records, so that a
 * rebalance is handled at once. Thread: librdkafka's. */
static void on_event(rd_kafka_t *client, void *opaque)
{
    (void)client;
    rd_kafka_queue_yield(opaque);
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    const struct wt_consume *consume = opaque;
    struct wt_error removed;
    if (rd_kafka_fatal_error(consume->client, NULL, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID &&
        wt_group_member_was_removed(consume->member)) {
        (void)wt_error_set(&removed, WT_FAILED, WT_ERROR_FATAL, WT_CONSUMER_REMOVED,
                           "the group removed this worker, which it had not heard of for "
                           "session.timeout.ms, and then refused a request from before "
                           "(FENCED_INSTANCE_ID)");
        error = &removed;
    }
    consume->hooks.failed(consume->hooks.opaque, error);
}

/* --- thread ---------------------------------------------------------------------------------- */

/* Serves rebalances and errors; then takes records while the in-flight bound allows. */
static void poll_some(struct wt_consume *consume)
{
    wt_owner_assert(&consume->owner);
    wt_intake_step_held(consume->intake);
    bool open = wt_intake_open(consume->intake);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consume->client, open ? 0 : ROOM_WAIT_MS);
    if (message != NULL) {
        wt_intake_take(consume->intake, message);
    }
    wt_intake_step(consume->intake, RECORDS_WAIT_MS);
}

static void forward(struct wt_consume *consume, const struct wt_partition *partition)
{
    assert(partition->assigned && !partition->unforwarded);
    wt_consumer_client_forward(consume->client, partition->topic, partition->number,
                               consume->records);
}

/* Forwards the queues of newly assigned partitions as soon as intake is ready for their records. */
static void forward_new(struct wt_consume *consume)
{
    wt_owner_assert(&consume->owner);
    struct wt_partition *partition;
    bool unforwarded = consume->unforwarded;
    consume->unforwarded = false;
    for (size_t i = 0;
         unforwarded && (partition = wt_partitions_at(consume->partitions, i)) != NULL; i++) {
        if (!partition->assigned || !partition->unforwarded) {
            continue;
        }
        if (wt_intake_ready(consume->intake, partition)) {
            partition->unforwarded = false;
            forward(consume, partition);
        } else {
            consume->unforwarded = true;
        }
    }
}

/* Partitions that librdkafka does not read until they are assigned anew. */
static void judge_offsets(const struct wt_consume *consume)
{
    const struct wt_partition *first = NULL;
    size_t count = 0;
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(consume->partitions, i)) != NULL; i++) {
        if (partition->assigned && partition->no_offset) {
            first = first != NULL ? first : partition;
            count++;
        }
    }
    if (first == NULL) {
        wt_stall_end(WT_STALL_NO_OFFSET);
        return;
    }
    wt_stall_begin(WT_STALL_NO_OFFSET,
                   "%s [%" PRId32 "]%s: the group has no offset that the log still has, and "
                   "auto.offset.reset is error: stop the workers and set the offset "
                   "(kafka-consumer-groups.sh --reset-offsets), or set auto.offset.reset",
                   first->topic, first->number, count > 1 ? " and others" : "");
}

/* Forwards the queues of new partitions at once, and all queues again once a second; note "Forward
 * again". */
static void forward_all(struct wt_consume *consume)
{
    wt_owner_assert(&consume->owner);
    forward_new(consume);
    int64_t now_us = wt_clock_us();
    if (now_us < consume->forward_us) {
        return;
    }
    consume->forward_us = now_us + FORWARD_US;
    wt_intake_check(consume->intake);
    judge_offsets(consume);
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(consume->partitions, i)) != NULL; i++) {
        if (partition->assigned && !partition->unforwarded) {
            forward(consume, partition);
        }
    }
}

/* Drains all partitions, then leaves the group. The drain comes first, because a closing client
 * sends no heartbeats (seen in librdkafka 2.0.2 to 2.16): after session.timeout.ms the broker would
 * refuse its commits. Partitions that are assigned after the drain end as lost. */
static void leave_group(struct wt_consume *consume)
{
    assert(atomic_load_explicit(&consume->stopping, memory_order_relaxed));
    wt_rebalance_end_all(&consume->rebalance, wt_group_member_is_out(consume->client));
    if (consume->hooks.drained != NULL) {
        consume->hooks.drained(consume->hooks.opaque);
    }
    consume->unanswered = !wt_group_leave(consume->client, &consume->drains, LEAVE_MS_MAX);
    wt_rebalance_end_all(&consume->rebalance, true);
}

static void *run(void *opaque)
{
    struct wt_consume *consume = opaque;
    struct wt_beat *beat =
        wt_beat_start("consume", BEAT_MS_MAX + (int64_t)consume->config->delivery.drain_ms_max);
    while (!atomic_load_explicit(&consume->stopping, memory_order_acquire)) {
        wt_beat(beat);
        forward_all(consume);
        poll_some(consume);
    }
    wt_beat(beat);
    leave_group(consume);
    wt_intake_settle(consume->intake, GAP_MS_MAX);
    wt_beat_end(beat);
    wt_owner_hand_over(&consume->owner);
    wt_owner_hand_over(&consume->commits.owner);
    atomic_store_explicit(&consume->ended, true, memory_order_release);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

enum wt_status wt_consume_create(const struct wt_config *config, struct wt_partitions *partitions,
                                 struct wt_in_flight *in_flight, struct wt_queue *queue_out,
                                 const struct wt_consume_hooks *hooks,
                                 const struct wt_consume_options *options,
                                 struct wt_consume **consume_out, struct wt_error *error)
{
    assert(hooks->drain != NULL && hooks->failed != NULL);
    struct wt_consume *consume = wt_alloc_zeroed(1, sizeof *consume);
    consume->config = config;
    consume->partitions = partitions;
    consume->hooks = *hooks;
    atomic_init(&consume->stopping, false);
    atomic_init(&consume->ended, false);
    struct wt_consumer_client_callbacks callbacks = {.opaque = consume,
                                                     .rebalance = on_rebalance,
                                                     .committed = on_commit,
                                                     .statistics = on_statistics};
    wt_client_files_note(config);
    enum wt_status status =
        wt_consumer_client_create(config, options->ranged, &callbacks, &consume->client, error);
    if (status != WT_OK) {
        wt_consume_destroy(consume);
        return status;
    }
    (void)rd_kafka_poll_set_consumer(consume->client);
    consume->records = rd_kafka_queue_new(consume->client);
    consume->events = rd_kafka_queue_get_consumer(consume->client);
    rd_kafka_queue_cb_event_enable(consume->events, on_event, consume->records);
    struct wt_intake_ports ports = {.config = config,
                                    .consumer = consume->client,
                                    .records = consume->records,
                                    .partitions = partitions,
                                    .in_flight = in_flight,
                                    .queue_out = queue_out,
                                    .stopping = &consume->stopping,
                                    .ranged = options->ranged,
                                    .records_per_s_max = options->records_per_s_max,
                                    .labellers = options->labellers,
                                    .promotions = options->promotions,
                                    .opaque = consume,
                                    .drain = drain,
                                    .unforwarded = on_unforwarded,
                                    .failed = on_failed};
    consume->intake = wt_intake_create(&ports);
    consume->member = wt_group_member_create(consume->client, config);
    consume->rebalance = (struct wt_rebalance){
        .owner = &consume->owner,
        .client = consume->client,
        .coordinator_assigns = wt_consumer_has_coordinator_assign(config),
        .begins_at_end = !options->ranged && wt_consumer_begins_at_end(config),
        .partitions = partitions,
        .intake = consume->intake,
        .member = consume->member,
        .stopping = &consume->stopping,
        .opaque = consume,
        .drain = drain};
    *consume_out = consume;
    return WT_OK;
}

bool wt_consume_can_restart(const struct wt_error *error)
{
    return strcmp(error->code, WT_CONSUMER_REMOVED) == 0 ||
           strcmp(error->code, WT_GROUP_DESERTED) == 0 ||
           strcmp(error->code, WT_CLIENT_FILES_RENEWED) == 0 ||
           strcmp(error->code, WT_CONSUMER_LACKS_MODEL) == 0;
}

rd_kafka_t *wt_consume_client(struct wt_consume *consume)
{
    return consume->client;
}

struct wt_group_member *wt_consume_group_member(struct wt_consume *consume)
{
    return consume->member;
}

enum wt_status wt_consume_start(struct wt_consume *consume, struct wt_error *error)
{
    assert(!consume->started && !consume->abandoned);
    if (wt_consumer_client_subscribe(consume->client, &consume->config->input.topics, error) !=
        WT_OK) {
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
            wt_log_warn("consume", "leaving the group: the Kafka client no longer answers");
            return false;
        }
        (void)usleep(END_WAIT_US);
    }
    (void)pthread_join(consume->thread, NULL);
    return true;
}

void wt_consume_destroy(struct wt_consume *consume)
{
    if (consume == NULL || consume->abandoned) {
        return; /* an abandoned thread still uses it */
    }
    assert(!consume->started);
    wt_intake_destroy(consume->intake);
    wt_group_member_destroy(consume->member);
    if (consume->events != NULL) {
        rd_kafka_queue_cb_event_enable(consume->events, NULL, NULL);
        rd_kafka_queue_destroy(consume->events);
    }
    if (consume->records != NULL) {
        rd_kafka_queue_destroy(consume->records);
    }
    /* Destroying a client that still waits for its group coordinator would block. */
    if (consume->client != NULL && !consume->unanswered) {
        rd_kafka_destroy(consume->client);
    }
    free(consume);
}
