/* unicode.h: the Unicode properties that BERT tokenization needs, with the answers of Hugging Face.
 *
 * The tables are generated from the behaviour of the `tokenizers` package
 * (scripts/tools/generate_unicode.py). Its functions use different Unicode versions; tables of one
 * newer version would give other ids. Pure functions. Thread: any. */
#ifndef WIRETAG_TEXT_UNICODE_UNICODE_H
#define WIRETAG_TEXT_UNICODE_UNICODE_H

#include "text/unicode/unicode_data.h"

#include <stddef.h>
#include <stdint.h>

/* The bits of a property word. */
#define WT_UNICODE_SPACE 1u       /* ends a word and is dropped */
#define WT_UNICODE_OTHER 2u       /* removed by text cleaning, even if it is also white space */
#define WT_UNICODE_PUNCTUATION 4u /* a word of its own */
#define WT_UNICODE_IDEOGRAPH 8u   /* a word of its own with handle_chinese_chars */
#define WT_UNICODE_MARK 16u       /* removed by accent stripping */
#define WT_UNICODE_DECOMPOSES 32u /* has a canonical decomposition */
#define WT_UNICODE_LOWERS 64u     /* has a lowercase form other than itself */
#define WT_UNICODE_PUNCTUATION_WHEN_STRIPPED                                                       \
    128u /* its decomposition less marks is punctuation                                            \
          */

/* Canonical order: 0 starts a new run; within a run characters are sorted by this value. It ranks
 * the combining classes of the marks that stripping keeps; for the marks that it removes, only "not
 * 0" matters. */
#define WT_UNICODE_ORDER(properties) ((unsigned)(properties) >> 8)

#define WT_UNICODE_DECOMPOSITION_MAX 4u
#define WT_UNICODE_LOWERCASE_MAX 2u

/* The property bits of a code point up to U+10FFFF. */
static inline uint32_t wt_unicode_properties(uint32_t code_point)
{
    uint32_t page = wt_unicode_page_index[code_point >> WT_UNICODE_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_UNICODE_PAGE_BITS) - 1u);
    return wt_unicode_pages[page << WT_UNICODE_PAGE_BITS | place];
}

/* Writes the full canonical decomposition, or the code point itself if it has none. Returns the
 * length. */
uint32_t wt_unicode_decompose(uint32_t code_point, uint32_t out[WT_UNICODE_DECOMPOSITION_MAX]);

/* The same for the lowercase form. */
uint32_t wt_unicode_lowercase(uint32_t code_point, uint32_t out[WT_UNICODE_LOWERCASE_MAX]);

#endif
