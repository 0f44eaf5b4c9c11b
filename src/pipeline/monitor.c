#include "pipeline/monitor.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/broker_status.h"
#include "kafka/consumer_settings.h"
#include "kafka/group_member.h"
#include "kafka/security_status.h"
#include "observe/beat.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/stall_watch.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US 1000000
#define ASK_US 5000000
#define ASK_AGAIN_US 2000000 /* while something hinders */
#define ASK_WAIT_MS 1000

/* Without an answer for this long, no broker is reachable. */
#define CONTACT_US_MAX 30000000

/* After this long nothing is expected to move: two questions in a row, mostly, had no answer. */
#define SILENT_US_MAX 10000000

/* How long the rate of finished records is averaged over. */
#define RATE_SECONDS 30.0

/* Fewer records a second than this are none. */
#define RATE_MIN 1e-3

/* What the watch knows of one partition, by its place in the table. */
struct view {
    uint32_t epoch;          /* of the assignment it is about; 0: none, nothing on the page */
    int64_t start;           /* where the group began to read; -1: not known */
    int64_t end;             /* behind the last record; -1: not known */
    int64_t behind_since_ms; /* when unread records were first seen with none in flight; 0: never */
    struct wt_series *records;
    struct wt_series *seconds;
};

struct wt_monitor {
    struct wt_owner owner; /* the thread that ticks */
    struct wt_monitor_ports ports;
    struct view *views;
    size_t view_count;
    int64_t look_us; /* when to look next */
    int64_t ask_us;  /* when to ask the brokers next */
    int64_t looked_us;
    int64_t done_before;
    bool busy_before;
    int64_t lag;
    int64_t unplaced; /* partitions with records of which it is not known where the group is */
    double rate;      /* records finished a second, while there are some */
    struct wt_series *drain_seconds;
    struct wt_stall_watch *hindrance;
    _Atomic int64_t contact_us; /* when a broker last answered */
    bool member;                /* of the group, with an assignment, be it empty */
};

static int64_t done_count(void)
{
    return wt_metric_get(WT_METRIC_RECORDS_LABELLED) +
           wt_metric_get(WT_METRIC_RECORDS_DEAD_LETTERED) +
           wt_metric_get(WT_METRIC_RECORDS_TOMBSTONES) + wt_metric_get(WT_METRIC_RECORDS_SKIPPED);
}

struct wt_monitor *wt_monitor_create(const struct wt_monitor_ports *ports)
{
    struct wt_monitor *watch = wt_alloc_zeroed(1, sizeof *watch);
    watch->ports = *ports;
    watch->looked_us = wt_clock_us();
    watch->done_before = done_count();
    watch->drain_seconds = wt_series_get(WT_FAMILY_DRAIN_SECONDS, NULL);
    /* Topics were looked up a moment ago. */
    atomic_init(&watch->contact_us, watch->looked_us);
    wt_metric_set(WT_METRIC_BROKER_REACHABLE, 1);
    watch->hindrance = wt_stall_watch_create(ports->consumer, ports->config);
    return watch;
}

/* --- partitions ------------------------------------------------------------------------------ */

static void with_labels(const struct wt_partition *partition, enum wt_family family,
                        struct wt_series **series_out)
{
    char number[16];
    const char *const labels[] = {partition->topic, number};
    (void)snprintf(number, sizeof number, "%" PRId32, partition->number);
    if (series_out != NULL) {
        *series_out = wt_series_get(family, labels);
    } else {
        wt_series_remove(family, labels);
    }
}

static void forget(struct view *view, const struct wt_partition *partition)
{
    assert(partition != NULL);
    if (view->epoch != 0) {
        with_labels(partition, WT_FAMILY_LAG_RECORDS, NULL);
        with_labels(partition, WT_FAMILY_LAG_SECONDS, NULL);
    }
    *view = (struct view){.start = -1, .end = -1};
}

/* Brings the views in line with the assignments. */
static void follow_assignments(struct wt_monitor *watch)
{
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(watch->ports.partitions, i)) != NULL; i++) {
        assert(i <= watch->view_count);
        if (i == watch->view_count) {
            watch->views = wt_realloc(watch->views, ++watch->view_count * sizeof(struct view));
            watch->views[i] = (struct view){.start = -1, .end = -1};
        }
        uint32_t epoch = atomic_load_explicit(&partition->epoch_live, memory_order_acquire);
        if (watch->views[i].epoch != epoch) {
            forget(&watch->views[i], partition);
            watch->views[i].epoch = epoch;
            watch->ask_us = 0; /* its end is not known yet */
        }
    }
}

static int64_t position_of(const struct view *view, const struct wt_partition *partition)
{
    int64_t position = atomic_load_explicit(&partition->position, memory_order_acquire);
    return position >= 0 ? position : view->start;
}

static double age_seconds(int64_t then_ms)
{
    int64_t age_ms = wt_clock_wall_ms() - then_ms;
    return age_ms > 0 ? (double)age_ms * 1e-3 : 0.0;
}

/* Returns the lag. */
static int64_t show_lag(struct view *view, const struct wt_partition *partition)
{
    int64_t pending = atomic_load_explicit(&partition->pending, memory_order_acquire);
    int64_t position = position_of(view, partition);
    if (view->end < 0 || position < 0) {
        return pending;
    }
    int64_t read_to = atomic_load_explicit(&partition->read_to, memory_order_relaxed);
    int64_t end = view->end < read_to ? view->end : read_to;
    int64_t lag = pending + (end > position ? end - position : 0);
    double seconds = 0.0;
    if (pending > 0) {
        seconds = age_seconds(atomic_load_explicit(&partition->oldest_ms, memory_order_relaxed));
    }
    if (lag == 0 || pending > 0) {
        view->behind_since_ms = 0;
    } else if (view->behind_since_ms == 0) {
        view->behind_since_ms = wt_clock_wall_ms();
    } else {
        seconds = age_seconds(view->behind_since_ms);
    }
    if (view->records == NULL) {
        with_labels(partition, WT_FAMILY_LAG_RECORDS, &view->records);
        with_labels(partition, WT_FAMILY_LAG_SECONDS, &view->seconds);
    }
    wt_series_set(view->records, (double)lag);
    wt_series_set(view->seconds, seconds);
    return lag;
}

/* A group that begins at the end is nowhere before its first record. */
static bool is_unplaced(const struct wt_monitor *watch, const struct view *view,
                        const struct wt_partition *partition)
{
    return view->end > 0 && position_of(view, partition) < 0 &&
           !wt_consumer_begins_at_end(watch->ports.config);
}

static void show_lags(struct wt_monitor *watch)
{
    watch->lag = 0;
    watch->unplaced = 0;
    for (size_t i = 0; i < watch->view_count; i++) {
        struct view *view = &watch->views[i];
        if (view->epoch != 0) {
            const struct wt_partition *partition = wt_partitions_at(watch->ports.partitions, i);
            assert(partition != NULL);
            watch->lag += show_lag(view, partition);
            watch->unplaced += is_unplaced(watch, view, partition);
        }
    }
}

/* --- asking the brokers ----------------------------------------------------------------------- */

/* The owned partitions, or those of them of which neither record nor start is known yet. */
static size_t collect(const struct wt_monitor *watch, bool without_start,
                      struct wt_broker_status_offset *offsets, size_t *places)
{
    size_t count = 0;
    for (size_t i = 0; i < watch->view_count; i++) {
        const struct wt_partition *partition = wt_partitions_at(watch->ports.partitions, i);
        const struct view *view = &watch->views[i];
        if (view->epoch != 0 && (!without_start || position_of(view, partition) < 0)) {
            offsets[count] = (struct wt_broker_status_offset){
                .topic = partition->topic, .partition = partition->number, .offset = -1};
            places[count++] = i;
        }
    }
    return count;
}

static bool ask_offsets(struct wt_monitor *watch)
{
    struct wt_broker_status_offset *offsets =
        wt_alloc_zeroed(watch->view_count + 1, sizeof *offsets);
    size_t *places = wt_alloc_zeroed(watch->view_count + 1, sizeof *places);
    size_t count = collect(watch, false, offsets, places);
    bool answered = count > 0
                        ? wt_broker_status_ends(watch->ports.consumer, offsets, count, ASK_WAIT_MS)
                        : wt_broker_status_answer(watch->ports.consumer, ASK_WAIT_MS);
    for (size_t i = 0; i < count && answered; i++) {
        struct view *view = &watch->views[places[i]];
        view->end = offsets[i].offset >= 0 ? offsets[i].offset : view->end;
    }
    count = answered ? collect(watch, true, offsets, places) : 0;
    /* Of a group that begins at the end nothing is lag before its first record. */
    if (count > 0 && !wt_consumer_begins_at_end(watch->ports.config) &&
        wt_broker_status_starts(watch->ports.consumer, offsets, count, ASK_WAIT_MS)) {
        for (size_t i = 0; i < count; i++) {
            watch->views[places[i]].start = offsets[i].offset;
        }
    }
    free(offsets);
    free(places);
    return answered;
}

static int64_t silent_us(const struct wt_monitor *watch)
{
    return wt_clock_us() - atomic_load_explicit(&watch->contact_us, memory_order_relaxed);
}

static void note_answer(struct wt_monitor *watch)
{
    atomic_store_explicit(&watch->contact_us, wt_clock_us(), memory_order_relaxed);
    wt_stall_end(WT_STALL_BROKERS);
}

/* Note "Silence": librdkafka tells of brokers that are all down once an outage, and never that it is over.
 * So what counts is whether questions are answered. */
static void note_silence(const struct wt_monitor *watch)
{
    if (wt_security_refused()) {
        wt_stall_end(WT_STALL_BROKERS); /* they answer, and refuse this worker: security_status.h */
    } else if (silent_us(watch) > SILENT_US_MAX) {
        wt_stall_begin_since(
            WT_STALL_BROKERS, atomic_load_explicit(&watch->contact_us, memory_order_relaxed),
            "no broker of bootstrap.servers has answered for %" PRId64 " s; trying again",
            silent_us(watch) / 1000000);
    }
}

static void ask(struct wt_monitor *watch)
{
    wt_owner_assert(&watch->owner);
    /* One leader that does not answer leaves the offsets of all unknown. */
    if (ask_offsets(watch) || wt_broker_status_answer(watch->ports.consumer, ASK_WAIT_MS)) {
        note_answer(watch);
    } else {
        note_silence(watch);
    }
    rd_kafka_consumer_group_metadata_t *membership =
        wt_group_member_now(watch->ports.consumer, watch->ports.config);
    bool assigned_once = wt_metric_get(WT_METRIC_REBALANCES) > 0;
    watch->member = membership != NULL && assigned_once;
    wt_group_member_free(membership);
    wt_stall_watch_look(watch->hindrance, ASK_WAIT_MS);
}

/* --- time to drain ---------------------------------------------------------------------------- */

/* Only while there is work: an idle worker is no slower. */
static void measure_rate(struct wt_monitor *watch, int64_t now_us)
{
    assert(now_us >= watch->looked_us);
    double seconds = (double)(now_us - watch->looked_us) * 1e-6;
    int64_t done = done_count();
    bool busy = wt_in_flight_records(watch->ports.in_flight) > 0;
    if (seconds > 0 && (busy || watch->busy_before || done > watch->done_before)) {
        double newest = (double)(done - watch->done_before) / seconds;
        double weight = watch->rate > 0 ? 1.0 - exp(-seconds / RATE_SECONDS) : 1.0;
        watch->rate += weight * (newest - watch->rate);
    }
    watch->done_before = done;
    watch->busy_before = busy;
    watch->looked_us = now_us;
}

static double drain_seconds(const struct wt_monitor *watch, int64_t lag)
{
    assert(lag >= 0);
    return lag == 0 ? 0.0 : watch->rate < RATE_MIN ? INFINITY : (double)lag / watch->rate;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool reachable(const struct wt_monitor *watch)
{
    return silent_us(watch) <= CONTACT_US_MAX;
}

void wt_monitor_tick(struct wt_monitor *watch)
{
    wt_owner_assert(&watch->owner);
    int64_t now_us = wt_clock_us();
    if (now_us < watch->look_us) {
        return;
    }
    watch->look_us = now_us + LOOK_US;
    follow_assignments(watch);
    if (now_us >= watch->ask_us) {
        char none[1] = "";
        watch->ask_us = now_us + (wt_stall_any(none, sizeof none) ? ASK_AGAIN_US : ASK_US);
        ask(watch);
    }
    measure_rate(watch, wt_clock_us());
    wt_metric_set(WT_METRIC_QUEUE_PREPARE, wt_queue_count(watch->ports.consumed));
    wt_metric_set(WT_METRIC_QUEUE_PUBLISH, wt_queue_count(watch->ports.finished));
    show_lags(watch);
    wt_stall_watch_judge(watch->hindrance, watch->lag, watch->unplaced, watch->member, ASK_WAIT_MS);
    wt_series_set(watch->drain_seconds, drain_seconds(watch, watch->lag));
    wt_metric_set(WT_METRIC_BROKER_REACHABLE, reachable(watch));
    char reason[200];
    if (!wt_beats_alive(reason, sizeof reason)) {
        wt_log_error("pipeline", "%s; restart the worker, nothing is lost", reason);
    }
}

int64_t wt_monitor_lag(const struct wt_monitor *watch)
{
    return watch->lag;
}

void wt_monitor_destroy(struct wt_monitor *watch)
{
    if (watch == NULL) {
        return;
    }
    for (size_t i = 0; i < watch->view_count; i++) {
        forget(&watch->views[i], wt_partitions_at(watch->ports.partitions, i));
    }
    wt_series_remove(WT_FAMILY_DRAIN_SECONDS, NULL);
    wt_stall_watch_destroy(watch->hindrance);
    free(watch->views);
    free(watch);
}
