/* grapheme.h: extended grapheme clusters (Unicode annex 29, rules GB3 to GB11), with the answers of
 * Hugging Face: the tables are generated from the behaviour of the `tokenizers` package
 * (scripts/tools/generate_graphemes.py).
 *
 * Only clusters of less than six bytes matter to the package, and a pair of regional indicators has
 * eight. So they have no class here, and each is a cluster of its own. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_UNICODE_GRAPHEME_H
#define WIRETAG_TEXT_UNICODE_GRAPHEME_H

#include <stddef.h>
#include <stdint.h>

#define WT_GRAPHEME_PAGE_BITS 6u

/* The classes; Extended_Pictographic is "pictograph". */
enum wt_grapheme_class {
    WT_GRAPHEME_OTHER,
    WT_GRAPHEME_CONTROL,
    WT_GRAPHEME_CR,
    WT_GRAPHEME_LF,
    WT_GRAPHEME_EXTEND,
    WT_GRAPHEME_ZWJ,
    WT_GRAPHEME_SPACING,
    WT_GRAPHEME_PREPEND,
    WT_GRAPHEME_CONSONANT,
    WT_GRAPHEME_HANGUL_L,
    WT_GRAPHEME_HANGUL_V,
    WT_GRAPHEME_HANGUL_T,
    WT_GRAPHEME_HANGUL_LV,
    WT_GRAPHEME_HANGUL_LVT,
    WT_GRAPHEME_PICTOGRAPH
};

/* The bits of a value in the tables: a class, and two properties for rule GB9c. */
#define WT_GRAPHEME_CLASS 15u
#define WT_GRAPHEME_LINKER 16u
#define WT_GRAPHEME_CONJUNCT_EXTEND 32u

extern const uint8_t wt_grapheme_page_index[0x110000u >> WT_GRAPHEME_PAGE_BITS];
extern const uint8_t wt_grapheme_pages[];

/* The class and bits of a code point up to U+10FFFF. */
static inline uint32_t wt_grapheme_bits(uint32_t code_point)
{
    uint32_t page = wt_grapheme_page_index[code_point >> WT_GRAPHEME_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_GRAPHEME_PAGE_BITS) - 1u);
    return wt_grapheme_pages[page << WT_GRAPHEME_PAGE_BITS | place];
}

/* True if there may be no boundary beside a character with these bits. Between two characters for
 * which it is false there always is one. */
static inline int wt_grapheme_joins(uint32_t bits)
{
    /* All classes but OTHER, CONTROL, LF, CONSONANT and PICTOGRAPH. CR joins with LF. */
    return (0x3EF4u >> (bits & WT_GRAPHEME_CLASS) & 1u) != 0;
}

/* The bytes of the cluster that begins `text`, well-formed UTF-8 of `bytes` > 0 bytes. */
size_t wt_grapheme_bytes(const uint8_t *text, size_t bytes);

#endif
