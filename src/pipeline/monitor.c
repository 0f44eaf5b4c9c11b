#include "pipeline/monitor.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/broker_status.h"
#include "kafka/consumer_settings.h"
#include "kafka/group_member.h"
#include "kafka/security_status.h"
#include "kafka/topic_ids.h"
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
#define ASK_AGAIN_US 2000000 /* while something stalls */
#define ASK_WAIT_MS 1000

/* How often the topics' ids are asked for. */
#define IDS_US 2000000

/* wiretag_broker_reachable is 0 after this long without an answer. */
#define CONTACT_US_MAX 30000000

/* Stalled on brokers after this long without an answer: usually two unanswered questions in a
 * row. */
#define SILENT_US_MAX 10000000

/* Records that wait for a producer's transaction for this long are a stall; most transactions are shorter. */
#define HELD_US_MAX 15000000

/* The time over which the rate of finished records is averaged. */
#define RATE_SECONDS 30.0

/* A rate below this, in records a second, counts as zero. */
#define RATE_MIN 1e-3

/* What the monitor knows about one partition, at the same index as in the partition table. */
struct view {
    uint32_t epoch;          /* of the assignment; 0: not assigned, no series on the metrics page */
    int64_t start;           /* where the group started to read; -1: unknown */
    int64_t end;             /* the log end offset; -1: unknown */
    int64_t behind_since_ms; /* since when records are unread and none in flight; 0: never */
    int64_t held;          /* records behind `end`, where a transaction of their producer is open */
    int64_t held_since_us; /* since when there are any behind this `end`; 0: there are none */
    struct wt_series *records;
    struct wt_series *seconds;
};

struct wt_monitor {
    struct wt_owner owner; /* the thread that ticks */
    struct wt_monitor_ports ports;
    struct view *views;
    size_t view_count;
    int64_t look_us; /* when the next tick is due */
    int64_t ask_us;  /* when to ask the brokers next */
    int64_t looked_us;
    int64_t done_before;
    bool busy_before;
    int64_t lag;
    int64_t starts_unknown; /* partitions that have records but no known position of the group */
    double rate;            /* finished records a second, while there is work */
    struct wt_series *drain_seconds;
    struct wt_stall_watch *stall_watch;
    struct wt_topic_ids *topic_ids;
    int64_t ids_us;             /* when to ask for the topics' ids next */
    _Atomic int64_t contact_us; /* when a broker last answered */
    bool member;                /* joined the group and got an assignment, possibly empty */
};

struct wt_monitor *wt_monitor_create(const struct wt_monitor_ports *ports)
{
    struct wt_monitor *monitor = wt_alloc_zeroed(1, sizeof *monitor);
    monitor->ports = *ports;
    monitor->looked_us = wt_clock_us();
    monitor->done_before = wt_metric_ended_records();
    monitor->drain_seconds = wt_series_get(WT_FAMILY_DRAIN_SECONDS, NULL);
    /* The topics were looked up a moment ago. */
    atomic_init(&monitor->contact_us, monitor->looked_us);
    wt_metric_set(WT_METRIC_BROKER_REACHABLE, 1);
    monitor->stall_watch = wt_stall_watch_create(ports->consumer, ports->config);
    monitor->topic_ids = wt_topic_ids_create(ports->consumer, ports->partitions);
    return monitor;
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

static void clear_view(struct view *view, const struct wt_partition *partition)
{
    assert(partition != NULL);
    if (view->epoch != 0) {
        with_labels(partition, WT_FAMILY_LAG_RECORDS, NULL);
        with_labels(partition, WT_FAMILY_LAG_SECONDS, NULL);
    }
    *view = (struct view){.start = -1, .end = -1};
}

/* Resets the views of partitions whose assignment has changed. */
static void follow_assignments(struct wt_monitor *monitor)
{
    const struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(monitor->ports.partitions, i)) != NULL; i++) {
        assert(i <= monitor->view_count);
        if (i == monitor->view_count) {
            monitor->views =
                wt_realloc(monitor->views, ++monitor->view_count * sizeof(struct view));
            monitor->views[i] = (struct view){.start = -1, .end = -1};
        }
        uint32_t epoch = atomic_load_explicit(&partition->epoch_live, memory_order_acquire);
        if (monitor->views[i].epoch != epoch) {
            clear_view(&monitor->views[i], partition);
            monitor->views[i].epoch = epoch;
            monitor->ask_us = 0; /* its end is unknown */
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

/* `pending` and the records that were not read yet, as far as those are known. */
static int64_t lag_of(const struct view *view, const struct wt_partition *partition,
                      int64_t pending)
{
    assert(pending >= 0);
    int64_t position = position_of(view, partition);
    if (view->end < 0 || position < 0) {
        return pending;
    }
    int64_t read_to = atomic_load_explicit(&partition->read_to, memory_order_relaxed);
    int64_t end = view->end < read_to ? view->end : read_to;
    return pending + (end > position ? end - position : 0);
}

/* Updates the partition's lag series and returns its lag in records. */
static int64_t show_lag(struct view *view, const struct wt_partition *partition)
{
    int64_t pending = atomic_load_explicit(&partition->pending, memory_order_acquire);
    int64_t lag = lag_of(view, partition, pending);
    if (view->end < 0 || position_of(view, partition) < 0) {
        return lag;
    }
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

/* True: the partition has records, and the group's position in it is not known. Not true of a group that
 * starts at the end: it has no position before its first record. */
static bool start_unknown(const struct wt_monitor *monitor, const struct view *view,
                          const struct wt_partition *partition)
{
    return view->end > 0 && position_of(view, partition) < 0 &&
           !wt_consumer_begins_at_end(monitor->ports.config);
}

static void show_lags(struct wt_monitor *monitor)
{
    monitor->lag = 0;
    monitor->starts_unknown = 0;
    for (size_t i = 0; i < monitor->view_count; i++) {
        struct view *view = &monitor->views[i];
        if (view->epoch != 0) {
            const struct wt_partition *partition = wt_partitions_at(monitor->ports.partitions, i);
            assert(partition != NULL);
            monitor->lag += show_lag(view, partition);
            monitor->starts_unknown += start_unknown(monitor, view, partition);
        }
    }
}

/* --- open transactions ------------------------------------------------------------------------ */

/* A reader of committed records sees none behind the first open transaction: for it the log ends there. The
 * partition's end as such comes with each fetch. `end` was asked for just now. */
static void note_held(const struct wt_monitor *monitor, struct view *view,
                      const struct wt_partition *partition, int64_t end)
{
    int64_t whole_end =
        wt_broker_status_end_seen(monitor->ports.consumer, partition->topic, partition->number);
    bool moved = end != view->end;
    view->end = end;
    int64_t pending = atomic_load_explicit(&partition->pending, memory_order_acquire);
    bool waits = whole_end > end && lag_of(view, partition, pending) == 0 &&
                 end < atomic_load_explicit(&partition->read_to, memory_order_relaxed);
    view->held = waits ? whole_end - end : 0;
    if (!waits || moved || view->held_since_us == 0) {
        view->held_since_us = waits ? wt_clock_us() : 0;
    }
}

static void judge_held(const struct wt_monitor *monitor)
{
    int64_t now_us = wt_clock_us();
    const struct view *longest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < monitor->view_count; i++) {
        const struct view *view = &monitor->views[i];
        if (view->held_since_us > 0 && now_us - view->held_since_us >= HELD_US_MAX) {
            count++;
            bool longer = longest == NULL || view->held_since_us < longest->held_since_us;
            longest = longer ? view : longest;
        }
    }
    if (longest == NULL) {
        wt_stall_end(WT_STALL_INPUT_TRANSACTION);
        return;
    }
    const struct wt_partition *partition =
        wt_partitions_at(monitor->ports.partitions, (size_t)(longest - monitor->views));
    wt_stall_begin_since(WT_STALL_INPUT_TRANSACTION, longest->held_since_us,
                         "%s [%" PRId32 "]: %" PRId64 " records from offset %" PRId64
                         " on wait for an open transaction of their producer%s; it must commit or "
                         "abort, else the broker does after its transaction.timeout.ms",
                         partition->topic, partition->number, longest->held, longest->end,
                         count > 1 ? ", and so in other partitions" : "");
}

/* --- asking the brokers ----------------------------------------------------------------------- */

/* Collects the assigned partitions, or only those without a known position. */
static size_t collect_assigned(const struct wt_monitor *monitor, bool without_start,
                               struct wt_broker_status_offset *offsets, size_t *indexes)
{
    size_t count = 0;
    for (size_t i = 0; i < monitor->view_count; i++) {
        const struct wt_partition *partition = wt_partitions_at(monitor->ports.partitions, i);
        const struct view *view = &monitor->views[i];
        if (view->epoch != 0 && (!without_start || position_of(view, partition) < 0)) {
            offsets[count] = (struct wt_broker_status_offset){
                .topic = partition->topic, .partition = partition->number, .offset = -1};
            indexes[count++] = i;
        }
    }
    return count;
}

static bool ask_offsets(struct wt_monitor *monitor)
{
    struct wt_broker_status_offset *offsets =
        wt_alloc_zeroed(monitor->view_count + 1, sizeof *offsets);
    size_t *indexes = wt_alloc_zeroed(monitor->view_count + 1, sizeof *indexes);
    size_t count = collect_assigned(monitor, false, offsets, indexes);
    bool answered =
        count > 0 ? wt_broker_status_ends(monitor->ports.consumer, offsets, count, ASK_WAIT_MS)
                  : wt_broker_status_answer(monitor->ports.consumer, ASK_WAIT_MS);
    for (size_t i = 0; i < count && answered; i++) {
        if (offsets[i].offset >= 0) {
            note_held(monitor, &monitor->views[indexes[i]],
                      wt_partitions_at(monitor->ports.partitions, indexes[i]), offsets[i].offset);
        }
    }
    count = answered ? collect_assigned(monitor, true, offsets, indexes) : 0;
    /* A group that starts at the end has no lag before its first record. */
    if (count > 0 && !wt_consumer_begins_at_end(monitor->ports.config) &&
        wt_broker_status_starts(monitor->ports.consumer, offsets, count, ASK_WAIT_MS)) {
        for (size_t i = 0; i < count; i++) {
            monitor->views[indexes[i]].start = offsets[i].offset;
        }
    }
    free(offsets);
    free(indexes);
    return answered;
}

static int64_t silent_us(const struct wt_monitor *monitor)
{
    return wt_clock_us() - atomic_load_explicit(&monitor->contact_us, memory_order_relaxed);
}

static void note_answer(struct wt_monitor *monitor)
{
    atomic_store_explicit(&monitor->contact_us, wt_clock_us(), memory_order_relaxed);
    wt_stall_end(WT_STALL_BROKERS);
}

/* Note "Silence": librdkafka reports "all brokers down" once for an outage and never reports its
 * end. So the monitor asks questions and judges by the answers. */
static void note_silence(const struct wt_monitor *monitor)
{
    if (wt_security_refused()) {
        wt_stall_end(WT_STALL_BROKERS); /* see security_status.h */
    } else if (silent_us(monitor) > SILENT_US_MAX) {
        wt_stall_begin_since(
            WT_STALL_BROKERS, atomic_load_explicit(&monitor->contact_us, memory_order_relaxed),
            "no broker of bootstrap.servers has answered for %" PRId64 " s; retrying",
            silent_us(monitor) / 1000000);
    }
}

static void ask(struct wt_monitor *monitor)
{
    wt_owner_assert(&monitor->owner);
    /* One leader that does not answer leaves all offsets unknown, so ask for anything else. */
    if (ask_offsets(monitor) || wt_broker_status_answer(monitor->ports.consumer, ASK_WAIT_MS)) {
        note_answer(monitor);
    } else {
        note_silence(monitor);
    }
    rd_kafka_consumer_group_metadata_t *group_metadata =
        wt_group_member_now(monitor->ports.consumer, monitor->ports.config);
    bool assigned_once = wt_metric_get(WT_METRIC_REBALANCES) > 0;
    monitor->member = group_metadata != NULL && assigned_once;
    wt_group_member_free(group_metadata);
    wt_stall_watch_look(monitor->stall_watch, ASK_WAIT_MS);
}

/* --- time until the lag is gone -------------------------------------------------------------- */

/* Measures only while there is work: an idle worker has not become slower. */
static void measure_rate(struct wt_monitor *monitor, int64_t now_us)
{
    assert(now_us >= monitor->looked_us);
    double seconds = (double)(now_us - monitor->looked_us) * 1e-6;
    int64_t done = wt_metric_ended_records();
    bool busy = wt_in_flight_records(monitor->ports.in_flight) > 0;
    if (seconds > 0 && (busy || monitor->busy_before || done > monitor->done_before)) {
        double newest = (double)(done - monitor->done_before) / seconds;
        double weight = monitor->rate > 0 ? 1.0 - exp(-seconds / RATE_SECONDS) : 1.0;
        monitor->rate += weight * (newest - monitor->rate);
    }
    monitor->done_before = done;
    monitor->busy_before = busy;
    monitor->looked_us = now_us;
}

static double drain_seconds(const struct wt_monitor *monitor, int64_t lag)
{
    assert(lag >= 0);
    return lag == 0 ? 0.0 : monitor->rate < RATE_MIN ? INFINITY : (double)lag / monitor->rate;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool reachable(const struct wt_monitor *monitor)
{
    return silent_us(monitor) <= CONTACT_US_MAX;
}

void wt_monitor_tick(struct wt_monitor *monitor)
{
    wt_owner_assert(&monitor->owner);
    int64_t now_us = wt_clock_us();
    if (now_us < monitor->look_us) {
        return;
    }
    monitor->look_us = now_us + LOOK_US;
    follow_assignments(monitor);
    if (now_us >= monitor->ask_us) {
        char none[1] = "";
        monitor->ask_us = now_us + (wt_stall_any(none, sizeof none) ? ASK_AGAIN_US : ASK_US);
        ask(monitor);
    }
    if (now_us >= monitor->ids_us && !wt_stall_is(WT_STALL_BROKERS)) {
        monitor->ids_us = now_us + IDS_US;
        wt_topic_ids_look(monitor->topic_ids, ASK_WAIT_MS);
    }
    measure_rate(monitor, wt_clock_us());
    wt_metric_set(WT_METRIC_QUEUE_PREPARE, wt_queue_count(monitor->ports.consumed));
    wt_metric_set(WT_METRIC_QUEUE_PUBLISH, wt_queue_count(monitor->ports.finished));
    show_lags(monitor);
    judge_held(monitor);
    wt_stall_watch_judge(monitor->stall_watch, monitor->lag, monitor->starts_unknown,
                         monitor->member, ASK_WAIT_MS);
    wt_series_set(monitor->drain_seconds, drain_seconds(monitor, monitor->lag));
    wt_metric_set(WT_METRIC_BROKER_REACHABLE, reachable(monitor));
    char reason[200];
    if (!wt_beats_alive(reason, sizeof reason)) {
        wt_log_error("pipeline", "%s; restart the worker, nothing is lost", reason);
    }
}

int64_t wt_monitor_lag(const struct wt_monitor *monitor)
{
    return monitor->lag;
}

void wt_monitor_destroy(struct wt_monitor *monitor)
{
    if (monitor == NULL) {
        return;
    }
    for (size_t i = 0; i < monitor->view_count; i++) {
        clear_view(&monitor->views[i], wt_partitions_at(monitor->ports.partitions, i));
    }
    wt_series_remove(WT_FAMILY_DRAIN_SECONDS, NULL);
    wt_stall_watch_destroy(monitor->stall_watch);
    wt_topic_ids_destroy(monitor->topic_ids);
    free(monitor->views);
    free(monitor);
}

bool wt_monitor_is_deserted(const struct wt_monitor *monitor)
{
    return wt_stall_watch_is_deserted(monitor->stall_watch);
}
