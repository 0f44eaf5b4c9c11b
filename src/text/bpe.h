/* bpe.h: byte-pair encoding (Sennrich et al., arXiv 1508.07909): a word starts as its characters,
 * and of all neighbours that a merge joins, those of the lowest rank are joined, leftmost first,
 * until there are none.
 *
 * bpe.c reads the model, bpe_merge.c merges. Immutable after creation. Thread: any. */
#ifndef WIRETAG_TEXT_BPE_H
#define WIRETAG_TEXT_BPE_H

#include "text/word_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_BPE_NONE UINT32_MAX

/* Two neighbours and what they become. */
struct wt_bpe_merge {
    uint32_t left;
    uint32_t right;
    uint32_t rank; /* WT_BPE_NONE: an empty slot */
    uint32_t id;
};

struct wt_bpe {
    struct wt_word_model base;
    enum wt_fold fold;
    bool fuse_unknown;
    bool byte_fallback;
    bool ignore_merges;
    struct wt_pieces
        folded; /* the pieces as words write them; those that no word has are left out */
    struct wt_bpe_merge *merges; /* a hash table */
    uint32_t merge_slots;        /* a power of two */
    uint32_t merge_count;
    uint32_t merge_shift;  /* 64 - log2(merge_slots) */
    int32_t byte_ids[256]; /* WT_FOLD_BYTES: of each byte alone; else of "<0xNN>". -1: none */
};

static inline uint32_t wt_bpe_slot(const struct wt_bpe *bpe, uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 32 | right;
    return (uint32_t)((key ^ key >> 29) * 0x9E3779B97F4A7C15u >> bpe->merge_shift);
}

/* The merge of two neighbours; NULL: none. */
static inline const struct wt_bpe_merge *wt_bpe_find_merge(const struct wt_bpe *bpe, uint32_t left,
                                                           uint32_t right)
{
    uint32_t slot = wt_bpe_slot(bpe, left, right);
    for (;;) {
        const struct wt_bpe_merge *merge = &bpe->merges[slot];
        if (merge->rank == WT_BPE_NONE) {
            return NULL;
        }
        if (merge->left == left && merge->right == right) {
            return merge;
        }
        slot = (slot + 1) & (bpe->merge_slots - 1);
    }
}

/* Room to merge one word in. All zero: none yet. */
struct wt_bpe_room {
    uint32_t *items; /* five arrays of `capacity` */
    size_t capacity;
};

/* Appends the ids of a word of 1 byte or more. WT_MEMORY. */
enum wt_status wt_bpe_merge_word(const struct wt_bpe *bpe, struct wt_bpe_room *room,
                                 const uint8_t *word, uint32_t bytes, struct wt_ids *ids);

void wt_bpe_room_free(struct wt_bpe_room *room);

extern const struct wt_word_model_type wt_bpe_model_type;

#endif
