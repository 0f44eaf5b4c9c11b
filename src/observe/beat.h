/* beat.h: signs of life of the worker's threads.
 *
 * A thread beats whenever it begins another piece of work, and rests while it waits for work, which
 * may take for ever. One that has neither beaten nor rested for longer than its limit is stuck: in
 * a call that does not return, or in a deadlock. /healthz says so, and a supervisor restarts. */
#ifndef WIRETAG_OBSERVE_BEAT_H
#define WIRETAG_OBSERVE_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_beat;

/* Begins to watch the calling thread. `name` is copied, and becomes the thread's name for top and
 * debuggers; `limit_ms`: how long one piece of work may take at most. Thread: the watched one. */
struct wt_beat *wt_beat_start(const char *name, int64_t limit_ms);

/* Ends it; accepts NULL. Thread: any. */
void wt_beat_end(struct wt_beat *beat);

/* Work begins or goes on; nothing for NULL, so that stages also run without a watch. Thread: the
 * watched one. */
void wt_beat(struct wt_beat *beat);

/* Waits for work from now on, until the next beat. Thread: the watched one. */
void wt_beat_rest(struct wt_beat *beat);

/* False: a thread is overdue; `reason` names it. Thread: any. */
bool wt_beats_alive(char *reason, size_t reason_bytes);

/* Calls `visit` with each thread's name and the age of its last beat, 0 while it rests. Thread: any.
 * Locks: the beats', during the calls. */
void wt_beats_visit(void (*visit)(void *opaque, const char *name, double age_seconds),
                    void *opaque);

#endif
