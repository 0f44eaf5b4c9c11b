/* wordpiece.h: the tokenizer's state, and its loop, which is compiled once for each kind of
 * processor. */
#ifndef WIRETAG_TEXT_WORDPIECE_WORDPIECE_H
#define WIRETAG_TEXT_WORDPIECE_WORDPIECE_H

#include "text/wordpiece/wordpiece_vocab.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* The loop reads one window of text at a time. Longer words are not cached. */
#define WT_WINDOW_BYTES 32u
#define WT_ENTRY_IDS_MAX (WT_IDS_AT_ONCE - 1u)

/* A cached word in one cache line: its raw bytes, padded with zeros, and its ids. Words with a NUL
 * inside are not cached, so equal keys are equal words. */
struct wt_word_entry {
    _Alignas(64) uint8_t key[WT_WINDOW_BYTES]; /* all zero: empty entry */
    int32_t ids[WT_IDS_AT_ONCE];               /* the last element is the number of ids */
};

/* The ids of a word with more than an entry holds. Most words of most vocabularies have few, so there are
 * fewer lines than entries: one for each WT_LINE_COUNT, of the latest of them. */
#define WT_LINE_IDS_MAX 14u
struct wt_word_line {
    _Alignas(64) int32_t ids[WT_LINE_IDS_MAX];
    const struct wt_word_entry *owner; /* NULL: empty */
};
#define WT_LINE_COUNT 1024u

/* A power of two: 4 MiB for each tokenizer. */
#define WT_ENTRY_BITS 16u
#define WT_ENTRY_COUNT (1u << WT_ENTRY_BITS)

/* The loop cuts texts in blocks of this size. */
#define WT_BLOCK_BYTES 64u

/* A batch is full from so many pieces on. The last block adds one a byte, and what its end closes. */
#define WT_BATCH_PIECES 192u
#define WT_BATCH_PIECES_MAX (WT_BATCH_PIECES + WT_BLOCK_BYTES + 2u)

/* Their places are written sixteen at a time at most. */
#define WT_BATCH_PLACES (WT_BATCH_PIECES_MAX + 16u)

/* The room for ids that a batch needs. */
#define WT_BATCH_IDS_MAX (WT_BATCH_PIECES_MAX * WT_WORD_CHARACTERS_MAX + WT_IDS_AT_ONCE)

/* A block of text. Bit i is about byte i. */
struct block {
    uint64_t plain; /* of ASCII letters and digits, and of characters of the two-byte blocks that
                             contain only parts of words (U+00C0..U+033F and U+03C0..U+053F: Latin,
                             Cyrillic) */
    uint64_t punctuation; /* of ASCII */
    uint64_t blanks;      /* ' ', '\t', '\n', '\r' */
    uint64_t brackets;    /* '[' and '<', with which special tokens start */
    uint32_t bytes;       /* one less than all if the last one starts a plain character */
};

struct wt_wordpiece {
    struct wt_tokenizer base;
    const struct wt_wordpiece_vocab *vocab;
    struct wt_word_entry *entries; /* WT_ENTRY_COUNT; a word can be in one entry only */
    struct wt_word_line *lines;    /* WT_LINE_COUNT */
    int32_t *ids;                  /* [CLS] first */
    size_t capacity;
    size_t stop_count; /* the loop may end at this many ids, [CLS] included */
    enum wt_status (*run)(struct wt_wordpiece *tokenizer, const uint8_t *text, size_t text_bytes,
                          size_t *count_in_out);
};

/* `tokenizer` is one of WordPiece. */
static inline struct wt_wordpiece *wt_wordpiece_of(struct wt_tokenizer *tokenizer)
{
    assert(tokenizer->type == &wt_wordpiece_type);
    return (struct wt_wordpiece *)tokenizer;
}

/* Doubles the room for ids. WT_MEMORY. */
enum wt_status wt_wordpiece_grow(struct wt_wordpiece *tokenizer);

/* Appends the ids of `text` to the *count_in_out existing ones. WT_INVALID: not UTF-8 (`error` is
 * not filled); WT_MEMORY. */
enum wt_status wt_wordpiece_run_portable(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                         size_t text_bytes, size_t *count_in_out);
#if defined(__x86_64__)
#define WT_HAVE_AVX2 1
/* The same for processors with AVX2 and BMI. */
enum wt_status wt_wordpiece_run_avx2(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                     size_t text_bytes, size_t *count_in_out);
#elif defined(__aarch64__)
#define WT_HAVE_NEON 1
/* The same for ARM64, where every processor has NEON. */
enum wt_status wt_wordpiece_run_neon(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                     size_t text_bytes, size_t *count_in_out);
#endif

#endif
