/* bpe_words.c: encodes words, and remembers those that were seen. */
#include "text/models/bpe_internal.h"
#include "text/tables/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* So many ids at most has a word whose ids need not be counted before there is room for them. */
#define ROOM_A_WORD 64u

/* Words of up to so many bytes are searched together: their places fit one word. */
#define SHORT_BYTES 63u

struct state {
    struct wt_bpe_room room;
    struct wt_bpe_entry *entries;
    uint64_t *verdicts;
    struct wt_bpe_search searches[WT_WORDS_AT_ONCE];
    uint64_t dead[WT_WORDS_AT_ONCE];
    uint32_t symbols[WT_WORDS_AT_ONCE * SHORT_BYTES]; /* of the searches, one behind the other, */
    int32_t ids[WT_WORDS_AT_ONCE * SHORT_BYTES];      /* and their ids in the same places */
    struct wt_text_buffer long_symbols;               /* of a word that is searched alone */
    struct wt_text_buffer long_dead;
};

enum wt_status wt_bpe_create_state(const struct wt_word_model *model, void **state_out)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return WT_MEMORY;
    }
    size_t bytes = ((size_t)1 << bpe->entry_bits) * sizeof *state->entries;
    state->entries = wt_pages_alloc(bytes);
    state->verdicts = wt_pages_alloc(WT_BPE_VERDICTS_BYTES);
    if (state->entries == NULL || state->verdicts == NULL) {
        wt_bpe_destroy_state(state);
        return WT_MEMORY;
    }
    memcpy(state->entries, bpe->entries, bytes);
    memset(state->verdicts, 0, WT_BPE_VERDICTS_BYTES);
    *state_out = state;
    return WT_OK;
}

void wt_bpe_destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_bpe_room_free(&state->room);
    wt_text_buffer_free(&state->long_symbols);
    wt_text_buffer_free(&state->long_dead);
    free(state->entries);
    free(state->verdicts);
    free(state);
}

/* The first `bytes` (up to WT_BPE_KEY_BYTES) of a word, of which a whole key may be read. */
static inline void read_key(const uint8_t *word, uint32_t bytes, uint64_t key[WT_BPE_KEY_WORDS])
{
    memcpy(key, word, WT_BPE_KEY_BYTES);
    for (uint32_t i = 0; i < WT_BPE_KEY_WORDS; i++) {
        uint32_t kept = bytes > i * 8 ? bytes - i * 8 : 0;
        key[i] &= kept >= 8 ? UINT64_MAX : (UINT64_C(1) << kept * 8) - 1;
    }
}

static inline bool has_key(const struct wt_bpe_entry *entry, const uint64_t key[WT_BPE_KEY_WORDS],
                           uint32_t bytes)
{
    return ((entry->key[0] ^ key[0]) | (entry->key[1] ^ key[1]) | (entry->key[2] ^ key[2]) |
            (entry->key[3] ^ key[3]) | (uint64_t)(entry->meta >> 8 ^ bytes)) == 0;
}

/* --- words that are not remembered ------------------------------------------------------------- */

static inline uint32_t symbol_of(const struct wt_bpe *bpe, const uint8_t *text, uint32_t length)
{
    if (length == 1) {
        return bpe->low_symbols[text[0]];
    }
    if (length == 2) {
        return bpe->low_symbols[(text[0] & 0x1Fu) << 6 | (text[1] & 0x3Fu)];
    }
    uint32_t code_point = (text[0] & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
    if (length == 4) {
        code_point = (code_point & 0x7FFFu) << 6 | (text[3] & 0x3Fu);
    }
    return wt_symbol(&bpe->symbols, code_point);
}

/* Writes the symbols of a word; returns their number. *known_out: all its characters are pieces. */
static inline uint32_t spell(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes,
                             uint32_t *symbols, bool *known_out)
{
    uint32_t count = 0;
    bool known = true;
    for (uint32_t place = 0; place < bytes; count++) {
        uint32_t length = wt_bpe_length(bpe, word + place);
        symbols[count] = symbol_of(bpe, word + place, length);
        known = known && symbols[count] != 0;
        place += length;
    }
    *known_out = known;
    return count;
}

/* Appends the ids of a run of characters that are pieces; there is room for them. */
static void append_known(const struct wt_bpe *bpe, struct state *state, const uint32_t *symbols,
                         uint32_t count, uint64_t *dead, struct wt_ids *ids)
{
    memset(dead, 0, ((size_t)count / 64 + 1) * sizeof *dead);
    struct wt_bpe_search search = {
        .symbols = symbols, .count = count, .dead = dead, .ids = ids->ids + ids->count};
    wt_bpe_search_words(bpe, state->verdicts, &search, 1);
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
static enum wt_status append_divided(const struct wt_bpe *bpe, struct state *state,
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
            append_known(bpe, state, symbols + start, i - start, dead, ids);
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

/* Appends the ids of a word that was neither remembered nor searched together with others. */
static enum wt_status append_word(const struct wt_bpe *bpe, struct state *state,
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
        return wt_bpe_merge_word(bpe, &state->room, word, bytes, ids);
    }
    state->long_symbols.count = 0;
    state->long_dead.count = 0;
    if (!wt_text_buffer_reserve(&state->long_symbols, (size_t)bytes * sizeof(uint32_t)) ||
        !wt_text_buffer_reserve(&state->long_dead, ((size_t)bytes / 64 + 1) * sizeof(uint64_t))) {
        return WT_MEMORY;
    }
    uint32_t *symbols = (uint32_t *)(void *)state->long_symbols.bytes;
    uint64_t *dead = (uint64_t *)(void *)state->long_dead.bytes;
    bool known = false;
    uint32_t count = spell(bpe, word, bytes, symbols, &known);
    if (known) {
        append_known(bpe, state, symbols, count, dead, ids);
        return WT_OK;
    }
    return bpe->unknown_apart ? append_divided(bpe, state, word, symbols, count, dead, ids)
                              : wt_bpe_merge_word(bpe, &state->room, word, bytes, ids);
}

/* --- all words ---------------------------------------------------------------------------------- */

/* Remembers a word in place of the older of two. */
static void remember(const struct wt_bpe *bpe, struct wt_bpe_entry *pair,
                     const uint64_t key[WT_BPE_KEY_WORDS], uint32_t bytes, const int32_t *ids,
                     size_t count)
{
    if (count > (bpe->short_ids ? WT_BPE_ENTRY_SHORT_IDS : WT_BPE_ENTRY_IDS) ||
        has_key(&pair[0], key, bytes)) {
        return;
    }
    pair[1] = pair[0];
    memcpy(pair[0].key, key, WT_BPE_KEY_BYTES);
    if (bpe->short_ids) {
        for (size_t i = 0; i < count; i++) {
            pair[0].short_ids[i] = (uint16_t)ids[i];
        }
    } else {
        memcpy(pair[0].ids, ids, count * sizeof *ids);
    }
    pair[0].meta = bytes << 8 | (uint32_t)count;
}

/* Writes the ids of a word that is remembered, and some more. Returns their number. */
static inline uint32_t recall(const struct wt_bpe *bpe, const struct wt_bpe_entry *entry,
                              int32_t *out)
{
    uint32_t count = entry->meta & 0xFFu;
    if (!bpe->short_ids) {
        memcpy(out, entry->ids, sizeof entry->ids);
        return count;
    }
    for (uint32_t i = 0; i < 4; i++) {
        out[i] = entry->short_ids[i];
    }
    for (uint32_t i = 4; i < count; i++) {
        out[i] = entry->short_ids[i];
    }
    return count;
}

/* True if the word is a piece that counts whatever the merges say. */
static bool is_whole(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes)
{
    return bpe->has_strays && wt_pieces_find(&bpe->folded, (const char *)word, bytes) >= 0;
}

/* What is known of a word of the batch. */
struct batch_word {
    uint64_t key[WT_BPE_KEY_WORDS];
    struct wt_bpe_entry *pair;          /* where it is remembered */
    const struct wt_bpe_entry *entry;   /* NULL: it is not */
    const struct wt_bpe_search *search; /* NULL: it is not searched */
};

/* Finds the words in the cache, and searches those that are not there. */
static void find_words(const struct wt_bpe *bpe, struct state *state, const uint8_t *text,
                       const struct wt_word *words, uint32_t count, struct batch_word *batch)
{
    for (uint32_t i = 0; i < count; i++) {
        read_key(text + words[i].start, words[i].bytes, batch[i].key);
        batch[i].pair = &state->entries[wt_bpe_entry_of(bpe->entry_bits, batch[i].key)];
        __builtin_prefetch(&batch[i].pair[0]);
        __builtin_prefetch(&batch[i].pair[1]);
    }
    uint32_t search_count = 0;
    uint32_t used = 0; /* of `symbols` */
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &batch[i];
        uint32_t bytes = words[i].bytes;
        const uint8_t *start = text + words[i].start;
        word->entry = has_key(&word->pair[0], word->key, bytes)   ? &word->pair[0]
                      : has_key(&word->pair[1], word->key, bytes) ? &word->pair[1]
                                                                  : NULL;
        word->search = NULL;
        if (word->entry != NULL || !bpe->searchable || bytes > SHORT_BYTES ||
            is_whole(bpe, start, bytes)) {
            continue;
        }
        bool known = false;
        uint32_t symbol_count = spell(bpe, start, bytes, state->symbols + used, &known);
        if (known) {
            state->dead[search_count] = 0;
            state->searches[search_count] =
                (struct wt_bpe_search){.symbols = state->symbols + used,
                                       .ids = state->ids + used,
                                       .dead = &state->dead[search_count],
                                       .count = symbol_count};
            word->search = &state->searches[search_count++];
            used += symbol_count;
        }
    }
    if (search_count > 0) {
        wt_bpe_search_words(bpe, state->verdicts, state->searches, search_count);
    }
}

enum wt_status wt_bpe_encode(const struct wt_word_model *model, void *opaque, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = opaque;
    struct batch_word batch[WT_WORDS_AT_ONCE];
    size_t starts[WT_WORDS_AT_ONCE + 1];
    assert(count <= WT_WORDS_AT_ONCE);
    find_words(bpe, state, text, words, count, batch);
    if (!wt_ids_reserve(ids, (size_t)count * ROOM_A_WORD)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        int32_t *out = ids->ids + ids->count;
        starts[i] = ids->count;
        if (batch[i].entry != NULL) {
            ids->count += recall(bpe, batch[i].entry, out);
        } else if (batch[i].search != NULL) {
            memcpy(out, batch[i].search->ids, batch[i].search->id_count * sizeof *out);
            ids->count += batch[i].search->id_count;
        } else {
            enum wt_status status =
                append_word(bpe, state, text + words[i].start, words[i].bytes, ids);
            if (status != WT_OK || !wt_ids_reserve(ids, (size_t)(count - i) * ROOM_A_WORD)) {
                return WT_MEMORY;
            }
        }
    }
    starts[count] = ids->count;
    for (uint32_t i = 0; i < count; i++) {
        if (batch[i].entry == NULL && words[i].bytes <= WT_BPE_KEY_BYTES) {
            remember(bpe, batch[i].pair, batch[i].key, words[i].bytes, ids->ids + starts[i],
                     starts[i + 1] - starts[i]);
        }
    }
    return WT_OK;
}
