/* exit_limit.h: bounds how long the process takes to exit.
 *
 * When all work is committed, nothing can be lost, and the process may be ended at any moment. It
 * is ended by force when a step of the exit takes longer than its limit, for example because a
 * client's destroy or a library's exit handler does not return, or when another signal arrives. The
 * limit counts only time in which the process runs: if it is suspended (SIGSTOP), the rest of the
 * limit remains. Thread: any. */
#ifndef WIRETAG_OBSERVE_EXIT_LIMIT_H
#define WIRETAG_OBSERVE_EXIT_LIMIT_H

#include <stdint.h>

/* The limit for freeing memory and for exit handlers. A whole stop stays below five seconds with
 * it. */
#define WT_EXIT_MS_MAX 4000

/* From now on the process exits within `ms_max` with `exit_status`; if it is forced, the log says
 * so. Replaces an earlier limit. `step` names the current step; it must outlive the process. If the
 * thread cannot be started, there is no limit. */
void wt_exit_limit_set(int64_t ms_max, int exit_status, const char *step);

/* Sets the exit status for a forced exit. */
void wt_exit_status_set(int exit_status);

/* Removes the limit; the status stays. */
void wt_exit_limit_lift(void);

/* The process exits with `exit_status` within WT_EXIT_MS_MAX, or within the remaining limit if one
 * is set. */
void wt_exit_limit_end(int exit_status, const char *step);

/* Ends the process at once with the newest status, or with 1 if none was set. Async-signal-safe. */
_Noreturn void wt_exit_now(void);

#endif
