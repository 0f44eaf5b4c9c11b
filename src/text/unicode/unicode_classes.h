/* unicode_classes.h: the character classes that the patterns of a tokenizer.json name.
 *
 * The tables are generated from the behaviour of the `tokenizers` package
 * (scripts/tools/generate_classes.py), like those of unicode.h. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_UNICODE_UNICODE_CLASSES_H
#define WIRETAG_TEXT_UNICODE_UNICODE_CLASSES_H

#include <stdint.h>

#define WT_CLASS_LETTER 1u   /* \p{L} */
#define WT_CLASS_NUMBER 2u   /* \p{N} */
#define WT_CLASS_SPACE 4u    /* \s */
#define WT_CLASS_WORD 8u     /* \w */
#define WT_CLASS_NUMERIC 16u /* what the pre-tokenizer Digits takes for a digit */
#define WT_CLASS_MARK 32u    /* what the normalizer StripAccents removes */
#define WT_CLASS_UPPER 64u   /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
#define WT_CLASS_LOWER 128u  /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */

#define WT_CLASS_PAGE_BITS 6u

extern const uint16_t wt_unicode_class_index[0x110000u >> WT_CLASS_PAGE_BITS];
extern const uint8_t wt_unicode_class_pages[];
extern const uint8_t wt_unicode_class_low[0x800]; /* of the first code points, in one step */

/* The classes of a code point up to U+10FFFF. */
static inline uint32_t wt_unicode_classes(uint32_t code_point)
{
    uint32_t page = wt_unicode_class_index[code_point >> WT_CLASS_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_CLASS_PAGE_BITS) - 1u);
    return wt_unicode_class_pages[page << WT_CLASS_PAGE_BITS | place];
}

#endif
