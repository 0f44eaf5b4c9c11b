#include "cli/replay/compare_matrix.h"

#include "base/alloc.h"

#include <stdlib.h>

/* A category of either model, by its name. */
struct category {
    uint32_t a; /* ids; WT_AGREEMENT_NONE for a label that the model does not have, and for none */
    uint32_t b;
    uint32_t place;
    bool by_a; /* some article got it from the model */
    bool by_b;
    uint64_t changed;
};

static int by_changes(const void *left, const void *right)
{
    const struct category *one = left;
    const struct category *other = right;
    if (one->changed != other->changed) {
        return one->changed > other->changed ? -1 : 1;
    }
    return (one->place > other->place) - (one->place < other->place);
}

static int by_place(const void *left, const void *right)
{
    const struct category *one = left;
    const struct category *other = right;
    return (one->place > other->place) - (one->place < other->place);
}

/* The index of a category among `count` labels and, behind them, none. */
static uint32_t index_of(const uint32_t *places, uint32_t label, uint32_t count)
{
    return label == WT_AGREEMENT_NONE ? count : places[label];
}

/* All categories in the order of their places, with how many articles changed from and to them. */
static struct category *list_categories(struct wt_agreement *agreement, uint32_t *count_out)
{
    uint32_t label_count = wt_agreement_label_count(agreement);
    uint32_t pair_count = wt_agreement_pair_count(agreement);
    size_t room = (size_t)label_count + 1;
    struct wt_agreement_label *labels = wt_alloc(room * sizeof *labels);
    struct category *categories = wt_alloc_zeroed(room, sizeof *categories);
    uint32_t *places_a = wt_alloc(room * sizeof *places_a);
    uint32_t *places_b = wt_alloc(room * sizeof *places_b);
    struct wt_agreement_pair *pairs = wt_alloc((pair_count + (size_t)1) * sizeof *pairs);
    wt_agreement_labels(agreement, labels);
    for (uint32_t i = 0; i < label_count; i++) {
        categories[i] = (struct category){.a = labels[i].a, .b = labels[i].b, .place = i};
        if (labels[i].a != WT_AGREEMENT_NONE) {
            places_a[labels[i].a] = i;
        }
        if (labels[i].b != WT_AGREEMENT_NONE) {
            places_b[labels[i].b] = i;
        }
    }
    categories[label_count] =
        (struct category){.a = WT_AGREEMENT_NONE, .b = WT_AGREEMENT_NONE, .place = label_count};
    pair_count = wt_agreement_pairs(agreement, false, pair_count, pairs);
    for (uint32_t i = 0; i < pair_count; i++) {
        struct category *a = &categories[index_of(places_a, pairs[i].a, label_count)];
        struct category *b = &categories[index_of(places_b, pairs[i].b, label_count)];
        a->by_a = true;
        b->by_b = true;
        a->changed += a != b ? pairs[i].articles : 0;
        b->changed += a != b ? pairs[i].articles : 0;
    }
    free(labels);
    free(places_a);
    free(places_b);
    free(pairs);
    *count_out = label_count + 1;
    return categories;
}

void wt_compare_matrix_make(struct wt_agreement *agreement, struct wt_compare_matrix *matrix_out)
{
    uint32_t count;
    uint32_t used = 0;
    struct wt_compare_matrix matrix = {0};
    struct category *categories = list_categories(agreement, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (categories[i].by_a || categories[i].by_b) {
            categories[used++] = categories[i];
        }
    }
    matrix.cut = used > WT_COMPARE_MATRIX_MAX;
    if (matrix.cut) {
        qsort(categories, used, sizeof *categories, by_changes);
        used = WT_COMPARE_MATRIX_MAX;
        qsort(categories, used, sizeof *categories, by_place);
    }
    matrix.rows = wt_alloc((used + (size_t)1) * sizeof *matrix.rows);
    matrix.columns = wt_alloc((used + (size_t)1) * sizeof *matrix.columns);
    for (uint32_t i = 0; i < used; i++) {
        if (categories[i].by_a) {
            matrix.rows[matrix.row_count++] = categories[i].a;
        }
        if (categories[i].by_b) {
            matrix.columns[matrix.column_count++] = categories[i].b;
        }
    }
    free(categories);
    size_t cells = (size_t)matrix.row_count * matrix.column_count;
    matrix.cells = wt_alloc((cells + 1) * sizeof *matrix.cells);
    for (size_t i = 0; i < cells; i++) {
        uint32_t a = matrix.rows[i / matrix.column_count];
        uint32_t b = matrix.columns[i % matrix.column_count];
        matrix.cells[i] = wt_agreement_pair(agreement, a, b);
        if (!wt_agreement_same_category(agreement, a, b) && matrix.cells[i] > matrix.largest) {
            matrix.largest = matrix.cells[i];
        }
    }
    *matrix_out = matrix;
}

void wt_compare_matrix_free(struct wt_compare_matrix *matrix)
{
    free(matrix->rows);
    free(matrix->columns);
    free(matrix->cells);
}

static int by_label_changes(const void *left, const void *right)
{
    const struct wt_agreement_label *one = left;
    const struct wt_agreement_label *other = right;
    uint64_t changed = one->only_a + one->only_b;
    uint64_t other_changed = other->only_a + other->only_b;
    if (changed != other_changed) {
        return changed > other_changed ? -1 : 1;
    }
    if (one->both != other->both) {
        return one->both > other->both ? -1 : 1;
    }
    return one->a != other->a ? (one->a > other->a) - (one->a < other->a)
                              : (one->b > other->b) - (one->b < other->b);
}

struct wt_agreement_label *wt_compare_labels_sorted(struct wt_agreement *agreement,
                                                    uint32_t *count_out)
{
    uint32_t count = wt_agreement_label_count(agreement);
    uint32_t used = 0;
    struct wt_agreement_label *labels = wt_alloc((count + (size_t)1) * sizeof *labels);
    wt_agreement_labels(agreement, labels);
    for (uint32_t i = 0; i < count; i++) {
        if (labels[i].both + labels[i].only_a + labels[i].only_b > 0) {
            labels[used++] = labels[i];
        }
    }
    qsort(labels, used, sizeof *labels, by_label_changes);
    *count_out = used;
    return labels;
}
