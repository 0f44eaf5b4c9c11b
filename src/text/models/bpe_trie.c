/* bpe_trie.c: puts the pieces that words can have into a double array. */
#include "base/pages.h"
#include "base/utf8.h"
#include "text/models/bpe_internal.h"
#include "text/tables/levels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A node while its neighbours are not there yet. */
struct node {
    uint32_t base;
    uint32_t parent; /* WT_BPE_NONE: unused, or the root */
    uint32_t id;     /* WT_BPE_NONE: none */
};

struct builder {
    struct wt_bpe *bpe;
    const uint32_t *numbers; /* of pieces, by id */
    uint32_t *lengths;       /* the same in symbols */
    struct wt_levels levels;
    uint32_t leaf_count;
    struct node *nodes;
    uint32_t node_count;
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

/* Notes which frequent symbols are side by side in a piece. `symbols` has those of one piece after
 * another, each followed by 0 and the piece's number. */
static void note_neighbours(struct wt_bpe *bpe, const uint32_t *symbols, uint32_t used)
{
    for (uint32_t i = 0; i < used; i += 2) {
        for (; symbols[i + 1] != 0; i++) {
            uint32_t left = symbols[i];
            uint32_t right = symbols[i + 1];
            if ((left | right) < WT_BPE_BESIDE_COUNT) {
                bpe->beside[left][right / 64] |= UINT64_C(1) << right % 64;
            }
        }
        i++;
    }
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
        builder->lengths[piece->id] = count;
        builder->levels.order[builder->leaf_count++] = used;
        symbols[used + count] = WT_LEVELS_END;
        symbols[used + count + 1] = piece->id;
        used += count + 2;
    }
    enum wt_status status = wt_levels_spell(&builder->levels, used, &bpe->symbols);
    if (status == WT_OK) {
        note_neighbours(bpe, symbols, used);
    }
    return status;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum wt_status reserve_nodes(struct builder *builder, uint32_t count)
{
    if (count > builder->node_capacity) {
        /* The initial capacity fits usual vocabularies: two nodes for each piece and some more. */
        uint32_t capacity = count + count / 2 + builder->leaf_count / 4 * 9;
        struct node *nodes = wt_pages_alloc((size_t)capacity * sizeof *nodes);
        if (nodes == NULL || !wt_places_reserve(&builder->levels.places, capacity)) {
            wt_pages_free(nodes);
            return WT_MEMORY;
        }
        if (builder->node_count > 0) {
            memcpy(nodes, builder->nodes, builder->node_count * sizeof *nodes);
        }
        wt_pages_free(builder->nodes);
        builder->nodes = nodes;
        builder->node_capacity = capacity;
    }
    for (; builder->node_count < count; builder->node_count++) {
        builder->nodes[builder->node_count] =
            (struct node){.parent = WT_BPE_NONE, .id = WT_BPE_NONE};
    }
    return WT_OK;
}

/* Completes one node: sets its piece and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct wt_group group)
{
    struct wt_levels *levels = &builder->levels;
    uint32_t ended = wt_levels_sort(levels, &group);
    if (ended > 0) {
        builder->nodes[group.node].id = wt_levels_key(levels, group.first - 1);
    }
    if (group.count == 0) {
        return WT_OK;
    }
    uint32_t count = wt_levels_children(levels, &group);
    uint32_t base = wt_places_find(&levels->places, builder->node_count, levels->distinct, count);
    if (base > UINT32_MAX - levels->symbol_count ||
        reserve_nodes(builder, base + levels->symbol_count) != WT_OK) {
        return WT_MEMORY;
    }
    builder->nodes[group.node].base = base;
    for (uint32_t i = 0; i < count; i++) {
        builder->nodes[base + levels->distinct[i]].parent = group.node;
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

/* Notes for each piece its length and the longest other one that it starts with: that of the nearest
 * node above. */
static void note_leaves(struct builder *builder)
{
    struct wt_bpe *bpe = builder->bpe;
    for (uint32_t node = 1; node < builder->node_count; node++) {
        uint32_t id = builder->nodes[node].id;
        if (id == WT_BPE_NONE) {
            continue;
        }
        uint32_t above = builder->nodes[node].parent;
        while (above != 0 && builder->nodes[above].id == WT_BPE_NONE) {
            above = builder->nodes[above].parent;
        }
        uint32_t shorter = builder->nodes[above].id;
        struct wt_bpe_part *part = &bpe->pairs.parts[builder->numbers[id]];
        part->shorter = shorter == WT_BPE_NONE ? WT_BPE_NO_ID : builder->numbers[shorter];
        part->symbols = builder->lengths[id];
    }
}

/* Writes the nodes as walks read them, if they can say what they must. */
static enum wt_status pack_nodes(const struct builder *builder)
{
    struct wt_bpe *bpe = builder->bpe;
    bpe->searchable = builder->node_count < WT_BPE_NO_PARENT &&
                      bpe->base.pieces.id_count <= WT_BPE_NO_ID &&
                      bpe->symbols.count + bpe->merge_count < WT_BPE_NUMBERS_MAX;
    bpe->nodes = wt_pages_alloc(builder->node_count * sizeof *bpe->nodes);
    if (bpe->nodes == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < builder->node_count && bpe->searchable; i++) {
        const struct node *node = &builder->nodes[i];
        uint64_t parent = node->parent == WT_BPE_NONE ? WT_BPE_NO_PARENT : node->parent;
        uint64_t number = node->id == WT_BPE_NONE ? WT_BPE_NO_ID : builder->numbers[node->id];
        bpe->nodes[i] = parent << (WT_BPE_NODE_BITS + WT_BPE_ID_BITS) |
                        (uint64_t)node->base << WT_BPE_ID_BITS | number;
    }
    return WT_OK;
}

/* Spells the pieces and numbers them. */
static enum wt_status spell(struct builder *builder, const struct wt_bpe_merge *merges,
                            uint32_t *numbers)
{
    struct wt_bpe *bpe = builder->bpe;
    enum wt_status status = spell_leaves(builder);
    if (status != WT_OK) {
        return status;
    }
    for (uint32_t i = 0; i < WT_BPE_LOW_COUNT; i++) {
        bpe->low_symbols[i] = wt_symbol(&bpe->symbols, i);
    }
    return wt_bpe_number_pieces(bpe, merges, numbers);
}

enum wt_status wt_bpe_build_trie(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                 uint32_t *numbers)
{
    struct builder builder = {.bpe = bpe, .numbers = numbers};
    size_t symbols_max = 0;
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        symbols_max += (size_t)bpe->folded.items[i].count + 2;
    }
    builder.lengths = calloc((size_t)bpe->base.pieces.id_count + 1, sizeof *builder.lengths);
    enum wt_status status = wt_levels_create(&builder.levels, bpe->folded.count, symbols_max, 1);
    if (builder.lengths == NULL) {
        status = WT_MEMORY;
    }
    if (status == WT_OK) {
        status = spell(&builder, merges, numbers);
    }
    if (status == WT_OK) {
        status = build_nodes(&builder);
    }
    if (status == WT_OK) {
        note_leaves(&builder);
        status = pack_nodes(&builder);
    }
    wt_levels_free(&builder.levels);
    free(builder.lengths);
    wt_pages_free(builder.nodes);
    return status;
}
