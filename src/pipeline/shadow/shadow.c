#include "pipeline/shadow/shadow.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/priority.h"
#include "model/pause.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/shadow/shadow_choice.h"
#include "pipeline/shadow/shadow_comparison.h"
#include "pipeline/shadow/shadow_label.h"
#include "pipeline/shadow/shadow_queue.h"
#include "pipeline/shadow/shadow_topic.h"
#include "record/labellers.h"
#include "record/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* How often the shadow asks whether it may go on, while the live path works. */
#define PAUSE_US 1000

/* Articles that are read, published or committed may wait for brokers most of the time, and where those are
 * slow always some are. So the shadow waits for them this long, then goes on as long, and so on. Time in
 * which the model is busy is no part of a turn. */
#define TURN_US 50000

/* Pauses before a shadow that fails on everything is tried again, in slices that a stop ends. */
#define SICK_US 10000000
#define SLICE_US 50000

#define HOUR_US (INT64_C(3600) * 1000000)

/* No article takes this long, but for pauses. */
#define HANGS_US (INT64_C(300) * 1000000)

/* How long labels that are on their way to their topic may take at the end. */
#define FLUSH_MS 2000

struct wt_shadow {
    const struct wt_config *config;
    struct wt_model *model;
    struct wt_shadow_labeller *labeller;
    struct wt_shadow_comparison *comparison;
    struct wt_shadow_queue *queue;
    struct wt_shadow_topic *topic; /* NULL: labels are only compared */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    /* When the article at hand began, later by its pauses; 0: there is none. */
    atomic_llong began_us;

    struct wt_shadow_live *live; /* thread: publish; live_of */

    /* Thread: the shadow's. */
    /* For how long articles have been under way outside of the model without a break. */
    int64_t outside_us;
    int64_t looked_us; /* when they were seen there; 0: none were */

    /* Thread: main. */
    int64_t say_us;   /* when the next sentence is due */
    int64_t hangs_us; /* began_us of the article about which a warning was logged */
};

/* --- offers ---------------------------------------------------------------------------------- */

static struct wt_shadow_live *describe_live(const struct wt_labeller *labeller)
{
    const struct wt_model_info *info = labeller->info;
    struct wt_shadow_live *live = wt_alloc_zeroed(1, sizeof *live);
    atomic_init(&live->holders, 1);
    live->number = labeller->number;
    live->model = labeller->model;
    live->name = wt_strdup(info->name);
    live->version = wt_strdup(info->version);
    live->sha256 = wt_strdup(info->sha256);
    live->several = info->task == WT_MULTI_LABEL;
    live->label_count = info->label_count;
    live->labels = wt_alloc_zeroed(info->label_count, sizeof(char *));
    for (uint32_t i = 0; i < info->label_count; i++) {
        live->labels[i] = wt_strdup(info->labels[i]);
    }
    return live;
}

void wt_shadow_attach(struct wt_shadow *shadow, const struct wt_labeller *first)
{
    if (shadow == NULL) {
        return;
    }
    struct wt_shadow_live *live = shadow->live;
    if (live != NULL && live->model == first->model &&
        strcmp(live->sha256, first->info->sha256) == 0) {
        live->number = first->number; /* it goes on */
        return;
    }
    wt_shadow_live_release(live);
    shadow->live = describe_live(first);
}

/* What decides now. While a group goes over to another model two decide, and it is the one that was loaded
 * last; but that may be the one that is left. NULL: the record is of another. */
static struct wt_shadow_live *live_of(struct wt_shadow *shadow, const struct wt_labeller *labeller)
{
    assert(shadow->live != NULL);
    uint64_t number = shadow->live->number;
    bool is_left = labeller->number < number && labeller->all != NULL &&
                   !wt_labellers_have(labeller->all, shadow->live->sha256);
    if (labeller->number > number || is_left) {
        wt_shadow_live_release(shadow->live);
        shadow->live = describe_live(labeller);
    }
    return labeller->number == shadow->live->number ? shadow->live : NULL;
}

/* A copy of what the article was read from, with an origin of its own: the partition may be gone before the
 * shadow is done. */
static struct wt_record *copy_of(const struct wt_record *record, const struct wt_origin *origin)
{
    struct wt_record *copy =
        wt_record_create(record->key, record->key_bytes, record->value, record->value_bytes,
                         record->headers, record->header_count);
    copy->offset = record->offset;
    copy->timestamp_ms = record->timestamp_ms;
    copy->origin_topic = wt_strdup(origin->topic);
    copy->origin = (struct wt_origin){
        .topic = copy->origin_topic, .partition = origin->partition, .offset = origin->offset};
    return copy;
}

static void put(struct wt_shadow *shadow, const struct wt_record *record,
                const struct wt_origin *origin, struct wt_shadow_live *live)
{
    struct wt_shadow_item item = {.record = copy_of(record, origin),
                                  .live = wt_shadow_live_hold(live),
                                  .category = record->category};
    if (live->several) {
        item.label_count = record->reached_count;
        item.labels = wt_alloc((item.label_count + (size_t)1) * sizeof *item.labels);
        memcpy(item.labels, record->labels, item.label_count * sizeof *item.labels);
    }
    wt_shadow_queue_put(shadow->queue, &item);
    wt_metric_set(WT_METRIC_SHADOW_WAITING, wt_shadow_queue_count(shadow->queue));
}

void wt_shadow_offer(struct wt_shadow *shadow, const struct wt_record *record)
{
    if (shadow == NULL || record->outcome != WT_OUTCOME_LABELLED) {
        return;
    }
    struct wt_origin origin = wt_record_origin(record);
    if (!wt_shadow_chooses(shadow->config->model.shadow.share, &origin)) {
        return;
    }
    struct wt_shadow_live *live = live_of(shadow, record->labeller);
    if (live == NULL || !wt_shadow_queue_has_room(shadow->queue, record->bytes)) {
        wt_metric_add(WT_METRIC_SHADOW_DROPPED, 1);
        return;
    }
    put(shadow, record, &origin, live);
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool is_stopping(struct wt_shadow *shadow)
{
    return atomic_load_explicit(&shadow->stopping, memory_order_relaxed);
}

static void sleep_us(int64_t us)
{
    const struct timespec wait = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&wait, NULL);
}

static bool model_is_busy(void)
{
    return wt_metric_get(WT_METRIC_WAITING_RECORDS) > 0 ||
           wt_metric_get(WT_METRIC_BATCHES_RUNNING) > 0;
}

/* Articles of the live path are under way, and do not merely wait for the interval of their commit. */
static bool others_are_under_way(void)
{
    return wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS) > wt_metric_get(WT_METRIC_LINGERING_RECORDS);
}

static bool live_goes_first(struct wt_shadow *shadow)
{
    int64_t now_us = wt_clock_us();
    bool in_model = model_is_busy();
    bool outside = !in_model && others_are_under_way();
    if (outside && shadow->looked_us != 0) {
        shadow->outside_us += now_us - shadow->looked_us;
    }
    shadow->looked_us = outside ? now_us : 0;
    if (!in_model && !outside) {
        shadow->outside_us = 0;
    }
    return in_model || (outside && shadow->outside_us / TURN_US % 2 == 0);
}

/* Returns when the live path does not need the processor. */
static void give_way(void *opaque)
{
    struct wt_shadow *shadow = opaque;
    if (!live_goes_first(shadow)) {
        return;
    }
    int64_t since_us = wt_clock_us();
    while (live_goes_first(shadow) && !is_stopping(shadow)) {
        sleep_us(PAUSE_US);
    }
    if (atomic_load_explicit(&shadow->began_us, memory_order_relaxed) > 0) {
        (void)atomic_fetch_add_explicit(&shadow->began_us, wt_clock_us() - since_us,
                                        memory_order_relaxed);
    }
}

static void log_failure(const struct wt_record *record, const struct wt_error *error)
{
    const struct wt_log_record about = {.topic = record->origin.topic,
                                        .partition = record->origin.partition,
                                        .offset = record->origin.offset};
    wt_log_about(WT_LOG_WARN, "shadow", &about, "the shadow cannot label it (%s): %s", error->code,
                 error->message);
}

/* A shadow that fails on its own probe, too, is left alone for a while; articles are dropped meanwhile. */
static void wait_while_sick(struct wt_shadow *shadow)
{
    struct wt_error error;
    bool was_sick = false;
    while (!is_stopping(shadow) && wt_model_probe(shadow->model, &error) != WT_OK) {
        if (!was_sick) {
            wt_log_error("shadow",
                         "the shadow fails on everything, even its own probe: %s. It is tried "
                         "again every %d s; the worker goes on without it",
                         error.message, SICK_US / 1000000);
        }
        was_sick = true;
        atomic_store_explicit(&shadow->began_us, 0, memory_order_relaxed);
        for (int64_t waited = 0; waited < SICK_US && !is_stopping(shadow); waited += SLICE_US) {
            sleep_us(SLICE_US);
        }
    }
    if (was_sick && !is_stopping(shadow)) {
        wt_log_info("shadow", "the shadow works again");
    }
}

static void label(struct wt_shadow *shadow, struct wt_shadow_item *item)
{
    struct wt_error error;
    struct wt_record *record = item->record;
    atomic_store_explicit(&shadow->began_us, wt_clock_us(), memory_order_relaxed);
    enum wt_status status = wt_shadow_label(shadow->labeller, record, &error);
    if (status == WT_OK) {
        wt_shadow_comparison_count(shadow->comparison, item, record);
        if (shadow->topic != NULL) {
            wt_shadow_topic_send(shadow->topic, record);
        }
    } else {
        wt_shadow_comparison_fail(shadow->comparison, item);
        log_failure(record, &error);
        wait_while_sick(shadow);
    }
    atomic_store_explicit(&shadow->began_us, 0, memory_order_relaxed);
}

static void *run(void *opaque)
{
    struct wt_shadow *shadow = opaque;
    (void)pthread_setname_np(pthread_self(), "shadow");
    wt_priority_idle();
    wt_model_thread_init(shadow->model);
    wt_pause_set(give_way, shadow);
    while (!is_stopping(shadow)) {
        struct wt_shadow_item item;
        bool taken = wt_shadow_queue_take(shadow->queue, &item);
        if (taken) {
            wt_metric_set(WT_METRIC_SHADOW_WAITING, wt_shadow_queue_count(shadow->queue));
            give_way(shadow);
            if (!is_stopping(shadow)) {
                label(shadow, &item);
            }
            wt_shadow_item_clear(&item);
        }
        if (shadow->topic != NULL) {
            wt_shadow_topic_serve(shadow->topic);
        }
    }
    return NULL;
}

/* --- watching -------------------------------------------------------------------------------- */

static void say(struct wt_shadow *shadow)
{
    char *said = wt_shadow_comparison_say(shadow->comparison);
    if (said != NULL) {
        wt_log_info("shadow", "shadow %s", said);
    }
    free(said);
}

void wt_shadow_tick(struct wt_shadow *shadow)
{
    if (shadow == NULL) {
        return;
    }
    int64_t now_us = wt_clock_us();
    if (now_us >= shadow->say_us) {
        shadow->say_us = now_us + HOUR_US;
        say(shadow);
    }
    int64_t began_us = atomic_load_explicit(&shadow->began_us, memory_order_relaxed);
    if (began_us > 0 && now_us - began_us > HANGS_US && !model_is_busy() &&
        began_us != shadow->hangs_us) {
        shadow->hangs_us = began_us;
        wt_log_warn("shadow",
                    "the shadow has been busy with one article for %" PRId64 " s; it may hang. "
                    "Its articles are dropped; the worker goes on without it",
                    (now_us - began_us) / 1000000);
    }
}

char *wt_shadow_json(struct wt_shadow *shadow)
{
    return wt_shadow_comparison_json(shadow->comparison);
}

/* --- life ------------------------------------------------------------------------------------ */

static void wake(void *opaque)
{
    struct wt_shadow *shadow = opaque;
    wt_shadow_queue_wake(shadow->queue);
}

static void show(const struct wt_model_info *info)
{
    const char *const labels[] = {info->name,   info->version,   info->sha256,
                                  info->device, info->precision, info->kernels};
    wt_series_set(wt_series_get(WT_FAMILY_SHADOW_INFO, labels), 1);
}

enum wt_status wt_shadow_create(const struct wt_config *config, struct wt_model *model,
                                struct wt_shadow **shadow_out, struct wt_error *error)
{
    assert(config->model.shadow.path != NULL);
    struct wt_shadow *shadow = wt_alloc_zeroed(1, sizeof *shadow);
    shadow->config = config;
    shadow->model = model;
    shadow->queue = wt_shadow_queue_create();
    shadow->comparison =
        wt_shadow_comparison_create(wt_model_info(model), config->model.shadow.share);
    shadow->say_us = wt_clock_us() + HOUR_US;
    enum wt_status status = wt_shadow_labeller_create(config, model, &shadow->labeller, error);
    if (status == WT_OK && config->model.shadow.topic != NULL) {
        status = wt_shadow_topic_open(config, wake, shadow, &shadow->topic, error);
    }
    if (status != WT_OK) {
        wt_shadow_destroy(shadow);
        return status;
    }
    show(wt_model_info(model));
    *shadow_out = shadow;
    return WT_OK;
}

enum wt_status wt_shadow_start(struct wt_shadow *shadow, struct wt_error *error)
{
    assert(!shadow->started);
    shadow->started = pthread_create(&shadow->thread, NULL, run, shadow) == 0;
    return shadow->started ? WT_OK
                           : wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                                          "the thread of the shadow model cannot be started");
}

void wt_shadow_stop(struct wt_shadow *shadow)
{
    if (shadow == NULL || is_stopping(shadow)) {
        return;
    }
    atomic_store_explicit(&shadow->stopping, true, memory_order_relaxed);
    wt_shadow_queue_wake(shadow->queue);
    say(shadow);
}

void wt_shadow_destroy(struct wt_shadow *shadow)
{
    if (shadow == NULL) {
        return;
    }
    if (shadow->started) {
        atomic_store_explicit(&shadow->stopping, true, memory_order_relaxed);
        wt_shadow_queue_wake(shadow->queue);
        (void)pthread_join(shadow->thread, NULL);
    }
    wt_shadow_topic_close(shadow->topic, FLUSH_MS);
    wt_shadow_queue_destroy(shadow->queue);
    wt_shadow_live_release(shadow->live);
    wt_shadow_labeller_destroy(shadow->labeller);
    wt_shadow_comparison_destroy(shadow->comparison);
    free(shadow);
}
