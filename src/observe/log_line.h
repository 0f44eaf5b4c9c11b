/* log_line.h: one line of the log while it is put together.
 *
 * For the log, and for whoever prints text of unknown origin. Adding what no longer fits is cut
 * off. Thread: one. */
#ifndef WIRETAG_OBSERVE_LOG_LINE_H
#define WIRETAG_OBSERVE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A message longer than this is cut and ends in an ellipsis. */
#define WT_LOG_MESSAGE_BYTES_MAX 2048u

/* The worst case: every byte of the message becomes \u00NN, plus component, topic, time and braces. */
#define WT_LOG_LINE_BYTES_MAX (6u * WT_LOG_MESSAGE_BYTES_MAX + 4096u)

struct wt_log_line {
    size_t length;
    char bytes[WT_LOG_LINE_BYTES_MAX];
};

void wt_log_line_add(struct wt_log_line *line, const char *bytes, size_t length);
void wt_log_line_add_text(struct wt_log_line *line, const char *text);

/* 127 bytes at most. */
void wt_log_line_print(struct wt_log_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds `text` so that it stays on its line: what is not UTF-8 becomes U+FFFD, control characters
 * are written out; with `json` as inside a JSON string. */
void wt_log_line_add_escaped(struct wt_log_line *line, const char *text, bool json);

#ifdef __cplusplus
}
#endif

#endif
