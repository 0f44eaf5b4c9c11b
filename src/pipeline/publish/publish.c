#include "pipeline/publish/publish.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/owner.h"
#include "codec/compare_policy.h"
#include "kafka/group_member.h"
#include "observe/beat.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/at_least_once.h"
#include "pipeline/publish/exactly_once.h"
#include "pipeline/publish/order.h"
#include "pipeline/publish/release.h"
#include "record/piece.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define RECORDS_PER_POP_MAX 1024u

/* The longest sleep of the thread, and the longest while a drain waits for it. */
#define IDLE_MS 100
#define DRAIN_MS 5

/* A call of the Kafka client may take seconds while no broker answers. */
#define BEAT_MS_MAX 60000

/* The request of wt_publish_drain: the consume thread waits for it, the publish thread answers it. */
struct drain {
    struct wt_mutex mutex; /* guards all of it */
    pthread_cond_t done_changed;
    bool ended;                             /* the publish thread answers no more requests */
    struct wt_partition *const *partitions; /* NULL: no request */
    size_t count;
    bool lost;
    bool done;
    bool whole; /* everything is committed */
    int64_t deadline_us;
};

struct wt_publish {
    struct wt_publish_ports ports;
    struct wt_release *release;
    pthread_t thread;
    bool started;
    struct drain drain;

    /* The publish thread's. */
    struct wt_owner owner;
    struct wt_partition **partitions; /* those with an order, oldest first */
    size_t partition_count;
    size_t partition_capacity;
};

/* --- intake ---------------------------------------------------------------------------------- */

static void add_partition(struct wt_publish *publish, struct wt_partition *partition)
{
    wt_owner_assert(&publish->owner);
    assert(partition->order == NULL);
    if (publish->partition_count == publish->partition_capacity) {
        publish->partition_capacity =
            publish->partition_capacity > 0 ? publish->partition_capacity * 2 : 16;
        publish->partitions = wt_realloc(publish->partitions, publish->partition_capacity *
                                                                  sizeof(struct wt_partition *));
    }
    partition->order = wt_release_order_create(publish->release);
    publish->partitions[publish->partition_count++] = partition;
}

static void take_in(struct wt_publish *publish, struct wt_record *record)
{
    wt_owner_assert(&publish->owner);
    struct wt_partition *source = record->source;
    assert(record->state == WT_RECORD_FINISHED);
    if (record->ran) {
        unsigned running = atomic_fetch_sub_explicit(wt_partition_running(source, record->epoch), 1,
                                                     memory_order_acq_rel);
        assert(running > 0);
        (void)running;
    }
    record = wt_piece_join(&record);
    if (record == NULL) {
        return; /* other windows of the article are on their way */
    }
    wt_in_flight_resize(publish->ports.in_flight, record, 1);
    if (source->order == NULL) {
        add_partition(publish, source);
    }
    /* A record of a newer epoch than the order's comes only once the order is closed: consume waits for
     * that in its revoke. So this is the first record of an epoch that is live, or that is draining
     * and had no record here yet. */
    if (wt_order_epoch(source->order) == 0 && record->epoch > source->epoch_closed) {
        wt_order_open(source->order, record->epoch);
    }
    if (wt_order_epoch(source->order) != record->epoch || record->abandoned) {
        wt_in_flight_drop(publish->ports.in_flight, &record);
        return;
    }
    if (publish->ports.compare != NULL) {
        wt_compare_policy_apply(publish->ports.compare, record);
    }
    wt_order_finish(source->order, &record);
}

/* --- drain ----------------------------------------------------------------------------------- */

static bool has_open_order(const struct wt_partition *partition)
{
    return partition->order != NULL && wt_order_epoch(partition->order) != 0;
}

/* A record that is in the model may still open the order. */
static bool partition_drained(const struct wt_publish *publish, struct wt_partition *partition)
{
    const atomic_uint *running = wt_partition_running(partition, partition->epoch_last);
    return atomic_load_explicit(running, memory_order_acquire) == 0 &&
           (!has_open_order(partition) || wt_release_settled(publish->release, partition));
}

/* Nothing more can be committed, or the time is up. In the middle of a drain the group may expel the
 * worker, or begin a newer generation. */
static bool drain_is_over(const struct wt_publish *publish)
{
    const struct drain *drain = &publish->drain;
    wt_mutex_assert_held(&drain->mutex);
    return drain->lost || wt_clock_us() >= drain->deadline_us ||
           wt_release_cannot_commit(publish->release) ||
           wt_group_member_is_out(publish->ports.consumer) ||
           wt_group_member_is_over(publish->ports.member);
}

static void close_partition(struct wt_publish *publish, struct wt_partition *partition)
{
    wt_owner_assert(&publish->owner);
    assert(partition->epoch_closed <= partition->epoch_last);
    partition->epoch_closed = partition->epoch_last;
    if (!has_open_order(partition)) {
        return;
    }
    uint32_t dropped = wt_release_close(publish->release, partition);
    if (dropped > 0) {
        wt_log_partition(WT_LOG_INFO, "publish", partition->topic, partition->number,
                         "%s [%" PRId32 "]: drain incomplete: %" PRIu32
                         " records left to the next owner",
                         partition->topic, partition->number, dropped);
    }
}

/* Locks: the request's, held. */
static void answer(struct wt_publish *publish)
{
    struct drain *drain = &publish->drain;
    wt_mutex_assert_held(&drain->mutex);
    assert(drain->partitions != NULL && !drain->done);
    for (size_t i = 0; i < drain->count; i++) {
        close_partition(publish, drain->partitions[i]);
    }
    drain->done = true;
    (void)pthread_cond_signal(&drain->done_changed);
}

/* Looks at the request, if there is one, and answers it when it is done. True: partitions are being
 * drained, so commit now, not at the next interval. */
static bool serve_drain(struct wt_publish *publish)
{
    wt_owner_assert(&publish->owner);
    struct drain *drain = &publish->drain;
    wt_mutex_lock(&drain->mutex);
    bool waiting = drain->partitions != NULL && !drain->done;
    if (waiting) {
        bool done = true;
        for (size_t i = 0; i < drain->count && done; i++) {
            done = partition_drained(publish, drain->partitions[i]);
        }
        if (done || drain_is_over(publish)) {
            drain->whole = done;
            answer(publish);
            waiting = false;
        }
    }
    wt_mutex_unlock(&drain->mutex);
    return waiting;
}

/* A request may be waiting, or come later, if the consume thread was abandoned (wt_consume_join). */
static void end_drains(struct wt_publish *publish)
{
    wt_owner_assert(&publish->owner);
    struct drain *drain = &publish->drain;
    wt_mutex_lock(&drain->mutex);
    drain->ended = true;
    if (drain->partitions != NULL && !drain->done) {
        answer(publish);
    }
    wt_mutex_unlock(&drain->mutex);
}

bool wt_publish_drain(struct wt_publish *publish, struct wt_partition *const *partitions,
                      size_t count, bool lost)
{
    struct drain *drain = &publish->drain;
    if (count == 0) {
        return true;
    }
    wt_mutex_lock(&drain->mutex);
    assert(drain->partitions == NULL); /* one request at a time */
    drain->whole = false;
    if (!drain->ended) {
        drain->partitions = partitions;
        drain->count = count;
        drain->lost = lost;
        drain->done = false;
        drain->deadline_us =
            wt_clock_us() + (int64_t)publish->ports.config->delivery.drain_ms_max * 1000;
        wt_queue_wake(publish->ports.queue_in);
        while (!drain->done) {
            (void)wt_mutex_wait(&drain->mutex, &drain->done_changed, NULL);
        }
        drain->partitions = NULL;
    }
    bool whole = drain->whole;
    wt_mutex_unlock(&drain->mutex);
    return whole;
}

/* --- thread ---------------------------------------------------------------------------------- */

static int wait_ms(const struct wt_publish *publish, bool draining)
{
    int64_t wait_max = draining ? DRAIN_MS : IDLE_MS;
    int64_t left_us = wt_release_due_us(publish->release) - wt_clock_us();
    int64_t wait = left_us > 0 ? left_us / 1000 + 1 : 0;
    return (int)(wait > wait_max ? wait_max : wait);
}

static void *run(void *opaque)
{
    struct wt_publish *publish = opaque;
    wt_owner_assert(&publish->owner);
    struct wt_record_list records = {0};
    bool draining = false;
    struct wt_beat *beat = wt_beat_start("publish", BEAT_MS_MAX);
    while (wt_queue_pop(publish->ports.queue_in, wait_ms(publish, draining), RECORDS_PER_POP_MAX,
                        &records) == WT_OK) {
        struct wt_record *record;
        wt_beat(beat);
        while ((record = wt_record_list_take(&records)) != NULL) {
            take_in(publish, record);
        }
        wt_release_step(publish->release, publish->partitions, publish->partition_count, draining);
        draining = serve_drain(publish);
    }
    end_drains(publish);
    wt_beat_end(beat);
    return NULL;
}

static void wake(rd_kafka_t *client, void *opaque)
{
    const struct wt_publish *publish = opaque;
    (void)client;
    wt_queue_wake(publish->ports.queue_in);
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    const struct wt_publish *publish = opaque;
    publish->ports.failed(publish->ports.opaque, error);
}

static void on_acknowledged(void *opaque, const struct wt_record *record)
{
    const struct wt_publish *publish = opaque;
    publish->ports.acknowledged(publish->ports.opaque, record);
}

enum wt_status wt_publish_create(const struct wt_publish_ports *ports,
                                 struct wt_publish **publish_out, struct wt_error *error)
{
    struct wt_publish *publish = wt_alloc_zeroed(1, sizeof *publish);
    publish->ports = *ports;
    wt_mutex_init(&publish->drain.mutex);
    (void)pthread_cond_init(&publish->drain.done_changed, NULL);
    bool transactional = ports->transactional_id != NULL;
    struct wt_release_ports release_ports = {
        .guarantee = transactional ? &wt_exactly_once : &wt_at_least_once,
        .config = ports->config,
        .transactional_id = ports->transactional_id,
        .consumer = ports->consumer,
        .member = ports->member,
        .in_flight = ports->in_flight,
        .compare = ports->compare,
        .opaque = publish,
        .wake = wake,
        .failed = on_failed,
        .acknowledged = ports->acknowledged != NULL ? on_acknowledged : NULL};
    enum wt_status status = wt_release_create(&release_ports, &publish->release, error);
    if (status != WT_OK) {
        wt_publish_destroy(publish);
        return status;
    }
    *publish_out = publish;
    return WT_OK;
}

rd_kafka_t *wt_publish_client(struct wt_publish *publish)
{
    return wt_release_client(publish->release);
}

enum wt_status wt_publish_limit_batches(struct wt_publish *publish, int64_t topic_bytes_max,
                                        struct wt_error *error)
{
    assert(!publish->started);
    return wt_release_limit_batches(publish->release, topic_bytes_max, error);
}

void wt_publish_limit_dead_letters(struct wt_publish *publish, int64_t topic_bytes_max,
                                   bool compacted)
{
    assert(!publish->started);
    wt_release_limit_dead_letters(publish->release, topic_bytes_max, compacted);
}

enum wt_status wt_publish_start(struct wt_publish *publish, struct wt_error *error)
{
    assert(!publish->started);
    if (pthread_create(&publish->thread, NULL, run, publish) != 0) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "the publish thread cannot be started");
    }
    publish->started = true;
    return WT_OK;
}

void wt_publish_join(struct wt_publish *publish)
{
    if (publish->started) {
        (void)pthread_join(publish->thread, NULL);
        publish->started = false;
        wt_owner_hand_over(&publish->owner);
    }
    for (size_t i = 0; i < publish->partition_count; i++) {
        wt_order_destroy(publish->partitions[i]->order);
        publish->partitions[i]->order = NULL;
    }
    publish->partition_count = 0;
}

void wt_publish_close(struct wt_publish *publish)
{
    assert(!publish->started && publish->partition_count == 0);
    wt_release_destroy(publish->release);
    publish->release = NULL;
}

void wt_publish_destroy(struct wt_publish *publish)
{
    if (publish == NULL) {
        return;
    }
    wt_publish_join(publish);
    wt_publish_close(publish);
    free(publish->partitions);
    wt_mutex_destroy(&publish->drain.mutex);
    (void)pthread_cond_destroy(&publish->drain.done_changed);
    free(publish);
}
