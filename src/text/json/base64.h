/* base64.h: decodes base64 (RFC 4648, section 4). Pure. Thread: any. */
#ifndef WIRETAG_TEXT_JSON_BASE64_H
#define WIRETAG_TEXT_JSON_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The room that decoding needs. */
#define WT_BASE64_BYTES(count) ((count) / 4 * 3)

/* Decodes `count` characters to `out`, which has room for WT_BASE64_BYTES(count). False: not base64
 * with its padding. */
bool wt_base64_decode(const char *text, size_t count, uint8_t *out, size_t *bytes_out);

#endif
