/* bpe_words.c: encodes words, and remembers those that were seen. */
#include "base/pages.h"
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Words of up to so many bytes are searched together: their places fit one word. */
#define SHORT_BYTES 63u

/* The room for symbols and ids of a batch. Longer words fit, too, if others are shorter. */
#define BATCH_SYMBOLS (WT_WORDS_AT_ONCE * SHORT_BYTES)

/* So many words and parts of words are merged in turns. */
#define RUNS_MAX (2 * WT_WORDS_AT_ONCE)

/* So many ids are copied at least. */
#define COPIED 8u

/* A tokenizer remembers up to so many words (log2), whatever the size of the vocabulary. */
#define ENTRY_BITS 15u
#define ENTRY_BITS_FEW 10u /* with a vocabulary of tests */
#define FEW_PIECES 512u

typedef uint16_t eight_shorts __attribute__((vector_size(16)));
typedef int32_t eight_ids __attribute__((vector_size(32)));

/* A word that is longer than a key, up to this length, is remembered apart: addresses, and words
 * that a line break joins. There are fewer of them. */
#define LONG_BYTES 64u
#define LONG_BITS 11u /* log2 of their number */
#define LONG_IDS 15u
#define LONG_SHORT_IDS 30u
struct long_entry {
    _Alignas(64) uint8_t key[LONG_BYTES]; /* the word, then zeros */
    union {
        int32_t ids[LONG_IDS];
        uint16_t short_ids[LONG_SHORT_IDS];
    };
    uint32_t meta; /* as of an entry */
};

/* What is known of a word of the batch. */
struct batch_word {
    struct wt_bpe_key key;
    uint64_t hash;
    uint32_t place; /* where it is remembered, or will be, among those of its length */
    const struct wt_bpe_entry *entry; /* where it is if it is remembered */
    const struct wt_bpe_whole *whole; /* where its id can be, if it is one piece */
    const int32_t *ids; /* the first eight of a remembered word; all of another one; NULL:
                                         not found yet */
    uint32_t id_count;
    uint32_t runs; /* into how many it is divided; 0: it is not merged in turns */
    bool remembered;
};

struct state {
    struct wt_bpe_alone alone;
    struct wt_bpe_entry *entries; /* a hash table of the words that were seen */
    uint8_t *tags;                /* of each its wt_bpe_tag */
    uint32_t entry_bits;          /* log2 of their number */
    struct long_entry *longs;     /* the same for longer words */
    struct batch_word batch[WT_WORDS_AT_ONCE];
    uint32_t missed[WT_WORDS_AT_ONCE]; /* the words of the batch that are not remembered, */
    uint32_t parted[WT_WORDS_AT_ONCE]; /* and those of them that are more than one piece */
    struct wt_bpe_run runs[RUNS_MAX];  /* of those that are merged in turns, in their order */
    struct wt_bpe_search searches[WT_WORDS_AT_ONCE]; /* of the others that are short, */
    struct batch_word *searched[WT_WORDS_AT_ONCE];
    uint64_t dead[WT_WORDS_AT_ONCE];
    uint32_t symbols[BATCH_SYMBOLS + WT_BPE_RUN_FEW];       /* of both, one word behind the other */
    int32_t ids[BATCH_SYMBOLS + WT_WORDS_AT_ONCE + COPIED]; /* of all that are missed */
    eight_ids recalled[WT_WORDS_AT_ONCE];                   /* the first ones of the others */
};

enum wt_status wt_bpe_create_state(const struct wt_word_model *model, void **state_out)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = wt_pages_alloc_present(sizeof *state); /* aligned, unlike calloc's */
    if (state == NULL) {
        return WT_MEMORY;
    }
    state->entry_bits = bpe->folded.count < FEW_PIECES ? ENTRY_BITS_FEW : ENTRY_BITS;
    size_t entries = (size_t)1 << state->entry_bits;
    state->entries = wt_pages_alloc_present((entries + 1) * sizeof *state->entries);
    state->tags = wt_pages_alloc_present(entries * sizeof *state->tags);
    state->longs = wt_pages_alloc_present(sizeof *state->longs << LONG_BITS);
    state->alone.verdicts = wt_pages_alloc_present(WT_BPE_VERDICTS_BYTES);
    if (state->entries == NULL || state->tags == NULL || state->longs == NULL ||
        state->alone.verdicts == NULL) {
        wt_bpe_destroy_state(state);
        return WT_MEMORY;
    }
    *state_out = state;
    return WT_OK;
}

void wt_bpe_destroy_state(void *opaque)
{
    struct state *state = opaque;
    wt_bpe_alone_free(&state->alone);
    wt_pages_free(state->entries);
    wt_pages_free(state->tags);
    wt_pages_free(state->longs);
    wt_pages_free(state->alone.verdicts);
    wt_pages_free(state);
}

#define TWICE(...) __VA_ARGS__, __VA_ARGS__
#define FOUR_TIMES(...) TWICE(TWICE(__VA_ARGS__))

/* From its end less n bytes on: a key with n bytes of a word. */
static const uint64_t kept[2 * WT_BPE_KEY_WORDS] = {FOUR_TIMES(UINT64_MAX)};

static inline wt_bpe_half half_at(const uint8_t *bytes)
{
    wt_bpe_half half;
    memcpy(&half, bytes, sizeof half);
    return half;
}

/* The first `bytes` (up to WT_BPE_KEY_BYTES) of a word, of which a whole key may be read. */
static inline struct wt_bpe_key read_key(const uint8_t *word, uint32_t bytes)
{
    uint32_t used = bytes < WT_BPE_KEY_BYTES ? bytes : WT_BPE_KEY_BYTES;
    const uint8_t *mask = (const uint8_t *)kept + WT_BPE_KEY_BYTES - used;
    return (struct wt_bpe_key){.low = half_at(word) & half_at(mask),
                               .high = half_at(word + WT_BPE_KEY_BYTES / 2) &
                                       half_at(mask + WT_BPE_KEY_BYTES / 2)};
}

static inline bool has_key(const struct wt_bpe_entry *entry, const struct wt_bpe_key *key,
                           uint32_t bytes)
{
    wt_bpe_half other = (entry->key.low ^ key->low) | (entry->key.high ^ key->high);
    return (other[0] | other[1] | (entry->meta >> 8 ^ bytes)) == 0;
}

/* Where a word can be among those that are one piece; at the table's end, which is empty: nowhere. */
static inline const struct wt_bpe_whole *whole_of(const struct wt_bpe *bpe, uint64_t hash)
{
    uint32_t place = wt_bpe_entry_of(bpe->whole_bits, hash);
    uint8_t tag = wt_bpe_tag(hash);
    uint32_t second =
        wt_bpe_chosen(bpe->whole_tags[place + 1] == tag, place + 1, 1u << bpe->whole_bits);
    return &bpe->wholes[wt_bpe_chosen(bpe->whole_tags[place] == tag, place, second)];
}

/* The id of a word that is one piece; -1: it is not known to be. Without a branch. */
static inline int32_t whole_id(const struct batch_word *word, uint32_t bytes)
{
    struct wt_bpe_key own;
    memcpy(&own, word->whole, sizeof own);
    uint32_t meta = word->whole->meta;
    wt_bpe_half low = own.low ^ word->key.low;
    wt_bpe_half high = own.high ^ word->key.high;
    uint64_t other =
        low[0] | low[1] | high[0] | (uint32_t)high[1] | (meta >> WT_BPE_WHOLE_ID_BITS ^ bytes);
    return (int32_t)wt_bpe_chosen(other == 0, meta & (WT_PIECE_IDS_MAX - 1), UINT32_MAX);
}

/* --- all words ---------------------------------------------------------------------------------- */

/* Remembers a word in its place. */
static void remember(const struct wt_bpe *bpe, struct state *state, const struct batch_word *word,
                     uint32_t bytes, const int32_t *ids, size_t count)
{
    struct wt_bpe_entry *entry = &state->entries[word->place];
    if (count > (bpe->short_ids ? WT_BPE_ENTRY_SHORT_IDS : WT_BPE_ENTRY_IDS)) {
        return;
    }
    state->tags[word->place] = wt_bpe_tag(word->hash);
    entry->key = word->key;
    if (bpe->short_ids) {
        for (size_t i = 0; i < 4; i++) {
            entry->short_ids[i] = (uint16_t)ids[i];
        }
        for (size_t i = 4; i < count; i++) {
            entry->short_ids[i] = (uint16_t)ids[i];
        }
    } else {
        memcpy(entry->ids, ids, sizeof entry->ids);
    }
    entry->meta = bytes << 8 | (uint32_t)count;
}

/* The first ids of a word that is remembered: COPIED may be read. `room` is for those of 16 bits. */
static inline int32_t *first_ids(const struct wt_bpe *bpe, const struct wt_bpe_entry *entry,
                                 eight_ids *room)
{
    eight_shorts shorts;
    memcpy(&shorts, entry->short_ids, sizeof shorts);
    *room = __builtin_convertvector(shorts, eight_ids);
    return bpe->short_ids ? (int32_t *)room : (int32_t *)entry->ids;
}

/* True if the word is a piece that counts whatever the merges say. */
static bool is_whole(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes)
{
    return bpe->has_strays && wt_pieces_find(&bpe->folded, (const char *)word, bytes) >= 0;
}

/* Which of two places a word has if it is remembered, and otherwise gets: an empty one, or the one
 * that its hash names. Without a branch, and without a wait for what is there. */
static inline void find_place(const struct state *state, struct batch_word *word)
{
    uint32_t place = wt_bpe_entry_of(state->entry_bits, word->hash);
    uint8_t tag = wt_bpe_tag(word->hash);
    uint8_t first = state->tags[place];
    uint8_t second = state->tags[place + 1];
    bool other = (first != 0) & ((second == 0) | ((word->hash >> 40 & 1u) != 0));
    bool moved = (first != tag) & ((second == tag) | other);
    word->place = place + moved;
    /* Behind the last entry there is an empty one. */
    bool likely = (first == tag) | (second == tag);
    word->entry = &state->entries[wt_bpe_chosen(likely, word->place, 1u << state->entry_bits)];
}

/* Looks for the words among those that were seen. Returns how many were missed. */
static uint32_t find_seen(const struct wt_bpe *bpe, struct state *state, const uint8_t *text,
                          const struct wt_word *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &state->batch[i];
        word->key = read_key(text + words[i].start, words[i].bytes);
        word->hash = wt_bpe_key_hash(&word->key);
        find_place(state, word);
        __builtin_prefetch(&state->entries[word->place]);
    }
    uint32_t missed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct batch_word *word = &state->batch[i];
        bool found = has_key(word->entry, &word->key, words[i].bytes);
        word->ids = first_ids(bpe, word->entry, &state->recalled[i]);
        word->id_count = word->entry->meta & 0xFFu;
        word->remembered = found;
        state->missed[missed] = i;
        missed += !found;
    }
    return missed;
}

static uint32_t long_ids_max(const struct wt_bpe *bpe)
{
    return bpe->short_ids ? LONG_SHORT_IDS : LONG_IDS;
}

/* Remembers a word that is longer than a key. */
static void remember_long(const struct wt_bpe *bpe, struct state *state,
                          const struct batch_word *word, const uint8_t *start, uint32_t bytes,
                          const int32_t *ids, size_t count)
{
    if (bytes > LONG_BYTES || count > long_ids_max(bpe)) {
        return;
    }
    struct long_entry *entry = &state->longs[word->place];
    memset(entry->key, 0, sizeof entry->key);
    memcpy(entry->key, start, bytes);
    for (size_t i = 0; i < count; i++) {
        if (bpe->short_ids) {
            entry->short_ids[i] = (uint16_t)ids[i];
        } else {
            entry->ids[i] = ids[i];
        }
    }
    entry->meta = bytes << 8 | (uint32_t)count;
}

/* Where a word that is longer than a key is remembered, or will be. */
static uint32_t long_place(uint64_t hash, const uint8_t *start, uint32_t bytes)
{
    struct wt_bpe_key rest = read_key(start + WT_BPE_KEY_BYTES, bytes - WT_BPE_KEY_BYTES);
    return (uint32_t)((hash ^ wt_bpe_key_hash(&rest) * 5) >> (64 - LONG_BITS));
}

/* Writes the ids of a word that is longer than a key, if it is remembered. Returns their number;
 * 0: it is not. */
static uint32_t recall_long(const struct wt_bpe *bpe, const struct state *state, uint32_t place,
                            const uint8_t *start, uint32_t bytes, int32_t *ids)
{
    const struct long_entry *entry = &state->longs[place];
    if (entry->meta >> 8 != bytes || memcmp(entry->key, start, bytes) != 0) {
        return 0;
    }
    uint32_t count = entry->meta & 0xFFu;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = bpe->short_ids ? entry->short_ids[i] : entry->ids[i];
    }
    return count;
}

/* How much is used of what a batch shares. */
struct used {
    uint32_t ids;
    uint32_t symbols;
    uint32_t runs;
    uint32_t searches;
};

/* Looks for a word that is longer than a key among those that were seen. False: it is not there. */
static bool find_long(const struct wt_bpe *bpe, struct state *state, const uint8_t *start,
                      uint32_t bytes, struct batch_word *word, struct used *used)
{
    if (bytes <= WT_BPE_KEY_BYTES || bytes > LONG_BYTES) {
        return false;
    }
    word->place = long_place(word->hash, start, bytes);
    if (bytes > BATCH_SYMBOLS - used->symbols) {
        return false;
    }
    int32_t *ids = state->ids + used->ids;
    uint32_t count = recall_long(bpe, state, word->place, start, bytes, ids);
    word->ids = ids;
    word->id_count = count;
    used->ids += count;
    used->symbols += count;
    return count > 0;
}

/* Has the pieces of a word searched, or leaves its `ids` NULL. */
static void find_word(const struct wt_bpe *bpe, struct state *state, const uint8_t *start,
                      uint32_t bytes, struct batch_word *word, struct used *used)
{
    uint32_t *symbols = state->symbols + used->symbols;
    int32_t *ids = state->ids + used->ids;
    bool known = false;
    uint32_t count = 0;
    if (find_long(bpe, state, start, bytes, word, used)) {
        return;
    }
    word->ids = NULL;
    if (bpe->searchable && bytes <= BATCH_SYMBOLS - used->symbols && !is_whole(bpe, start, bytes)) {
        count = wt_bpe_spell(bpe, start, bytes, symbols, &known);
    }
    if (!known) {
        return;
    }
    if (bpe->rows.slots != NULL) {
        word->runs = wt_bpe_divide(bpe, symbols, count, ids, state->runs + used->runs,
                                   RUNS_MAX - used->runs);
    }
    if (word->runs == 0 && bytes > SHORT_BYTES) {
        return;
    }
    word->ids = ids;
    used->ids += count;
    used->symbols += count;
    used->runs += word->runs;
    if (word->runs == 0) {
        state->dead[used->searches] = 0;
        state->searched[used->searches] = word;
        state->searches[used->searches] = (struct wt_bpe_search){
            .symbols = symbols, .ids = ids, .dead = &state->dead[used->searches], .count = count};
        used->searches++;
    }
}

/* Puts the ids of a word's runs side by side. */
static void join_runs(const struct wt_bpe_run *runs, struct batch_word *word)
{
    int32_t *ids = runs[0].ids;
    uint32_t count = runs[0].id_count;
    for (uint32_t i = 1; i < word->runs; i++) {
        memmove(ids + count, runs[i].ids, runs[i].id_count * sizeof *ids);
        count += runs[i].id_count;
    }
    word->id_count = count;
}

/* Finds the words that are one piece. Returns how many of the others there are. */
static uint32_t find_wholes(const struct wt_bpe *bpe, struct state *state,
                            const struct wt_word *words, uint32_t missed)
{
    for (uint32_t i = 0; i < missed; i++) {
        struct batch_word *word = &state->batch[state->missed[i]];
        word->whole = whole_of(bpe, word->hash);
        __builtin_prefetch(word->whole);
    }
    uint32_t parted = 0;
    for (uint32_t i = 0; i < missed; i++) {
        uint32_t at = state->missed[i];
        struct batch_word *word = &state->batch[at];
        int32_t id = whole_id(word, words[at].bytes);
        state->ids[i] = id;
        word->ids = &state->ids[i];
        word->id_count = 1;
        word->runs = 0;
        state->parted[parted] = at;
        parted += id < 0;
    }
    return parted;
}

/* Finds the pieces of the words that were missed and are short. */
static void find_missed(const struct wt_bpe *bpe, struct state *state, const uint8_t *text,
                        const struct wt_word *words, uint32_t missed)
{
    uint32_t parted = find_wholes(bpe, state, words, missed);
    struct used used = {.ids = missed};
    for (uint32_t i = 0; i < parted; i++) {
        uint32_t at = state->parted[i];
        find_word(bpe, state, text + words[at].start, words[at].bytes, &state->batch[at], &used);
    }
    wt_bpe_merge_in_turns(bpe, state->runs, used.runs);
    const struct wt_bpe_run *runs = state->runs;
    for (uint32_t i = 0; i < parted; i++) {
        struct batch_word *word = &state->batch[state->parted[i]];
        if (word->runs > 0) {
            join_runs(runs, word);
            runs += word->runs;
        }
    }
    if (used.searches > 0) {
        wt_bpe_search_words(bpe, state->alone.verdicts, state->searches, used.searches);
    }
    for (uint32_t i = 0; i < used.searches; i++) {
        state->searched[i]->id_count = state->searches[i].id_count;
    }
}

/* Appends the ids of a word that has no room, or no ids yet, or more than COPIED. WT_MEMORY. */
static enum wt_status append_more(const struct wt_bpe *bpe, struct state *state,
                                  const struct batch_word *word, const uint8_t *start,
                                  uint32_t bytes, struct wt_ids *ids)
{
    if (word->ids == NULL) {
        return wt_bpe_append_word(bpe, &state->alone, start, bytes, ids);
    }
    if (!wt_ids_reserve(ids, word->id_count)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < word->id_count; i++) {
        bool short_id = bpe->short_ids && word->remembered;
        ids->ids[ids->count++] = short_id ? word->entry->short_ids[i] : word->ids[i];
    }
    return WT_OK;
}

enum wt_status wt_bpe_encode(const struct wt_word_model *model, void *opaque, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids)
{
    const struct wt_bpe *bpe = (const struct wt_bpe *)model;
    struct state *state = opaque;
    size_t starts[WT_WORDS_AT_ONCE + 1];
    assert(count <= WT_WORDS_AT_ONCE);
    uint32_t missed = find_seen(bpe, state, text, words, count);
    find_missed(bpe, state, text, words, missed);
    if (!wt_ids_reserve(ids, (size_t)count * COPIED)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct batch_word *word = &state->batch[i];
        starts[i] = ids->count;
        if (word->ids != NULL && word->id_count <= COPIED) {
            memcpy(ids->ids + ids->count, word->ids, COPIED * sizeof *ids->ids);
            ids->count += word->id_count;
            continue;
        }
        if (append_more(bpe, state, word, text + words[i].start, words[i].bytes, ids) != WT_OK ||
            !wt_ids_reserve(ids, (size_t)(count - i) * COPIED)) {
            return WT_MEMORY;
        }
    }
    starts[count] = ids->count;
    for (uint32_t i = 0; i < missed; i++) {
        uint32_t at = state->missed[i];
        const struct batch_word *word = &state->batch[at];
        const int32_t *first = ids->ids + starts[at];
        size_t id_count = starts[at + 1] - starts[at];
        if (words[at].bytes <= WT_BPE_KEY_BYTES) {
            remember(bpe, state, word, words[at].bytes, first, id_count);
        } else {
            remember_long(bpe, state, word, text + words[at].start, words[at].bytes, first,
                          id_count);
        }
    }
    return WT_OK;
}
