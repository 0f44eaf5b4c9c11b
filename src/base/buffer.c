#include "base/buffer.h"

#include "base/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256u

void wt_buffer_reserve(struct wt_buffer *buffer, size_t count)
{
    if (buffer->capacity - buffer->count < count) {
        size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
        while (capacity - buffer->count < count) {
            capacity *= 2;
        }
        if (buffer->lent) {
            char *lent = buffer->bytes;
            buffer->bytes = memcpy(wt_alloc(capacity), lent, buffer->count);
            buffer->lent = false;
        } else {
            buffer->bytes = wt_realloc(buffer->bytes, capacity);
        }
        buffer->capacity = capacity;
    }
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

/* Digits of a number, and the least value of as many digits. */
#define NUMBER_DIGITS 6
#define NUMBER_LEAST 100000u

/* Powers of ten up to the last that a double has exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The six digits of a value below 1, rounded, as a number from 100000 to 999999, and how many zeros stand
 * between the point and them. 0: not decided. One multiplication with an exact power errs by less than
 * 1e-9, so the digits are certain unless the rest is about one half. */
static uint32_t six_digits(double value, uint32_t *zeros_out)
{
    uint32_t zeros = 0;
    while (zeros + NUMBER_DIGITS + 1 < sizeof powers / sizeof powers[0] &&
           value * powers[zeros + NUMBER_DIGITS] < NUMBER_LEAST) {
        zeros++;
    }
    double scaled = value * powers[zeros + NUMBER_DIGITS];
    uint32_t digits = (uint32_t)scaled;
    double rest = scaled - digits;
    *zeros_out = zeros;
    if (scaled < NUMBER_LEAST || fabs(rest - 0.5) < 1e-6) {
        return 0;
    }
    digits += rest > 0.5 ? 1 : 0;
    return digits < 10 * NUMBER_LEAST ? digits : 0;
}

/* Writes 0.0ddd or d.dde-05 as printf's %.6g does; returns how many bytes. */
static size_t write_digits(uint32_t digits, uint32_t zeros, char *out)
{
    char digit[NUMBER_DIGITS];
    size_t count = NUMBER_DIGITS;
    for (size_t i = NUMBER_DIGITS; i-- > 0; digits /= 10) {
        digit[i] = (char)('0' + digits % 10);
    }
    while (digit[count - 1] == '0') {
        count--;
    }
    if (zeros < 4) {
        memcpy(out, "0.0000", 2 + zeros);
        memcpy(out + 2 + zeros, digit, count);
        return 2 + zeros + count;
    }
    size_t bytes = 0;
    out[bytes++] = digit[0];
    if (count > 1) {
        out[bytes++] = '.';
        memcpy(out + bytes, digit + 1, count - 1);
        bytes += count - 1;
    }
    uint32_t exponent = zeros + 1;
    out[bytes++] = 'e';
    out[bytes++] = '-';
    out[bytes++] = (char)('0' + exponent / 10);
    out[bytes++] = (char)('0' + exponent % 10);
    return bytes;
}

void wt_buffer_append_number(struct wt_buffer *buffer, double value)
{
    assert(isfinite(value));
    char digits[32];
    uint32_t zeros = 0;
    /* Scores lie between 0 and 1. printf takes a thousand instructions for one. */
    uint32_t six = value > 0 && value < 1 ? six_digits(value, &zeros) : 0;
    size_t count = six != 0 ? write_digits(six, zeros, digits)
                            : (size_t)snprintf(digits, sizeof digits, "%.6g", value);
    wt_buffer_append(buffer, digits, count);
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

void wt_buffer_append_json_name(struct wt_buffer *buffer, const char *name)
{
    char last = buffer->count > 0 ? buffer->bytes[buffer->count - 1] : '{';
    if (last != '{' && last != '[') {
        wt_buffer_append(buffer, ",", 1);
    }
    if (name != NULL) {
        wt_buffer_append_json_string(buffer, name, strlen(name));
        wt_buffer_append(buffer, ":", 1);
    }
}

char *wt_buffer_take(struct wt_buffer *buffer, size_t *count_out)
{
    wt_buffer_reserve(buffer, 1);
    char *bytes = buffer->bytes;
    bytes[buffer->count] = '\0';
    if (count_out != NULL) {
        *count_out = buffer->count;
    }
    *buffer = (struct wt_buffer){0};
    return bytes;
}

void wt_buffer_free(struct wt_buffer *buffer)
{
    if (!buffer->lent) {
        free(buffer->bytes);
    }
    *buffer = (struct wt_buffer){0};
}
