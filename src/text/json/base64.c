#include "text/json/base64.h"

/* The value of a character; -1: it has none. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool wt_base64_decode(const char *text, size_t count, uint8_t *out, size_t *bytes_out)
{
    size_t padding = 0;
    size_t bytes = 0;
    if (count % 4 != 0) {
        return false;
    }
    while (padding < 2 && padding < count && text[count - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < count; i += 4) {
        size_t used = i + 4 == count ? 4 - padding : 4;
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            int value = j < used ? value_of(text[i + j]) : 0;
            if (value < 0) {
                return false;
            }
            group = group << 6 | (uint32_t)value;
        }
        if ((group & ((1u << 8 * (4 - used)) - 1u)) != 0) {
            return false; /* bits behind the last byte */
        }
        for (size_t j = 0; j + 1 < used; j++) {
            out[bytes++] = (uint8_t)(group >> (16 - 8 * j));
        }
    }
    *bytes_out = bytes;
    return true;
}
