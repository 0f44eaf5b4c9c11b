/* vocab.h: what the tokenizer sees of a vocabulary. */
#ifndef WIRETAG_TEXT_VOCAB_H
#define WIRETAG_TEXT_VOCAB_H

#include "wiretag/tokenizer.h"

#include <stdint.h>

/* A special token, matched in the raw text before anything is normalized. */
struct wt_special {
    const char *text;
    uint32_t bytes;
    int32_t id;
};

#define WT_SPECIALS_MAX 5u
#define WT_WORD_CHARACTERS_MAX 100u

struct wt_vocab {
    struct wt_tokenizer_options options;
    char *text;        /* the file's bytes, every token ended by NUL */
    uint32_t *starts;  /* size values: where token i starts in `text` */
    uint32_t *lengths; /* size values, in bytes */
    uint32_t size;
    int32_t unknown_id;
    int32_t cls_id;
    int32_t sep_id;
    struct wt_special specials[WT_SPECIALS_MAX];
    uint32_t special_count;
};

/* Whether accents are stripped, the "auto" resolved. */
static inline bool wt_vocab_strips_accents(const struct wt_vocab *vocab)
{
    return vocab->options.strip_accents == WT_STRIP_ACCENTS_YES ||
           (vocab->options.strip_accents == WT_STRIP_ACCENTS_AUTO && vocab->options.lowercase);
}

#endif
