/* bpe_create.c: the tables that follow from pieces and merges. */
#include "base/pages.h"
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- what pieces are made of ------------------------------------------------------------------- */

/* Merges by rank. */
static int compare_ranks(const void *a, const void *b)
{
    uint32_t left = ((const struct wt_bpe_merge *)a)->rank;
    uint32_t right = ((const struct wt_bpe_merge *)b)->rank;
    return (left > right) - (left < right);
}

/* The merges in the order of their ranks; NULL: out of memory. */
static struct wt_bpe_merge *sort_merges(const struct wt_bpe *bpe)
{
    struct wt_bpe_merge *merges = malloc((bpe->merge_count + 1) * sizeof *merges);
    uint32_t count = 0;
    for (uint32_t i = 0; merges != NULL && i < bpe->merge_slots; i++) {
        if (bpe->merges[i].rank != WT_BPE_NONE) {
            merges[count++] = bpe->merges[i];
        }
    }
    if (merges != NULL) {
        qsort(merges, count, sizeof *merges, compare_ranks);
    }
    return merges;
}

/* Notes which pieces are characters; the others are made by merges. */
static void note_characters(struct wt_bpe *bpe)
{
    for (uint32_t id = 0; id < bpe->base.pieces.id_count; id++) {
        bpe->tokens[id] = (struct wt_bpe_token){.rank = WT_BPE_NONE};
    }
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        const uint8_t *text = (const uint8_t *)bpe->folded.bytes + piece->start;
        if (wt_bpe_length(bpe, text) == piece->count) {
            bpe->tokens[piece->id].rank = 0;
            bpe->tokens[piece->id].bytes = piece->count;
        }
    }
}

/* True if merging the two pieces joins nothing across their border by a merge of a token rank below
 * `limit`. */
static bool stay_apart(const struct wt_bpe *bpe, uint32_t left, uint32_t right, uint32_t limit)
{
    const struct wt_bpe_token *tokens = bpe->tokens;
    /* Backwards in time: the later of the two pieces is taken apart again. While its part lay next
     * to the other piece, only merges of lower ranks could have joined them. */
    for (;;) {
        const struct wt_bpe_merge *merge = wt_bpe_find_merge(bpe, left, right);
        if (merge != NULL && merge->rank + 1 < limit) {
            return false;
        }
        uint32_t left_rank = tokens[left].rank;
        uint32_t right_rank = tokens[right].rank;
        if (left_rank > right_rank) {
            limit = left_rank;
            left = tokens[left].right;
        } else if (right_rank > 0) {
            /* Of equal pairs the left one is joined first, so it may have this rank too. */
            limit = right_rank + 1;
            right = tokens[right].left;
        } else {
            return true;
        }
    }
}

/* Notes what each piece is made of. False: the table is not searchable. */
static bool note_merges(struct wt_bpe *bpe, const struct wt_bpe_merge *merges)
{
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        const struct wt_bpe_merge *merge = &merges[i];
        struct wt_bpe_token *left = &bpe->tokens[merge->left];
        struct wt_bpe_token *right = &bpe->tokens[merge->right];
        struct wt_bpe_token *token = &bpe->tokens[merge->id];
        if (token->rank != WT_BPE_NONE || merge->rank >= WT_BPE_NONE - 2) {
            return false; /* made in two ways */
        }
        token->rank = merge->rank + 1;
        token->left = merge->left;
        token->right = merge->right;
        /* A part without bytes never arises, or is not there yet: then a later merge makes it, which
         * the next test finds when it comes to that one. */
        if (left->rank == WT_BPE_NONE || right->rank == WT_BPE_NONE) {
            continue;
        }
        if (left->bytes > 0 && right->bytes > 0 &&
            stay_apart(bpe, merge->left, merge->right, token->rank)) {
            token->bytes = left->bytes + right->bytes;
        }
    }
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        const struct wt_bpe_token *token = &bpe->tokens[merges[i].id];
        const struct wt_bpe_token *left = &bpe->tokens[token->left];
        const struct wt_bpe_token *right = &bpe->tokens[token->right];
        if ((left->rank != WT_BPE_NONE && left->rank >= token->rank) ||
            (right->rank != WT_BPE_NONE && right->rank >= token->rank)) {
            return false;
        }
    }
    return true;
}

/* Notes what pieces are made of and whether the table can be searched. */
static enum wt_status build_search(struct wt_bpe *bpe)
{
    struct wt_bpe_merge *merges = sort_merges(bpe);
    bpe->tokens = malloc((bpe->base.pieces.id_count + 1) * sizeof *bpe->tokens);
    uint32_t *numbers = calloc((size_t)bpe->base.pieces.id_count + 1, sizeof *numbers);
    if (merges == NULL || bpe->tokens == NULL || numbers == NULL) {
        free(merges);
        free(numbers);
        return WT_MEMORY;
    }
    note_characters(bpe);
    bpe->searchable = note_merges(bpe, merges);
    enum wt_status status = WT_OK;
    if (bpe->searchable) {
        status = wt_bpe_build_trie(bpe, merges, numbers);
    }
    if (status == WT_OK && bpe->searchable) {
        status = wt_bpe_build_pairs(bpe, merges, numbers);
    }
    /* Symbols that are bytes are so many a word that the search takes fewer steps. */
    if (status == WT_OK && bpe->searchable && bpe->fold != WT_FOLD_BYTES) {
        status = wt_bpe_build_rows(bpe, merges, numbers);
    }
    free(merges);
    free(numbers);
    return status;
}

static void note_strays(struct wt_bpe *bpe)
{
    for (uint32_t i = 0; i < bpe->folded.count && bpe->ignore_merges && !bpe->has_strays; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        bpe->has_strays = !bpe->searchable || bpe->tokens[piece->id].bytes != piece->count;
    }
}

/* --- the words that are one piece ---------------------------------------------------------------- */

/* Puts a piece into the table, if there is room. */
static void add_whole(struct wt_bpe *bpe, const struct wt_piece *piece)
{
    struct wt_bpe_key key = {.low = {0}};
    if (piece->count > WT_BPE_WHOLE_BYTES) {
        return;
    }
    memcpy(&key, bpe->folded.bytes + piece->start, piece->count);
    uint64_t hash = wt_bpe_key_hash(&key);
    uint32_t place = wt_bpe_entry_of(bpe->whole_bits, hash);
    for (uint32_t i = place; i < place + 2; i++) {
        if (bpe->wholes[i].meta == 0) {
            memcpy(bpe->wholes[i].key, &key, WT_BPE_WHOLE_BYTES);
            bpe->wholes[i].meta = piece->count << WT_BPE_WHOLE_ID_BITS | piece->id;
            bpe->whole_tags[i] = wt_bpe_tag(hash);
            return;
        }
    }
}

static enum wt_status build_wholes(struct wt_bpe *bpe)
{
    bpe->short_ids = bpe->base.pieces.id_count <= UINT16_MAX + 1u;
    bpe->whole_bits = 4;
    while (1u << bpe->whole_bits < bpe->folded.count + bpe->folded.count / 2) {
        bpe->whole_bits++;
    }
    size_t entries = (size_t)1 << bpe->whole_bits;
    bpe->wholes = wt_pages_alloc((entries + 1) * sizeof *bpe->wholes);
    bpe->whole_tags = calloc(entries, sizeof *bpe->whole_tags);
    if (bpe->wholes == NULL || bpe->whole_tags == NULL) {
        return WT_MEMORY;
    }
    /* Pieces are in the order of the file, frequent ones first. */
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (bpe->ignore_merges ||
            (bpe->searchable && bpe->tokens[piece->id].bytes == piece->count)) {
            add_whole(bpe, piece);
        }
    }
    return WT_OK;
}

/* --- merges -------------------------------------------------------------------------------------- */

#define FILTER_BITS_MIN 10u
#define FILTER_BITS_MAX 21u

/* Most pairs that are looked up have no merge. A filter of about 16 bits a merge knows that of
 * nearly all of them, and fits a nearer cache than the merges. */
static bool build_filter(struct wt_bpe *bpe)
{
    uint32_t bits = FILTER_BITS_MIN;
    while (bits < FILTER_BITS_MAX && 1u << bits < bpe->merge_count * 16) {
        bits++;
    }
    uint64_t *filter = calloc((1u << bits) / 64, sizeof *filter);
    if (filter == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < bpe->merge_slots; i++) {
        const struct wt_bpe_merge *merge = &bpe->merges[i];
        if (merge->rank != WT_BPE_NONE) {
            uint64_t bit = wt_bpe_pair_hash(merge->left, merge->right) >> (64 - bits);
            filter[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
    bpe->merge_filter = filter;
    bpe->filter_shift = 64 - bits;
    return true;
}

/* Notes whether unknown characters divide a word: they are written, and in no merge. False: out of
 * memory. */
static bool note_unknown(struct wt_bpe *bpe)
{
    uint8_t *unknown = calloc(bpe->base.pieces.id_count, 1);
    if (unknown == NULL) {
        return false;
    }
    bpe->unknown_apart = bpe->base.unknown_id >= 0;
    if (bpe->base.unknown_id >= 0) {
        unknown[bpe->base.unknown_id] = 1;
    }
    for (uint32_t byte = 0; byte < 256 && bpe->byte_fallback; byte++) {
        if (bpe->byte_ids[byte] >= 0) {
            unknown[bpe->byte_ids[byte]] = 1;
        }
    }
    for (uint32_t i = 0; i < bpe->merge_slots; i++) {
        const struct wt_bpe_merge *merge = &bpe->merges[i];
        if (merge->rank != WT_BPE_NONE && (unknown[merge->left] || unknown[merge->right])) {
            bpe->unknown_apart = false;
        }
    }
    free(unknown);
    return true;
}

enum wt_status wt_bpe_complete(struct wt_bpe *bpe)
{
    if (wt_bpe_fold(bpe) != WT_OK || !build_filter(bpe) || !note_unknown(bpe)) {
        return WT_MEMORY;
    }
    enum wt_status status = build_search(bpe);
    if (status == WT_OK) {
        note_strays(bpe);
        status = build_wholes(bpe);
    }
    free(bpe->tokens);
    bpe->tokens = NULL;
    return status;
}
