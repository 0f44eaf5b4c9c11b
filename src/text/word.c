#include "text/word.h"

#include "text/unicode.h"

/* A word being normalized. Longer ones are unknown whatever they contain, so what does not fit is
 * only counted. */
struct characters {
    uint32_t items[WT_WORD_CHARACTERS_MAX];
    uint32_t count;     /* all of them */
    uint32_t run_start; /* of those in canonical order with the next one */
};

static uint32_t stored(const struct characters *characters)
{
    return characters->count < WT_WORD_CHARACTERS_MAX ? characters->count : WT_WORD_CHARACTERS_MAX;
}

/* Appends a character that is kept, in its place in canonical order. No mark that takes part in
 * the order has a lowercase form, so the order can be read from what is stored. */
static void append(struct characters *characters, uint32_t code_point, unsigned order)
{
    uint32_t place = stored(characters);
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

static void append_lowercase(const struct wt_vocab *vocab, struct characters *characters,
                             uint32_t code_point, unsigned order)
{
    uint32_t parts[WT_UNICODE_LOWERCASE_MAX] = {code_point};
    uint32_t part_count = vocab->options.lowercase ? wt_unicode_lowercase(code_point, parts) : 1;
    for (uint32_t i = 0; i < part_count; i++) {
        append(characters, parts[i], order);
    }
}

/* Cleans, decomposes, strips and lowercases one character of the raw text. */
static void normalize_character(const struct wt_vocab *vocab, struct characters *characters,
                                uint32_t code_point)
{
    if ((wt_unicode_properties(code_point) & vocab->dropped_mask) != 0) {
        return;
    }
    if (!wt_vocab_strips_accents(vocab)) {
        append_lowercase(vocab, characters, code_point, 0);
        return;
    }
    uint32_t parts[WT_UNICODE_DECOMPOSITION_MAX];
    uint32_t part_count = wt_unicode_decompose(code_point, parts);
    for (uint32_t i = 0; i < part_count; i++) {
        uint32_t properties = wt_unicode_properties(parts[i]);
        unsigned order = WT_UNICODE_ORDER(properties);
        if ((properties & WT_UNICODE_MARK) == 0) {
            append_lowercase(vocab, characters, parts[i], order);
        } else if (order == 0) {
            characters->run_start = characters->count;
        }
    }
}

/* Any word. */
static uint32_t any_symbols(const struct wt_vocab *vocab, const uint8_t *word, size_t bytes,
                            uint32_t *symbols_out)
{
    struct characters characters = {.count = 0};
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(word + place, bytes - place, &code_point);
        if (length == 0) {
            return WT_WORD_MALFORMED;
        }
        normalize_character(vocab, &characters, code_point);
        place += length;
    }
    for (uint32_t i = 0; i < stored(&characters); i++) {
        symbols_out[i] = wt_symbol(&vocab->trie->symbols, characters.items[i]);
    }
    return characters.count;
}

/* A word of ASCII, Cyrillic and other characters of one or two bytes takes its symbols, normalized
 * beforehand, from a table; where one is not so simple the general way starts over. */
uint32_t wt_word_symbols(const struct wt_vocab *vocab, const uint8_t *word, size_t bytes,
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

uint32_t wt_word_low_symbol(const struct wt_vocab *vocab, uint32_t code_point)
{
    struct characters characters = {.count = 0};
    normalize_character(vocab, &characters, code_point);
    if (characters.count == 0) {
        return WT_LOW_DROPPED;
    }
    bool ordered = WT_UNICODE_ORDER(wt_unicode_properties(characters.items[0])) != 0;
    if (characters.count > 1 || (wt_vocab_strips_accents(vocab) && ordered)) {
        return WT_LOW_COMPLEX;
    }
    return wt_symbol(&vocab->trie->symbols, characters.items[0]);
}
