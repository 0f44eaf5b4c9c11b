/* unreachable.h: the brokers to which the last connection failed.
 *
 * librdkafka connects only to brokers that it needs at the moment, and its statistics do not tell one
 * that it does not need from one that is down. Its log lines do. One state a process, of at most 32
 * brokers. Thread: any. Locks: its own. */
#ifndef WIRETAG_KAFKA_UNREACHABLE_H
#define WIRETAG_KAFKA_UNREACHABLE_H

#include <stdbool.h>

/* Notes a line of wt_client_log about a failed connection, "broker HOST:PORT: REASON; retrying". A
 * connection that was closed is none: brokers close idle ones. */
void wt_unreachable_note(const char *line);

/* Notes that a client is connected to the broker at `address`, host:port. */
void wt_unreachable_clear(const char *address);

/* True: the last connection to `address` failed, within the last ten minutes. */
bool wt_unreachable(const char *address);

#endif
