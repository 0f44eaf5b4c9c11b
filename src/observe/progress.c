#include "observe/progress.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* On a terminal: short jobs show nothing; then the bar moves visibly. */
#define BAR_US 200000
/* Elsewhere: rare enough to keep a log readable. */
#define LINE_US 3000000

#define BAR_COLUMNS 20u

struct wt_progress {
    const char *command;
    const char *what;
    bool as_log;
    bool terminal;
    int64_t start_us;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t changed;
    bool ended;
    struct wt_progress_state state;
};

/* --- the line -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(char line[WT_PROGRESS_BYTES_MAX],
                                                      const char *format, ...)
{
    size_t used = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + used, WT_PROGRESS_BYTES_MAX - used, format, arguments);
    va_end(arguments);
}

static void add_bar(char line[WT_PROGRESS_BYTES_MAX], const struct wt_progress_state *state)
{
    char bar[BAR_COLUMNS + 1];
    size_t full = (size_t)((double)state->done / (double)state->total * BAR_COLUMNS);
    for (size_t i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i < full ? '#' : '.';
    }
    bar[BAR_COLUMNS] = '\0';
    add(line, "[%s] ", bar);
}

/* Writes a duration: "9 s", "2 min 5 s", "3 h 7 min". */
static void add_time(char line[WT_PROGRESS_BYTES_MAX], double seconds)
{
    uint64_t whole = (uint64_t)(seconds + 0.5);
    if (whole < 60) {
        add(line, "%" PRIu64 " s", whole);
    } else if (whole < 3600) {
        add(line, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
    } else {
        add(line, "%" PRIu64 " h %" PRIu64 " min", whole / 3600, whole % 3600 / 60);
    }
}

static void add_units(char line[WT_PROGRESS_BYTES_MAX], const struct wt_progress_state *state,
                      double seconds)
{
    double rate = seconds > 0.0 ? (double)(state->done - state->done_before) / seconds : 0.0;
    if (state->total > 0) {
        add(line, "%" PRIu64 " of %" PRIu64 " %s", state->done, state->total, state->units);
    } else {
        add(line, "%" PRIu64 " %s", state->done, state->units);
    }
    if (rate > 0.0) {
        add(line, rate < 10.0 ? ", %.1f/s" : ", %.0f/s", rate);
    }
    if (rate > 0.0 && state->total > state->done) {
        add(line, ", ");
        add_time(line, (double)(state->total - state->done) / rate);
        add(line, " left");
    }
}

void wt_progress_write(char line[WT_PROGRESS_BYTES_MAX], const char *what,
                       const struct wt_progress_state *state, int64_t elapsed_us, bool bar)
{
    double seconds = (double)elapsed_us * 1e-6;
    struct wt_progress_state shown = *state;
    if (shown.total > 0 && shown.done > shown.total) {
        shown.done = shown.total;
    }
    (void)snprintf(line, WT_PROGRESS_BYTES_MAX, "%.120s%s", what,
                   shown.step != NULL || !bar ? ": " : " ");
    if (shown.step != NULL) {
        add(line, "%s%s", shown.step, bar ? " " : ", ");
    }
    if (shown.total > 0) {
        if (bar) {
            add_bar(line, &shown);
        }
        add(line, "%.0f %%%s", 100.0 * (double)shown.done / (double)shown.total, bar ? "  " : ", ");
    }
    if (shown.units != NULL) {
        add_units(line, &shown, seconds);
    } else {
        add_time(line, seconds);
    }
}

/* --- showing it ------------------------------------------------------------------------------ */

/* Locks: held. */
static void show(const struct wt_progress *progress)
{
    char line[WT_PROGRESS_BYTES_MAX];
    wt_progress_write(line, progress->what, &progress->state, wt_clock_us() - progress->start_us,
                      progress->terminal);
    if (progress->terminal) {
        wt_log_status(line);
    } else if (progress->as_log) {
        wt_log_info(progress->command, "%s", line);
    } else {
        (void)fprintf(stderr, "wiretag %s: %s\n", progress->command, line);
    }
}

static void *run(void *opaque)
{
    struct wt_progress *progress = opaque;
    int64_t interval_us = progress->terminal ? BAR_US : LINE_US;
    int64_t next_us = progress->start_us + interval_us;
    (void)pthread_mutex_lock(&progress->mutex);
    while (!progress->ended) {
        struct timespec until = wt_clock_timespec(next_us);
        (void)pthread_cond_timedwait(&progress->changed, &progress->mutex, &until);
        if (!progress->ended && wt_clock_us() >= next_us) {
            show(progress);
            next_us = wt_clock_us() + interval_us;
        }
    }
    (void)pthread_mutex_unlock(&progress->mutex);
    return NULL;
}

struct wt_progress *wt_progress_create(const char *command, const char *what, bool as_log)
{
    struct wt_progress *progress = wt_alloc_zeroed(1, sizeof *progress);
    progress->command = command;
    progress->what = what;
    progress->as_log = as_log;
    progress->terminal = wt_log_on_terminal();
    progress->start_us = wt_clock_us();
    (void)pthread_mutex_init(&progress->mutex, NULL);
    wt_clock_init_condition(&progress->changed);
    if (pthread_create(&progress->thread, NULL, run, progress) != 0) {
        (void)pthread_cond_destroy(&progress->changed);
        (void)pthread_mutex_destroy(&progress->mutex);
        free(progress);
        return NULL;
    }
    return progress;
}

void wt_progress_report(struct wt_progress *progress, const struct wt_progress_state *state)
{
    if (progress == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&progress->mutex);
    progress->state = *state;
    (void)pthread_mutex_unlock(&progress->mutex);
}

void wt_progress_destroy(struct wt_progress *progress)
{
    if (progress == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&progress->mutex);
    progress->ended = true;
    (void)pthread_cond_signal(&progress->changed);
    (void)pthread_mutex_unlock(&progress->mutex);
    (void)pthread_join(progress->thread, NULL);
    wt_log_status(NULL);
    (void)pthread_cond_destroy(&progress->changed);
    (void)pthread_mutex_destroy(&progress->mutex);
    free(progress);
}
