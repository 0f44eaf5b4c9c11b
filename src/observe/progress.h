/* progress.h: how far long work is: a line that moves on a terminal, a plain one every few seconds
 * elsewhere. What is done within a moment shows nothing.
 *
 * A thread of its own shows it, so that work which does not report for a while (a library loading a
 * file) is seen to go on. Results on stdout are not disturbed: all of it goes to stderr. */
#ifndef WIRETAG_OBSERVE_PROGRESS_H
#define WIRETAG_OBSERVE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far it is. The texts must live until the next report. */
struct wt_progress_state {
    const char *step;  /* "reading"; NULL: there is only one */
    const char *units; /* "articles": adds how many, and the rate; NULL: only the share */
    uint64_t done;
    uint64_t total;       /* 0: unknown */
    uint64_t done_before; /* of `done`, what an earlier start had done: it counts for no rate */
};

struct wt_progress;

/* `command` begins plain lines and log lines, `what` all of them: "loading models/demo.pt"; both
 * are borrowed. With `as_log` plain lines are lines of the log (commands whose stderr is one).
 * Returns NULL where no thread can be started: the functions below accept that. Thread: any. */
struct wt_progress *wt_progress_create(const char *command, const char *what, bool as_log);

/* Thread: any. */
void wt_progress_report(struct wt_progress *progress, const struct wt_progress_state *state);

/* Takes the line away. */
void wt_progress_destroy(struct wt_progress *progress);

#define WT_PROGRESS_BYTES_MAX 256u

/* Writes the line for `state` after `elapsed_us` of work: with a bar for a terminal, or without one.
 * Pure. */
void wt_progress_write(char line[WT_PROGRESS_BYTES_MAX], const char *what,
                       const struct wt_progress_state *state, int64_t elapsed_us, bool bar);

#endif
