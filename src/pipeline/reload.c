#include "pipeline/reload.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/owner.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/auto_limits.h"
#include "pipeline/batch_stage.h"
#include "record/label_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How often it is asked whether something has changed. */
#define WATCH_US 1000000

struct wt_reload {
    struct wt_owner owner; /* the thread */
    struct wt_reload_ports ports;
    struct wt_labellers *labellers;
    struct wt_batch_stage *batch;
    struct wt_labeller *current;
    struct wt_labeller *replaced; /* records still hold it; NULL: none */
    pthread_t thread;
    bool started;

    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t changed;
    bool requested;
    bool stopping;
    bool failed; /* the last one */
    struct wt_error error;
};

struct wt_reload *wt_reload_create(const struct wt_reload_ports *ports,
                                   struct wt_labellers *labellers, struct wt_labeller *first,
                                   struct wt_batch_stage *batch)
{
    assert(ports->load != NULL && ports->unload != NULL);
    struct wt_reload *reload = wt_alloc_zeroed(1, sizeof *reload);
    reload->ports = *ports;
    reload->labellers = labellers;
    reload->batch = batch;
    reload->current = first;
    wt_mutex_init(&reload->mutex);
    wt_clock_init_condition(&reload->changed);
    return reload;
}

void wt_reload_destroy(struct wt_reload *reload)
{
    if (reload == NULL) {
        return;
    }
    wt_labeller_destroy(reload->replaced);
    (void)pthread_cond_destroy(&reload->changed);
    wt_mutex_destroy(&reload->mutex);
    free(reload);
}

static bool is_stopping(struct wt_reload *reload)
{
    wt_mutex_lock(&reload->mutex);
    bool stopping = reload->stopping;
    wt_mutex_unlock(&reload->mutex);
    return stopping;
}

/* --- one reload ------------------------------------------------------------------------------ */

static void note(struct wt_reload *reload, enum wt_metric result, const struct wt_error *failure)
{
    wt_metric_add(result, 1);
    wt_metric_set(WT_METRIC_RELOAD_FAILED, failure != NULL);
    wt_mutex_lock(&reload->mutex);
    reload->failed = failure != NULL;
    if (failure != NULL) {
        reload->error = *failure;
    }
    wt_mutex_unlock(&reload->mutex);
}

static void refuse(struct wt_reload *reload, const struct wt_error *error)
{
    const struct wt_model_info *now = reload->current->info;
    note(reload, WT_METRIC_RELOADS_FAILED, error);
    wt_log_error("reload", "the reload failed, model %s %s stays: %s", now->name, now->version,
                 error->message);
}

/* Waits for the end of the records that the replaced labeller still has, and frees it. */
static void free_replaced(struct wt_reload *reload)
{
    wt_owner_assert(&reload->owner);
    int64_t since_us = wt_clock_us();
    if (!wt_labellers_await_retired(reload->labellers)) {
        return; /* wt_reload_destroy frees it */
    }
    struct wt_labeller *replaced = reload->replaced;
    wt_log_info("reload", "model %s %s is not used any more, its last record ended after %.1f s",
                replaced->info->name, replaced->info->version,
                (double)(wt_clock_us() - since_us) * 1e-6);
    struct wt_served_model served = wt_labeller_served(replaced);
    reload->replaced = NULL;
    wt_batch_stage_shut(reload->batch, replaced);
    wt_labeller_destroy(replaced);
    reload->ports.unload(reload->ports.opaque, &served);
    wt_metric_add(WT_METRIC_MODELS, -1);
}

static void take(struct wt_reload *reload, struct wt_labeller *next)
{
    wt_owner_assert(&reload->owner);
    const struct wt_model_info *info = next->info;
    const struct wt_model_info *was = reload->current->info;
    const struct wt_model_load_seconds *took = &info->load_seconds;
    struct wt_batcher_limits limits = wt_auto_batch_limits(next->config, info);
    wt_batch_stage_open(reload->batch, next, &limits);
    wt_label_cache_close(reload->current->cache);
    wt_labeller_show(next, reload->current);
    wt_log_info(
        "reload",
        "model %s %s replaces %s %s: SHA-256 %s, on %s in %s (%s; %s); reading took %.1f s, "
        "loading %.1f s, preparing %.1f s, the self-test %.1f s",
        info->name, info->version, was->name, was->version, info->sha256, info->device,
        info->precision, info->precision_why, info->operators, took->reading, took->loading,
        took->preparing, took->selftest);
    reload->current = next;
    wt_metric_add(WT_METRIC_MODELS, 1);
    reload->replaced = wt_labellers_replace(reload->labellers, next);
    note(reload, WT_METRIC_RELOADS_OK, NULL);
    free_replaced(reload);
}

static void reload_once(struct wt_reload *reload)
{
    wt_owner_assert(&reload->owner);
    assert(reload->replaced == NULL);
    struct wt_error error;
    struct wt_served_model now = wt_labeller_served(reload->current);
    struct wt_served_model next = {0};
    struct wt_labeller *labeller = NULL;
    enum wt_status status = reload->ports.load(reload->ports.opaque, &now, &next, &error);
    if (status == WT_OK && next.model == NULL) {
        note(reload, WT_METRIC_RELOADS_UNCHANGED, NULL);
        return;
    }
    if (status == WT_OK) {
        status = wt_labeller_create(&next, reload->current->number + 1, &labeller, &error);
    }
    if (status == WT_OK && !is_stopping(reload)) {
        take(reload, labeller);
        return;
    }
    if (status != WT_OK) {
        refuse(reload, &error);
    } else {
        wt_reload_request(reload); /* stopped: for wt_reload_is_wanted */
    }
    wt_labeller_destroy(labeller);
    if (next.model != NULL) {
        reload->ports.unload(reload->ports.opaque, &next);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Waits for a request, or until it is time to look for changes. False: stop. */
static bool await(struct wt_reload *reload, bool *requested_out)
{
    wt_owner_assert(&reload->owner);
    struct timespec until = wt_clock_timespec(wt_clock_us() + WATCH_US);
    bool watches = reload->ports.changed != NULL;
    int code = 0;
    wt_mutex_lock(&reload->mutex);
    while (!reload->stopping && !reload->requested && code == 0) {
        code = wt_mutex_wait(&reload->mutex, &reload->changed, watches ? &until : NULL);
    }
    bool stopping = reload->stopping;
    *requested_out = reload->requested;
    reload->requested = reload->requested && stopping;
    wt_mutex_unlock(&reload->mutex);
    return !stopping;
}

static void *run(void *opaque)
{
    struct wt_reload *reload = opaque;
    bool requested;
    while (await(reload, &requested)) {
        if (requested || reload->ports.changed(reload->ports.opaque)) {
            reload_once(reload);
        }
    }
    return NULL;
}

enum wt_status wt_reload_start(struct wt_reload *reload, struct wt_error *error)
{
    assert(!reload->started);
    reload->started = pthread_create(&reload->thread, NULL, run, reload) == 0;
    return reload->started ? WT_OK
                           : wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                                          "the reload thread cannot be started");
}

void wt_reload_stop(struct wt_reload *reload)
{
    if (reload == NULL) {
        return;
    }
    wt_mutex_lock(&reload->mutex);
    reload->stopping = true;
    (void)pthread_cond_broadcast(&reload->changed);
    wt_mutex_unlock(&reload->mutex);
    wt_labellers_stop(reload->labellers);
}

void wt_reload_join(struct wt_reload *reload)
{
    if (reload != NULL && reload->started) {
        (void)pthread_join(reload->thread, NULL);
        reload->started = false;
    }
}

void wt_reload_request(struct wt_reload *reload)
{
    wt_mutex_lock(&reload->mutex);
    reload->requested = true;
    (void)pthread_cond_broadcast(&reload->changed);
    wt_mutex_unlock(&reload->mutex);
}

bool wt_reload_is_wanted(struct wt_reload *reload)
{
    wt_mutex_lock(&reload->mutex);
    bool wanted = reload->requested;
    wt_mutex_unlock(&reload->mutex);
    return wanted;
}

void wt_reload_describe(struct wt_reload *reload, char *text, size_t text_bytes)
{
    wt_mutex_lock(&reload->mutex);
    (void)snprintf(text, text_bytes, "%s%s", reload->failed ? "the last reload failed: " : "",
                   reload->failed ? reload->error.message : "");
    wt_mutex_unlock(&reload->mutex);
}
