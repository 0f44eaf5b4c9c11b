/* normalize.h: characters of raw text as the vocabulary's tokens are written: cleaned, decomposed, without
 * accents, in lowercase, as the tokenizer's options say. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_NORMALIZE_H
#define WIRETAG_TEXT_NORMALIZE_H

#include "text/symbols.h"

#include <stdbool.h>
#include <stdint.h>

#define WT_WORD_CHARACTERS_MAX 100u

/* Instead of a symbol in `low_symbols`. */
#define WT_LOW_DROPPED UINT32_MAX        /* normalization removes the character */
#define WT_LOW_COMPLEX (UINT32_MAX - 1u) /* it becomes several, or needs canonical order */
#define WT_LOW_COUNT 0x800u

/* What the tokenizer's options ask for. */
struct wt_normalization {
    bool lowercase;
    bool strips_accents;   /* the option's "auto" resolved */
    uint32_t dropped_mask; /* Unicode properties of characters that vanish */
};

/* A word being normalized. Longer ones are unknown whatever they contain, so what does not fit is
 * only counted. */
struct wt_characters {
    uint32_t items[WT_WORD_CHARACTERS_MAX];
    uint32_t count;     /* all of them */
    uint32_t run_start; /* of those in canonical order with the next one */
};

/* How many of the characters are in `items`. */
uint32_t wt_characters_stored(const struct wt_characters *characters);

/* Cleans, decomposes, strips and lowercases one character of the raw text. */
void wt_normalize_character(const struct wt_normalization *normalization,
                            struct wt_characters *characters, uint32_t code_point);

/* The symbol of a code point below WT_LOW_COUNT, or WT_LOW_DROPPED or WT_LOW_COMPLEX. */
uint32_t wt_normalize_low_symbol(const struct wt_normalization *normalization,
                                 const struct wt_symbols *symbols, uint32_t code_point);

#endif
