/* watch.h: what the main thread looks at a few times a second while the stages run: monitor, stalls,
 * readiness, the shadow model. Thread: main. */
#ifndef WIRETAG_PIPELINE_WATCH_H
#define WIRETAG_PIPELINE_WATCH_H

#include "pipeline/monitor.h"

struct wt_shadow; /* shadow.h */
struct wt_watch;

/* Everything is borrowed. `shadow` may be NULL. `ready` says whether the worker is ready, and if not, why. */
struct wt_watch *wt_watch_create(const struct wt_monitor_ports *ports, struct wt_shadow *shadow,
                                 bool (*ready)(void *opaque, char *reason, size_t reason_bytes),
                                 void *opaque);

/* Accepts NULL. */
void wt_watch_destroy(struct wt_watch *watch);

/* Looks once. Logs when the worker becomes ready, or is so no longer. */
void wt_watch_tick(struct wt_watch *watch);

/* True, as of the last look: only new clients can go on. Then `error` says why: nobody in the group has a
 * partition, although the input topics have some (WT_GROUP_DESERTED), or the brokers refuse this worker and
 * its certificate was renewed (WT_CLIENT_FILES_RENEWED). */
bool wt_watch_must_rejoin(const struct wt_watch *watch, struct wt_error *error);

#endif
