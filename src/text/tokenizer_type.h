/* tokenizer_type.h: a kind of tokenizer.
 *
 * A new one is a row of the table in tokenizer.c and a file of its own, which begins its structs with
 * those below. */
#ifndef WIRETAG_TEXT_TOKENIZER_TYPE_H
#define WIRETAG_TEXT_TOKENIZER_TYPE_H

#include "wiretag/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

/* The functions are those of tokenizer.h, with what holds there for every kind already looked at: options are
 * whole, ids are in range, nothing is NULL. */
struct wt_tokenizer_type {
    const char *name; /* tokenizer.type in a bundle's wiretag.json */
    const char *file; /* the file of a bundle that has the vocabulary */
    enum wt_status (*create_vocab)(const char *text, size_t text_bytes, const char *source,
                                   const struct wt_tokenizer_options *options,
                                   struct wt_vocab **vocab_out, struct wt_error *error);
    void (*destroy_vocab)(struct wt_vocab *vocab);
    const char *(*token)(const struct wt_vocab *vocab, uint32_t id);
    enum wt_status (*create)(const struct wt_vocab *vocab, struct wt_tokenizer **tokenizer_out,
                             struct wt_error *error);
    void (*destroy)(struct wt_tokenizer *tokenizer);
    enum wt_status (*encode)(struct wt_tokenizer *tokenizer, const char *text, size_t text_bytes,
                             uint32_t tokens_max, struct wt_tokens *tokens_out,
                             struct wt_error *error);
};

/* What every vocabulary and every tokenizer begins with. */
struct wt_vocab {
    const struct wt_tokenizer_type *type;
    uint32_t size; /* number of ids */
};

struct wt_tokenizer {
    const struct wt_tokenizer_type *type;
};

extern const struct wt_tokenizer_type wt_wordpiece_type;

/* The type of that name; NULL: there is none. Thread: any. */
const struct wt_tokenizer_type *wt_tokenizer_type_find(const char *name);

#endif
