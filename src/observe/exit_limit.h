/* exit_limit.h: the process ends in time, whatever a library does.
 *
 * Once nothing is left that could be lost, the process may be ended at any moment: by a further signal, or
 * because a step of its end takes longer than its limit, as where a client's destroy or a library's exit
 * handler does not return. The limit is counted while the process runs: one that was suspended has as much
 * of it left as before. Thread: any. */
#ifndef WIRETAG_OBSERVE_EXIT_LIMIT_H
#define WIRETAG_OBSERVE_EXIT_LIMIT_H

#include <stdint.h>

/* How long what a process frees at its end may take: with it gone, five seconds. */
#define WT_EXIT_MS_MAX 4000

/* From now on the process ends within `ms_max`, with `exit_status`, and says so in the log. Replaces an
 * earlier limit. `step`: what is being done; it outlives the process. Where no thread can be started
 * there is no limit. */
void wt_exit_limit_set(int64_t ms_max, int exit_status, const char *step);

/* The status to end with from now on, by force or by a signal. */
void wt_exit_status_set(int exit_status);

/* There is no limit until the next one is set; the status stays. */
void wt_exit_limit_lift(void);

/* The process ends with `exit_status`, within WT_EXIT_MS_MAX or what a limit that holds leaves. */
void wt_exit_limit_end(int exit_status, const char *step);

/* Ends the process at once, with the newest status; 1 before one was set. May be called by a signal
 * handler. */
_Noreturn void wt_exit_now(void);

#endif
