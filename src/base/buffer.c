#include "base/buffer.h"

#include "base/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256u

static char *room(struct wt_buffer *buffer, size_t count)
{
    if (buffer->capacity - buffer->count < count) {
        size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
        while (capacity - buffer->count < count) {
            capacity *= 2;
        }
        buffer->bytes = wt_realloc(buffer->bytes, capacity);
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->count;
}

void wt_buffer_append(struct wt_buffer *buffer, const void *bytes, size_t count)
{
    if (count > 0) {
        memcpy(room(buffer, count), bytes, count);
        buffer->count += count;
    }
}

void wt_buffer_append_text(struct wt_buffer *buffer, const char *text)
{
    wt_buffer_append(buffer, text, strlen(text));
}

void wt_buffer_append_integer(struct wt_buffer *buffer, int64_t value)
{
    /* Not printf, which is slow: the metrics page has hundreds of numbers. */
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    wt_buffer_append(buffer, digits + at, sizeof digits - at);
}

void wt_buffer_append_number(struct wt_buffer *buffer, double value)
{
    assert(isfinite(value));
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%.6g", value);
    wt_buffer_append(buffer, digits, (size_t)count);
}

void wt_buffer_append_float(struct wt_buffer *buffer, float value)
{
    assert(isfinite(value));
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%.9g", (double)value);
    wt_buffer_append(buffer, digits, (size_t)count);
}

void wt_buffer_append_json_string(struct wt_buffer *buffer, const char *text, size_t count)
{
    static const char short_escapes[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    wt_buffer_append(buffer, "\"", 1);
    size_t plain_from = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        wt_buffer_append(buffer, text + plain_from, i - plain_from);
        plain_from = i + 1;
        char escape[8];
        int escape_count;
        if (byte >= 0x20) {
            escape_count = snprintf(escape, sizeof escape, "\\%c", byte);
        } else if (short_escapes[byte] != '\0') {
            escape_count = snprintf(escape, sizeof escape, "\\%c", short_escapes[byte]);
        } else {
            escape_count = snprintf(escape, sizeof escape, "\\u%04x", byte);
        }
        wt_buffer_append(buffer, escape, (size_t)escape_count);
    }
    wt_buffer_append(buffer, text + plain_from, count - plain_from);
    wt_buffer_append(buffer, "\"", 1);
}

char *wt_buffer_take(struct wt_buffer *buffer, size_t *count_out)
{
    *room(buffer, 1) = '\0';
    char *bytes = buffer->bytes;
    if (count_out != NULL) {
        *count_out = buffer->count;
    }
    *buffer = (struct wt_buffer){0};
    return bytes;
}

void wt_buffer_free(struct wt_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct wt_buffer){0};
}
