#include "pipeline/pipeline.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/owner.h"
#include "check/cluster_facts.h"
#include "check/timestamps.h"
#include "kafka/transactional_id.h"
#include "observe/exit_limit.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/auto_limits.h"
#include "pipeline/batch_stage.h"
#include "pipeline/consume/consume.h"
#include "pipeline/infer.h"
#include "pipeline/labeller_create.h"
#include "pipeline/pipeline_log.h"
#include "pipeline/prepare.h"
#include "pipeline/publish/publish.h"
#include "pipeline/readiness.h"
#include "pipeline/reload.h"
#include "pipeline/shadow/shadow.h"
#include "pipeline/startup.h"
#include "pipeline/watch.h"
#include "record/in_flight.h"
#include "record/labellers.h"
#include "record/partition.h"
#include "record/queue.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room in the queues beyond in_flight.records_max: consume checks the limit, then takes up to this
 * many at once. */
#define QUEUE_SLACK_RECORDS 1024u

#define TICK_MS 250

/* How long a stop may take in addition to its drains, of which there may be two (drain_clock.h):
 * leaving the group, and Kafka client calls that outlast their time-outs. Then the process exits by
 * force. */
#define DRAIN_SLACK_MS 25000

struct wt_pipeline {
    struct wt_owner runner;  /* the main thread */
    struct wt_owner drainer; /* the consume thread */
    const struct wt_config *config;
    struct wt_model *model; /* the first one */
    struct wt_pipeline_source source;
    struct wt_labellers *labellers;
    struct wt_reload *reload; /* NULL: the model stays as long as the process */
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *consumed; /* consume -> prepare; limit: in_flight.records_max */
    struct wt_queue *finished; /* prepare, infer -> publish; limit: in_flight.records_max */
    struct wt_batch_stage *batch;
    struct wt_consume *consume;
    struct wt_prepare *prepare;
    struct wt_infer *infer;
    struct wt_publish *publish;
    struct wt_watch *watch;                       /* NULL until the stages start */
    struct wt_timestamps *times;                  /* NULL until the topics are known */
    struct wt_transactional_id *transactional_id; /* NULL: at-least-once */
    bool drained_all; /* the last drain committed everything; consume thread */
    bool abandoned;   /* the consume thread did not end in time (wt_consume_join) */

    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t changed;
    bool reading; /* reading has begun */
    bool stopping;
    bool running;
    bool failed;
    struct wt_error error;
};

/* --- callbacks of the stages ----------------------------------------------------------------- */

/* Locks: held. */
static void request_stop(struct wt_pipeline *pipeline)
{
    wt_mutex_assert_held(&pipeline->mutex);
    if (pipeline->reading && !pipeline->stopping && pipeline->source.ends_process) {
        wt_exit_limit_set(2 * (int64_t)pipeline->config->delivery.drain_ms_max + DRAIN_SLACK_MS,
                          EXIT_FAILURE, "draining");
    }
    pipeline->stopping = true;
    (void)pthread_cond_broadcast(&pipeline->changed);
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    struct wt_pipeline *pipeline = opaque;
    wt_mutex_lock(&pipeline->mutex);
    if (!pipeline->failed) {
        pipeline->failed = true;
        pipeline->error = *error;
    }
    request_stop(pipeline);
    wt_mutex_unlock(&pipeline->mutex);
}

static void on_drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost)
{
    struct wt_pipeline *pipeline = opaque;
    wt_owner_assert(&pipeline->drainer);
    struct wt_record_list stale = {0};
    wt_batch_stage_remove_stale(pipeline->batch, &stale);
    struct wt_record *record;
    while ((record = wt_record_list_take(&stale)) != NULL) {
        wt_in_flight_drop(pipeline->in_flight, &record);
    }
    pipeline->drained_all = wt_publish_drain(pipeline->publish, partitions, count, lost);
}

static void on_acknowledged(void *opaque, const struct wt_record *record)
{
    const struct wt_pipeline *pipeline = opaque;
    wt_shadow_offer(pipeline->source.shadow, record);
}

/* Everything is committed: from here on a forced exit or a second signal exits with 0. */
static void on_drained(void *opaque)
{
    struct wt_pipeline *pipeline = opaque;
    wt_owner_assert(&pipeline->drainer);
    wt_mutex_lock(&pipeline->mutex);
    if (pipeline->source.ends_process && pipeline->source.over == NULL && pipeline->drained_all &&
        !pipeline->failed) {
        wt_exit_status_set(EXIT_SUCCESS);
    }
    wt_mutex_unlock(&pipeline->mutex);
}

/* --- topics ---------------------------------------------------------------------------------- */

/* Sleeps for `wait_ms`, or until a stop is requested. False: a stop was requested. */
static bool sleep_unless_stopped(void *opaque, int wait_ms)
{
    struct wt_pipeline *pipeline = opaque;
    int64_t until_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    struct timespec until = wt_clock_timespec(until_us);
    wt_mutex_lock(&pipeline->mutex);
    while (!pipeline->stopping &&
           wt_mutex_wait(&pipeline->mutex, &pipeline->changed, &until) == 0) {
    }
    bool stopping = pipeline->stopping;
    wt_mutex_unlock(&pipeline->mutex);
    return !stopping;
}

/* Looks up the topics and creates what depends on them. WT_CLOSED: a stop was requested first. */
static enum wt_status check_topics(struct wt_pipeline *pipeline, struct wt_error *error)
{
    wt_owner_assert(&pipeline->runner);
    assert(pipeline->times == NULL); /* once */
    struct wt_cluster_facts facts = {0};
    const struct wt_startup_ports ports = {.config = pipeline->config,
                                           .consumer = wt_consume_client(pipeline->consume),
                                           .producer = wt_publish_client(pipeline->publish),
                                           .ranged = pipeline->source.ranged,
                                           .opaque = pipeline,
                                           .sleep = sleep_unless_stopped};
    enum wt_status status = wt_startup(&ports, &facts, error);
    if (status == WT_OK) {
        status = wt_publish_limit_batches(pipeline->publish, wt_facts_batch_bytes(&facts), error);
    }
    if (status == WT_OK) {
        wt_startup_note_counts(&facts, pipeline->partitions);
        const struct wt_topic_facts *dead_letters = wt_facts_find(&facts, WT_TOPIC_DEAD_LETTERS);
        wt_publish_limit_dead_letters(pipeline->publish,
                                      dead_letters != NULL ? dead_letters->record_bytes_max : -1,
                                      dead_letters != NULL && dead_letters->compacted);
        pipeline->times =
            wt_timestamps_create(pipeline->config, wt_time_strictest(pipeline->config, &facts));
    }
    wt_facts_free(&facts);
    return status;
}

/* --- create, start, stop --------------------------------------------------------------------- */

/* Creates what the stages share. Takes `first`. */
static void create_shared(struct wt_pipeline *pipeline, struct wt_labeller *first)
{
    const struct wt_config *config = pipeline->config;
    const struct wt_pipeline_source *source = &pipeline->source;
    struct wt_batcher_limits limits = wt_auto_batch_limits(config, wt_model_info(pipeline->model));
    /* Of a text whose tokens are fewer bytes than one, each record may have all its windows. */
    uint32_t queue_records_max =
        (config->in_flight.records_max + QUEUE_SLACK_RECORDS) * first->windows.count_max;
    pipeline->labellers = wt_labellers_create(first);
    pipeline->partitions = wt_partitions_create();
    pipeline->in_flight =
        wt_in_flight_create(config->in_flight.records_max, config->in_flight.bytes_max);
    pipeline->consumed = wt_queue_create(queue_records_max);
    pipeline->finished = wt_queue_create(queue_records_max);
    pipeline->batch = wt_batch_stage_create(first, &limits);
    if (source->reload.load != NULL) {
        const struct wt_reload_group group = {config, pipeline->partitions};
        pipeline->reload =
            wt_reload_create(&source->reload, pipeline->labellers, first, pipeline->batch, &group);
    }
}

/* Creates the stages that have Kafka clients. */
static enum wt_status create_ends(struct wt_pipeline *pipeline, struct wt_error *error)
{
    const struct wt_config *config = pipeline->config;
    const struct wt_pipeline_source *source = &pipeline->source;
    struct wt_consume_options options = {.ranged = source->ranged,
                                         .records_per_s_max = source->records_per_s_max,
                                         .labellers = pipeline->labellers,
                                         .promotions = wt_reload_promotions(pipeline->reload)};
    struct wt_consume_hooks hooks = {
        .opaque = pipeline, .drain = on_drain, .drained = on_drained, .failed = on_failed};
    enum wt_status status = WT_OK;
    if (config->delivery.guarantee == WT_EXACTLY_ONCE) {
        status = wt_transactional_id_create(config, &pipeline->transactional_id, error);
    }
    if (status == WT_OK) {
        status = wt_consume_create(config, pipeline->partitions, pipeline->in_flight,
                                   pipeline->consumed, &hooks, &options, &pipeline->consume, error);
    }
    if (status != WT_OK) {
        return status;
    }
    struct wt_publish_ports ports = {
        .config = config,
        .transactional_id = wt_transactional_id_text(pipeline->transactional_id),
        .consumer = wt_consume_client(pipeline->consume),
        .member = wt_consume_group_member(pipeline->consume),
        .queue_in = pipeline->finished,
        .in_flight = pipeline->in_flight,
        .compare = wt_reference_policy(source->reference),
        .opaque = pipeline,
        .failed = on_failed,
        .acknowledged = source->shadow != NULL ? on_acknowledged : NULL};
    return wt_publish_create(&ports, &pipeline->publish, error);
}

enum wt_status wt_pipeline_create(const struct wt_config *config, struct wt_model *model,
                                  const struct wt_pipeline_source *source,
                                  struct wt_pipeline **pipeline_out, struct wt_error *error)
{
    struct wt_pipeline *pipeline = wt_alloc_zeroed(1, sizeof *pipeline);
    pipeline->config = config;
    pipeline->model = model;
    pipeline->source = *source;
    wt_mutex_init(&pipeline->mutex);
    wt_clock_init_condition(&pipeline->changed);

    struct wt_labeller *first = NULL;
    bool apart = source->reload.config != NULL;
    const struct wt_served_model served = {.model = model,
                                           .config = apart ? source->reload.config : config};
    enum wt_status status = wt_labeller_create(&served, 1, &first, error);
    if (status == WT_OK) {
        create_shared(pipeline, first);
        status = create_ends(pipeline, error);
    }
    if (status != WT_OK) {
        wt_pipeline_destroy(pipeline);
        return status;
    }
    wt_labeller_show(first, NULL);
    wt_shadow_attach(source->shadow, first);
    wt_metric_set(WT_METRIC_MODELS, 1);
    wt_metric_set(WT_METRIC_REPLICAS, wt_auto_replicas(config, wt_model_info(model)));
    *pipeline_out = pipeline;
    return WT_OK;
}

/* Starts the stages in reverse order, so that each finds the next one running. */
static enum wt_status start_stages(struct wt_pipeline *pipeline, struct wt_error *error)
{
    assert(pipeline->infer == NULL && pipeline->prepare == NULL);
    const struct wt_config *config = pipeline->config;
    const struct wt_model_info *info = wt_model_info(pipeline->model);
    struct wt_infer_ports infer_ports = {.replicas = wt_auto_replicas(config, info),
                                         .articles_max = config->batch.articles_max,
                                         .memory_wait_ms_max = WT_INFER_MEMORY_WAIT_MS,
                                         .batch_in = pipeline->batch,
                                         .finished_out = pipeline->finished,
                                         .in_flight = pipeline->in_flight};
    struct wt_prepare_ports prepare_ports = {.config = config,
                                             .queue_in = pipeline->consumed,
                                             .batch_out = pipeline->batch,
                                             .finished_out = pipeline->finished,
                                             .in_flight = pipeline->in_flight,
                                             .redrive = pipeline->source.redrive,
                                             .times = pipeline->times,
                                             .reference = pipeline->source.reference,
                                             .opaque = pipeline,
                                             .failed = on_failed};
    enum wt_status status = wt_publish_start(pipeline->publish, error);
    if (status == WT_OK) {
        status = wt_infer_start(&infer_ports, &pipeline->infer, error);
    }
    if (status == WT_OK) {
        status = wt_prepare_start(&prepare_ports, &pipeline->prepare, error);
    }
    if (status == WT_OK) {
        status = wt_consume_start(pipeline->consume, error);
    }
    if (status == WT_OK) {
        wt_pipeline_log_running(config, info, infer_ports.replicas);
    }
    if (status == WT_OK && pipeline->reload != NULL) {
        status = wt_reload_start(pipeline->reload, error);
    }
    return status;
}

static bool is_ready(void *opaque, char *reason, size_t reason_bytes)
{
    return wt_pipeline_ready(opaque, reason, reason_bytes);
}

static void start_watch(struct wt_pipeline *pipeline)
{
    wt_owner_assert(&pipeline->runner);
    struct wt_monitor_ports ports = {.config = pipeline->config,
                                     .partitions = pipeline->partitions,
                                     .in_flight = pipeline->in_flight,
                                     .consumed = pipeline->consumed,
                                     .finished = pipeline->finished,
                                     .consumer = wt_consume_client(pipeline->consume)};
    pipeline->watch = wt_watch_create(&ports, pipeline->source.shadow, is_ready, pipeline);
}

/* Consume drains all partitions through publish. */
static void drain(struct wt_pipeline *pipeline)
{
    wt_owner_assert(&pipeline->runner);
    wt_mutex_lock(&pipeline->mutex);
    request_stop(pipeline);
    wt_mutex_unlock(&pipeline->mutex);
    wt_reload_stop(pipeline->reload);
    wt_consume_stop(pipeline->consume);
    pipeline->abandoned = !wt_consume_join(pipeline->consume);
}

/* All records still on their way are stale now; each stage drops those it meets. */
static void join_stages(struct wt_pipeline *pipeline)
{
    wt_owner_assert(&pipeline->runner);
    wt_queue_close(pipeline->consumed);
    wt_prepare_join(pipeline->prepare);
    pipeline->prepare = NULL;
    wt_batch_stage_close(pipeline->batch);
    wt_infer_join(pipeline->infer);
    pipeline->infer = NULL;
    wt_queue_close(pipeline->finished);
    wt_publish_join(pipeline->publish);
    wt_reload_join(pipeline->reload);
}

static void set_running(struct wt_pipeline *pipeline, bool running)
{
    wt_mutex_lock(&pipeline->mutex);
    pipeline->running = running;
    wt_mutex_unlock(&pipeline->mutex);
}

/* False: a stop was requested first. */
static bool begin_reading(struct wt_pipeline *pipeline)
{
    wt_mutex_lock(&pipeline->mutex);
    assert(!pipeline->reading);
    pipeline->reading = !pipeline->stopping;
    bool reading = pipeline->reading;
    wt_mutex_unlock(&pipeline->mutex);
    return reading;
}

/* From the start of the stages to the end of the drain. WT_CLOSED: stopped before the source's end. */
static enum wt_status read_and_drain(struct wt_pipeline *pipeline, struct wt_error *error)
{
    const struct wt_pipeline_source *source = &pipeline->source;
    enum wt_status status = start_stages(pipeline, error);
    set_running(pipeline, status == WT_OK);
    bool over = false;
    while (status == WT_OK && !over && sleep_unless_stopped(pipeline, TICK_MS)) {
        wt_watch_tick(pipeline->watch);
        if (source->over == NULL && wt_watch_must_rejoin(pipeline->watch, error)) {
            on_failed(pipeline, error); /* a replay does not start again by itself */
        }
        over = source->over != NULL && source->over(source->opaque);
    }
    set_running(pipeline, false);
    wt_metric_set(WT_METRIC_READY, 0);
    wt_stall_forget();
    wt_log_info("pipeline", "stopping: finishing running batches and committing their offsets");
    drain(pipeline);
    if (status == WT_OK && pipeline->failed) {
        *error = pipeline->error;
        status = WT_FAILED;
    }
    return status != WT_OK || over || source->over == NULL ? status : WT_CLOSED;
}

enum wt_status wt_pipeline_run(struct wt_pipeline *pipeline, struct wt_error *error)
{
    wt_owner_assert(&pipeline->runner);
    assert(pipeline->watch == NULL); /* once */
    enum wt_status status = check_topics(pipeline, error);
    if (status == WT_CLOSED || (status == WT_OK && !begin_reading(pipeline))) {
        return WT_OK;
    }
    if (status != WT_OK) {
        return status;
    }
    start_watch(pipeline);
    status = read_and_drain(pipeline, error);
    bool restarts = status == WT_FAILED && wt_pipeline_can_restart(pipeline, error);
    if (pipeline->source.ends_process && !restarts) {
        wt_exit_limit_set(WT_EXIT_MS_MAX, status == WT_OK ? EXIT_SUCCESS : EXIT_FAILURE,
                          "the last call of the model or of a Kafka client");
    }
    wt_pipeline_log_totals(pipeline->in_flight);
    join_stages(pipeline);
    return status == WT_CLOSED ? WT_OK : status;
}

bool wt_pipeline_can_restart(const struct wt_pipeline *pipeline, const struct wt_error *error)
{
    return pipeline->failed && !pipeline->abandoned && pipeline->source.over == NULL &&
           wt_consume_can_restart(error);
}

bool wt_pipeline_stop(struct wt_pipeline *pipeline)
{
    wt_mutex_lock(&pipeline->mutex);
    request_stop(pipeline);
    bool reading = pipeline->reading;
    wt_mutex_unlock(&pipeline->mutex);
    return reading;
}

bool wt_pipeline_ready(struct wt_pipeline *pipeline, char *reason, size_t reason_bytes)
{
    wt_mutex_lock(&pipeline->mutex);
    bool running = pipeline->running;
    bool stopping = pipeline->stopping;
    wt_mutex_unlock(&pipeline->mutex);
    bool ready = wt_readiness(running, stopping, reason, reason_bytes);
    if (ready && pipeline->reload != NULL) {
        wt_reload_describe(pipeline->reload, reason, reason_bytes);
    }
    return ready;
}

void wt_pipeline_reload(struct wt_pipeline *pipeline)
{
    if (pipeline->reload != NULL) {
        wt_reload_request(pipeline->reload);
    }
}

bool wt_pipeline_reload_is_wanted(const struct wt_pipeline *pipeline)
{
    return pipeline->reload != NULL && wt_reload_is_wanted(pipeline->reload);
}

void wt_pipeline_destroy(struct wt_pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    assert(pipeline->prepare == NULL && pipeline->infer == NULL); /* joined */
    wt_watch_destroy(pipeline->watch);
    if (pipeline->abandoned) {
        wt_publish_close(pipeline->publish);
        return; /* the consume thread may still use the rest */
    }
    wt_publish_destroy(pipeline->publish);
    wt_consume_destroy(pipeline->consume);
    wt_batch_stage_destroy(pipeline->batch);
    wt_queue_destroy(pipeline->consumed);
    wt_queue_destroy(pipeline->finished);
    wt_in_flight_destroy(pipeline->in_flight);
    wt_partitions_destroy(pipeline->partitions);
    /* After everything that has records. */
    wt_reload_destroy(pipeline->reload);
    if (pipeline->labellers != NULL) {
        wt_labeller_destroy(wt_labellers_take_first(pipeline->labellers));
        wt_labeller_destroy(wt_labellers_destroy(pipeline->labellers));
    }
    wt_transactional_id_destroy(pipeline->transactional_id);
    wt_timestamps_destroy(pipeline->times);
    (void)pthread_cond_destroy(&pipeline->changed);
    wt_mutex_destroy(&pipeline->mutex);
    free(pipeline);
}
