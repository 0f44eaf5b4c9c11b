#include "text/wordpiece/word.h"

#include "base/utf8.h"
#include "text/unicode/unicode.h"

/* The general case. */
static uint32_t any_symbols(const struct wt_wordpiece_vocab *vocab, const uint8_t *word,
                            size_t bytes, uint32_t *symbols_out)
{
    struct wt_characters characters = {.count = 0};
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(word + place, bytes - place, &code_point);
        if (length == 0) {
            return WT_WORD_MALFORMED;
        }
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
    uint32_t count = 0;
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point = word[place];
        if (code_point < 0x80u) {
            place++;
        } else if (code_point >= 0xC2u && code_point < 0xE0u && bytes - place >= 2 &&
                   (word[place + 1] & 0xC0u) == 0x80u) {
            code_point = (code_point & 0x1Fu) << 6 | (word[place + 1] & 0x3Fu);
            place += 2;
        } else {
            return any_symbols(vocab, word, bytes, symbols_out);
        }
        uint32_t symbol = vocab->low_symbols[code_point];
        if (symbol == WT_LOW_DROPPED) {
            continue;
        }
        if (symbol == WT_LOW_COMPLEX || count == WT_WORD_CHARACTERS_MAX) {
            return any_symbols(vocab, word, bytes, symbols_out);
        }
        symbols_out[count++] = symbol;
    }
    return count;
}
