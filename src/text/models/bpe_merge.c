/* bpe_merge.c: merges one word, in the order that the definition says. Linear but for the heap of
 * long words. It takes every table of merges and every text. */
#include "text/models/bpe_internal.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A longer word has a heap of its pairs; in a shorter one the lowest is looked for. */
#define SHORT_WORD 32u

struct heap_entry {
    uint32_t rank;
    uint32_t place;
    uint32_t id;
};

/* A word while it is merged. */
struct word {
    uint32_t *symbols;
    uint32_t count;
};

void wt_bpe_room_free(struct wt_bpe_room *room)
{
    free(room->items);
    *room = (struct wt_bpe_room){.items = NULL};
}

/* Room for `count` symbols. */
static bool make_room(struct wt_bpe_room *room, size_t count)
{
    if (count <= room->capacity) {
        return true;
    }
    size_t capacity = count * 2 + 256;
    /* Symbols, their neighbours, and three values for each of up to 2 * count entries. */
    uint32_t *items = realloc(room->items, capacity * 9 * sizeof *items);
    if (items == NULL) {
        return false;
    }
    room->items = items;
    room->capacity = capacity;
    return true;
}

/* --- the first symbols ----------------------------------------------------------------------- */

/* Unknown characters that are not written yet. */
struct unknown {
    bool pending;
};

static void write_unknown(const struct wt_bpe *bpe, struct word *word, struct unknown *unknown)
{
    if (unknown->pending) {
        word->symbols[word->count++] = (uint32_t)bpe->base.unknown_id;
        unknown->pending = false;
    }
}

/* The bytes of a character that no piece has. False: there is no piece for one of them. */
static bool write_bytes(const struct wt_bpe *bpe, struct word *word, const uint8_t *text,
                        uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (bpe->byte_ids[text[i]] < 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < bytes; i++) {
        word->symbols[word->count++] = (uint32_t)bpe->byte_ids[text[i]];
    }
    return true;
}

static void write_symbols(const struct wt_bpe *bpe, struct word *word, const uint8_t *text,
                          uint32_t bytes)
{
    struct unknown unknown = {.pending = false};
    for (uint32_t place = 0; place < bytes;) {
        uint32_t length = 1;
        int32_t id;
        if (bpe->fold == WT_FOLD_BYTES) {
            id = bpe->byte_ids[text[place]];
        } else {
            uint32_t code_point;
            length = wt_utf8_decode(text + place, bytes - place, &code_point);
            assert(length > 0);
            id = wt_pieces_find(&bpe->folded, (const char *)text + place, length);
        }
        if (id >= 0) {
            write_unknown(bpe, word, &unknown);
            word->symbols[word->count++] = (uint32_t)id;
        } else if (!(bpe->byte_fallback && write_bytes(bpe, word, text + place, length)) &&
                   bpe->base.unknown_id >= 0) {
            /* As in Hugging Face, bytes that are written do not end a run of unknown characters. */
            if (!bpe->fuse_unknown) {
                write_unknown(bpe, word, &unknown);
            }
            unknown.pending = true;
        }
        place += length;
    }
    write_unknown(bpe, word, &unknown);
}

/* --- short words ----------------------------------------------------------------------------- */

static uint32_t rank_of(const struct wt_bpe *bpe, uint32_t left, uint32_t right, uint32_t *id_out)
{
    const struct wt_bpe_merge *merge = wt_bpe_find_merge(bpe, left, right);
    if (merge == NULL) {
        return WT_BPE_NONE;
    }
    *id_out = merge->id;
    return merge->rank;
}

static void merge_short(const struct wt_bpe *bpe, struct word *word)
{
    uint32_t ranks[SHORT_WORD]; /* of each symbol and the next */
    uint32_t merged[SHORT_WORD];
    uint32_t *symbols = word->symbols;
    for (uint32_t i = 0; i + 1 < word->count; i++) {
        ranks[i] = rank_of(bpe, symbols[i], symbols[i + 1], &merged[i]);
    }
    while (word->count > 1) {
        uint32_t best = 0;
        for (uint32_t i = 1; i + 1 < word->count; i++) {
            best = ranks[i] < ranks[best] ? i : best;
        }
        if (ranks[best] == WT_BPE_NONE) {
            return;
        }
        symbols[best] = merged[best];
        word->count--;
        uint32_t behind = word->count - best - 1;
        memmove(symbols + best + 1, symbols + best + 2, behind * sizeof *symbols);
        if (behind > 0) {
            memmove(ranks + best + 1, ranks + best + 2, (behind - 1) * sizeof *ranks);
            memmove(merged + best + 1, merged + best + 2, (behind - 1) * sizeof *merged);
            ranks[best] = rank_of(bpe, symbols[best], symbols[best + 1], &merged[best]);
        }
        if (best > 0) {
            ranks[best - 1] = rank_of(bpe, symbols[best - 1], symbols[best], &merged[best - 1]);
        }
    }
}

/* --- long words ------------------------------------------------------------------------------ */

/* Pairs, the lowest rank and then the leftmost first. */
struct heap {
    struct heap_entry *entries;
    uint32_t count;
};

static bool is_before(struct heap_entry a, struct heap_entry b)
{
    return a.rank < b.rank || (a.rank == b.rank && a.place < b.place);
}

static void push(struct heap *heap, struct heap_entry entry)
{
    uint32_t at = heap->count++;
    while (at > 0 && is_before(entry, heap->entries[(at - 1) / 2])) {
        heap->entries[at] = heap->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->entries[at] = entry;
}

static struct heap_entry pop(struct heap *heap)
{
    struct heap_entry top = heap->entries[0];
    struct heap_entry last = heap->entries[--heap->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && is_before(heap->entries[child + 1], heap->entries[child])) {
            child++;
        }
        if (!is_before(heap->entries[child], last)) {
            break;
        }
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = last;
    return top;
}

static void push_pair(const struct wt_bpe *bpe, struct heap *heap, const uint32_t *symbols,
                      uint32_t place, uint32_t next)
{
    const struct wt_bpe_merge *merge = wt_bpe_find_merge(bpe, symbols[place], symbols[next]);
    if (merge != NULL) {
        push(heap, (struct heap_entry){.rank = merge->rank, .place = place, .id = merge->id});
    }
}

/* A merge makes two new pairs at most and takes a symbol away, so that the heap never has more than
 * two entries for each first symbol. */
static void merge_long(const struct wt_bpe *bpe, const struct wt_bpe_room *room, struct word *word)
{
    uint32_t *symbols = word->symbols;
    uint32_t *next = room->items + room->capacity;
    uint32_t *previous = room->items + 2 * room->capacity;
    struct heap heap = {.entries = (struct heap_entry *)(room->items + 3 * room->capacity)};
    uint32_t count = word->count;
    for (uint32_t i = 0; i < count; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
    }
    for (uint32_t i = 0; i + 1 < count; i++) {
        push_pair(bpe, &heap, symbols, i, i + 1);
    }
    while (heap.count > 0) {
        struct heap_entry top = pop(&heap);
        uint32_t place = top.place;
        uint32_t right = next[place];
        if (symbols[place] == WT_BPE_NONE || right >= count) {
            continue;
        }
        const struct wt_bpe_merge *merge = wt_bpe_find_merge(bpe, symbols[place], symbols[right]);
        if (merge == NULL || merge->id != top.id) {
            continue; /* one of the two has been merged since */
        }
        symbols[place] = top.id;
        symbols[right] = WT_BPE_NONE;
        next[place] = next[right];
        if (next[place] < count) {
            previous[next[place]] = place;
            push_pair(bpe, &heap, symbols, place, next[place]);
        }
        if (place > 0) {
            push_pair(bpe, &heap, symbols, previous[place], place);
        }
    }
    word->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (symbols[i] != WT_BPE_NONE) {
            symbols[word->count++] = symbols[i];
        }
    }
}

enum wt_status wt_bpe_merge_word(const struct wt_bpe *bpe, struct wt_bpe_room *room,
                                 const uint8_t *word, uint32_t bytes, struct wt_ids *ids)
{
    if (!make_room(room, bytes)) {
        return WT_MEMORY;
    }
    struct word symbols = {.symbols = room->items};
    write_symbols(bpe, &symbols, word, bytes);
    if (symbols.count <= SHORT_WORD) {
        merge_short(bpe, &symbols);
    } else {
        merge_long(bpe, room, &symbols);
    }
    if (!wt_ids_reserve(ids, symbols.count)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < symbols.count; i++) {
        ids->ids[ids->count++] = (int32_t)symbols.symbols[i];
    }
    return WT_OK;
}
