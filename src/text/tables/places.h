/* places.h: where the nodes of a double array go while it is built. Thread: one. */
#ifndef WIRETAG_TEXT_TABLES_PLACES_H
#define WIRETAG_TEXT_TABLES_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#define WT_PLACES_KINDS 16u

/* The places of an array that are taken; behind the end of the map all are free. */
struct wt_places {
    uint64_t *used; /* one bit for each place */
    uint32_t used_words;
    uint32_t cursors[WT_PLACES_KINDS]; /* by number of children: where to look for a base */
};

/* Makes the map as long as `capacity` places at least. False: out of memory. */
bool wt_places_reserve(struct wt_places *places, uint32_t capacity);

void wt_places_free(struct wt_places *places);

/* Marks a place within the map as taken. */
static inline void wt_places_take(struct wt_places *places, uint32_t place)
{
    places->used[place / 64] |= UINT64_C(1) << place % 64;
}

/* A base for which base + symbol is free for each of the sorted `symbols`. `end`: from where on
 * everything is free. The search is bounded, which bounds the time of building. */
uint32_t wt_places_find(struct wt_places *places, uint32_t end, const uint32_t *symbols,
                        uint32_t count);

/* Sorts `count` items by their upper halves, all smaller than `upper_end`, then by their lower
 * halves or, where there are many, as they are. `other` has room for as many. */
void wt_places_sort(uint64_t *items, uint64_t *other, uint32_t count, uint32_t upper_end);

#endif
