/* client_log.h: librdkafka's log lines and errors in wiretag's words, each once.
 *
 * A failed connection reaches the program twice: at once as a log line, on the thread that saw it, and as
 * an error event whenever its client is served next. What the log has had is not said again, and what a
 * stage says in its own words, with what it does about it, is left to that. */
#ifndef WIRETAG_KAFKA_CLIENT_LOG_H
#define WIRETAG_KAFKA_CLIENT_LOG_H

#include "observe/log.h"

#include <stdbool.h>
#include <stddef.h>

/* The line for a log line of librdkafka: `level` is syslog's, 0 (emergency) to 7 (debug). Writes the words
 * to `text` and returns ours. Pure. */
enum wt_log_level wt_client_log(int level, const char *facility, const char *message, char *text,
                                size_t text_bytes);

/* Notes that the log has this message of librdkafka. Thread: any. */
void wt_client_log_note(const char *message);

/* Notes a line of ours. False: it was noted within the last minute. Thread: any. */
bool wt_client_log_first(const char *text);

/* A note of the last minute is `reason`. Thread: any. */
bool wt_client_log_known(const char *reason);

#endif
