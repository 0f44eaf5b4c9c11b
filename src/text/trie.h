/* trie.h: every token of a vocabulary in one automaton that splits a word in linear time.
 *
 * Greedy longest match first, computed without ever reading a character twice: where a match
 * cannot go on, a precomputed failure link says which tokens are certain by now and where in the
 * trie the rest of the word continues (LinMaxMatch, arXiv 2012.15524). Two roots: one for the
 * start of a word, one for what follows ("##").
 *
 * Characters are symbols (symbols.h). The trie is a double array: the child of node `n` by symbol
 * `s` is node base[n] + s if that node names `n` as its parent, so a step is an addition and a load.
 * Immutable after creation. Thread: any. */
#ifndef WIRETAG_TEXT_TRIE_H
#define WIRETAG_TEXT_TRIE_H

#include "text/symbols.h"
#include "wiretag/status.h"

#include <stddef.h>
#include <stdint.h>

#define WT_TRIE_NONE UINT32_MAX
#define WT_TRIE_WORD_ROOT 0u
#define WT_TRIE_SUFFIX_ROOT 1u
#define WT_TRIE_POOLED 0x80000000u

struct wt_trie_node {
    uint32_t base;
    uint32_t parent; /* WT_TRIE_NONE: unused, or a root */
    uint32_t fail;   /* where the rest of the word continues; WT_TRIE_NONE: the word is unknown */
    uint32_t pops;   /* tokens certain on failing: one id, or WT_TRIE_POOLED | place in the pool */
};

struct wt_trie {
    struct wt_trie_node *nodes;
    uint32_t node_count; /* every base + symbol is less */
    uint32_t *pool;      /* count, then so many ids */
    uint32_t pool_count;
    struct wt_symbols symbols;
};

/* A token as the vocabulary has it: UTF-8, "##" included. */
struct wt_trie_token {
    const char *text;
    uint32_t bytes;
};

/* Builds the trie of `count` tokens, whose place is their id; of equal ones the last counts. Only
 * tokens of at most `characters_max` characters go in, "##" aside: no longer ones can match.
 * WT_MEMORY. */
enum wt_status wt_trie_create(const struct wt_trie_token *tokens, uint32_t count,
                              uint32_t characters_max, struct wt_trie **trie_out);

void wt_trie_destroy(struct wt_trie *trie);

/* A word to split, and its tokens. */
struct wt_trie_word {
    const uint32_t *symbols;
    uint32_t symbol_count; /* more than 0 */
    uint32_t id_count;     /* set: at most symbol_count; 0 where the word has no such split */
    int32_t *ids;          /* written; room for symbol_count */
    uint32_t node;         /* the rest is the splitter's own: where it is, */
    uint32_t child;        /* where it wants to go, */
    uint32_t place;        /* by which symbol */
};

#define WT_TRIE_WORDS_MAX 64u

/* Splits up to WT_TRIE_WORDS_MAX words, a step of each in turn: a step waits for memory (the trie
 * is larger than the near caches), and so the waits overlap. */
void wt_trie_split(const struct wt_trie *trie, struct wt_trie_word *words, uint32_t count);

#endif
