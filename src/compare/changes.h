/* changes.h: the largest changes among articles that two models labelled.
 *
 * The size of a change is the sum of the scores with which A and B gave their different categories: two
 * models that are both sure of different things come first. A model that gave none adds 0. Of equal sizes
 * the lower partition and offset come first, so the order in which articles are counted does not matter.
 * Pure. Thread: one. */
#ifndef WIRETAG_COMPARE_CHANGES_H
#define WIRETAG_COMPARE_CHANGES_H

#include <stdint.h>

#define WT_CHANGES_MAX 8u

struct wt_change {
    int32_t partition; /* which of the caller's */
    int64_t offset;
    uint32_t a; /* the categories: ids, or WT_AGREEMENT_NONE */
    uint32_t b;
    /* Their scores in thousandths, so that they are the same when they were written and read. */
    uint32_t score_a;
    uint32_t score_b;
};

/* A heap of at most WT_CHANGES_MAX changes with the smallest on top. All zero: empty. */
struct wt_changes {
    struct wt_change heap[WT_CHANGES_MAX];
    uint32_t count;
};

/* A score from 0 to 1 in thousandths. */
uint32_t wt_change_score(double score);

/* Keeps the change if it is among the largest. */
void wt_changes_add(struct wt_changes *changes, const struct wt_change *change);

/* Copies the changes to an array of WT_CHANGES_MAX, the largest first. Returns how many. */
uint32_t wt_changes_sorted(const struct wt_changes *changes, struct wt_change *sorted_out);

#endif
