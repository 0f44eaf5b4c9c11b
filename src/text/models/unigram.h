/* unigram.h: the Unigram model of SentencePiece, with the ids of Hugging Face `tokenizers`.
 *
 * A word is cut into the pieces whose scores have the largest sum (Kudo 2018, arXiv 1804.10959). A
 * character that is no piece counts as unknown, with ten less than the lowest score. Sums are
 * doubles, added from the start of the word; of equal sums the one with the longer last piece
 * stays. Neighbouring unknown pieces become one, which is the id of the same text if there is a
 * piece of it, else those of its bytes with byte fallback if all have one, else the unknown id.
 *
 * One pass over the word: from every character a walk through a trie of the pieces updates the best
 * sums of the places that it passes. Linear time, because a walk is no longer than the longest
 * piece. Characters are symbols (symbols.h); the trie is a double array as in trie.h. */
#ifndef WIRETAG_TEXT_MODELS_UNIGRAM_H
#define WIRETAG_TEXT_MODELS_UNIGRAM_H

#include "text/tables/symbols.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_UNIGRAM_LOW_COUNT 0x800u
#define WT_UNIGRAM_ROOT 0u
#define WT_UNIGRAM_NOTHING 1u /* a node without children and without a parent */
#define WT_UNIGRAM_UNUSED UINT32_MAX
#define WT_UNIGRAM_NO_BYTE UINT32_MAX

/* Of pieces with the same text the last one counts. */
struct wt_unigram_piece {
    const char *text; /* UTF-8 */
    uint32_t bytes;
    double score;
};

struct wt_unigram_node {
    uint32_t base;   /* the child by symbol s is node base + s, if its parent is this node */
    uint32_t parent; /* WT_UNIGRAM_UNUSED: none */
    double score;    /* minus infinity: the text up to here is no piece */
};

/* The first step of a walk. */
struct wt_unigram_start {
    double score; /* of the character as a piece, or as unknown */
    uint32_t base;
    uint32_t node;
};

/* Immutable after creation. Thread: any. */
struct wt_unigram {
    struct wt_unigram_node *nodes;
    uint32_t *ids; /* of the pieces, by node; the unknown id for other nodes of one character */
    uint32_t node_count;
    struct wt_unigram_start *starts; /* by symbol */
    struct wt_symbols symbols;
    uint32_t low_symbols[WT_UNIGRAM_LOW_COUNT];
    uint32_t unknown_id;
    bool folds_space; /* a blank in a word stands for U+2581 */
    bool byte_fallback;
    uint32_t byte_ids[256]; /* with byte_fallback; WT_UNIGRAM_NO_BYTE: there is no piece of it */
};

struct wt_unigram_options {
    uint32_t unknown_id; /* below the number of pieces */
    bool byte_fallback;  /* bytes are the pieces <0x00> to <0xFF> */
    bool folds_space;
};

/* Scores further from 0 than this are refused, so that sums stay finite. */
#define WT_UNIGRAM_SCORE_MAX 1e100

/* Builds the model of `count` > 0 pieces; a piece's index is its id. Scores are finite and at most
 * WT_UNIGRAM_SCORE_MAX from 0. WT_MEMORY. */
enum wt_status wt_unigram_create(const struct wt_unigram_piece *pieces, uint32_t count,
                                 const struct wt_unigram_options *options,
                                 struct wt_unigram **unigram_out);

/* Accepts NULL. */
void wt_unigram_destroy(struct wt_unigram *unigram);

/* The best sum of the pieces up to a place in the word, and the last of them. */
struct wt_unigram_best {
    double score;
    uint32_t node;  /* of the piece */
    uint32_t start; /* where it begins, in characters */
};

/* Room to cut one word. Thread: one. */
struct wt_unigram_room {
    uint32_t *symbols;
    struct wt_unigram_best *best;
    uint32_t *reversed; /* ids, the last one first */
    size_t capacity;    /* of each in elements */
};

/* Makes room for words of so many bytes. WT_MEMORY. */
enum wt_status wt_unigram_room_reserve(struct wt_unigram_room *room, size_t bytes);

void wt_unigram_room_free(struct wt_unigram_room *room);

/* The most ids that a word of so many bytes has: with byte fallback a blank has three. */
#define WT_UNIGRAM_IDS_MAX(bytes) (3 * (size_t)(bytes))

/* Cuts `word`, well-formed UTF-8 of `bytes` > 0 bytes for which there is room. Writes the ids to
 * `ids_out`, which has room for WT_UNIGRAM_IDS_MAX(bytes), and returns how many. */
size_t wt_unigram_cut(const struct wt_unigram *unigram, struct wt_unigram_room *room,
                      const uint8_t *word, size_t bytes, int32_t *ids_out);

#endif
