/* added.h: the added tokens of a tokenizer.json, which are found in a text before it is split.
 *
 * Immutable once it is built. Thread: any. */
#ifndef WIRETAG_TEXT_COMPOUND_ADDED_H
#define WIRETAG_TEXT_COMPOUND_ADDED_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_added_token {
    char *text; /* owned; as it stands in the (normalized) text */
    size_t bytes;
    uint32_t id;
    bool single_word;
    bool lstrip;
    bool rstrip;
};

/* A node of the tree of all tokens; children are a list of siblings, of which there are few. */
struct wt_added_node {
    uint32_t token; /* index + 1; 0: no token ends here */
    uint32_t child;
    uint32_t sibling;
    uint8_t byte;
};

/* All zero: no token. */
struct wt_added {
    struct wt_added_token *tokens;
    uint32_t count;
    uint32_t capacity;
    struct wt_added_node *nodes; /* 0 is the root */
    uint32_t node_count;
    uint32_t node_capacity;
    uint32_t roots[256]; /* the root's children by byte; 0: none */
    uint8_t first_byte;  /* if all tokens start with the same one: */
    bool one_first_byte;
    bool spans_blanks; /* a token has a blank between two other characters */
};

/* Adds a token. WT_CLOSED: another one has its text, and counts. WT_MEMORY. */
enum wt_status wt_added_add(struct wt_added *added, const struct wt_added_token *token);

void wt_added_free(struct wt_added *added);

/* A text that is searched. */
struct wt_added_search {
    const uint8_t *text;
    size_t bytes;
    size_t place;     /* the search goes on here */
    size_t taken;     /* what lstrip may not reach back beyond: the end of the match before */
    bool word_before; /* a word character stands before the text */
    bool word_behind;
};

struct wt_added_match {
    size_t start;
    size_t end;
    uint32_t id;
};

/* The next token that starts before `limit`: the longest of the leftmost. False: none; then `place`
 * is `limit`. A match starts before `taken` if white space of its own was eaten by the one before
 * it (rstrip). */
bool wt_added_next(const struct wt_added *added, struct wt_added_search *search, size_t limit,
                   struct wt_added_match *match_out);

#endif
