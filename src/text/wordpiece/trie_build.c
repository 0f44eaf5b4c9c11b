#include "base/utf8.h"
#include "text/wordpiece/trie.h"

#include "base/pages.h"
#include "text/tables/levels.h"
#include "text/unicode/unicode.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct wt_trie *trie;
    uint32_t token_count;
    uint32_t word_count;   /* tokens that can start a word */
    uint32_t suffix_count; /* tokens that continue a word ("##") */
    struct wt_levels levels;
    uint32_t node_capacity;
    uint32_t pool_capacity;
};

/* --- symbols ---------------------------------------------------------------------------------- */

static bool is_suffix(const struct wt_trie_token *token)
{
    return token->bytes >= 2 && token->text[0] == '#' && token->text[1] == '#';
}

/* Decodes a token without its "##" and appends it to `symbols`, which holds `used` values. Returns
 * the new number of values. */
static uint32_t decode_token(uint32_t *symbols, uint32_t used, const struct wt_trie_token *token)
{
    const uint8_t *text = (const uint8_t *)token->text;
    uint32_t place = is_suffix(token) ? 2 : 0;
    while (place < token->bytes) {
        uint32_t length = wt_utf8_decode(text + place, token->bytes - place, &symbols[used++]);
        assert(length > 0);
        place += length;
    }
    return used;
}

/* Turns every token that can match into symbols. In `order`, tokens that start words come first, then
 * those that continue words. */
static enum wt_status spell_tokens(struct builder *builder, const struct wt_trie_token *tokens,
                                   uint32_t characters_max)
{
    struct wt_levels *levels = &builder->levels;
    uint32_t *symbols = levels->symbols;
    uint32_t used = 0;
    for (uint32_t i = 0; i < builder->token_count; i++) {
        uint32_t start = used;
        uint32_t end = decode_token(symbols, start, &tokens[i]);
        if (end == start || end - start > characters_max) {
            continue;
        }
        symbols[end] = WT_LEVELS_END;
        symbols[end + 1] = i;
        used = end + 2;
        if (is_suffix(&tokens[i])) {
            levels->order_other[builder->suffix_count++] = start;
        } else {
            levels->order[builder->word_count++] = start;
        }
    }
    memcpy(levels->order + builder->word_count, levels->order_other,
           builder->suffix_count * sizeof *levels->order);
    return wt_levels_spell(levels, used, &builder->trie->symbols);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum wt_status reserve_nodes(struct builder *builder, uint32_t count)
{
    struct wt_trie *trie = builder->trie;
    if (count > builder->node_capacity) {
        /* The initial capacity fits usual vocabularies: two nodes for each token and some more. */
        uint32_t capacity = count + count / 2 + builder->token_count / 4 * 9;
        struct wt_trie_node *nodes = wt_pages_alloc(capacity * sizeof *nodes);
        if (nodes == NULL || !wt_places_reserve(&builder->levels.places, capacity)) {
            wt_pages_free(nodes);
            return WT_MEMORY;
        }
        if (trie->node_count > 0) {
            memcpy(nodes, trie->nodes, trie->node_count * sizeof *nodes);
        }
        wt_pages_free(trie->nodes);
        trie->nodes = nodes;
        builder->node_capacity = capacity;
    }
    for (; trie->node_count < count; trie->node_count++) {
        trie->nodes[trie->node_count] = (struct wt_trie_node){
            .base = 0, .parent = WT_TRIE_NONE, .fail = WT_TRIE_NONE, .pops = 0};
    }
    return WT_OK;
}

/* The child of `node` by `symbol`; WT_TRIE_NONE: none. */
static uint32_t child_of(const struct wt_trie *trie, uint32_t node, uint32_t symbol)
{
    uint32_t child = trie->nodes[node].base + symbol;
    return child < trie->node_count && trie->nodes[child].parent == node ? child : WT_TRIE_NONE;
}

static enum wt_status reserve_pool(struct builder *builder, uint32_t extra)
{
    struct wt_trie *trie = builder->trie;
    if (builder->pool_capacity - trie->pool_count >= extra) {
        return WT_OK;
    }
    uint32_t capacity = builder->pool_capacity + builder->pool_capacity / 2 + extra + 1024;
    uint32_t *pool =
        capacity < WT_TRIE_POOLED ? realloc(trie->pool, capacity * sizeof *pool) : NULL;
    if (pool == NULL) {
        return WT_MEMORY;
    }
    trie->pool = pool;
    builder->pool_capacity = capacity;
    return WT_OK;
}

/* Appends the tokens of `pops` to the last entry of the pool, which starts at `entry`. */
static enum wt_status extend_entry(struct builder *builder, uint32_t entry, uint32_t pops)
{
    struct wt_trie *trie = builder->trie;
    bool pooled = (pops & WT_TRIE_POOLED) != 0;
    uint32_t place = pops & ~WT_TRIE_POOLED;
    uint32_t count = pooled ? trie->pool[place] : 1;
    enum wt_status status = reserve_pool(builder, count);
    if (status != WT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        trie->pool[trie->pool_count++] = pooled ? trie->pool[place + 1 + i] : pops;
    }
    trie->pool[entry] += count;
    return WT_OK;
}

/* Sets the failure link of a node that is not a token, from the link of its parent. */
static enum wt_status link_node(struct builder *builder, uint32_t node)
{
    struct wt_trie *trie = builder->trie;
    uint32_t parent = trie->nodes[node].parent;
    uint32_t symbol = node - trie->nodes[parent].base;
    uint32_t next = trie->nodes[parent].fail;
    if (next == WT_TRIE_NONE) {
        return WT_OK;
    }
    uint32_t target = child_of(trie, next, symbol);
    if (target != WT_TRIE_NONE) {
        trie->nodes[node].fail = target;
        trie->nodes[node].pops = trie->nodes[parent].pops;
        return WT_OK;
    }
    enum wt_status status = reserve_pool(builder, 1);
    if (status != WT_OK) {
        return status;
    }
    uint32_t entry = trie->pool_count;
    trie->pool[trie->pool_count++] = 0;
    status = extend_entry(builder, entry, trie->nodes[parent].pops);
    while (status == WT_OK && target == WT_TRIE_NONE && trie->nodes[next].fail != WT_TRIE_NONE) {
        status = extend_entry(builder, entry, trie->nodes[next].pops);
        next = trie->nodes[next].fail;
        target = child_of(trie, next, symbol);
    }
    if (target == WT_TRIE_NONE) {
        trie->pool_count = entry;
        return status;
    }
    trie->nodes[node].fail = target;
    trie->nodes[node].pops = WT_TRIE_POOLED | entry;
    return status;
}

/* Completes one node: sets its token or failure link, and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct wt_group group)
{
    struct wt_trie *trie = builder->trie;
    struct wt_levels *levels = &builder->levels;
    enum wt_status status = WT_OK;
    if (wt_levels_sort(levels, &group) > 0) {
        trie->nodes[group.node].fail = WT_TRIE_SUFFIX_ROOT;
        trie->nodes[group.node].pops = wt_levels_key(levels, group.first - 1);
    } else if (group.depth > 0) {
        status = link_node(builder, group.node);
    }
    if (status != WT_OK || group.count == 0) {
        return status;
    }
    uint32_t count = wt_levels_children(levels, &group);
    uint32_t base = wt_places_find(&levels->places, trie->node_count, levels->distinct, count);
    status = reserve_nodes(builder, base + levels->distinct[count - 1] + 1);
    if (status != WT_OK) {
        return status;
    }
    trie->nodes[group.node].base = base;
    for (uint32_t i = 0; i < count; i++) {
        trie->nodes[base + levels->distinct[i]].parent = group.node;
    }
    wt_levels_descend(levels, &group, base, count);
    return WT_OK;
}

/* Breadth first from both roots, because failure links lead to shallower nodes. */
static enum wt_status build_nodes(struct builder *builder)
{
    struct wt_trie *trie = builder->trie;
    struct wt_levels *levels = &builder->levels;
    enum wt_status status = reserve_nodes(builder, 2);
    uint32_t base_max = 0;
    if (status != WT_OK) {
        return status;
    }
    wt_places_take(&levels->places, WT_TRIE_WORD_ROOT);
    wt_places_take(&levels->places, WT_TRIE_SUFFIX_ROOT);
    levels->level[0] = (struct wt_group){.node = WT_TRIE_WORD_ROOT, .count = builder->word_count};
    levels->level[1] = (struct wt_group){
        .node = WT_TRIE_SUFFIX_ROOT, .first = builder->word_count, .count = builder->suffix_count};
    levels->level_count = 2;
    do {
        for (uint32_t i = 0; status == WT_OK && i < levels->level_count; i++) {
            status = settle_group(builder, levels->level[i]);
            uint32_t base = trie->nodes[levels->level[i].node].base;
            base_max = base > base_max ? base : base_max;
        }
    } while (status == WT_OK && wt_levels_next(levels));
    return status == WT_OK ? reserve_nodes(builder, base_max + levels->symbol_count) : status;
}

static enum wt_status reserve_levels(struct builder *builder, const struct wt_trie_token *tokens)
{
    size_t symbols_max = 0;
    for (size_t i = 0; i < builder->token_count; i++) {
        symbols_max += tokens[i].bytes + 2;
    }
    return wt_levels_create(&builder->levels, builder->token_count, symbols_max, 2);
}

enum wt_status wt_trie_create(const struct wt_trie_token *tokens, uint32_t count,
                              uint32_t characters_max, struct wt_trie **trie_out)
{
    struct builder builder = {.trie = calloc(1, sizeof *builder.trie), .token_count = count};
    enum wt_status status = builder.trie == NULL ? WT_MEMORY : reserve_levels(&builder, tokens);
    if (status == WT_OK) {
        status = spell_tokens(&builder, tokens, characters_max);
    }
    if (status == WT_OK) {
        status = build_nodes(&builder);
    }
    wt_levels_free(&builder.levels);
    if (status != WT_OK) {
        wt_trie_destroy(builder.trie);
        return status;
    }
    *trie_out = builder.trie;
    return WT_OK;
}
