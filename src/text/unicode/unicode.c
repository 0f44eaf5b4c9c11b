#include "text/unicode/unicode.h"

#include <stdbool.h>

/* Index of `key` in the sorted `keys`; `count` if it is not there. */
static uint32_t find_key(const uint32_t *keys, uint32_t count, uint32_t key)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && keys[low] == key ? low : count;
}

/* Hangul syllables are decomposed by arithmetic (Unicode, section 3.12). */
static uint32_t decompose_hangul(uint32_t code_point, uint32_t *out)
{
    uint32_t index = code_point - 0xAC00u;
    out[0] = 0x1100u + index / 588u;
    out[1] = 0x1161u + index % 588u / 28u;
    out[2] = 0x11A7u + index % 28u;
    return index % 28u == 0 ? 2 : 3;
}

uint32_t wt_unicode_decompose(uint32_t code_point, uint32_t out[WT_UNICODE_DECOMPOSITION_MAX])
{
    out[0] = code_point;
    if ((wt_unicode_properties(code_point) & WT_UNICODE_DECOMPOSES) == 0) {
        return 1;
    }
    if (code_point >= 0xAC00u && code_point < 0xD7A4u) {
        return decompose_hangul(code_point, out);
    }
    uint32_t key =
        find_key(wt_unicode_decomposition_keys, wt_unicode_decomposition_count, code_point);
    uint32_t start = wt_unicode_decomposition_starts[key];
    uint32_t count = wt_unicode_decomposition_starts[key + 1] - start;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = wt_unicode_decomposition_values[start + i];
    }
    return count;
}

uint32_t wt_unicode_lowercase(uint32_t code_point, uint32_t out[WT_UNICODE_LOWERCASE_MAX])
{
    out[0] = code_point;
    if ((wt_unicode_properties(code_point) & WT_UNICODE_LOWERS) == 0) {
        return 1;
    }
    uint32_t key = find_key(wt_unicode_lowercase_keys, wt_unicode_lowercase_count, code_point);
    uint32_t start = wt_unicode_lowercase_starts[key];
    uint32_t count = wt_unicode_lowercase_starts[key + 1] - start;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = wt_unicode_lowercase_values[start + i];
    }
    return count;
}
