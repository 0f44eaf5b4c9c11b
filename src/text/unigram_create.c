#include "text/unigram.h"

#include "base/utf8.h"
#include "text/pages.h"
#include "text/places.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0
#define SPACE 0x20u
#define LOWER_ONE_EIGHTH 0x2581u /* the blank of pieces */
#define CODE_POINTS 0x110000u

/* Pieces are read ahead by so many: sorted ones are scattered in memory. */
#define PREFETCH_PIECES 16u

/* The pieces of one node during the build. They have the same symbols up to `depth`. */
struct group {
    uint32_t node;
    uint32_t first; /* in builder.order */
    uint32_t count;
    uint32_t depth;
};

struct builder {
    struct wt_unigram *unigram;
    const struct wt_unigram_piece *pieces;
    uint32_t piece_count;
    void *scratch;         /* one allocation for the next five arrays: */
    uint32_t *symbols;     /* of one piece after another, each followed by 0 and the piece's id */
    uint64_t *order;       /* symbol << 32 | its index: the pieces, group by group */
    uint64_t *order_other; /* second array for the sort */
    struct group *level;   /* the nodes of one depth, at most piece_count: they share no piece */
    uint32_t level_count;
    struct group *next_level; /* their children */
    uint32_t next_level_count;
    uint32_t spelled_count; /* pieces in `order` */
    uint32_t node_capacity;
    struct wt_places places;
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

/* Turns every piece into symbols, in two passes: first code points and their counts, then
 * symbols. */
static enum wt_status spell_pieces(struct builder *builder)
{
    struct wt_symbols *numbers = &builder->unigram->symbols;
    uint32_t *symbols = builder->symbols;
    uint32_t *counts = calloc(CODE_POINTS, sizeof *counts);
    if (counts == NULL) {
        return WT_MEMORY;
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < builder->piece_count; i++) {
        uint32_t end = decode_piece(builder->unigram, symbols, used, &builder->pieces[i]);
        if (end == used) {
            continue;
        }
        for (uint32_t c = used; c < end; c++) {
            counts[symbols[c]]++;
            numbers->page_index[symbols[c] >> WT_SYMBOL_PAGE_BITS] = 1;
        }
        symbols[end] = UINT32_MAX;
        symbols[end + 1] = i;
        builder->order[builder->spelled_count++] = used;
        used = end + 2;
    }
    enum wt_status status = wt_symbols_number(numbers, counts);
    for (uint32_t c = 0; status == WT_OK && c < used; c++) {
        if (symbols[c] == UINT32_MAX) {
            symbols[c++] = 0;
        } else {
            symbols[c] = wt_symbol(numbers, symbols[c]);
        }
    }
    free(counts);
    return status;
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
        if (nodes == NULL || ids == NULL || !wt_places_reserve(&builder->places, capacity)) {
            free(nodes);
            free(ids);
            return WT_MEMORY;
        }
        if (unigram->node_count > 0) {
            memcpy(nodes, unigram->nodes, unigram->node_count * sizeof *nodes);
            memcpy(ids, unigram->ids, unigram->node_count * sizeof *ids);
        }
        free(unigram->nodes);
        free(unigram->ids);
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
        wt_places_find(&builder->places, builder->unigram->node_count, distinct, distinct_count);
    enum wt_status status = reserve_nodes(builder, base + distinct[distinct_count - 1] + 1);
    builder->unigram->nodes[group->node].base = base;
    uint32_t start = 0;
    for (uint32_t i = 0; i < distinct_count && status == WT_OK; i++) {
        uint32_t end = start;
        while (end < group->count && items[end] >> 32 == distinct[i]) {
            end++;
        }
        uint32_t child = base + distinct[i];
        builder->unigram->nodes[child].parent = group->node;
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

/* Completes one node: sets its piece and adds its children. */
static enum wt_status settle_group(struct builder *builder, struct group group, uint32_t *distinct)
{
    struct wt_unigram *unigram = builder->unigram;
    uint64_t *items = builder->order + group.first;
    uint32_t ended = 0; /* pieces that end here */
    uint32_t last = 0;  /* the last of them */
    for (uint32_t i = 0; i < group.count; i++) {
        __builtin_prefetch(&builder->symbols[(uint32_t)items[i + PREFETCH_PIECES] + 1]);
        uint32_t place = (uint32_t)items[i] + (group.depth > 0);
        uint32_t symbol = builder->symbols[place];
        items[i] = (uint64_t)symbol << 32 | place;
        if (symbol == 0) {
            uint32_t id = builder->symbols[place + 1];
            last = ended == 0 || id > last ? id : last;
            ended++;
        }
    }
    wt_places_sort(items, builder->order_other + group.first, group.count, unigram->symbols.count);
    if (ended > 0) {
        unigram->ids[group.node] = last;
        unigram->nodes[group.node].score = builder->pieces[last].score;
    }
    group.first += ended;
    group.count -= ended;
    return group.count > 0 ? add_children(builder, &group, distinct) : WT_OK;
}

/* Breadth first: the nodes that most walks pass lie together. */
static enum wt_status build_nodes(struct builder *builder)
{
    struct wt_unigram *unigram = builder->unigram;
    uint32_t *distinct = malloc(unigram->symbols.count * sizeof *distinct);
    enum wt_status status = distinct == NULL ? WT_MEMORY : reserve_nodes(builder, 2);
    uint32_t base_max = 0;
    if (status == WT_OK) {
        wt_places_take(&builder->places, WT_UNIGRAM_ROOT);
        wt_places_take(&builder->places, WT_UNIGRAM_NOTHING);
        builder->level[0] =
            (struct group){.node = WT_UNIGRAM_ROOT, .count = builder->spelled_count};
        builder->level_count = builder->spelled_count > 0;
    }
    while (status == WT_OK && builder->level_count > 0) {
        builder->next_level_count = 0;
        for (uint32_t i = 0; status == WT_OK && i < builder->level_count; i++) {
            status = settle_group(builder, builder->level[i], distinct);
            uint32_t base = unigram->nodes[builder->level[i].node].base;
            base_max = base > base_max ? base : base_max;
        }
        struct group *settled = builder->level;
        builder->level = builder->next_level;
        builder->level_count = builder->next_level_count;
        builder->next_level = settled;
    }
    if (status == WT_OK) {
        status = reserve_nodes(builder, base_max + unigram->symbols.count);
    }
    free(distinct);
    return status;
}

/* Allocates everything of known size in one block. */
static enum wt_status reserve_scratch(struct builder *builder)
{
    size_t count = builder->piece_count;
    size_t symbols_max = 0;
    for (size_t i = 0; i < count; i++) {
        symbols_max += (size_t)builder->pieces[i].bytes + 2;
    }
    size_t group_bytes = (count + 1) * sizeof *builder->level;
    size_t order_bytes = (count + PREFETCH_PIECES) * sizeof *builder->order;
    builder->scratch = wt_pages_alloc(2 * group_bytes + 2 * order_bytes +
                                      (symbols_max + 1) * sizeof *builder->symbols);
    if (builder->scratch == NULL || symbols_max >= UINT32_MAX) {
        return WT_MEMORY;
    }
    builder->level = builder->scratch;
    builder->next_level = builder->level + count + 1;
    builder->order = (uint64_t *)(builder->next_level + count + 1);
    builder->order_other = builder->order + count + PREFETCH_PIECES;
    builder->symbols = (uint32_t *)(builder->order_other + count + PREFETCH_PIECES);
    memset(builder->order + count, 0, PREFETCH_PIECES * sizeof *builder->order);
    return WT_OK;
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
    static const char digits[] = "0123456789ABCDEF";
    uint32_t *byte_ids = builder->unigram->byte_ids;
    for (uint32_t byte = 0; byte < 256; byte++) {
        byte_ids[byte] = WT_UNIGRAM_NO_BYTE;
    }
    for (uint32_t i = 0; i < builder->piece_count; i++) {
        const struct wt_unigram_piece *piece = &builder->pieces[i];
        if (piece->bytes != 6 || memcmp(piece->text, "<0x", 3) != 0 || piece->text[5] != '>') {
            continue;
        }
        const char *high = memchr(digits, piece->text[3], 16);
        const char *low = memchr(digits, piece->text[4], 16);
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
    enum wt_status status = reserve_scratch(&builder);
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
    free(builder.scratch);
    wt_places_free(&builder.places);
    if (status != WT_OK) {
        wt_unigram_destroy(unigram);
        return status;
    }
    *unigram_out = unigram;
    return WT_OK;
}
