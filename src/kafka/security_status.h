/* security_status.h: the brokers that refuse this worker because of TLS or SASL, each logged once.
 *
 * librdkafka logs every failed attempt of every client, and reports it again as an error event. Here
 * one line is logged when a broker begins to refuse, and one when the cause changes. While the
 * refusal lasts, the worker has the stall `security` (stall.h). A refusal ends when the broker lets
 * a client in, or when nothing was reported for a minute. One state a process. Thread: any. Locks:
 * its own; the log's and the stalls' while it holds its own. */
#ifndef WIRETAG_KAFKA_SECURITY_STATUS_H
#define WIRETAG_KAFKA_SECURITY_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* Notes a line of librdkafka's log. True: it is about TLS or SASL and has been logged in our
 * words. */
bool wt_security_note_log(const char *line);

/* The same for an error event, which mostly repeats a log line. */
bool wt_security_note_error(const char *reason);

/* Notes that the broker at `address` (host:port) lets clients in; NULL: an unknown broker does.
 * Called repeatedly while it does. */
void wt_security_let_in(const char *address);

/* The same after a SASL log-in has succeeded. From then on `address` counts as a SASL listener,
 * until it refuses connections. */
void wt_security_logged_in(const char *address);

/* Forgets refusals that were not repeated. `now_us` is a time of wt_clock_us. */
void wt_security_tick(int64_t now_us);

/* True: a broker refuses this worker now. */
bool wt_security_refused(void);

#endif
