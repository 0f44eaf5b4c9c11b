#include "text/wordpiece/normalize.h"

#include "text/unicode/unicode.h"

uint32_t wt_characters_stored(const struct wt_characters *characters)
{
    return characters->count < WT_WORD_CHARACTERS_MAX ? characters->count : WT_WORD_CHARACTERS_MAX;
}

/* Appends a character at its place in canonical order. No mark with a canonical order has a
 * lowercase form, so the stored characters are enough to decide the order. */
static void append(struct wt_characters *characters, uint32_t code_point, unsigned order)
{
    uint32_t place = wt_characters_stored(characters);
    characters->count++;
    if (order == 0) {
        characters->run_start = characters->count;
    }
    if (place == WT_WORD_CHARACTERS_MAX) {
        return;
    }
    while (order != 0 && place > characters->run_start &&
           WT_UNICODE_ORDER(wt_unicode_properties(characters->items[place - 1])) > order) {
        characters->items[place] = characters->items[place - 1];
        place--;
    }
    characters->items[place] = code_point;
}

static void append_lowercase(const struct wt_normalization *normalization,
                             struct wt_characters *characters, uint32_t code_point, unsigned order)
{
    uint32_t parts[WT_UNICODE_LOWERCASE_MAX] = {code_point};
    uint32_t part_count = normalization->lowercase ? wt_unicode_lowercase(code_point, parts) : 1;
    for (uint32_t i = 0; i < part_count; i++) {
        append(characters, parts[i], order);
    }
}

void wt_normalize_character(const struct wt_normalization *normalization,
                            struct wt_characters *characters, uint32_t code_point)
{
    if ((wt_unicode_properties(code_point) & normalization->dropped_mask) != 0) {
        return;
    }
    if (!normalization->strips_accents) {
        append_lowercase(normalization, characters, code_point, 0);
        return;
    }
    uint32_t parts[WT_UNICODE_DECOMPOSITION_MAX];
    uint32_t part_count = wt_unicode_decompose(code_point, parts);
    for (uint32_t i = 0; i < part_count; i++) {
        uint32_t properties = wt_unicode_properties(parts[i]);
        unsigned order = WT_UNICODE_ORDER(properties);
        if ((properties & WT_UNICODE_MARK) == 0) {
            append_lowercase(normalization, characters, parts[i], order);
        } else if (order == 0) {
            characters->run_start = characters->count;
        }
    }
}

uint32_t wt_normalize_low_symbol(const struct wt_normalization *normalization,
                                 const struct wt_symbols *symbols, uint32_t code_point)
{
    struct wt_characters characters = {.count = 0};
    wt_normalize_character(normalization, &characters, code_point);
    if (characters.count == 0) {
        return WT_LOW_DROPPED;
    }
    bool ordered = WT_UNICODE_ORDER(wt_unicode_properties(characters.items[0])) != 0;
    if (characters.count > 1 || (normalization->strips_accents && ordered)) {
        return WT_LOW_COMPLEX;
    }
    return wt_symbol(symbols, characters.items[0]);
}
