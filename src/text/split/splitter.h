/* splitter.h: the pre-tokenizer of a tokenizer.json: stages that split a text into words. Each
 * splits the words of the one before it.
 *
 * The published patterns are known one by one (splitter_pattern.c); they are hand-written
 * classifiers, not a regular expression engine. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_SPLIT_SPLITTER_H
#define WIRETAG_TEXT_SPLIT_SPLITTER_H

#include "text/models/word_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_SPLITTER_STAGES_MAX 8u
#define WT_SPLIT_LITERAL_BYTES_MAX 32u

struct wt_splitter_stage;

/* Where a splitter works: `place` is the next byte to read, `end` the end of the text to split. */
struct wt_splitter_cursor {
    const uint8_t *text;
    uint32_t place;
    uint32_t end;
};

/* Writes the next words, at most WT_WORDS_AT_ONCE, and moves the cursor behind them. Returns their
 * number; the text is over when place == end. */
typedef uint32_t wt_split_function(const struct wt_splitter_stage *stage,
                                   struct wt_splitter_cursor *cursor, struct wt_word *words);

enum wt_prefix {
    WT_PREFIX_NONE,
    WT_PREFIX_FIRST, /* a blank before the text's first word */
    WT_PREFIX_ALWAYS /* a blank before every word that this stage gets */
};

enum wt_split_behavior {
    WT_SPLIT_ISOLATED,
    WT_SPLIT_REMOVED,
    WT_SPLIT_MERGED_WITH_PREVIOUS,
    WT_SPLIT_MERGED_WITH_NEXT,
    WT_SPLIT_CONTIGUOUS
};

struct wt_splitter_stage {
    wt_split_function *split; /* NULL: nothing is split here */
    enum wt_prefix prefix;    /* unless the word starts with a blank */
    enum wt_split_behavior behavior;
    bool spells_blanks; /* Metaspace: U+2581 in the text is a blank from here on */
    bool invert;        /* wt_split_literal: what is between the occurrences matches, not they */
    uint8_t literal[WT_SPLIT_LITERAL_BYTES_MAX]; /* wt_split_literal */
    uint32_t literal_bytes;                      /* > 0 */
};

struct wt_splitter {
    struct wt_splitter_stage stages[WT_SPLITTER_STAGES_MAX];
    uint32_t count;
    enum wt_fold fold;
};

/* The function for a published pattern of the pre-tokenizer Split (behavior isolated); NULL: it is
 * not known. */
wt_split_function *wt_split_pattern(const char *pattern, size_t bytes);

wt_split_function wt_split_gpt2;
wt_split_function wt_split_whitespace;       /* \w+|[^\w\s]+ */
wt_split_function wt_split_whitespace_alone; /* at white space, which is removed */
wt_split_function wt_split_bert;             /* the same, and punctuation alone */
wt_split_function wt_split_punctuation;      /* by stage->behavior */
wt_split_function wt_split_digits;           /* runs of digits */
wt_split_function wt_split_single_digits;
wt_split_function wt_split_metaspace; /* before each blank */
wt_split_function wt_split_literal;   /* at a text, by stage->behavior */

#endif
