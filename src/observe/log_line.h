/* log_line.h: builds one line of the log.
 *
 * The log uses it, and so does every command that prints text from outside. What does not fit is
 * cut off.
 * Thread: one. */
#ifndef WIRETAG_OBSERVE_LOG_LINE_H
#define WIRETAG_OBSERVE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A longer message is cut and ends in an ellipsis. */
#define WT_LOG_MESSAGE_BYTES_MAX 2048u

/* The worst case: every byte of the message becomes \u00NN; then component, topic, time and
 * braces. */
#define WT_LOG_LINE_BYTES_MAX (6u * WT_LOG_MESSAGE_BYTES_MAX + 4096u)

struct wt_log_line {
    size_t length;
    char bytes[WT_LOG_LINE_BYTES_MAX];
};

void wt_log_line_add(struct wt_log_line *line, const char *bytes, size_t length);
void wt_log_line_add_text(struct wt_log_line *line, const char *text);

/* Adds at most 127 bytes. */
void wt_log_line_print(struct wt_log_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds `text` so that it cannot leave its line: invalid UTF-8 becomes U+FFFD, control characters
 * are escaped. With `json` the escapes are those of a JSON string. */
void wt_log_line_add_escaped(struct wt_log_line *line, const char *text, bool json);

#ifdef __cplusplus
}
#endif

#endif
