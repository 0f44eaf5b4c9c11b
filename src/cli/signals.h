/* signals.h: SIGTERM and SIGINT, for the commands that run until told to stop. */
#ifndef WIRETAG_CLI_SIGNALS_H
#define WIRETAG_CLI_SIGNALS_H

#include "wiretag/status.h"

struct wt_signals;

/* Keeps the signals from this thread and all it will start. */
void wt_signals_block(void);

/* From now on the first signal calls `stop`, on a thread of its own, so that it may take locks; a second
 * one ends the process at once. `command` is for the log. After wt_signals_block. WT_FAILED (class
 * fatal): there is no thread. */
enum wt_status wt_signals_start(const char *command, void (*stop)(void *opaque), void *opaque,
                                struct wt_signals **signals_out, struct wt_error *error);

/* `stop` is not called any more; if it is running, waits for its end. Accepts NULL. */
void wt_signals_end(struct wt_signals *signals);

#endif
