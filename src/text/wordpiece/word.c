#include "text/wordpiece/word.h"

#include "base/utf8.h"
#include "text/unicode/unicode.h"

#include <assert.h>

/* The general case. */
static uint32_t any_symbols(const struct wt_wordpiece_vocab *vocab, const uint8_t *word,
                            size_t bytes, uint32_t *symbols_out)
{
    struct wt_characters characters = {.count = 0};
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(word + place, bytes - place, &code_point);
        assert(length > 0);
        wt_normalize_character(&vocab->normalization, &characters, code_point);
        place += length;
    }
    for (uint32_t i = 0; i < wt_characters_stored(&characters); i++) {
        symbols_out[i] = wt_symbol(&vocab->trie->symbols, characters.items[i]);
    }
    return characters.count;
}

/* The fast case: words of characters of one or two bytes (ASCII, Cyrillic and others), whose
 * symbols come from a table of normalized characters. A word with a more complex character starts
 * over in the general case. */
uint32_t wt_word_symbols(const struct wt_wordpiece_vocab *vocab, const uint8_t *word, size_t bytes,
                         uint32_t *symbols_out)
{
    const uint32_t *low_symbols = vocab->low_symbols;
    const uint8_t *end = word + bytes;
    uint32_t count = 0;
    for (const uint8_t *next = word; next < end;) {
        uint32_t code_point = *next++;
        if (code_point >= 0xE0u || count == WT_WORD_CHARACTERS_MAX) {
            return any_symbols(vocab, word, bytes, symbols_out);
        }
        if (code_point >= 0x80u) {
            code_point = (code_point & 0x1Fu) << 6 | (*next++ & 0x3Fu);
        }
        uint32_t symbol = low_symbols[code_point];
        if (symbol < WT_LOW_COMPLEX) {
            symbols_out[count++] = symbol;
        } else if (symbol == WT_LOW_COMPLEX) {
            return any_symbols(vocab, word, bytes, symbols_out);
        }
    }
    return count;
}
