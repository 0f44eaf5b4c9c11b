/* trie.h: an automaton of all tokens of a vocabulary. It splits a word in linear time.
 *
 * Greedy longest match first, without reading a character twice. If a match cannot continue, a
 * precomputed failure link says which tokens are certain now and at which node the rest of the word
 * continues (LinMaxMatch, arXiv 2012.15524). There are two roots: one for the start of a word, one
 * for suffixes ("##").
 *
 * Characters are symbols (symbols.h). The trie is a double array: the child of node `n` by symbol
 * `s` is node base[n] + s if that node has `n` as its parent. So a step is an addition and a load.
 * Immutable after creation. Thread: any. */
#ifndef WIRETAG_TEXT_WORDPIECE_TRIE_H
#define WIRETAG_TEXT_WORDPIECE_TRIE_H

#include "text/tables/symbols.h"
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
    uint32_t fail;   /* where the rest of the word continues; WT_TRIE_NONE: unknown word */
    uint32_t pops;   /* tokens certain on failure: one id, or WT_TRIE_POOLED | index in the pool */
};

struct wt_trie {
    struct wt_trie_node *nodes;
    uint32_t node_count; /* every base + symbol is smaller */
    uint32_t *pool;      /* entries: a count, then that many ids */
    uint32_t pool_count;
    struct wt_symbols symbols;
};

/* A token of the vocabulary: UTF-8, with its "##". */
struct wt_trie_token {
    const char *text;
    uint32_t bytes;
};

/* Builds the trie of `count` tokens. A token's index is its id; of duplicates the last one counts.
 * Tokens of more than `characters_max` characters (without "##") are left out, because no word can
 * match them. WT_MEMORY. */
enum wt_status wt_trie_create(const struct wt_trie_token *tokens, uint32_t count,
                              uint32_t characters_max, struct wt_trie **trie_out);

void wt_trie_destroy(struct wt_trie *trie);

/* A word to split, and its tokens. */
struct wt_trie_word {
    const uint32_t *symbols;
    uint32_t symbol_count; /* 1 or more */
    uint32_t id_count;     /* set by the call: at most symbol_count; 0: the word is unknown */
    int32_t *ids;          /* set by the call; room for symbol_count */
    uint32_t node;         /* internal: the current node, */
    uint32_t child;        /* the node to try next, */
    uint32_t place;        /* and the index of the symbol that leads to it */
};

#define WT_TRIE_WORDS_MAX 64u

/* Splits up to WT_TRIE_WORDS_MAX words, one step of each in turn. The trie is larger than the near
 * caches, so each step waits for memory; in turns the waits overlap. */
void wt_trie_split(const struct wt_trie *trie, struct wt_trie_word *words, uint32_t count);

#endif
