/* bpe_words.c: encodes words, and remembers those that were seen. */
#include "text/bpe.h"
#include "text/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEY_WORDS (WT_BPE_KEY_BYTES / 8)

/* The most ids that a word has which is remembered or searched. */
#define ROOM_A_WORD (WT_BPE_SEARCH_BYTES + 1)

struct state {
    struct wt_bpe_room room;
    struct wt_bpe_entry *entries;
    struct wt_bpe_search searches[WT_WORDS_AT_ONCE];
    int32_t ids[WT_WORDS_AT_ONCE][WT_BPE_SEARCH_BYTES + 1]; /* of the searches */
    uint64_t dead[WT_WORDS_AT_ONCE];
    struct wt_text_buffer single_dead; /* of a word that is searched alone */
};

enum wt_status wt_bpe_create_state(const struct wt_word_model *model, void **state_out)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = calloc(1, sizeof *state);
    size_t bytes = ((size_t)1 << bpe->entry_bits) * sizeof *state->entries;
    if (state == NULL || (state->entries = wt_pages_alloc(bytes)) == NULL) {
        free(state);
        return WT_MEMORY;
    }
    memcpy(state->entries, bpe->entries, bytes);
    *state_out = state;
    return WT_OK;
}

void wt_bpe_destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_bpe_room_free(&state->room);
    wt_text_buffer_free(&state->single_dead);
    free(state->entries);
    free(state);
}

uint32_t wt_bpe_entry_of(uint32_t entry_bits, const uint64_t key[KEY_WORDS])
{
    uint64_t hash = key[0] * 0x9E3779B97F4A7C15u ^ key[1] * 0xC2B2AE3D27D4EB4Fu ^
                    key[2] * 0xD6E8FEB86659FD93u ^ key[3] * 0xFF51AFD7ED558CCDu;
    hash = (hash ^ hash >> 32) * 0x94D049BB133111EBu;
    return (uint32_t)(hash >> (64 - entry_bits)) & ~1u;
}

/* The first `bytes` (up to WT_BPE_KEY_BYTES) of a word, of which a whole key may be read. */
static inline void read_key(const uint8_t *word, uint32_t bytes, uint64_t key[KEY_WORDS])
{
    memcpy(key, word, WT_BPE_KEY_BYTES);
    for (uint32_t i = 0; i < KEY_WORDS; i++) {
        uint32_t kept = bytes > i * 8 ? bytes - i * 8 : 0;
        key[i] &= kept >= 8 ? UINT64_MAX : (UINT64_C(1) << kept * 8) - 1;
    }
}

static inline bool has_key(const struct wt_bpe_entry *entry, const uint64_t key[KEY_WORDS],
                           uint32_t bytes)
{
    return ((entry->key[0] ^ key[0]) | (entry->key[1] ^ key[1]) | (entry->key[2] ^ key[2]) |
            (entry->key[3] ^ key[3]) | (uint64_t)(entry->meta >> 8 ^ bytes)) == 0;
}

/* --- words with unknown characters, and long ones ----------------------------------------------- */

/* True if the character at `text`, of `length` bytes, is a piece. */
static bool is_known(const struct wt_bpe *bpe, const uint8_t *text, uint32_t length)
{
    return bpe->fold == WT_FOLD_BYTES
               ? bpe->byte_ids[text[0]] >= 0
               : wt_pieces_find(&bpe->folded, (const char *)text, length) >= 0;
}

static uint32_t length_of(const struct wt_bpe *bpe, const uint8_t *text)
{
    if (bpe->fold == WT_FOLD_BYTES || text[0] < 0x80) {
        return 1;
    }
    return text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
}

/* Appends the ids of characters that are pieces. */
static enum wt_status encode_known(const struct wt_bpe *bpe, struct state *state,
                                   const uint8_t *text, uint32_t bytes, struct wt_ids *ids)
{
    size_t dead_bytes = ((size_t)bytes / 64 + 1) * sizeof(uint64_t);
    state->single_dead.count = 0;
    if (!wt_ids_reserve(ids, bytes) || !wt_text_buffer_reserve(&state->single_dead, dead_bytes)) {
        return WT_MEMORY;
    }
    memset(state->single_dead.bytes, 0, dead_bytes);
    struct wt_bpe_search search = {.word = text,
                                   .bytes = bytes,
                                   .ids = ids->ids + ids->count,
                                   .dead = (uint64_t *)(void *)state->single_dead.bytes};
    wt_bpe_search_words(bpe, &search, 1);
    assert(search.count > 0);
    ids->count += search.count;
    return WT_OK;
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
static enum wt_status encode_divided(const struct wt_bpe *bpe, struct state *state,
                                     const uint8_t *word, uint32_t bytes, struct wt_ids *ids)
{
    bool pending = false; /* an unknown id is to be written */
    enum wt_status status = WT_OK;
    for (uint32_t place = 0; place < bytes && status == WT_OK;) {
        uint32_t start = place;
        uint32_t length = length_of(bpe, word + place);
        while (place < bytes && is_known(bpe, word + place, length)) {
            place += length;
            length = place < bytes ? length_of(bpe, word + place) : 0;
        }
        if (!wt_ids_reserve(ids, 8)) {
            return WT_MEMORY;
        }
        if (place > start) {
            if (pending) {
                ids->ids[ids->count++] = bpe->base.unknown_id;
            }
            pending = false;
            status = encode_known(bpe, state, word + start, place - start, ids);
        } else {
            if (!append_bytes(bpe, word + place, length, ids)) {
                if (pending && !bpe->fuse_unknown) {
                    ids->ids[ids->count++] = bpe->base.unknown_id;
                }
                pending = true;
            }
            place += length;
        }
    }
    if (status == WT_OK && pending && !wt_ids_reserve(ids, 1)) {
        return WT_MEMORY;
    }
    if (pending) {
        ids->ids[ids->count++] = bpe->base.unknown_id;
    }
    return status;
}

static bool is_all_known(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes)
{
    uint32_t place = 0;
    while (place < bytes) {
        uint32_t length = length_of(bpe, word + place);
        if (!is_known(bpe, word + place, length)) {
            return false;
        }
        place += length;
    }
    return true;
}

/* Appends the ids of a word that is neither remembered nor found. `more`: ids that there must be
 * room for behind. */
static enum wt_status encode_other(const struct wt_bpe *bpe, struct state *state,
                                   const uint8_t *word, uint32_t bytes, size_t more,
                                   struct wt_ids *ids)
{
    int32_t whole =
        bpe->ignore_merges ? wt_pieces_find(&bpe->folded, (const char *)word, bytes) : -1;
    if (whole >= 0) {
        ids->ids[ids->count++] = whole;
        return WT_OK;
    }
    enum wt_status status =
        bpe->searchable && (bpe->unknown_apart || is_all_known(bpe, word, bytes))
            ? encode_divided(bpe, state, word, bytes, ids)
            : wt_bpe_merge_word(bpe, &state->room, word, bytes, ids);
    return status == WT_OK && !wt_ids_reserve(ids, more) ? WT_MEMORY : status;
}

/* --- all words ---------------------------------------------------------------------------------- */

/* Remembers a word in place of the older of two. */
static void remember(struct wt_bpe_entry *pair, const uint64_t key[KEY_WORDS], uint32_t bytes,
                     const int32_t *ids, size_t count)
{
    if (count > WT_BPE_ENTRY_IDS || has_key(&pair[0], key, bytes)) {
        return;
    }
    pair[1] = pair[0];
    memcpy(pair[0].key, key, WT_BPE_KEY_BYTES);
    memcpy(pair[0].ids, ids, count * sizeof *ids);
    pair[0].meta = bytes << 8 | (uint32_t)count;
}

/* True if the word is a piece that counts whatever the merges say. */
static bool is_whole(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes)
{
    return bpe->ignore_merges && wt_pieces_find(&bpe->folded, (const char *)word, bytes) >= 0;
}

/* What is known of a word of the batch. */
struct batch_word {
    uint64_t key[KEY_WORDS];
    uint32_t place;                   /* of its pair of entries */
    const struct wt_bpe_entry *entry; /* NULL: it is not remembered */
    struct wt_bpe_search *search;     /* NULL: it is not searched */
};

/* Finds the words in the cache, and searches those that are not there. */
static void find_words(const struct wt_bpe *bpe, struct state *state, const uint8_t *text,
                       const struct wt_word *words, uint32_t count, struct batch_word *batch)
{
    uint32_t search_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bytes = words[i].bytes < WT_BPE_KEY_BYTES ? words[i].bytes : WT_BPE_KEY_BYTES;
        read_key(text + words[i].start, bytes, batch[i].key);
        batch[i].place = wt_bpe_entry_of(bpe->entry_bits, batch[i].key);
        __builtin_prefetch(&state->entries[batch[i].place]);
        __builtin_prefetch(&state->entries[batch[i].place + 1]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &batch[i];
        const struct wt_bpe_entry *pair = &state->entries[word->place];
        uint32_t bytes = words[i].bytes;
        word->entry = has_key(&pair[0], word->key, bytes)   ? &pair[0]
                      : has_key(&pair[1], word->key, bytes) ? &pair[1]
                                                            : NULL;
        word->search = NULL;
        if (word->entry == NULL && bpe->searchable && bytes <= WT_BPE_SEARCH_BYTES &&
            !is_whole(bpe, text + words[i].start, bytes)) {
            word->search = &state->searches[search_count];
            word->search->ids = state->ids[search_count];
            word->search->dead = &state->dead[search_count];
            state->dead[search_count++] = 0;
            word->search->word = text + words[i].start;
            word->search->bytes = bytes;
        }
    }
    if (search_count > 0) {
        wt_bpe_search_words(bpe, state->searches, search_count);
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
            memcpy(out, batch[i].entry->ids, sizeof batch[i].entry->ids);
            ids->count += batch[i].entry->meta & 0xFFu;
        } else if (batch[i].search != NULL && batch[i].search->count > 0) {
            memcpy(out, batch[i].search->ids, batch[i].search->count * sizeof *out);
            ids->count += batch[i].search->count;
        } else {
            enum wt_status status = encode_other(bpe, state, text + words[i].start, words[i].bytes,
                                                 (size_t)(count - i) * ROOM_A_WORD, ids);
            if (status != WT_OK) {
                return status;
            }
        }
    }
    starts[count] = ids->count;
    for (uint32_t i = 0; i < count; i++) {
        if (batch[i].entry == NULL && words[i].bytes <= WT_BPE_KEY_BYTES) {
            remember(&state->entries[batch[i].place], batch[i].key, words[i].bytes,
                     ids->ids + starts[i], starts[i + 1] - starts[i]);
        }
    }
    return WT_OK;
}
