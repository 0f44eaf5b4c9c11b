/* normal_form_data.h: the generated tables of normal_form.c. Nothing else includes it. */
#ifndef WIRETAG_TEXT_UNICODE_NORMAL_FORM_DATA_H
#define WIRETAG_TEXT_UNICODE_NORMAL_FORM_DATA_H

#include <stdint.h>

#define WT_NORMAL_FORM_PAGE_BITS 6u

/* The bits of a code point. */
#define WT_NORMAL_FORM_CLASS 0xFFu    /* canonical combining class */
#define WT_NORMAL_FORM_CHANGED 0x100u /* NFC changes it; the next three bits: NFD, NFKC, NFKD */
#define WT_NORMAL_FORM_SECOND 0x1000u /* may be composed with the character before it */

/* Bits: first the page of a code point, then the code point within the page. */
extern const uint8_t wt_normal_form_page_index[0x110000u >> WT_NORMAL_FORM_PAGE_BITS];
extern const uint16_t wt_normal_form_pages[];

/* Full compatibility decompositions, where they are not the canonical ones. The keys are sorted;
 * the values of key i are [starts[i], starts[i + 1]). */
extern const uint32_t wt_compatibility_count;
extern const uint32_t wt_compatibility_keys[];
extern const uint16_t wt_compatibility_starts[];
extern const uint32_t wt_compatibility_values[];

/* What pairs of characters are composed to, less Hangul. Sorted keys: first << 32 | second. */
extern const uint32_t wt_composition_count;
extern const uint64_t wt_composition_keys[];
extern const uint32_t wt_composition_values[];

#endif
