/* bpe_rows.c: puts the merges into a double array by their left pieces. */
#include "base/pages.h"
#include "text/models/bpe_internal.h"
#include "text/tables/places.h"

#include <assert.h>
#include <stdlib.h>

#define EMPTY UINT64_MAX

/* Rows are placed by size, the largest first; from so many pairs on they count as equal. */
#define SIZES 4096u

struct builder {
    struct wt_bpe_rows *rows;
    uint32_t number_count;
    uint64_t *items;  /* right << 32 | what the two become, row by row */
    uint64_t *spare;  /* for sorting */
    uint32_t *starts; /* of the row of each left piece in `items`, and the end */
    uint32_t *order;  /* the left pieces by the size of their rows */
    uint32_t *rights; /* of one row */
    struct wt_places places;
    uint32_t end; /* from where on all places are free */
};

static bool make_room(struct builder *builder, uint32_t merge_count)
{
    size_t numbers = builder->number_count;
    builder->items = malloc(((size_t)merge_count + 1) * sizeof *builder->items);
    builder->spare = malloc(((size_t)merge_count + 1) * sizeof *builder->spare);
    builder->rights = malloc(((size_t)merge_count + 1) * sizeof *builder->rights);
    builder->starts = calloc(numbers + 2, sizeof *builder->starts);
    builder->order = malloc(numbers * sizeof *builder->order);
    builder->rows->bases = calloc(numbers, sizeof *builder->rows->bases);
    return builder->items != NULL && builder->spare != NULL && builder->rights != NULL &&
           builder->starts != NULL && builder->order != NULL && builder->rows->bases != NULL;
}

static uint32_t size_of(const struct builder *builder, uint32_t left)
{
    return builder->starts[left + 1] - builder->starts[left];
}

/* Sorts the merges into rows, and each row by its right pieces. Merges of pieces that words do not
 * have are left out. */
static void fill_items(struct builder *builder, const struct wt_bpe_merge *merges, uint32_t count,
                       const uint32_t *numbers)
{
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t left = numbers[merges[i].left];
            uint32_t right = numbers[merges[i].right];
            if (left == 0 || right == 0) {
                continue;
            }
            if (pass == 0) {
                builder->starts[left + 2]++;
            } else {
                builder->items[builder->starts[left + 1]++] =
                    (uint64_t)right << 32 | numbers[merges[i].id];
            }
        }
        for (uint32_t i = 0; pass == 0 && i < builder->number_count; i++) {
            builder->starts[i + 2] += builder->starts[i + 1];
        }
    }
    for (uint32_t left = 1; left < builder->number_count; left++) {
        wt_places_sort(builder->items + builder->starts[left], builder->spare,
                       size_of(builder, left), builder->number_count);
    }
}

static void order_rows(struct builder *builder)
{
    uint32_t places[SIZES + 1] = {0};
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t left = 0; left < builder->number_count; left++) {
            uint32_t size = size_of(builder, left);
            uint32_t kind = size < SIZES ? SIZES - 1 - size : 0;
            if (pass == 0) {
                places[kind + 1]++;
            } else {
                builder->order[places[kind]++] = left;
            }
        }
        for (uint32_t kind = 0; pass == 0 && kind < SIZES; kind++) {
            places[kind + 1] += places[kind];
        }
    }
}

/* Finds the row's base. WT_MEMORY. */
static enum wt_status place_row(struct builder *builder, uint32_t left)
{
    const uint64_t *items = builder->items + builder->starts[left];
    uint32_t size = size_of(builder, left);
    for (uint32_t i = 0; i < size; i++) {
        builder->rights[i] = (uint32_t)(items[i] >> 32);
    }
    uint32_t base = wt_places_find(&builder->places, builder->end, builder->rights, size);
    uint32_t end = base + builder->rights[size - 1] + 1;
    builder->end = builder->end > end ? builder->end : end;
    if (!wt_places_reserve(&builder->places, builder->end + builder->end / 2)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < size; i++) {
        wt_places_take(&builder->places, base + builder->rights[i]);
    }
    builder->rows->bases[left] = base;
    return WT_OK;
}

/* Writes the slots. Any base and any number together are a slot. */
static enum wt_status fill_slots(const struct builder *builder)
{
    struct wt_bpe_rows *rows = builder->rows;
    size_t count = (size_t)builder->end + builder->number_count;
    if (count > WT_BPE_ROWS_MAX) {
        return WT_OK;
    }
    rows->slots = wt_pages_alloc(count * sizeof *rows->slots);
    if (rows->slots == NULL) {
        return WT_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        rows->slots[i] = EMPTY;
    }
    for (uint32_t left = 1; left < builder->number_count; left++) {
        for (uint32_t i = builder->starts[left]; i < builder->starts[left + 1]; i++) {
            uint32_t number = (uint32_t)builder->items[i];
            rows->slots[rows->bases[left] + (builder->items[i] >> 32)] =
                (uint64_t)left << WT_BPE_ROW_LEFT | (uint64_t)number << WT_BPE_ROW_NUMBER |
                rows->bases[number];
        }
    }
    return WT_OK;
}

enum wt_status wt_bpe_build_rows(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                 const uint32_t *numbers)
{
    struct builder builder = {.rows = &bpe->rows,
                              .number_count = bpe->symbols.count + bpe->merge_count};
    enum wt_status status = make_room(&builder, bpe->merge_count) ? WT_OK : WT_MEMORY;
    if (status == WT_OK) {
        fill_items(&builder, merges, bpe->merge_count, numbers);
        order_rows(&builder);
    }
    for (uint32_t i = 0; status == WT_OK && i < builder.number_count; i++) {
        if (size_of(&builder, builder.order[i]) == 0) {
            break;
        }
        status = place_row(&builder, builder.order[i]);
    }
    if (status == WT_OK) {
        status = fill_slots(&builder);
    }
    free(builder.items);
    free(builder.spare);
    free(builder.rights);
    free(builder.starts);
    free(builder.order);
    wt_places_free(&builder.places);
    return status;
}

void wt_bpe_rows_free(struct wt_bpe_rows *rows)
{
    wt_pages_free(rows->slots);
    free(rows->bases);
    *rows = (struct wt_bpe_rows){.slots = NULL};
}
