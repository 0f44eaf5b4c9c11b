/* utf8.h: decodes, checks and cuts UTF-8 (RFC 3629). Pure. Thread: any. */
#ifndef WIRETAG_BASE_UTF8_H
#define WIRETAG_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* wt_utf8_decode for sequences that are longer than two bytes or malformed. */
uint32_t wt_utf8_decode_long(const uint8_t *text, size_t bytes, uint32_t *code_point_out);

/* Decodes the code point at `text`, of which `bytes` (> 0) are available. Returns its length in
 * bytes; 0: not well-formed UTF-8 (overlong, surrogate, past U+10FFFF, cut off). */
static inline uint32_t wt_utf8_decode(const uint8_t *text, size_t bytes, uint32_t *code_point_out)
{
    uint32_t first = text[0];
    if (first < 0x80u) {
        *code_point_out = first;
        return 1;
    }
    if (first >= 0xC2u && first < 0xE0u && bytes >= 2 && (text[1] & 0xC0u) == 0x80u) {
        *code_point_out = (first & 0x1Fu) << 6 | (text[1] & 0x3Fu);
        return 2;
    }
    return wt_utf8_decode_long(text, bytes, code_point_out);
}

/* Writes a code point up to U+10FFFF; returns its length in bytes, 1 to 4. */
static inline uint32_t wt_utf8_encode(uint32_t code_point, uint8_t *out)
{
    if (code_point < 0x80u) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point < 0x800u) {
        out[0] = (uint8_t)(0xC0u | code_point >> 6);
        out[1] = (uint8_t)(0x80u | (code_point & 0x3Fu));
        return 2;
    }
    if (code_point < 0x10000u) {
        out[0] = (uint8_t)(0xE0u | code_point >> 12);
        out[1] = (uint8_t)(0x80u | (code_point >> 6 & 0x3Fu));
        out[2] = (uint8_t)(0x80u | (code_point & 0x3Fu));
        return 3;
    }
    out[0] = (uint8_t)(0xF0u | code_point >> 18);
    out[1] = (uint8_t)(0x80u | (code_point >> 12 & 0x3Fu));
    out[2] = (uint8_t)(0x80u | (code_point >> 6 & 0x3Fu));
    out[3] = (uint8_t)(0x80u | (code_point & 0x3Fu));
    return 4;
}

/* Index of the first malformed byte; `bytes` if all is UTF-8. */
size_t wt_utf8_malformed(const char *text, size_t bytes);

/* The largest length, at most `bytes`, at which `text` can be cut between two characters. `text`
 * must be longer than `bytes`. */
static inline size_t wt_utf8_cut(const char *text, size_t bytes)
{
    while (bytes > 0 && ((unsigned char)text[bytes] & 0xC0u) == 0x80u) {
        bytes--;
    }
    return bytes;
}

#endif
