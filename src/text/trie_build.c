#include "base/utf8.h"
#include "text/trie.h"

#include "text/pages.h"
#include "text/places.h"
#include "text/unicode.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How many tokens ahead symbols are prefetched: sorted tokens are scattered in memory. */
#define PREFETCH_TOKENS 16u

/* The tokens of one node during the build. They have the same symbols up to `depth`. */
struct group {
    uint32_t node;
    uint32_t first; /* in builder.order */
    uint32_t count;
    uint32_t depth;
};

struct builder {
    struct wt_trie *trie;
    uint32_t token_count;
    uint32_t word_count;   /* tokens that can start a word */
    uint32_t suffix_count; /* tokens that continue a word ("##") */
    void *scratch;         /* one allocation for the next five arrays: */
    uint32_t *symbols;     /* of one token after another, each followed by 0 and the token's id */
    uint64_t *order;       /* symbol << 32 | its index: the tokens, group by group */
    uint64_t *order_other; /* second array for the sort */
    struct group *level;   /* the nodes of one depth, at most token_count: they share no token */
    uint32_t level_count;
    struct group *next_level; /* their children */
    uint32_t next_level_count;
    uint32_t node_capacity;
    uint32_t pool_capacity;
    struct wt_places places;
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

/* Turns every token that can match into symbols, in two passes: first code points and their counts,
 * then symbols. In `order`, tokens that start words come first, then those that continue words. */
static enum wt_status spell_tokens(struct builder *builder, const struct wt_trie_token *tokens,
                                   uint32_t characters_max)
{
    struct wt_trie *trie = builder->trie;
    uint32_t *symbols = builder->symbols;
    uint32_t *counts = calloc(0x110000u, sizeof *counts);
    if (counts == NULL) {
        return WT_MEMORY;
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < builder->token_count; i++) {
        uint32_t start = used;
        uint32_t end = decode_token(symbols, start, &tokens[i]);
        if (end == start || end - start > characters_max) {
            continue;
        }
        for (uint32_t c = start; c < end; c++) {
            counts[symbols[c]]++;
            trie->symbols.page_index[symbols[c] >> WT_SYMBOL_PAGE_BITS] = 1;
        }
        symbols[end] = WT_TRIE_NONE;
        symbols[end + 1] = i;
        used = end + 2;
        if (is_suffix(&tokens[i])) {
            builder->order_other[builder->suffix_count++] = start;
        } else {
            builder->order[builder->word_count++] = start;
        }
    }
    memcpy(builder->order + builder->word_count, builder->order_other,
           builder->suffix_count * sizeof *builder->order);
    enum wt_status status = wt_symbols_number(&trie->symbols, counts);
    for (uint32_t c = 0; status == WT_OK && c < used; c++) {
        if (symbols[c] == WT_TRIE_NONE) {
            symbols[c++] = 0;
        } else {
            symbols[c] = wt_symbol(&trie->symbols, symbols[c]);
        }
    }
    free(counts);
    return status;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum wt_status reserve_nodes(struct builder *builder, uint32_t count)
{
    struct wt_trie *trie = builder->trie;
    if (count > builder->node_capacity) {
        /* The initial capacity fits usual vocabularies: two nodes for each token and some more. */
        uint32_t capacity = count + count / 2 + builder->token_count / 4 * 9;
        struct wt_trie_node *nodes = wt_pages_alloc(capacity * sizeof *nodes);
        if (nodes == NULL || !wt_places_reserve(&builder->places, capacity)) {
            free(nodes);
            return WT_MEMORY;
        }
        if (trie->node_count > 0) {
            memcpy(nodes, trie->nodes, trie->node_count * sizeof *nodes);
        }
        free(trie->nodes);
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

/* Adds the children of a sorted group's node, one for each distinct symbol, and their groups. */
static enum wt_status add_children(struct builder *builder, const struct group *group,
                                   uint32_t *distinct)
{
    const uint64_t *items = builder->order + group->first;
    uint32_t distinct_count = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t symbol = (uint32_t)(items[i] >> 32);
        if (distinct_count == 0 || distinct[distinct_count - 1] != symbol) {
            distinct[distinct_count++] = symbol;
        }
    }
    uint32_t base =
        wt_places_find(&builder->places, builder->trie->node_count, distinct, distinct_count);
    enum wt_status status = reserve_nodes(builder, base + distinct[distinct_count - 1] + 1);
    builder->trie->nodes[group->node].base = base;
    uint32_t start = 0;
    for (uint32_t i = 0; i < distinct_count && status == WT_OK; i++) {
        uint32_t end = start;
        while (end < group->count && items[end] >> 32 == distinct[i]) {
            end++;
        }
        uint32_t child = base + distinct[i];
        builder->trie->nodes[child].parent = group->node;
        wt_places_take(&builder->places, child);
        builder->next_level[builder->next_level_count++] =
            (struct group){.node = child,
                           .first = group->first + start,
                           .count = end - start,
                           .depth = group->depth + 1};
        start = end;
    }
    return status;
}

/* Completes one node: sets its token or failure link, and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct group group, uint32_t *distinct)
{
    uint64_t *items = builder->order + group.first;
    uint32_t ended =
        0; /* tokens that end here: the sort puts them first, the last duplicate at the end */
    for (uint32_t i = 0; i < group.count; i++) {
        __builtin_prefetch(&builder->symbols[(uint32_t)items[i + PREFETCH_TOKENS] + 1]);
        uint32_t place = (uint32_t)items[i] + (group.depth > 0);
        uint32_t symbol = builder->symbols[place];
        items[i] = (uint64_t)symbol << 32 | place;
        ended += symbol == 0;
    }
    wt_places_sort(items, builder->order_other + group.first, group.count,
                   builder->trie->symbols.count);
    enum wt_status status = WT_OK;
    if (ended > 0) {
        builder->trie->nodes[group.node].fail = WT_TRIE_SUFFIX_ROOT;
        builder->trie->nodes[group.node].pops = builder->symbols[(uint32_t)items[ended - 1] + 1];
    } else if (group.depth > 0) {
        status = link_node(builder, group.node);
    }
    group.first += ended;
    group.count -= ended;
    if (status == WT_OK && group.count > 0) {
        status = add_children(builder, &group, distinct);
    }
    return status;
}

/* Completes the nodes of one depth: those in `level`. */
static enum wt_status settle_level(struct builder *builder, uint32_t *distinct, uint32_t *base_max)
{
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; status == WT_OK && i < builder->level_count; i++) {
        status = settle_group(builder, builder->level[i], distinct);
        uint32_t base = builder->trie->nodes[builder->level[i].node].base;
        *base_max = base > *base_max ? base : *base_max;
    }
    return status;
}

/* Breadth first from both roots, because failure links lead to shallower nodes. */
static enum wt_status build_nodes(struct builder *builder)
{
    uint32_t *distinct = malloc(builder->trie->symbols.count * sizeof *distinct);
    enum wt_status status = distinct == NULL ? WT_MEMORY : reserve_nodes(builder, 2);
    uint32_t base_max = 0;
    if (status == WT_OK) {
        wt_places_take(&builder->places, WT_TRIE_WORD_ROOT);
        wt_places_take(&builder->places, WT_TRIE_SUFFIX_ROOT);
        builder->level[0] = (struct group){.node = WT_TRIE_WORD_ROOT, .count = builder->word_count};
        builder->level[1] = (struct group){.node = WT_TRIE_SUFFIX_ROOT,
                                           .first = builder->word_count,
                                           .count = builder->suffix_count};
        builder->level_count = 2;
    }
    while (status == WT_OK && builder->level_count > 0) {
        status = settle_level(builder, distinct, &base_max);
        struct group *settled = builder->level;
        builder->level = builder->next_level;
        builder->level_count = builder->next_level_count;
        builder->next_level = settled;
        builder->next_level_count = 0;
    }
    if (status == WT_OK) {
        status = reserve_nodes(builder, base_max + builder->trie->symbols.count);
    }
    free(distinct);
    return status;
}

/* Allocates everything of known size in one block. */
static enum wt_status reserve_scratch(struct builder *builder, const struct wt_trie_token *tokens)
{
    size_t count = builder->token_count;
    size_t symbols_max = 0;
    for (size_t i = 0; i < count; i++) {
        symbols_max += tokens[i].bytes + 2;
    }
    size_t group_bytes = (count + 2) * sizeof *builder->level;
    size_t order_bytes = (count + PREFETCH_TOKENS) * sizeof *builder->order;
    builder->scratch = wt_pages_alloc(2 * group_bytes + 2 * order_bytes +
                                      (symbols_max + 1) * sizeof *builder->symbols);
    if (builder->scratch == NULL) {
        return WT_MEMORY;
    }
    builder->level = builder->scratch;
    builder->next_level = builder->level + count + 2;
    builder->order = (uint64_t *)(builder->next_level + count + 2);
    builder->order_other = builder->order + count + PREFETCH_TOKENS;
    builder->symbols = (uint32_t *)(builder->order_other + count + PREFETCH_TOKENS);
    memset(builder->order + count, 0, PREFETCH_TOKENS * sizeof *builder->order);
    return WT_OK;
}

enum wt_status wt_trie_create(const struct wt_trie_token *tokens, uint32_t count,
                              uint32_t characters_max, struct wt_trie **trie_out)
{
    struct builder builder = {.trie = calloc(1, sizeof *builder.trie), .token_count = count};
    enum wt_status status = builder.trie == NULL ? WT_MEMORY : reserve_scratch(&builder, tokens);
    if (status == WT_OK) {
        status = spell_tokens(&builder, tokens, characters_max);
    }
    if (status == WT_OK) {
        status = build_nodes(&builder);
    }
    free(builder.scratch);
    wt_places_free(&builder.places);
    if (status != WT_OK) {
        wt_trie_destroy(builder.trie);
        return status;
    }
    *trie_out = builder.trie;
    return WT_OK;
}
