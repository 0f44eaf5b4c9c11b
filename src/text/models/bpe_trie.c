/* bpe_trie.c: puts the pieces that words can have into a double array. */
#include "base/utf8.h"
#include "text/models/bpe_internal.h"
#include "text/tables/levels.h"
#include "text/tables/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct wt_bpe *bpe;
    struct wt_levels levels;
    uint32_t leaf_count;
    uint32_t node_capacity;
};

/* --- symbols ---------------------------------------------------------------------------------- */

static bool is_leaf(const struct wt_bpe *bpe, const struct wt_piece *piece)
{
    return bpe->tokens[piece->id].bytes == piece->count;
}

/* Writes the code points of a piece; returns their number. */
static uint32_t decode(const struct wt_bpe *bpe, const struct wt_piece *piece, uint32_t *out)
{
    const uint8_t *text = (const uint8_t *)bpe->folded.bytes + piece->start;
    uint32_t count = 0;
    for (uint32_t place = 0; place < piece->count;) {
        uint32_t length = 1;
        out[count] = text[place];
        if (bpe->fold != WT_FOLD_BYTES) {
            length = wt_utf8_decode(text + place, piece->count - place, &out[count]);
            assert(length > 0);
        }
        count++;
        place += length;
    }
    return count;
}

static enum wt_status spell_leaves(struct builder *builder)
{
    struct wt_bpe *bpe = builder->bpe;
    uint32_t *symbols = builder->levels.symbols;
    uint32_t used = 0;
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (!is_leaf(bpe, piece)) {
            continue;
        }
        uint32_t count = decode(bpe, piece, symbols + used);
        bpe->leaves[piece->id].symbols = count;
        builder->levels.order[builder->leaf_count++] = used;
        symbols[used + count] = WT_LEVELS_END;
        symbols[used + count + 1] = piece->id;
        used += count + 2;
    }
    return wt_levels_spell(&builder->levels, used, &bpe->symbols);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum wt_status reserve_nodes(struct builder *builder, uint32_t count)
{
    struct wt_bpe *bpe = builder->bpe;
    if (count > builder->node_capacity) {
        /* The initial capacity fits usual vocabularies: two nodes for each piece and some more. */
        uint32_t capacity = count + count / 2 + builder->leaf_count / 4 * 9;
        struct wt_bpe_node *nodes = wt_pages_alloc((size_t)capacity * sizeof *nodes);
        if (nodes == NULL || !wt_places_reserve(&builder->levels.places, capacity)) {
            free(nodes);
            return WT_MEMORY;
        }
        if (bpe->node_count > 0) {
            memcpy(nodes, bpe->nodes, bpe->node_count * sizeof *nodes);
        }
        free(bpe->nodes);
        bpe->nodes = nodes;
        builder->node_capacity = capacity;
    }
    for (; bpe->node_count < count; bpe->node_count++) {
        bpe->nodes[bpe->node_count] =
            (struct wt_bpe_node){.parent = WT_BPE_NONE, .id = WT_BPE_NONE};
    }
    return WT_OK;
}

/* Completes one node: sets its piece and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct wt_group group)
{
    struct wt_bpe *bpe = builder->bpe;
    struct wt_levels *levels = &builder->levels;
    uint32_t ended = wt_levels_sort(levels, &group);
    if (ended > 0) {
        bpe->nodes[group.node].id = wt_levels_key(levels, group.first - 1);
    }
    if (group.count == 0) {
        return WT_OK;
    }
    uint32_t count = wt_levels_children(levels, &group);
    uint32_t base = wt_places_find(&levels->places, bpe->node_count, levels->distinct, count);
    if (base > UINT32_MAX - levels->symbol_count ||
        reserve_nodes(builder, base + levels->symbol_count) != WT_OK) {
        return WT_MEMORY;
    }
    bpe->nodes[group.node].base = base;
    for (uint32_t i = 0; i < count; i++) {
        bpe->nodes[base + levels->distinct[i]].parent = group.node;
    }
    wt_levels_descend(levels, &group, base, count);
    return WT_OK;
}

static enum wt_status build_nodes(struct builder *builder)
{
    struct wt_levels *levels = &builder->levels;
    enum wt_status status = reserve_nodes(builder, levels->symbol_count);
    if (status != WT_OK || builder->leaf_count == 0) {
        return status;
    }
    wt_places_take(&levels->places, 0);
    levels->level[0] = (struct wt_group){.count = builder->leaf_count};
    levels->level_count = 1;
    do {
        for (uint32_t i = 0; status == WT_OK && i < levels->level_count; i++) {
            status = settle_group(builder, levels->level[i]);
        }
    } while (status == WT_OK && wt_levels_next(levels));
    return status;
}

/* Notes for each piece the longest other one that it starts with: that of the nearest node above. */
static void note_shorter(struct wt_bpe *bpe)
{
    for (uint32_t node = 1; node < bpe->node_count; node++) {
        if (bpe->nodes[node].id == WT_BPE_NONE) {
            continue;
        }
        uint32_t above = bpe->nodes[node].parent;
        while (above != 0 && bpe->nodes[above].id == WT_BPE_NONE) {
            above = bpe->nodes[above].parent;
        }
        bpe->leaves[bpe->nodes[node].id].shorter = bpe->nodes[above].id;
    }
}

enum wt_status wt_bpe_build_trie(struct wt_bpe *bpe)
{
    struct builder builder = {.bpe = bpe};
    size_t symbols_max = 0;
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        symbols_max += (size_t)bpe->folded.items[i].count + 2;
    }
    bpe->leaves = calloc((size_t)bpe->base.pieces.id_count + 1, sizeof *bpe->leaves);
    enum wt_status status = wt_levels_create(&builder.levels, bpe->folded.count, symbols_max, 1);
    if (bpe->leaves == NULL) {
        status = WT_MEMORY;
    }
    if (status == WT_OK) {
        status = spell_leaves(&builder);
    }
    if (status == WT_OK) {
        status = build_nodes(&builder);
    }
    if (status == WT_OK) {
        note_shorter(bpe);
        for (uint32_t i = 0; i < WT_BPE_LOW_COUNT; i++) {
            bpe->low_symbols[i] = wt_symbol(&bpe->symbols, i);
        }
    }
    wt_levels_free(&builder.levels);
    return status;
}
