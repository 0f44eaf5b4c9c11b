/* bpe_create.c: the tables that follow from pieces and merges. */
#include "text/bpe.h"
#include "text/pages.h"
#include "text/places.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BAR[] = "\xE2\x96\x81"; /* U+2581 */
#define BAR_BYTES 3u

/* --- pieces as words write them --------------------------------------------------------------- */

/* The byte that a character of the byte-level alphabet stands for; -1: it is none. The alphabet is
 * that of GPT-2: printable bytes are themselves, the others are U+0100 and on, in order. */
static int32_t byte_of(uint32_t code_point)
{
    bool printable = (code_point >= 0x21 && code_point <= 0x7E) ||
                     (code_point >= 0xA1 && code_point <= 0xFF && code_point != 0xAD);
    if (printable) {
        return (int32_t)code_point;
    }
    if (code_point < 0x100 || code_point > 0x143) {
        return -1;
    }
    uint32_t other = code_point - 0x100;
    if (other < 0x21) {
        return (int32_t)other;
    }
    return other < 0x43 ? (int32_t)(other - 0x21 + 0x7F) : 0xAD;
}

/* Writes a piece as words have it. False: no word has it. */
static bool fold_piece(enum wt_fold fold, const char *text, size_t bytes, char *out,
                       size_t *count_out)
{
    size_t count = 0;
    for (size_t place = 0; place < bytes;) {
        uint8_t first = (uint8_t)text[place];
        if (fold == WT_FOLD_BYTES) {
            uint32_t code_point = first;
            size_t length = 1;
            if (first >= 0xC2 && first < 0xE0) {
                code_point = (first & 0x1Fu) << 6 | ((uint8_t)text[place + 1] & 0x3Fu);
                length = 2;
            } else if (first >= 0x80) {
                return false;
            }
            int32_t byte = byte_of(code_point);
            if (byte < 0) {
                return false;
            }
            out[count++] = (char)(uint8_t)byte;
            place += length;
        } else if (fold == WT_FOLD_SPACE && first == ' ') {
            return false;
        } else if (fold == WT_FOLD_SPACE && bytes - place >= BAR_BYTES &&
                   memcmp(text + place, BAR, BAR_BYTES) == 0) {
            out[count++] = ' ';
            place += BAR_BYTES;
        } else {
            out[count++] = text[place++];
        }
    }
    *count_out = count;
    return count > 0;
}

static bool fold_pieces(struct wt_bpe *bpe)
{
    const struct wt_pieces *pieces = &bpe->base.pieces;
    char *text = NULL;
    size_t capacity = 0;
    bool done = true;
    for (uint32_t i = 0; i < pieces->count && done; i++) {
        const struct wt_piece *piece = &pieces->items[i];
        if (piece->count > capacity) {
            capacity = piece->count * 2;
            char *larger = realloc(text, capacity);
            if (larger == NULL) {
                done = false;
                break;
            }
            text = larger;
        }
        size_t count = 0;
        if (text != NULL &&
            fold_piece(bpe->fold, pieces->bytes + piece->start, piece->count, text, &count)) {
            done = wt_pieces_add(&bpe->folded, text, count, piece->id) == WT_OK;
        }
    }
    free(text);
    return done;
}

/* The ids of bytes: of the alphabet's characters, or of "<0xNN>". */
static void find_bytes(struct wt_bpe *bpe)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[8] = {(char)(uint8_t)byte};
        if (bpe->fold == WT_FOLD_BYTES) {
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->folded, text, 1);
        } else {
            (void)snprintf(text, sizeof text, "<0x%02X>", byte);
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->base.pieces, text, strlen(text));
        }
    }
}

/* --- what pieces are made of ------------------------------------------------------------------- */

/* Merges by rank. */
static int compare_ranks(const void *a, const void *b)
{
    uint32_t left = ((const struct wt_bpe_merge *)a)->rank;
    uint32_t right = ((const struct wt_bpe_merge *)b)->rank;
    return (left > right) - (left < right);
}

/* The merges in the order of their ranks; NULL: out of memory. */
static struct wt_bpe_merge *sort_merges(const struct wt_bpe *bpe)
{
    struct wt_bpe_merge *merges = malloc((bpe->merge_count + 1) * sizeof *merges);
    uint32_t count = 0;
    for (uint32_t i = 0; merges != NULL && i < bpe->merge_slots; i++) {
        if (bpe->merges[i].rank != WT_BPE_NONE) {
            merges[count++] = bpe->merges[i];
        }
    }
    if (merges != NULL) {
        qsort(merges, count, sizeof *merges, compare_ranks);
    }
    return merges;
}

static bool is_character(const struct wt_bpe *bpe, const char *text, uint32_t bytes)
{
    uint8_t first = (uint8_t)text[0];
    uint32_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return bytes == (bpe->fold == WT_FOLD_BYTES ? 1 : length);
}

/* Notes which pieces are characters; the others are made by merges. */
static void note_characters(struct wt_bpe *bpe)
{
    for (uint32_t id = 0; id < bpe->base.pieces.id_count; id++) {
        bpe->tokens[id] = (struct wt_bpe_token){.rank = WT_BPE_NONE, .shorter = WT_BPE_NONE};
    }
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (is_character(bpe, bpe->folded.bytes + piece->start, piece->count)) {
            bpe->tokens[piece->id].rank = 0;
            bpe->tokens[piece->id].bytes = piece->count;
        }
    }
}

/* Notes what each piece is made of. False: the table is not searchable. */
static bool note_merges(struct wt_bpe *bpe, const struct wt_bpe_merge *merges)
{
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        const struct wt_bpe_merge *merge = &merges[i];
        struct wt_bpe_token *left = &bpe->tokens[merge->left];
        struct wt_bpe_token *right = &bpe->tokens[merge->right];
        struct wt_bpe_token *token = &bpe->tokens[merge->id];
        if (token->rank != WT_BPE_NONE || merge->rank >= WT_BPE_NONE - 2) {
            return false; /* made in two ways */
        }
        token->rank = merge->rank + 1;
        token->left = merge->left;
        token->right = merge->right;
        /* A part without bytes never arises, or is not there yet: then a later merge makes it, which
         * the next test finds when it comes to that one. */
        if (left->rank == WT_BPE_NONE || right->rank == WT_BPE_NONE) {
            continue;
        }
        if (left->bytes > 0 && right->bytes > 0 &&
            wt_bpe_stay_apart(bpe, merge->left, merge->right, token->rank)) {
            token->bytes = left->bytes + right->bytes;
        }
    }
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        const struct wt_bpe_token *token = &bpe->tokens[merges[i].id];
        const struct wt_bpe_token *left = &bpe->tokens[token->left];
        const struct wt_bpe_token *right = &bpe->tokens[token->right];
        if ((left->rank != WT_BPE_NONE && left->rank >= token->rank) ||
            (right->rank != WT_BPE_NONE && right->rank >= token->rank)) {
            return false;
        }
    }
    return true;
}

/* --- the double array -------------------------------------------------------------------------- */

struct leaf {
    const uint8_t *text;
    uint32_t bytes;
    uint32_t id;
};

/* Leaves with the same first `depth` bytes. */
struct group {
    uint32_t node;
    uint32_t first;
    uint32_t count;
    uint32_t depth;
};

struct builder {
    struct wt_bpe *bpe;
    struct leaf *leaves; /* sorted */
    uint32_t leaf_count;
    struct group *level;
    struct group *next_level;
    uint32_t node_capacity;
    struct wt_places places;
};

static int compare_leaves(const void *a, const void *b)
{
    const struct leaf *left = a;
    const struct leaf *right = b;
    uint32_t bytes = left->bytes < right->bytes ? left->bytes : right->bytes;
    int order = memcmp(left->text, right->text, bytes);
    return order != 0 ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

static bool reserve_nodes(struct builder *builder, uint32_t count)
{
    struct wt_bpe *bpe = builder->bpe;
    if (count > builder->node_capacity) {
        uint32_t capacity = count + count / 2 + builder->leaf_count * 3 + 1024;
        struct wt_bpe_node *nodes = wt_pages_alloc((size_t)capacity * sizeof *nodes);
        if (nodes == NULL || !wt_places_reserve(&builder->places, capacity)) {
            free(nodes);
            return false;
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
    return true;
}

/* Completes a node and appends the groups of its children to the next level. */
static bool settle_group(struct builder *builder, struct group group, uint32_t *next_count)
{
    struct wt_bpe *bpe = builder->bpe;
    const struct leaf *leaves = builder->leaves + group.first;
    uint32_t bytes[256];
    uint32_t starts[257];
    uint32_t count = 0;
    uint32_t i = 0;
    if (leaves[0].bytes == group.depth) {
        bpe->nodes[group.node].id = leaves[0].id;
        i = 1;
    }
    for (; i < group.count; i++) {
        if (count == 0 || bytes[count - 1] != leaves[i].text[group.depth]) {
            starts[count] = i;
            bytes[count++] = leaves[i].text[group.depth];
        }
    }
    if (count == 0) {
        return true;
    }
    starts[count] = group.count;
    uint32_t base = wt_places_find(&builder->places, bpe->node_count, bytes, count);
    if (!reserve_nodes(builder, base + 256)) {
        return false;
    }
    bpe->nodes[group.node].base = base;
    for (uint32_t child = 0; child < count; child++) {
        uint32_t node = base + bytes[child];
        bpe->nodes[node].parent = group.node;
        wt_places_take(&builder->places, node);
        builder->next_level[(*next_count)++] =
            (struct group){.node = node,
                           .first = group.first + starts[child],
                           .count = starts[child + 1] - starts[child],
                           .depth = group.depth + 1};
    }
    return true;
}

/* Breadth first: the nodes that most walks pass lie together. */
static bool build_nodes(struct builder *builder)
{
    uint32_t level_count = 1;
    bool done = reserve_nodes(builder, 256);
    if (done) {
        wt_places_take(&builder->places, 0);
        builder->level[0] = (struct group){.count = builder->leaf_count};
    }
    while (done && level_count > 0) {
        uint32_t next_count = 0;
        for (uint32_t i = 0; i < level_count && done; i++) {
            done = settle_group(builder, builder->level[i], &next_count);
        }
        struct group *settled = builder->level;
        builder->level = builder->next_level;
        builder->next_level = settled;
        level_count = next_count;
    }
    return done;
}

/* Notes for each piece the longest other one that it starts with. */
static void note_shorter(struct builder *builder)
{
    struct wt_bpe *bpe = builder->bpe;
    for (uint32_t i = 0; i < builder->leaf_count; i++) {
        const struct leaf *leaf = &builder->leaves[i];
        uint32_t node = 0;
        for (uint32_t place = 0; place + 1 < leaf->bytes; place++) {
            node = bpe->nodes[node].base + leaf->text[place];
            if (bpe->nodes[node].id != WT_BPE_NONE) {
                bpe->tokens[leaf->id].shorter = bpe->nodes[node].id;
            }
        }
    }
}

static enum wt_status build_trie(struct wt_bpe *bpe)
{
    struct builder builder = {.bpe = bpe};
    uint32_t count = bpe->folded.count;
    builder.leaves = malloc((count + 1) * sizeof *builder.leaves);
    builder.level = malloc((count + 1) * sizeof *builder.level);
    builder.next_level = malloc((count + 1) * sizeof *builder.next_level);
    bool done = builder.leaves != NULL && builder.level != NULL && builder.next_level != NULL;
    for (uint32_t i = 0; done && i < count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (bpe->tokens[piece->id].bytes == piece->count) {
            builder.leaves[builder.leaf_count++] =
                (struct leaf){.text = (const uint8_t *)bpe->folded.bytes + piece->start,
                              .bytes = piece->count,
                              .id = piece->id};
        }
    }
    if (done && builder.leaf_count > 0) {
        qsort(builder.leaves, builder.leaf_count, sizeof *builder.leaves, compare_leaves);
        done = build_nodes(&builder);
    } else if (done) {
        done = reserve_nodes(&builder, 256);
    }
    if (done) {
        note_shorter(&builder);
    }
    free(builder.leaves);
    free(builder.level);
    free(builder.next_level);
    wt_places_free(&builder.places);
    return done ? WT_OK : WT_MEMORY;
}

/* Notes what pieces are made of and whether the table can be searched. */
static enum wt_status build_search(struct wt_bpe *bpe)
{
    struct wt_bpe_merge *merges = sort_merges(bpe);
    bpe->tokens = malloc((bpe->base.pieces.id_count + 1) * sizeof *bpe->tokens);
    if (merges == NULL || bpe->tokens == NULL) {
        free(merges);
        return WT_MEMORY;
    }
    note_characters(bpe);
    bpe->searchable = note_merges(bpe, merges);
    free(merges);
    return bpe->searchable ? build_trie(bpe) : WT_OK;
}

/* --- the words that are one piece ---------------------------------------------------------------- */

#define ENTRY_BITS_MIN 16u
#define ENTRY_BITS_FEW 10u /* for vocabularies of tests */
#define FEW_PIECES 512u
#define ENTRY_BITS_MAX 18u

/* Puts a piece into the cache that all tokenizers start with, if there is room. */
static void seed(struct wt_bpe *bpe, const struct wt_piece *piece)
{
    struct wt_bpe_entry entry = {.ids = {(int32_t)piece->id}, .meta = piece->count << 8 | 1u};
    if (piece->count > WT_BPE_KEY_BYTES) {
        return;
    }
    memcpy(entry.key, bpe->folded.bytes + piece->start, piece->count);
    uint32_t place = wt_bpe_entry_of(bpe->entry_bits, entry.key);
    for (uint32_t i = place; i < place + 2; i++) {
        if (bpe->entries[i].meta == 0) {
            bpe->entries[i] = entry;
            return;
        }
    }
}

static enum wt_status build_entries(struct wt_bpe *bpe)
{
    bpe->entry_bits = bpe->folded.count < FEW_PIECES ? ENTRY_BITS_FEW : ENTRY_BITS_MIN;
    while (bpe->entry_bits < ENTRY_BITS_MAX && bpe->folded.count > 1u << bpe->entry_bits) {
        bpe->entry_bits++;
    }
    size_t bytes = ((size_t)1 << bpe->entry_bits) * sizeof *bpe->entries;
    bpe->entries = wt_pages_alloc(bytes);
    if (bpe->entries == NULL) {
        return WT_MEMORY;
    }
    memset(bpe->entries, 0, bytes);
    /* Pieces are in the order of the file, frequent ones first. */
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        if (bpe->ignore_merges ||
            (bpe->searchable && bpe->tokens[piece->id].bytes == piece->count)) {
            seed(bpe, piece);
        }
    }
    return WT_OK;
}

/* --- merges -------------------------------------------------------------------------------------- */

#define FILTER_BITS_MIN 10u
#define FILTER_BITS_MAX 21u

/* Most pairs that are looked up have no merge. A filter of about 16 bits a merge knows that of
 * nearly all of them, and fits a nearer cache than the merges. */
static bool build_filter(struct wt_bpe *bpe)
{
    uint32_t bits = FILTER_BITS_MIN;
    while (bits < FILTER_BITS_MAX && 1u << bits < bpe->merge_count * 16) {
        bits++;
    }
    uint64_t *filter = calloc((1u << bits) / 64, sizeof *filter);
    if (filter == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < bpe->merge_slots; i++) {
        const struct wt_bpe_merge *merge = &bpe->merges[i];
        if (merge->rank != WT_BPE_NONE) {
            uint64_t bit = wt_bpe_pair_hash(merge->left, merge->right) >> (64 - bits);
            filter[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
    bpe->merge_filter = filter;
    bpe->filter_shift = 64 - bits;
    return true;
}

/* Notes whether unknown characters divide a word: they are written, and in no merge. False: out of
 * memory. */
static bool note_unknown(struct wt_bpe *bpe)
{
    uint8_t *unknown = calloc(bpe->base.pieces.id_count, 1);
    if (unknown == NULL) {
        return false;
    }
    bpe->unknown_apart = bpe->base.unknown_id >= 0;
    if (bpe->base.unknown_id >= 0) {
        unknown[bpe->base.unknown_id] = 1;
    }
    for (uint32_t byte = 0; byte < 256 && bpe->byte_fallback; byte++) {
        if (bpe->byte_ids[byte] >= 0) {
            unknown[bpe->byte_ids[byte]] = 1;
        }
    }
    for (uint32_t i = 0; i < bpe->merge_slots; i++) {
        const struct wt_bpe_merge *merge = &bpe->merges[i];
        if (merge->rank != WT_BPE_NONE && (unknown[merge->left] || unknown[merge->right])) {
            bpe->unknown_apart = false;
        }
    }
    free(unknown);
    return true;
}

enum wt_status wt_bpe_complete(struct wt_bpe *bpe)
{
    if (!fold_pieces(bpe) || !build_filter(bpe)) {
        return WT_MEMORY;
    }
    find_bytes(bpe);
    if (!note_unknown(bpe)) {
        return WT_MEMORY;
    }
    enum wt_status status = build_search(bpe);
    return status == WT_OK ? build_entries(bpe) : status;
}
