#include "pipeline/publish.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/commit.h"
#include "pipeline/encode.h"
#include "pipeline/lane.h"
#include "pipeline/produce.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define RECORDS_PER_POP_MAX 1024u

/* How long the thread sleeps when nothing wakes it. */
#define IDLE_MS 100

/* How long it waits before it tries again what the producer would not take. */
#define RETRY_MS 50

/* A dead letter whose value was cut keeps at least this much, then nothing. */
#define CUT_BYTES_MIN 256u

/* Headers that wiretag adds to a dead letter, and the record's own framing, with room to spare. */
#define DEAD_LETTER_OVERHEAD_BYTES 4096u

/* One wt_publish_drain under way: the consume thread waits, the publish thread works on it. */
struct drain {
    pthread_mutex_t mutex; /* guards all of it */
    pthread_cond_t done_changed;
    struct wt_partition *const *partitions; /* NULL: no request */
    size_t count;
    bool lost;
    bool done;
    int64_t deadline_us;
};

struct wt_publish {
    struct wt_publish_ports ports;
    struct wt_encoder *encoder;
    struct wt_produce *produce;
    struct wt_commit *commit;
    pthread_t thread;
    bool started;
    struct drain drain;

    /* The rest belongs to the thread. */
    struct wt_partition **partitions; /* those with a lane, in order of first sight */
    size_t partition_count;
    size_t partition_capacity;
    uint32_t outstanding;        /* handed to the producer, report not in yet */
    struct wt_record_list alone; /* rejected in company: to be tried one by one, in order */
    struct wt_record_list again; /* not delivered, to be handed over again */
    bool producer_broken;        /* a fatal error: reset it */
    bool stopping;               /* `failed` was called: release nothing more */
    int64_t retry_us;            /* release nothing before: the producer would not take it */
    int64_t commit_due_us;
};

/* --- the end of records ---------------------------------------------------------------------- */

static void count_outcome(const struct wt_record *record)
{
    static const enum wt_metric metrics[] = {
        [WT_OUTCOME_NONE] = WT_METRIC_RECORDS_DROPPED,
        [WT_OUTCOME_LABELLED] = WT_METRIC_RECORDS_LABELLED,
        [WT_OUTCOME_DEAD_LETTERED] = WT_METRIC_RECORDS_DEAD_LETTERED,
        [WT_OUTCOME_TOMBSTONE] = WT_METRIC_RECORDS_TOMBSTONES,
        [WT_OUTCOME_SKIPPED] = WT_METRIC_RECORDS_SKIPPED,
    };
    wt_metric_add(metrics[record->outcome], 1);
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS,
                      (double)(wt_clock_us() - record->consumed_us) * 1e-6);
}

static void drop(struct wt_publish *publish, struct wt_record **record)
{
    wt_metric_add(WT_METRIC_RECORDS_DROPPED, 1);
    wt_in_flight_end(publish->ports.in_flight, record);
}

/* A lane lets go of a record: it is acknowledged, or its epoch has ended. One that the producer
 * still holds is ended by its report. */
static void on_lane_end(void *opaque, struct wt_record **record)
{
    struct wt_publish *publish = opaque;
    if ((*record)->state == WT_RECORD_ACKNOWLEDGED) {
        count_outcome(*record);
        wt_in_flight_end(publish->ports.in_flight, record);
    } else if ((*record)->in_producer) {
        *record = NULL;
    } else {
        drop(publish, record);
    }
}

static bool in_open_epoch(const struct wt_record *record)
{
    return record->source->lane != NULL && wt_lane_epoch(record->source->lane) == record->epoch;
}

/* --- intake ---------------------------------------------------------------------------------- */

static void add_partition(struct wt_publish *publish, struct wt_partition *partition)
{
    if (publish->partition_count == publish->partition_capacity) {
        publish->partition_capacity =
            publish->partition_capacity > 0 ? publish->partition_capacity * 2 : 16;
        publish->partitions = wt_realloc(publish->partitions, publish->partition_capacity *
                                                                  sizeof(struct wt_partition *));
    }
    partition->lane = wt_lane_create(on_lane_end, publish);
    publish->partitions[publish->partition_count++] = partition;
}

/* Labelled records were given logits; look at them once, before the record gets in line. */
static void check_logits(struct wt_publish *publish, struct wt_record *record)
{
    struct wt_error error;
    if (record->outcome == WT_OUTCOME_LABELLED &&
        wt_encode_check(publish->encoder, record, &error) != WT_OK) {
        wt_record_fail(record, "infer", &error);
    }
}

static void take_in(struct wt_publish *publish, struct wt_record *record)
{
    struct wt_partition *source = record->source;
    if (record->ran) {
        atomic_fetch_sub_explicit(&source->running, 1, memory_order_acq_rel);
    }
    if (source->lane == NULL) {
        add_partition(publish, source);
    }
    /* A newer epoch than the lane's can only come once the lane is closed: consume waits for that
     * in its revoke. A live record in a closed lane is therefore the first of its epoch. */
    if (wt_lane_epoch(source->lane) == 0 && !wt_record_stale(record)) {
        wt_lane_open(source->lane, record->epoch);
    }
    if (!in_open_epoch(record)) {
        drop(publish, &record);
        return;
    }
    check_logits(publish, record);
    wt_lane_finish(source->lane, &record);
}

/* --- failures -------------------------------------------------------------------------------- */

static void fail(struct wt_publish *publish, const struct wt_error *error)
{
    if (!publish->stopping) {
        publish->stopping = true;
        publish->ports.failed(publish->ports.opaque, error);
    }
}

static void log_failure(const struct wt_record *record, const char *became)
{
    wt_log_warn("publish", "%s [%" PRId32 "] offset %" PRId64 ": %s: %s in %s",
                record->source->topic, record->source->number, record->offset, became,
                record->failure->error.code, record->failure->stage);
}

/* Applies on_error to a record that cannot be labelled. False: the pipeline stops before it. */
static bool apply_on_error(struct wt_publish *publish, struct wt_record *record)
{
    switch (publish->ports.config->on_error) {
    case WT_ON_ERROR_DEAD_LETTER:
        return true;
    case WT_ON_ERROR_SKIP:
        record->outcome = WT_OUTCOME_SKIPPED;
        log_failure(record, "skipped");
        return true;
    case WT_ON_ERROR_STOP:
        break;
    }
    struct wt_error error;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, record->failure->error.code,
                       "stopped before %s [%" PRId32 "] offset %" PRId64 " as on_error: stop says: "
                       "%s. Mend or remove the record, or set on_error to dead-letter or skip",
                       record->source->topic, record->source->number, record->offset,
                       record->failure->error.message);
    fail(publish, &error);
    return false;
}

/* Cuts a dead letter that is still too large: first to what the producer's own limit leaves, then
 * to half each time, for a broker whose limit is lower. False: even without a value it is. */
static bool cut_dead_letter(struct wt_publish *publish, struct wt_record *record)
{
    size_t kept = record->output.value_bytes;
    size_t limit = wt_produce_record_bytes_max(publish->produce);
    size_t fits = limit > 2 * DEAD_LETTER_OVERHEAD_BYTES ? limit - DEAD_LETTER_OVERHEAD_BYTES : 0;
    if (kept <= CUT_BYTES_MIN) {
        return false;
    }
    size_t cut = kept > fits && fits > CUT_BYTES_MIN ? fits : kept / 2;
    record->value_cut_to_bytes = (uint32_t)(cut < CUT_BYTES_MIN ? CUT_BYTES_MIN : cut);
    wt_record_output_clear(record);
    return true;
}

/* The broker refuses the record itself. It becomes a dead letter, or a smaller one; false: there is
 * nothing left to try, and the pipeline stops before it. */
static bool reject(struct wt_publish *publish, struct wt_record *record, const char *reason)
{
    struct wt_error error;
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        if (cut_dead_letter(publish, record)) {
            return true;
        }
        (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "dead-letter-rejected",
                           "%s [%" PRId32 "] offset %" PRId64 " can be published neither as a "
                           "label nor to %s: %s. Look at that topic's max.message.bytes and "
                           "cleanup.policy",
                           record->source->topic, record->source->number, record->offset,
                           publish->ports.config->dead_letter.topic, reason);
        fail(publish, &error);
        return false;
    }
    (void)wt_error_set(&error, WT_INVALID, WT_ERROR_RECORD, "record-rejected",
                       "topic %s refuses the labelled record: %s",
                       publish->ports.config->output.topic, reason);
    wt_record_fail(record, "publish", &error);
    return apply_on_error(publish, record);
}

/* --- release --------------------------------------------------------------------------------- */

/* Hands a record over, rejected forms of it included. WT_DELIVERED: queued, or skipped and so done
 * with; anything else: not now. */
static enum wt_delivery hand_over(struct wt_publish *publish, struct wt_record *record)
{
    for (;;) {
        if (record->outcome == WT_OUTCOME_SKIPPED) {
            return WT_DELIVERED;
        }
        if (record->output.headers == NULL) {
            wt_encode(publish->encoder, record);
        }
        const char *reason = NULL;
        enum wt_delivery delivery = wt_produce_record(publish->produce, record, &reason);
        if (delivery == WT_DELIVERED) {
            record->in_producer = true;
            publish->outstanding++;
            return delivery;
        }
        if (delivery != WT_DELIVERY_TOO_LARGE && delivery != WT_DELIVERY_REJECTED) {
            publish->producer_broken |= delivery == WT_DELIVERY_FATAL;
            wt_log_debug("publish", "the producer takes no record: %s", reason);
            return delivery;
        }
        if (!reject(publish, record, reason)) {
            return WT_DELIVERY_RETRY;
        }
    }
}

static bool hold(struct wt_publish *publish)
{
    publish->retry_us = wt_clock_us() + RETRY_MS * 1000;
    return false;
}

/* Releases what is next in one lane. False: the producer takes no more for now. */
static bool release_lane(struct wt_publish *publish, struct wt_lane *lane)
{
    struct wt_record *record;
    while (!publish->stopping && (record = wt_lane_next(lane)) != NULL) {
        if (record->outcome == WT_OUTCOME_DEAD_LETTERED && record->output.headers == NULL &&
            !apply_on_error(publish, record)) {
            return true;
        }
        if (hand_over(publish, record) != WT_DELIVERED) {
            return hold(publish);
        }
        wt_lane_release(lane);
        if (record->outcome == WT_OUTCOME_SKIPPED) {
            wt_lane_acknowledge(lane, record);
        }
    }
    return true;
}

/* Hands over again, in order, what was not delivered. */
static bool release_list(struct wt_publish *publish, struct wt_record_list *list, uint32_t count)
{
    for (; count > 0 && list->count > 0; count--) {
        if (hand_over(publish, list->first) != WT_DELIVERED) {
            return hold(publish);
        }
        struct wt_record *record = wt_record_list_take(list);
        if (record->outcome == WT_OUTCOME_SKIPPED) {
            wt_lane_acknowledge(record->source->lane, record);
        }
    }
    return true;
}

static void release_all(struct wt_publish *publish)
{
    if (publish->producer_broken || wt_clock_us() < publish->retry_us) {
        return;
    }
    if (!release_list(publish, &publish->again, publish->again.count)) {
        return;
    }
    if (publish->alone.count > 0) {
        /* One by one, nothing beside it, so that a report speaks of that record alone. */
        if (publish->outstanding == 0) {
            publish->alone.first->published_alone = true;
            (void)release_list(publish, &publish->alone, 1);
        }
        return;
    }
    for (size_t i = 0; i < publish->partition_count; i++) {
        if (!release_lane(publish, publish->partitions[i]->lane)) {
            return;
        }
    }
}

/* --- reports --------------------------------------------------------------------------------- */

static void on_report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                      const char *reason)
{
    struct wt_publish *publish = opaque;
    record->in_producer = false;
    publish->outstanding--;
    if (!in_open_epoch(record)) {
        drop(publish, &record);
        return;
    }
    switch (delivery) {
    case WT_DELIVERED:
        if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
            log_failure(record, "dead letter");
        }
        wt_lane_acknowledge(record->source->lane, record);
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        /* The broker refuses whole requests: innocent neighbours come back with the culprit. */
        if (!record->published_alone || reject(publish, record, reason)) {
            wt_record_list_append(&publish->alone, &record);
        }
        return;
    case WT_DELIVERY_FATAL:
        publish->producer_broken = true;
        return;
    case WT_DELIVERY_PURGED:
        return;
    case WT_DELIVERY_RETRY:
        wt_log_warn("publish", "a record was not delivered: %s; trying again", reason);
        publish->retry_us = wt_clock_us() + RETRY_MS * 1000;
        wt_record_list_append(&publish->again, &record);
        return;
    }
}

/* After a fatal producer error: everything not acknowledged is released anew, in order, through a
 * new client. At-least-once: what the old one had delivered unseen comes out twice. */
static void reset_producer(struct wt_publish *publish)
{
    struct wt_error error;
    wt_log_warn("publish", "the producer failed for good; making a new one");
    if (wt_produce_reset(publish->produce, &error) != WT_OK) {
        fail(publish, &error);
        return;
    }
    publish->producer_broken = false;
    while (wt_record_list_take(&publish->again) != NULL ||
           wt_record_list_take(&publish->alone) != NULL) {
    }
    for (size_t i = 0; i < publish->partition_count; i++) {
        wt_lane_rewind(publish->partitions[i]->lane);
    }
}

/* --- drain ----------------------------------------------------------------------------------- */

static bool partition_drained(const struct wt_publish *publish,
                              const struct wt_partition *partition)
{
    struct wt_lane *lane = partition->lane;
    if (lane == NULL || wt_lane_epoch(lane) == 0) {
        return true;
    }
    bool all_in = atomic_load_explicit(&partition->running, memory_order_acquire) == 0;
    bool all_released = publish->stopping || wt_lane_next(lane) == NULL;
    bool all_acknowledged =
        wt_lane_released_count(lane) == 0 || (publish->stopping && publish->outstanding == 0);
    return all_in && all_released && all_acknowledged &&
           wt_lane_committed_offset(lane) == wt_lane_position(lane);
}

static void unlink_source(struct wt_record_list *list, const struct wt_partition *partition)
{
    struct wt_record_list kept = {0};
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        if (record->source != partition) {
            wt_record_list_append(&kept, &record);
        }
    }
    *list = kept;
}

static void close_partition(struct wt_publish *publish, struct wt_partition *partition)
{
    if (partition->lane == NULL || wt_lane_epoch(partition->lane) == 0) {
        return;
    }
    unlink_source(&publish->again, partition);
    unlink_source(&publish->alone, partition);
    uint32_t dropped = wt_lane_close(partition->lane);
    if (dropped > 0) {
        wt_log_info("publish", "%s [%" PRId32 "]: %" PRIu32 " records left to the next owner",
                    partition->topic, partition->number, dropped);
    }
}

/* Looks at the request, if there is one, and answers it when it is done. True: the drained
 * partitions wait for a commit, so commit now rather than at the next interval. */
static bool serve_drain(struct wt_publish *publish)
{
    struct drain *drain = &publish->drain;
    (void)pthread_mutex_lock(&drain->mutex);
    bool waiting = drain->partitions != NULL && !drain->done;
    if (waiting) {
        bool done = drain->lost || wt_clock_us() >= drain->deadline_us;
        if (!done) {
            done = true;
            for (size_t i = 0; i < drain->count && done; i++) {
                done = partition_drained(publish, drain->partitions[i]);
            }
        }
        if (done) {
            for (size_t i = 0; i < drain->count; i++) {
                close_partition(publish, drain->partitions[i]);
            }
            drain->done = true;
            waiting = false;
            (void)pthread_cond_signal(&drain->done_changed);
        }
    }
    (void)pthread_mutex_unlock(&drain->mutex);
    return waiting;
}

void wt_publish_drain(struct wt_publish *publish, struct wt_partition *const *partitions,
                      size_t count, bool lost)
{
    struct drain *drain = &publish->drain;
    if (count == 0) {
        return;
    }
    (void)pthread_mutex_lock(&drain->mutex);
    drain->partitions = partitions;
    drain->count = count;
    drain->lost = lost;
    drain->done = false;
    drain->deadline_us =
        wt_clock_us() + (int64_t)publish->ports.config->delivery.drain_ms_max * 1000;
    wt_queue_wake(publish->ports.queue_in);
    while (!drain->done) {
        (void)pthread_cond_wait(&drain->done_changed, &drain->mutex);
    }
    drain->partitions = NULL;
    (void)pthread_mutex_unlock(&drain->mutex);
}

/* --- thread ---------------------------------------------------------------------------------- */

static void commit(struct wt_publish *publish, bool now)
{
    wt_commit_serve(publish->commit);
    int64_t clock_us = wt_clock_us();
    if (wt_commit_pending(publish->commit) || (!now && clock_us < publish->commit_due_us)) {
        return;
    }
    publish->commit_due_us =
        clock_us + (int64_t)publish->ports.config->delivery.commit_interval_ms * 1000;
    (void)wt_commit_request(publish->commit, publish->partitions, publish->partition_count);
}

static int wait_ms(const struct wt_publish *publish, bool draining)
{
    int64_t until_us = publish->commit_due_us;
    if (publish->retry_us > wt_clock_us() && publish->retry_us < until_us) {
        until_us = publish->retry_us;
    }
    int64_t wait = (until_us - wt_clock_us()) / 1000 + 1;
    int64_t wait_max = draining ? 5 : IDLE_MS;
    return (int)(wait < 1 ? 1 : wait > wait_max ? wait_max : wait);
}

static void *run(void *opaque)
{
    struct wt_publish *publish = opaque;
    struct wt_record_list records = {0};
    bool draining = false;
    while (wt_queue_pop(publish->ports.queue_in, wait_ms(publish, draining), RECORDS_PER_POP_MAX,
                        &records) == WT_OK) {
        struct wt_record *record;
        while ((record = wt_record_list_take(&records)) != NULL) {
            take_in(publish, record);
        }
        release_all(publish);
        wt_produce_serve(publish->produce);
        if (publish->producer_broken && !publish->stopping) {
            reset_producer(publish);
        }
        commit(publish, draining);
        draining = serve_drain(publish);
    }
    return NULL;
}

static void wake(rd_kafka_t *client, void *opaque)
{
    const struct wt_publish *publish = opaque;
    (void)client;
    wt_queue_wake(publish->ports.queue_in);
}

enum wt_status wt_publish_create(const struct wt_publish_ports *ports,
                                 struct wt_publish **publish_out, struct wt_error *error)
{
    struct wt_publish *publish = wt_alloc_zeroed(1, sizeof *publish);
    publish->ports = *ports;
    (void)pthread_mutex_init(&publish->drain.mutex, NULL);
    (void)pthread_cond_init(&publish->drain.done_changed, NULL);
    publish->encoder = wt_encoder_create(ports->config, ports->model_info);
    enum wt_status status =
        wt_produce_create(ports->config, on_report, wake, publish, &publish->produce, error);
    if (status != WT_OK) {
        wt_publish_join(publish);
        return status;
    }
    publish->commit = wt_commit_create(ports->consumer, wake, publish);
    *publish_out = publish;
    return WT_OK;
}

rd_kafka_t *wt_publish_client(struct wt_publish *publish)
{
    return wt_produce_client(publish->produce);
}

enum wt_status wt_publish_start(struct wt_publish *publish, struct wt_error *error)
{
    if (pthread_create(&publish->thread, NULL, run, publish) != 0) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "the publish thread cannot be started");
    }
    publish->started = true;
    return WT_OK;
}

void wt_publish_join(struct wt_publish *publish)
{
    if (publish == NULL) {
        return;
    }
    if (publish->started) {
        (void)pthread_join(publish->thread, NULL);
    }
    wt_commit_destroy(publish->commit);
    wt_produce_destroy(publish->produce);
    for (size_t i = 0; i < publish->partition_count; i++) {
        wt_lane_destroy(publish->partitions[i]->lane);
        publish->partitions[i]->lane = NULL;
    }
    free(publish->partitions);
    wt_encoder_destroy(publish->encoder);
    (void)pthread_mutex_destroy(&publish->drain.mutex);
    (void)pthread_cond_destroy(&publish->drain.done_changed);
    free(publish);
}
