#include "compare/agreement_labels.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* A label of A, to be found by its name. */
struct named {
    const char *name;
    uint32_t id;
};

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct named *)left)->name, ((const struct named *)right)->name);
}

struct wt_agreement_places wt_agreement_places(const struct wt_agreement_names *a,
                                               const struct wt_agreement_names *b)
{
    struct wt_agreement_places places = {
        .count = a->count, .count_a = a->count, .count_b = b->count};
    struct named *sorted = wt_alloc((a->count + (size_t)1) * sizeof *sorted);
    places.places = wt_alloc(((size_t)a->count + b->count + 1) * sizeof *places.places);
    places.of_b = wt_alloc((b->count + (size_t)1) * sizeof *places.of_b);
    for (uint32_t i = 0; i < a->count; i++) {
        sorted[i] = (struct named){a->names[i], i};
        places.places[i] =
            (struct wt_agreement_place){wt_strdup(a->names[i]), i, WT_AGREEMENT_NONE};
    }
    qsort(sorted, a->count, sizeof *sorted, compare_names);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct named wanted = {b->names[i], 0};
        const struct named *same =
            bsearch(&wanted, sorted, a->count, sizeof *sorted, compare_names);
        if (same == NULL) {
            places.places[places.count] =
                (struct wt_agreement_place){wt_strdup(b->names[i]), WT_AGREEMENT_NONE, i};
        }
        places.of_b[i] = same != NULL ? same->id : places.count++;
        places.places[places.of_b[i]].b = i;
    }
    free(sorted);
    return places;
}

void wt_agreement_places_free(struct wt_agreement_places *places)
{
    for (uint32_t i = 0; i < places->count; i++) {
        free(places->places[i].name);
    }
    free(places->places);
    free(places->of_b);
}
