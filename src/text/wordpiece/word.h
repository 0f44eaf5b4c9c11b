/* word.h: turns one word of raw text into the symbols of the trie. */
#ifndef WIRETAG_TEXT_WORDPIECE_WORD_H
#define WIRETAG_TEXT_WORDPIECE_WORD_H

#include "text/wordpiece/wordpiece_vocab.h"

#include <stddef.h>
#include <stdint.h>

/* Normalizes `word`: `bytes` (> 0) bytes of raw text, UTF-8, without a boundary inside, or one
 * boundary character other than white space. Returns the number of characters after normalization,
 * possibly 0, and writes the symbols of the first WT_WORD_CHARACTERS_MAX to `symbols_out`. Thread:
 * any. */
uint32_t wt_word_symbols(const struct wt_wordpiece_vocab *vocab, const uint8_t *word, size_t bytes,
                         uint32_t *symbols_out);

#endif
