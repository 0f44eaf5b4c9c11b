/* tokenizer_type.h: a type of tokenizer.
 *
 * A new type is a row in the table of tokenizer.c and a source of its own. The first
 * member of its vocabulary is a struct wt_vocab, that of its tokenizer a struct wt_tokenizer. */
#ifndef WIRETAG_TEXT_TOKENIZER_TYPE_H
#define WIRETAG_TEXT_TOKENIZER_TYPE_H

#include "wiretag/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

/* The functions of a type; tokenizer.h documents them. What holds for every type was checked before
 * the call: the options are complete, ids are in range, nothing is NULL. */
struct wt_tokenizer_type {
    const char *name; /* tokenizer.type in a bundle's wiretag.json */
    const char *file; /* the file in a bundle that contains the vocabulary */
    enum wt_status (*create_vocab)(const char *text, size_t text_bytes, const char *source,
                                   const struct wt_tokenizer_options *options,
                                   struct wt_vocab **vocab_out, struct wt_error *error);
    void (*destroy_vocab)(struct wt_vocab *vocab);
    const char *(*token)(const struct wt_vocab *vocab, uint32_t id);
    /* How many ids the template adds to every text, before and behind it. */
    void (*frame)(const struct wt_vocab *vocab, uint32_t *before_out, uint32_t *behind_out);
    enum wt_status (*create)(const struct wt_vocab *vocab, struct wt_tokenizer **tokenizer_out,
                             struct wt_error *error);
    void (*destroy)(struct wt_tokenizer *tokenizer);
    enum wt_status (*encode)(struct wt_tokenizer *tokenizer, const char *text, size_t text_bytes,
                             uint32_t tokens_max, struct wt_tokens *tokens_out,
                             struct wt_error *error);
};

/* Every vocabulary and every tokenizer begins with one of these. */
struct wt_vocab {
    const struct wt_tokenizer_type *type;
    uint32_t size;  /* number of ids */
    int32_t pad_id; /* of [PAD], as BERT calls it, or of <pad>; -1: there is neither */
};

struct wt_tokenizer {
    const struct wt_tokenizer_type *type;
};

extern const struct wt_tokenizer_type wt_wordpiece_type;

#endif
