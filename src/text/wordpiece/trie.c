#include "text/wordpiece/trie.h"

#include "base/pages.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

void wt_trie_destroy(struct wt_trie *trie)
{
    if (trie == NULL) {
        return;
    }
    wt_pages_free(trie->nodes);
    free(trie->pool);
    wt_symbols_free(&trie->symbols);
    free(trie);
}

/* Moves the word to `node`, whose children begin at `base`, and prefetches the child for the next
 * symbol. */
static inline void await_child(const struct wt_trie *trie, struct wt_trie_word *word, uint32_t node,
                               uint32_t base)
{
    word->node = node;
    word->child = base + word->symbols[word->place];
    __builtin_prefetch(&trie->nodes[word->child]);
}

/* Writes the tokens that are certain at the word's node and follows its failure link. False: no
 * link, so the word is unknown. */
static inline bool fail_over(const struct wt_trie *trie, struct wt_trie_word *word)
{
    const struct wt_trie_node *node = &trie->nodes[word->node];
    if (node->fail == WT_TRIE_NONE) {
        word->id_count = 0;
        return false;
    }
    if ((node->pops & WT_TRIE_POOLED) == 0) {
        word->ids[word->id_count++] = (int32_t)node->pops;
    } else {
        const uint32_t *entry = trie->pool + (node->pops & ~WT_TRIE_POOLED);
        for (uint32_t i = 0; i < entry[0]; i++) {
            word->ids[word->id_count++] = (int32_t)entry[1 + i];
        }
    }
    word->node = node->fail;
    return true;
}

/* After the last symbol: writes the tokens along the failure links. */
static void finish_word(const struct wt_trie *trie, struct wt_trie_word *word)
{
    while (word->node != WT_TRIE_SUFFIX_ROOT && fail_over(trie, word)) {
    }
}

/* One step of a word whose child was prefetched. False: the word is done. */
static inline bool step_word(const struct wt_trie *trie, struct wt_trie_word *word)
{
    const struct wt_trie_node *child = &trie->nodes[word->child];
    if (child->parent == word->node) {
        word->node = word->child;
        if (++word->place == word->symbol_count) {
            finish_word(trie, word);
            return false;
        }
        await_child(trie, word, word->node, child->base);
        return true;
    }
    if (!fail_over(trie, word)) {
        return false;
    }
    await_child(trie, word, word->node, trie->nodes[word->node].base);
    return true;
}

void wt_trie_split(const struct wt_trie *trie, struct wt_trie_word *words, uint32_t count)
{
    struct wt_trie_word *active[WT_TRIE_WORDS_MAX];
    assert(count <= WT_TRIE_WORDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        active[i] = &words[i];
        words[i].id_count = 0;
        words[i].place = 0;
        await_child(trie, &words[i], WT_TRIE_WORD_ROOT, trie->nodes[WT_TRIE_WORD_ROOT].base);
    }
    while (count > 0) {
        for (uint32_t i = 0; i < count;) {
            if (step_word(trie, active[i])) {
                i++;
            } else {
                active[i] = active[--count];
            }
        }
    }
}
