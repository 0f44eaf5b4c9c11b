/* word.h: one word of the raw text to the symbols the trie is walked with. */
#ifndef WIRETAG_TEXT_WORD_H
#define WIRETAG_TEXT_WORD_H

#include "text/wordpiece_vocab.h"

#include <stddef.h>
#include <stdint.h>

#define WT_WORD_MALFORMED UINT32_MAX

/* Normalizes `word`: `bytes` (> 0) bytes of raw text without a boundary inside, or one boundary
 * character that is no white space. Returns the number of characters that are left: 0 where none
 * is, WT_WORD_MALFORMED where the bytes are not UTF-8, else `symbols_out` has the symbols of the
 * first WT_WORD_CHARACTERS_MAX. Thread: any. */
uint32_t wt_word_symbols(const struct wt_wordpiece_vocab *vocab, const uint8_t *word, size_t bytes,
                         uint32_t *symbols_out);

#endif
