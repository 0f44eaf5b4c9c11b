#include "pipeline/infer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "observe/beat.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "record/label_cache.h"
#include "record/labellers.h"
#include "record/partition.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* in_flight is sized so that the model needs this long for all of it: a drain stays short. */
#define IN_FLIGHT_SECONDS 4.0

/* Pauses between probes of a sick model, short enough not to delay a shutdown. */
#define SICK_WAIT_MS_MIN 100
#define SICK_WAIT_MS_MAX 2000

/* No model call takes this long: one that does will never return. */
#define BEAT_MS_MAX 300000

/* Weight of the newest batch in a replica's measured rate. */
#define RATE_WEIGHT 0.1

struct replica {
    struct wt_infer *infer;
    pthread_t thread;
    struct wt_owner owner; /* the thread */
    struct wt_beat *beat;
    atomic_uint rate;         /* articles a second while this replica is busy */
    uint64_t labeller_number; /* whose model the thread is prepared for; 0: none */
};

struct wt_infer {
    struct wt_infer_ports ports;
    uint32_t replica_count; /* those that were started */
    struct replica *replicas;
};

/* --- poison record or sick model ------------------------------------------------------------ */

/* Passes FINISHED records to the next stage. Failed ones stay in the batch. */
static void pass_on(struct replica *replica, struct wt_batch *batch)
{
    wt_owner_assert(&replica->owner);
    struct wt_record_list finished = {0};
    int64_t now_us = wt_clock_us();
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wt_record *record = batch->records[i];
        if (record->state == WT_RECORD_FINISHED) {
            record->finished_us = now_us;
            wt_record_list_append(&finished, &record);
        } else {
            batch->records[kept++] = record;
        }
    }
    batch->count = kept;
    wt_queue_push(replica->infer->ports.finished_out, &finished);
}

/* The partitions of all these records were revoked, so their results are not needed any more. */
static bool all_stale(const struct wt_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!wt_record_stale(batch->records[i])) {
            return false;
        }
    }
    return true;
}

/* Sleeps before the next attempt. The pause doubles each time. */
static void back_off(const struct replica *replica, int *wait_ms)
{
    struct timespec wait = {.tv_sec = *wait_ms / 1000, .tv_nsec = *wait_ms % 1000 * 1000000L};
    (void)nanosleep(&wait, NULL);
    wt_beat(replica->beat); /* waiting for a sick model is not being stuck */
    *wait_ms = *wait_ms * 2 < SICK_WAIT_MS_MAX ? *wait_ms * 2 : SICK_WAIT_MS_MAX;
}

static void log_sick(const struct wt_error *error)
{
    wt_log_error("infer",
                 "the model fails on everything, even its own probe: %s. Records are kept and "
                 "retried; if it does not recover, restart the worker",
                 error->message);
}

/* Probes the model with back-off until the probe succeeds. False: the batch's partitions were
 * revoked first. */
static bool wait_for_model(const struct replica *replica, const struct wt_batch *batch,
                           bool *was_sick)
{
    struct wt_model *model = batch->records[0]->labeller->model;
    struct wt_error error;
    int wait_ms = SICK_WAIT_MS_MIN;
    bool works = wt_model_probe(model, &error) == WT_OK;
    *was_sick = !works;
    if (works) {
        return true;
    }
    log_sick(&error);
    wt_metric_add(WT_METRIC_REPLICAS_SICK, 1);
    while (!works && !all_stale(batch)) {
        back_off(replica, &wait_ms);
        works = wt_model_probe(model, &error) == WT_OK;
    }
    wt_metric_add(WT_METRIC_REPLICAS_SICK, -1);
    return works;
}

/* The record ran out of memory although the device had enough for a row as wide before. */
static bool short_of_memory(const struct wt_record *record)
{
    assert(record->state != WT_RECORD_RUNNING || record->failure != NULL);
    uint32_t pad_to = record->labeller->info->pad_to;
    uint32_t width = record->token_count > pad_to ? record->token_count : pad_to;
    return record->state == WT_RECORD_RUNNING &&
           record->failure->error.error_class == WT_ERROR_RETRIABLE &&
           width <= atomic_load_explicit(&record->labeller->width_worked, memory_order_relaxed);
}

/* The index of the first record that ran out of memory; batch->count: there is none. */
static uint32_t first_short(const struct wt_batch *batch)
{
    uint32_t i = 0;
    while (i < batch->count && !short_of_memory(batch->records[i])) {
        i++;
    }
    return i;
}

/* Reruns the records that ran out of memory one by one until one fails again. Passes on those that
 * succeed. True: none is left. */
static bool retry_short_of_memory(struct replica *replica, struct wt_batch *batch,
                                  struct wt_infer_scratch *scratch)
{
    wt_owner_assert(&replica->owner);
    bool room = true;
    for (uint32_t i; room && (i = first_short(batch)) < batch->count;) {
        const struct wt_labeller *labeller = batch->records[i]->labeller;
        struct wt_batch part = wt_infer_part(batch, i, 1, labeller->info->pad_to);
        (void)wt_infer_rows(labeller->model, &part, scratch);
        room = !short_of_memory(batch->records[i]);
    }
    pass_on(replica, batch);
    return room;
}

/* Note "Shortage": a probe is short, so it succeeds even if the device has too little memory for
 * usual articles. If the device had enough for a row as wide before, another process probably holds
 * the memory now. Records wait for it to be freed, but only for memory_wait_ms_max, since it may
 * never be freed. False: the batch's partitions were revoked first. */
static bool wait_for_memory(struct replica *replica, struct wt_batch *batch,
                            struct wt_infer_scratch *scratch)
{
    uint32_t first = first_short(batch);
    if (first == batch->count) {
        return true;
    }
    wt_log_error(
        "infer",
        "out of device memory for an article of %u tokens, although there was enough before: %s. "
        "Records are kept and retried for a while; see which other process uses the device",
        batch->records[first]->token_count, batch->records[first]->failure->error.message);
    wt_metric_add(WT_METRIC_REPLICAS_SICK, 1);
    int64_t end_us = wt_clock_us() + INT64_C(1000) * replica->infer->ports.memory_wait_ms_max;
    int wait_ms = SICK_WAIT_MS_MIN;
    bool room = false;
    while (!room && !all_stale(batch) && wt_clock_us() < end_us) {
        back_off(replica, &wait_ms);
        room = retry_short_of_memory(replica, batch, scratch);
    }
    wt_metric_add(WT_METRIC_REPLICAS_SICK, -1);
    if (room) {
        wt_log_info("infer", "the device has enough memory again");
    }
    return room || !all_stale(batch);
}

/* Handles the records left in `batch`, each of which failed alone. If the model fails on its own
 * probe too, it is sick and the records are not to blame: they are retried when it works again, or
 * left to the next owner of their partition. */
static void handle_failures(struct replica *replica, struct wt_batch *batch,
                            struct wt_infer_scratch *scratch)
{
    wt_owner_assert(&replica->owner);
    assert(batch->count > 0);
    bool was_sick = false;
    bool works = wait_for_model(replica, batch, &was_sick);
    if (works && was_sick) {
        wt_log_info("infer", "the model works again");
        (void)wt_infer_rows(batch->records[0]->labeller->model, batch, scratch);
        pass_on(replica, batch);
    }
    works = works && wait_for_memory(replica, batch, scratch);
    for (uint32_t i = 0; i < batch->count; i++) {
        assert(batch->records[i]->state == WT_RECORD_RUNNING && batch->records[i]->failure != NULL);
        batch->records[i]->abandoned = !works;
        wt_infer_finish(batch->records[i]);
    }
    pass_on(replica, batch);
}

static void note_width(struct wt_labeller *labeller, uint32_t width)
{
    unsigned widest = atomic_load_explicit(&labeller->width_worked, memory_order_relaxed);
    while (width > widest &&
           !atomic_compare_exchange_weak_explicit(&labeller->width_worked, &widest, width,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* --- threads --------------------------------------------------------------------------------- */

static void update_rate(struct replica *replica, uint32_t articles, double seconds)
{
    wt_owner_assert(&replica->owner);
    struct wt_infer *infer = replica->infer;
    double newest = (double)articles / (seconds > 1e-6 ? seconds : 1e-6);
    double rate = (double)atomic_load_explicit(&replica->rate, memory_order_relaxed);
    rate = rate > 0.0 ? rate + RATE_WEIGHT * (newest - rate) : newest;
    rate = rate < 1.0 ? 1.0 : rate > 1e8 ? 1e8 : rate;
    atomic_store_explicit(&replica->rate, (unsigned)rate, memory_order_relaxed);
    double total = 0.0;
    for (uint32_t i = 0; i < infer->ports.replicas; i++) {
        total += (double)atomic_load_explicit(&infer->replicas[i].rate, memory_order_relaxed);
    }
    double wanted = total * IN_FLIGHT_SECONDS;
    wt_in_flight_limit(infer->ports.in_flight, wanted < 1e9 ? (uint32_t)wanted : 1000000000u);
}

static void count_batch(const struct wt_batch *batch, uint32_t articles, double seconds)
{
    assert(batch->tokens <= (uint64_t)batch->width * articles);
    wt_metric_add(WT_METRIC_BATCHES, 1);
    wt_metric_add(WT_METRIC_TOKENS, (int64_t)batch->tokens);
    wt_metric_add(WT_METRIC_TOKENS_COMPUTED, (int64_t)batch->width * articles);
    wt_metric_observe(WT_HISTOGRAM_BATCH_ARTICLES, articles, 1);
    wt_metric_observe(WT_HISTOGRAM_BATCH_FILL, batch->fill, 1);
    wt_metric_observe(WT_HISTOGRAM_INFER_SECONDS, seconds, 1);
    wt_metric_observe(WT_HISTOGRAM_STAGE_INFER, seconds, articles);
}

static bool all_finished(const struct wt_batch *batch)
{
    uint32_t i = 0;
    while (i < batch->count && batch->records[i]->state == WT_RECORD_FINISHED) {
        i++;
    }
    return i == batch->count;
}

/* Adapts the token budget to the device's memory after `batch` has run. */
static void fit_to_memory(struct wt_batch_stage *stage, const struct wt_batch *batch,
                          uint32_t too_large)
{
    const struct wt_labeller *labeller = batch->records[0]->labeller;
    assert(too_large <= (uint64_t)batch->width * batch->count);
    if (too_large > 0) {
        wt_log_warn(
            "infer",
            "out of device memory for a batch of %u tokens; batches are limited to %u tokens now",
            too_large, too_large / 2);
        wt_batch_stage_tokens_lower(stage, labeller, too_large / 2);
    } else if (all_finished(batch)) {
        uint64_t tokens = (uint64_t)batch->width * batch->count;
        uint32_t raised = wt_batch_stage_tokens_worked(stage, labeller, tokens);
        if (raised > 0) {
            wt_log_info(
                "infer",
                "device memory has sufficed for full batches; raising their limit to %u tokens",
                raised);
        }
    }
}

/* Finishes the records that the model has labelled since they were tokenized: of many that wait, some
 * are the same. */
static void pass_on_known(struct replica *replica, struct wt_batch *batch)
{
    wt_owner_assert(&replica->owner);
    struct wt_label_cache *cache = batch->records[0]->labeller->cache;
    if (cache == NULL) {
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wt_record *record = batch->records[i];
        record->logits = wt_label_cache_find(cache, record->ids, record->token_count);
        if (record->logits == NULL) {
            wt_metric_add(WT_METRIC_CACHE_MISSES, 1);
        } else {
            batch->tokens -= record->token_count;
            record->outcome = WT_OUTCOME_LABELLED;
            wt_infer_finish(record);
        }
    }
    pass_on(replica, batch);
}

static void run_batch(struct replica *replica, struct wt_batch *batch,
                      struct wt_infer_scratch *scratch)
{
    const struct wt_infer_ports *ports = &replica->infer->ports;
    wt_owner_assert(&replica->owner);
    assert(batch->count > 0 && batch->count <= ports->articles_max);
    int64_t start_us = wt_clock_us();
    uint32_t articles = batch->count;
    for (uint32_t i = 0; i < articles; i++) {
        int64_t waited_us = wt_record_enter_model(batch->records[i], start_us);
        wt_metric_observe(WT_HISTOGRAM_STAGE_BATCH, (double)waited_us * 1e-6, 1);
    }
    /* The batch's records hold it, and they are this thread's until they are passed on. */
    struct wt_labeller *labeller = batch->records[0]->labeller;
    if (replica->labeller_number != labeller->number) {
        wt_model_thread_init(labeller->model);
        replica->labeller_number = labeller->number;
        scratch->width_worked = 0;
    }
    uint32_t too_large = wt_infer_rows(labeller->model, batch, scratch);
    note_width(labeller, scratch->width_worked);
    int64_t batch_us = wt_clock_us() - start_us;
    double seconds = (double)batch_us * 1e-6;
    wt_batch_stage_took(ports->batch_in, labeller, batch_us);
    fit_to_memory(ports->batch_in, batch, too_large);
    count_batch(batch, articles, seconds);
    update_rate(replica, articles, seconds);
    pass_on(replica, batch);
    if (batch->count > 0) {
        handle_failures(replica, batch, scratch);
    }
}

static void *run(void *opaque)
{
    struct replica *replica = opaque;
    const struct wt_infer_ports *ports = &replica->infer->ports;
    struct wt_infer_scratch scratch = {0};
    struct wt_batch batch = {.records =
                                 wt_alloc_zeroed(ports->articles_max, sizeof(struct wt_record *))};
    char name[24];
    (void)snprintf(name, sizeof name, "infer-%d", (int)(replica - replica->infer->replicas) + 1);
    replica->beat = wt_beat_start(name, BEAT_MS_MAX);
    wt_beat_rest(replica->beat);
    while (wt_batch_stage_pull(ports->batch_in, &batch) == WT_OK) {
        wt_beat(replica->beat);
        wt_metric_add(WT_METRIC_BATCHES_RUNNING, 1);
        pass_on_known(replica, &batch);
        if (batch.count > 0) {
            run_batch(replica, &batch, &scratch);
        }
        wt_metric_add(WT_METRIC_BATCHES_RUNNING, -1);
        wt_beat_rest(replica->beat);
    }
    wt_beat_end(replica->beat);
    wt_infer_scratch_free(&scratch);
    free(batch.records);
    return NULL;
}

enum wt_status wt_infer_start(const struct wt_infer_ports *ports, struct wt_infer **infer_out,
                              struct wt_error *error)
{
    assert(ports->replicas > 0 && ports->articles_max > 0);
    struct wt_infer *infer = wt_alloc_zeroed(1, sizeof *infer);
    infer->ports = *ports;
    infer->replicas = wt_alloc_zeroed(ports->replicas, sizeof *infer->replicas);
    for (uint32_t i = 0; i < ports->replicas; i++) {
        infer->replicas[i].infer = infer;
        atomic_init(&infer->replicas[i].rate, 0);
    }
    for (uint32_t i = 0; i < ports->replicas; i++) {
        if (pthread_create(&infer->replicas[i].thread, NULL, run, &infer->replicas[i]) != 0) {
            wt_batch_stage_close(ports->batch_in);
            wt_infer_join(infer);
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                                "an infer thread cannot be started; lower model.replicas");
        }
        infer->replica_count++;
    }
    *infer_out = infer;
    return WT_OK;
}

void wt_infer_join(struct wt_infer *infer)
{
    if (infer == NULL) {
        return;
    }
    for (uint32_t i = 0; i < infer->replica_count; i++) {
        (void)pthread_join(infer->replicas[i].thread, NULL);
    }
    free(infer->replicas);
    free(infer);
}
