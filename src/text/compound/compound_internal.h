/* compound_internal.h: the tokenizer of a tokenizer.json, for the files of this module. */
#ifndef WIRETAG_TEXT_COMPOUND_COMPOUND_INTERNAL_H
#define WIRETAG_TEXT_COMPOUND_COMPOUND_INTERNAL_H

#include "text/compound/compound.h"
#include "text/tables/text_buffer.h"

/* U+2581, which stands for a blank in pieces. */
#define WT_BAR "\xE2\x96\x81"
#define WT_BAR_BYTES 3u

struct wt_compound_tokenizer {
    struct wt_tokenizer base;
    const struct wt_compound *compound;
    void *state; /* the model's */
    struct wt_ids ids;
    size_t stop_count;               /* the work may end at this many ids */
    struct wt_text_buffer text;      /* the part that is worked on, between margins */
    struct wt_text_buffer spelled;   /* a piece of it with its U+2581 as blanks */
    struct wt_text_buffer rewritten; /* normalized, */
    struct wt_text_buffer spare;     /* and a step before */
    uint8_t *view;                   /* the text that words lie in: `text` or `spelled` */
    bool has_bar;                    /* the part has a U+2581 */
    uint32_t covered;                /* the words of `batch` end before this place */
    uint32_t batch_count;
    struct wt_word batch[WT_WORDS_AT_ONCE];
    struct wt_word words[WT_SPLITTER_STAGES_MAX][WT_WORDS_AT_ONCE];
};

/* Writes `bytes` between two margins, where words can lie; the text starts at WT_TEXT_MARGIN.
 * False: out of memory. */
bool wt_compound_place(struct wt_text_buffer *buffer, const uint8_t *text, size_t bytes);

/* True if there is a U+2581 in the text. */
bool wt_compound_has_bar(const uint8_t *text, size_t bytes);

/* Splits a piece of `view` into words and encodes those that fill a batch. `first`: it starts the
 * text. WT_CLOSED: there are enough ids. WT_MEMORY. */
enum wt_status wt_compound_split(struct wt_compound_tokenizer *tokenizer, struct wt_word piece,
                                 bool first);

/* Encodes the words that are left. */
enum wt_status wt_compound_flush(struct wt_compound_tokenizer *tokenizer);

#endif
