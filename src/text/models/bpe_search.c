#include "text/models/bpe_internal.h"

#include <assert.h>

bool wt_bpe_stay_apart(const struct wt_bpe *bpe, uint32_t left, uint32_t right, uint32_t limit)
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

/* --- one word, step by step ------------------------------------------------------------------- */

/* Turns the walk to the next symbol. False: the word is over. */
static inline bool next_symbol(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    if (search->end == search->count) {
        return false;
    }
    search->child = search->base + search->symbols[search->end];
    __builtin_prefetch(&bpe->nodes[search->child]);
    return true;
}

/* Looks for the longest piece from `place` on. */
static inline void start_walk(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    search->node = 0;
    search->base = bpe->nodes[0].base;
    search->end = search->place;
    search->token = WT_BPE_NONE;
    (void)next_symbol(bpe, search);
}

static inline bool is_dead(const struct wt_bpe_search *search, uint32_t place)
{
    return (search->dead[place / 64] >> place % 64 & 1u) != 0;
}

/* Replaces the next piece by the longest one that `token` starts with. */
static inline void shorten(const struct wt_bpe *bpe, struct wt_bpe_search *search, uint32_t token)
{
    search->token = bpe->leaves[token].shorter;
    if (search->token != WT_BPE_NONE) {
        search->token_end = search->place + bpe->leaves[search->token].symbols;
    }
}

/* Goes on with the next piece or, if the rest behind it cannot be covered, a shorter one. True: the
 * word is covered. */
static inline bool choose(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    for (;;) {
        if (search->token == WT_BPE_NONE) {
            /* Nothing from here on: the piece before is made shorter. */
            assert(search->id_count > 0);
            search->dead[search->place / 64] |= UINT64_C(1) << search->place % 64;
            uint32_t last = (uint32_t)search->ids[--search->id_count];
            search->place -= bpe->leaves[last].symbols;
            shorten(bpe, search, last);
        } else if (is_dead(search, search->token_end) ||
                   (search->id_count > 0 &&
                    !wt_bpe_stay_apart(bpe, (uint32_t)search->ids[search->id_count - 1],
                                       search->token, WT_BPE_NONE))) {
            shorten(bpe, search, search->token);
        } else {
            break;
        }
    }
    search->ids[search->id_count++] = (int32_t)search->token;
    search->place = search->token_end;
    if (search->place == search->count) {
        return true;
    }
    start_walk(bpe, search);
    return false;
}

/* One step. True: the word is covered. */
static inline bool step(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    const struct wt_bpe_node *child = &bpe->nodes[search->child];
    if (child->parent == search->node) {
        search->node = search->child;
        search->base = child->base;
        search->end++;
        search->token_end = child->id != WT_BPE_NONE ? search->end : search->token_end;
        search->token = child->id != WT_BPE_NONE ? child->id : search->token;
        if (next_symbol(bpe, search)) {
            return false;
        }
    }
    return choose(bpe, search);
}

void wt_bpe_search_words(const struct wt_bpe *bpe, struct wt_bpe_search *searches, uint32_t count)
{
    struct wt_bpe_search *active[WT_WORDS_AT_ONCE];
    assert(count <= WT_WORDS_AT_ONCE);
    for (uint32_t i = 0; i < count; i++) {
        assert(searches[i].count > 0);
        searches[i].id_count = 0;
        searches[i].place = 0;
        start_walk(bpe, &searches[i]);
        active[i] = &searches[i];
    }
    while (count > 0) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            active[kept] = active[i];
            kept += !step(bpe, active[i]);
        }
        count = kept;
    }
}
