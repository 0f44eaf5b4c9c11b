/* progress.h: shows the progress of long jobs: a bar on a terminal, elsewhere a line every few
 * seconds. A short job shows nothing.
 *
 * A thread of its own writes it, so that a job that reports nothing for a while (a library loading
 * a file) is still seen to run. Everything goes to stderr; results on stdout are not disturbed. */
#ifndef WIRETAG_OBSERVE_PROGRESS_H
#define WIRETAG_OBSERVE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The progress so far. The texts must live until the next report. */
struct wt_progress_state {
    const char *step;  /* the current step, such as "reading"; NULL: there is only one */
    const char *units; /* "articles": shows the count and the rate; NULL: only the share */
    uint64_t done;
    uint64_t total;       /* 0: unknown */
    uint64_t done_before; /* the part of `done` from an earlier start: not counted in the rate */
};

struct wt_progress;

/* `what` says what is done, such as "loading models/demo.pt"; every line begins with it.
 * `command` comes before it in plain and log lines. Both are borrowed. `as_log`: off a terminal,
 * progress goes through the log, for commands whose stderr is a log. Returns NULL if no thread
 * can be started; the functions below accept NULL. Thread: any. */
struct wt_progress *wt_progress_create(const char *command, const char *what, bool as_log);

/* Thread: any. */
void wt_progress_report(struct wt_progress *progress, const struct wt_progress_state *state);

/* Erases the bar, ends the thread and frees it. */
void wt_progress_destroy(struct wt_progress *progress);

#define WT_PROGRESS_BYTES_MAX 256u

/* Writes the line for `state` after `elapsed_us` of work, with or without a bar. Pure. */
void wt_progress_write(char line[WT_PROGRESS_BYTES_MAX], const char *what,
                       const struct wt_progress_state *state, int64_t elapsed_us, bool bar);

#endif
