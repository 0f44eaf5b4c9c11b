/* signals.h: SIGTERM, SIGINT and SIGHUP. */
#ifndef WIRETAG_CLI_SIGNALS_H
#define WIRETAG_CLI_SIGNALS_H

#include "wiretag/status.h"

#include <stdbool.h>

/* For every command: a signal ends the process at once, also where it is the first of its container, for
 * which the kernel's default action does nothing. Thread: main, before others start. */
void wt_signals_end_process(void);

/* For commands that have something to finish: keeps the signals from this thread and all it will start. */
void wt_signals_block(void);

/* SIGHUP is logged and stops nothing: it asks a worker to read its configuration anew, which is to come.
 * Before wt_signals_start. */
void wt_signals_stay_on_hangup(void);

/* From now on the first signal calls `stop`, on a thread of its own, so that it may take locks; another
 * SIGTERM or SIGINT ends the process at once (exit_limit.h), to its last moment. `command` is for the
 * log. Once a process, after wt_signals_block. WT_FAILED (class fatal): there is no thread. */
enum wt_status wt_signals_start(const char *command, void (*stop)(void *opaque), void *opaque,
                                struct wt_error *error);

/* A first signal has come. */
bool wt_signals_came(void);

/* `stop` is not called any more; if it is running, waits for its end. From now on any signal ends the
 * process at once. */
void wt_signals_end(void);

#endif
