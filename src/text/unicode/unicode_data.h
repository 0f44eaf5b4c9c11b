/* unicode_data.h: the generated tables of unicode.h. Nothing else includes it. */
#ifndef WIRETAG_TEXT_UNICODE_UNICODE_DATA_H
#define WIRETAG_TEXT_UNICODE_UNICODE_DATA_H

#include <stdint.h>

#define WT_UNICODE_PAGE_BITS 6u

extern const char wt_unicode_source[];

/* Property bits: first the page of a code point, then the code point within the page. */
extern const uint8_t wt_unicode_page_index[0x110000u >> WT_UNICODE_PAGE_BITS];
extern const uint16_t wt_unicode_pages[];

/* Mappings have sorted keys. The values of key i are [starts[i], starts[i + 1]). */
extern const uint32_t wt_unicode_decomposition_count;
extern const uint32_t wt_unicode_decomposition_keys[];
extern const uint16_t wt_unicode_decomposition_starts[];
extern const uint32_t wt_unicode_decomposition_values[];

extern const uint32_t wt_unicode_lowercase_count;
extern const uint32_t wt_unicode_lowercase_keys[];
extern const uint16_t wt_unicode_lowercase_starts[];
extern const uint32_t wt_unicode_lowercase_values[];

#endif
