/* log.h: the log on stderr: one line per event, text on a terminal, JSON objects elsewhere.
 *
 * 12:03:04 INFO  consume  joined the group
 * {"time":"2025-01-31T12:03:04.005Z","level":"info","component":"consume","message":"joined"}
 *
 * Where systemd's journal reads stderr, a line begins with its priority, such as <6>.
 * Initialize it once before threads start; after that any thread may call any function. A line is
 * written with one write call, so lines never mix. Lines that nobody reads are dropped and counted.
 * Bytes that are not UTF-8 become U+FFFD. In text, control characters are written as \xNN: no message
 * can forge a second line or control the terminal. An article's text needs log.texts. */
#ifndef WIRETAG_OBSERVE_LOG_H
#define WIRETAG_OBSERVE_LOG_H

#include "observe/log_line.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wt_log_level { WT_LOG_DEBUG, WT_LOG_INFO, WT_LOG_WARN, WT_LOG_ERROR };
enum wt_log_format { WT_LOG_AUTO, WT_LOG_TEXT, WT_LOG_JSON };

/* Without this call the level is `info` and the format `auto`. Thread: the main one, before others
 * start. */
void wt_log_init(enum wt_log_level level_min, enum wt_log_format format);

bool wt_log_wanted(enum wt_log_level level);

/* True if lines for `file` may be coloured: it is a terminal, and neither NO_COLOR nor TERM=dumb
 * forbids it. */
bool wt_log_colours(int file);

/* Writes one line. `component` is the stage or file that logs, such as "consume". A line equal to
 * one of the last few is held back for ten seconds; then the number of repeats is reported. errno
 * is preserved. Waits for the reader at most a fifth of a second. Locks: takes the log's. */
void wt_log(enum wt_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For a process that is about to exit: writes the line only if the reader of stderr takes it
 * without waiting, and waits only a moment for other threads that log. Otherwise the line is
 * dropped. Thread: any. */
void wt_log_promptly(enum wt_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The record that a line is about. */
struct wt_log_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *trace_id; /* 32 hex digits; "" or NULL: none */
};

/* How many lines that differ only in their record are written within ten seconds; more are
 * counted. */
#define WT_LOG_RECORDS_MAX 10u

/* Logs about one record. Its topic, partition, offset and trace id come before the message, or are
 * keys of the JSON object. */
void wt_log_about(enum wt_log_level level, const char *component,
                  const struct wt_log_record *record, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Logs about one partition. Topic and partition are keys of the JSON object; the message must name
 * them itself for the text form. Thread: any. */
void wt_log_partition(enum wt_log_level level, const char *component, const char *topic,
                      int32_t partition, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* True if text is logged to a terminal, so that a status line can be shown. Thread: any. */
bool wt_log_on_terminal(void);

/* Shows `text`, cut to the terminal's width, below the last line of the log until the next call.
 * NULL or "" removes it. Does nothing if stderr is not a terminal. Thread: any. */
void wt_log_status(const char *text);

/* Reports repeats whose ten seconds have passed, which wt_log does too, and how many lines were
 * dropped, once the log is read again. Call this about once a second. Thread: any. */
void wt_log_tick(void);

/* Reports everything that is still held back. Thread: any; call it at exit. */
void wt_log_flush(void);

#define wt_log_debug(...) wt_log(WT_LOG_DEBUG, __VA_ARGS__)
#define wt_log_info(...) wt_log(WT_LOG_INFO, __VA_ARGS__)
#define wt_log_warn(...) wt_log(WT_LOG_WARN, __VA_ARGS__)
#define wt_log_error(...) wt_log(WT_LOG_ERROR, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
