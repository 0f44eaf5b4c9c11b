/* refusal.h: the brokers that TLS or SASL keep this worker from, each said once.
 *
 * librdkafka writes a line for every try, each client for itself, and tells its application the same
 * again. Of all these one line is made when a broker begins to refuse, and again when the cause changes;
 * while it lasts it is the stall "security" (stall.h). It is over when the broker lets a client in, or
 * was not tried again for a minute. One state a process. Thread: any. Locks: its own, and the log's and
 * the stalls' while it is held. */
#ifndef WIRETAG_PIPELINE_REFUSAL_H
#define WIRETAG_PIPELINE_REFUSAL_H

#include "pipeline/security_cause.h"

#include <stdbool.h>
#include <stdint.h>

/* True: a line of librdkafka's log is about TLS or SASL; it has been said, in our words, and need not be
 * again. */
bool wt_refusal_logged(const char *line);

/* The same of an error that librdkafka gave out, mostly after it had logged it. */
bool wt_refusal_reported(const char *reason);

/* The broker at `address` (host:port) has let a client in; NULL: any has, after a first start. */
void wt_refusal_over(const char *address);

/* Forgets what was not tried again. `now_us` is of wt_clock_us. */
void wt_refusal_tick(int64_t now_us);

/* Whether a broker refuses this worker now. */
bool wt_refusal_any(void);

/* The newest cause, be it only likely, for whoever asks why no broker can be used. False: there is none. */
bool wt_refusal_last(struct wt_security_cause *cause_out);

#endif
