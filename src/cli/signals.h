/* signals.h: SIGTERM, SIGINT and SIGHUP. */
#ifndef WIRETAG_CLI_SIGNALS_H
#define WIRETAG_CLI_SIGNALS_H

#include "wiretag/status.h"

#include <stdbool.h>

/* For every command: a signal ends the process at once, even if it is the first process of its
 * container, for which the kernel ignores default actions. Thread: main, before others start. */
void wt_signals_end_process(void);

/* For commands that have something to finish: blocks the signals in this thread and all threads it
 * starts later. */
void wt_signals_block(void);

/* SIGHUP stops nothing: it calls `hangup` with the `opaque` of wt_signals_start, on the thread of that; with
 * NULL it is a log line that says `why` nothing happens. Call it before wt_signals_start. */
void wt_signals_stay_on_hangup(void (*hangup)(void *opaque), const char *why);

/* From now on the first signal calls `stop` on a thread of its own, so `stop` may take locks. A
 * second SIGTERM or SIGINT ends the process at once (exit_limit.h) for as long as it lives; one
 * within 20 ms of the first is the same request. `command` is for the log. Once in a process, after
 * wt_signals_block. WT_FAILED (class fatal): the thread cannot be started. */
enum wt_status wt_signals_start(const char *command, void (*stop)(void *opaque), void *opaque,
                                struct wt_error *error);

/* The first signal has arrived. */
bool wt_signals_came(void);

/* From now on `stop` is not called any more, and any signal ends the process at once. If `stop` is
 * running, waits for its end. */
void wt_signals_end(void);

#endif
