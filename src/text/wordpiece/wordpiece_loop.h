/* wordpiece_loop.h: the body of the tokenizer. One source for each kind of processor includes it.
 *
 * The includer defines, before including this,
 *   void block_load(struct block *, const uint8_t *text)
 *       tells the bytes of WT_BLOCK_BYTES of text apart, see wordpiece_block.h;
 *   uint32_t lowest_bit(uint64_t mask)
 *       the place of the lowest bit; anything if there is none;
 *   struct window
 *       WT_WINDOW_BYTES bytes of text;
 *   void window_load(struct window *, const uint8_t *text)
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
 * work for a word, is done once for each distinct word.
 *
 * Note "what made it fast". 1.5 MB of Russian posts (750 bytes each), 119,547 tokens, one thread
 * of a Zen 4: 275 MB/s from an empty cache, with a word in four new; 373 over eleven repetitions.
 * Before, words were cut one behind the other, each from where the last one ended: 214 and 271.
 * Now a block of 64 bytes is cut at once, so that no word waits for the one before it, and
 * punctuation is a word like any other, so that nothing branches on what comes next. A batch has
 * room for a whole post: trie and cache have 4 MB each, so most steps wait for memory, and the
 * waits of a batch overlap. Tried without gain: large pages for the tables (kept: they make
 * loading a tenth faster), and trie steps without branches (a mispredicted failure costs less than
 * the code that avoids it). */

#include "base/utf8.h"
#include "text/unicode/unicode.h"
#include "text/wordpiece/word.h"
#include "text/wordpiece/wordpiece.h"

#include <string.h>

/* The pieces of a text that become ids: words, punctuation, special tokens. */
struct batch {
    uint32_t count;
    uint32_t start_count;             /* `count`, and one more while a piece is open */
    uint32_t starts[WT_BATCH_PLACES]; /* in the text */
    uint32_t ends[WT_BATCH_PLACES];
    struct window windows[WT_BATCH_PIECES_MAX]; /* of the pieces that can be cached */
    struct wt_word_entry
        *entries[WT_BATCH_PIECES_MAX]; /* filled or not; NULL: it cannot be cached */
    const int32_t *ids[WT_BATCH_PIECES_MAX];
    uint32_t id_counts[WT_BATCH_PIECES_MAX];
    uint32_t special_count; /* of the special tokens among the pieces: */
    struct {
        uint32_t piece;
        const int32_t *id;
    } specials[WT_BATCH_PIECES_MAX];
    uint32_t missed_count; /* pieces that are not in the cache: */
    uint32_t missed[WT_BATCH_PIECES_MAX];
    uint32_t new_count; /* those of them that wait for the trie: */
    uint32_t new_pieces[WT_TRIE_WORDS_MAX];
    struct wt_trie_word new_words[WT_TRIE_WORDS_MAX];
    uint32_t symbol_count; /* of all new words, one after another: */
    uint32_t symbols[WT_TRIE_WORDS_MAX * WT_WORD_CHARACTERS_MAX];
    uint32_t id_count; /* of all missed words: */
    int32_t new_ids[WT_BATCH_PIECES_MAX * WT_WORD_CHARACTERS_MAX + WT_IDS_AT_ONCE];
};

/* A text, and how far it is cut into pieces. */
struct cursor {
    const uint8_t *text;
    const uint8_t *tail; /* a copy of its end with room behind it */
    uint32_t tail_place; /* where that starts in the text */
    uint32_t tail_from;  /* from here on the copy is read: no whole block is left in the text */
    uint32_t bytes;
    uint32_t place; /* up to here, where a character starts */
    bool in_word;   /* a word reaches up to `place` */
    bool in_single; /* a character that is a piece of its own does */
    bool has_nul;
};

static inline const uint8_t *text_at(const struct cursor *cursor, uint32_t place)
{
    return place < cursor->tail_from ? cursor->text + place
                                     : cursor->tail + (place - cursor->tail_place);
}

/* --- first pass: cuts the text into pieces ------------------------------------------------------ */

/* Of the first `bytes` of a block: which are in words, and which start and end other pieces. */
struct cuts {
    uint64_t words;
    uint64_t firsts;
    uint64_t lasts;
    uint32_t bytes;
    const int32_t *special; /* the id of a special token that stands behind them; NULL: none does */
    uint32_t special_end;   /* in the text */
};

/* True if a special token starts at this place of the block. Then the cuts end before it. */
static bool cut_at_special(const struct wt_wordpiece_vocab *vocab, const struct cursor *cursor,
                           uint32_t at, struct cuts *cuts)
{
    const uint8_t *place = cursor->text + cursor->place + at;
    const int32_t *id = wt_special_at(vocab, &place, cursor->text + cursor->bytes);
    if (id == NULL) {
        return false;
    }
    cuts->bytes = at;
    cuts->special = id;
    cuts->special_end = (uint32_t)(place - cursor->text);
    return true;
}

/* Looks up the characters that block_load does not know. False: the text is malformed. */
static bool look_up_others(const struct wt_wordpiece_vocab *vocab, struct cursor *cursor,
                           uint64_t others, struct cuts *cuts)
{
    const uint8_t *end = cursor->text + cursor->bytes;
    while (others != 0) {
        uint32_t at = lowest_bit(others);
        if (at >= cuts->bytes) {
            break;
        }
        const uint8_t *place = cursor->text + cursor->place + at;
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(place, (size_t)(end - place), &code_point);
        if (length == 0) {
            return false;
        }
        uint32_t properties = wt_unicode_properties(code_point);
        bool boundary = wt_vocab_ends_word(vocab, properties);
        if (at + length > WT_BLOCK_BYTES) {
            cuts->bytes = at; /* it is looked up in the next block */
            break;
        }
        /* U+226E becomes '<' where accents are stripped. */
        if (boundary && vocab->normalized_count > 0 && cut_at_special(vocab, cursor, at, cuts)) {
            break;
        }
        uint64_t bits = ((UINT64_C(1) << length) - 1) << at;
        if (!boundary) {
            cuts->words |= bits;
        } else if ((properties & WT_UNICODE_SPACE) == 0) {
            cuts->firsts |= UINT64_C(1) << at;
            cuts->lasts |= UINT64_C(1) << (at + length - 1);
        }
        cursor->has_nul = cursor->has_nul || code_point == 0;
        others &= ~bits;
    }
    return true;
}

/* Looks for a special token at the places where one can start. */
static void look_for_special(const struct wt_wordpiece_vocab *vocab, const struct cursor *cursor,
                             uint64_t brackets, struct cuts *cuts)
{
    for (; brackets != 0; brackets &= brackets - 1) {
        uint32_t at = lowest_bit(brackets);
        if (at >= cuts->bytes || cut_at_special(vocab, cursor, at, cuts)) {
            return;
        }
    }
}

/* Most blocks have fewer pieces. */
#define PLACES_AT_ONCE 12u

/* Writes the places of the bits, and maybe some more values. Returns where the next ones go. */
static inline uint32_t *write_places(uint32_t *out, uint64_t mask, uint32_t place)
{
    uint32_t *next = out + __builtin_popcountll(mask);
    do {
#pragma GCC unroll 12
        for (uint32_t i = 0; i < PLACES_AT_ONCE; i++) {
            *out++ = place + lowest_bit(mask);
            mask &= mask - 1;
        }
    } while (mask != 0);
    return next;
}

/* Ends the piece that is open. */
static void close_piece(struct cursor *cursor, struct batch *batch)
{
    if (cursor->in_word || cursor->in_single) {
        batch->ends[batch->count++] = cursor->place;
        cursor->in_word = false;
        cursor->in_single = false;
    }
}

/* Adds a special token at the cursor, which goes on behind it. */
static void add_special(struct cursor *cursor, struct batch *batch, const struct cuts *cuts)
{
    close_piece(cursor, batch);
    batch->specials[batch->special_count].piece = batch->count;
    batch->specials[batch->special_count++].id = cuts->special;
    batch->starts[batch->start_count++] = cursor->place;
    batch->ends[batch->count++] = cuts->special_end;
    cursor->place = cuts->special_end;
}

/* Cuts the next block. */
static inline enum wt_status cut_block(const struct wt_wordpiece_vocab *vocab,
                                       struct cursor *cursor, struct batch *batch)
{
    struct block block;
    block_load(&block, text_at(cursor, cursor->place));
    uint32_t left = cursor->bytes - cursor->place;
    struct cuts cuts = {.words = block.plain,
                        .firsts = block.punctuation,
                        .lasts = block.punctuation,
                        .bytes = left < block.bytes ? left : block.bytes};
    if (block.brackets != 0) {
        look_for_special(vocab, cursor, block.brackets, &cuts);
    }
    uint64_t others = ~(block.plain | block.punctuation | block.blanks);
    if (others != 0 && !look_up_others(vocab, cursor, others, &cuts)) {
        return WT_INVALID;
    }
    if (cuts.bytes > 0) {
        uint64_t all = UINT64_MAX >> (WT_BLOCK_BYTES - cuts.bytes);
        uint64_t before = cuts.words << 1 | cursor->in_word;
        uint64_t starts = ((cuts.words & ~before) | cuts.firsts) & all;
        uint64_t ends = ((before & ~cuts.words) | cuts.lasts << 1 | cursor->in_single) & all;
        uint32_t *start = batch->starts + batch->start_count;
        uint32_t *end = batch->ends + batch->count;
        batch->start_count = (uint32_t)(write_places(start, starts, cursor->place) - batch->starts);
        batch->count = (uint32_t)(write_places(end, ends, cursor->place) - batch->ends);
        cursor->in_word = (cuts.words >> (cuts.bytes - 1) & 1u) != 0;
        cursor->in_single = (cuts.lasts >> (cuts.bytes - 1) & 1u) != 0;
        cursor->place += cuts.bytes;
    }
    if (cuts.special != NULL) {
        add_special(cursor, batch, &cuts);
    }
    return WT_OK;
}

/* Cuts until the batch is full or the text is over. What is open stays open. */
static inline enum wt_status gather(const struct wt_wordpiece_vocab *vocab, struct cursor *cursor,
                                    struct batch *batch)
{
    if (batch->start_count > batch->count) {
        batch->starts[0] = batch->starts[batch->count];
        batch->start_count = 1;
    } else {
        batch->start_count = 0;
    }
    batch->count = 0;
    batch->special_count = 0;
    while (cursor->place < cursor->bytes && batch->count < WT_BATCH_PIECES) {
        enum wt_status status = cut_block(vocab, cursor, batch);
        if (status != WT_OK) {
            return status;
        }
    }
    if (cursor->place == cursor->bytes) {
        close_piece(cursor, batch);
    }
    return WT_OK;
}

/* --- second pass: looks up the cached words, and splits all others together ------------------------ */

/* Stands for the entry of a piece that cannot be cached. No text has this key. */
static struct wt_word_entry no_entry = {.key = {0xFF}};

/* Finds the entry of each piece, and prefetches it. */
static inline void find_entries(const struct wt_wordpiece *tokenizer, const struct cursor *cursor,
                                struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t start = batch->starts[i];
        uint32_t bytes = batch->ends[i] - start;
        const uint8_t *text = text_at(cursor, start);
        window_load(&batch->windows[i], text);
        if (bytes > WT_WINDOW_BYTES || (cursor->has_nul && memchr(text, 0, bytes) != NULL)) {
            batch->entries[i] = &no_entry;
            continue;
        }
        struct window window = batch->windows[i];
        window_cut(&window, bytes);
        batch->windows[i] = window;
        uint64_t hash = window_hash(&window);
        batch->entries[i] = &tokenizer->entries[hash >> (64u - WT_ENTRY_BITS)];
        __builtin_prefetch(batch->entries[i]);
    }
    for (uint32_t i = 0; i < batch->special_count; i++) {
        batch->entries[batch->specials[i].piece] = &no_entry;
    }
}

static inline struct wt_word_line *line_of(const struct wt_wordpiece *tokenizer,
                                           const struct wt_word_entry *entry)
{
    return &tokenizer->lines[(entry - tokenizer->entries) % WT_LINE_COUNT];
}

/* Takes the ids of the cached pieces, and lists the others. */
static inline void find_cached(const struct wt_wordpiece *tokenizer, struct batch *batch)
{
    uint32_t missed = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct wt_word_entry *entry = batch->entries[i];
        bool same = window_equals(&batch->windows[i], entry->key);
        uint32_t id_count = (uint32_t)entry->ids[WT_ENTRY_IDS_MAX];
        batch->ids[i] = entry->ids;
        batch->id_counts[i] = id_count;
        if (id_count > WT_ENTRY_IDS_MAX) {
            const struct wt_word_line *line = line_of(tokenizer, entry);
            same = same && line->owner == entry;
            batch->ids[i] = line->ids;
        }
        batch->missed[missed] = i;
        missed += !same;
    }
    batch->missed_count = missed;
}

/* Splits the words that wait for the trie. */
static inline void split_new(const struct wt_wordpiece *tokenizer, struct batch *batch)
{
    wt_trie_split(tokenizer->vocab->trie, batch->new_words, batch->new_count);
    for (uint32_t i = 0; i < batch->new_count; i++) {
        const struct wt_trie_word *word = &batch->new_words[i];
        bool known = word->id_count > 0;
        batch->ids[batch->new_pieces[i]] = known ? word->ids : tokenizer->vocab->unknown_ids;
        batch->id_counts[batch->new_pieces[i]] = known ? word->id_count : 1;
    }
    batch->new_count = 0;
    batch->symbol_count = 0;
}

/* Prepares a word that is not cached for the trie. */
static inline void add_new_word(const struct wt_wordpiece *tokenizer, const struct cursor *cursor,
                                struct batch *batch, uint32_t piece)
{
    const struct wt_wordpiece_vocab *vocab = tokenizer->vocab;
    uint32_t start = batch->starts[piece];
    uint32_t bytes = batch->ends[piece] - start;
    uint32_t *symbols = batch->symbols + batch->symbol_count;
    uint32_t count = wt_word_symbols(vocab, cursor->text + start, bytes, symbols);
    if (count == 0 || count > WT_WORD_CHARACTERS_MAX) {
        batch->ids[piece] = vocab->unknown_ids;
        batch->id_counts[piece] = count != 0;
        return;
    }
    batch->new_words[batch->new_count] = (struct wt_trie_word){
        .symbols = symbols, .symbol_count = count, .ids = batch->new_ids + batch->id_count};
    batch->new_pieces[batch->new_count++] = piece;
    batch->symbol_count += count;
    batch->id_count += count;
    if (batch->new_count == WT_TRIE_WORDS_MAX) {
        split_new(tokenizer, batch);
    }
}

static inline void resolve(const struct wt_wordpiece *tokenizer, const struct cursor *cursor,
                           struct batch *batch)
{
    find_entries(tokenizer, cursor, batch);
    find_cached(tokenizer, batch);
    uint32_t specials = 0;
    batch->new_count = 0;
    batch->symbol_count = 0;
    batch->id_count = 0;
    for (uint32_t i = 0; i < batch->missed_count; i++) {
        uint32_t piece = batch->missed[i];
        if (specials < batch->special_count && batch->specials[specials].piece == piece) {
            batch->ids[piece] = batch->specials[specials++].id;
            batch->id_counts[piece] = 1;
            continue;
        }
        add_new_word(tokenizer, cursor, batch, piece);
    }
    split_new(tokenizer, batch);
}

/* --- third pass: writes the ids in the order of the text ------------------------------------------- */

static inline int32_t *emit(const struct batch *batch, int32_t *next)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const int32_t *ids = batch->ids[i];
        uint32_t id_count = batch->id_counts[i];
        memcpy(next, ids, WT_IDS_AT_ONCE * sizeof *next);
        if (id_count > WT_IDS_AT_ONCE) {
            memcpy(next + WT_IDS_AT_ONCE, ids + WT_IDS_AT_ONCE,
                   (id_count - WT_IDS_AT_ONCE) * sizeof *next);
        }
        next += id_count;
    }
    return next;
}

/* After the ids are written, because a new entry may overwrite the ids of a piece of the same
 * batch. */
static inline void remember(const struct wt_wordpiece *tokenizer, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->missed_count; i++) {
        uint32_t piece = batch->missed[i];
        struct wt_word_entry *entry = batch->entries[piece];
        uint32_t id_count = batch->id_counts[piece];
        if (entry == &no_entry || id_count == 0 || id_count > WT_LINE_IDS_MAX) {
            continue;
        }
        window_store(&batch->windows[piece], entry->key);
        if (id_count <= WT_ENTRY_IDS_MAX) {
            memcpy(entry->ids, batch->ids[piece], WT_IDS_AT_ONCE * sizeof *entry->ids);
        } else {
            struct wt_word_line *line = line_of(tokenizer, entry);
            memcpy(line->ids, batch->ids[piece], id_count * sizeof *line->ids);
            line->owner = entry;
        }
        entry->ids[WT_ENTRY_IDS_MAX] = (int32_t)id_count;
    }
}

static inline enum wt_status run_text(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                      size_t text_bytes, size_t *count_in_out)
{
    uint8_t copy[2 * WT_BLOCK_BYTES];
    size_t copied = text_bytes < WT_BLOCK_BYTES ? text_bytes : WT_BLOCK_BYTES;
    memset(copy, ' ', sizeof copy);
    if (copied > 0) {
        memcpy(copy, text + text_bytes - copied, copied);
    }
    struct cursor cursor = {.text = text,
                            .tail = copy,
                            .tail_place = (uint32_t)(text_bytes - copied),
                            .tail_from =
                                (uint32_t)(text_bytes - copied) + (copied == WT_BLOCK_BYTES),
                            .bytes = (uint32_t)text_bytes};
    struct batch batch;
    batch.count = 0;
    batch.start_count = 0;
    while (cursor.place < cursor.bytes && *count_in_out < tokenizer->stop_count) {
        if (tokenizer->capacity - *count_in_out < WT_BATCH_IDS_MAX &&
            wt_wordpiece_grow(tokenizer) != WT_OK) {
            return WT_MEMORY;
        }
        enum wt_status status = gather(tokenizer->vocab, &cursor, &batch);
        if (status != WT_OK) {
            return status;
        }
        resolve(tokenizer, &cursor, &batch);
        int32_t *next = emit(&batch, tokenizer->ids + *count_in_out);
        *count_in_out = (size_t)(next - tokenizer->ids);
        remember(tokenizer, &batch);
    }
    return WT_OK;
}
