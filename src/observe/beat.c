#include "observe/beat.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define RESTING INT64_MAX

struct wt_beat {
    struct wt_beat *next;
    char *name;
    int64_t limit_us;
    _Atomic int64_t last_us; /* RESTING, or the time of the last beat */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the list */
static struct wt_beat *first;

struct wt_beat *wt_beat_start(const char *name, int64_t limit_ms)
{
    struct wt_beat *beat = wt_alloc_zeroed(1, sizeof *beat);
    beat->name = wt_strdup(name);
    beat->limit_us = limit_ms * 1000;
    beat->last_us = wt_clock_us();
    (void)pthread_setname_np(pthread_self(), name);
    (void)pthread_mutex_lock(&mutex);
    struct wt_beat **at = &first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = beat;
    (void)pthread_mutex_unlock(&mutex);
    return beat;
}

void wt_beat_end(struct wt_beat *beat)
{
    if (beat == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&mutex);
    struct wt_beat **at = &first;
    while (*at != beat) {
        at = &(*at)->next;
    }
    *at = beat->next;
    (void)pthread_mutex_unlock(&mutex);
    free(beat->name);
    free(beat);
}

void wt_beat(struct wt_beat *beat)
{
    if (beat != NULL) {
        atomic_store_explicit(&beat->last_us, wt_clock_us(), memory_order_relaxed);
    }
}

void wt_beat_rest(struct wt_beat *beat)
{
    if (beat != NULL) {
        atomic_store_explicit(&beat->last_us, RESTING, memory_order_relaxed);
    }
}

static int64_t age_us(const struct wt_beat *beat)
{
    int64_t last_us = atomic_load_explicit(&beat->last_us, memory_order_relaxed);
    int64_t age = last_us == RESTING ? 0 : wt_clock_us() - last_us;
    return age > 0 ? age : 0;
}

bool wt_beats_alive(char *reason, size_t reason_bytes)
{
    bool alive = true;
    (void)pthread_mutex_lock(&mutex);
    for (const struct wt_beat *beat = first; beat != NULL && alive; beat = beat->next) {
        int64_t age = age_us(beat);
        alive = age <= beat->limit_us;
        if (!alive) {
            (void)snprintf(reason, reason_bytes,
                           "the %s thread is stuck: no beat for %lld s (limit %lld s)", beat->name,
                           (long long)(age / 1000000), (long long)(beat->limit_us / 1000000));
        }
    }
    (void)pthread_mutex_unlock(&mutex);
    return alive;
}

void wt_beats_visit(void (*visit)(void *opaque, const char *name, double age_seconds), void *opaque)
{
    (void)pthread_mutex_lock(&mutex);
    for (const struct wt_beat *beat = first; beat != NULL; beat = beat->next) {
        visit(opaque, beat->name, (double)age_us(beat) * 1e-6);
    }
    (void)pthread_mutex_unlock(&mutex);
}
