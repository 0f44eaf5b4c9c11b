/* normalizer.h: the normalizer of a tokenizer.json: steps that rewrite a text, one after the other.
 *
 * Immutable once it is read. Thread: any. */
#ifndef WIRETAG_TEXT_NORMAL_NORMALIZER_H
#define WIRETAG_TEXT_NORMAL_NORMALIZER_H

#include "text/normal/charsmap.h"
#include "text/tables/text_buffer.h"
#include "text/unicode/normal_form.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_NORMALIZER_STEPS_MAX 16u

enum wt_normalizer_kind {
    WT_NORMALIZER_FORM,
    WT_NORMALIZER_CHARSMAP,
    WT_NORMALIZER_LOWERCASE,
    WT_NORMALIZER_STRIP_ACCENTS,
    WT_NORMALIZER_STRIP,
    WT_NORMALIZER_PREPEND,
    WT_NORMALIZER_REPLACE,        /* every occurrence of a text */
    WT_NORMALIZER_REPLACE_BLANKS, /* every run of `least` or more characters of one kind */
    WT_NORMALIZER_NMT,            /* control characters go, kinds of white space become blanks */
    WT_NORMALIZER_BERT_CLEAN,
    WT_NORMALIZER_BERT_IDEOGRAPHS,
    WT_NORMALIZER_BERT_STRIP_ACCENTS
};

struct wt_normalizer_step {
    enum wt_normalizer_kind kind;
    enum wt_normal_form form;     /* FORM */
    struct wt_charsmap *charsmap; /* CHARSMAP; owned */
    bool left;                    /* Strip */
    bool right;                   /* Strip */
    bool any_space;               /* REPLACE_BLANKS: of \s; else of U+0020 */
    uint32_t least;               /* REPLACE_BLANKS */
    bool breaks;   /* REPLACE_BLANKS: also a single line feed, carriage return or tab */
    char *pattern; /* REPLACE; owned, not empty */
    size_t pattern_bytes;
    char *content; /* PREPEND and the REPLACEs; owned */
    size_t content_bytes;
};

struct wt_normalizer {
    struct wt_normalizer_step steps[WT_NORMALIZER_STEPS_MAX];
    uint32_t count;
};

/* The part of a text that is normalized: a text may come in parts. */
struct wt_normalizer_part {
    const uint8_t *text;
    size_t bytes;
    bool first; /* nothing stands before it: it is stripped, prepended */
    bool last;
};

/* Replaces the contents of `out` by the normalized text; `spare` is for the steps between. The text
 * must be UTF-8, and so is the result. *start_kept_out: it starts with what its first character
 * became; false: that was left out. WT_MEMORY. */
enum wt_status wt_normalizer_apply(const struct wt_normalizer *normalizer,
                                   const struct wt_normalizer_part *part,
                                   struct wt_text_buffer *out, struct wt_text_buffer *spare,
                                   bool *start_kept_out);

/* True if a text that is cut before a blank between two letters gives the same in parts. */
bool wt_normalizer_takes_parts(const struct wt_normalizer *normalizer);

void wt_normalizer_free(struct wt_normalizer *normalizer);

#endif
