#include "text/tables/symbols.h"

#include <stddef.h>
#include <stdlib.h>

#define PAGE_SIZE (1u << WT_SYMBOL_PAGE_BITS)
#define PAGE_COUNT (0x110000u >> WT_SYMBOL_PAGE_BITS)

static int compare_descending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a < b) - (a > b);
}

/* Numbers the used pages from 1. Returns the number of pages, including page 0. */
static uint32_t number_pages(struct wt_symbols *symbols)
{
    uint32_t page_count = 1;
    for (uint32_t page = 0; page < PAGE_COUNT; page++) {
        if (symbols->page_index[page] != 0) {
            symbols->page_index[page] = (uint16_t)page_count++;
        }
    }
    return page_count;
}

enum wt_status wt_symbols_number(struct wt_symbols *symbols, const uint32_t *counts)
{
    size_t places = (size_t)number_pages(symbols) * PAGE_SIZE;
    symbols->pages = calloc(places, sizeof *symbols->pages);
    uint64_t *ranked = malloc(places * sizeof *ranked);
    if (symbols->pages == NULL || ranked == NULL) {
        free(ranked);
        return WT_MEMORY;
    }
    uint32_t ranked_count = 0;
    for (uint32_t page = 0; page < PAGE_COUNT; page++) {
        for (uint32_t i = 0; symbols->page_index[page] != 0 && i < PAGE_SIZE; i++) {
            uint32_t code_point = page << WT_SYMBOL_PAGE_BITS | i;
            if (counts[code_point] != 0) {
                ranked[ranked_count++] = (uint64_t)counts[code_point] << 32 | code_point;
            }
        }
    }
    qsort(ranked, ranked_count, sizeof *ranked, compare_descending);
    for (uint32_t i = 0; i < ranked_count; i++) {
        uint32_t code_point = (uint32_t)ranked[i];
        uint32_t page = symbols->page_index[code_point >> WT_SYMBOL_PAGE_BITS];
        symbols->pages[page << WT_SYMBOL_PAGE_BITS | (code_point & (PAGE_SIZE - 1))] = i + 1;
    }
    symbols->count = ranked_count + 1;
    free(ranked);
    return WT_OK;
}

void wt_symbols_free(struct wt_symbols *symbols)
{
    free(symbols->pages);
    symbols->pages = NULL;
}
