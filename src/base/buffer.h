/* buffer.h: a growing array of bytes, with functions that append JSON values to it.
 *
 * A zero-initialized buffer is empty. wt_buffer_take appends a NUL. Thread: one. */
#ifndef WIRETAG_BASE_BUFFER_H
#define WIRETAG_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wt_buffer {
    char *bytes;
    size_t count;
    size_t capacity;
    bool lent; /* the bytes lie in memory of another, until they outgrow it */
};

/* Makes room for `count` more bytes. */
void wt_buffer_reserve(struct wt_buffer *buffer, size_t count);

static inline void wt_buffer_append(struct wt_buffer *buffer, const void *bytes, size_t count)
{
    if (count > 0) {
        if (buffer->capacity - buffer->count < count) {
            wt_buffer_reserve(buffer, count);
        }
        memcpy(buffer->bytes + buffer->count, bytes, count);
        buffer->count += count;
    }
}

/* Inline, so that the length of a literal is known. */
static inline void wt_buffer_append_text(struct wt_buffer *buffer, const char *text)
{
    wt_buffer_append(buffer, text, strlen(text));
}

void wt_buffer_append_integer(struct wt_buffer *buffer, int64_t value);

/* Appends a JSON number of six significant digits, as many as printed probabilities have.
 * `value` must be finite. */
void wt_buffer_append_number(struct wt_buffer *buffer, double value);

/* The same with nine digits, which tell any two floats apart. */
void wt_buffer_append_float(struct wt_buffer *buffer, float value);

/* Appends a JSON string of `count` bytes of valid UTF-8: quotes included, escaped as RFC 8259
 * says. */
void wt_buffer_append_json_string(struct wt_buffer *buffer, const char *text, size_t count);

/* Begins the next value of an object or, if `name` is NULL, of a list: appends a comma unless it is the
 * first, then the name as a JSON string and a colon. */
void wt_buffer_append_json_name(struct wt_buffer *buffer, const char *name);

/* Returns the bytes with a NUL after them, and empties the buffer. The caller frees the bytes, unless they
 * still lie in lent memory. */
char *wt_buffer_take(struct wt_buffer *buffer, size_t *count_out);

void wt_buffer_free(struct wt_buffer *buffer);

#endif
