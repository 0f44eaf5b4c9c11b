/* json_string.c: the strings of JSON. */
#include "base/utf8.h"
#include "text/json/json_internal.h"

#include <assert.h>
#include <string.h>

static int32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits; -1: there are none. */
static int32_t take_unit(struct wt_json *json)
{
    int32_t unit = 0;
    if (json->count - json->place < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int32_t digit = hex_digit(json->bytes[json->place + (size_t)i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    json->place += 4;
    return unit;
}

static bool append_code_point(struct wt_json *json, uint32_t code_point)
{
    uint8_t bytes[4];
    uint32_t count = wt_utf8_encode(code_point, bytes);
    if (!wt_text_buffer_append(&json->decoded, bytes, count)) {
        (void)wt_json_out_of_memory(json);
        return false;
    }
    return true;
}

/* What follows "\u": a code point, of two units if the first is half of a surrogate pair. */
static bool decode_unicode(struct wt_json *json)
{
    int32_t unit = take_unit(json);
    if (unit < 0) {
        return wt_json_malformed(json, "four hexadecimal digits are expected after \\u");
    }
    uint32_t code_point = (uint32_t)unit;
    if (unit >= 0xD800 && unit < 0xE000) {
        bool pair = unit < 0xDC00 && json->count - json->place >= 2 &&
                    memcmp(json->bytes + json->place, "\\u", 2) == 0;
        json->place += pair ? 2 : 0;
        int32_t low = pair ? take_unit(json) : -1;
        if (low < 0xDC00 || low >= 0xE000) {
            return wt_json_malformed(json, "half of a surrogate pair stands alone");
        }
        code_point = 0x10000u + ((code_point - 0xD800u) << 10) + ((uint32_t)low - 0xDC00u);
    }
    return append_code_point(json, code_point);
}

/* What follows a backslash. */
static bool decode_escape(struct wt_json *json)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = (char)(json->place < json->count ? json->bytes[json->place++] : '\0');
    if (c == 'u') {
        return decode_unicode(json);
    }
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter == NULL) {
        return wt_json_malformed(json, "there is no such escape");
    }
    return append_code_point(json, (uint8_t)meanings[letter - letters]);
}

/* The length of the characters up to a quote, a backslash or a control character. */
static size_t plain_bytes(const struct wt_json *json)
{
    size_t end = json->place;
    while (end < json->count && json->bytes[end] != '"' && json->bytes[end] != '\\' &&
           (uint8_t)json->bytes[end] >= 0x20) {
        end++;
    }
    return end - json->place;
}

/* The rest of a string that has an escape; `start` is behind its quote. */
static bool decode_string(struct wt_json *json, size_t start)
{
    json->decoded.count = 0;
    if (!wt_text_buffer_append(&json->decoded, json->bytes + start, json->place - start)) {
        (void)wt_json_out_of_memory(json);
        return false;
    }
    while (json->place < json->count && json->bytes[json->place] == '\\') {
        json->place++;
        if (!decode_escape(json)) {
            return false;
        }
        size_t bytes = plain_bytes(json);
        if (!wt_text_buffer_append(&json->decoded, json->bytes + json->place, bytes)) {
            (void)wt_json_out_of_memory(json);
            return false;
        }
        json->place += bytes;
    }
    return true;
}

bool wt_json_take_string(struct wt_json *json, struct wt_json_text *text_out)
{
    assert(json->bytes[json->place] == '"');
    size_t start = ++json->place;
    size_t bytes = plain_bytes(json);
    json->place += bytes;
    *text_out = (struct wt_json_text){.bytes = json->bytes + start, .count = bytes};
    if (json->place < json->count && json->bytes[json->place] == '\\') {
        if (!decode_string(json, start)) {
            return false;
        }
        *text_out = (struct wt_json_text){.bytes = (const char *)json->decoded.bytes,
                                          .count = json->decoded.count};
    }
    if (json->place == json->count || json->bytes[json->place] != '"') {
        return wt_json_malformed(json, json->place == json->count
                                           ? "the text has no end"
                                           : "a control character in a text must be escaped");
    }
    json->place++;
    return true;
}
