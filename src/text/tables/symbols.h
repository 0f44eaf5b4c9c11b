/* symbols.h: numbers the characters of a vocabulary with small numbers.
 *
 * The more frequent a character, the smaller its number (its symbol), so that the common children
 * of a trie node lie close together. Symbol 0 is a character that no token has. Immutable after
 * creation. Thread: any. */
#ifndef WIRETAG_TEXT_TABLES_SYMBOLS_H
#define WIRETAG_TEXT_TABLES_SYMBOLS_H

#include "wiretag/status.h"

#include <stdint.h>

#define WT_SYMBOL_PAGE_BITS 6u

struct wt_symbols {
    uint32_t *pages; /* page 0 is all zero */
    uint32_t count;  /* every symbol is smaller */
    uint16_t page_index[0x110000u >> WT_SYMBOL_PAGE_BITS];
};

/* Numbers the characters by `counts`: how often each of the 0x110000 code points occurs in the
 * tokens. On entry page_index is nonzero for the pages that contain such a code point.
 * WT_MEMORY. */
enum wt_status wt_symbols_number(struct wt_symbols *symbols, const uint32_t *counts);

void wt_symbols_free(struct wt_symbols *symbols);

/* The symbol of a code point. */
static inline uint32_t wt_symbol(const struct wt_symbols *symbols, uint32_t code_point)
{
    uint32_t page = symbols->page_index[code_point >> WT_SYMBOL_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_SYMBOL_PAGE_BITS) - 1u);
    return symbols->pages[page << WT_SYMBOL_PAGE_BITS | place];
}

#endif
