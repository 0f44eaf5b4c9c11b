/* buffer.h: bytes that grow, and JSON written straight into them.
 *
 * Zero-initialized is empty. The bytes are NUL-terminated after wt_buffer_take. Thread: one. */
#ifndef WIRETAG_BASE_BUFFER_H
#define WIRETAG_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct wt_buffer {
    char *bytes;
    size_t count;
    size_t capacity;
};

void wt_buffer_append(struct wt_buffer *buffer, const void *bytes, size_t count);
void wt_buffer_append_text(struct wt_buffer *buffer, const char *text);
void wt_buffer_append_integer(struct wt_buffer *buffer, int64_t value);

/* A JSON number of six significant digits, enough to tell any two printed probabilities apart;
 * `value` must be finite. */
void wt_buffer_append_number(struct wt_buffer *buffer, double value);

/* The same of nine digits: tells any two floats apart. */
void wt_buffer_append_float(struct wt_buffer *buffer, float value);

/* A JSON string of `count` bytes of valid UTF-8, quotes included; RFC 8259 escapes. */
void wt_buffer_append_json_string(struct wt_buffer *buffer, const char *text, size_t count);

/* The bytes, now the caller's to free, with a NUL behind them; the buffer is empty again. */
char *wt_buffer_take(struct wt_buffer *buffer, size_t *count_out);

void wt_buffer_free(struct wt_buffer *buffer);

#endif
