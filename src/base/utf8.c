#include "base/utf8.h"

#include <stdbool.h>

uint32_t wt_utf8_decode_long(const uint8_t *text, size_t bytes, uint32_t *code_point_out)
{
    uint32_t first = text[0];
    uint32_t length = first < 0xF0u ? 3 : 4;
    if (first < 0xE0u || first > 0xF4u || bytes < length) {
        return 0;
    }
    uint32_t code_point = first & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0u) != 0x80u) {
            return 0;
        }
        code_point = code_point << 6 | (text[i] & 0x3Fu);
    }
    bool overlong = code_point < (length == 3 ? 0x800u : 0x10000u);
    bool surrogate = code_point >= 0xD800u && code_point < 0xE000u;
    if (overlong || surrogate || code_point > 0x10FFFFu) {
        return 0;
    }
    *code_point_out = code_point;
    return length;
}

size_t wt_utf8_malformed(const char *text, size_t bytes)
{
    size_t place = 0;
    while (place < bytes) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode((const uint8_t *)text + place, bytes - place, &code_point);
        if (length == 0) {
            break;
        }
        place += length;
    }
    return place;
}
