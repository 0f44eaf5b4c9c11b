#include "cli/worker.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/model_reload.h"
#include "cli/opening.h"
#include "cli/signals.h"
#include "kafka/client.h"
#include "observe/beat.h"
#include "observe/exit_limit.h"
#include "observe/http.h"
#include "observe/live.h"
#include "observe/log.h"
#include "observe/spans.h"
#include "observe/supervisor.h"
#include "pipeline/consume/takeover.h"
#include "pipeline/promotion_wait.h"
#include "pipeline/shadow/shadow.h"
#include "wiretag/model.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- the worker ------------------------------------------------------------------------------ */

/* The longest time to log that nothing was read. */
#define LOG_MS_MAX 1000

/* How often a model that is missing is looked for. An attempt that reads the whole bundle takes long: at most
 * a tenth of the time is spent in attempts. */
#define FIND_S 2
#define FIND_PAUSES 9

struct work {
    const struct wt_cli_job *job;
    struct wt_model *model;
    struct wt_pipeline_source source;
    struct wt_http *http;
    struct wt_supervisor *supervisor;
    struct wt_cli_reload *reload; /* NULL: the model stays */
    struct wt_model *shadow_model;
    pthread_mutex_t mutex;    /* guards what follows */
    struct wt_shadow *shadow; /* NULL: there is none, or not yet */
    struct wt_pipeline *pipeline;
    bool restarting;
    bool reload_wanted; /* of the next pipeline */
    /* Why the worker is out of its group; "": it is not. */
    char lacking[WT_ERROR_MESSAGE_BYTES_MAX];
};

/* Loading a model and waiting for a broker cannot be interrupted, and there is nothing to finish:
 * exits at once. */
static _Noreturn void exit_before_reading(const struct wt_cli_job *job)
{
    bool endless = job->source.over == NULL;
    wt_exit_limit_set(LOG_MS_MAX, endless ? WT_EXIT_DONE : WT_EXIT_FAILED, "the log");
    wt_log_info(job->command, "stopped: nothing was read%s",
                endless ? "" : "; run the same command again to resume");
    wt_log_flush();
    wt_exit_now();
}

static void stop(void *opaque)
{
    struct work *work = opaque;
    wt_supervisor_stopping(work->supervisor);
    (void)pthread_mutex_lock(&work->mutex);
    if (work->pipeline == NULL || !wt_pipeline_stop(work->pipeline)) {
        exit_before_reading(work->job);
    }
    (void)pthread_mutex_unlock(&work->mutex);
}

/* During the start the request is kept: the model may have been read before its file was changed. */
static void hangup(void *opaque)
{
    struct work *work = opaque;
    (void)pthread_mutex_lock(&work->mutex);
    if (work->pipeline != NULL) {
        wt_pipeline_reload(work->pipeline);
    }
    work->reload_wanted = work->pipeline == NULL;
    (void)pthread_mutex_unlock(&work->mutex);
}

static bool ready(void *opaque, char *reason, size_t reason_bytes)
{
    struct work *work = opaque;
    bool is_ready = false;
    (void)pthread_mutex_lock(&work->mutex);
    if (work->pipeline != NULL) {
        is_ready = wt_pipeline_ready(work->pipeline, reason, reason_bytes);
    } else {
        (void)snprintf(reason, reason_bytes, "%s%s",
                       work->lacking[0] != '\0' ? "out of the group, a promoted model is missing: "
                       : work->restarting       ? "joining the group again"
                                                : "loading the model",
                       work->lacking);
    }
    (void)pthread_mutex_unlock(&work->mutex);
    return is_ready;
}

static char *shadow_json(void *opaque)
{
    struct work *work = opaque;
    (void)pthread_mutex_lock(&work->mutex);
    char *json = work->shadow != NULL ? wt_shadow_json(work->shadow) : NULL;
    (void)pthread_mutex_unlock(&work->mutex);
    return json;
}

static bool alive(void *opaque, char *reason, size_t reason_bytes)
{
    (void)opaque;
    return wt_beats_alive(reason, reason_bytes);
}

static void add_field(struct wt_buffer *json, const char *name, const char *value)
{
    wt_buffer_append_json_name(json, name);
    wt_buffer_append_json_string(json, value, strlen(value));
}

/* A replay labels what has been labelled, and ends: the shadow is the endless worker's. */
static bool has_shadow(const struct wt_cli_job *job)
{
    return job->source.over == NULL && job->config->model.shadow.path != NULL;
}

/* Tells the live page what the worker does. */
static void describe(const struct wt_config *config, bool shadow)
{
    struct wt_buffer json = {0};
    char host[256] = "";
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    (void)gethostname(host, sizeof host - 1);
    wt_buffer_append_text(&json, "{");
    add_field(&json, "host", host);
    add_field(&json, "group", group != NULL ? group->value : "");
    add_field(&json, "output", config->output.topic);
    add_field(&json, "guarantee",
              config->delivery.guarantee == WT_EXACTLY_ONCE ? "exactly-once" : "at-least-once");
    wt_buffer_append_text(&json, config->http.texts ? ",\"texts\":true" : "");
    wt_buffer_append_text(&json, shadow ? ",\"shadow\":true" : "");
    wt_buffer_append_json_name(&json, "input");
    wt_buffer_append_text(&json, "[");
    for (size_t i = 0; i < config->input.topics.count; i++) {
        const char *topic = config->input.topics.items[i];
        wt_buffer_append_json_name(&json, NULL);
        wt_buffer_append_json_string(&json, topic, strlen(topic));
    }
    wt_buffer_append_text(&json, "]}");
    char *text = wt_buffer_take(&json, NULL);
    wt_live_describe(text);
    free(text);
}

/* Starts before the model is loaded, which may take minutes, so that liveness probes are answered. A
 * worker without a metrics page still labels, so a port in use is only a warning. */
static struct wt_http *start_http(struct work *work)
{
    const struct wt_config *config = work->job->config;
    const char *command = work->job->command;
    struct wt_http *http = NULL;
    struct wt_error error;
    if (config->http.listen == NULL) {
        return NULL;
    }
    struct wt_http_callbacks callbacks = {.opaque = work,
                                          .alive = alive,
                                          .ready = ready,
                                          .page = config->http.page,
                                          .shadow = has_shadow(work->job) ? shadow_json : NULL};
    describe(config, has_shadow(work->job));
    if (wt_http_start(config->http.listen, &callbacks, &http, &error) != WT_OK) {
        wt_log_warn(command, "no metrics page: %s", error.message);
    } else {
        wt_log_info(command, "metrics and health at %s, port %u", config->http.listen,
                    wt_http_port(http));
    }
    return http;
}

static enum wt_status start_traces(const struct wt_config *config, struct wt_error *error)
{
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    return config->traces.endpoint == NULL
               ? WT_OK
               : wt_spans_start(config->traces.endpoint, group != NULL ? group->value : "", error);
}

static enum wt_status load_model(const struct wt_cli_job *job, struct wt_model **model_out,
                                 struct wt_error *error)
{
    const struct wt_config *config = job->config;
    const char *command = job->command;
    wt_log_info(command, "loading the model %s", config->model.path);
    enum wt_status status = job->loaded != NULL
                                ? wt_cli_other_model(command, config, model_out, error)
                                : wt_cli_configured_model(command, config, true, model_out, error);
    if (status == WT_OK) {
        const struct wt_model_load_seconds *took = &wt_model_info(*model_out)->load_seconds;
        wt_log_info(command,
                    "the model is loaded: reading took %.1f s, loading %.1f s, preparing %.1f s, "
                    "the self-test %.1f s",
                    took->reading, took->loading, took->preparing, took->selftest);
    }
    if (status == WT_OK && job->loaded == NULL) { /* else the pin is the reference's (compare.c) */
        wt_cli_warn_unpinned(command, config, *model_out);
    }
    return status;
}

/* The shadow outlives the pipelines, of which another may take the place of one. */
static enum wt_status start_shadow(struct work *work, struct wt_error *error)
{
    const struct wt_config *config = work->job->config;
    const char *command = work->job->command;
    struct wt_shadow *shadow = NULL;
    if (!has_shadow(work->job)) {
        return WT_OK;
    }
    wt_log_info(command, "loading the shadow model %s", config->model.shadow.path);
    enum wt_status status =
        wt_cli_configured_shadow(command, config, true, &work->shadow_model, error);
    if (status == WT_OK) {
        status = wt_shadow_create(config, work->shadow_model, &shadow, error);
    }
    if (status != WT_OK) {
        return status;
    }
    const struct wt_model_info *info = wt_model_info(work->shadow_model);
    wt_log_info(command,
                "the shadow %s %s is loaded: SHA-256 %s, on %s in %s; it labels %.3g %% of the "
                "articles on idle time and decides nothing",
                info->name, info->version, info->sha256, info->device, info->precision,
                100.0 * config->model.shadow.share);
    if (config->model.shadow.sha256 == NULL) {
        wt_log_warn(command,
                    "the shadow model is code and is not pinned; in production set "
                    "model.shadow.sha256: %s",
                    info->sha256);
    }
    (void)pthread_mutex_lock(&work->mutex);
    work->shadow = shadow;
    (void)pthread_mutex_unlock(&work->mutex);
    return wt_shadow_start(shadow, error);
}

static enum wt_status create_pipeline(struct work *work, struct wt_error *error)
{
    struct wt_pipeline_source source = work->source;
    source.ends_process = true;
    source.shadow = work->shadow;
    struct wt_model *model = work->model;
    if (work->reload != NULL) {
        source.reload = wt_cli_reload_ports(work->reload);
        model = wt_cli_reload_current(work->reload, &source.reload.config);
    }
    struct wt_pipeline *pipeline = NULL;
    enum wt_status status = wt_pipeline_create(work->job->config, model, &source, &pipeline, error);
    (void)pthread_mutex_lock(&work->mutex);
    work->pipeline = pipeline;
    if (pipeline != NULL && work->reload_wanted) {
        wt_pipeline_reload(pipeline);
        work->reload_wanted = false;
    }
    (void)pthread_mutex_unlock(&work->mutex);
    return status;
}

/* Ends the pipeline, so that another can take its place. */
static void close_pipeline(struct work *work)
{
    (void)pthread_mutex_lock(&work->mutex);
    struct wt_pipeline *pipeline = work->pipeline;
    work->pipeline = NULL;
    work->restarting = true;
    work->reload_wanted = wt_pipeline_reload_is_wanted(pipeline);
    (void)pthread_mutex_unlock(&work->mutex);
    wt_pipeline_destroy(pipeline);
    wt_exit_limit_lift();
}

static bool reload_is_wanted(struct work *work)
{
    (void)pthread_mutex_lock(&work->mutex);
    bool wanted = work->reload_wanted;
    (void)pthread_mutex_unlock(&work->mutex);
    return wanted;
}

/* Looks for the model that is missing, if it is time. */
static bool find_model(struct work *work, int64_t *find_us)
{
    struct wt_error error;
    int64_t began_us = wt_clock_us();
    if (began_us < *find_us) {
        return false;
    }
    bool found = wt_cli_reload_find(work->reload, &error);
    int64_t now_us = wt_clock_us();
    *find_us = now_us + (now_us - began_us) * FIND_PAUSES;
    (void)pthread_mutex_lock(&work->mutex);
    (void)snprintf(work->lacking, sizeof work->lacking, "%s", found ? "" : error.message);
    (void)pthread_mutex_unlock(&work->mutex);
    return found;
}

/* Waits out of the group, so that others have the partitions, until the model can be loaded, the group has
 * gone over to another one, or SIGHUP tells of one. False: a signal came that stops the worker. */
static bool await_model(struct work *work)
{
    const struct timespec pause = {.tv_sec = FIND_S};
    const char *command = work->job->command;
    bool over = work->reload == NULL;
    int64_t find_us = 0;
    struct wt_promotion_wait *wait =
        over ? NULL
             : wt_promotion_wait_create(work->job->config, wt_cli_reload_lacking(work->reload));
    while (!over && !wt_signals_came()) {
        over = find_model(work, &find_us);
        if (!over && reload_is_wanted(work)) {
            wt_log_info(command, "SIGHUP: joining the group again, to look for another model");
            over = true;
        } else if (!over && wt_promotion_wait_is_over(wait)) {
            wt_log_info(command, "the group has gone over to another model; joining it again");
            over = true;
        }
        if (!over) {
            (void)nanosleep(&pause, NULL);
        }
    }
    wt_promotion_wait_destroy(wait);
    (void)pthread_mutex_lock(&work->mutex);
    work->lacking[0] = '\0';
    (void)pthread_mutex_unlock(&work->mutex);
    return over;
}

static enum wt_status run_pipeline(struct work *work, struct wt_error *error)
{
    for (;;) {
        enum wt_status status = create_pipeline(work, error);
        if (status == WT_OK) {
            status = wt_pipeline_run(work->pipeline, error);
        }
        if (status == WT_OK || work->pipeline == NULL ||
            !wt_pipeline_can_restart(work->pipeline, error)) {
            return status;
        }
        if (wt_signals_came()) {
            return WT_OK; /* it has stopped: no other is started */
        }
        bool lacks = strcmp(error->code, WT_CONSUMER_LACKS_MODEL) == 0;
        if (lacks) {
            wt_log_warn(work->job->command, "%s; it joins the group again when it has the model",
                        error->message);
        } else {
            wt_log_warn(work->job->command, "%s; joining it again", error->message);
        }
        close_pipeline(work);
        if (lacks && !await_model(work)) {
            return WT_OK;
        }
    }
}

static enum wt_status run(struct work *work, struct wt_error *error)
{
    const struct wt_cli_job *job = work->job;
    bool reloads = job->given != NULL && job->config->model.reload != WT_RELOAD_OFF;
    if (job->source.over == NULL) { /* a replay stops: its terminal is gone */
        wt_signals_stay_on_hangup(reloads ? hangup : NULL, "model.reload is off");
    }
    if (job->given != NULL) { /* promotions do not ask model.reload */
        work->reload = wt_cli_reload_create(job->command, job->config, job->given);
    }
    struct wt_http_callbacks probes = {.opaque = work, .alive = alive, .ready = ready};
    work->supervisor = wt_supervisor_start(&probes);
    enum wt_status status = wt_signals_start(job->command, stop, work, error);
    wt_cli_log_opening(job->command, job->config);
    if (status == WT_OK) {
        status = wt_client_version_check(error);
    }
    if (status == WT_OK) {
        work->http = start_http(work);
        status = start_traces(job->config, error);
    }
    if (status == WT_OK) {
        status = load_model(job, &work->model, error);
    }
    if (status == WT_OK && work->reload != NULL) {
        wt_cli_reload_adopt(work->reload, work->model);
    }
    work->source = job->source;
    if (status == WT_OK && job->loaded != NULL) {
        status = job->loaded(job->opaque, work->model, &work->source, error);
    }
    if (status == WT_OK) {
        status = start_shadow(work, error);
    }
    if (status == WT_OK) {
        status = run_pipeline(work, error);
        wt_shadow_stop(work->shadow);
    }
    return status;
}

/* After a signal the exit limit stays, so output that nobody reads cannot block the end. */
static int finish(const struct wt_cli_job *job, enum wt_status status, const struct wt_error *error)
{
    wt_signals_end();
    if (!wt_signals_came()) {
        wt_exit_limit_lift();
    }
    int exit_status = job->finish(job->opaque, status, error);
    wt_log_flush();
    return exit_status;
}

int wt_cli_work(const struct wt_cli_job *job)
{
    struct work work = {.job = job, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct wt_error error;
    wt_signals_block();
    (void)signal(SIGPIPE, SIG_IGN);
    enum wt_status status = run(&work, &error);
    int exit_status = finish(job, status, &error);
    wt_supervisor_destroy(work.supervisor);
    wt_exit_limit_end(exit_status, "sending the last spans");
    wt_spans_stop();
    wt_exit_limit_end(exit_status, "closing the metrics page");
    wt_http_destroy(work.http);
    wt_exit_limit_end(exit_status, "closing the Kafka clients");
    wt_pipeline_destroy(work.pipeline);
    wt_exit_limit_end(exit_status, "the last article of the shadow model");
    wt_shadow_destroy(work.shadow);
    wt_model_destroy(work.shadow_model);
    wt_exit_limit_end(exit_status, "freeing the model");
    if (work.reload != NULL) {
        wt_cli_reload_destroy(work.reload);
    } else {
        wt_model_destroy(work.model);
    }
    wt_log_flush();
    return exit_status;
}
