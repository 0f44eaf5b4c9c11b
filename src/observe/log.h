/* log.h: one line an event on stderr: text on a terminal, a JSON object elsewhere.
 *
 *     12:03:04 INFO  consume  joined the group
 *     {"time":"2025-01-31T12:03:04.005Z","level":"info","component":"consume","message":"joined"}
 *
 * Set up once before threads start; after that every function may be called from any thread. A
 * line is written with one write call, so lines never mix. Bytes that are not UTF-8 become U+FFFD
 * and, in text, control characters are written as \xNN: no message can forge a second line or
 * steer a terminal. An article's text is never logged, unless log.texts asks for it. */
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

/* Without it, `info` and `auto` hold. Thread: the main one, before others start. */
void wt_log_init(enum wt_log_level level_min, enum wt_log_format format);

bool wt_log_wanted(enum wt_log_level level);

/* Whether lines for `file` may be coloured: it is a terminal, and neither NO_COLOR nor TERM=dumb
 * forbids it. */
bool wt_log_colours(int file);

/* Writes one line. `component` is the stage or file that speaks, such as "consume". A line equal
 * to one of the last few is held back for ten seconds and then reported with its count. errno is
 * left as it was. Locks: the log's own. */
void wt_log(enum wt_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For a process that is about to end: waits neither for a reader of stderr nor, but for a moment, for
 * threads that do, and leaves the line out instead. Thread: any. */
void wt_log_promptly(enum wt_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The record that a line is about. */
struct wt_log_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *trace_id; /* 32 hex digits; "" or NULL: the record has none */
};

/* Lines that are equal but for their record are written so often in ten seconds, then counted. */
#define WT_LOG_RECORDS_MAX 10u

/* The same about one record: its topic, partition, offset and trace id stand before the message, or
 * are keys of the JSON object. */
void wt_log_about(enum wt_log_level level, const char *component,
                  const struct wt_log_record *record, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* About one partition: its topic and number are keys of the JSON object; the message names it for those who
 * read text. Thread: any. */
void wt_log_partition(enum wt_log_level level, const char *component, const char *topic,
                      int32_t partition, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Text is logged to a terminal, so that a status line can be shown. Thread: any. */
bool wt_log_on_terminal(void);

/* Keeps `text`, cut to the terminal's width, below the last line of the log until the next call;
 * NULL or "" takes it away. Does nothing where nobody watches. Thread: any. */
void wt_log_status(const char *text);

/* Reports repeats whose ten seconds are over; wt_log does it too, this is for quiet times: call it
 * about once a second. Thread: any. */
void wt_log_tick(void);

/* Reports everything still held back. Thread: any; at exit. */
void wt_log_flush(void);

#define wt_log_debug(...) wt_log(WT_LOG_DEBUG, __VA_ARGS__)
#define wt_log_info(...) wt_log(WT_LOG_INFO, __VA_ARGS__)
#define wt_log_warn(...) wt_log(WT_LOG_WARN, __VA_ARGS__)
#define wt_log_error(...) wt_log(WT_LOG_ERROR, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
