/* text_buffer.h: a growing array of bytes that reports when memory runs out. Thread: one. */
#ifndef WIRETAG_TEXT_TABLES_TEXT_BUFFER_H
#define WIRETAG_TEXT_TABLES_TEXT_BUFFER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* All zero: empty. */
struct wt_text_buffer {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
};

/* Makes room for `more` bytes behind the ones that are there. False: out of memory; the buffer
 * stays as it was. */
static inline bool wt_text_buffer_reserve(struct wt_text_buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->count >= more) {
        return true;
    }
    size_t capacity = buffer->capacity * 2 + more + 256;
    uint8_t *bytes = capacity > more ? realloc(buffer->bytes, capacity) : NULL;
    if (bytes == NULL) {
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

/* False: out of memory. */
static inline bool wt_text_buffer_append(struct wt_text_buffer *buffer, const void *bytes,
                                         size_t count)
{
    if (!wt_text_buffer_reserve(buffer, count)) {
        return false;
    }
    if (count > 0) {
        assert(buffer->bytes != NULL && bytes != NULL);
        memcpy(buffer->bytes + buffer->count, bytes, count);
    }
    buffer->count += count;
    return true;
}

static inline void wt_text_buffer_free(struct wt_text_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct wt_text_buffer){.bytes = NULL};
}

#endif
