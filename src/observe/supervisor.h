/* supervisor.h: tells systemd how the worker is, as sd_notify(3) describes it: one datagram a message to the
 * socket that NOTIFY_SOCKET names. libsystemd is not needed for that.
 *
 *   READY=1      when the worker is ready for the first time, as /readyz says
 *   STATUS=...   "ready", or why not; whenever that changes
 *   WATCHDOG=1   at half of WATCHDOG_USEC, as long as no thread is stuck, as /healthz says
 *   STOPPING=1   when the worker has been told to stop
 *
 * A message that cannot be sent is dropped: the worker never waits for systemd. */
#ifndef WIRETAG_OBSERVE_SUPERVISOR_H
#define WIRETAG_OBSERVE_SUPERVISOR_H

#include "observe/http.h"

struct wt_supervisor;

/* Starts a thread that sends the messages and calls `callbacks`, which are copied. NULL: nobody asked for
 * messages (NOTIFY_SOCKET is unset or no socket's address), or no thread can be started. Thread: any. */
struct wt_supervisor *wt_supervisor_start(const struct wt_http_callbacks *callbacks);

/* Sends STOPPING=1; from then on no READY=1. Accepts NULL. Thread: any. */
void wt_supervisor_stopping(struct wt_supervisor *supervisor);

/* Ends the thread. Accepts NULL. Thread: any, but not in a callback. */
void wt_supervisor_destroy(struct wt_supervisor *supervisor);

#endif
