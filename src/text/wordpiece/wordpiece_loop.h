/* wordpiece_loop.h: the body of the tokenizer. One source for each kind of processor includes it.
 *
 * The includer defines, before including this,
 *   struct window
 *       WT_WINDOW_BYTES bytes of text;
 *   uint32_t window_load(struct window *, const uint8_t *text)
 *       loads a window and returns how many bytes at its start are plain: ASCII letters and digits,
 *       and characters of the two-byte blocks that contain only parts of words (U+00C0..U+033F and
 *       U+03C0..U+053F: Latin, Cyrillic);
 *   void window_load_any(struct window *, const uint8_t *text)
 *       loads a window;
 *   void window_cut(struct window *, uint32_t bytes)
 *       sets everything after `bytes` to zero;
 *   uint64_t window_hash(const struct window *)
 *       a hash whose upper bits are the good ones;
 *   bool window_equals(const struct window *, const uint8_t *key);
 *   void window_store(const struct window *, uint8_t *key).
 *
 * Note "raw words". The word cache is keyed by the raw bytes of a word, before normalization. The
 * ids depend on nothing else: white space, punctuation and ideographs end a word whatever is next
 * to them, no character is dropped or reordered across such a boundary, and special tokens start
 * and end with ASCII punctuation, or with what becomes that. So normalization, which is most of the
 * work for a word, and the check for UTF-8 are done once for each distinct word.
 *
 * Note "what made it fast". 1.5 MB of Russian posts, 119,547 tokens, one thread of a 2.6 GHz Zen 4,
 * medians of alternating runs that start with an empty cache (a quarter of the words are new):
 *   204 MB/s  this code; 280 with all words cached, 260 over eleven repetitions from an empty cache
 *   180       with plain C instead of AVX2
 *   145       without the cache
 *   140       one word at a time: trie and cache have 4 MB each, so most steps wait for memory; in
 *             batches of 64 words the waits overlap
 *    10       the reference in this folder; Hugging Face tokenizers: 5
 * Tried without gain: large pages for the tables (kept: they make loading a tenth faster), and trie
 * steps without branches (165 MB/s: a mispredicted failure costs less than the code that avoids
 * it). */

#include "base/utf8.h"
#include "text/unicode/unicode.h"
#include "text/wordpiece/word.h"
#include "text/wordpiece/wordpiece.h"

#include <string.h>

/* A piece of the text that becomes ids: a word, punctuation or a special token. */
struct piece {
    const int32_t *ids; /* NULL: not known yet */
    uint32_t id_count;
    uint32_t bytes;
    const uint8_t *word;
    struct wt_word_entry *entry; /* its cache entry, filled or not; NULL: it cannot be cached */
};

struct batch {
    struct piece pieces[WT_BATCH_WORDS];
    struct window windows[WT_BATCH_WORDS]; /* one for each piece with an entry */
    uint32_t count;
    uint32_t new_count; /* words not in the cache: */
    struct piece *new_pieces[WT_BATCH_WORDS];
    struct wt_trie_word new_words[WT_BATCH_WORDS];
    uint32_t symbol_count; /* of all new words, one after another: */
    uint32_t symbols[WT_BATCH_WORDS * WT_WORD_CHARACTERS_MAX];
    int32_t ids[WT_BATCH_WORDS * WT_WORD_CHARACTERS_MAX + WT_IDS_AT_ONCE];
};

static inline void add_ids(struct batch *batch, const int32_t *ids)
{
    batch->pieces[batch->count++] = (struct piece){.ids = ids, .id_count = 1};
}

/* Adds a word of at most one window, whose cut window is already stored, and prefetches its
 * entry. */
static inline void add_short_word(struct wt_wordpiece *tokenizer, struct batch *batch,
                                  const uint8_t *word, uint32_t bytes)
{
    uint64_t hash = window_hash(&batch->windows[batch->count]);
    struct wt_word_entry *entry = &tokenizer->entries[hash >> (64u - WT_ENTRY_BITS)];
    __builtin_prefetch(entry);
    batch->pieces[batch->count++] = (struct piece){.word = word, .bytes = bytes, .entry = entry};
}

/* True if the character at `text` is a boundary. Malformed bytes are not; a later pass reports
 * them. */
static bool is_boundary(const struct wt_wordpiece_vocab *vocab, const uint8_t *text,
                        const uint8_t *end)
{
    enum wt_byte_kind kind = vocab->byte_kinds[*text];
    if (kind != WT_BYTE_OTHER) {
        return kind != WT_BYTE_PLAIN;
    }
    uint32_t code_point;
    uint32_t bytes = wt_utf8_decode(text, (size_t)(end - text), &code_point);
    return bytes != 0 && wt_vocab_ends_word(vocab, wt_unicode_properties(code_point));
}

/* Adds the word or boundary character at *place and moves past it. */
static __attribute__((noinline)) enum wt_status add_any(struct wt_wordpiece *tokenizer,
                                                        struct batch *batch, const uint8_t **place,
                                                        const uint8_t *end)
{
    const struct wt_wordpiece_vocab *vocab = tokenizer->vocab;
    const uint8_t *word = *place;
    const uint8_t *last = word;
    bool boundary = false;
    bool has_nul = false;
    while (last < end && !boundary) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(last, (size_t)(end - last), &code_point);
        if (length == 0) {
            return WT_INVALID;
        }
        uint32_t properties = wt_unicode_properties(code_point);
        boundary = wt_vocab_ends_word(vocab, properties);
        if (boundary && last == word) {
            if ((properties & WT_UNICODE_SPACE) != 0) {
                *place = last + length;
                return WT_OK;
            }
            /* U+226E becomes '<' where accents are stripped. */
            const int32_t *ids =
                vocab->normalized_count > 0 ? wt_special_at(vocab, place, end) : NULL;
            if (ids != NULL) {
                add_ids(batch, ids);
                return WT_OK;
            }
        }
        has_nul = has_nul || code_point == 0;
        last += boundary && last > word ? 0 : length;
    }
    *place = last;
    size_t bytes = (size_t)(last - word);
    if (bytes > WT_WINDOW_BYTES || has_nul) {
        batch->pieces[batch->count++] = (struct piece){.word = word, .bytes = (uint32_t)bytes};
        return WT_OK;
    }
    uint8_t copy[WT_WINDOW_BYTES] = {0};
    memcpy(copy, word, bytes);
    window_load_any(&batch->windows[batch->count], copy);
    add_short_word(tokenizer, batch, word, (uint32_t)bytes);
    return WT_OK;
}

/* First pass: cuts the text into pieces until the batch is full or *place reaches `last`, the end
 * of the part from which whole windows can be read. */
static inline enum wt_status gather(struct wt_wordpiece *tokenizer, struct batch *batch,
                                    const uint8_t **place_in_out, const uint8_t *last,
                                    const uint8_t *end)
{
    const struct wt_wordpiece_vocab *vocab = tokenizer->vocab;
    const uint8_t *place = *place_in_out;
    enum wt_status status = WT_OK;
    batch->count = 0;
    while (place < last && batch->count < WT_BATCH_WORDS && status == WT_OK) {
        struct window *window = &batch->windows[batch->count];
        uint32_t plain = window_load(window, place);
        if (plain - 1 < WT_WINDOW_BYTES - 1 && is_boundary(vocab, place + plain, end)) {
            window_cut(window, plain);
            add_short_word(tokenizer, batch, place, plain);
            place += plain;
            place += *place == ' ';
        } else if (plain == 0 && vocab->byte_kinds[*place] == WT_BYTE_SPACE) {
            place++;
        } else if (plain == 0 && vocab->byte_kinds[*place] == WT_BYTE_PUNCTUATION) {
            const int32_t *ids =
                vocab->starts_special[*place] ? wt_special_at(vocab, &place, end) : NULL;
            if (ids == NULL) {
                ids = &vocab->punctuation_ids[*place++];
            }
            add_ids(batch, ids);
        } else {
            status = add_any(tokenizer, batch, &place, end);
        }
    }
    *place_in_out = place;
    return status;
}

/* Prepares a word that is not cached for the trie. */
static inline enum wt_status add_new_word(struct wt_wordpiece *tokenizer, struct batch *batch,
                                          struct piece *piece)
{
    const struct wt_wordpiece_vocab *vocab = tokenizer->vocab;
    uint32_t *symbols = batch->symbols + batch->symbol_count;
    uint32_t count = wt_word_symbols(vocab, piece->word, piece->bytes, symbols);
    if (count == WT_WORD_MALFORMED) {
        return WT_INVALID;
    }
    if (count == 0 || count > WT_WORD_CHARACTERS_MAX) {
        piece->ids = vocab->unknown_ids;
        piece->id_count = count != 0;
        return WT_OK;
    }
    batch->new_words[batch->new_count] = (struct wt_trie_word){
        .symbols = symbols, .symbol_count = count, .ids = batch->ids + batch->symbol_count};
    batch->symbol_count += count;
    batch->new_pieces[batch->new_count++] = piece;
    return WT_OK;
}

static inline struct wt_word_line *line_of(const struct wt_wordpiece *tokenizer,
                                           const struct wt_word_entry *entry)
{
    return &tokenizer->lines[entry - tokenizer->entries];
}

/* Second pass: looks up the cached words, and splits all others together. */
static inline enum wt_status resolve(struct wt_wordpiece *tokenizer, struct batch *batch)
{
    batch->new_count = 0;
    batch->symbol_count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct piece *piece = &batch->pieces[i];
        if (piece->ids != NULL) {
            continue;
        }
        if (piece->entry != NULL && window_equals(&batch->windows[i], piece->entry->key)) {
            piece->id_count = (uint32_t)piece->entry->ids[WT_ENTRY_IDS_MAX];
            piece->ids = piece->id_count <= WT_ENTRY_IDS_MAX
                             ? piece->entry->ids
                             : line_of(tokenizer, piece->entry)->ids;
            continue;
        }
        enum wt_status status = add_new_word(tokenizer, batch, piece);
        if (status != WT_OK) {
            return status;
        }
    }
    wt_trie_split(tokenizer->vocab->trie, batch->new_words, batch->new_count);
    for (uint32_t i = 0; i < batch->new_count; i++) {
        const struct wt_trie_word *word = &batch->new_words[i];
        bool known = word->id_count > 0;
        batch->new_pieces[i]->ids = known ? word->ids : tokenizer->vocab->unknown_ids;
        batch->new_pieces[i]->id_count = known ? word->id_count : 1;
    }
    return WT_OK;
}

/* Third pass: writes the ids in the order of the text. */
static inline int32_t *emit(const struct batch *batch, int32_t *next)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct piece *piece = &batch->pieces[i];
        memcpy(next, piece->ids, WT_IDS_AT_ONCE * sizeof *next);
        if (piece->id_count > WT_IDS_AT_ONCE) {
            memcpy(next + WT_IDS_AT_ONCE, piece->ids + WT_IDS_AT_ONCE,
                   WT_IDS_AT_ONCE * sizeof *next);
        }
        if (piece->id_count > 2 * WT_IDS_AT_ONCE) {
            memcpy(next, piece->ids, piece->id_count * sizeof *next);
        }
        next += piece->id_count;
    }
    return next;
}

/* After the ids are written, because a new entry may overwrite the ids of a piece of the same
 * batch. */
static inline void remember(const struct wt_wordpiece *tokenizer, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->new_count; i++) {
        const struct piece *piece = batch->new_pieces[i];
        if (piece->entry == NULL || piece->id_count > WT_LINE_IDS_MAX) {
            continue;
        }
        window_store(&batch->windows[piece - batch->pieces], piece->entry->key);
        if (piece->id_count <= WT_ENTRY_IDS_MAX) {
            memcpy(piece->entry->ids, piece->ids, WT_IDS_AT_ONCE * sizeof *piece->ids);
        } else {
            memcpy(line_of(tokenizer, piece->entry)->ids, piece->ids,
                   piece->id_count * sizeof *piece->ids);
        }
        piece->entry->ids[WT_ENTRY_IDS_MAX] = (int32_t)piece->id_count;
    }
}

/* Tokenizes the text from `place` to `last`, batch by batch. */
static enum wt_status run_stretch(struct wt_wordpiece *tokenizer, const uint8_t **place,
                                  const uint8_t *last, const uint8_t *end, size_t *count_in_out)
{
    struct batch batch;
    while (*place < last && *count_in_out < tokenizer->stop_count) {
        if (tokenizer->capacity - *count_in_out < WT_BATCH_IDS_MAX &&
            wt_wordpiece_grow(tokenizer) != WT_OK) {
            return WT_MEMORY;
        }
        enum wt_status status = gather(tokenizer, &batch, place, last, end);
        if (status == WT_OK) {
            status = resolve(tokenizer, &batch);
        }
        if (status != WT_OK) {
            return status;
        }
        int32_t *next = emit(&batch, tokenizer->ids + *count_in_out);
        *count_in_out = (size_t)(next - tokenizer->ids);
        remember(tokenizer, &batch);
    }
    return WT_OK;
}

/* Tokenizes the text up to its last window, then the rest from a copy with room behind it. */
static inline enum wt_status run_text(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                      size_t text_bytes, size_t *count_in_out)
{
    const uint8_t *end = text + text_bytes;
    const uint8_t *place = text;
    if (text_bytes >= WT_WINDOW_BYTES) {
        enum wt_status status =
            run_stretch(tokenizer, &place, end - WT_WINDOW_BYTES + 1, end, count_in_out);
        if (status != WT_OK || *count_in_out >= tokenizer->stop_count) {
            return status;
        }
    }
    uint8_t copy[2 * WT_WINDOW_BYTES];
    size_t rest = place < end ? (size_t)(end - place) : 0;
    memset(copy, ' ', sizeof copy);
    if (rest > 0) {
        memcpy(copy, place, rest);
    }
    place = copy;
    return run_stretch(tokenizer, &place, copy + rest, copy + rest, count_in_out);
}
