#include "pipeline/reload.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/owner.h"
#include "base/priority.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/auto_limits.h"
#include "pipeline/batch_stage.h"
#include "pipeline/promotion_watch.h"
#include "record/label_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often it is asked whether something has changed. */
#define WATCH_US 1000000

/* A model that could not be loaded is tried again after this time, and after this many times the time that
 * the attempt took: some fail only when the whole bundle is read. */
#define RETRY_US 10000000
#define RETRY_PAUSES 9

struct wt_reload {
    struct wt_owner owner; /* the thread */
    struct wt_reload_ports ports;
    struct wt_labellers *labellers;
    struct wt_batch_stage *batch;
    struct wt_promotions *promotions; /* NULL: there are none, */
    struct wt_promotion_watch *watch; /* and NULL too */
    struct wt_labeller *current;
    struct wt_labeller *beside;   /* loaded for a promotion; NULL: none */
    struct wt_labeller *replaced; /* records still hold it; NULL: none */
    uint64_t number_last;         /* of a labeller */
    int64_t retry_us;             /* a model that could not be loaded is not tried again before */
    pthread_t thread;
    bool started;

    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t changed;
    bool requested;
    bool stopping;
    bool failed; /* the last one */
    struct wt_error error;
    bool lacking; /* a promotion's model cannot be loaded */
    struct wt_error lacking_error;
};

struct wt_reload *wt_reload_create(const struct wt_reload_ports *ports,
                                   struct wt_labellers *labellers, struct wt_labeller *first,
                                   struct wt_batch_stage *batch,
                                   const struct wt_reload_group *group)
{
    assert(ports->load != NULL && ports->unload != NULL);
    struct wt_reload *reload = wt_alloc_zeroed(1, sizeof *reload);
    reload->ports = *ports;
    reload->labellers = labellers;
    reload->batch = batch;
    reload->current = first;
    reload->number_last = first->number;
    if (group != NULL && ports->own != NULL) {
        assert(ports->load_named != NULL);
        reload->promotions = wt_promotions_create();
        wt_metric_set(WT_METRIC_PROMOTION_FAILED, 0);
        reload->watch =
            wt_promotion_watch_create(group->config, group->partitions, reload->promotions);
        struct wt_model_name own = ports->own(ports->opaque);
        wt_labellers_name_own(labellers, &own);
    }
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
    wt_promotion_watch_destroy(reload->watch);
    wt_promotions_destroy(reload->promotions);
    (void)pthread_cond_destroy(&reload->changed);
    wt_mutex_destroy(&reload->mutex);
    free(reload);
}

struct wt_promotions *wt_reload_promotions(struct wt_reload *reload)
{
    return reload != NULL ? reload->promotions : NULL;
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
    struct wt_model_name own = {0};
    if (reload->watch != NULL) {
        own = reload->ports.own(reload->ports.opaque);
    }
    reload->replaced =
        wt_labellers_replace(reload->labellers, next, reload->watch != NULL ? &own : NULL);
    note(reload, WT_METRIC_RELOADS_OK, NULL);
    free_replaced(reload);
}

/* True: the configuration names what it named before, and a promotion has replaced that. */
static bool is_overruled(struct wt_reload *reload, const struct wt_served_model *next)
{
    struct wt_model_name own = wt_labellers_own(reload->labellers);
    const char *sha256 = wt_model_info(next->model)->sha256;
    bool overruled = reload->watch != NULL && strcmp(own.sha256, sha256) == 0 &&
                     strcmp(reload->current->info->sha256, sha256) != 0;
    if (overruled) {
        wt_log_info("reload",
                    "nothing to reload: the configuration names the model that a promotion has "
                    "replaced, SHA-256 %s; set model.path to the promoted one, SHA-256 %s",
                    sha256, reload->current->info->sha256);
    }
    return overruled;
}

/* The configuration names the model that runs, perhaps since now. */
static void note_unchanged(struct wt_reload *reload)
{
    if (reload->watch != NULL) {
        struct wt_model_name own = reload->ports.own(reload->ports.opaque);
        wt_labellers_name_own(reload->labellers, &own);
    }
    note(reload, WT_METRIC_RELOADS_UNCHANGED, NULL);
}

static void reload_once(struct wt_reload *reload)
{
    wt_owner_assert(&reload->owner);
    assert(reload->replaced == NULL);
    struct wt_error error;
    if (reload->beside != NULL) {
        (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                           "a promotion is under way: wait for its end, or call it off with "
                           "wiretag promote --abort");
        refuse(reload, &error);
        return;
    }
    struct wt_served_model now = wt_labeller_served(reload->current);
    struct wt_served_model next = {0};
    struct wt_labeller *labeller = NULL;
    enum wt_status status = reload->ports.load(reload->ports.opaque, &now, &next, &error);
    if (status == WT_OK && next.model == NULL) {
        note_unchanged(reload);
        return;
    }
    if (status == WT_OK && is_overruled(reload, &next)) {
        reload->ports.unload(reload->ports.opaque, &next);
        note(reload, WT_METRIC_RELOADS_UNCHANGED, NULL);
        return;
    }
    if (status == WT_OK) {
        status = wt_labeller_create(&next, ++reload->number_last, &labeller, &error);
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

/* --- promotions ------------------------------------------------------------------------------ */

static void note_lacking(struct wt_reload *reload, const struct wt_model_name *name,
                         const struct wt_error *failure)
{
    wt_promotions_note_lacking(reload->promotions, failure != NULL ? name->sha256 : NULL);
    wt_metric_set(WT_METRIC_PROMOTION_FAILED, failure != NULL);
    wt_mutex_lock(&reload->mutex);
    bool told = reload->lacking && failure != NULL &&
                strcmp(reload->lacking_error.message, failure->message) == 0;
    reload->lacking = failure != NULL;
    if (failure != NULL) {
        reload->lacking_error = *failure;
    }
    wt_mutex_unlock(&reload->mutex);
    if (failure != NULL && !told) {
        wt_log_error("promotion",
                     "the model of SHA-256 %s, which a promotion needs, cannot be loaded: %s; "
                     "trying again. Once another worker has it, this one gives its partitions up "
                     "where that model takes over",
                     name->sha256, failure->message);
    }
}

static void open_beside(struct wt_reload *reload, struct wt_labeller *next)
{
    const struct wt_model_info *info = next->info;
    struct wt_batcher_limits limits = wt_auto_batch_limits(next->config, info);
    wt_batch_stage_open(reload->batch, next, &limits);
    wt_labeller_show(next, NULL);
    wt_metric_add(WT_METRIC_MODELS, 1);
    reload->beside = next;
    wt_labellers_add(reload->labellers, next);
    wt_log_info("promotion", "model %s %s is loaded beside %s %s: SHA-256 %s, on %s in %s",
                info->name, info->version, reload->current->info->name,
                reload->current->info->version, info->sha256, info->device, info->precision);
}

static void load_beside(struct wt_reload *reload, const struct wt_model_name *name)
{
    struct wt_error error;
    struct wt_served_model next = {0};
    struct wt_labeller *labeller = NULL;
    int64_t began_us = wt_clock_us();
    enum wt_status status = reload->ports.load_named(reload->ports.opaque, name, &next, &error);
    if (status == WT_OK) {
        status = wt_labeller_create(&next, ++reload->number_last, &labeller, &error);
    }
    if (status == WT_OK && !is_stopping(reload)) {
        open_beside(reload, labeller);
        note_lacking(reload, name, NULL);
        return;
    }
    if (status != WT_OK) {
        note_lacking(reload, name, &error);
        int64_t now_us = wt_clock_us();
        reload->retry_us = now_us + RETRY_US + (now_us - began_us) * RETRY_PAUSES;
    }
    wt_labeller_destroy(labeller);
    if (next.model != NULL) {
        reload->ports.unload(reload->ports.opaque, &next);
    }
}

/* Frees the model that no partition wants any more. */
static void drop_unwanted(struct wt_reload *reload)
{
    struct wt_promotion announced;
    bool any = wt_promotions_announced(reload->promotions, &announced) && !announced.ended;
    reload->replaced = wt_labellers_drop(reload->labellers, any ? announced.model.sha256 : NULL);
    if (reload->replaced == NULL) {
        return;
    }
    reload->current = wt_labellers_last(reload->labellers);
    reload->beside = NULL;
    wt_labeller_hide(reload->replaced);
    wt_label_cache_close(reload->replaced->cache);
    wt_log_info("promotion", "model %s %s goes on alone: no partition needs %s %s any more",
                reload->current->info->name, reload->current->info->version,
                reload->replaced->info->name, reload->replaced->info->version);
    free_replaced(reload);
}

static void follow_promotions(struct wt_reload *reload)
{
    wt_owner_assert(&reload->owner);
    struct wt_model_name name;
    uint32_t at = 0;
    wt_promotion_watch_step(reload->watch);
    drop_unwanted(reload);
    bool missing = wt_labellers_missing(reload->labellers, &at, &name);
    if (!missing && reload->lacking) {
        note_lacking(reload, NULL, NULL); /* the promotion was called off */
    }
    if (missing && reload->beside == NULL && reload->replaced == NULL &&
        wt_clock_us() >= reload->retry_us) {
        load_beside(reload, &name);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Waits for a request, or until it is time to look for changes. False: stop. */
static bool await(struct wt_reload *reload, bool *requested_out)
{
    wt_owner_assert(&reload->owner);
    struct timespec until = wt_clock_timespec(wt_clock_us() + WATCH_US);
    bool watches = reload->ports.changed != NULL || reload->watch != NULL;
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

/* A changed file waits for the end of a promotion that is under way, which refuses reloads. */
static bool has_changed(struct wt_reload *reload)
{
    return reload->ports.changed != NULL && reload->beside == NULL &&
           reload->ports.changed(reload->ports.opaque);
}

static void *run(void *opaque)
{
    struct wt_reload *reload = opaque;
    bool requested;
    (void)pthread_setname_np(pthread_self(), "reload");
    wt_priority_low();
    while (await(reload, &requested)) {
        if (requested || has_changed(reload)) {
            reload_once(reload);
        }
        if (reload->watch != NULL && reload->replaced == NULL) {
            follow_promotions(reload);
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
    const struct wt_error *error = reload->lacking  ? &reload->lacking_error
                                   : reload->failed ? &reload->error
                                                    : NULL;
    (void)snprintf(text, text_bytes, "%s%s",
                   reload->lacking  ? "a promoted model cannot be loaded: "
                   : reload->failed ? "the last reload failed: "
                                    : "",
                   error != NULL ? error->message : "");
    wt_mutex_unlock(&reload->mutex);
}
