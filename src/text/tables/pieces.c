#include "text/tables/pieces.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_AT_FIRST 1024u

void wt_pieces_free(struct wt_pieces *pieces)
{
    free(pieces->bytes);
    free(pieces->items);
    free(pieces->slots);
    free(pieces->by_id);
    *pieces = (struct wt_pieces){.bytes = NULL};
}

static uint64_t hash_of(const char *text, size_t count)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ count;
    for (; count >= 8; text += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, text, count);
    hash = (hash ^ rest) * 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

/* The slot that has this text, or the empty one where it belongs. */
static uint32_t slot_of(const struct wt_pieces *pieces, const char *text, size_t count)
{
    uint32_t mask = pieces->slot_count - 1;
    uint32_t slot = (uint32_t)hash_of(text, count) & mask;
    while (pieces->slots[slot] != 0) {
        const struct wt_piece *piece = &pieces->items[pieces->slots[slot] - 1];
        if (piece->count == count && memcmp(pieces->bytes + piece->start, text, count) == 0) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* Doubles the hash table, which is kept less than half full. */
static bool grow_slots(struct wt_pieces *pieces)
{
    uint32_t slot_count = pieces->slot_count == 0 ? SLOTS_AT_FIRST : pieces->slot_count * 2;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(pieces->slots);
    pieces->slots = slots;
    pieces->slot_count = slot_count;
    for (uint32_t i = 0; i < pieces->count; i++) {
        const struct wt_piece *piece = &pieces->items[i];
        slots[slot_of(pieces, pieces->bytes + piece->start, piece->count)] = i + 1;
    }
    return true;
}

static bool grow_items(struct wt_pieces *pieces)
{
    uint32_t capacity = pieces->capacity * 2 + 1024;
    struct wt_piece *items = realloc(pieces->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    pieces->items = items;
    pieces->capacity = capacity;
    return true;
}

static bool grow_ids(struct wt_pieces *pieces, uint32_t id)
{
    uint32_t capacity = id + id / 2 + 1024;
    uint32_t *by_id = realloc(pieces->by_id, capacity * sizeof *by_id);
    if (by_id == NULL) {
        return false;
    }
    memset(by_id + pieces->id_capacity, 0, (capacity - pieces->id_capacity) * sizeof *by_id);
    pieces->by_id = by_id;
    pieces->id_capacity = capacity;
    return true;
}

static bool grow_bytes(struct wt_pieces *pieces, size_t more)
{
    size_t capacity = pieces->byte_capacity * 2 + more;
    char *bytes = capacity <= UINT32_MAX ? realloc(pieces->bytes, capacity) : NULL;
    if (bytes == NULL) {
        return false;
    }
    pieces->bytes = bytes;
    pieces->byte_capacity = capacity;
    return true;
}

static bool make_room(struct wt_pieces *pieces, size_t count, uint32_t id)
{
    return (pieces->count * 2 < pieces->slot_count || grow_slots(pieces)) &&
           (pieces->count < pieces->capacity || grow_items(pieces)) &&
           (id < pieces->id_capacity || grow_ids(pieces, id)) &&
           (pieces->byte_capacity - pieces->byte_count > count || grow_bytes(pieces, count + 1));
}

enum wt_status wt_pieces_add(struct wt_pieces *pieces, const char *text, size_t count, uint32_t id)
{
    assert(id < WT_PIECE_IDS_MAX);
    if (!make_room(pieces, count, id)) {
        return WT_MEMORY;
    }
    uint32_t slot = slot_of(pieces, text, count);
    if (pieces->slots[slot] == 0) {
        pieces->items[pieces->count] =
            (struct wt_piece){.start = (uint32_t)pieces->byte_count, .count = (uint32_t)count};
        memcpy(pieces->bytes + pieces->byte_count, text, count);
        pieces->bytes[pieces->byte_count + count] = '\0';
        pieces->byte_count += count + 1;
        pieces->slots[slot] = ++pieces->count;
    }
    uint32_t item = pieces->slots[slot];
    pieces->items[item - 1].id = id;
    pieces->by_id[id] = item;
    pieces->id_count = id >= pieces->id_count ? id + 1 : pieces->id_count;
    return WT_OK;
}

int32_t wt_pieces_find(const struct wt_pieces *pieces, const char *text, size_t count)
{
    if (pieces->count == 0) {
        return -1;
    }
    uint32_t item = pieces->slots[slot_of(pieces, text, count)];
    return item == 0 ? -1 : (int32_t)pieces->items[item - 1].id;
}

const struct wt_piece *wt_pieces_of_id(const struct wt_pieces *pieces, uint32_t id)
{
    if (id >= pieces->id_count || pieces->by_id[id] == 0) {
        return NULL;
    }
    return &pieces->items[pieces->by_id[id] - 1];
}

const char *wt_pieces_text(const struct wt_pieces *pieces, uint32_t id)
{
    const struct wt_piece *piece = wt_pieces_of_id(pieces, id);
    return piece != NULL ? pieces->bytes + piece->start : NULL;
}
