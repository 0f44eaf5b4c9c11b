/* log.h: one line an event on stderr: text on a terminal, a JSON object elsewhere.
 *
 * Set up once before threads start; after that every function may be called from any thread. A
 * line is written with one write call, so lines never mix. An article's text is never logged. */
#ifndef WIRETAG_BASE_LOG_H
#define WIRETAG_BASE_LOG_H

#include <stdbool.h>

enum wt_log_level { WT_LOG_DEBUG, WT_LOG_INFO, WT_LOG_WARN, WT_LOG_ERROR };
enum wt_log_format { WT_LOG_AUTO, WT_LOG_TEXT, WT_LOG_JSON };

/* Thread: the main one, before others start. */
void wt_log_init(enum wt_log_level level_min, enum wt_log_format format);

bool wt_log_wanted(enum wt_log_level level);

/* Writes one line. `component` is the stage or file that speaks, such as "consume". A line equal
 * to one of the last few is held back for ten seconds and then reported with its count. */
void wt_log(enum wt_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes what is still held back. Thread: the main one, at exit. */
void wt_log_flush(void);

#define wt_log_debug(...) wt_log(WT_LOG_DEBUG, __VA_ARGS__)
#define wt_log_info(...) wt_log(WT_LOG_INFO, __VA_ARGS__)
#define wt_log_warn(...) wt_log(WT_LOG_WARN, __VA_ARGS__)
#define wt_log_error(...) wt_log(WT_LOG_ERROR, __VA_ARGS__)

#endif
