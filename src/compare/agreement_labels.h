/* agreement_labels.h: the labels of two models, each name once.
 *
 * A label of both has one place. Places of A's labels are their ids; behind them come those that only B
 * has, in B's order. Thread: any; nothing changes after creation. */
#ifndef WIRETAG_COMPARE_AGREEMENT_LABELS_H
#define WIRETAG_COMPARE_AGREEMENT_LABELS_H

#include <stdint.h>

/* Instead of a label: the model gave none, since no score reaches its threshold. */
#define WT_AGREEMENT_NONE UINT32_MAX

/* The labels of a model, in id order; each name once. */
struct wt_agreement_names {
    const char *const *names;
    uint32_t count;
};

/* A label of A, of B or of both. */
struct wt_agreement_place {
    char *name;
    uint32_t a; /* ids; WT_AGREEMENT_NONE: the model does not have it */
    uint32_t b;
};

struct wt_agreement_places {
    struct wt_agreement_place *places;
    uint32_t count;
    uint32_t count_a;
    uint32_t count_b;
    uint32_t *of_b; /* the place of each label of B */
};

/* Copies the names. */
struct wt_agreement_places wt_agreement_places(const struct wt_agreement_names *a,
                                               const struct wt_agreement_names *b);
void wt_agreement_places_free(struct wt_agreement_places *places);

#endif
