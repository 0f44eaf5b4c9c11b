/* client_log.h: rewrites librdkafka's log lines and suppresses repeated ones.
 *
 * librdkafka reports a failed connection twice: at once as a log line, and later as an error event,
 * when its client is polled. A failure that was logged already is not logged again. Lines that
 * repeat what a stage reports itself are logged at debug level only. */
#ifndef WIRETAG_KAFKA_CLIENT_LOG_H
#define WIRETAG_KAFKA_CLIENT_LOG_H

#include "observe/log.h"

#include <stdbool.h>
#include <stddef.h>

/* Rewrites a log line of librdkafka to `text`; returns our level. `level` is a syslog level, 0
 * (emergency) to 7 (debug). Pure. */
enum wt_log_level wt_client_log(int level, const char *facility, const char *message, char *text,
                                size_t text_bytes);

/* Notes that this message of librdkafka was logged. Thread: any. */
void wt_client_log_note(const char *message);

/* Notes that a line of ours was logged. False: it was noted within the last minute. Thread: any. */
bool wt_client_log_first(const char *text);

/* Claims a broker's address, host:port: until a minute is over, wt_client_log_first is false for
 * connection failures of it. False: such a line, or a claim, was noted within the last minute.
 * Thread: any. */
bool wt_client_log_claim(const char *address);

/* True: the message `reason` was noted within the last minute. Thread: any. */
bool wt_client_log_known(const char *reason);

#endif
