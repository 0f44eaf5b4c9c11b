/* word_model.h: a model of a tokenizer.json, which turns words into ids: BPE, Unigram.
 *
 * A new model is a row in the table of tokenizer_json.c and a source of its own. Its struct begins
 * with struct wt_word_model. */
#ifndef WIRETAG_TEXT_MODELS_WORD_MODEL_H
#define WIRETAG_TEXT_MODELS_WORD_MODEL_H

#include "text/json/json.h"
#include "text/tables/pieces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A word of a text: what the file format calls a pre-token. */
struct wt_word {
    uint32_t start;
    uint32_t bytes; /* 1 or more */
};

/* So many words at most are encoded in one call. */
#define WT_WORDS_AT_ONCE 128u

/* So many bytes before and behind a text may be read. */
#define WT_TEXT_MARGIN 64u

/* A growing array of ids. */
struct wt_ids {
    int32_t *ids;
    size_t count;
    size_t capacity;
};

/* Makes room for `more` ids. False: out of memory. */
static inline bool wt_ids_reserve(struct wt_ids *ids, size_t more)
{
    if (ids->capacity - ids->count >= more) {
        return true;
    }
    size_t capacity = ids->capacity * 2 + more + 1024;
    int32_t *items = realloc(ids->ids, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    ids->ids = items;
    ids->capacity = capacity;
    return true;
}

/* How words are written, so that texts need not be rewritten. */
enum wt_fold {
    WT_FOLD_NONE,  /* as the pieces of the file */
    WT_FOLD_BYTES, /* raw bytes, where the pieces have the characters of the byte-level alphabet */
    WT_FOLD_SPACE  /* a blank (0x20), where the pieces have U+2581, which words never have */
};

struct wt_word_model_type;

struct wt_word_model {
    const struct wt_word_model_type *type;
    struct wt_pieces pieces; /* as the file writes them */
    uint32_t size;           /* as Hugging Face counts them: Unigram may have a piece twice */
    int32_t unknown_id;      /* -1: none */
    bool joins_words;        /* a piece has something else and then U+2581: words depend on what
                                stands before them */
};

struct wt_word_model_type {
    const char *name; /* model.type in the file */
    const char *type; /* tokenizer.type in a bundle */

    /* Reads the object that follows in `json`. Returns json->status. */
    enum wt_status (*read)(struct wt_json *json, enum wt_fold fold,
                           struct wt_word_model **model_out);
    void (*destroy)(struct wt_word_model *model);

    /* What one tokenizer needs: room to work, a cache. WT_MEMORY. */
    enum wt_status (*create_state)(const struct wt_word_model *model, void **state_out);
    void (*destroy_state)(void *state);

    /* Appends the ids of `count` words (1 to WT_WORDS_AT_ONCE) of `text`, valid UTF-8. WT_MEMORY. */
    enum wt_status (*encode)(const struct wt_word_model *model, void *state, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids);
};

#endif
