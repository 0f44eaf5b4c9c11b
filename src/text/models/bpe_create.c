/* bpe_create.c: the tables that follow from pieces and merges. */
#include "text/models/bpe_internal.h"
#include "text/tables/pages.h"

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
            wt_bpe_stay_apart(bpe, merge->left, merge->right, token->rank)) {
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
    if (merges == NULL || bpe->tokens == NULL) {
        free(merges);
        return WT_MEMORY;
    }
    note_characters(bpe);
    bpe->searchable = note_merges(bpe, merges);
    free(merges);
    return bpe->searchable ? wt_bpe_build_trie(bpe) : WT_OK;
}

static void note_strays(struct wt_bpe *bpe)
{
    for (uint32_t i = 0; i < bpe->folded.count && bpe->ignore_merges && !bpe->has_strays; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        bpe->has_strays = !bpe->searchable || bpe->tokens[piece->id].bytes != piece->count;
    }
}

/* --- the words that are one piece ---------------------------------------------------------------- */

#define ENTRY_BITS_MIN 16u
#define ENTRY_BITS_FEW 10u /* for vocabularies of tests */
#define FEW_PIECES 512u
#define ENTRY_BITS_MAX 18u

/* Puts a piece into the cache that all tokenizers start with, if there is room. */
static void seed(struct wt_bpe *bpe, const struct wt_piece *piece)
{
    struct wt_bpe_entry entry = {.meta = piece->count << 8 | 1u};
    if (bpe->short_ids) {
        entry.short_ids[0] = (uint16_t)piece->id;
    } else {
        entry.ids[0] = (int32_t)piece->id;
    }
    if (piece->count > WT_BPE_KEY_BYTES) {
        return;
    }
    memcpy(entry.key, bpe->folded.bytes + piece->start, piece->count);
    uint32_t place = wt_bpe_entry_of(bpe->entry_bits, entry.key);
    for (uint32_t i = place; i < place + 2; i++) {
        if (bpe->entries[i].meta == 0) {
            bpe->entries[i] = entry;
            return;
        }
    }
}

static enum wt_status build_entries(struct wt_bpe *bpe)
{
    bpe->short_ids = bpe->base.pieces.id_count <= UINT16_MAX + 1u;
    bpe->entry_bits = bpe->folded.count < FEW_PIECES ? ENTRY_BITS_FEW : ENTRY_BITS_MIN;
    while (bpe->entry_bits < ENTRY_BITS_MAX && bpe->folded.count > 1u << bpe->entry_bits) {
        bpe->entry_bits++;
    }
    size_t bytes = ((size_t)1 << bpe->entry_bits) * sizeof *bpe->entries;
    bpe->entries = wt_pages_alloc(bytes);
    if (bpe->entries == NULL) {
        return WT_MEMORY;
    }
    memset(bpe->entries, 0, bytes);
    /* Pieces are in the order of the file, frequent ones first. */
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (bpe->ignore_merges ||
            (bpe->searchable && bpe->tokens[piece->id].bytes == piece->count)) {
            seed(bpe, piece);
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
    note_strays(bpe);
    return status == WT_OK ? build_entries(bpe) : status;
}
