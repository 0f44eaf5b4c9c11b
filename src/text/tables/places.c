#include "text/tables/places.h"

#include <stdlib.h>
#include <string.h>

/* A node's children go to the first free places within this many blocks of 64 places; if there are
 * none, to the end of the array. */
#define BASE_BLOCKS_MAX 64u
#define INSERTION_MAX 32u

bool wt_places_reserve(struct wt_places *places, uint32_t capacity)
{
    uint32_t words = capacity / 64 + 1;
    if (words <= places->used_words) {
        return true;
    }
    uint64_t *used = realloc(places->used, words * sizeof *used);
    if (used == NULL) {
        return false;
    }
    memset(used + places->used_words, 0, (words - places->used_words) * sizeof *used);
    places->used = used;
    places->used_words = words;
    return true;
}

void wt_places_free(struct wt_places *places)
{
    free(places->used);
    *places = (struct wt_places){.used = NULL};
}

/* 64 bits of the map, from `place` on. */
static uint64_t used_from(const struct wt_places *places, uint32_t place)
{
    uint32_t word = place / 64;
    uint32_t shift = place % 64;
    uint64_t low = word < places->used_words ? places->used[word] : 0;
    uint64_t high = word + 1 < places->used_words ? places->used[word + 1] : 0;
    return shift == 0 ? low : low >> shift | high << (64 - shift);
}

/* Tests 64 bases at a time, starting where one was last found for as many children. */
uint32_t wt_places_find(struct wt_places *places, uint32_t end, const uint32_t *symbols,
                        uint32_t count)
{
    uint32_t kind = count < WT_PLACES_KINDS ? count : WT_PLACES_KINDS - 1;
    uint32_t base = places->cursors[kind];
    for (uint32_t block = 0; block < BASE_BLOCKS_MAX; block++, base += 64) {
        uint64_t taken = 0;
        for (uint32_t i = 0; i < count && taken != UINT64_MAX; i++) {
            taken |= used_from(places, base + symbols[i]);
        }
        if (taken != UINT64_MAX) {
            places->cursors[kind] = base;
            return base + (uint32_t)__builtin_ctzll(~taken);
        }
    }
    places->cursors[kind] = end;
    return end;
}

static void sort_few(uint64_t *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        uint32_t place = i;
        for (; place > 0 && items[place - 1] > item; place--) {
            items[place] = items[place - 1];
        }
        items[place] = item;
    }
}

void wt_places_sort(uint64_t *items, uint64_t *other, uint32_t count, uint32_t upper_end)
{
    if (count <= INSERTION_MAX) {
        sort_few(items, count);
        return;
    }
    for (uint32_t shift = 32; upper_end >> (shift - 32) != 0; shift += 8) {
        uint32_t starts[257] = {0};
        for (uint32_t i = 0; i < count; i++) {
            starts[(items[i] >> shift & 0xFFu) + 1]++;
        }
        for (uint32_t i = 0; i < 256; i++) {
            starts[i + 1] += starts[i];
        }
        for (uint32_t i = 0; i < count; i++) {
            other[starts[items[i] >> shift & 0xFFu]++] = items[i];
        }
        memcpy(items, other, count * sizeof *items);
    }
}
