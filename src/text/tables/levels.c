#include "text/tables/levels.h"

#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

/* Keys are read ahead by so many: sorted ones are scattered in memory. */
#define PREFETCH_KEYS 16u

#define CODE_POINTS 0x110000u

enum wt_status wt_levels_create(struct wt_levels *levels, size_t keys, size_t symbols_max,
                                uint32_t roots)
{
    *levels = (struct wt_levels){.scratch = NULL};
    size_t group_bytes = (keys + roots) * sizeof *levels->level;
    size_t order_bytes = (keys + PREFETCH_KEYS) * sizeof *levels->order;
    if (symbols_max >= UINT32_MAX) {
        return WT_MEMORY;
    }
    levels->scratch = wt_pages_alloc(2 * group_bytes + 2 * order_bytes +
                                     (symbols_max + 1) * sizeof *levels->symbols);
    if (levels->scratch == NULL) {
        return WT_MEMORY;
    }
    levels->order = levels->scratch;
    levels->order_other = levels->order + keys + PREFETCH_KEYS;
    levels->level = (struct wt_group *)(levels->order_other + keys + PREFETCH_KEYS);
    levels->next_level = levels->level + keys + roots;
    levels->symbols = (uint32_t *)(levels->next_level + keys + roots);
    memset(levels->order + keys, 0, PREFETCH_KEYS * sizeof *levels->order);
    return WT_OK;
}

enum wt_status wt_levels_spell(struct wt_levels *levels, uint32_t used, struct wt_symbols *numbers)
{
    uint32_t *symbols = levels->symbols;
    uint32_t *counts = calloc(CODE_POINTS, sizeof *counts);
    if (counts == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t c = 0; c < used; c++) {
        if (symbols[c] == WT_LEVELS_END) {
            c++;
            continue;
        }
        counts[symbols[c]]++;
        numbers->page_index[symbols[c] >> WT_SYMBOL_PAGE_BITS] = 1;
    }
    enum wt_status status = wt_symbols_number(numbers, counts);
    free(counts);
    if (status != WT_OK) {
        return status;
    }
    for (uint32_t c = 0; c < used; c++) {
        if (symbols[c] == WT_LEVELS_END) {
            symbols[c++] = 0;
        } else {
            symbols[c] = wt_symbol(numbers, symbols[c]);
        }
    }
    levels->symbol_count = numbers->count;
    levels->distinct = malloc(numbers->count * sizeof *levels->distinct);
    return levels->distinct == NULL ? WT_MEMORY : WT_OK;
}

uint32_t wt_levels_sort(struct wt_levels *levels, struct wt_group *group)
{
    uint64_t *items = levels->order + group->first;
    uint32_t ended = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        __builtin_prefetch(&levels->symbols[(uint32_t)items[i + PREFETCH_KEYS] + 1]);
        uint32_t place = (uint32_t)items[i] + (group->depth > 0);
        uint32_t symbol = levels->symbols[place];
        items[i] = (uint64_t)symbol << 32 | place;
        ended += symbol == 0;
    }
    wt_places_sort(items, levels->order_other + group->first, group->count, levels->symbol_count);
    group->first += ended;
    group->count -= ended;
    return ended;
}

uint32_t wt_levels_children(struct wt_levels *levels, const struct wt_group *group)
{
    const uint64_t *items = levels->order + group->first;
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t symbol = (uint32_t)(items[i] >> 32);
        if (count == 0 || levels->distinct[count - 1] != symbol) {
            levels->distinct[count++] = symbol;
        }
    }
    return count;
}

void wt_levels_descend(struct wt_levels *levels, const struct wt_group *group, uint32_t base,
                       uint32_t child_count)
{
    const uint64_t *items = levels->order + group->first;
    uint32_t start = 0;
    for (uint32_t i = 0; i < child_count; i++) {
        uint32_t end = start;
        while (end < group->count && items[end] >> 32 == levels->distinct[i]) {
            end++;
        }
        uint32_t node = base + levels->distinct[i];
        wt_places_take(&levels->places, node);
        levels->next_level[levels->next_level_count++] =
            (struct wt_group){.node = node,
                              .first = group->first + start,
                              .count = end - start,
                              .depth = group->depth + 1};
        start = end;
    }
}

bool wt_levels_next(struct wt_levels *levels)
{
    struct wt_group *settled = levels->level;
    levels->level = levels->next_level;
    levels->level_count = levels->next_level_count;
    levels->next_level = settled;
    levels->next_level_count = 0;
    return levels->level_count > 0;
}

void wt_levels_free(struct wt_levels *levels)
{
    wt_pages_free(levels->scratch);
    free(levels->distinct);
    wt_places_free(&levels->places);
}
