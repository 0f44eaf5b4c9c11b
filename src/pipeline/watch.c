#include "pipeline/watch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/client_files.h"
#include "kafka/group_status.h"
#include "kafka/security_status.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/readiness.h"
#include "pipeline/shadow/shadow.h"

#include <inttypes.h>
#include <stdlib.h>

struct wt_watch {
    struct wt_owner owner; /* the main thread */
    struct wt_monitor *monitor;
    struct wt_shadow *shadow;
    bool (*ready)(void *opaque, char *reason, size_t reason_bytes);
    void *opaque;
    bool was_ready; /* at the last tick */
};

struct wt_watch *wt_watch_create(const struct wt_monitor_ports *ports, struct wt_shadow *shadow,
                                 bool (*ready)(void *opaque, char *reason, size_t reason_bytes),
                                 void *opaque)
{
    struct wt_watch *watch = wt_alloc_zeroed(1, sizeof *watch);
    watch->monitor = wt_monitor_create(ports);
    watch->shadow = shadow;
    watch->ready = ready;
    watch->opaque = opaque;
    return watch;
}

void wt_watch_destroy(struct wt_watch *watch)
{
    if (watch != NULL) {
        wt_monitor_destroy(watch->monitor);
        free(watch);
    }
}

/* Logs changes only. A worker that has just started is not ready and logs only when it becomes
 * ready. */
static void show_ready(struct wt_watch *watch, bool ready, const char *reason)
{
    if (ready && !watch->was_ready) {
        wt_log_info("pipeline", "ready: %" PRId64 " partitions, lag %" PRId64 " records",
                    wt_metric_get(WT_METRIC_PARTITIONS), wt_monitor_lag(watch->monitor));
    } else if (!ready && watch->was_ready) {
        wt_log_info("pipeline", "not ready: %s", reason);
    }
    watch->was_ready = ready;
    wt_metric_set(WT_METRIC_READY, ready);
}

void wt_watch_tick(struct wt_watch *watch)
{
    wt_owner_assert(&watch->owner);
    char reason[WT_READINESS_BYTES];
    wt_log_tick();
    wt_monitor_tick(watch->monitor);
    wt_stall_set(WT_STALL_MODEL, wt_metric_get(WT_METRIC_REPLICAS_SICK) > 0,
                 "the model fails on everything, or waits for memory");
    wt_stall_tick(wt_clock_us());
    wt_shadow_tick(watch->shadow);
    show_ready(watch, watch->ready(watch->opaque, reason, sizeof reason), reason);
}

bool wt_watch_must_rejoin(const struct wt_watch *watch, struct wt_error *error)
{
    char file[300];
    if (wt_security_refused() && wt_client_files_renewed(file, sizeof file)) {
        (void)wt_error_set(
            error, WT_FAILED, WT_ERROR_FATAL, WT_CLIENT_FILES_RENEWED,
            "this worker cannot stay in its group, since the brokers refuse it, and a "
            "file was changed after it had been read: %s",
            file);
        return true;
    }
    if (!wt_monitor_is_deserted(watch->monitor)) {
        return false;
    }
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, WT_GROUP_DESERTED,
                       "nobody in the group has a partition, although the input topics have some: "
                       "they were missing when it was joined");
    return true;
}
