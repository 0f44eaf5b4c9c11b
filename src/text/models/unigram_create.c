#include "text/models/unigram.h"

#include "base/pages.h"
#include "base/utf8.h"
#include "text/tables/levels.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0
#define SPACE 0x20u
#define LOWER_ONE_EIGHTH 0x2581u /* the blank of pieces */

struct builder {
    struct wt_unigram *unigram;
    const struct wt_unigram_piece *pieces;
    uint32_t piece_count;
    struct wt_levels levels;
    uint32_t spelled_count; /* pieces in levels.order */
    uint32_t node_capacity;
};

/* --- symbols ---------------------------------------------------------------------------------- */

/* Appends the code points of a piece to `symbols`; returns the new number of values, or `used` if
 * no word can have this piece. */
static uint32_t decode_piece(const struct wt_unigram *unigram, uint32_t *symbols, uint32_t used,
                             const struct wt_unigram_piece *piece)
{
    const uint8_t *text = (const uint8_t *)piece->text;
    uint32_t end = used;
    for (uint32_t place = 0; place < piece->bytes;) {
        uint32_t length = wt_utf8_decode(text + place, piece->bytes - place, &symbols[end]);
        assert(length > 0);
        if (unigram->folds_space && symbols[end] == SPACE) {
            return used;
        }
        end++;
        place += length;
    }
    return end;
}

static enum wt_status spell_pieces(struct builder *builder)
{
    uint32_t *symbols = builder->levels.symbols;
    uint32_t used = 0;
    for (uint32_t i = 0; i < builder->piece_count; i++) {
        uint32_t end = decode_piece(builder->unigram, symbols, used, &builder->pieces[i]);
        if (end == used) {
            continue;
        }
        symbols[end] = WT_LEVELS_END;
        symbols[end + 1] = i;
        builder->levels.order[builder->spelled_count++] = used;
        used = end + 2;
    }
    return wt_levels_spell(&builder->levels, used, &builder->unigram->symbols);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static enum wt_status reserve_nodes(struct builder *builder, uint32_t count)
{
    struct wt_unigram *unigram = builder->unigram;
    if (count > builder->node_capacity) {
        /* The initial capacity fits usual vocabularies: two nodes for each piece and some more. */
        uint32_t capacity = count + count / 2 + builder->piece_count / 4 * 9;
        struct wt_unigram_node *nodes = wt_pages_alloc((size_t)capacity * sizeof *nodes);
        uint32_t *ids = wt_pages_alloc((size_t)capacity * sizeof *ids);
        if (nodes == NULL || ids == NULL || !wt_places_reserve(&builder->levels.places, capacity)) {
            wt_pages_free(nodes);
            wt_pages_free(ids);
            return WT_MEMORY;
        }
        if (unigram->node_count > 0) {
            memcpy(nodes, unigram->nodes, unigram->node_count * sizeof *nodes);
            memcpy(ids, unigram->ids, unigram->node_count * sizeof *ids);
        }
        wt_pages_free(unigram->nodes);
        wt_pages_free(unigram->ids);
        unigram->nodes = nodes;
        unigram->ids = ids;
        builder->node_capacity = capacity;
    }
    for (; unigram->node_count < count; unigram->node_count++) {
        unigram->nodes[unigram->node_count] =
            (struct wt_unigram_node){.base = 0, .parent = WT_UNIGRAM_UNUSED, .score = -INFINITY};
        unigram->ids[unigram->node_count] = unigram->unknown_id;
    }
    return WT_OK;
}

/* Completes one node: sets its piece and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct wt_group group)
{
    struct wt_unigram *unigram = builder->unigram;
    struct wt_levels *levels = &builder->levels;
    uint32_t ended = wt_levels_sort(levels, &group);
    if (ended > 0) {
        uint32_t last = wt_levels_key(levels, group.first - 1);
        unigram->ids[group.node] = last;
        unigram->nodes[group.node].score = builder->pieces[last].score;
    }
    if (group.count == 0) {
        return WT_OK;
    }
    uint32_t count = wt_levels_children(levels, &group);
    uint32_t base = wt_places_find(&levels->places, unigram->node_count, levels->distinct, count);
    enum wt_status status = reserve_nodes(builder, base + levels->distinct[count - 1] + 1);
    if (status != WT_OK) {
        return status;
    }
    unigram->nodes[group.node].base = base;
    for (uint32_t i = 0; i < count; i++) {
        unigram->nodes[base + levels->distinct[i]].parent = group.node;
    }
    wt_levels_descend(levels, &group, base, count);
    return WT_OK;
}

static enum wt_status build_nodes(struct builder *builder)
{
    struct wt_unigram *unigram = builder->unigram;
    struct wt_levels *levels = &builder->levels;
    enum wt_status status = reserve_nodes(builder, 2);
    uint32_t base_max = 0;
    if (status != WT_OK) {
        return status;
    }
    wt_places_take(&levels->places, WT_UNIGRAM_ROOT);
    wt_places_take(&levels->places, WT_UNIGRAM_NOTHING);
    levels->level[0] = (struct wt_group){.node = WT_UNIGRAM_ROOT, .count = builder->spelled_count};
    levels->level_count = builder->spelled_count > 0;
    do {
        for (uint32_t i = 0; status == WT_OK && i < levels->level_count; i++) {
            status = settle_group(builder, levels->level[i]);
            uint32_t base = unigram->nodes[levels->level[i].node].base;
            base_max = base > base_max ? base : base_max;
        }
    } while (status == WT_OK && wt_levels_next(levels));
    return status == WT_OK ? reserve_nodes(builder, base_max + levels->symbol_count) : status;
}

static enum wt_status reserve_levels(struct builder *builder)
{
    size_t symbols_max = 0;
    for (size_t i = 0; i < builder->piece_count; i++) {
        symbols_max += (size_t)builder->pieces[i].bytes + 2;
    }
    return wt_levels_create(&builder->levels, builder->piece_count, symbols_max, 1);
}

/* --- the model -------------------------------------------------------------------------------- */

/* Fills the tables by symbol, and that of the symbols of low code points. */
static enum wt_status fill_starts(struct wt_unigram *unigram, double unknown_score)
{
    uint32_t count = unigram->symbols.count;
    unigram->starts = malloc(count * sizeof *unigram->starts);
    if (unigram->starts == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t symbol = 0; symbol < count; symbol++) {
        uint32_t node = unigram->nodes[WT_UNIGRAM_ROOT].base + symbol;
        bool has_node = symbol > 0 && unigram->nodes[node].parent == WT_UNIGRAM_ROOT;
        const struct wt_unigram_node *found = &unigram->nodes[has_node ? node : WT_UNIGRAM_NOTHING];
        unigram->starts[symbol] =
            (struct wt_unigram_start){.score = isinf(found->score) ? unknown_score : found->score,
                                      .base = found->base,
                                      .node = has_node ? node : WT_UNIGRAM_NOTHING};
    }
    return WT_OK;
}

static void fill_low_symbols(struct wt_unigram *unigram)
{
    if (unigram->folds_space) {
        /* No piece has a blank, so its page may have no other symbol, or be that of no page. */
        unigram->low_symbols[SPACE] = wt_symbol(&unigram->symbols, LOWER_ONE_EIGHTH);
    }
    for (uint32_t i = 0; i < WT_UNIGRAM_LOW_COUNT; i++) {
        if (i != SPACE || !unigram->folds_space) {
            unigram->low_symbols[i] = wt_symbol(&unigram->symbols, i);
        }
    }
}

/* The ids of the bytes: of pieces with the same text the last one. */
static void find_bytes(struct builder *builder)
{
    static const char digits[16] = {'0', '1', '2', '3', '4', '5', '6', '7',
                                    '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
    uint32_t *byte_ids = builder->unigram->byte_ids;
    for (uint32_t byte = 0; byte < 256; byte++) {
        byte_ids[byte] = WT_UNIGRAM_NO_BYTE;
    }
    for (uint32_t i = 0; i < builder->piece_count; i++) {
        const struct wt_unigram_piece *piece = &builder->pieces[i];
        if (piece->bytes != 6 || memcmp(piece->text, "<0x", 3) != 0 || piece->text[5] != '>') {
            continue;
        }
        const char *high = memchr(digits, piece->text[3], sizeof digits);
        const char *low = memchr(digits, piece->text[4], sizeof digits);
        if (high != NULL && low != NULL) {
            byte_ids[(size_t)(high - digits) << 4 | (size_t)(low - digits)] = i;
        }
    }
}

static double lowest_score(const struct wt_unigram_piece *pieces, uint32_t count)
{
    double lowest = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        lowest = pieces[i].score < lowest ? pieces[i].score : lowest;
    }
    return lowest;
}

enum wt_status wt_unigram_create(const struct wt_unigram_piece *pieces, uint32_t count,
                                 const struct wt_unigram_options *options,
                                 struct wt_unigram **unigram_out)
{
    assert(options->unknown_id < count);
    struct builder builder = {
        .unigram = calloc(1, sizeof *builder.unigram), .pieces = pieces, .piece_count = count};
    struct wt_unigram *unigram = builder.unigram;
    if (unigram == NULL) {
        return WT_MEMORY;
    }
    unigram->unknown_id = options->unknown_id;
    unigram->folds_space = options->folds_space;
    unigram->byte_fallback = options->byte_fallback;
    enum wt_status status = reserve_levels(&builder);
    if (status == WT_OK) {
        status = spell_pieces(&builder);
    }
    if (status == WT_OK) {
        status = build_nodes(&builder);
    }
    if (status == WT_OK) {
        status = fill_starts(unigram, lowest_score(pieces, count) - UNKNOWN_PENALTY);
    }
    if (status == WT_OK) {
        fill_low_symbols(unigram);
        if (options->byte_fallback) {
            find_bytes(&builder);
        }
    }
    wt_levels_free(&builder.levels);
    if (status != WT_OK) {
        wt_unigram_destroy(unigram);
        return status;
    }
    *unigram_out = unigram;
    return WT_OK;
}
