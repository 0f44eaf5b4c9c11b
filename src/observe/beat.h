/* beat.h: heartbeats of the worker's threads.
 *
 * A thread beats when it begins a piece of work. It rests while it waits for work, for however
 * long. A thread that has done neither for longer than its limit is stuck: in a call that does not
 * return, or in a deadlock. /healthz then fails and names the thread, so that a supervisor restarts
 * the worker. */
#ifndef WIRETAG_OBSERVE_BEAT_H
#define WIRETAG_OBSERVE_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_beat;

/* Starts watching the calling thread. `name` is copied and becomes the thread's name in top and in
 * debuggers. `limit_ms`: the longest that one piece of work may take. Thread: the watched one. */
struct wt_beat *wt_beat_start(const char *name, int64_t limit_ms);

/* Stops watching; accepts NULL. Thread: any. */
void wt_beat_end(struct wt_beat *beat);

/* Beats. Does nothing for NULL, so that stages also run unwatched. Thread: the watched one. */
void wt_beat(struct wt_beat *beat);

/* Rests until the next beat. Thread: the watched one. */
void wt_beat_rest(struct wt_beat *beat);

/* False: a thread is stuck; `reason` names it. Thread: any. */
bool wt_beats_alive(char *reason, size_t reason_bytes);

/* Calls `visit` with each thread's name and the age of its last beat; the age is 0 while the thread
 * rests. Thread: any. Locks: holds the list's during the calls. */
void wt_beats_visit(void (*visit)(void *opaque, const char *name, double age_seconds),
                    void *opaque);

#endif
