#include "text/bpe.h"

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

/* Turns the walk to the next byte. False: the word is over. */
static inline bool next_byte(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    if (search->end == search->bytes) {
        return false;
    }
    search->child = bpe->nodes[search->node].base + search->word[search->end];
    __builtin_prefetch(&bpe->nodes[search->child]);
    return true;
}

/* Looks for the longest piece from `place` on. */
static inline void start_walk(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    search->node = 0;
    search->end = search->place;
    search->found = WT_BPE_NONE;
    (void)next_byte(bpe, search);
}

/* Takes `token` as the next piece. True: the word is covered. */
static inline bool accept(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    search->ids[search->count++] = (int32_t)search->token;
    search->place += bpe->tokens[search->token].bytes;
    if (search->place == search->bytes) {
        return true;
    }
    start_walk(bpe, search);
    return false;
}

static inline bool is_dead(const struct wt_bpe_search *search, uint32_t place)
{
    return (search->dead[place / 64] >> place % 64 & 1u) != 0;
}

/* Goes on with `token` or, if the rest behind it cannot be covered, a shorter one. True: the search
 * is over. */
static inline bool choose(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    const struct wt_bpe_token *tokens = bpe->tokens;
    for (;;) {
        uint32_t token = search->token;
        while (token != WT_BPE_NONE && is_dead(search, search->place + tokens[token].bytes)) {
            token = tokens[token].shorter;
        }
        search->token = token;
        if (token != WT_BPE_NONE &&
            (search->count == 0 || wt_bpe_stay_apart(bpe, (uint32_t)search->ids[search->count - 1],
                                                     token, WT_BPE_NONE))) {
            return accept(bpe, search);
        }
        if (token != WT_BPE_NONE) {
            search->token = tokens[token].shorter;
            continue;
        }
        if (search->count == 0) {
            return true;
        }
        search->dead[search->place / 64] |= UINT64_C(1) << search->place % 64;
        token = (uint32_t)search->ids[--search->count];
        search->place -= tokens[token].bytes;
        search->token = tokens[token].shorter;
    }
}

/* One step. True: the search is over. */
static inline bool step(const struct wt_bpe *bpe, struct wt_bpe_search *search)
{
    const struct wt_bpe_node *child = &bpe->nodes[search->child];
    if (child->parent == search->node) {
        search->node = search->child;
        search->found = child->id != WT_BPE_NONE ? child->id : search->found;
        search->end++;
        if (next_byte(bpe, search)) {
            return false;
        }
    }
    search->token = search->found;
    return choose(bpe, search);
}

void wt_bpe_search_words(const struct wt_bpe *bpe, struct wt_bpe_search *searches, uint32_t count)
{
    struct wt_bpe_search *active[WT_WORDS_AT_ONCE];
    assert(count <= WT_WORDS_AT_ONCE);
    for (uint32_t i = 0; i < count; i++) {
        assert(searches[i].bytes > 0);
        searches[i].count = 0;
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
