/* wordpiece_vocab.h: a vocabulary as the WordPiece tokenizer reads it: a vocab.txt, or the tokens of a
 * tokenizer.json. */
#ifndef WIRETAG_TEXT_WORDPIECE_WORDPIECE_VOCAB_H
#define WIRETAG_TEXT_WORDPIECE_WORDPIECE_VOCAB_H

#include "text/tokenizer_type.h"
#include "text/wordpiece/normalize.h"
#include "text/wordpiece/trie.h"

#include <assert.h>
#include <stdint.h>

/* A special token that is found in texts. ASCII: it starts with '[' or '<', has no other of these, and
 * ends with punctuation. So it starts at a boundary of words, and no word reaches into it. */
struct wt_special {
    const char *text; /* a token of the vocabulary */
    uint32_t bytes;
};

/* Ids are copied in blocks of this many, past the end of the valid ones. */
#define WT_IDS_AT_ONCE 8u

#define WT_SPECIALS_MAX 16u

struct wt_wordpiece_vocab {
    struct wt_vocab base;
    struct wt_tokenizer_options options;
    struct wt_trie *trie;
    uint32_t boundary_mask;                      /* Unicode properties that end a word, */
    struct wt_normalization normalization;       /* unless this removes the character */
    uint32_t low_symbols[WT_LOW_COUNT];          /* of normalized characters of one or two bytes */
    char *text;                                  /* the file's bytes; a NUL ends every token */
    uint32_t *starts;                            /* `size` values: where token i starts in `text` */
    uint32_t *lengths;                           /* `size` values, in bytes */
    int32_t unknown_ids[WT_IDS_AT_ONCE];         /* the first one counts */
    int32_t cls_id;                              /* stands before a text, */
    int32_t sep_id;                              /* and behind it */
    struct wt_special specials[WT_SPECIALS_MAX]; /* of equal starts the longest first */
    int32_t special_ids[WT_SPECIALS_MAX + WT_IDS_AT_ONCE]; /* in the order of `specials` */
    uint32_t special_count;    /* found in the raw text; behind them in `specials`: */
    uint32_t normalized_count; /* found in the normalized text */
};

/* The special tokens of a vocabulary, by their names; `matched` are those that are found in texts. */
struct wt_special_names {
    const char *unknown;
    const char *before;
    const char *behind;
    const char *matched[WT_SPECIALS_MAX];
    bool normalized[WT_SPECIALS_MAX]; /* found behind normalization, after the others */
    uint32_t count;
};

/* Casts `vocab`, which must be one of WordPiece. */
static inline const struct wt_wordpiece_vocab *wt_wordpiece_vocab_of(const struct wt_vocab *vocab)
{
    assert(vocab->type == &wt_wordpiece_type);
    return (const struct wt_wordpiece_vocab *)vocab;
}

/* The functions of the type, see tokenizer_type.h. */
enum wt_status wt_wordpiece_vocab_create(const char *text, size_t text_bytes, const char *source,
                                         const struct wt_tokenizer_options *options,
                                         struct wt_vocab **vocab_out, struct wt_error *error);
/* The same for other special tokens than BERT's. Their names are in the vocabulary. */
enum wt_status wt_wordpiece_vocab_create_named(const char *text, size_t text_bytes,
                                               const char *source,
                                               const struct wt_tokenizer_options *options,
                                               const struct wt_special_names *names,
                                               struct wt_vocab **vocab_out, struct wt_error *error);
void wt_wordpiece_vocab_destroy(struct wt_vocab *vocab);
const char *wt_wordpiece_vocab_token(const struct wt_vocab *vocab, uint32_t id);

/* The id of the special token at *place, where a word may start, and moves past it; NULL: none.
 * (wordpiece_special.c) */
const int32_t *wt_special_at(const struct wt_wordpiece_vocab *vocab, const uint8_t **place,
                             const uint8_t *end);

/* True if a character with these properties ends the word before it: white space, or a word of its
 * own. */
static inline bool wt_vocab_ends_word(const struct wt_wordpiece_vocab *vocab, uint32_t properties)
{
    return (properties & vocab->boundary_mask) != 0 &&
           (properties & vocab->normalization.dropped_mask) == 0;
}

#endif
