/* compound.h: a whole tokenizer.json, as the type of tokenizer that its model names.
 *
 * A text goes through it in parts of about 32 KiB: the added tokens are found, what is between them
 * is normalized and split into words, the model turns words into ids, and the template's tokens
 * stand before and behind. */
#ifndef WIRETAG_TEXT_COMPOUND_COMPOUND_H
#define WIRETAG_TEXT_COMPOUND_COMPOUND_H

#include "text/compound/added.h"
#include "text/models/word_model.h"
#include "text/normal/normalizer.h"
#include "text/split/splitter.h"
#include "text/tokenizer_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_TEMPLATE_IDS_MAX 16u

struct wt_compound {
    struct wt_vocab base;
    struct wt_normalizer normalizer;
    struct wt_splitter splitter;
    struct wt_word_model *model;
    struct wt_pieces tokens;    /* the model's and the added ones */
    struct wt_added raw;        /* matched before normalization, */
    struct wt_added normalized; /* and behind it */
    int32_t before[WT_TEMPLATE_IDS_MAX];
    uint32_t before_count;
    int32_t behind[WT_TEMPLATE_IDS_MAX];
    uint32_t behind_count;
    bool takes_parts; /* a text may be cut before a blank between two letters */
};

/* The functions of these types, see tokenizer_type.h. */
extern const struct wt_tokenizer_type wt_bpe_type;
extern const struct wt_tokenizer_type wt_unigram_type;

/* Reads a tokenizer.json. `type` is the type that the model must have; NULL: any, and *vocab_out
 * may also be one of WordPiece. WT_INVALID (class fatal), code tokenizer-json: malformed, or not
 * supported; the message has the key and the byte. WT_MEMORY. */
enum wt_status wt_tokenizer_json_read(const char *text, size_t text_bytes, const char *source,
                                      const char *type, struct wt_vocab **vocab_out,
                                      struct wt_error *error);

/* Frees what the reader filled; accepts a half-filled one. */
void wt_compound_destroy(struct wt_vocab *vocab);

#endif
