/* bpe_alone.c: encodes a word by itself: what is long, or has characters that are no piece. */
#include "text/models/bpe_internal.h"

#include <string.h>

/* Writes the symbols of a word's bytes. False: one is no piece. */
static inline bool spell_bytes(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes,
                               uint32_t *symbols)
{
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        symbols[i] = bpe->low_symbols[word[i]];
        unknown |= symbols[i] - 1;
    }
    return unknown >> 31 == 0;
}

uint32_t wt_bpe_spell(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes,
                      uint32_t *symbols, bool *known_out)
{
    if (bpe->fold == WT_FOLD_BYTES) {
        *known_out = spell_bytes(bpe, word, bytes, symbols);
        return bytes;
    }
    uint32_t *next = symbols;
    uint32_t unknown = 0; /* its highest bit, once a symbol was 0 */
    for (const uint8_t *end = word + bytes; word < end; next++) {
        uint32_t first = word[0];
        uint32_t symbol;
        if (first >= 0xE0) {
            uint32_t length = first < 0xF0 ? 3 : 4;
            symbol = wt_bpe_symbol(bpe, word, length);
            word += length;
        } else {
            /* Letters of one byte and of two follow each other without a pattern: no branch. */
            uint32_t two = first >> 7;
            uint32_t both = (first & 0x1Fu) << 6 | (word[1] & 0x3Fu);
            symbol = bpe->low_symbols[wt_bpe_chosen(two != 0, both, first)];
            word += 1 + two;
        }
        *next = symbol;
        unknown |= symbol - 1;
    }
    *known_out = unknown >> 31 == 0;
    return (uint32_t)(next - symbols);
}

/* Appends the ids of a run of characters that are pieces; there is room for them. */
static void append_known(const struct wt_bpe *bpe, struct wt_bpe_alone *alone,
                         const uint32_t *symbols, uint32_t count, uint64_t *dead,
                         struct wt_ids *ids)
{
    memset(dead, 0, ((size_t)count / 64 + 1) * sizeof *dead);
    struct wt_bpe_search search = {
        .symbols = symbols, .count = count, .dead = dead, .ids = ids->ids + ids->count};
    wt_bpe_search_words(bpe, alone->verdicts, &search, 1);
    ids->count += search.id_count;
}

/* Appends the bytes of an unknown character. False: there is no piece for one of them. */
static bool append_bytes(const struct wt_bpe *bpe, const uint8_t *text, uint32_t length,
                         struct wt_ids *ids)
{
    for (uint32_t i = 0; i < length; i++) {
        if (!bpe->byte_fallback || bpe->byte_ids[text[i]] < 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < length; i++) {
        ids->ids[ids->count++] = bpe->byte_ids[text[i]];
    }
    return true;
}

/* Appends the ids of a word that unknown characters divide, in the order that bpe_merge.c has too. */
static enum wt_status append_divided(const struct wt_bpe *bpe, struct wt_bpe_alone *alone,
                                     const uint8_t *word, const uint32_t *symbols, uint32_t count,
                                     uint64_t *dead, struct wt_ids *ids)
{
    bool pending = false; /* an unknown id is to be written */
    for (uint32_t i = 0; i < count;) {
        uint32_t start = i;
        const uint8_t *text = word;
        while (i < count && symbols[i] != 0) {
            word += wt_bpe_length(bpe, word);
            i++;
        }
        if (!wt_ids_reserve(ids, (size_t)(i - start) + 8)) {
            return WT_MEMORY;
        }
        if (i > start) {
            if (pending) {
                ids->ids[ids->count++] = bpe->base.unknown_id;
            }
            pending = false;
            append_known(bpe, alone, symbols + start, i - start, dead, ids);
            continue;
        }
        uint32_t length = wt_bpe_length(bpe, text);
        if (!append_bytes(bpe, text, length, ids)) {
            if (pending && !bpe->fuse_unknown) {
                ids->ids[ids->count++] = bpe->base.unknown_id;
            }
            pending = true;
        }
        word += length;
        i++;
    }
    if (pending && !wt_ids_reserve(ids, 1)) {
        return WT_MEMORY;
    }
    if (pending) {
        ids->ids[ids->count++] = bpe->base.unknown_id;
    }
    return WT_OK;
}

enum wt_status wt_bpe_append_word(const struct wt_bpe *bpe, struct wt_bpe_alone *alone,
                                  const uint8_t *word, uint32_t bytes, struct wt_ids *ids)
{
    int32_t whole = bpe->has_strays ? wt_pieces_find(&bpe->folded, (const char *)word, bytes) : -1;
    if (!wt_ids_reserve(ids, (size_t)bytes + 1)) {
        return WT_MEMORY;
    }
    if (whole >= 0) {
        ids->ids[ids->count++] = whole;
        return WT_OK;
    }
    if (!bpe->searchable) {
        return wt_bpe_merge_word(bpe, &alone->room, word, bytes, ids);
    }
    alone->symbols.count = 0;
    alone->dead.count = 0;
    if (!wt_text_buffer_reserve(&alone->symbols, (size_t)bytes * sizeof(uint32_t)) ||
        !wt_text_buffer_reserve(&alone->dead, ((size_t)bytes / 64 + 1) * sizeof(uint64_t))) {
        return WT_MEMORY;
    }
    uint32_t *symbols = (uint32_t *)(void *)alone->symbols.bytes;
    uint64_t *dead = (uint64_t *)(void *)alone->dead.bytes;
    bool known = false;
    uint32_t count = wt_bpe_spell(bpe, word, bytes, symbols, &known);
    if (known) {
        append_known(bpe, alone, symbols, count, dead, ids);
        return WT_OK;
    }
    return bpe->unknown_apart ? append_divided(bpe, alone, word, symbols, count, dead, ids)
                              : wt_bpe_merge_word(bpe, &alone->room, word, bytes, ids);
}

void wt_bpe_alone_free(struct wt_bpe_alone *alone)
{
    wt_bpe_room_free(&alone->room);
    wt_text_buffer_free(&alone->symbols);
    wt_text_buffer_free(&alone->dead);
}
