/* bpe_words.c: encodes words, and remembers those that were seen. */
#include "base/pages.h"
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* So many ids at most has a word whose ids need not be counted before there is room for them. */
#define ROOM_A_WORD 64u

/* Words of up to so many bytes are searched together: their places fit one word. */
#define SHORT_BYTES 63u

/* So many ids are copied at least. */
#define COPIED 8u

/* A tokenizer remembers up to so many words (log2), whatever the size of the vocabulary. */
#define ENTRY_BITS 16u
#define ENTRY_BITS_FEW 10u /* with a vocabulary of tests */
#define FEW_PIECES 512u

/* What is known of a word of the batch. */
struct batch_word {
    uint64_t key[WT_BPE_KEY_WORDS];
    uint64_t hash;
    struct wt_bpe_entry *pair;        /* where it is remembered */
    const struct wt_bpe_entry *entry; /* where its ids are; NULL: not there, */
    struct wt_bpe_found found;        /* but here; ids NULL: nor here */
};

/* Words that are merged in turns. */
#define GROUPS 3u
struct group {
    struct wt_bpe_turn words[WT_BPE_TURNS];
    uint32_t count;
    uint32_t lanes;
};

struct state {
    struct wt_bpe_room room;
    struct wt_bpe_entry *entries; /* a hash table of the words that were seen */
    uint32_t entry_bits;          /* log2 of their number */
    uint64_t *verdicts;
    struct batch_word batch[WT_WORDS_AT_ONCE];
    uint32_t missed[WT_WORDS_AT_ONCE]; /* the words of the batch that are not remembered */
    struct group
        groups[GROUPS]; /* those of them that are merged in turns, by their number of symbols */
    struct wt_bpe_search searches[WT_WORDS_AT_ONCE]; /* the others that are short, */
    struct wt_bpe_found *found[WT_WORDS_AT_ONCE];    /* what is found of each, */
    uint64_t dead[WT_WORDS_AT_ONCE];
    uint32_t symbols[WT_WORDS_AT_ONCE * SHORT_BYTES +
                     WT_BPE_LANES_MAX]; /* and their symbols, one behind the other */
    int32_t ids[WT_WORDS_AT_ONCE * SHORT_BYTES + COPIED]; /* of all that are missed */
    struct wt_text_buffer long_symbols;                   /* of a word that is searched alone */
    struct wt_text_buffer long_dead;
};

enum wt_status wt_bpe_create_state(const struct wt_word_model *model, void **state_out)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = wt_pages_alloc_present(sizeof *state); /* aligned, unlike calloc's */
    if (state == NULL) {
        return WT_MEMORY;
    }
    state->entry_bits = bpe->folded.count < FEW_PIECES ? ENTRY_BITS_FEW : ENTRY_BITS;
    state->groups[0].lanes = WT_BPE_LANES_FEW;
    state->groups[1].lanes = WT_BPE_LANES_MORE;
    state->groups[2].lanes = WT_BPE_LANES_MAX;
    size_t bytes = ((size_t)1 << state->entry_bits) * sizeof *state->entries;
    state->entries = wt_pages_alloc_present(bytes);
    state->verdicts = wt_pages_alloc_present(WT_BPE_VERDICTS_BYTES);
    if (state->entries == NULL || state->verdicts == NULL) {
        wt_bpe_destroy_state(state);
        return WT_MEMORY;
    }
    *state_out = state;
    return WT_OK;
}

void wt_bpe_destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_bpe_room_free(&state->room);
    wt_text_buffer_free(&state->long_symbols);
    wt_text_buffer_free(&state->long_dead);
    wt_pages_free(state->entries);
    wt_pages_free(state->verdicts);
    wt_pages_free(state);
}

#define TWICE(...) __VA_ARGS__, __VA_ARGS__
#define FOUR_TIMES(...) TWICE(TWICE(__VA_ARGS__))

/* From its end less n bytes on: a key with n bytes of a word. */
static const uint64_t kept[2 * WT_BPE_KEY_WORDS] = {FOUR_TIMES(UINT64_MAX)};

/* The first `bytes` (up to WT_BPE_KEY_BYTES) of a word, of which a whole key may be read. */
static inline void read_key(const uint8_t *word, uint32_t bytes, uint64_t key[WT_BPE_KEY_WORDS])
{
    uint64_t mask[WT_BPE_KEY_WORDS];
    uint32_t used = bytes < WT_BPE_KEY_BYTES ? bytes : WT_BPE_KEY_BYTES;
    memcpy(mask, (const uint8_t *)kept + WT_BPE_KEY_BYTES - used, WT_BPE_KEY_BYTES);
    memcpy(key, word, WT_BPE_KEY_BYTES);
    for (uint32_t i = 0; i < WT_BPE_KEY_WORDS; i++) {
        key[i] &= mask[i];
    }
}

static inline bool has_key(const struct wt_bpe_entry *entry, const uint64_t key[WT_BPE_KEY_WORDS],
                           uint32_t bytes)
{
    return ((entry->key[0] ^ key[0]) | (entry->key[1] ^ key[1]) | (entry->key[2] ^ key[2]) |
            (entry->key[3] ^ key[3]) | (uint64_t)(entry->meta >> 8 ^ bytes)) == 0;
}

/* The entry of a word, which is one of two; NULL: neither. Without a branch. */
static inline const struct wt_bpe_entry *
entry_of(const struct wt_bpe_entry *pair, const uint64_t key[WT_BPE_KEY_WORDS], uint32_t bytes)
{
    const struct wt_bpe_entry *found = has_key(&pair[0], key, bytes) ? &pair[0] : NULL;
    return has_key(&pair[1], key, bytes) ? &pair[1] : found;
}

/* The id of a word that is one piece; -1: it is not known to be. Without a branch. */
static inline int32_t whole_of(const struct wt_bpe *bpe, const struct batch_word *word,
                               uint32_t bytes)
{
    const struct wt_bpe_whole *pair = &bpe->wholes[wt_bpe_entry_of(bpe->whole_bits, word->hash)];
    int32_t id = -1;
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t own[WT_BPE_KEY_WORDS];
        memcpy(own, &pair[i], sizeof own);
        uint64_t other = (own[0] ^ word->key[0]) | (own[1] ^ word->key[1]) |
                         (own[2] ^ word->key[2]) | (uint32_t)(own[3] ^ word->key[3]) |
                         (pair[i].meta >> WT_BPE_WHOLE_ID_BITS ^ bytes);
        int32_t own_id = (int32_t)(pair[i].meta & (WT_PIECE_IDS_MAX - 1));
        id = other == 0 ? own_id : id;
    }
    return id;
}

/* --- words that are not remembered ------------------------------------------------------------- */

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

/* Writes the symbols of a word; returns their number. *known_out: all its characters are pieces. A byte
 * behind the word may be read. */
static inline uint32_t spell(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes,
                             uint32_t *symbols, bool *known_out)
{
    if (bpe->fold == WT_FOLD_BYTES) {
        *known_out = spell_bytes(bpe, word, bytes, symbols);
        return bytes;
    }
    uint32_t count = 0;
    uint32_t unknown = 0; /* its highest bit, once a symbol was 0 */
    for (const uint8_t *end = word + bytes; word < end; count++) {
        uint32_t first = word[0];
        if (first >= 0xE0) {
            uint32_t length = first < 0xF0 ? 3 : 4;
            symbols[count] = wt_bpe_symbol(bpe, word, length);
            word += length;
        } else {
            /* Letters of one byte and of two follow each other without a pattern: no branch. */
            uint32_t two = first >> 7;
            uint32_t both = (first & 0x1Fu) << 6 | (word[1] & 0x3Fu);
            symbols[count] = bpe->low_symbols[first ^ ((first ^ both) & (0u - two))];
            word += 1 + two;
        }
        unknown |= symbols[count] - 1;
    }
    *known_out = unknown >> 31 == 0;
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
static void remember(const struct wt_bpe *bpe, const struct batch_word *word, uint32_t bytes,
                     const int32_t *ids, size_t count)
{
    struct wt_bpe_entry *pair = word->pair;
    if (count > (bpe->short_ids ? WT_BPE_ENTRY_SHORT_IDS : WT_BPE_ENTRY_IDS) ||
        bytes > WT_BPE_KEY_BYTES || has_key(&pair[0], word->key, bytes)) {
        return;
    }
    pair[1] = pair[0];
    memcpy(pair[0].key, word->key, WT_BPE_KEY_BYTES);
    if (bpe->short_ids) {
        for (size_t i = 0; i < 4; i++) {
            pair[0].short_ids[i] = (uint16_t)ids[i];
        }
        for (size_t i = 4; i < count; i++) {
            pair[0].short_ids[i] = (uint16_t)ids[i];
        }
    } else {
        memcpy(pair[0].ids, ids, sizeof pair[0].ids);
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

/* Looks for the words among those that were seen. Returns how many were missed. */
static uint32_t find_seen(struct state *state, const uint8_t *text, const struct wt_word *words,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &state->batch[i];
        read_key(text + words[i].start, words[i].bytes, word->key);
        word->hash = wt_bpe_key_hash(word->key);
        word->pair = &state->entries[wt_bpe_entry_of(state->entry_bits, word->hash)];
        __builtin_prefetch(&word->pair[0]);
        __builtin_prefetch(&word->pair[1]);
    }
    uint32_t missed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &state->batch[i];
        word->entry = entry_of(word->pair, word->key, words[i].bytes);
        state->missed[missed] = i;
        missed += word->entry == NULL;
    }
    return missed;
}

static void merge_group(const struct wt_bpe *bpe, struct group *group)
{
    wt_bpe_merge_in_turns(bpe, group->words, group->count, group->lanes);
    group->count = 0;
}

/* Has a word merged in turns. */
static void join_group(const struct wt_bpe *bpe, struct state *state, const uint32_t *symbols,
                       uint32_t count, struct wt_bpe_found *found)
{
    uint32_t size = count + 2 > WT_BPE_LANES_MORE ? 2 : count + 2 > WT_BPE_LANES_FEW;
    struct group *group = &state->groups[size];
    struct wt_bpe_turn *turn = &group->words[group->count++];
    memcpy(turn->numbers + 1, symbols, (WT_BPE_LANES_FEW - 1) * sizeof *symbols);
    if (size > 0) {
        memcpy(turn->numbers + WT_BPE_LANES_FEW, symbols + WT_BPE_LANES_FEW - 1,
               (WT_BPE_LANES_MAX - WT_BPE_LANES_FEW) * sizeof *symbols);
    }
    turn->count = count;
    turn->found = found;
    if (group->count == WT_BPE_TURNS) {
        merge_group(bpe, group);
    }
}

/* How much is used of what a batch shares. */
struct used {
    uint32_t ids;
    uint32_t symbols;
    uint32_t searches;
};

/* Finds the piece that a word is, or has its pieces searched, or leaves found.ids NULL. */
static void find_word(const struct wt_bpe *bpe, struct state *state, const uint8_t *start,
                      uint32_t bytes, struct batch_word *word, struct used *used)
{
    int32_t *ids = state->ids + used->ids;
    word->found = (struct wt_bpe_found){.ids = ids, .count = 1};
    ids[0] = whole_of(bpe, word, bytes);
    if (ids[0] >= 0) {
        used->ids++;
        return;
    }
    bool known = false;
    uint32_t count = 0;
    uint32_t *symbols = state->symbols + used->symbols;
    if (bpe->searchable && bytes <= SHORT_BYTES && !is_whole(bpe, start, bytes)) {
        count = spell(bpe, start, bytes, symbols, &known);
    }
    if (!known) {
        word->found.ids = NULL;
        return;
    }
    used->ids += count;
    /* Symbols that are bytes are so many a word that the search takes fewer steps. */
    if (bpe->fold != WT_FOLD_BYTES && count + 2 <= WT_BPE_LANES_MAX) {
        join_group(bpe, state, symbols, count, &word->found);
        return;
    }
    state->dead[used->searches] = 0;
    state->found[used->searches] = &word->found;
    state->searches[used->searches] = (struct wt_bpe_search){
        .symbols = symbols, .ids = ids, .dead = &state->dead[used->searches], .count = count};
    used->searches++;
    used->symbols += count;
}

/* Finds the pieces of the words that were missed and are short. */
static void find_missed(const struct wt_bpe *bpe, struct state *state, const uint8_t *text,
                        const struct wt_word *words, uint32_t missed)
{
    struct used used = {.ids = 0};
    for (uint32_t i = 0; i < missed; i++) {
        const struct batch_word *word = &state->batch[state->missed[i]];
        __builtin_prefetch(&bpe->wholes[wt_bpe_entry_of(bpe->whole_bits, word->hash)]);
    }
    for (uint32_t i = 0; i < missed; i++) {
        uint32_t at = state->missed[i];
        find_word(bpe, state, text + words[at].start, words[at].bytes, &state->batch[at], &used);
    }
    for (uint32_t i = 0; i < GROUPS; i++) {
        merge_group(bpe, &state->groups[i]);
    }
    if (used.searches > 0) {
        wt_bpe_search_words(bpe, state->verdicts, state->searches, used.searches);
    }
    for (uint32_t i = 0; i < used.searches; i++) {
        state->found[i]->count = state->searches[i].id_count;
    }
}

/* Appends the ids that were found for a word; there is room for more than they are. */
static inline void append_found(const struct wt_bpe_found *found, struct wt_ids *ids)
{
    int32_t *out = ids->ids + ids->count;
    memcpy(out, found->ids, COPIED * sizeof *out);
    if (found->count > COPIED) {
        memcpy(out + COPIED, found->ids + COPIED, (found->count - COPIED) * sizeof *out);
    }
    ids->count += found->count;
}

enum wt_status wt_bpe_encode(const struct wt_word_model *model, void *opaque, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = opaque;
    size_t starts[WT_WORDS_AT_ONCE + 1];
    assert(count <= WT_WORDS_AT_ONCE);
    uint32_t missed = find_seen(state, text, words, count);
    find_missed(bpe, state, text, words, missed);
    if (!wt_ids_reserve(ids, (size_t)count * ROOM_A_WORD)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct batch_word *word = &state->batch[i];
        starts[i] = ids->count;
        if (word->entry != NULL) {
            ids->count += recall(bpe, word->entry, ids->ids + ids->count);
        } else if (word->found.ids != NULL) {
            append_found(&word->found, ids);
        } else {
            enum wt_status status =
                append_word(bpe, state, text + words[i].start, words[i].bytes, ids);
            if (status != WT_OK || !wt_ids_reserve(ids, (size_t)(count - i) * ROOM_A_WORD)) {
                return WT_MEMORY;
            }
        }
    }
    starts[count] = ids->count;
    for (uint32_t i = 0; i < missed; i++) {
        uint32_t at = state->missed[i];
        remember(bpe, &state->batch[at], words[at].bytes, ids->ids + starts[at],
                 starts[at + 1] - starts[at]);
    }
    return WT_OK;
}
