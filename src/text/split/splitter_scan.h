/* splitter_scan.h: how splitters read characters. The text is known to be UTF-8. */
#ifndef WIRETAG_TEXT_SPLIT_SPLITTER_SCAN_H
#define WIRETAG_TEXT_SPLIT_SPLITTER_SCAN_H

#include "text/unicode/unicode_classes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wt_scan_char {
    uint32_t code_point;
    uint32_t classes;
    uint32_t bytes;
};

/* The character at `text`. */
static inline struct wt_scan_char wt_scan(const uint8_t *text)
{
    struct wt_scan_char c;
    uint32_t first = text[0];
    if (first < 0x80) {
        c.code_point = first;
        c.bytes = 1;
        c.classes = wt_unicode_class_low[first];
    } else if (first < 0xE0) {
        c.code_point = (first & 0x1Fu) << 6 | (text[1] & 0x3Fu);
        c.bytes = 2;
        c.classes = wt_unicode_class_low[c.code_point];
    } else if (first < 0xF0) {
        c.code_point = (first & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
        c.bytes = 3;
        c.classes = wt_unicode_classes(c.code_point);
    } else {
        c.code_point = (first & 0x07u) << 18 | (text[1] & 0x3Fu) << 12 | (text[2] & 0x3Fu) << 6 |
                       (text[3] & 0x3Fu);
        c.bytes = 4;
        c.classes = wt_unicode_classes(c.code_point);
    }
    return c;
}

/* How many of the next four characters are of U+0400 to U+047F, up to the first other one. They are
 * letters, all of them, and their first bytes are D0 and D1. */
static inline uint32_t wt_scan_cyrillic(const uint8_t *text)
{
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    uint64_t other = (bytes & 0x00FE00FE00FE00FEu) ^ 0x00D000D000D000D0u;
    return other == 0 ? 4 : (uint32_t)__builtin_ctzll(other) / 16;
}

/* The same of U+0430 to U+045F, the small letters. */
static inline uint32_t wt_scan_small_cyrillic(const uint8_t *text)
{
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    /* In 16 bits each: the code point less U+0400, and sums whose bit 7 says whether it is large enough and
     * too large. */
    uint64_t places = (bytes & 0x0001000100010001u) << 6 | (bytes >> 8 & 0x003F003F003F003Fu);
    uint64_t enough = places + 0x0050005000500050u;
    uint64_t beyond = places + 0x0020002000200020u;
    uint64_t other = ((bytes & 0x00FE00FE00FE00FEu) ^ 0x00D000D000D000D0u) |
                     ((~enough | beyond) & 0x0080008000800080u);
    return other == 0 ? 4 : (uint32_t)__builtin_ctzll(other) / 16;
}

/* Where the run of characters that have one of `wanted` and none of `unwanted` ends. */
static inline uint32_t wt_scan_run(const uint8_t *text, uint32_t place, uint32_t end,
                                   uint32_t wanted, uint32_t unwanted)
{
    while (place < end) {
        bool small = wanted == WT_CLASS_LOWER;
        if ((wanted == WT_CLASS_LETTER || small) && unwanted == 0 && end - place >= 8) {
            place +=
                2 * (small ? wt_scan_small_cyrillic(text + place) : wt_scan_cyrillic(text + place));
            if (place == end) {
                break;
            }
        }
        struct wt_scan_char c = wt_scan(text + place);
        if ((wanted != 0 && (c.classes & wanted) == 0) || (c.classes & unwanted) != 0) {
            break;
        }
        place += c.bytes;
    }
    return place;
}

#endif
