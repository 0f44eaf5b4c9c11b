#include "text/models/bpe_internal.h"

#include <assert.h>

/* --- walks ------------------------------------------------------------------------------------ */

/* The longest piece that a walk has passed. */
struct passed {
    uint32_t token; /* WT_BPE_NO_ID: none */
    uint32_t end;
};

/* Passes a node at whose end the walk is at place `end`; without a branch. */
static inline void pass(struct passed *passed, uint64_t node, uint32_t end)
{
    uint32_t id = wt_bpe_node_id(node);
    passed->end = id != WT_BPE_NO_ID ? end : passed->end;
    passed->token = id != WT_BPE_NO_ID ? id : passed->token;
}

/* The longest piece from `place` on. */
static inline struct passed walk(const struct wt_bpe *bpe, const struct wt_bpe_search *search,
                                 uint32_t place)
{
    struct passed passed = {.token = WT_BPE_NO_ID, .end = place};
    uint32_t node = 0;
    uint32_t base = wt_bpe_node_base(bpe->nodes[0]);
    for (uint32_t end = place; end < search->count;) {
        uint32_t next = base + search->symbols[end];
        uint64_t child = bpe->nodes[next];
        if (wt_bpe_node_parent(child) != node) {
            break;
        }
        node = next;
        base = wt_bpe_node_base(child);
        pass(&passed, child, ++end);
    }
    return passed;
}

/* Takes the walk from a word's start to `child` and turns it to the next symbol. */
static inline void descend(const struct wt_bpe *bpe, struct wt_bpe_search *search, uint64_t child)
{
    struct passed passed = {.token = search->token, .end = search->token_end};
    search->node = search->child;
    search->base = wt_bpe_node_base(child);
    pass(&passed, child, ++search->end);
    search->token = passed.token;
    search->token_end = passed.end;
    /* Symbol 0 is in no piece, so it leads to no child. */
    search->child = search->base + (search->end < search->count ? search->symbols[search->end] : 0);
    __builtin_prefetch(&bpe->nodes[search->child]);
}

/* Makes the first walks of all words in turns. */
static void walk_first(const struct wt_bpe *bpe, struct wt_bpe_search *searches, uint32_t count)
{
    struct wt_bpe_search *active[WT_WORDS_AT_ONCE];
    uint32_t root_base = wt_bpe_node_base(bpe->nodes[0]);
    for (uint32_t i = 0; i < count; i++) {
        struct wt_bpe_search *search = &searches[i];
        assert(search->count > 0);
        search->end = 0;
        search->token = WT_BPE_NO_ID;
        search->child = root_base + search->symbols[0];
        descend(bpe, search, bpe->nodes[search->child]);
        assert(search->token != WT_BPE_NO_ID); /* a character is a piece */
        active[i] = search;
    }
    while (count > 0) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct wt_bpe_search *search = active[i];
            uint64_t child = bpe->nodes[search->child];
            if (wt_bpe_node_parent(child) == search->node) {
                active[kept++] = search;
                descend(bpe, search, child);
            } else {
                __builtin_prefetch(&bpe->pairs.parts[search->token]);
            }
        }
        count = kept;
    }
}

/* --- words ------------------------------------------------------------------------------------ */

static inline bool is_dead(const struct wt_bpe_search *search, uint32_t place)
{
    return (search->dead[place / 64] >> place % 64 & 1u) != 0;
}

/* The longest piece at `place` that `token` starts with. */
static inline struct passed shorten(const struct wt_bpe *bpe, uint32_t token, uint32_t place)
{
    uint32_t shorter = bpe->pairs.parts[token].shorter;
    if (shorter == WT_BPE_NO_ID) {
        return (struct passed){.token = WT_BPE_NO_ID};
    }
    return (struct passed){.token = shorter, .end = place + bpe->pairs.parts[shorter].symbols};
}

/* Two pieces side by side, as they were before `limit`: only merges of lower ranks could join them. */
struct border {
    uint32_t left;
    uint32_t right;
    uint32_t limit;
};

/* Goes back in time: the later of the two pieces is taken apart again. False: both are characters. */
static inline bool go_back(const struct wt_bpe_pairs *pairs, struct border *border)
{
    bool left_is_later = border->left > border->right;
    uint32_t later = left_is_later ? border->left : border->right;
    if (later < pairs->characters) {
        return false;
    }
    /* Of equal pairs the left one is joined first, so at the right one's time it may be, too. */
    border->limit = left_is_later ? later : later + 1;
    struct wt_bpe_part part = pairs->parts[later];
    border->left = left_is_later ? part.right : border->left;
    border->right = left_is_later ? border->right : part.left;
    return true;
}

/* True if merging the two pieces joins nothing across their border. `longest`: no longer piece starts where
 * the left one does. */
static bool never_join(const struct wt_bpe_pairs *pairs, uint32_t left, uint32_t right,
                       bool longest)
{
    struct border border = {.left = left, .right = right, .limit = WT_BPE_NUMBERS_MAX};
    /* The longest piece and a start of the right one become no piece that words have. Where they become
     * another one, something is joined across the border before. So nothing is asked until the longest
     * piece is taken apart. */
    while (longest && border.left == left) {
        if (!go_back(pairs, &border)) {
            return true;
        }
    }
    do {
        if (wt_bpe_join_before(pairs, border.left, border.right, border.limit)) {
            return false;
        }
    } while (go_back(pairs, &border));
    return true;
}

/* A piece that covers a part of the word: its number, and whether it is the longest one at its place. */
#define LONGEST (1u << WT_BPE_NUMBER_BITS)

static inline uint32_t number_of(int32_t covering)
{
    return (uint32_t)covering & (LONGEST - 1);
}

/* Whether a piece stays apart from the one that covers what is before it, from memory if it was asked. */
static inline bool stays_apart(const struct wt_bpe *bpe, uint64_t *verdicts, int32_t before,
                               uint32_t right)
{
    uint32_t left = number_of(before);
    bool longest = ((uint32_t)before & LONGEST) != 0;
    uint64_t hash = wt_bpe_pair_hash(left, right);
    uint64_t key = (uint64_t)left << (WT_BPE_ID_BITS + 2) | (uint64_t)right << 2 | 2u;
    uint64_t *verdict = &verdicts[hash >> (64 - WT_BPE_VERDICT_BITS)];
    if ((*verdict & ~UINT64_C(1)) != key) {
        *verdict = key | (never_join(&bpe->pairs, left, right, longest) ? 1u : 0u);
    }
    return (*verdict & 1u) != 0;
}

/* Covers the word, whose first walk is made. */
static void cover(const struct wt_bpe *bpe, uint64_t *verdicts, struct wt_bpe_search *search)
{
    struct passed next = {.token = search->token, .end = search->token_end};
    int32_t *ids = search->ids; /* numbers, with LONGEST or without it, until the end */
    uint32_t id_count = 0;
    uint32_t longest = LONGEST; /* 0: `next` was made shorter */
    uint32_t place = 0;         /* everything before it is covered */
    for (;;) {
        if (next.token == WT_BPE_NO_ID) {
            /* Nothing from here on: the piece before is made shorter. */
            assert(id_count > 0);
            search->dead[place / 64] |= UINT64_C(1) << place % 64;
            uint32_t last = number_of(ids[--id_count]);
            place -= bpe->pairs.parts[last].symbols;
            next = shorten(bpe, last, place);
            longest = 0;
        } else if (is_dead(search, next.end) ||
                   (id_count > 0 && !stays_apart(bpe, verdicts, ids[id_count - 1], next.token))) {
            next = shorten(bpe, next.token, place);
            longest = 0;
        } else {
            __builtin_prefetch(&bpe->pairs.parts[next.token]);
            ids[id_count++] = (int32_t)(next.token | longest);
            place = next.end;
            if (place == search->count) {
                break;
            }
            next = walk(bpe, search, place);
            longest = LONGEST;
        }
    }
    for (uint32_t i = 0; i < id_count; i++) {
        ids[i] = (int32_t)bpe->pairs.ids[number_of(ids[i])];
    }
    search->id_count = id_count;
}

void wt_bpe_search_words(const struct wt_bpe *bpe, uint64_t *verdicts,
                         struct wt_bpe_search *searches, uint32_t count)
{
    assert(count <= WT_WORDS_AT_ONCE);
    walk_first(bpe, searches, count);
    for (uint32_t i = 0; i < count; i++) {
        cover(bpe, verdicts, &searches[i]);
    }
}
