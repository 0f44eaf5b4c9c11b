#include "text/models/unigram.h"

#include "base/pages.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t lower_one_eighth[] = {0xE2, 0x96, 0x81}; /* U+2581, the blank of pieces */

void wt_unigram_destroy(struct wt_unigram *unigram)
{
    if (unigram == NULL) {
        return;
    }
    wt_pages_free(unigram->nodes);
    wt_pages_free(unigram->ids);
    free(unigram->starts);
    wt_symbols_free(&unigram->symbols);
    free(unigram);
}

enum wt_status wt_unigram_room_reserve(struct wt_unigram_room *room, size_t bytes)
{
    if (bytes < room->capacity) {
        return WT_OK;
    }
    size_t capacity = bytes + bytes / 2 + 64;
    wt_unigram_room_free(room);
    room->symbols = malloc(capacity * sizeof *room->symbols);
    room->best = malloc(capacity * sizeof *room->best);
    room->reversed = malloc(3 * capacity * sizeof *room->reversed);
    if (room->symbols == NULL || room->best == NULL || room->reversed == NULL) {
        wt_unigram_room_free(room);
        return WT_MEMORY;
    }
    room->capacity = capacity;
    return WT_OK;
}

void wt_unigram_room_free(struct wt_unigram_room *room)
{
    free(room->symbols);
    free(room->best);
    free(room->reversed);
    *room = (struct wt_unigram_room){.capacity = 0};
}

/* Writes the symbols of the word's characters; returns how many. */
static inline uint32_t read_symbols(const struct wt_unigram *unigram, const uint8_t *word,
                                    size_t bytes, uint32_t *symbols)
{
    uint32_t count = 0;
    for (size_t place = 0; place < bytes;) {
        uint32_t code_point = word[place];
        if (code_point < 0x80u) {
            symbols[count++] = unigram->low_symbols[code_point];
            place++;
        } else if (code_point < 0xE0u && place + 1 < bytes) {
            code_point = (code_point & 0x1Fu) << 6 | (word[place + 1] & 0x3Fu);
            symbols[count++] = unigram->low_symbols[code_point];
            place += 2;
        } else {
            uint32_t length = wt_utf8_decode(word + place, bytes - place, &code_point);
            symbols[count++] = wt_symbol(&unigram->symbols, code_point);
            place += length > 0 ? length : 1;
        }
    }
    return count;
}

static inline void offer(struct wt_unigram_best *best, double score, uint32_t node, uint32_t start)
{
    if (score > best->score) {
        *best = (struct wt_unigram_best){.score = score, .node = node, .start = start};
    }
}

/* Fills best[1] to best[count]. */
static inline void find_best(const struct wt_unigram *unigram, const uint32_t *symbols,
                             uint32_t count, struct wt_unigram_best *best)
{
    const struct wt_unigram_node *nodes = unigram->nodes;
    best[0].score = 0;
    for (uint32_t i = 1; i <= count; i++) {
        best[i].score = -INFINITY;
    }
    for (uint32_t start = 0; start < count; start++) {
        const struct wt_unigram_start *first = &unigram->starts[symbols[start]];
        double here = best[start].score;
        uint32_t node = first->node;
        uint32_t base = first->base;
        offer(&best[start + 1], first->score + here, node, start);
        for (uint32_t end = start + 1; end < count; end++) {
            const struct wt_unigram_node *child = &nodes[base + symbols[end]];
            if (child->parent != node) {
                break;
            }
            node = base + symbols[end];
            base = child->base;
            offer(&best[end + 1], child->score + here, node, start);
        }
    }
}

/* The id of the piece with these symbols; WT_UNIGRAM_NOTHING if there is none. */
static uint32_t find_piece(const struct wt_unigram *unigram, const uint32_t *symbols,
                           uint32_t count)
{
    uint32_t node = unigram->starts[symbols[0]].node;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t child = unigram->nodes[node].base + symbols[i];
        if (unigram->nodes[child].parent != node) {
            return WT_UNIGRAM_NOTHING;
        }
        node = child;
    }
    return isinf(unigram->nodes[node].score) ? WT_UNIGRAM_NOTHING : node;
}

/* Writes the ids of the bytes of an unknown text to `reversed`, the last one first; returns how many. If
 * one of them has no id, writes the unknown id for the whole text. */
static size_t fall_back(const struct wt_unigram *unigram, const uint8_t *text, size_t bytes,
                        uint32_t *reversed)
{
    size_t count = 0;
    bool complete = true;
    for (size_t i = bytes; i > 0 && complete; i--) {
        bool blank = text[i - 1] == ' ' && unigram->folds_space;
        const uint8_t *part = blank ? lower_one_eighth : text + i - 1;
        for (size_t left = blank ? sizeof lower_one_eighth : 1; left > 0; left--) {
            uint32_t id = unigram->byte_ids[part[left - 1]];
            complete = complete && id != WT_UNIGRAM_NO_BYTE;
            reversed[count++] = id;
        }
    }
    if (!complete) {
        reversed[0] = unigram->unknown_id;
        return 1;
    }
    return count;
}

/* Where a walk back through the characters of the word is. */
struct cursor {
    uint32_t character;
    size_t byte;
};

static void move_back(struct cursor *cursor, const uint8_t *word, uint32_t character)
{
    while (cursor->character > character && cursor->byte > 0) {
        cursor->byte--;
        cursor->character -= (word[cursor->byte] & 0xC0u) != 0x80u;
    }
}

/* Writes the ids of the unknown characters [start, end) to `reversed`, the last one first; returns how
 * many. The cursor is at `end` or behind it. */
static size_t name_unknown(const struct wt_unigram *unigram, const uint32_t *symbols,
                           uint32_t start, uint32_t end, const uint8_t *word, struct cursor *cursor,
                           uint32_t *reversed)
{
    uint32_t node = find_piece(unigram, symbols + start, end - start);
    if (node != WT_UNIGRAM_NOTHING || !unigram->byte_fallback) {
        reversed[0] = node != WT_UNIGRAM_NOTHING ? unigram->ids[node] : unigram->unknown_id;
        return 1;
    }
    move_back(cursor, word, end);
    size_t last = cursor->byte;
    move_back(cursor, word, start);
    return fall_back(unigram, word + cursor->byte, last - cursor->byte, reversed);
}

size_t wt_unigram_cut(const struct wt_unigram *unigram, struct wt_unigram_room *room,
                      const uint8_t *word, size_t bytes, int32_t *ids_out)
{
    uint32_t *symbols = room->symbols;
    uint32_t *reversed = room->reversed;
    struct wt_unigram_best *best = room->best;
    uint32_t end = read_symbols(unigram, word, bytes, symbols);
    struct cursor cursor = {.character = end, .byte = bytes};
    find_best(unigram, symbols, end, best);
    size_t count = 0;
    while (end > 0) {
        uint32_t start = best[end].start;
        uint32_t id = unigram->ids[best[end].node];
        if (id != unigram->unknown_id) {
            reversed[count++] = id;
        } else {
            while (start > 0 && unigram->ids[best[start].node] == unigram->unknown_id) {
                start = best[start].start;
            }
            count += name_unknown(unigram, symbols, start, end, word, &cursor, reversed + count);
        }
        end = start;
    }
    for (size_t i = 0; i < count; i++) {
        ids_out[i] = (int32_t)reversed[count - 1 - i];
    }
    return count;
}
