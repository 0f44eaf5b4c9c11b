/* bpe_pairs.c: puts the merges into a table in which each pair has a slot of its own. */
#include "base/pages.h"
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY UINT32_MAX
#define PAIRS_A_BUCKET 4u
#define BUCKET_PAIRS_MAX 63u /* more are not tried */
#define PILOTS_MAX UINT16_MAX
#define MIXES_MAX 16u

struct builder {
    struct wt_bpe_pairs *pairs;
    uint64_t *items; /* what goes into slots, bucket by bucket: left, right and what they become */
    uint32_t count;
    uint32_t *starts;  /* of each bucket's items, and the end */
    uint32_t *buckets; /* the largest ones first */
    uint32_t bucket_count;
    uint32_t slot_count;
};

enum wt_status wt_bpe_number_pieces(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                    uint32_t *numbers)
{
    struct wt_bpe_pairs *pairs = &bpe->pairs;
    size_t count = (size_t)bpe->symbols.count + bpe->merge_count;
    pairs->characters = bpe->symbols.count;
    pairs->ids = calloc(count, sizeof *pairs->ids);
    pairs->parts = wt_pages_alloc(count * sizeof *pairs->parts); /* zeroed */
    if (pairs->ids == NULL || pairs->parts == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < bpe->folded.count; i++) {
        const struct wt_piece *piece = &bpe->folded.items[i];
        const uint8_t *text = (const uint8_t *)bpe->folded.bytes + piece->start;
        if (wt_bpe_length(bpe, text) == piece->count) {
            numbers[piece->id] = wt_bpe_symbol(bpe, text, piece->count);
            pairs->ids[numbers[piece->id]] = piece->id;
        }
    }
    for (uint32_t i = 0; i < bpe->merge_count; i++) {
        uint32_t number = pairs->characters + i;
        numbers[merges[i].id] = number;
        pairs->ids[number] = merges[i].id;
        /* Parts come first: searchable. */
        pairs->parts[number] = (struct wt_bpe_part){.left = numbers[merges[i].left],
                                                    .right = numbers[merges[i].right]};
    }
    return WT_OK;
}

static uint64_t item_of(uint64_t left, uint64_t right, uint64_t number)
{
    return left << (2 * WT_BPE_NUMBER_BITS) | right << WT_BPE_NUMBER_BITS | number;
}

static uint32_t last_of(uint64_t item)
{
    return (uint32_t)item & WT_BPE_NUMBERS_MAX;
}

static uint64_t hash_of(const struct wt_bpe_pairs *pairs, uint64_t item)
{
    uint64_t key = wt_bpe_pairs_key((uint32_t)(item >> (2 * WT_BPE_NUMBER_BITS)),
                                    last_of(item >> WT_BPE_NUMBER_BITS));
    return wt_bpe_pairs_hash(pairs, key);
}

/* Sorts items into buckets; `items` are in any order. Merges of pieces that words do not have are left
 * out. */
static void fill_buckets(struct builder *builder, const struct wt_bpe *bpe,
                         const struct wt_bpe_merge *merges, const uint32_t *numbers)
{
    memset(builder->starts, 0, ((size_t)builder->bucket_count + 2) * sizeof *builder->starts);
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < bpe->merge_count; i++) {
            uint32_t left = numbers[merges[i].left];
            uint32_t right = numbers[merges[i].right];
            if (left == 0 || right == 0) {
                continue;
            }
            uint64_t key = wt_bpe_pairs_key(left, right);
            uint64_t bucket = wt_bpe_pairs_bucket(builder->pairs, key);
            if (pass == 0) {
                builder->starts[bucket + 2]++;
            } else {
                builder->items[builder->starts[bucket + 1]++] =
                    item_of(left, right, numbers[merges[i].id]);
            }
        }
        for (uint32_t i = 0; pass == 0 && i < builder->bucket_count; i++) {
            builder->starts[i + 2] += builder->starts[i + 1];
        }
    }
}

static uint32_t size_of(const struct builder *builder, uint32_t bucket)
{
    return builder->starts[bucket + 1] - builder->starts[bucket];
}

/* Lists the buckets by size. False: one is too large. */
static bool order_buckets(struct builder *builder)
{
    uint32_t places[BUCKET_PAIRS_MAX + 2] = {0}; /* of the next bucket of a size */
    for (uint32_t i = 0; i < builder->bucket_count; i++) {
        uint32_t size = size_of(builder, i);
        if (size > BUCKET_PAIRS_MAX) {
            return false;
        }
        places[size]++;
    }
    uint32_t place = 0;
    for (uint32_t size = BUCKET_PAIRS_MAX + 1; size-- > 0;) {
        uint32_t count = places[size];
        places[size] = place;
        place += count;
    }
    for (uint32_t i = 0; i < builder->bucket_count; i++) {
        builder->buckets[places[size_of(builder, i)]++] = i;
    }
    return true;
}

/* Puts the items of a bucket into free slots, if the pilot leads to as many. */
static bool place_bucket(struct builder *builder, uint32_t bucket, uint32_t pilot)
{
    struct wt_bpe_pairs *pairs = builder->pairs;
    uint32_t first = builder->starts[bucket];
    uint32_t end = builder->starts[bucket + 1];
    for (uint32_t i = first; i < end; i++) {
        uint64_t hash = hash_of(pairs, builder->items[i]);
        uint32_t *slot = &pairs->slots[wt_bpe_pairs_slot(pairs, hash, pilot)];
        if (*slot == EMPTY) {
            *slot = last_of(builder->items[i]) << WT_BPE_MARK_BITS | wt_bpe_pairs_mark(hash);
            continue;
        }
        while (i-- > first) {
            hash = hash_of(pairs, builder->items[i]);
            pairs->slots[wt_bpe_pairs_slot(pairs, hash, pilot)] = EMPTY;
        }
        return false;
    }
    pairs->pilots[bucket] = (uint16_t)pilot;
    return true;
}

/* Finds a pilot for each bucket. */
static bool place_all(struct builder *builder)
{
    uint32_t pilots = builder->slot_count < PILOTS_MAX ? builder->slot_count : PILOTS_MAX;
    memset(builder->pairs->slots, 0xFF, builder->slot_count * sizeof *builder->pairs->slots);
    for (uint32_t i = 0; i < builder->bucket_count; i++) {
        uint32_t pilot = 0;
        while (!place_bucket(builder, builder->buckets[i], pilot)) {
            if (++pilot >= pilots) {
                return false;
            }
        }
    }
    return true;
}

static uint32_t log2_from(uint32_t least)
{
    uint32_t bits = 1;
    while (1u << bits < least) {
        bits++;
    }
    return bits;
}

static bool make_room(struct builder *builder, const struct wt_bpe *bpe)
{
    struct wt_bpe_pairs *pairs = builder->pairs;
    uint32_t slot_bits = log2_from(bpe->merge_count + bpe->merge_count / 20);
    uint32_t bucket_bits = log2_from(bpe->merge_count / PAIRS_A_BUCKET);
    pairs->slot_shift = 64 - slot_bits;
    pairs->pilot_shift = 64 - bucket_bits;
    builder->slot_count = 1u << slot_bits;
    builder->bucket_count = 1u << bucket_bits;
    pairs->slots = wt_pages_alloc(builder->slot_count * sizeof *pairs->slots);
    pairs->pilots = calloc(builder->bucket_count, sizeof *pairs->pilots);
    builder->items = malloc(((size_t)bpe->merge_count + 1) * sizeof *builder->items);
    builder->starts = malloc(((size_t)builder->bucket_count + 2) * sizeof *builder->starts);
    builder->buckets = malloc(builder->bucket_count * sizeof *builder->buckets);
    return pairs->slots != NULL && pairs->pilots != NULL && builder->items != NULL &&
           builder->starts != NULL && builder->buckets != NULL;
}

enum wt_status wt_bpe_build_pairs(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                  const uint32_t *numbers)
{
    struct builder builder = {.pairs = &bpe->pairs};
    bool room = make_room(&builder, bpe);
    if (room) {
        fill_buckets(&builder, bpe, merges, numbers);
        bpe->searchable = order_buckets(&builder);
        bpe->pairs.mix = 0xC2B2AE3D27D4EB4Fu;
        for (uint32_t i = 1; bpe->searchable && !place_all(&builder); i++) {
            bpe->searchable = i < MIXES_MAX;
            bpe->pairs.mix += UINT64_C(0x1000000010) * i;
        }
    }
    free(builder.items);
    free(builder.starts);
    free(builder.buckets);
    return room ? WT_OK : WT_MEMORY;
}

void wt_bpe_pairs_free(struct wt_bpe_pairs *pairs)
{
    wt_pages_free(pairs->slots);
    free(pairs->pilots);
    wt_pages_free(pairs->parts);
    free(pairs->ids);
    *pairs = (struct wt_bpe_pairs){.slots = NULL};
}
