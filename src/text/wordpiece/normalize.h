/* normalize.h: normalizes characters of raw text as the tokenizer's options ask: cleans,
 * decomposes, strips accents, lowercases. The vocabulary's tokens are written in this form. Pure.
 * Thread: any. */
#ifndef WIRETAG_TEXT_WORDPIECE_NORMALIZE_H
#define WIRETAG_TEXT_WORDPIECE_NORMALIZE_H

#include "text/tables/symbols.h"

#include <stdbool.h>
#include <stdint.h>

#define WT_WORD_CHARACTERS_MAX 100u

/* Special values in `low_symbols`, in place of a symbol. */
#define WT_LOW_DROPPED UINT32_MAX /* normalization removes the character */
#define WT_LOW_COMPLEX                                                                             \
    (UINT32_MAX - 1u) /* it becomes several characters, or needs canonical order */
#define WT_LOW_COUNT 0x800u

/* The normalization that the tokenizer's options ask for. */
struct wt_normalization {
    bool lowercase;
    bool strips_accents;   /* "auto" is resolved */
    uint32_t dropped_mask; /* Unicode properties of characters that are removed */
};

/* A word during normalization. A longer word is [UNK] whatever it contains, so characters that do
 * not fit are only counted. */
struct wt_characters {
    uint32_t items[WT_WORD_CHARACTERS_MAX];
    uint32_t count;     /* all characters, stored or not */
    uint32_t run_start; /* start of the run of marks that canonical order may still sort */
};

/* How many characters are in `items`. */
uint32_t wt_characters_stored(const struct wt_characters *characters);

/* Appends one character of the raw text: cleaned, decomposed, without accents and in lowercase, as
 * the options ask. */
void wt_normalize_character(const struct wt_normalization *normalization,
                            struct wt_characters *characters, uint32_t code_point);

/* The symbol of a code point below WT_LOW_COUNT, or WT_LOW_DROPPED or WT_LOW_COMPLEX. */
uint32_t wt_normalize_low_symbol(const struct wt_normalization *normalization,
                                 const struct wt_symbols *symbols, uint32_t code_point);

#endif
