/* security_status.h: the brokers that TLS or SASL keep this worker from, each said once.
 *
 * librdkafka writes a line for every try, each client for itself, and tells its application the same
 * again. Of all these one line is made when a broker begins to refuse, and again when the cause changes;
 * while it lasts it is the stall "security" (stall.h). It is over when the broker lets a client in, or
 * was not tried again for a minute. One state a process. Thread: any. Locks: its own, and the log's and
 * the stalls' while it is held. */
#ifndef WIRETAG_KAFKA_SECURITY_STATUS_H
#define WIRETAG_KAFKA_SECURITY_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* True: a line of librdkafka's log is about TLS or SASL; it has been said, in our words, and need not be
 * again. */
bool wt_security_note_log(const char *line);

/* The same of an error that librdkafka gave out, mostly after it had logged it. */
bool wt_security_note_error(const char *reason);

/* The broker at `address` (host:port) has let a client in; NULL: any has, after a first start. Called
 * again and again while it does. */
void wt_security_let_in(const char *address);

/* The same, of a log-in (SASL) that has come through just now: what speaks at `address` has a listener for
 * SASL, until nothing can be connected to there. */
void wt_security_logged_in(const char *address);

/* Forgets what was not tried again. `now_us` is of wt_clock_us. */
void wt_security_tick(int64_t now_us);

/* Whether a broker refuses this worker now. */
bool wt_security_refused(void);

#endif
